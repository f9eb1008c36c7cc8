// Binders: canonical text into typed Snapshot fields.
//
// They only ever see values that a reader produced, so a conversion error cannot happen and is
// not looked at; the table's test feeds every default through them.

package config

import (
	"strconv"
	"strings"
)

type binder = func(s *Snapshot, v string)

func toBool(field func(*Snapshot) *bool) binder {
	return func(s *Snapshot, v string) { *field(s) = v == yes }
}

func toInt[T int | int64](field func(*Snapshot) *T) binder {
	return func(s *Snapshot, v string) { *field(s) = T(decimal(v)) }
}

func toString[T ~string](field func(*Snapshot) *T) binder {
	return func(s *Snapshot, v string) { *field(s) = T(v) }
}

// toMemoryPct stores a percentage as a negative number.
func toMemoryPct(field func(*Snapshot) *int64) binder {
	return func(s *Snapshot, v string) {
		if digits, ok := strings.CutSuffix(v, "%"); ok {
			*field(s) = -decimal(digits)
			return
		}
		*field(s) = decimal(v)
	}
}

func toMode(field func(*Snapshot) *uint32) binder {
	return func(s *Snapshot, v string) {
		n, _ := strconv.ParseUint(v, 8, 32)
		*field(s) = uint32(n)
	}
}

func toWords(field func(*Snapshot) *[]string) binder {
	return func(s *Snapshot, v string) { *field(s) = strings.Fields(v) }
}

func toFloats(field func(*Snapshot) *[]float64) binder {
	return func(s *Snapshot, v string) {
		var out []float64
		for _, word := range strings.Fields(v) {
			f, _ := strconv.ParseFloat(word, 64)
			out = append(out, f)
		}
		*field(s) = out
	}
}

func toShutdown(field func(*Snapshot) *ShutdownFlags) binder {
	return func(s *Snapshot, v string) {
		var flags ShutdownFlags
		for _, word := range strings.Fields(v) {
			flags |= shutdownFlag(word)
		}
		*field(s) = flags
	}
}

func shutdownFlag(word string) ShutdownFlags {
	switch word {
	case "save":
		return ShutdownSave
	case "nosave":
		return ShutdownNoSave
	case "now":
		return ShutdownNow
	case "force":
		return ShutdownForce
	}
	return 0
}

// decimal decodes a canonical number.
func decimal(v string) int64 {
	n, _ := strconv.ParseInt(v, 10, 64)
	return n
}
