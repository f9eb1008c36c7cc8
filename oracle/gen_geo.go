package oracle

// The generator's table of the geo commands. Positions are drawn from a continuous range, so that no two members are
// equally far from a centre: which of equally near ones COUNT leaves out depends on how Redis sorts. Keys of this table
// hold nothing but positions (kind "geokey"); sorted sets of other tables are searched too, but without COUNT.
// Nothing is stored by distance: Go's sine and C's differ in the last bit now and then, which shows where a distance is a score.

import (
	"slices"
	"strconv"
	"strings"
)

func geoTable() Table {
	const (
		with   = "[WITHCOORD] [WITHDIST] [WITHHASH] [ASC|DESC]"
		circle = "BYRADIUS distance unit"
		box    = "BYBOX distance distance unit"
		all    = with + " [COUNT geocount] [COUNT geocount ANY] [ASC|DESC]"
	)
	return Table{
		Name: "geo",
		Kinds: map[string]func(g *Generator) string{
			"geokey": func(g *Generator) string { return geoKeys + strconv.Itoa(g.rand.IntN(3)) },
			"lon":    func(g *Generator) string { return coordinate(g, 180, pick(g, 180.0, 5)) },
			"lat":    func(g *Generator) string { return coordinate(g, 85.05112878, pick(g, 85.0, 5)) },
			"unit": func(g *Generator) string {
				if g.rand.IntN(20) == 0 {
					return pick(g, "", "yd", "x", "mm")
				}
				return pick(g, "m", "km", "KM", "ft", "mi", "km", "km")
			},
			"distance": func(g *Generator) string {
				if g.rand.IntN(20) == 0 {
					return pick(g, "0", "-1", "x", "", "nan", "inf", "1e300", "1e-300", "0x10")
				}
				return strconv.FormatFloat(pick(g, 1.0, 100, 1000, 5000)*g.rand.Float64()*4, 'f', 3, 64)
			},
			"geocount": func(g *Generator) string {
				if g.rand.IntN(20) == 0 {
					return pick(g, "0", "-1", "x", "9223372036854775807", "9223372036854775808")
				}
				return strconv.Itoa(1 + g.rand.IntN(8))
			},
			"place": func(g *Generator) string { return pick(g, "p", "p", "p", "") + strconv.Itoa(g.rand.IntN(40)) },
		},
		Forms: []Form{
			{6, "GEOADD geokey (lon lat place)+"},
			{3, "GEOADD geokey [NX|XX] [CH] (lon lat place)+"},
			{1, "GEOADD geokey [NX] [XX] [CH] (lon lat place)+"},
			{1, "GEODIST (geokey|key) place place [unit]"},
			{1, "GEOHASH (geokey|key) (place)+"},
			{1, "GEOPOS (geokey|key) (place)+"},
			{3, "GEOSEARCH geokey FROMMEMBER place " + circle + " " + all},
			{3, "GEOSEARCH geokey FROMLONLAT lon lat " + circle + " " + all},
			{3, "GEOSEARCH geokey " + box + " FROMLONLAT lon lat " + all},
			{2, "GEOSEARCH geokey FROMMEMBER place " + box + " " + all},
			{1, "GEOSEARCH geokey [FROMMEMBER place] [FROMLONLAT lon lat] [" + circle + "] [" + box + "] [ANY] " + with},
			{1, "GEOSEARCH key FROMLONLAT lon lat " + circle + " [WITHCOORD] [WITHHASH]"},
			{2, "GEOSEARCHSTORE geokey geokey FROMLONLAT lon lat " + circle + " [ASC|DESC] [COUNT geocount] [ANY]"},
			{1, "GEOSEARCHSTORE key geokey FROMMEMBER place " + box + " [COUNT geocount] [ANY] [WITHDIST]"},
			{1, "GEOSEARCHSTORE key key FROMLONLAT lon lat " + circle},
			{2, "GEORADIUS geokey lon lat distance unit " + all},
			{1, "GEORADIUS_RO geokey lon lat distance unit " + all + " [STORE key]"},
			{1, "GEORADIUS geokey lon lat distance unit [STORE key] [COUNT geocount] [STORE key] [ASC|DESC] [WITHDIST]"},
			{2, "GEORADIUSBYMEMBER geokey place distance unit " + all},
			{1, "GEORADIUSBYMEMBER_RO geokey place distance unit " + all + " [STOREDIST key]"},
			{1, "GEORADIUSBYMEMBER geokey place distance unit [STORE key] [STORE geokey] [COUNT geocount] [ANY]"},
			{1, "ZREM geokey place"},
		},
		Avoid: func(args []string) bool {
			isCount := func(arg string) bool { return strings.EqualFold(arg, "count") }
			if len(args) < 3 || !strings.HasPrefix(strings.ToLower(args[0]), "geo") || !slices.ContainsFunc(args, isCount) {
				return false
			}
			source := args[1]
			if strings.EqualFold(args[0], "geosearchstore") {
				source = args[2]
			}
			return !strings.HasPrefix(source, geoKeys)
		},
	}
}

// geoKeys is how the names of keys that hold positions alone begin.
const geoKeys = "geo"

// coordinate draws one between -spread and spread, and now and then an edge of what is valid or something else.
func coordinate(g *Generator, edge, spread float64) string {
	text := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	switch g.rand.IntN(120) {
	case 0:
		return pick(g, "", "x", "inf", "-inf", "nan", "1e20", text(edge+1), text(-edge-0.0001), "0x10")
	case 1:
		return text(pick(g, edge, -edge, 0))
	}
	return text((2*g.rand.Float64() - 1) * spread)
}
