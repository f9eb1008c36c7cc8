package oracle

// The generator's table of the HyperLogLog commands. Sketches have keys of their own
// ("hll"), so that they live long enough to become dense; keys of the other tables are
// read, and made sketches that those tables damage. Sketches that are damaged here have
// keys of their own too ("bad"), and get one element at a time: where an element is
// refused, Redis keeps those before it, and Respite none. None ends within a run, for
// Redis writes past the end of those.

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// damagedSketch is how the names of their keys begin.
const damagedSketch = "bad"

func hyperloglogTable() Table {
	return Table{
		Name: "hyperloglog",
		Avoid: func(args []string) bool {
			return is("pfadd")(args) && len(args) > 3 && strings.HasPrefix(args[1], damagedSketch)
		},
		Kinds: map[string]func(g *Generator) string{
			"hll":     func(g *Generator) string { return "h" + strconv.Itoa(g.rand.IntN(6)) },
			"bad":     func(g *Generator) string { return damagedSketch + strconv.Itoa(g.rand.IntN(3)) },
			"element": (*Generator).element,
			"sketch":  (*Generator).sketch,
			"byte":    func(g *Generator) string { return string([]byte{byte(g.rand.IntN(256))}) },
			"run":     func(g *Generator) string { return g.run(1 + g.rand.IntN(100)) },
			"header":  func(g *Generator) string { return strconv.Itoa(g.rand.IntN(16)) },
			"limit":   func(g *Generator) string { return pick(g, "0", "18", "40", "100", "500", "3000", "15000") },
		},
		Forms: []Form{
			{2, "PFADD hll"},
			{4, "PFADD hll element"},
			{4, "PFADD hll (element element element)+"},
			{6, "PFADD hll (" + strings.Repeat("element ", 40) + ")+"},
			{4, "PFCOUNT hll"},
			{3, "PFCOUNT hll (hll)+"},
			{3, "PFMERGE hll (hll)+"},
			{1, "PFMERGE hll"},
			{1, "PFADD key"},
			{1, "PFCOUNT key"},
			{1, "PFMERGE hll key"},
			{1, "PFDEBUG ENCODING hll"},
			{2, "PFDEBUG DECODE hll"},
			{1, "PFDEBUG TODENSE hll"},
			{1, "PFDEBUG GETREG hll"},
			{1, "PFDEBUG value hll"},
			{1, "CONFIG SET HLL-SPARSE-MAX-BYTES limit"},
			{1, "DEL hll"},
			{1, "COPY hll hll REPLACE"},
			{4, "SET bad sketch"},
			{2, "SETRANGE bad header byte"},
			{1, "APPEND bad run"},
			{3, "PFADD bad element"},
			{3, "PFCOUNT bad"},
			{2, "PFCOUNT bad hll"},
			{2, "PFMERGE bad hll"},
			{1, "PFMERGE hll bad"},
			{2, "PFDEBUG (ENCODING|DECODE|TODENSE|GETREG) bad"},
		},
	}
}

// element draws from many values and from few.
func (g *Generator) element() string {
	switch g.rand.IntN(8) {
	case 0:
		return g.value()
	case 1:
		return strconv.Itoa(g.rand.IntN(20))
	}
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], g.rand.Uint64())
	return string(b[:1+g.rand.IntN(len(b))])
}

// Shape of a sketch: how it begins, and how many bytes a dense one has behind its header.
const (
	hllMagic     = "HYLL"
	hllDenseTail = 12288
)

// sketch draws strings that are sketches, or look like some at the beginning.
func (g *Generator) sketch() string {
	head := hllMagic + pick(g, "\x00", "\x01", "\x01", "\x01", "\x02", "\xff") + pick(g, "\x00\x00\x00", "abc") +
		pick(g, "\x00\x00\x00\x00\x00\x00\x00\x00", "\x00\x00\x00\x00\x00\x00\x00\x80", "\x01\x02\x03\x04\x05\x06\x07\x08")
	switch g.rand.IntN(8) {
	case 0:
		return head[:g.rand.IntN(len(head)+1)]
	case 1:
		return pick(g, "hyll", "HYLX", "HY") + head[4:] + "\x7f\xff"
	case 2:
		return head + string(make([]byte, hllDenseTail+pick(g, 0, 0, 1, -1)))
	case 3:
		full := make([]byte, hllDenseTail)
		for i := range full {
			full[i] = pick(g, byte(0xff), byte(g.rand.IntN(256)))
		}
		return head + string(full)
	}
	return head + g.runs()
}

// runs draws a sparse body that may have too many registers, too few or just enough.
func (g *Generator) runs() string {
	body, left := "", 16384+pick(g, 0, 0, 0, 0, 1, -1, 100)
	for left > 0 && g.rand.IntN(6) > 0 {
		n := 1 + g.rand.IntN(min(left, pick(g, 4, 64, 16384, 4, 4)))
		body += g.run(n)
		left -= n
	}
	for ; left > 16384; left -= 16384 {
		body += "\x7f\xff"
	}
	if left > 0 {
		body += string([]byte{0x40 | byte((left-1)>>8), byte(left - 1)})
	}
	return body + pick(g, "", "", "", "", "\x80", "\x00")
}

// run draws a run of n registers, of value 0 if there is no other for so many.
func (g *Generator) run(n int) string {
	if n <= 4 && g.rand.IntN(4) > 0 {
		return string([]byte{0x80 | byte(pick(g, 0, 0, 1, 31, g.rand.IntN(32)))<<2 | byte(n-1)})
	}
	if n <= 64 && g.rand.IntN(4) > 0 {
		return string([]byte{byte(n - 1)})
	}
	return string([]byte{0x40 | byte((n-1)>>8), byte(n - 1)})
}
