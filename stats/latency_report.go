package stats

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Graph draws the spikes of an event: a column each, its height the latency between the lowest and the highest, and
// below it how long ago it was. More than graphWidth spikes are drawn in several pieces. ok is false if there is no such event.
func (m *Monitor) Graph(event string, now int64) (text string, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.events[event]
	if s == nil {
		return "", false
	}
	low := slices.MinFunc(s.spikes, byMillis).Millis
	high := slices.MaxFunc(s.spikes, byMillis).Millis
	var b strings.Builder
	fmt.Fprintf(&b, "%s - high %d ms, low %d ms (all time high %d ms)\n", event, high, low, s.worst)
	b.WriteString(strings.Repeat("-", graphWidth) + "\n")
	for from := 0; from < len(s.spikes); from += graphWidth {
		if from > 0 {
			b.WriteByte('\n')
		}
		columns := s.spikes[from:min(from+graphWidth, len(s.spikes))]
		drawBars(&b, columns, low, high)
		drawAges(&b, columns, now)
	}
	return b.String(), true
}

func byMillis(a, b Spike) int { return cmp.Compare(a.Millis, b.Millis) }

const (
	graphWidth  = 80 // columns
	graphRows   = 4
	levelsARow  = 3 // how many heights the top of a bar tells apart within a row
	graphLevels = graphRows * levelsARow
	barTops     = "_o#" // the top of a bar, by how far it reaches into its row
)

// drawBars draws rows from the top down.
func drawBars(b *strings.Builder, spikes []Spike, low, high int64) {
	for row := graphRows - 1; row >= 0; row-- {
		for _, s := range spikes {
			b.WriteByte(barAt(level(s.Millis, low, high) - row*levelsARow))
		}
		b.WriteByte('\n')
	}
	b.WriteString(strings.Repeat(" ", len(spikes)) + "\n")
}

// level is the height of a bar, from 0 to graphLevels-1.
func level(ms, low, high int64) int {
	return min(int((ms-low)*graphLevels/max(high-low, 1)), graphLevels-1)
}

// barAt is what a bar shows in a row that its top is that many levels above the foot of.
func barAt(above int) byte {
	switch {
	case above < 0:
		return ' '
	case above >= levelsARow:
		return '|'
	}
	return barTops[above]
}

// drawAges writes how long ago each spike was, downwards: "15s", "3m".
func drawAges(b *strings.Builder, spikes []Spike, now int64) {
	ages := make([]string, len(spikes))
	longest := 0
	for i, s := range spikes {
		ages[i] = age(now - s.Unix)
		longest = max(longest, len(ages[i]))
	}
	for row := range longest {
		for _, a := range ages {
			if row < len(a) {
				b.WriteByte(a[row])
				continue
			}
			b.WriteByte(' ')
		}
		b.WriteByte('\n')
	}
}

func age(seconds int64) string {
	units := []struct {
		seconds int64
		letter  string
	}{{24 * 60 * 60, "d"}, {60 * 60, "h"}, {60, "m"}}
	for _, u := range units {
		if seconds >= u.seconds {
			return fmt.Sprintf("%d%s", seconds/u.seconds, u.letter)
		}
	}
	return fmt.Sprintf("%ds", max(seconds, 0))
}
