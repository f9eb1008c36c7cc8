package conn

import (
	"crypto/tls"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// torn keeps what is written to it back, once it is torn.
type torn struct {
	net.Conn
	isTorn bool
	kept   []byte
}

func (c *torn) Write(p []byte) (int, error) {
	if !c.isTorn {
		return c.Conn.Write(p)
	}
	c.kept = append(c.kept, p...)
	return len(p), nil
}

// A TLS connection gives its record buffer back, unless a part of a record is in it, and goes on.
func TestRestingTLSGivesItsBufferBack(t *testing.T) {
	a := newAuthority(t)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) {
			near, far := loopback(t)
			defer near.Close()
			defer far.Close()
			wire := &torn{Conn: near}
			client := tls.Client(wire, &tls.Config{RootCAs: a.pool, ServerName: "127.0.0.1", MaxVersion: version})
			server := tls.Server(far, a.server())
			body := strings.Repeat("x", 100_000)
			sent := make(chan error, 1)
			go func() {
				_, err := io.WriteString(client, body)
				sent <- err
			}()
			expect := func(want string) {
				got := make([]byte, len(want))
				_, err := io.ReadFull(server, got)
				require.NoError(t, err)
				require.Equal(t, want, string(got))
			}
			expect(body)
			require.NoError(t, <-sent)
			require.NotNil(t, recordBuffer(server))
			require.Greater(t, recordBuffer(server).Cap(), 8<<10)
			dropRecordBuffer(server)
			require.Zero(t, recordBuffer(server).Cap())

			wire.isTorn = true
			_, err := io.WriteString(client, "the end")
			require.NoError(t, err)
			half := len(wire.kept) / 2
			_, err = near.Write(wire.kept[:half])
			require.NoError(t, err)
			require.NoError(t, far.SetReadDeadline(time.Now().Add(50*time.Millisecond)))
			_, err = server.Read(make([]byte, 100))
			require.True(t, isTimeout(err))
			dropRecordBuffer(server)
			require.Equal(t, half, recordBuffer(server).Len())
			require.NoError(t, far.SetReadDeadline(time.Time{}))
			_, err = near.Write(wire.kept[half:])
			require.NoError(t, err)
			expect("the end")
		})
	}
}
