package command

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestGeoEvents are redis-server's, seen with notify-keyspace-events KEA.
func TestGeoEvents(t *testing.T) {
	r := newKeysRig(t)
	for _, tc := range []struct{ line, events string }{
		{"GEOADD g 13 38 a 15 37 b", "zadd g"},
		{"GEOADD g 13 38 a", ""},
		{"GEOADD g XX 14 38 a", "zadd g"},
		{"GEOSEARCHSTORE d g FROMMEMBER a BYRADIUS 1000 km", "geosearchstore d"},
		{"GEOSEARCHSTORE d g FROMMEMBER a BYRADIUS 1000 km STOREDIST", "geosearchstore d"},
		{"GEORADIUS g 14 38 1000 km STORE d", "georadiusstore d"},
		{"GEORADIUSBYMEMBER g a 1000 km STOREDIST d", "georadiusstore d"},
		{"GEORADIUS g 100 38 1 km STORE d", "del d"},
		{"GEORADIUS g 100 38 1 km STORE d", ""},
		{"GEOSEARCHSTORE g none FROMMEMBER a BYRADIUS 1000 km", "del g"},
	} {
		r.events = nil
		r.do(0, tc.line)
		for i, e := range r.events {
			r.events[i] = strings.TrimPrefix(e, "0 ")
		}
		require.Equal(t, tc.events, strings.Join(r.events, ", "), tc.line)
	}
}
