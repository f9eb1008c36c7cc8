// The command line of the suites: flags into Options, the signal that ends a
// run early, the report on stdout and the exit code.

package stress

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// exitFailed is the exit code of a run that did not pass.
const exitFailed = 1

// errFailed is what the command returns when the report tells the rest.
var errFailed = errors.New("the run did not pass")

// Categories of flags in the help.
const (
	serverFlags = "Server:"
	loadFlags   = "Load (0 means the suite's default):"
	boundFlags  = "Bounds:"
	reportFlags = "Report:"
)

// Command returns the stress command, to be mounted by main.
func Command() *cli.Command {
	o := DefaultOptions()
	var flags []cli.Flag
	for _, group := range [][]cli.Flag{o.serverFlags(), o.loadFlags(), o.boundFlags(), o.reportFlags()} {
		flags = append(flags, group...)
	}
	return &cli.Command{
		Name:        "stress",
		Usage:       "run black-box suites against a listening server",
		Description: suiteHelp(),
		Flags: append(flags, &cli.StringFlag{
			Name: "suite", Value: allSuites,
			Usage: "suites to run, separated by commas",
		}),
		Action: func(c *cli.Context) error { return stress(c, o) },
	}
}

// suiteHelp lists the suites for the help text.
func suiteHelp() string {
	var b strings.Builder
	b.WriteString("Suites (" + allSuites + " runs those marked with a star):\n")
	for _, s := range Suites() {
		mark := " "
		if s.everyday {
			mark = "*"
		}
		b.WriteString("  " + mark + " " + s.Name + ": " + s.Doc + "\n")
	}
	return b.String()
}

func (o *Options) serverFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Category: serverFlags, Name: "addr", Value: o.Addr, Destination: &o.Addr, Usage: "`HOST:PORT` of the server"},
		&cli.BoolFlag{Category: serverFlags, Name: "allow-remote", Destination: &o.AllowRemote, Usage: "accept an address that is not loopback"},
		&cli.StringFlag{Category: serverFlags, Name: "user", Destination: &o.User, Usage: "user `NAME`; empty: the default user"},
		&cli.StringFlag{Category: serverFlags, Name: "password", Destination: &o.Password, Usage: "password", EnvVars: []string{"REDISCLI_AUTH"}},
		&cli.BoolFlag{Category: serverFlags, Name: "tls", Destination: &o.TLS, Usage: "connect by TLS"},
		&cli.StringFlag{Category: serverFlags, Name: "tls-ca", Destination: &o.TLSCA, Usage: "PEM `FILE` with the authority to trust"},
		&cli.StringFlag{Category: serverFlags, Name: "tls-cert", Destination: &o.TLSCert, Usage: "PEM `FILE` with the client certificate"},
		&cli.StringFlag{Category: serverFlags, Name: "tls-key", Destination: &o.TLSKey, Usage: "PEM `FILE` with the client key"},
		&cli.BoolFlag{Category: serverFlags, Name: "tls-insecure", Destination: &o.TLSInsecure, Usage: "accept any server certificate"},
		&cli.DurationFlag{Category: serverFlags, Name: "timeout", Value: o.Timeout, Destination: &o.Timeout, Usage: "longest wait on a socket without progress"},
		&cli.IntFlag{Category: serverFlags, Name: "pid", Destination: &o.PID, Usage: "process id of a local server, for its resident size"},
		&cli.StringFlag{Category: serverFlags, Name: "prefix", Value: o.Prefix, Destination: &o.Prefix, Usage: "start of every key that is touched"},
	}
}

func (o *Options) loadFlags() []cli.Flag {
	return []cli.Flag{
		&cli.DurationFlag{Category: loadFlags, Name: "duration", Value: o.Duration, Destination: &o.Duration, Usage: "stability, fuzz: length of the load"},
		&cli.IntFlag{Category: loadFlags, Name: "connections", Destination: &o.Connections, Usage: "connections (stability 20, fuzz 50, expiry 20, memory 50, waits 200, idle 10000)"},
		&cli.IntFlag{Category: loadFlags, Name: "keys", Destination: &o.Keys, Usage: "expiry, memory: keys; large: elements (1000000)"},
		&cli.IntFlag{Category: loadFlags, Name: "live-keys", Destination: &o.LiveKeys, Usage: "expiry: keys that stay (10000)"},
		&cli.DurationFlag{Category: loadFlags, Name: "phase", Value: o.Phase, Destination: &o.Phase, Usage: "large: length of each load"},
		&cli.DurationFlag{Category: loadFlags, Name: "lead", Value: o.Lead, Destination: &o.Lead, Usage: "expiry: least time to set the deadlines in"},
		&cli.IntFlag{Category: loadFlags, Name: "rate", Destination: &o.Rate, Usage: "expiry, large, backlog: measured requests per second (2000, 2000, 200)"},
		&cli.IntFlag{Category: loadFlags, Name: "reads", Destination: &o.Reads, Usage: "order: reads (1000000)"},
		&cli.IntFlag{Category: loadFlags, Name: "count", Destination: &o.Count, Usage: "backlog: requests sent before the first read; waits: waits that run out (1000000)"},
		&cli.BoolFlag{Category: loadFlags, Name: "limit", Destination: &o.Limit, Usage: "backlog: tighten the output limit and expect to be cut off"},
		&cli.IntFlag{Category: loadFlags, Name: "value-size", Destination: &o.ValueSize, Usage: "memory, backlog: bytes of a value (32, 1024)"},
		&cli.BoolFlag{Category: loadFlags, Name: "ttl", Destination: &o.TTL, Usage: "memory: give every key a deadline"},
		&cli.IntFlag{Category: loadFlags, Name: "overwrite", Destination: &o.Overwrite, Usage: "memory: write every key so many times again"},
		&cli.StringFlag{Category: loadFlags, Name: "key-prefix", Destination: &o.KeyPrefix, Usage: "memory: start of its keys, which are overwritten and deleted; empty: the suite's own prefix"},
		&cli.BoolFlag{Category: loadFlags, Name: "keep", Destination: &o.Keep, Usage: "memory: leave the keys in place"},
		&cli.DurationFlag{Category: loadFlags, Name: "idle", Value: o.Idle, Destination: &o.Idle, Usage: "idle: how long connections stay quiet"},
		&cli.DurationFlag{Category: loadFlags, Name: "settle", Value: o.Settle, Destination: &o.Settle, Usage: "memory, idle: wait before the resident size is read"},
		&cli.Uint64Flag{Category: loadFlags, Name: "seed", Destination: &o.Seed, Usage: "seed of everything random; 0 picks one"},
	}
}

func (o *Options) boundFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntFlag{Category: boundFlags, Name: "min-commands", Value: o.MinCommands, Destination: &o.MinCommands, Usage: "stability: commands at least"},
		&cli.IntFlag{Category: boundFlags, Name: "max-growth", Value: o.MaxGrowthMiB, Destination: &o.MaxGrowthMiB, Usage: "stability, fuzz: growth of used_memory in `MIB`"},
		&cli.IntFlag{Category: boundFlags, Name: "max-resident", Value: o.MaxResidentMiB, Destination: &o.MaxResidentMiB, Usage: "stability, fuzz: growth of the resident size in `MIB`"},
		&cli.IntFlag{Category: boundFlags, Name: "max-residue", Value: o.MaxResiduePercent, Destination: &o.MaxResiduePercent, Usage: "expiry: `PERCENT` of what the load added to the resident size that may stay"},
		&cli.IntFlag{Category: boundFlags, Name: "max-goroutines", Value: o.MaxGoroutines, Destination: &o.MaxGoroutines, Usage: "stability, fuzz: growth of goroutines"},
		&cli.DurationFlag{Category: boundFlags, Name: "max-growth-settle", Value: o.MaxGrowthSettle, Destination: &o.MaxGrowthSettle, Usage: "stability, fuzz: how long growth may take to go back"},
		&cli.DurationFlag{Category: boundFlags, Name: "max-latency", Value: o.MaxLatency, Destination: &o.MaxLatency, Usage: "fuzz, backlog: slowest reply to a bystander; large: slowest removal"},
		&cli.DurationFlag{Category: boundFlags, Name: "max-p999", Value: o.MaxP999, Destination: &o.MaxP999, Usage: "expiry, large: 99.9th percentile of latency"},
		&cli.DurationFlag{Category: boundFlags, Name: "max-settle", Value: o.MaxSettle, Destination: &o.MaxSettle, Usage: "expiry: until all keys are gone"},
		&cli.DurationFlag{Category: boundFlags, Name: "max-recovery", Value: o.MaxResidentRecovery, Destination: &o.MaxResidentRecovery, Usage: "expiry: until the memory is back"},
		&cli.IntFlag{Category: boundFlags, Name: "max-bytes-per-key", Destination: &o.MaxBytesPerKey, Usage: "memory: resident bytes per key; 0 only prints them"},
		&cli.IntFlag{Category: boundFlags, Name: "max-bytes-per-connection", Destination: &o.MaxBytesPerConn, Usage: "idle: resident bytes per connection; 0 only prints them"},
	}
}

func (o *Options) reportFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Category: reportFlags, Name: "report-only", Destination: &o.ReportOnly, Usage: "show missed bounds without failing; wrong replies still fail"},
		&cli.StringFlag{Category: reportFlags, Name: "json", Destination: &o.JSON, Usage: "also write the report to this `FILE`"},
		&cli.BoolFlag{Category: reportFlags, Name: "progress", Destination: &o.Progress, Usage: "draw progress even when stderr is no terminal"},
	}
}

// stress runs the suites that the flags ask for. A signal ends the run early
// with what was found so far; a second one kills the process.
func stress(c *cli.Context, o Options) error {
	if err := o.validate(); err != nil {
		return err
	}
	suites, err := selectSuites(c.String("suite"))
	if err != nil {
		return err
	}
	if o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	visible := o.Progress || term.IsTerminal(int(os.Stderr.Fd()))
	rep, err := Execute(ctx, o, suites, c.App.ErrWriter, visible)
	if err != nil {
		return err
	}
	return o.deliver(c, rep)
}

// deliver prints the report and turns its verdict into the exit code.
func (o *Options) deliver(c *cli.Context, rep *Report) error {
	if err := rep.Write(c.App.Writer); err != nil {
		return err
	}
	if o.JSON != "" {
		if err := rep.WriteJSON(o.JSON); err != nil {
			return err
		}
	}
	if !rep.Passed {
		return cli.Exit(errFailed, exitFailed)
	}
	return nil
}
