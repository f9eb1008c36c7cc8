package stress

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// page renders a report as a person would see it.
func page(t *testing.T, rep *Report) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, rep.Write(&b))
	return b.String()
}

func sampleReport(checks ...Check) *Report {
	return &Report{
		Addr: "127.0.0.1:1", Server: "redis 7.0.15", Seed: 7, Started: time.Unix(0, 0).UTC(),
		Suites: []*SuiteReport{{Name: "sample", Seconds: 1.25, Checks: checks}},
	}
}

func TestReportPage(t *testing.T) {
	rep := sampleReport(Check{"short", Passed, "1"}, Check{"a longer name", Failed, "2 of 3"}, Check{"figure", Noted, "4"})
	rep.finish(false)
	rep.Seconds = 2
	require.Equal(t, `redis 7.0.15 at 127.0.0.1:1, 1970-01-01T00:00:00Z, seed 7

sample (1.2 s)
  short          ok    1
  a longer name  FAIL  2 of 3
  figure         -     4

FAILED: 2 checks, 1 failed, 2.0 s
`, page(t, rep))
}

func TestReportVerdict(t *testing.T) {
	tests := []struct {
		name        string
		checks      []Check
		interrupted bool
		passed      bool
		verdict     string
	}{
		{"all ok", []Check{{"a", Passed, ""}}, false, true, "PASSED: 1 checks, 0 failed"},
		{"one failed", []Check{{"a", Passed, ""}, {"b", Failed, ""}}, false, false, "FAILED: 2 checks, 1 failed"},
		{"only reporting", []Check{{"a", Over, ""}}, false, true, "PASSED: 1 checks, 0 failed"},
		{"interrupted", []Check{{"a", Passed, ""}}, true, false, "INTERRUPTED: 1 checks, 0 failed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rep := sampleReport(tt.checks...)
			rep.finish(tt.interrupted)
			require.Equal(t, tt.passed, rep.Passed)
			require.Contains(t, page(t, rep), tt.verdict)
		})
	}
}

func TestReportJSON(t *testing.T) {
	rep := sampleReport(Check{"a", Failed, "1"})
	rep.finish(false)
	file := filepath.Join(t.TempDir(), "report.json")
	require.NoError(t, rep.WriteJSON(file))
	body, err := os.ReadFile(file)
	require.NoError(t, err)
	var back map[string]any
	require.NoError(t, json.Unmarshal(body, &back))
	require.Equal(t, false, back["passed"])
	suite := back["suites"].([]any)[0].(map[string]any)
	require.Equal(t, map[string]any{"name": "a", "result": "FAIL", "figure": "1"}, suite["checks"].([]any)[0])
	require.ErrorContains(t, rep.WriteJSON(t.TempDir()), "write report")
}

func TestFiguresStayOnOneLine(t *testing.T) {
	s := &SuiteReport{}
	s.add("a", Passed, "one\ntwo\tthree")
	require.Equal(t, "one; two three", s.Checks[0].Figure)
}

func TestJudgement(t *testing.T) {
	tests := []struct {
		name          string
		ok            bool
		reportOnly    bool
		stopped       bool
		check, bounds Result
	}{
		{"kept", true, false, false, Passed, Passed},
		{"missed", false, false, false, Failed, Failed},
		{"missed, only reporting", false, true, false, Failed, Over},
		{"cut short", false, false, true, Noted, Noted},
		{"kept in spite of an interrupt", true, false, true, Passed, Passed},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := &Run{Options: Options{ReportOnly: tt.reportOnly}, suite: &SuiteReport{}, stopped: func() bool { return tt.stopped }}
			r.Check("c", tt.ok, "")
			r.Bound("b", tt.ok, "")
			require.Equal(t, tt.check, r.suite.Checks[0].Result)
			require.Equal(t, tt.bounds, r.suite.Checks[1].Result)
		})
	}
}
