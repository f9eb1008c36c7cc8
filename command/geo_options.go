// geo_options.go: the arguments of the geo searches. Redis reads them after it has looked up the source, since FROMMEMBER is a place in it,
// so what is refused first depends on the order in which they come.

package command

import (
	"respite/text"
	"respite/value"
)

// The refusals of the geo searches.
const (
	errNeedRadius     = Error("ERR need numeric radius")
	errNegativeRadius = Error("ERR radius cannot be negative")
	errNeedWidth      = Error("ERR need numeric width")
	errNeedHeight     = Error("ERR need numeric height")
	errNegativeBox    = Error("ERR height or width cannot be negative")
	errGeoMember      = Error("ERR could not decode requested zset member")
	errGeoCount       = Error("ERR COUNT must be > 0")
	errGeoAny         = Error("ERR the ANY argument requires COUNT argument")
	errGeoSearchWith  = Error("ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options")
	errGeoRadiusWith  = Error("ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options")
)

// geoForm is which arguments a geo search has.
type geoForm struct {
	source   int  // the argument that is the key
	radius   int  // the argument that is the radius, of the old forms
	byMember bool // GEORADIUSBYMEMBER: the centre is argument 2
	search   bool // GEOSEARCH: centre and shape come in words
	toFirst  bool // GEOSEARCHSTORE: to the key that comes first
	mayStore bool // STORE and STOREDIST are taken
}

// geoOrder is the order of what is found.
type geoOrder uint8

const (
	geoUnsorted geoOrder = iota
	geoNearest
	geoFarthest
)

// geoOptions are the arguments of a search, as far as they have been read.
type geoOptions struct {
	geoForm
	call   *Call
	set    value.SortedSet
	absent bool // the source is
	at     int  // the argument to be read next

	shape                         value.GeoShape
	unit                          float64 // in metres
	fromMember, fromPosition      bool
	byRadius, byBox               bool
	order                         geoOrder
	count                         int64 // 0: all
	any                           bool
	withDist, withHash, withCoord bool
	target                        []byte
	stores, storesDistance        bool
}

// parse reads the arguments.
func (o *geoOptions) parse() error {
	if err := o.fixed(); err != nil {
		return err
	}
	for o.at < len(o.call.Args) {
		if o.flag() {
			continue
		}
		if err := o.word(); err != nil {
			return err
		}
	}
	return o.check()
}

// fixed reads what the old forms have before their options.
func (o *geoOptions) fixed() (err error) {
	c, behindRadius := o.call, o.radius+2
	switch {
	case o.search:
		o.at = o.source + 1
		if o.toFirst {
			o.target, o.stores = c.Args[1], true
		}
		return nil
	case o.byMember && o.absent: // its radius is not looked at
		o.at = behindRadius
		return nil
	case o.byMember:
		err = o.center(c.Args[2])
	default:
		o.shape.Center, err = parsePosition(c.Args[2:])
	}
	o.at = o.radius
	if err != nil {
		return err
	}
	return o.circle()
}

// center is the place of a member.
func (o *geoOptions) center(member []byte) error {
	score, ok := o.set.Score(member)
	if !ok {
		return errGeoMember
	}
	o.shape.Center = value.GeoAt(score)
	return nil
}

// circle reads a radius and its unit.
func (o *geoOptions) circle() (err error) {
	args := o.call.Args[o.at:]
	radius, ok := text.ParseFloat(args[0])
	switch {
	case !ok:
		return errNeedRadius
	case radius < 0:
		return errNegativeRadius
	}
	o.unit, err = parseUnit(args[1])
	o.shape.Radius = radius * o.unit
	o.at += 2
	return err
}

// box reads a width, a height and their unit.
func (o *geoOptions) box() (err error) {
	const words = 3
	args := o.call.Args[o.at:]
	width, ok := text.ParseFloat(args[0])
	if !ok {
		return errNeedWidth
	}
	height, ok := text.ParseFloat(args[1])
	switch {
	case !ok:
		return errNeedHeight
	case height < 0 || width < 0:
		return errNegativeBox
	}
	o.unit, err = parseUnit(args[2])
	o.shape.IsBox, o.shape.Width, o.shape.Height = true, width*o.unit, height*o.unit
	o.at += words
	return err
}

// flag reads an option of one word, and reports whether there is one.
func (o *geoOptions) flag() bool {
	switch word := o.call.Args[o.at]; {
	case equalFold(word, "withdist"):
		o.withDist = true
	case equalFold(word, "withhash"):
		o.withHash = true
	case equalFold(word, "withcoord"):
		o.withCoord = true
	case equalFold(word, "any"):
		o.any = true
	case equalFold(word, "asc"):
		o.order = geoNearest
	case equalFold(word, "desc"):
		o.order = geoFarthest
	case o.toFirst && equalFold(word, "storedist"):
		o.storesDistance = true
	default:
		return false
	}
	o.at++
	return true
}

// takes reports whether the option to be read next is this one, with at least n arguments behind it, and goes on to these.
func (o *geoOptions) takes(word string, n int) bool {
	if !o.call.Option(o.at, word) || o.at+n >= len(o.call.Args) {
		return false
	}
	o.at++
	return true
}

// word reads an option with arguments.
func (o *geoOptions) word() error {
	switch {
	case o.takes("count", 1):
		return o.limit()
	case o.mayStore && o.takes("store", 1):
		o.storeTo(false)
	case o.mayStore && o.takes("storedist", 1):
		o.storeTo(true)
	case o.search:
		return o.place()
	default:
		return errSyntax
	}
	return nil
}

// place reads a centre or a shape of GEOSEARCH.
func (o *geoOptions) place() (err error) {
	const position, circle, box = 2, 2, 3 // arguments
	switch {
	case !o.fromPosition && o.takes("frommember", 1):
		o.fromMember = true
		o.at++
		if !o.absent {
			err = o.center(o.call.Args[o.at-1])
		}
	case !o.fromMember && o.takes("fromlonlat", position):
		o.fromPosition = true
		o.at += position
		o.shape.Center, err = parsePosition(o.call.Args[o.at-position:])
	case !o.byBox && o.takes("byradius", circle):
		o.byRadius = true
		err = o.circle()
	case !o.byRadius && o.takes("bybox", box):
		o.byBox = true
		err = o.box()
	default:
		err = errSyntax
	}
	return err
}

// limit reads the argument of COUNT.
func (o *geoOptions) limit() (err error) {
	o.count, err = o.call.Int(o.at)
	o.at++
	if err == nil && o.count <= 0 {
		return errGeoCount
	}
	return err
}

// storeTo reads the key that STORE and STOREDIST store to; of several, the last holds.
func (o *geoOptions) storeTo(distance bool) {
	o.target, o.stores, o.storesDistance = o.call.Args[o.at], true, distance
	o.at++
}

// check refuses what does not go together.
func (o *geoOptions) check() error {
	tells := o.withDist || o.withHash || o.withCoord
	switch {
	case o.stores && tells && o.search:
		return errGeoSearchWith
	case o.stores && tells:
		return errGeoRadiusWith
	}
	if o.search {
		switch {
		case !o.fromMember && !o.fromPosition:
			return errChooseOne("FROMMEMBER or FROMLONLAT", o.call.Args)
		case !o.byRadius && !o.byBox:
			return errChooseOne("BYRADIUS and BYBOX", o.call.Args)
		}
	}
	if o.any && o.count == 0 {
		return errGeoAny
	}
	o.chooseOrder()
	return nil
}

// chooseOrder makes a COUNT without an order that of the nearest, unless any will do.
func (o *geoOptions) chooseOrder() {
	if o.count > 0 && o.order == geoUnsorted && !o.any {
		o.order = geoNearest
	}
}
