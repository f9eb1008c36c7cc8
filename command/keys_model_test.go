package command

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// modelKey is a key as the naive model keeps it; deadline is in unix milliseconds, 0 for none.
type modelKey struct {
	value    string
	deadline int64
}

// keysModel is what the commands on keys do, said as simply as possible: a map a database.
type keysModel struct {
	dbs []map[string]modelKey
	now int64 // unix milliseconds
}

func newKeysModel(databases int) *keysModel {
	m := &keysModel{now: rigStart / int64(time.Millisecond)}
	for range databases {
		m.dbs = append(m.dbs, map[string]modelKey{})
	}
	return m
}

// expire drops what is past its deadline.
func (m *keysModel) expire() {
	for _, db := range m.dbs {
		maps.DeleteFunc(db, func(_ string, k modelKey) bool { return k.deadline != 0 && k.deadline < m.now })
	}
}

func (m *keysModel) has(db int, key string) bool {
	_, ok := m.dbs[db][key]
	return ok
}

// rename is RENAME, or with onlyNew RENAMENX.
func (m *keysModel) rename(db int, from, to string, onlyNew bool) string {
	ok := map[bool]string{false: "+OK", true: ":1"}[onlyNew]
	switch {
	case !m.has(db, from):
		return "-ERR no such key"
	case onlyNew && m.has(db, to):
		return ":0"
	case from == to:
		return ok
	}
	m.dbs[db][to] = m.dbs[db][from]
	delete(m.dbs[db], from)
	return ok
}

func (m *keysModel) copy(db, toDB int, from, to string, replace bool) string {
	switch {
	case db == toDB && from == to:
		return "-ERR source and destination objects are the same"
	case !m.has(db, from) || m.has(toDB, to) && !replace:
		return ":0"
	}
	m.dbs[toDB][to] = m.dbs[db][from]
	return ":1"
}

func (m *keysModel) move(db, toDB int, key string) string {
	reply := m.copy(db, toDB, key, key, false)
	if reply == ":1" {
		delete(m.dbs[db], key)
	}
	return reply
}

// pexpireat is PEXPIREAT with one option or none.
func (m *keysModel) pexpireat(db int, key string, at int64, option string) string {
	k, ok := m.dbs[db][key]
	timed := k.deadline != 0
	holds := map[string]bool{
		"": true, "NX": !timed, "XX": timed, "GT": timed && at > k.deadline, "LT": !timed || at < k.deadline,
	}[option]
	switch {
	case !ok || !holds:
		return ":0"
	case at <= m.now:
		delete(m.dbs[db], key)
	default:
		m.dbs[db][key] = modelKey{k.value, at}
	}
	return ":1"
}

func (m *keysModel) persist(db int, key string) string {
	k := m.dbs[db][key]
	if k.deadline == 0 {
		return ":0"
	}
	m.dbs[db][key] = modelKey{value: k.value}
	return ":1"
}

// dump is all that the model holds, in order.
func (m *keysModel) dump() (lines []string) {
	for i, db := range m.dbs {
		for key, k := range db {
			lines = append(lines, fmt.Sprint(i, " ", key, " ", k.value, " ", k.deadline))
		}
	}
	slices.Sort(lines)
	return lines
}

// dump is all that the server holds, found by KEYS, in order.
func (r *keysRig) dump() (lines []string) {
	for db := range r.exec.group.Databases() {
		for _, key := range elements(r.do(db, "KEYS *")) {
			value := strings.SplitN(r.run(db, "GET", key), " ", 2)[1]
			deadline, err := strconv.Atoi(r.run(db, "PEXPIRETIME", key)[1:])
			require.NoError(r.t, err)
			lines = append(lines, fmt.Sprint(db, " ", key, " ", value, " ", max(deadline, 0)))
		}
	}
	slices.Sort(lines)
	return lines
}

// elements are those of an array of bulk strings without spaces.
func elements(reply string) (found []string) {
	for i, word := range strings.Fields(reply)[1:] {
		if i%2 == 1 {
			found = append(found, word)
		}
	}
	return found
}

func TestKeysAgainstModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := newKeysRig(t)
		m := newKeysModel(r.exec.group.Databases())
		key := rapid.SampledFrom([]string{"a", "b", "c", "{a}1", "{a}2", strings.Repeat("long", 100)})
		value := rapid.SampledFrom([]string{"1", "text", strings.Repeat("v", 100), strings.Repeat("large", 2000)})
		dbs := rapid.IntRange(0, 3)
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			db, k, k2, db2 := dbs.Draw(t, "db"), key.Draw(t, "key"), key.Draw(t, "key2"), dbs.Draw(t, "db2")
			var got, want string
			switch rapid.IntRange(0, 10).Draw(t, "command") {
			case 0, 1, 2:
				v := value.Draw(t, "value")
				got, want = r.run(db, "SET", k, v), "+OK"
				m.dbs[db][k] = modelKey{value: v}
			case 3:
				onlyNew := rapid.Bool().Draw(t, "nx")
				name := map[bool]string{false: "RENAME", true: "RENAMENX"}[onlyNew]
				got, want = r.run(db, name, k, k2), m.rename(db, k, k2, onlyNew)
			case 4:
				words := []string{"COPY", k, k2, "DB", strconv.Itoa(db2)}
				replace := rapid.Bool().Draw(t, "replace")
				if replace {
					words = append(words, "REPLACE")
				}
				got, want = r.run(db, words...), m.copy(db, db2, k, k2, replace)
			case 5:
				got, want = r.run(db, "MOVE", k, strconv.Itoa(db2)), m.move(db, db2, k)
			case 6, 7:
				at := m.now + rapid.Int64Range(-5, 200).Draw(t, "in")
				option := rapid.SampledFrom([]string{"", "NX", "XX", "GT", "LT"}).Draw(t, "option")
				words := []string{"PEXPIREAT", k, strconv.FormatInt(at, 10)}
				if option != "" {
					words = append(words, option)
				}
				got, want = r.run(db, words...), m.pexpireat(db, k, at, option)
			case 8:
				got, want = r.run(db, "PERSIST", k), m.persist(db, k)
			case 9:
				got, want = r.run(db, "SWAPDB", strconv.Itoa(db), strconv.Itoa(db2)), "+OK"
				m.dbs[db], m.dbs[db2] = m.dbs[db2], m.dbs[db]
			case 10:
				pause := rapid.Int64Range(0, 60).Draw(t, "ms")
				r.advance(time.Duration(pause) * time.Millisecond)
				m.now += pause
				m.expire()
			}
			require.Equal(t, want, got)
		}
		require.Equal(t, m.dump(), r.dump())
	})
}
