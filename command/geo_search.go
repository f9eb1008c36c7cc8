// geo_search.go: the geo searches: GEOSEARCH and GEOSEARCHSTORE, and the GEORADIUS family, which they are the heirs of.

package command

import (
	"respite/shards"
	"respite/value"
)

func geoSearchRows() []Row {
	const cost = "O(N+log(M)), N members in the area that is looked into and M in the shape"
	one, out := keys(RO|Access, 1, 1, 1), keys(OW|Update, 1, 1, 1)[0]
	return append([]Row{
		{
			Name: "geosearch", Arity: -7, Flags: ReadOnly, Keys: one, Run: geosearch,
			Since: "6.2.0", Cost: cost, Doc: "Returns the members in a circle or a rectangle.",
		},
		{
			Name: "geosearchstore", Arity: -8, Flags: Write | DenyOOM, Run: geosearchstore,
			Keys:  []KeySpec{out, keys(RO|Access, 2, 2, 1)[0]},
			Since: "6.2.0", Cost: cost, Doc: "Stores the members in a circle or a rectangle.",
		},
	}, geoRadiusRows(cost)...)
}

func geoRadiusRows(cost string) []Row {
	const (
		first     = 6 // the first argument that may be an option
		byRadius  = "`GEOSEARCH` with the `BYRADIUS` argument"
		byMember  = "`GEOSEARCH` with the `BYRADIUS` and `FROMMEMBER` arguments"
		storeToo  = "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` argument"
		memberToo = "`GEOSEARCH` and `GEOSEARCHSTORE` with the `BYRADIUS` and `FROMMEMBER` arguments"
	)
	one := keys(RO|Access, 1, 1, 1)
	stored := func(first int) []KeySpec {
		return append(keys(RO|Access, 1, 1, 1), KeySpec{Flags: OW | Update, First: first, Keyword: "STORE", Step: 1},
			KeySpec{Flags: OW | Update, First: first, Keyword: "STOREDIST", Step: 1})
	}
	return []Row{
		{
			Name: "georadius", Arity: -6, Flags: Write | DenyOOM, Keys: stored(first), Run: georadius,
			Since: "3.2.0", Cost: cost, Doc: "Returns or stores the members in a circle around a position.",
			Deprecated: "6.2.0", Instead: storeToo,
		},
		{
			Name: "georadius_ro", Arity: -6, Flags: ReadOnly, Keys: one, Run: georadiusRO,
			Since: "3.2.10", Cost: cost, Doc: "Returns the members in a circle around a position.",
			Deprecated: "6.2.0", Instead: byRadius,
		},
		{
			Name: "georadiusbymember", Arity: -5, Flags: Write | DenyOOM, Keys: stored(first - 1), Run: georadiusbymember,
			Since: "3.2.0", Cost: cost, Doc: "Returns or stores the members in a circle around a member.",
			Deprecated: "6.2.0", Instead: memberToo,
		},
		{
			Name: "georadiusbymember_ro", Arity: -5, Flags: ReadOnly, Keys: one, Run: georadiusbymemberRO,
			Since: "3.2.10", Cost: cost, Doc: "Returns the members in a circle around a member.",
			Deprecated: "6.2.0", Instead: byMember,
		},
	}
}

// Where the radius of the old forms stands.
const (
	radiusBehindPosition = 4
	radiusBehindMember   = 3
)

func geosearch(c *Call) error { return c.searchGeo(geoForm{source: 1, search: true}) }

func geosearchstore(c *Call) error {
	return c.searchGeo(geoForm{source: 2, search: true, toFirst: true})
}

func georadius(c *Call) error {
	return c.searchGeo(geoForm{source: 1, radius: radiusBehindPosition, mayStore: true})
}

func georadiusRO(c *Call) error {
	return c.searchGeo(geoForm{source: 1, radius: radiusBehindPosition})
}

func georadiusbymember(c *Call) error {
	return c.searchGeo(geoForm{source: 1, radius: radiusBehindMember, byMember: true, mayStore: true})
}

func georadiusbymemberRO(c *Call) error {
	return c.searchGeo(geoForm{source: 1, radius: radiusBehindMember, byMember: true})
}

// searchGeo is every geo search.
func (c *Call) searchGeo(form geoForm) error {
	v, ok, err := c.view(c.Args[form.source], value.ZSet)
	if err != nil {
		return err
	}
	o := geoOptions{geoForm: form, call: c, set: value.OpenSortedSet(v), absent: !ok}
	if err := o.parse(); err != nil {
		return err
	}
	var found []value.GeoMatch
	if ok {
		c.long(o.set.Len()) // how many of them are near is not known
		found = o.find()
	}
	if o.stores {
		c.storeFound(&o, found)
	} else {
		c.replyFound(&o, found)
	}
	return nil
}

// find returns the members that are wanted, in the order in which they are.
func (o *geoOptions) find() []value.GeoMatch {
	limit := 0
	if o.any {
		limit = int(o.count)
	}
	found := o.set.Near(&o.shape, limit)
	if o.order != geoUnsorted {
		found.Sort(o.order == geoFarthest)
	}
	if o.count > 0 && int64(len(found.List)) > o.count {
		found.List = found.List[:o.count]
	}
	return found.List
}

func (c *Call) replyFound(o *geoOptions, found []value.GeoMatch) {
	parts := 1
	for _, with := range []bool{o.withDist, o.withHash, o.withCoord} {
		if with {
			parts++
		}
	}
	c.Reply.Array(len(found))
	for i := range found {
		m := &found[i]
		if parts > 1 {
			c.Reply.Array(parts)
		}
		c.Reply.Bulk(m.Member)
		if o.withDist {
			c.replyDistance(m.Metres / o.unit)
		}
		if o.withHash {
			c.Reply.Int(value.GeoInteger(m.Score))
		}
		if o.withCoord {
			c.replyPosition(m.At)
		}
	}
}

// storeFound makes the target a sorted set of what was found, with its positions or distances.
func (c *Call) storeFound(o *geoOptions, found []value.GeoMatch) {
	members := make([]value.ScoredMember, len(found))
	for i := range found {
		m := &found[i]
		members[i] = value.ScoredMember{Member: m.Member, Score: m.Score}
		if o.storesDistance {
			members[i].Score = m.Metres / o.unit
		}
	}
	value.SortMembers(members)
	event := shards.EventGeoRadiusStore
	if o.search {
		event = shards.EventGeoSearchStore
	}
	c.storeMembers(o.target, members, event, len(members))
}
