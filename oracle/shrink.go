package oracle

// Shrinking a failing stream by delta debugging: ever smaller pieces are left out
// as long as the rest still fails on emptied servers; then single arguments are.
// What is left is printed as a transcript block.

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// shrinkTime bounds the search; the smallest stream found by then is shown.
const shrinkTime = 60 * time.Second

// explain shrinks a failing stream and renders it with the second server's replies.
func (d *duel) explain(stream [][]string) string {
	if err := d.reset(); err != nil {
		return fmt.Sprintf("not shrunk, for a server is gone (%v); the stream was\n%s", err, rendered(stream))
	}
	failure := d.send(stream)
	if failure == nil {
		return "the stream does not fail when it is replayed: the difference depends on time or on chance"
	}
	deadline := time.Now().Add(shrinkTime)
	fails := func(s [][]string) bool { return time.Now().Before(deadline) && d.fails(s, kindOf(failure)) }
	small := shrinkArgs(shrink(stream, fails), fails)
	block, err := d.recorded(small)
	if err != nil {
		return fmt.Sprintf("shrunk to %d commands, but the second server failed (%v):\n%s", len(small), err, rendered(small))
	}
	return fmt.Sprintf("shrunk to %d commands, as a transcript:\n\n%s", len(small), Format([]*Block{block}))
}

// fails replays a stream on emptied servers, and reports whether it fails in the same way. A server that is gone
// counts as no failure, so that the search ends with the stream that killed it.
func (d *duel) fails(stream [][]string, kind string) bool {
	if d.reset() != nil {
		return false
	}
	err := d.send(stream)
	return err != nil && kindOf(err) == kind
}

// kindOf is the words of a failure that say what differs: a stream that is cut in a transaction fails, too, but differently.
func kindOf(err error) string {
	words := strings.Fields(err.Error())
	return strings.Join(words[:min(len(words), kindWords)], " ")
}

const kindWords = 2

// rendered shows a stream as commands only.
func rendered(stream [][]string) string {
	var out strings.Builder
	for _, args := range stream {
		fmt.Fprintln(&out, ">", commandLine(args))
	}
	return out.String()
}

// shrink returns a part of the stream that still fails and from which no single
// element can be left out.
func shrink[T any](stream []T, fails func([]T) bool) []T {
	for size := (len(stream) + 1) / 2; size > 0; {
		removed := false
		for at := 0; at < len(stream); {
			rest := slices.Concat(stream[:at], stream[min(at+size, len(stream)):])
			if fails(rest) {
				stream, removed = rest, true
				continue
			}
			at += size
		}
		if size == 1 && !removed {
			break
		}
		if !removed || size > len(stream) {
			size = max(size/2, 1)
		}
	}
	return stream
}

// shrinkArgs leaves out arguments that do not matter.
func shrinkArgs(stream [][]string, fails func([][]string) bool) [][]string {
	for i, args := range stream {
		kept := shrink(args[1:], func(rest []string) bool {
			tried := slices.Clone(stream)
			tried[i] = slices.Concat(args[:1], rest)
			return fails(tried)
		})
		stream = slices.Clone(stream)
		stream[i] = slices.Concat(args[:1], kept)
	}
	return stream
}

// recorded plays a stream on the second server and makes a block of it.
func (d *duel) recorded(stream [][]string) (*Block, error) {
	if err := d.reset(); err != nil {
		return nil, err
	}
	b := &Block{}
	for _, args := range stream {
		v, err := d.second.main.Do(args...)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", commandLine(args), err)
		}
		b.Steps = append(b.Steps, newStep(args, d.second.side.Rules.adapt(args, v)))
	}
	return b, nil
}
