package value

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// The positions and figures of Redis's documentation of GEOADD, GEODIST and GEOHASH.
var (
	palermo = GeoPoint{13.361389, 38.115556}
	catania = GeoPoint{15.087269, 37.502669}
)

func TestGeoFigures(t *testing.T) {
	require.InDelta(t, 3479099956230698, palermo.Score(), 0)
	require.InDelta(t, 3479447370796909, catania.Score(), 0)
	require.Equal(t, "sqc8b49rny0", GeoHash(palermo.Score()))
	require.Equal(t, "sqdtr74hyu0", GeoHash(catania.Score()))
	require.InDelta(t, 166274.1516, GeoDistance(GeoAt(palermo.Score()), GeoAt(catania.Score())), 0.0001)
	require.InDelta(t, 13.36138933897018433, GeoAt(palermo.Score()).Longitude, 1e-15)
	require.InDelta(t, 38.11555639549629859, GeoAt(palermo.Score()).Latitude, 1e-15)
}

// anyPoint leaves the greatest longitude and latitude out: as in Redis, they are in the cell after the last.
func anyPoint(t *rapid.T) GeoPoint {
	return GeoPoint{
		rapid.Float64Range(GeoMinLongitude, 179.999).Draw(t, "longitude"),
		rapid.Float64Range(GeoMinLatitude, 85.051).Draw(t, "latitude"),
	}
}

func TestGeoCells(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := anyPoint(t)
		at := GeoAt(p.Score())
		require.InDelta(t, p.Longitude, at.Longitude, 360.0/(1<<geoMaxStep))
		require.InDelta(t, p.Latitude, at.Latitude, 180.0/(1<<geoMaxStep))
		require.InDelta(t, p.Score(), at.Score(), 0, "the middle of a cell is in it")
		low, high := p.cell(7).scores()
		require.True(t, low <= p.Score() && p.Score() < high)
		c := p.cell(9)
		require.Equal(t, c, c.moved(3, -2).moved(-3, 2))
		require.InDelta(t, c.area().maxLongitude, c.moved(1, 0).area().minLongitude, 361)
	})
}

// TestGeoRangesCover looks for positions near a centre in the ranges that a search of its surroundings looks into.
func TestGeoRangesCover(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		center := GeoPoint{rapid.Float64Range(-170, 170).Draw(t, "longitude"), rapid.Float64Range(-70, 70).Draw(t, "latitude")}
		s := GeoShape{Center: center, Radius: math.Pow(10, rapid.Float64Range(0, 5.5).Draw(t, "radius"))}
		s.IsBox = rapid.Bool().Draw(t, "box")
		s.Width, s.Height = s.Radius*1.2, s.Radius*1.2
		area := s.bounds()
		p := GeoPoint{
			area.minLongitude + rapid.Float64Range(0, 1).Draw(t, "east")*(area.maxLongitude-area.minLongitude),
			area.minLatitude + rapid.Float64Range(0, 1).Draw(t, "north")*(area.maxLatitude-area.minLatitude),
		}
		if _, in := s.Distance(p); !in || !p.Valid() {
			return
		}
		found := false
		s.EachRange(func(low, high float64) bool {
			found = low <= p.Score() && p.Score() < high
			return !found
		})
		require.True(t, found, "%v is within %v", p, s)
	})
}
