// Suite validation: the basics that everything else stands on. Connections
// come and go, commands answer what the protocol says, clients do not see one
// another's replies, and an error stays with the client that caused it.

package stress

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"respite/proto"
)

// Size of the validation loads.
const (
	teardowns        = 200
	validationKeys   = 10_000
	validationBatch  = 500
	validationCrew   = 5
	incrementsEach   = 1000
	clientsGoneAfter = 30 * time.Second
)

func runValidation(ctx context.Context, r *Run) error {
	steps := []struct {
		name string
		run  func(context.Context) (string, error)
	}{
		{"connect and tear down", r.validateTeardown},
		{"PING SET GET DEL EXISTS", r.validateBasics},
		{"many keys", r.validateManyKeys},
		{"5 clients increment one counter", r.validateCounter},
		{"5 clients without cross talk", r.validateCrossTalk},
		{"error replies", r.validateErrors},
		{"wrong type refused", r.validateWrongType},
		{"protocol error closes only its connection", r.validateProtocolErrors},
	}
	m := r.meter(ctx, "steps", int64(len(steps)))
	defer m.finish()
	for _, step := range steps {
		figure, err := step.run(ctx)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			figure = err.Error()
		}
		r.Check(step.name, err == nil, "%s", figure)
		m.add(1)
	}
	return r.validateCleanup(ctx)
}

// validateTeardown opens connections and ends them politely, abruptly and
// unused, then waits until the server has forgotten them all.
func (r *Run) validateTeardown(ctx context.Context) (string, error) {
	watch, err := r.dialer.dial(ctx)
	if err != nil {
		return "", err
	}
	defer watch.close()
	before, err := watch.infoNumber("connected_clients")
	if err != nil {
		return "", err
	}
	for i := range teardowns {
		if err := r.comeAndGo(ctx, i%3); err != nil {
			return "", err
		}
	}
	took, gone, err := eventually(ctx, clientsGoneAfter, func() (bool, error) {
		now, err := watch.infoNumber("connected_clients")
		return now <= before+clientSlack, err
	})
	if err == nil && !gone {
		err = fmt.Errorf("connections are still counted after %s", took)
	}
	return fmt.Sprintf("%d connections", teardowns), err
}

// comeAndGo makes one connection and ends it: by QUIT, with a reply unread, or
// without a word.
func (r *Run) comeAndGo(ctx context.Context, way int) error {
	c, err := r.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	switch way {
	case 0:
		if _, err := c.ask("QUIT"); err != nil {
			return err
		}
		if _, err := c.receive(); !errors.Is(err, io.EOF) {
			return fmt.Errorf("QUIT: want the connection closed, got %w", err)
		}
	case 1:
		c.queue("PING")
		return c.flush()
	}
	return nil
}

func (r *Run) validateBasics(ctx context.Context) (string, error) {
	key := r.key("basic")
	return "12 replies", r.script(ctx, []step{
		ping(),
		{[]string{"PING", "hello"}, wantText("hello")},
		{[]string{"ECHO", "hello"}, wantText("hello")},
		{[]string{"GET", key}, wantNull},
		{[]string{"EXISTS", key}, wantInt(0)},
		{[]string{"SET", key, "one"}, wantText("OK")},
		{[]string{"GET", key}, wantText("one")},
		{[]string{"SET", key, ""}, wantText("OK")},
		{[]string{"GET", key}, wantText("")},
		{[]string{"EXISTS", key, key}, wantInt(2)},
		{[]string{"DEL", key, key}, wantInt(1)},
		{[]string{"GET", key}, wantNull},
	})
}

// script runs steps one at a time on a connection of their own.
func (r *Run) script(ctx context.Context, steps []step) error {
	c, err := r.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	for _, s := range steps {
		wrong, broken := c.exchange([]step{s})
		if err := errors.Join(wrong, broken); err != nil {
			return err
		}
	}
	return nil
}

func (r *Run) validateManyKeys(ctx context.Context) (string, error) {
	c, err := r.dialer.dial(ctx)
	if err != nil {
		return "", err
	}
	defer c.close()
	start := time.Now()
	passes := []func(i int) step{
		func(i int) step {
			return step{[]string{"SET", r.key("many:%d", i), fmt.Sprint(i)}, wantText("OK")}
		},
		func(i int) step { return step{[]string{"GET", r.key("many:%d", i)}, wantText(fmt.Sprint(i))} },
		func(i int) step { return step{[]string{"DEL", r.key("many:%d", i)}, wantInt(1)} },
	}
	for _, pass := range passes {
		if err := c.batches(validationKeys, pass); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("%d keys written, read, deleted in %.2f s", validationKeys, time.Since(start).Seconds()), nil
}

// batches makes n steps and exchanges them in pipelines.
func (c *client) batches(n int, make func(i int) step) error {
	var steps []step
	for i := range n {
		steps = append(steps, make(i))
		if len(steps) < validationBatch && i < n-1 {
			continue
		}
		wrong, broken := c.exchange(steps)
		if err := errors.Join(wrong, broken); err != nil {
			return err
		}
		steps = steps[:0]
	}
	return nil
}

// validateCounter has several clients increment one counter: every value
// between must have been seen by exactly one of them.
func (r *Run) validateCounter(ctx context.Context) (string, error) {
	key := r.key("counter")
	var mu sync.Mutex
	seen := map[int64]bool{}
	err := crew(ctx, validationCrew, func(ctx context.Context, _ int) error {
		c, err := r.dialer.dial(ctx)
		if err != nil {
			return err
		}
		defer c.close()
		for range incrementsEach {
			n, err := c.askInt("INCR", key)
			if err != nil {
				return err
			}
			mu.Lock()
			twice := seen[n]
			seen[n] = true
			mu.Unlock()
			if twice {
				return fmt.Errorf("INCR answered %d twice", n)
			}
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	want := fmt.Sprint(validationCrew * incrementsEach)
	return "sum " + want, r.script(ctx, []step{{[]string{"GET", key}, wantText(want)}})
}

func (r *Run) validateCrossTalk(ctx context.Context) (string, error) {
	err := crew(ctx, validationCrew, func(ctx context.Context, worker int) error {
		c, err := r.dialer.dial(ctx)
		if err != nil {
			return err
		}
		defer c.close()
		key := r.key("own:%d", worker)
		return c.batches(incrementsEach, func(i int) step {
			word := fmt.Sprintf("%d-%d", worker, i/3)
			switch i % 3 {
			case 0:
				return step{[]string{"SET", key, word}, wantText("OK")}
			case 1:
				return step{[]string{"GET", key}, wantText(word)}
			}
			return step{[]string{"ECHO", word}, wantText(word)}
		})
	})
	return fmt.Sprintf("%d replies each", incrementsEach), err
}

// wantError tests that a reply is an error that starts with the given text.
func wantError(prefix string) func(proto.Value) error {
	return func(got proto.Value) error {
		if !got.IsError() || !strings.HasPrefix(string(got.Str), prefix) {
			return fmt.Errorf("want error %q, got %s", prefix, describe(got))
		}
		return nil
	}
}

func (r *Run) validateErrors(ctx context.Context) (string, error) {
	key := r.key("text")
	steps := []step{
		{[]string{"NOSUCHCOMMAND", "x"}, wantError("ERR unknown command 'NOSUCHCOMMAND'")},
		{[]string{"GET"}, wantError("ERR wrong number of arguments for 'get' command")},
		{[]string{"GET", key, key}, wantError("ERR wrong number of arguments for 'get' command")},
		{[]string{"SET", key, "text"}, wantText("OK")},
		{[]string{"INCR", key}, wantError("ERR value is not an integer or out of range")},
		{[]string{"SET", key, "v", "EX", "never"}, wantError("ERR value is not an integer or out of range")},
		{[]string{"SET", key, "v", "EX", "0"}, wantError("ERR invalid expire time in 'set' command")},
		{[]string{"SET", key, "v", "NX", "XX"}, wantError("ERR syntax error")},
		{[]string{"EXPIRE", key, "soon"}, wantError("ERR value is not an integer or out of range")},
		{[]string{"GET", key}, wantText("text")},
		ping(),
	}
	return fmt.Sprintf("%d replies", len(steps)), r.script(ctx, steps)
}

// validateWrongType needs lists; a server without them is asked nothing more.
func (r *Run) validateWrongType(ctx context.Context) (string, error) {
	c, err := r.dialer.dial(ctx)
	if err != nil {
		return "", err
	}
	defer c.close()
	key := r.key("list")
	v, err := c.do("LPUSH", key, "x")
	if err != nil {
		return "", err
	}
	if v.IsError() && strings.HasPrefix(string(v.Str), "ERR unknown command") {
		return "this server has no lists", nil
	}
	if err := wantInt(1)(v); err != nil {
		return "", err
	}
	const wrongType = "WRONGTYPE Operation against a key holding the wrong kind of value"
	wrong, broken := c.exchange([]step{
		{[]string{"GET", key}, wantError(wrongType)},
		{[]string{"INCR", key}, wantError(wrongType)},
		{[]string{"MGET", key}, wantArray([]func(proto.Value) error{wantNull})},
		{[]string{"SET", key, "now text"}, wantText("OK")},
		{[]string{"LPUSH", key, "x"}, wantError(wrongType)},
	})
	return "both ways", errors.Join(wrong, broken)
}

// malformed lists frames after which a server answers a protocol error and
// closes the connection.
func malformed() []string {
	return []string{
		"*1\r\n$abc\r\n",
		"*1\r\n$-5\r\n",
		"*1\r\n+PING\r\n",
		"*abc\r\n",
		"*99999999999\r\n",
		"*1\r\n$99999999999999\r\n",
		"*2\r\n$4\r\nPING\r\nPING\r\n",
		"GET \"unbalanced\r\n",
		"GET 'unbalanced\r\n",
	}
}

func (r *Run) validateProtocolErrors(ctx context.Context) (string, error) {
	bystander, err := r.dialer.dial(ctx)
	if err != nil {
		return "", err
	}
	defer bystander.close()
	for _, frame := range malformed() {
		if err := r.offend(ctx, frame); err != nil {
			return "", fmt.Errorf("%q: %w", frame, err)
		}
		if wrong, broken := bystander.exchange([]step{ping()}); wrong != nil || broken != nil {
			return "", fmt.Errorf("another connection suffered from %q: %w", frame, errors.Join(wrong, broken))
		}
	}
	return fmt.Sprintf("%d malformed frames", len(malformed())), nil
}

// offend sends a valid command and a malformed frame, and wants the answer to
// the first, a protocol error for the second, and the end of the connection.
func (r *Run) offend(ctx context.Context, frame string) error {
	c, err := r.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	c.queue("PING")
	c.out = append(c.out, frame...)
	if err := c.flush(); err != nil {
		return err
	}
	for _, want := range []func(proto.Value) error{wantText("PONG"), wantError("ERR Protocol error")} {
		v, err := c.receive()
		if err != nil {
			return err
		}
		if err := want(v); err != nil {
			return err
		}
	}
	if v, err := c.receive(); err == nil {
		return fmt.Errorf("want the connection closed, got %s", describe(v))
	} else if !errors.Is(err, io.EOF) && !isReset(err) {
		return fmt.Errorf("want the connection closed, got %w", err)
	}
	return nil
}

// validateCleanup removes the suite's keys and looks that none is left.
func (r *Run) validateCleanup(ctx context.Context) error {
	if err := r.sweep(ctx); err != nil {
		return err
	}
	c, err := r.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	left, err := c.askInt("EXISTS", r.key("counter"), r.key("text"), r.key("list"), r.key("own:0"))
	if err != nil {
		return err
	}
	r.Check("clean-up of own keys", left == 0, "%d left", left)
	return nil
}
