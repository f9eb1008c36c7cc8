package oracle

// The three uses of a transcript: Run holds a server to the written replies,
// Differential holds two servers to each other, Update writes the replies of the
// real server down. Check holds the real server to the written replies, with the
// rules: it proves that the transcripts are true and that no rule is stale.

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Side is a server in a comparison.
type Side struct {
	Dial  Dialer
	Rules *Rulebook // turns its replies into the target's; nil: they are the target's
}

// Ours is a server that has to behave like the target.
func Ours(dial Dialer) Side { return Side{Dial: dial} }

// Real is the installed redis-server, whose replies pass the rules.
func Real(dial Dialer) Side { return Side{Dial: dial, Rules: NewRulebook()} }

// Run plays all transcripts of dir in RESP2 or RESP3 (proto 2 or 3) and compares
// with what is written.
func Run(t *testing.T, dir string, dial Dialer, proto int) {
	t.Helper()
	runAll(t, dir, Ours(dial), proto)
}

// Check is Run against the real server, in both protocols: every difference from
// what is written has to be a rule's, and every rule has to fire.
func Check(t *testing.T, dir string, reference Side) {
	t.Helper()
	for _, proto := range []int{resp2, resp3} {
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) { runAll(t, dir, reference, proto) })
	}
	t.Logf("\n%s", reference.Rules)
	require.Empty(t, reference.Rules.Stale(), "these rules never fired: remove them or add a transcript that needs them")
}

func runAll(t *testing.T, dir string, side Side, proto int) {
	t.Helper()
	forEachBlock(t, dir, func(t *testing.T, b *Block) {
		require.NoError(t, againstWritten(b, side, proto))
	})
}

// Differential plays all transcripts of dir on both sides, in both protocols, and
// compares the replies byte for byte, within the rules of the sides.
func Differential(t *testing.T, dir string, a, b Side) {
	t.Helper()
	for _, proto := range []int{resp2, resp3} {
		t.Run(fmt.Sprintf("RESP%d", proto), func(t *testing.T) {
			forEachBlock(t, dir, func(t *testing.T, block *Block) {
				require.NoError(t, againstEachOther(block, a, b, proto))
			})
		})
	}
	for _, side := range []Side{a, b} {
		if side.Rules != nil {
			t.Logf("\n%s", side.Rules)
		}
	}
}

// forEachBlock runs body in a subtest per file and block.
func forEachBlock(t *testing.T, dir string, body func(t *testing.T, b *Block)) {
	t.Helper()
	all, err := Load(dir)
	require.NoError(t, err)
	for _, transcript := range all {
		t.Run(strings.TrimSuffix(filepath.Base(transcript.Path), ".txt"), func(t *testing.T) {
			for _, b := range transcript.Blocks {
				t.Run(fmt.Sprintf("line%d", b.Line), func(t *testing.T) { body(t, b) })
			}
		})
	}
}

// againstWritten plays a block and returns the first step that is not as written.
func againstWritten(b *Block, side Side, proto int) error {
	return playBlock(b, side, proto, func(s *Step, got Value) error {
		if want := s.Want(proto); s.answered() && !s.matches(want, got) {
			return mismatch(s, "written", want, "got", &got)
		}
		return nil
	})
}

// againstEachOther plays a block step by step on both sides.
func againstEachOther(block *Block, a, b Side, proto int) error {
	second, err := newPlayer(b.Dial, proto, block)
	if err != nil {
		return err
	}
	err = playBlock(block, Side{Dial: a.Dial}, proto, func(s *Step, first Value) error {
		got, err := second.play(s)
		if err != nil {
			return fmt.Errorf("second server, line %d, %s: %w", s.Line, s.source, err)
		}
		return compare(s, a.Rules, first, b.Rules, got, proto)
	})
	if restored := second.finish(); err == nil {
		err = restored
	}
	return err
}

// compare compares the replies of both sides to a step, each within its rules.
func compare(s *Step, rulesA *Rulebook, a Value, rulesB *Rulebook, b Value, proto int) error {
	if s.since && (rulesA != nil || rulesB != nil) {
		return errors.Join(rulesA.exempt(s, a, proto), rulesB.exempt(s, b, proto))
	}
	if !s.answered() {
		return nil
	}
	a, b = rulesA.adapt(s.Args, a), rulesB.adapt(s.Args, b)
	if !s.matches(&b, a) || !s.matches(&a, b) {
		return mismatch(s, "first", &a, "second", &b)
	}
	return nil
}

// playBlock plays a block on one side; each reply, adapted, goes to judge.
func playBlock(b *Block, side Side, proto int, judge func(s *Step, got Value) error) error {
	p, err := newPlayer(side.Dial, proto, b)
	if err != nil {
		return err
	}
	for _, s := range b.Steps {
		if err := playStep(p, s, side.Rules, judge); err != nil {
			_ = p.finish()
			return fmt.Errorf("line %d: %s: %w", s.Line, s.source, err)
		}
	}
	return p.finish()
}

func playStep(p *player, s *Step, rules *Rulebook, judge func(s *Step, got Value) error) error {
	got, err := p.play(s)
	switch {
	case err != nil:
		return err
	case rules != nil && s.since:
		return rules.exempt(s, got, p.proto)
	case s.answered():
		got = rules.adapt(s.Args, got)
	}
	return judge(s, got)
}

func mismatch(s *Step, nameA string, a *Value, nameB string, b *Value) error {
	if s.Match != nil {
		return fmt.Errorf("a reply does not match %v\n%s:\n%s\n%s:\n%s", s.Match, nameA, show(a), nameB, show(b))
	}
	return fmt.Errorf("replies differ\n%s:\n%s\n%s:\n%s", nameA, show(a), nameB, show(b))
}

func show(v *Value) string {
	if v == nil {
		return "(nothing)"
	}
	return v.String()
}

// Update rewrites the replies in all transcripts of dir with those of the real
// server. It is never given any other: a transcript that repeats what we do proves
// nothing.
func Update(t *testing.T, dir string, reference Side) {
	t.Helper()
	all, err := Load(dir)
	require.NoError(t, err)
	for _, transcript := range all {
		for _, b := range transcript.Blocks {
			if err := rewrite(b, reference); err != nil { // this block stays as it is
				t.Errorf("%s: %v", transcript.Path, err)
			}
		}
		require.NoError(t, os.WriteFile(transcript.Path, []byte(Format(transcript.Blocks)), 0o644))
	}
}

func rewrite(b *Block, reference Side) error {
	replies := map[int]map[*Step]Value{resp2: {}, resp3: {}}
	for proto := range replies {
		err := playBlock(b, reference, proto, func(s *Step, got Value) error {
			if s.Match != nil && !s.matches(nil, got) {
				return mismatch(s, "pattern", nil, "got", &got)
			}
			replies[proto][s] = got
			return nil
		})
		if err != nil {
			return err
		}
	}
	for _, s := range b.Steps {
		if reply, ok := replies[resp2][s]; ok { // a step @since 7.2 has none
			s.record(reply, replies[resp3][s])
		}
	}
	return nil
}

// record writes the replies down, unless what is written already allows them: the
// order of an unordered reply shall not change with every update.
func (s *Step) record(reply2, reply3 Value) {
	if s.Match != nil || !s.answered() {
		return
	}
	if !s.matches(s.Want(resp2), reply2) {
		s.want2 = &reply2
	}
	switch {
	case s.matches(s.want2, reply3):
		s.want3 = nil
	case !s.matches(s.want3, reply3):
		s.want3 = &reply3
	}
}
