//go:build !linux

// The benchmark elsewhere: it says that it needs Linux.

package bench

import (
	"context"
	"errors"
	"io"
)

// The load generator stands on epoll and the figures come from /proc.
var errLinuxOnly = errors.New("the benchmark runs on Linux only")

func runThroughput(context.Context, *options, io.Writer, io.Writer) error { return errLinuxOnly }

func runMemory(context.Context, *options, io.Writer, io.Writer) error { return errLinuxOnly }

func runOpenLoop(context.Context, *options, io.Writer, io.Writer) error { return errLinuxOnly }

func runLatency(context.Context, *options, io.Writer, io.Writer) error { return errLinuxOnly }

func runIdle(context.Context, *options, io.Writer, io.Writer) error { return errLinuxOnly }

func serveReplies(context.Context, int) error { return errLinuxOnly }
