// The report: what was checked, what came out, and the figure behind it. One
// page for people (Write) and the same facts for programs (JSON). A report
// passes only if no check failed and nothing interrupted the run.

package stress

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
)

// Result says how a check came out.
type Result string

// The four outcomes of a line in the report.
const (
	Passed Result = "ok"
	Failed Result = "FAIL"
	Over   Result = "over" // a bound was missed and the run only reports
	Noted  Result = "-"    // a figure that nobody judges
)

// Check is one line of the report.
type Check struct {
	Name   string `json:"name"`
	Result Result `json:"result"`
	Figure string `json:"figure"`
}

// SuiteReport holds the findings of one suite. Its methods may be called from
// any goroutine.
type SuiteReport struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
	Checks  []Check `json:"checks"`

	mu sync.Mutex
}

func (s *SuiteReport) add(name string, result Result, figure string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Checks = append(s.Checks, Check{name, result, oneLine(figure)})
}

// oneLine keeps a figure from breaking the table.
func oneLine(figure string) string {
	return strings.NewReplacer("\n", "; ", "\t", " ", "\r", "").Replace(figure)
}

// failures counts the lines that failed.
func (s *SuiteReport) failures() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.Checks {
		if c.Result == Failed {
			n++
		}
	}
	return n
}

// Report is what a whole run found.
type Report struct {
	Addr        string         `json:"addr"`
	Server      string         `json:"server"` // name and version, as INFO tells
	Seed        uint64         `json:"seed"`
	Started     time.Time      `json:"started"`
	Seconds     float64        `json:"seconds"`
	Interrupted bool           `json:"interrupted"`
	Passed      bool           `json:"passed"`
	Suites      []*SuiteReport `json:"suites"`
}

// finish closes the books: the total time and whether the run passed.
func (r *Report) finish(interrupted bool) {
	r.Seconds = time.Since(r.Started).Seconds()
	r.Interrupted = interrupted
	_, failed := r.totals()
	r.Passed = failed == 0 && !interrupted
}

// totals counts the judged lines and those that failed.
func (r *Report) totals() (checks, failed int) {
	for _, s := range r.Suites {
		for _, c := range s.Checks {
			if c.Result != Noted {
				checks++
			}
		}
		failed += s.failures()
	}
	return checks, failed
}

// Write prints the report as one page of aligned text.
func (r *Report) Write(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "%s at %s, %s, seed %d\n", r.Server, r.Addr, r.Started.Format(time.RFC3339), r.Seed)
	for _, s := range r.Suites {
		fmt.Fprintf(tw, "\n%s (%.1f s)\n", s.Name, s.Seconds)
		for _, c := range s.Checks {
			fmt.Fprintf(tw, "  %s\t%s\t%s\n", c.Name, c.Result, c.Figure)
		}
	}
	fmt.Fprintf(tw, "\n%s\n", r.verdict())
	return tw.Flush()
}

func (r *Report) verdict() string {
	checks, failed := r.totals()
	word := "PASSED"
	switch {
	case r.Interrupted:
		word = "INTERRUPTED"
	case !r.Passed:
		word = "FAILED"
	}
	return fmt.Sprintf("%s: %d checks, %d failed, %.1f s", word, checks, failed, r.Seconds)
}

// WriteJSON writes the report to a file.
func (r *Report) WriteJSON(file string) error {
	body, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("encode report: %w", err)
	}
	if err := os.WriteFile(file, append(body, '\n'), 0o644); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}
