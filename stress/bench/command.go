// Package bench measures Respite beside redis-server on one machine: throughput,
// latency and CPU per command side by side; latency at a fixed rate or of a
// single client; the price of idle connections; or bytes of memory per key.
//
// It starts the servers itself, each on a free loopback port with an empty
// directory, drives them with its own load generator, checks every reply, and
// stops them by pid. A third target answers without doing any work and shows
// what the load generator itself can reach. The generator is built on epoll:
// the package compiles everywhere and runs on Linux.
package bench

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/pprof"
	"slices"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"
)

const (
	commandName    = "bench"
	repliesCommand = "replies-only"
	portFlag       = "port"
	setFlag        = "set"
	spreadFlag     = "keys-spread"

	typeMemoryKeys = 1_000_000
)

// Command is the subcommand "bench" of the program that mounts it. Without
// --bin it measures that program.
func Command() *cli.Command {
	return &cli.Command{
		Name:   commandName,
		Usage:  "measure throughput, latency, CPU and memory beside redis-server",
		Flags:  slices.Concat(serverFlags(), throughputFlags(), loadFlags(), memoryFlags()),
		Action: benchAction,
		Subcommands: []*cli.Command{{
			Name:   repliesCommand,
			Usage:  "serve right-looking replies without doing the work",
			Hidden: true,
			Flags:  []cli.Flag{&cli.IntFlag{Name: portFlag, Required: true}},
			Action: func(c *cli.Context) error { return serveReplies(c.Context, c.Int(portFlag)) },
		}},
	}
}

func serverFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "bin", Usage: "measure this `PROGRAM` as respite (default: the running one)"},
		&cli.StringFlag{Name: "redis", Value: "redis-server", Usage: "compare with this `PROGRAM`"},
		&cli.StringFlag{Name: "targets", Usage: "measure these (respite, redis, replies, netpoll, io-threads, and redis-again, which shows how far ratios are noise; default: respite,redis,replies)"},
		&cli.IntFlag{Name: "clients", Value: 50, Usage: "connections"},
		&cli.IntFlag{Name: "threads", Value: 1, Usage: "event loops of the load generator"},
		&cli.BoolFlag{Name: "markdown", Usage: "print the table as Markdown"},
		&cli.StringFlag{Name: "profile", Usage: "write a CPU profile of the load generator to `FILE`"},
	}
}

func throughputFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: setFlag, Value: stringSet, Usage: "measure the commands of `SET`: strings, or types, those of the data types; --memory: what keys hold"},
		&cli.StringFlag{Name: spreadFlag, Value: "one,many", Usage: "--set types: one key, many keys, or each"},
		&cli.StringFlag{Name: "cells", Usage: "commands and pipeline depths, as in `get:1,set:16` (default: all of the set; strings at 1, 16 and 100, types at 16)"},
		&cli.IntFlag{Name: "rounds", Value: 5, Usage: "how often each target is measured (of --open-loop: 41)"},
		&cli.Float64Flag{Name: "seconds", Value: 1, Usage: "measured time of each target in a round"},
		&cli.Float64Flag{Name: "warm-up", Value: 0.2, Usage: "seconds of load before each measurement (of --idle: 3)"},
	}
}

// loadFlags choose the other kinds of load.
func loadFlags() []cli.Flag {
	return []cli.Flag{
		&cli.IntSliceFlag{Name: openLoopMode, Usage: "measure the latency of GET at these `PERCENT`AGES of redis's maximum, as in 50,80"},
		&cli.BoolFlag{Name: latencyMode, Usage: "measure the round trip of one client that waits for each GET"},
		&cli.IntFlag{Name: idleMode, Value: 10_000, Usage: "measure with `N` open connections, few of which are active"},
		&cli.Float64Flag{Name: "active", Value: 1, Usage: "--idle: `PERCENT` of the connections that send GETs"},
	}
}

func memoryFlags() []cli.Flag {
	return []cli.Flag{
		&cli.BoolFlag{Name: "memory", Usage: "measure resident memory per key instead of speed"},
		&cli.IntSliceFlag{Name: "keys", Value: cli.NewIntSlice(2_000_000, 3_000_000, 4_300_000), Usage: "--memory: sizes of the data sets in keys (of --set types: 1000000)"},
		&cli.IntSliceFlag{Name: "value-sizes", Value: cli.NewIntSlice(10, 32, 100, 1_000), Usage: "--memory: bytes of a value"},
		&cli.BoolFlag{Name: "ttl", Usage: "--memory: give every key a deadline when it is set"},
		&cli.IntFlag{Name: "overwrite", Usage: "--memory: then give every key another deadline `N` times"},
		&cli.Float64Flag{Name: "settle", Value: 5, Usage: "--memory: seconds between the load and the reading"},
	}
}

// benchAction runs one of the modes; SIGINT and SIGTERM end it in order.
func benchAction(c *cli.Context) error {
	m, err := pickMode(c)
	if err != nil {
		return err
	}
	o, err := readOptions(c, m)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	endProfile, err := startProfile(c.String("profile"))
	if err != nil {
		return err
	}
	defer endProfile()
	err = m.run(ctx, o, c.App.Writer, c.App.ErrWriter)
	if err != nil && ctx.Err() != nil {
		// What the servers' end broke is no news.
		return fmt.Errorf("interrupted: %w", context.Cause(ctx))
	}
	return err
}

func readOptions(c *cli.Context, m mode) (*options, error) {
	o := &options{
		set:     c.String(setFlag),
		clients: c.Int("clients"), threads: c.Int("threads"), markdown: c.Bool("markdown"),
		rounds: rounds(c, m), warmUp: warmUp(c, m), measure: seconds(c, "seconds"),
		percents: c.IntSlice(openLoopMode), idle: c.Int(idleMode), active: c.Float64("active"),
		keys: memorySizes(c), valueSizes: c.IntSlice("value-sizes"),
		ttl: c.Bool("ttl"), overwrite: c.Int("overwrite"), settle: seconds(c, "settle"),
	}
	var err error
	if o.targets, err = readTargets(c, m); err != nil {
		return nil, err
	}
	if err := o.readCells(c); err != nil {
		return nil, err
	}
	if err := o.check(m); err != nil {
		return nil, err
	}
	return o, nil
}

// idleWarmUp is the warm-up of --idle. That starts a server for each measurement, and for two seconds or so servers are busy with what
// came before: they move tables, collect garbage and find out how large the new keys are.
const idleWarmUp = 3 * time.Second

// warmUp is how long the load runs before a measurement; that of --idle has another default.
func warmUp(c *cli.Context, m mode) time.Duration {
	if m.name == idleMode && !c.IsSet("warm-up") {
		return idleWarmUp
	}
	return seconds(c, "warm-up")
}

// openLoopRounds is how many rounds --open-loop has. One stall of the machine of 10 ms is a percent of a second, so a p99 depends on how
// many its second had: with 5 rounds two redis-servers differ by up to 1.75 times, with 21 by up to 1.28 (nine times in ten).
const openLoopRounds = 41

// rounds is how often each target is measured; --open-loop has another default.
func rounds(c *cli.Context, m mode) int {
	if m.name == openLoopMode && !c.IsSet("rounds") {
		return openLoopRounds
	}
	return c.Int("rounds")
}

// memorySizes are the sizes of the data sets of --memory; those of the data types have another default.
func memorySizes(c *cli.Context) []int {
	if c.String(setFlag) == typeSet && !c.IsSet("keys") {
		return []int{typeMemoryKeys}
	}
	return c.IntSlice("keys")
}

// readCells reads what is to be measured of the set.
func (o *options) readCells(c *cli.Context) (err error) {
	switch o.set {
	case stringSet:
		if c.IsSet(spreadFlag) {
			return fmt.Errorf("--%s goes with --%s %s", spreadFlag, setFlag, typeSet)
		}
		o.cells, err = parseCells(c.String("cells"))
	case typeSet:
		for _, flag := range []string{"ttl", "overwrite", "value-sizes"} {
			if c.IsSet(flag) {
				return fmt.Errorf("--%s goes with --%s %s", flag, setFlag, stringSet)
			}
		}
		o.typeCells, err = typeCellsOf(c.String("cells"), c.String(spreadFlag), o.measure)
	default:
		err = fmt.Errorf("--%s %s: there are %s and %s", setFlag, o.set, stringSet, typeSet)
	}
	return err
}

func readTargets(c *cli.Context, m mode) ([]target, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	p := programs{respite: cmp.Or(c.String("bin"), self), redis: c.String("redis"), self: self}
	return p.parseTargets(cmp.Or(c.String("targets"), defaultTargets(m, c.String(setFlag))), m, c.String(setFlag))
}

func seconds(c *cli.Context, flag string) time.Duration {
	return time.Duration(c.Float64(flag) * float64(time.Second))
}

// startProfile begins a CPU profile of this process, if a file is named.
func startProfile(path string) (end func(), err error) {
	if path == "" {
		return func() {}, nil
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("write a profile: %w", err)
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("write a profile: %w", err)
	}
	return func() {
		pprof.StopCPUProfile()
		_ = file.Close()
	}, nil
}
