package command

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"respite/shards"
)

const rigMillis = rigStart / int64(time.Millisecond)

// eachEncoding runs a test with packed hashes and with large ones.
func eachEncoding(t *testing.T, test func(t *testing.T, r *keysRig)) {
	for name, entries := range map[string]int64{"packed": 512, "large": 0} {
		t.Run(name, func(t *testing.T) { test(t, newHashRig(t, entries)) })
	}
}

func TestEventsOfDeadlines(t *testing.T) {
	for _, tc := range []struct {
		before, command string
		wait            time.Duration
		reply           string
		events          []string
	}{
		{"HSET h a 1", "HEXPIRE h 10 FIELDS 2 a b", 0, "*2 :1 :-2", []string{"hexpire"}},
		{"HSET h a 1", "HEXPIRE h 10 FIELDS 1 b", 0, "*1 :-2", nil},
		{"HSET h a 1", "HEXPIRE h 10 XX FIELDS 1 a", 0, "*1 :0", nil},
		{"HSET h a 1 b 2", "HEXPIRE h 0 FIELDS 1 a", 0, "*1 :2", []string{"hdel"}},
		{"HSET h a 1", "HPEXPIREAT h 1 FIELDS 1 a", 0, "*1 :2", []string{"hdel", "del"}},
		{"HSETEX h EX 10 FIELDS 1 a 1", "HPERSIST h FIELDS 1 a", 0, "*1 :1", []string{"hpersist"}},
		{"HSET h a 1", "HPERSIST h FIELDS 1 a", 0, "*1 :-1", nil},
		{"HSET h a 1 b 2", "HGETDEL h FIELDS 2 a c", 0, "*2 $1 1 $-1", []string{"hdel"}},
		{"HSET h a 1", "HGETDEL h FIELDS 1 a", 0, "*1 $1 1", []string{"hdel", "del"}},
		{"HSET h a 1", "HGETDEL h FIELDS 1 b", 0, "*1 $-1", nil},
		{"HSET h a 1", "HGETEX h FIELDS 1 a", 0, "*1 $1 1", nil},
		{"HSET h a 1", "HGETEX h EX 10 FIELDS 1 a", 0, "*1 $1 1", []string{"hexpire"}},
		{"HSET h a 1", "HGETEX h EX 10 FIELDS 1 b", 0, "*1 $-1", nil},
		{"HSET h a 1", "HGETEX h PERSIST FIELDS 1 a", 0, "*1 $1 1", nil},
		{"HSETEX h EX 10 FIELDS 1 a 1", "HGETEX h PERSIST FIELDS 1 a", 0, "*1 $1 1", []string{"hpersist"}},
		{"HSET h a 1 b 1", "HGETEX h EX 0 FIELDS 1 a", 0, "*1 $1 1", []string{"hdel"}},
		{"HSET h a 1", "HGETEX h EXAT 0 FIELDS 1 a", 0, "*1 $1 1", []string{"hdel", "del"}},
		{"HSET h b 1", "HSETEX h FIELDS 1 a 1", 0, ":1", []string{"hset"}},
		{"HSET h b 1", "HSETEX h EX 10 FIELDS 1 a 1", 0, ":1", []string{"hset", "hexpire"}},
		{"HSET h b 1", "HSETEX h EX 0 FIELDS 1 a 1", 0, ":1", []string{"hset", "hdel"}},
		{"SET x x", "HSETEX h EX 0 FIELDS 1 a 1", 0, ":1", []string{"hset", "hdel", "del"}},
		{"HSET h b 1", "HSETEX h FNX EX 10 FIELDS 1 b 1", 0, ":0", nil},

		// What has expired goes when it is asked for.
		{"HSETEX h PX 5 FIELDS 2 a 1 b 1", "HGET h a", 6, "$-1", []string{"hexpired"}},
		{"HSETEX h PX 5 FIELDS 1 a 1", "HGET h a", 5, "$1 1", nil},
		{"HSETEX h PX 5 FIELDS 1 a 1", "HGET h a", 6, "$-1", []string{"hexpired", "del"}},
		{"HSETEX h PX 5 FIELDS 1 a 1", "HGET h b", 6, "$-1", nil},
		{"HSETEX h PX 5 FIELDS 2 a 1 b 1", "HMGET h a b", 6, "*2 $-1 $-1", []string{"hexpired", "del"}},
		{"HSETEX h PX 5 FIELDS 2 a 1 b 1", "HEXISTS h a", 6, ":0", []string{"hexpired"}},
		{"HSETEX h PX 5 FIELDS 2 a 1 b 1", "HSTRLEN h a", 6, ":0", []string{"hexpired"}},
		{"HSETEX h PX 5 FIELDS 2 a 1 b 1", "HDEL h a", 6, ":1", []string{"hdel"}},
		{"HSETEX h PX 5 FIELDS 2 a 1 b 1", "HLEN h", 6, ":2", nil},
		{"HSETEX h PX 5 FIELDS 2 a 1 b 1", "HGETALL h", 6, "*0", nil},
		{"HSETEX h PX 5 FIELDS 1 a 7", "HINCRBY h a 1", 6, ":1", []string{"hexpired", "hincrby"}},
		{"HSETEX h PX 5 FIELDS 1 a 7", "HINCRBYFLOAT h a 1", 6, "$1 1", []string{"hexpired", "hincrbyfloat"}},
		{"HSETEX h PX 5 FIELDS 1 a 7", "HINCRBY h b 1", 6, ":1", []string{"hincrby"}},
		{"HSETEX h PX 5 FIELDS 1 a 7", "HSETNX h a 1", 6, ":1", []string{"hexpired", "hset"}},
		{"HSETEX h PX 5 FIELDS 1 a 7", "HRANDFIELD h", 6, "$-1", []string{"hexpired", "del"}},
		{"HSETEX h PX 5 FIELDS 1 a 7", "HRANDFIELD h 3", 6, "*0", []string{"hexpired", "del"}},
		{"HSETEX h PX 5 FIELDS 1 a 7", "HGETEX h EX 10 FIELDS 1 a", 6, "*1 $-1", []string{"hexpired", "del"}},
		{"HSETEX h PX 5 FIELDS 2 a 7 b 7", "HGETDEL h FIELDS 1 a", 6, "*1 $-1", []string{"hexpired"}},
		{"HSETEX h PX 5 FIELDS 2 a 7 b 7", "HSETEX h FXX FIELDS 1 a 1", 6, ":0", []string{"hexpired"}},
		{"HSETEX h PX 5 FIELDS 1 a 7", "HSETEX h FNX KEEPTTL FIELDS 1 a 1", 6, ":1", []string{"hset"}},
	} {
		eachEncoding(t, func(t *testing.T, r *keysRig) {
			r.do(0, tc.before)
			r.advance(tc.wait * time.Millisecond)
			r.events = nil
			require.Equal(t, tc.reply, r.do(0, tc.command), tc.command)
			var want []string
			for _, e := range tc.events {
				want = append(want, "0 "+e+" h")
			}
			require.Equal(t, want, r.events, "%s; %s", tc.before, tc.command)
		})
	}
}

func TestExpiredFieldsAreCounted(t *testing.T) {
	eachEncoding(t, func(t *testing.T, r *keysRig) {
		r.do(0, "HSETEX h PX 5 FIELDS 4 a 1 b 1 c 1 d 1")
		r.advance(6 * time.Millisecond)
		r.do(0, "HMGET h a b x")
		r.do(0, "HRANDFIELD h 5")
		r.exec.group.Run(r.exec.group.All(), 0, func(tx *shards.Tx) {
			require.EqualValues(t, 4, tx.Stats().ExpiredFields)
			require.Zero(t, tx.Stats().Expired)
		})
	})
}

func TestHrandfieldDrawsWhatHasNotExpired(t *testing.T) {
	const fields, dropped = 1000, 40 // by one command at most: see mostDropped
	eachEncoding(t, func(t *testing.T, r *keysRig) {
		for i := range fields {
			if i%2 == 0 {
				r.do(0, fmt.Sprintf("HSET h f%d v%d", i, i))
			} else {
				r.do(0, fmt.Sprintf("HSETEX h PX 5 FIELDS 1 f%d v%d", i, i))
			}
		}
		r.advance(6 * time.Millisecond)
		for _, count := range []int{1, 2, 10, 400, 500, 600, -20} {
			drawn := bulks(r.do(0, fmt.Sprintf("HRANDFIELD h %d", count)))
			require.Len(t, drawn, min(max(count, -count), fields/2))
			if count > 0 {
				slices.Sort(drawn)
				require.Len(t, slices.Compact(drawn), len(drawn))
			}
			for _, field := range append(drawn, bulks(r.do(0, "HRANDFIELD h"))...) {
				require.Contains(t, "02468", field[len(field)-1:])
			}
		}
	})
}

func TestSortFindsNoFieldThatHasExpired(t *testing.T) {
	eachEncoding(t, func(t *testing.T, r *keysRig) {
		r.do(0, "RPUSH l 1 2")
		r.do(0, "HSETEX h:1 PX 5 FIELDS 1 name one")
		r.do(0, "HSETEX h:2 PX 50 FIELDS 1 name two")
		require.Equal(t, "*2 $3 one $3 two", r.do(0, "SORT l GET h:*->name"))
		r.advance(6 * time.Millisecond)
		require.Equal(t, "*2 $-1 $3 two", r.do(0, "SORT l GET h:*->name"))
	})
}

// deadlineModel is what the commands do, said as simply as possible.
type deadlineModel struct {
	vals map[string]string
	ends map[string]int64
	now  int64
}

// has reports whether a field is there, and takes it away if it has expired.
func (m *deadlineModel) has(field string) bool {
	if end, timed := m.ends[field]; timed && end < m.now {
		m.remove(field)
	}
	_, ok := m.vals[field]
	return ok
}

func (m *deadlineModel) remove(field string) {
	delete(m.vals, field)
	delete(m.ends, field)
}

// expire gives a field a deadline and returns the answer for it.
func (m *deadlineModel) expire(field string, end int64, condition string) int {
	if !m.has(field) {
		return fieldAbsent
	}
	old, timed := m.ends[field]
	switch {
	case condition == "NX" && timed, condition == "XX" && !timed,
		condition == "GT" && (!timed || end <= old), condition == "LT" && timed && end >= old:
		return fieldRefused
	case end <= m.now:
		m.remove(field)
		return fieldWentAway
	}
	m.ends[field] = end
	return fieldChanged
}

// shown is all that HGETALL would show, sorted.
func (m *deadlineModel) shown() []string {
	all := []string{}
	for field, val := range m.vals {
		if end, timed := m.ends[field]; !timed || end >= m.now {
			all = append(all, field+"="+val)
		}
	}
	slices.Sort(all)
	return all
}

func pairsOf(reply string) []string {
	all, b := []string{}, bulks(reply)
	for i := 0; i < len(b); i += 2 {
		all = append(all, b[i]+"="+b[i+1])
	}
	slices.Sort(all)
	return all
}

// TestDeadlineCommandsBehaveLikeTheirModel asks for every field after each command.
func TestDeadlineCommandsBehaveLikeTheirModel(t *testing.T) {
	fields := []string{"a", "b", "c", "d", "e", "f"}
	rapid.Check(t, func(t *rapid.T) {
		r := newHashRig(t, int64(rapid.SampledFrom([]int{0, 4, 512}).Draw(t, "entries")))
		m := &deadlineModel{map[string]string{}, map[string]int64{}, rigMillis}
		field := func(t *rapid.T) string { return rapid.SampledFrom(fields).Draw(t, "field") }
		val := func(t *rapid.T) string { return fmt.Sprint(rapid.IntRange(0, 99).Draw(t, "value")) }
		end := func(t *rapid.T) int64 {
			return m.now + rapid.SampledFrom([]int64{-1, 0, 1, 2, 7, 1000}).Draw(t, "lifetime")
		}
		bulk := func(f string) string {
			if !m.has(f) {
				return "$-1"
			}
			return fmt.Sprintf("$%d %s", len(m.vals[f]), m.vals[f])
		}
		t.Repeat(map[string]func(*rapid.T){
			"hset": func(t *rapid.T) {
				f, v := field(t), val(t)
				r.do(0, "HSET h "+f+" "+v)
				m.vals[f] = v
				delete(m.ends, f)
			},
			"hincrby": func(t *rapid.T) {
				f, n := field(t), 1
				if m.has(f) {
					fmt.Sscan(m.vals[f], &n)
					n++
				}
				require.Equal(t, fmt.Sprint(":", n), r.do(0, "HINCRBY h "+f+" 1"))
				m.vals[f] = fmt.Sprint(n)
			},
			"hpexpireat": func(t *rapid.T) {
				f, g, at := field(t), field(t), end(t)
				condition := rapid.SampledFrom([]string{"", "NX", "XX", "GT", "LT"}).Draw(t, "condition")
				got := r.do(0, fmt.Sprintf("HPEXPIREAT h %d %s FIELDS 2 %s %s", at, condition, f, g))
				require.Equal(t, fmt.Sprintf("*2 :%d :%d", m.expire(f, at, condition), m.expire(g, at, condition)), got)
			},
			"hpersist": func(t *rapid.T) {
				f, want := field(t), fieldUntimed
				if _, timed := m.ends[f]; !m.has(f) {
					want = fieldAbsent
				} else if timed {
					want = fieldChanged
					delete(m.ends, f)
				}
				require.Equal(t, fmt.Sprint("*1 :", want), r.do(0, "HPERSIST h FIELDS 1 "+f))
			},
			"hgetex": func(t *rapid.T) {
				f, at := field(t), end(t)
				want := "*1 " + bulk(f)
				require.Equal(t, want, r.do(0, fmt.Sprintf("HGETEX h PXAT %d FIELDS 1 %s", at, f)))
				m.expire(f, at, "")
			},
			"hgetdel": func(t *rapid.T) {
				f := field(t)
				require.Equal(t, "*1 "+bulk(f), r.do(0, "HGETDEL h FIELDS 1 "+f))
				m.remove(f)
			},
			"hsetex": func(t *rapid.T) {
				f, g, v, at := field(t), field(t), val(t), end(t)
				condition := rapid.SampledFrom([]string{"", "FNX", "FXX"}).Draw(t, "condition")
				option := rapid.SampledFrom([]string{"", "KEEPTTL", "PXAT"}).Draw(t, "option")
				words := option
				if option == "PXAT" {
					words = fmt.Sprint("PXAT ", at)
				}
				got := r.do(0, fmt.Sprintf("HSETEX h %s %s FIELDS 2 %s %s %s %s", condition, words, f, v, g, v))
				hasF, hasG := m.has(f), m.has(g)
				if condition == "FNX" && (hasF || hasG) || condition == "FXX" && (!hasF || !hasG) {
					require.Equal(t, ":0", got)
					return
				}
				require.Equal(t, ":1", got)
				for _, f := range []string{f, g} {
					m.vals[f] = v
					if option == "" {
						delete(m.ends, f)
					}
					if option == "PXAT" {
						m.expire(f, at, "")
					}
				}
			},
			"time goes by": func(t *rapid.T) {
				ms := rapid.SampledFrom([]int64{1, 2, 5}).Draw(t, "ms")
				m.now += ms
				r.advance(time.Duration(ms) * time.Millisecond)
			},
			"dump and restore": func(t *rapid.T) {
				if r.do(0, "EXISTS h") == ":0" {
					return
				}
				reply := r.do(0, "DUMP h")
				_, payload, _ := strings.Cut(reply, " ")
				if !strings.HasPrefix(reply, "$") || strings.HasSuffix(payload, " ") || strings.Contains(payload, "\r\n") {
					return // the rig's replies are words
				}
				if r.run(0, "RESTORE", "k", "0", payload, "REPLACE") == "+OK" {
					require.Equal(t, m.shown(), pairsOf(r.do(0, "HGETALL k")))
				}
			},
			"": func(t *rapid.T) {
				require.Equal(t, m.shown(), pairsOf(r.do(0, "HGETALL h")))
				var counted int
				_, err := fmt.Sscanf(r.do(0, "HLEN h"), ":%d", &counted)
				require.NoError(t, err)
				require.GreaterOrEqual(t, counted, len(m.shown()), "HLEN counts what has expired and is still there")
				answers := fmt.Sprint("*", len(fields))
				shown := m.shown()
				for _, f := range fields {
					answer := int64(fieldAbsent)
					if end, timed := m.ends[f]; timed && end >= m.now {
						answer = end
					} else if !timed && slices.Contains(shown, f+"="+m.vals[f]) {
						answer = fieldUntimed
					}
					answers += fmt.Sprint(" :", answer)
				}
				require.Equal(t, answers, r.do(0, "HPEXPIRETIME h FIELDS 6 "+strings.Join(fields, " ")))
			},
		})
	})
}
