// Compatibility: the server against the transcripts, which hold what Redis replies, and against a real redis-server.
//
//	go test . -run TestTranscriptsAreReal -update            writes the real server's replies into the transcripts
//	go test . -run TestRandomDifferential -random.seed 42    repeats a run of the random differential

package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"respite/oracle"
)

const (
	transcripts = "command/testdata"

	randomCommands     = 200_000
	randomCommandsRace = 30_000
)

var (
	update     = flag.Bool("update", false, "rewrite the replies in the transcripts from the real server")
	randomN    = flag.Int("random.n", 0, "commands of the random differential; 0: the default")
	randomSeed = flag.Uint64("random.seed", 0, "seed of the random differential; 0: a new one")
)

func TestTranscriptsRESP2(t *testing.T) { oracle.Run(t, transcripts, startServer(t).dial, resp2) }

func TestTranscriptsRESP3(t *testing.T) { oracle.Run(t, transcripts, startServer(t).dial, resp3) }

func TestTranscriptsAreReal(t *testing.T) {
	real := oracle.Start(t)
	if *update {
		oracle.Update(t, transcripts, oracle.Real(real.Dial))
	}
	oracle.Check(t, transcripts, oracle.Real(real.Dial))
}

func TestDifferential(t *testing.T) {
	ours := startServer(t)
	oracle.Differential(t, transcripts, oracle.Ours(ours.dial), oracle.Real(oracle.Start(t).Dial))
}

func TestRandomDifferential(t *testing.T) {
	n, seed := *randomN, *randomSeed
	if n == 0 {
		n = randomCommands
		if underRace() {
			n = randomCommandsRace
		}
	}
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	ours := startServer(t)
	oracle.RunRandom(t, oracle.Ours(ours.dial), oracle.Real(oracle.Start(t).Dial), seed, n)
}

// TestEventsDifferential holds keyspace notifications to those of the real server. With one shard there is one order.
func TestEventsDifferential(t *testing.T) {
	ours := startServer(t, "--shards", "1")
	oracle.DifferentialEvents(t, transcripts, oracle.Ours(ours.dial), oracle.Real(oracle.Start(t).Dial))
}

func TestRandomEventsDifferential(t *testing.T) {
	n, seed := *randomN, *randomSeed
	if n == 0 {
		n = randomCommandsRace
	}
	if seed == 0 {
		seed = uint64(time.Now().UnixNano())
	}
	for _, shards := range []string{"1", "3"} {
		t.Run(shards, func(t *testing.T) {
			ours, real := startServer(t, "--shards", shards), oracle.Start(t)
			oracle.RunRandomEvents(t, oracle.Ours(ours.dial), oracle.Real(real.Dial), shards == "1", seed, n)
		})
	}
}

// TestRandomInvalidationsDifferential holds what clients that track are told to what the real server tells. Its seed is always the same:
// in which commands that are refused the real server finds keys to track is not known to the last of them.
func TestRandomInvalidationsDifferential(t *testing.T) {
	n, seed := *randomN, *randomSeed
	if n == 0 {
		n = randomCommandsRace
	}
	if seed == 0 {
		seed = 1
	}
	ours, real := startServer(t), oracle.Start(t)
	oracle.RunRandomInvalidations(t, oracle.Ours(ours.dial), oracle.Real(real.Dial), seed, n)
}

func TestEveryCommandHasATranscript(t *testing.T) {
	names, err := oracle.CommandNames(startServer(t).dial)
	require.NoError(t, err)
	missing, err := oracle.Uncovered(transcripts, names)
	require.NoError(t, err)
	require.Empty(t, missing, "no transcript in %s sends these", transcripts)
}

// TestCommandInfoMatchesRedis asks both servers for the facts of every command that both know. Those that only 7.2 knows
// have their facts written down in the transcripts.
func TestCommandInfoMatchesRedis(t *testing.T) {
	ours, real := startServer(t), oracle.Start(t)
	names, err := oracle.CommandNames(ours.dial)
	require.NoError(t, err)
	known, err := oracle.CommandNames(real.Dial)
	require.NoError(t, err)
	reference, err := oracle.Connect(real.Dial, resp2)
	require.NoError(t, err)
	defer reference.Close()

	var questions strings.Builder
	var unknown []string
	for _, name := range names {
		switch {
		case !slices.Contains(known, name):
			unknown = append(unknown, name)
		case isContainer(names, name):
			t.Run(name, func(t *testing.T) {
				require.Equal(t, containerInfo(t, reference, name), containerInfo(t, ours.connect(t, resp2), name))
			})
		default:
			fmt.Fprintf(&questions, "> COMMAND INFO %s\n\n", name)
		}
	}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "info.txt"), []byte(questions.String()), 0o644))
	oracle.Differential(t, dir, oracle.Ours(ours.dial), oracle.Real(real.Dial))
	require.Subset(t, writtenInfo(t), unknown, "the real server does not know these, and no transcript has their COMMAND INFO")
}

// infoSubcommands is where a row of COMMAND INFO has the rows of its subcommands. They come in the order of a hash
// table, and are names of their own.
const infoSubcommands = 9

// containerInfo is the row of a command without those of its subcommands.
func containerInfo(t *testing.T, c *oracle.Conn, name string) string {
	t.Helper()
	row := do(t, c, "COMMAND", "INFO", name).Elems[0]
	row.Elems = row.Elems[:infoSubcommands]
	return row.String()
}

// isContainer reports whether a command has subcommands.
func isContainer(names []string, name string) bool {
	return slices.ContainsFunc(names, func(other string) bool { return strings.HasPrefix(other, name+"|") })
}

// writtenInfo names the commands whose COMMAND INFO is in a transcript.
func writtenInfo(t *testing.T) (names []string) {
	t.Helper()
	all, err := oracle.Load(transcripts)
	require.NoError(t, err)
	for _, transcript := range all {
		for _, block := range transcript.Blocks {
			for _, step := range block.Steps {
				if len(step.Args) > 2 && strings.EqualFold(step.Args[0]+" "+step.Args[1], "command info") {
					names = append(names, step.Args[2:]...)
				}
			}
		}
	}
	return names
}
