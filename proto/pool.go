// What busy readers share: large read buffers and parse scratch.
//
// A Reader at rest holds one small buffer and nothing else; everything larger
// is borrowed from a Pool while traffic needs it and goes back with Release.
// Nothing that is put back refers to a connection or to data of a client.

package proto

import (
	"bufio"
	"sync"
)

const (
	smallBuffer = 4 << 10
	// largeBuffer holds the longest line with its end, so that no part of a
	// command that has to be seen whole is ever longer than the buffer.
	largeBuffer = maxLine + 8<<10

	sizeofArg  = 24 // bytes of a slice header
	sizeofSpan = 16

	keptArgs  = 8 << 10  // arguments of one batch that scratch keeps room for
	keptSpill = 64 << 10 // bytes of spilled commands that scratch keeps room for
)

// Pool lends buffers to the readers made from it. The zero value is ready to
// use. It is safe for concurrent use.
type Pool struct {
	large   sync.Pool // *bufio.Reader of largeBuffer bytes
	scratch sync.Pool // *scratch
}

func (p *Pool) takeLarge() *bufio.Reader {
	if br, ok := p.large.Get().(*bufio.Reader); ok {
		return br
	}
	return bufio.NewReaderSize(nil, largeBuffer)
}

func (p *Pool) putLarge(br *bufio.Reader) {
	br.Reset(nil)
	p.large.Put(br)
}

func (p *Pool) takeScratch() *scratch {
	if s, ok := p.scratch.Get().(*scratch); ok {
		return s
	}
	return new(scratch)
}

func (p *Pool) putScratch(s *scratch) {
	p.scratch.Put(s)
}

// span is an argument of a command that is still arriving: its place, counted
// from the start of the command without the bodies of big arguments, and its
// length. Offsets survive the moves of the buffer; slices would not.
type span struct{ off, n int }

// scratch is what a Reader needs only between the first byte of a command and
// the Fill after its last one.
type scratch struct {
	args  [][]byte // arguments of all commands since the last Fill, back to back
	spans []span   // arguments of the current command

	spill     []byte // beginnings of commands that left the buffer
	spillFrom int    // where in spill the current command begins

	big  []byte   // argument of BigArg or more being filled, nil if none
	bigs [][]byte // those of the current command that are complete
}

// reset forgets all commands that were handed out. What belongs to one that is
// still incomplete (partial) stays.
func (s *scratch) reset(partial bool) {
	clear(s.args) // an idle slab must not keep big arguments alive
	s.args = s.args[:0]
	if cap(s.args) > keptArgs {
		s.args = nil
	}
	if !partial && cap(s.spans) > keptArgs {
		s.spans = nil
	}
	if s.spillFrom > 0 {
		s.dropSpilled()
	}
}

func (s *scratch) dropSpilled() {
	n := copy(s.spill, s.spill[s.spillFrom:])
	s.spill, s.spillFrom = s.spill[:n], 0
	if n == 0 && cap(s.spill) > keptSpill {
		s.spill = nil
	}
}

// done ends the current command: what it spilled stays readable until reset.
func (s *scratch) done() {
	s.spillFrom = len(s.spill)
	clear(s.bigs)
	s.bigs = s.bigs[:0]
}
