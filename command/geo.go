// geo.go: the rows of the geo commands, and those that add positions and ask for the position of a member. A geo key is a sorted set whose
// scores are positions (value/geo.go). The searches are in geo_search.go, their arguments in geo_options.go.

package command

import (
	"fmt"
	"math"
	"strconv"

	"respite/text"
	"respite/value"
)

func geoRows() []Row {
	one := keys(RO|Access, 1, 1, 1)
	rows := []Row{
		{
			Name: "geoadd", Arity: -5, Flags: Write | DenyOOM, Keys: keys(RW|Update, 1, 1, 1), Run: geoadd,
			Since: "3.2.0", Cost: "O(log(N)) a member", Doc: "Adds members with positions, or moves them, creating the key if needed.",
		},
		{
			Name: "geodist", Arity: -4, Flags: ReadOnly, Keys: one, Run: geodist,
			Since: "3.2.0", Cost: "O(1)", Doc: "Returns the distance between two members.",
		},
		{
			Name: "geohash", Arity: -2, Flags: ReadOnly, Keys: one, Run: geohash,
			Since: "3.2.0", Cost: "O(1) a member", Doc: "Returns the positions of members as geohash strings.",
		},
		{
			Name: "geopos", Arity: -2, Flags: ReadOnly, Keys: one, Run: geopos,
			Since: "3.2.0", Cost: "O(1) a member", Doc: "Returns the longitudes and latitudes of members.",
		},
	}
	return append(rows, geoSearchRows()...)
}

// geoadd is ZADD with positions for scores, and answers as it does.
func geoadd(c *Call) error {
	o, err := parseGeoAdd(c.Args[2:])
	if err != nil {
		return err
	}
	var room [usualPairs]float64
	scores := room[:0]
	for i := 0; i < len(o.pairs); i += o.width {
		p, err := parsePosition(o.pairs[i:])
		if err != nil {
			return err
		}
		scores = append(scores, p.Score())
	}
	return c.addAndReply(c.Args[1], &o, scores)
}

func parseGeoAdd(args [][]byte) (o zaddOptions, err error) {
	const width = 3 // longitude, latitude and member
words:
	for ; len(args) > 0; args = args[1:] {
		switch {
		case equalFold(args[0], "nx"):
			o.IfAbsent = true
		case equalFold(args[0], "xx"):
			o.IfPresent = true
		case equalFold(args[0], "ch"):
			o.changed = true
		default:
			break words
		}
	}
	if len(args) == 0 || len(args)%width != 0 || o.IfAbsent && o.IfPresent {
		return o, errSyntax
	}
	o.pairs, o.width = args, width
	return o, nil
}

// parsePosition reads a longitude and a latitude.
func parsePosition(args [][]byte) (p value.GeoPoint, err error) {
	var ok bool
	if p.Longitude, ok = text.ParseFloat(args[0]); !ok {
		return p, errNotFloat
	}
	if p.Latitude, ok = text.ParseFloat(args[1]); !ok {
		return p, errNotFloat
	}
	if !p.Valid() {
		return p, Error("ERR invalid longitude,latitude pair " + printedDegrees(p.Longitude) + "," + printedDegrees(p.Latitude))
	}
	return p, nil
}

// printedDegrees is a coordinate in C's %f.
func printedDegrees(f float64) string {
	const digits = 6
	if math.IsInf(f, 1) {
		return "inf" // which Go has a sign for
	}
	if math.IsInf(f, -1) {
		return "-inf"
	}
	return strconv.FormatFloat(f, 'f', digits, 64)
}

const errUnit = Error("ERR unsupported unit provided. please use M, KM, FT, MI")

// parseUnit reads a unit of length, and returns it in metres.
func parseUnit(b []byte) (metres float64, err error) {
	const kilometre, foot, mile = 1000, 0.3048, 1609.34
	switch {
	case equalFold(b, "m"):
		return 1, nil
	case equalFold(b, "km"):
		return kilometre, nil
	case equalFold(b, "ft"):
		return foot, nil
	case equalFold(b, "mi"):
		return mile, nil
	}
	return 0, errUnit
}

func geodist(c *Call) error {
	const withUnit = 5 // arguments
	unit := 1.0
	switch n := len(c.Args); {
	case n > withUnit:
		return errSyntax
	case n == withUnit:
		var err error
		if unit, err = parseUnit(c.Args[withUnit-1]); err != nil {
			return err
		}
	}
	s, err := c.sortedSet(c.Args[1])
	if err != nil {
		return err
	}
	first, ok := s.Score(c.Args[2])
	second, alsoOK := s.Score(c.Args[3])
	if !ok || !alsoOK {
		c.Reply.Null()
		return nil
	}
	c.replyDistance(value.GeoDistance(value.GeoAt(first), value.GeoAt(second)) / unit)
	return nil
}

// replyDistance answers with a distance of four decimals. Redis rounds the ten-thousandths to an integer.
func (c *Call) replyDistance(d float64) {
	const decimals, parts = 4, 10000
	c.Reply.Bulk(strconv.AppendFloat(c.digits[:0], math.RoundToEven(d*parts)/parts, 'f', decimals, 64))
}

func geohash(c *Call) error {
	return c.replyPositions(c.Reply.Null, func(score float64) { c.Reply.BulkString(value.GeoHash(score)) })
}

func geopos(c *Call) error {
	return c.replyPositions(c.Reply.NullArray, func(score float64) { c.replyPosition(value.GeoAt(score)) })
}

// replyPositions answers with an array of an element for each member: what present writes of its score, or absent without one.
func (c *Call) replyPositions(absent func(), present func(score float64)) error {
	s, err := c.sortedSet(c.Args[1])
	if err != nil {
		return err
	}
	members := c.Args[2:]
	c.Reply.Array(len(members))
	for _, member := range members {
		if score, ok := s.Score(member); ok {
			present(score)
		} else {
			absent()
		}
	}
	return nil
}

func (c *Call) replyPosition(p value.GeoPoint) {
	c.Reply.Array(2)
	c.Reply.DoubleText(text.AppendLongDouble(c.digits[:0], p.Longitude))
	c.Reply.DoubleText(text.AppendLongDouble(c.digits[:0], p.Latitude))
}

// errChooseOne is the refusal of a GEOSEARCH that lacks one of its two arguments; it has the command as the client wrote it.
func errChooseOne(which string, args [][]byte) error {
	return Error(fmt.Sprintf("ERR exactly one of %s can be specified for %s", which, args[0]))
}
