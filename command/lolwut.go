// lolwut.go: LOLWUT, a picture and the version. The picture is a moon over water, different each time.

package command

import (
	"math/rand/v2"
	"strings"
)

func lolwutRows() []Row {
	return []Row{
		{
			Name: "lolwut", Arity: -1, Flags: ReadOnly | Fast, Place: OnConnection, Run: lolwut,
			Since: "5.0.0", Doc: "Draws a picture, and tells the version.",
		},
	}
}

// The picture's size, and how large a client may have it.
const (
	defaultColumns = 60
	defaultRows    = 6 // of water
	maxColumns     = 1000
	maxRows        = 1000
	firstArtOption = 3 // LOLWUT VERSION n columns rows
)

func lolwut(c *Call) error {
	columns, rows := int64(defaultColumns), int64(defaultRows)
	if len(c.Args) >= firstArtOption && c.Option(1, "version") {
		for i := 2; i < len(c.Args); i++ {
			n, err := c.Int(i)
			if err != nil {
				return err
			}
			switch i {
			case firstArtOption:
				columns = min(max(n, 1), maxColumns)
			case firstArtOption + 1:
				rows = min(max(n, 1), maxRows)
			}
		}
	}
	c.Reply.Verbatim("txt", []byte(moonrise(int(columns), int(rows))+"\nA quiet night. Redis ver. "+RedisVersion+"\n"))
	return nil
}

// moonrise draws a moon somewhere above water that glitters below it.
func moonrise(columns, rows int) string {
	moon := rand.IntN(columns)
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", moon) + "o\n")
	for row := range rows {
		for column := range columns {
			b.WriteByte(ripple(max(column-moon, moon-column), row))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// ripple is a piece of water: light the likelier the nearer it is to the moon's track, which widens with the row.
func ripple(fromMoon, row int) byte {
	const dark, light = "~-_ ", "*'."
	if rand.IntN(fromMoon+1) <= row/2 {
		return light[rand.IntN(len(light))]
	}
	return dark[rand.IntN(len(dark))]
}
