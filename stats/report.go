package stats

import (
	"fmt"
	"strings"
)

// Report builds the text of INFO: sections of lines "name:value", every line ended by CRLF, an empty one between
// sections. The zero value is an empty report.
type Report struct{ text strings.Builder }

// Section begins a section.
func (r *Report) Section(title string) {
	if r.text.Len() > 0 {
		r.text.WriteString("\r\n")
	}
	r.text.WriteString("# " + title + "\r\n")
}

// Add adds a field whose value prints by itself.
func (r *Report) Add(name string, value any) {
	fmt.Fprintf(&r.text, "%s:%v\r\n", name, value)
}

// Addf adds a field whose value has a format.
func (r *Report) Addf(name, format string, values ...any) {
	r.Add(name, fmt.Sprintf(format, values...))
}

// AddBytes adds a number of bytes, and beside it the same for people.
func (r *Report) AddBytes(name string, n int64) {
	r.Add(name, n)
	r.Add(name+"_human", HumanBytes(n))
}

// String is the text so far.
func (r *Report) String() string { return r.text.String() }

// HumanBytes prints a number of bytes as INFO does: "994B", "1.50K", "12.34G".
func HumanBytes(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%dB", n)
	}
	units := "KMGTP"
	f := float64(n) / unit
	for f >= unit && len(units) > 1 {
		f /= unit
		units = units[1:]
	}
	return fmt.Sprintf("%.2f%c", f, units[0])
}
