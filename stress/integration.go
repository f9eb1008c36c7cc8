// Suite integration: what a web application does to its cache, step by step,
// with the values and deadlines that such applications use.

package stress

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// Lifetimes in seconds of the things that the application stores.
const (
	sessionTTL  = 3600
	messagesTTL = 300
	profileTTL  = 1800
	// ttlSlack is how much of a fresh TTL may have passed when it is read.
	ttlSlack = 5
)

// pipelinedSets is the size of the timed pipeline.
const pipelinedSets = 100

// integration carries the connection through the steps of the suite.
type integration struct {
	*Run
	c *client
}

func runIntegration(ctx context.Context, r *Run) error {
	c, err := r.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	s := integration{r, c}
	steps := []struct {
		name string
		run  func() (string, error)
	}{
		{"session JSON, TTL 3600, overwritten", s.session},
		{"message array, TTL 300", s.messages},
		{"profile, TTL 1800", s.profile},
		{"invalidation by DEL", s.invalidation},
		{"100 pipelined SETs read back", s.pipeline},
		{"binary values, 0 to 1 MiB, checksums", s.integrity},
		{"health by PING", s.health},
	}
	m := r.meter(ctx, "steps", int64(len(steps)))
	defer m.finish()
	for _, step := range steps {
		figure, err := step.run()
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			figure = err.Error()
		}
		r.Check(step.name, err == nil, "%s", figure)
		m.add(1)
	}
	return nil
}

// store is SETEX, GET and TTL of one JSON document.
func (s integration) store(key string, ttl int64, document any) error {
	body, err := json.Marshal(document)
	if err != nil {
		return err
	}
	wrong, broken := s.c.exchange([]step{
		{[]string{"SETEX", key, fmt.Sprint(ttl), string(body)}, wantText("OK")},
		{[]string{"GET", key}, wantText(string(body))},
		{[]string{"TTL", key}, wantBetween(ttl-ttlSlack, ttl)},
	})
	return errors.Join(wrong, broken)
}

func (s integration) session() (string, error) {
	type session struct {
		ID, User string
		Roles    []string
		Seen     time.Time
	}
	first := session{"8f14e45f", "Zoë", []string{"reader", "editor"}, time.Unix(1700000000, 0)}
	key := s.key("session:%s", first.ID)
	if err := s.store(key, sessionTTL, first); err != nil {
		return "", err
	}
	first.Roles = append(first.Roles, "owner")
	// The overwrite has to win over both the value and the deadline.
	return "stored, read, overwritten", s.store(key, sessionTTL, first)
}

func (s integration) messages() (string, error) {
	type message struct {
		From, Text string
		At         int64
	}
	var list []message
	for i := range 50 {
		list = append(list, message{fmt.Sprintf("user%d", i%7), "line 1\r\nline 2 \u2603", int64(i)})
	}
	return fmt.Sprintf("%d messages", len(list)), s.store(s.key("messages"), messagesTTL, list)
}

func (s integration) profile() (string, error) {
	profile := map[string]any{"name": "Ada", "visits": 17, "tags": []string{"a", "b"}, "admin": false}
	return "stored, read", s.store(s.key("profile"), profileTTL, profile)
}

func (s integration) invalidation() (string, error) {
	key := s.key("profile")
	wrong, broken := s.c.exchange([]step{
		{[]string{"EXISTS", key}, wantInt(1)},
		{[]string{"DEL", key}, wantInt(1)},
		{[]string{"EXISTS", key}, wantInt(0)},
		{[]string{"GET", key}, wantNull},
		{[]string{"TTL", key}, wantInt(ttlNoKey)},
		{[]string{"DEL", key}, wantInt(0)},
	})
	return "gone at once", errors.Join(wrong, broken)
}

func (s integration) pipeline() (string, error) {
	var sets, gets []step
	for i := range pipelinedSets {
		key, value := s.key("pipe:%d", i), fmt.Sprintf("value-%d", i)
		sets = append(sets, step{[]string{"SET", key, value}, wantText("OK")})
		gets = append(gets, step{[]string{"GET", key}, wantText(value)})
	}
	start := time.Now()
	wrong, broken := s.c.exchange(sets)
	took := time.Since(start)
	if err := errors.Join(wrong, broken); err != nil {
		return "", err
	}
	wrong, broken = s.c.exchange(gets)
	return "written in " + short(took), errors.Join(wrong, broken)
}

// integritySizes lie around the borders at which servers change how they
// store or receive a value.
func integritySizes() []int {
	sizes := []int{0, 1, 2, 3}
	for _, border := range []int{16, 44, 64, 255, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536, 131072, 524288} {
		sizes = append(sizes, border-1, border, border+1)
	}
	return append(sizes, 1<<20)
}

func (s integration) integrity() (string, error) {
	rng := s.rng(0)
	total := 0
	for _, n := range integritySizes() {
		body := make([]byte, n)
		for i := range body {
			body[i] = byte(rng.Uint32())
		}
		if err := s.roundTrip(s.key("blob:%d", n), body); err != nil {
			return "", fmt.Errorf("%d bytes: %w", n, err)
		}
		total += n
	}
	return fmt.Sprintf("%d sizes, %s", len(integritySizes()), size(int64(total))), nil
}

// roundTrip stores a body beside its checksum and compares what comes back
// with both.
func (s integration) roundTrip(key string, body []byte) error {
	sum := sha256.Sum256(body)
	want := hex.EncodeToString(sum[:])
	if _, err := s.c.ask("MSET", key, string(body), key+":sum", want); err != nil {
		return err
	}
	stored, err := s.c.ask("MGET", key, key+":sum")
	if err != nil {
		return err
	}
	pair := stored.Elems
	if len(pair) != 2 {
		return fmt.Errorf("MGET: want 2 values, got %s", describe(stored))
	}
	got := sha256.Sum256([]byte(string(pair[0].Str)))
	if !bytes.Equal(got[:], sum[:]) || string(pair[1].Str) != want {
		return fmt.Errorf("checksum differs: %x stored, %x read", sum[:4], got[:4])
	}
	wrong, broken := s.c.exchange([]step{{[]string{"STRLEN", key}, wantInt(int64(len(body)))}})
	return errors.Join(wrong, broken)
}

func (s integration) health() (string, error) {
	start := time.Now()
	wrong, broken := s.c.exchange([]step{ping(), {[]string{"PING", "héllo"}, wantText("héllo")}})
	return short(time.Since(start)), errors.Join(wrong, broken)
}
