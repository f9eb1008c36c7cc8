package bench

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// fakeServer answers everything it reads from a connection once with reply,
// and closes if reply is empty.
func fakeServer(t *testing.T, reply string) (port int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if _, err := conn.Read(make([]byte, readBuffer)); err != nil || reply == "" {
					return
				}
				_, _ = io.WriteString(conn, reply)
				_, _ = io.Copy(io.Discard, conn)
			}()
		}
	}()
	return listener.Addr().(*net.TCPAddr).Port
}

// oneSet is a load of a single SET.
func oneSet(port int) load {
	o := goodOptions()
	o.clients = 1
	return o.loader(port, lineShape("+OK"), newLoadFeed(setRequest, shuffled(1), newValuePool(valueSize), 1))
}

func TestLoadFailsOnABrokenServer(t *testing.T) {
	require.NoError(t, oneSet(fakeServer(t, "+OK\r\n")).drain(t.Context()))
	tests := []struct{ name, reply, want string }{
		{"an error", "-OOM command not allowed\r\n", "-OOM command not allowed"},
		{"another reply", "+QUEUED\r\n", "unexpected reply"},
		{"too many replies", "+OK\r\n+OK\r\n", "more than requests"},
		{"hang-up", "", "closed the connection"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			require.ErrorContains(t, oneSet(fakeServer(t, test.reply)).drain(t.Context()), test.want)
		})
	}
}

func TestLoadFailsWithoutAServer(t *testing.T) {
	port, err := freePort()
	require.NoError(t, err)
	require.ErrorContains(t, oneSet(port).drain(t.Context()), "connect to port")
}

func TestLoadFailsOnASilentServer(t *testing.T) {
	l := oneSet(fakeServer(t, "+"))
	l.stall = 10 * time.Millisecond
	require.ErrorContains(t, l.drain(t.Context()), "no reply for 10ms, 1 clients are waiting")
}

func TestPauseEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errTooLong)
	run := &runningLoad{failed: make(chan error)}
	require.ErrorIs(t, run.pause(ctx, time.Minute), errTooLong)
}

func TestLoadOnSeveralThreads(t *testing.T) {
	s := startRedis(t)
	o := goodOptions()
	o.threads, o.clients = 3, 10
	require.NoError(t, o.preload(t.Context(), s.port, shuffled(5_000), newValuePool(valueSize)))
	got, err := o.measureCell(t.Context(), s, cell{command: commands()[0], depth: 5}, newTape(commands()[0], shuffled(5_000), nil))
	require.NoError(t, err)
	require.Positive(t, got.rate)
	require.Positive(t, got.p50)
	require.LessOrEqual(t, got.p50, got.p999)
}

// A GET of a key that is not there has the wrong length.
func TestMeasuringFailsOnWrongReplies(t *testing.T) {
	s := startRedis(t)
	o := goodOptions()
	_, err := o.measureCell(t.Context(), s, cell{command: commands()[0], depth: 1}, newTape(commands()[0], shuffled(100), nil))
	require.ErrorContains(t, err, `"-1\r\n"`)
}
