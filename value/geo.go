// geo.go: positions on the earth as scores of a sorted set. A position is a cell of a grid: the bits of its latitude and longitude, 26
// each, interleaved, make a number of 52 bits, which a score holds exactly, and cells that are near each other mostly have
// scores near each other. So a search covers its area with a few larger cells, each of which is one range of scores.
//
// The grid spans the longitudes from -180 to 180 and the latitudes of Web Mercator (EPSG:900913), as Redis's does; distances are
// those on a sphere (haversine) with Redis's radius. The order in which cells are searched is Redis's too, since replies come in it.

package value

import "math"

// The positions that can be kept, in degrees.
const (
	GeoMinLongitude = -180.0
	GeoMaxLongitude = 180.0
	GeoMinLatitude  = -85.05112878
	GeoMaxLatitude  = 85.05112878
)

const (
	geoMaxStep = 26                                 // bits of each coordinate
	geoBits    = 2 * geoMaxStep                     // of a score
	geoRadius  = 6372797.560856                     // of the earth, in metres
	geoHalfway = 20037726.37                        // half of the circumference in Web Mercator, in metres
	geoAlpha   = "0123456789bcdefghjkmnpqrstuvwxyz" // the digits of a geohash text
	geoText    = 11                                 // digits of a geohash text
)

// GeoPoint is a position in degrees.
type GeoPoint struct{ Longitude, Latitude float64 }

// Valid reports whether the position can be kept.
func (p GeoPoint) Valid() bool {
	return p.Longitude >= GeoMinLongitude && p.Longitude <= GeoMaxLongitude &&
		p.Latitude >= GeoMinLatitude && p.Latitude <= GeoMaxLatitude
}

// Score is the position's cell, as the score that it is kept by.
func (p GeoPoint) Score() float64 { return float64(p.cell(geoMaxStep).bits) }

// GeoAt is the middle of the cell that a score stands for.
func GeoAt(score float64) GeoPoint {
	area := geoCell{geoCellBits(score), geoMaxStep}.area()
	return GeoPoint{
		Longitude: clamp((area.minLongitude+area.maxLongitude)/2, GeoMinLongitude, GeoMaxLongitude),
		Latitude:  clamp((area.minLatitude+area.maxLatitude)/2, GeoMinLatitude, GeoMaxLatitude),
	}
}

// beyondInt is the least number that is above all of int64.
const beyondInt = 1 << 63

// GeoInteger is a score as an integer. One that is none, which no position has, is what Redis's processor makes of it.
func GeoInteger(score float64) int64 {
	if score >= beyondInt || score < -beyondInt {
		return math.MinInt64
	}
	return int64(score)
}

// geoCellBits is a score as the bits of a cell, by the same rule.
func geoCellBits(score float64) uint64 {
	if score >= beyondInt {
		return uint64(GeoInteger(score-beyondInt)) ^ beyondInt
	}
	return uint64(GeoInteger(score))
}

func clamp(v, low, high float64) float64 { return math.Max(low, math.Min(high, v)) }

// GeoHash is the standard geohash text of the cell of a score: of its middle, on the standard's grid, whose latitudes go from -90 to
// 90. The last of its 11 digits is always 0, since 52 bits are ten digits and two bits.
func GeoHash(score float64) string {
	p := GeoAt(score)
	bits := interleave(fraction(p.Latitude, -90, 90, geoMaxStep), fraction(p.Longitude, -180, 180, geoMaxStep))
	var out [geoText]byte
	for i := range out {
		digit := uint64(0)
		if i < geoText-1 {
			digit = bits >> (geoBits - 5*(i+1)) & 31
		}
		out[i] = geoAlpha[digit]
	}
	return string(out[:])
}

// fraction is where v is between low and high, in bits of 1.
func fraction(v, low, high float64, step int) uint32 {
	return uint32((v - low) / (high - low) * float64(uint64(1)<<step))
}

// interleave puts the bits of even at even places and those of odd at odd ones.
func interleave(even, odd uint32) uint64 { return spread(even) | spread(odd)<<1 }

// spread puts a zero before every bit.
func spread(v uint32) uint64 {
	x := uint64(v)
	x = (x | x<<16) & 0x0000ffff0000ffff
	x = (x | x<<8) & 0x00ff00ff00ff00ff
	x = (x | x<<4) & 0x0f0f0f0f0f0f0f0f
	x = (x | x<<2) & 0x3333333333333333
	return (x | x<<1) & 0x5555555555555555
}

// gather undoes spread, taking every second bit.
func gather(x uint64) uint32 {
	x &= 0x5555555555555555
	x = (x | x>>1) & 0x3333333333333333
	x = (x | x>>2) & 0x0f0f0f0f0f0f0f0f
	x = (x | x>>4) & 0x00ff00ff00ff00ff
	x = (x | x>>8) & 0x0000ffff0000ffff
	return uint32(x | x>>16)
}

// geoCell is a cell of the grid whose coordinates have step bits each.
type geoCell struct {
	bits uint64
	step int
}

// cell is the cell of a grid that the position is in.
func (p GeoPoint) cell(step int) geoCell {
	latitude := fraction(p.Latitude, GeoMinLatitude, GeoMaxLatitude, step)
	longitude := fraction(p.Longitude, GeoMinLongitude, GeoMaxLongitude, step)
	return geoCell{interleave(latitude, longitude), step}
}

// geoArea is a rectangle, in degrees.
type geoArea struct{ minLongitude, maxLongitude, minLatitude, maxLatitude float64 }

func (c geoCell) area() geoArea {
	latitude, longitude := float64(gather(c.bits)), float64(gather(c.bits>>1))
	scale := float64(uint64(1) << c.step)
	return geoArea{
		minLongitude: GeoMinLongitude + longitude/scale*(GeoMaxLongitude-GeoMinLongitude),
		maxLongitude: GeoMinLongitude + (longitude+1)/scale*(GeoMaxLongitude-GeoMinLongitude),
		minLatitude:  GeoMinLatitude + latitude/scale*(GeoMaxLatitude-GeoMinLatitude),
		maxLatitude:  GeoMinLatitude + (latitude+1)/scale*(GeoMaxLatitude-GeoMinLatitude),
	}
}

// moved is the cell so many cells to the east and north; the grid is a torus. A coordinate that is not moved keeps a bit too many, which that
// of the greatest longitude or latitude has: as in Redis, that cell is none of the grid, but its neighbours are.
func (c geoCell) moved(east, north int) geoCell {
	mask := uint32(1)<<c.step - 1
	latitude, longitude := gather(c.bits), gather(c.bits>>1)
	if north != 0 {
		latitude = (latitude + uint32(north)) & mask
	}
	if east != 0 {
		longitude = (longitude + uint32(east)) & mask
	}
	return geoCell{interleave(latitude, longitude), c.step}
}

// scores is the range of scores of the positions in the cell: from min, and below max.
func (c geoCell) scores() (low, high float64) {
	shift := geoBits - 2*c.step
	return float64(c.bits << shift), float64((c.bits + 1) << shift)
}

func radians(degrees float64) float64 { return degrees * (math.Pi / 180) }

func degrees(radians float64) float64 { return radians / (math.Pi / 180) }

// GeoDistance is the distance of two positions in metres.
func GeoDistance(a, b GeoPoint) float64 {
	lon1, lat1, lon2, lat2 := radians(a.Longitude), radians(a.Latitude), radians(b.Longitude), radians(b.Latitude)
	v := math.Sin((lon2 - lon1) / 2)
	if v == 0 {
		return geoRadius * math.Abs(lat2-lat1)
	}
	u := math.Sin((lat2 - lat1) / 2)
	return 2 * geoRadius * math.Asin(math.Sqrt(u*u+math.Cos(lat1)*math.Cos(lat2)*v*v))
}

// GeoShape is what is searched: a circle, or a rectangle whose sides run along the meridians and parallels.
type GeoShape struct {
	Center        GeoPoint
	Radius        float64 // metres; of a circle
	Width, Height float64 // metres; of a rectangle
	IsBox         bool
}

// Distance is how far a position is from the centre, in metres; ok is false if it is not in the shape.
func (s *GeoShape) Distance(p GeoPoint) (metres float64, ok bool) {
	if !s.IsBox {
		metres = GeoDistance(s.Center, p)
		return metres, metres <= s.Radius
	}
	if GeoDistance(p, GeoPoint{p.Longitude, s.Center.Latitude}) > s.Height/2 {
		return 0, false
	}
	if GeoDistance(p, GeoPoint{s.Center.Longitude, p.Latitude}) > s.Width/2 {
		return 0, false
	}
	return GeoDistance(s.Center, p), true
}

// reach is the radius of the circle around the shape.
func (s *GeoShape) reach() float64 {
	if s.IsBox {
		return math.Sqrt(s.Width/2*(s.Width/2) + s.Height/2*(s.Height/2))
	}
	return s.Radius
}

// bounds is a rectangle that the shape is in. Parallels get shorter towards the poles, so the side that is nearer to the pole is what its
// meridians are taken from.
func (s *GeoShape) bounds() geoArea {
	height, width := s.Radius, s.Radius
	if s.IsBox {
		height, width = s.Height/2, s.Width/2
	}
	lat := degrees(height / geoRadius)
	edge := s.Center.Latitude + lat
	if s.Center.Latitude < 0 {
		edge = s.Center.Latitude - lat
	}
	lon := degrees(width / geoRadius / math.Cos(radians(edge)))
	return geoArea{
		s.Center.Longitude - lon, s.Center.Longitude + lon,
		s.Center.Latitude - lat, s.Center.Latitude + lat,
	}
}

// step is how fine a grid is whose cells are about as large as a radius; near the poles cells are narrower.
func geoStep(radius, latitude float64) int {
	if radius == 0 {
		return geoMaxStep
	}
	step := 1
	for ; radius < geoHalfway; radius *= 2 {
		step++
	}
	step -= 2
	if math.Abs(latitude) > 66 {
		step--
		if math.Abs(latitude) > 80 {
			step--
		}
	}
	return max(1, min(step, geoMaxStep))
}

// geoNeighbours are the cells that a search looks into, by how far to the east and north of the middle one, in Redis's order.
var geoNeighbours = [...]struct{ east, north int }{
	{0, 0}, {0, 1}, {0, -1}, {1, 0}, {-1, 0}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1},
}

// EachRange calls fn with the ranges of scores that the shape's positions are in, low included and high not, until fn returns false.
func (s *GeoShape) EachRange(fn func(low, high float64) bool) {
	bounds := s.bounds()
	step := geoStep(s.reach(), s.Center.Latitude)
	middle := s.Center.cell(step)
	if step > 1 && bounds.sticksOut(middle) {
		step--
		middle = s.Center.cell(step)
	}
	area := middle.area()
	var last geoCell
	lastAt := 0
	for i, n := range geoNeighbours {
		if step >= 2 && bounds.endsBefore(&area, n.east, n.north) {
			continue
		}
		c := middle.moved(n.east, n.north)
		if lastAt > 0 && c == last {
			continue // of a large radius: the grid has gone round
		}
		last, lastAt = c, i
		if !fn(c.scores()) {
			return
		}
	}
}

// endsBefore reports whether an area does not reach beyond another in one of the directions of a neighbour.
func (a *geoArea) endsBefore(middle *geoArea, east, north int) bool {
	return north < 0 && middle.minLatitude < a.minLatitude || north > 0 && middle.maxLatitude > a.maxLatitude ||
		east < 0 && middle.minLongitude < a.minLongitude || east > 0 && middle.maxLongitude > a.maxLongitude
}

// sticksOut reports whether an area reaches beyond the neighbours of a cell.
func (a *geoArea) sticksOut(middle geoCell) bool {
	return middle.moved(0, 1).area().maxLatitude < a.maxLatitude ||
		middle.moved(0, -1).area().minLatitude > a.minLatitude ||
		middle.moved(1, 0).area().maxLongitude < a.maxLongitude ||
		middle.moved(-1, 0).area().minLongitude > a.minLongitude
}
