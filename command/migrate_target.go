// migrate_target.go: the server that MIGRATE moves keys to, as its client sees it. Each step of the way, a write or a read, has the time
// that the command's time-out gives.

package command

import (
	"errors"
	"net"
	"strconv"
	"syscall"
	"time"

	"respite/proto"
	"respite/shards"
)

// target is a connection to another server.
type target struct {
	o       *migrateOptions
	group   *shards.Group // for its clock
	conn    net.Conn
	replies *proto.Decoder
	greeted bool  // the user and the database have been named
	ahead   int   // replies to that which have not been read
	refusal error // of that, which speaks for all keys
}

func (c *Call) dialTarget(o *migrateOptions) (*target, error) {
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(o.host, o.port), o.patience)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED): // redis-server learns of that when it writes
		return nil, errWriting
	case err != nil:
		return nil, errConnecting
	}
	t := &target{o: o, group: c.Server.group, conn: conn}
	t.replies = proto.NewDecoder(patientReader{t}, proto.DefaultDecoderLimits())
	return t, nil
}

func (t *target) close() { _ = t.conn.Close() }

// patientReader reads from a target, each time for as long as the time-out allows.
type patientReader struct{ t *target }

func (r patientReader) Read(p []byte) (int, error) {
	if err := r.t.conn.SetReadDeadline(time.Now().Add(r.t.o.patience)); err != nil {
		return 0, err
	}
	return r.t.conn.Read(p)
}

// sendChunk is how many bytes have the time of one step.
const sendChunk = 64 << 10

// send sends keys, each as the command that makes it what it is here.
func (t *target) send(keys []*migrant) error {
	b := t.greeting()
	for _, k := range keys {
		b = t.appendMigrant(b, k)
	}
	for len(b) > 0 {
		n := min(len(b), sendChunk)
		if err := t.conn.SetWriteDeadline(time.Now().Add(t.o.patience)); err != nil {
			return errWriting
		}
		if _, err := t.conn.Write(b[:n]); err != nil {
			return errWriting
		}
		b = b[n:]
	}
	return nil
}

// greeting names the user and the database, the first time.
func (t *target) greeting() (b []byte) {
	if t.greeted {
		return nil
	}
	t.greeted = true
	switch {
	case t.o.user != nil:
		b = proto.AppendCommand(b, []byte("AUTH"), t.o.user, t.o.pass)
		t.ahead++
	case t.o.pass != nil:
		b = proto.AppendCommand(b, []byte("AUTH"), t.o.pass)
		t.ahead++
	}
	t.ahead++
	return proto.AppendCommand(b, "SELECT", strconv.FormatInt(t.o.db, 10))
}

func (t *target) appendMigrant(b []byte, k *migrant) []byte {
	if k.payload == nil {
		return proto.AppendCommand(b, []byte("DEL"), k.key)
	}
	ttl := int64(0)
	if k.deadline != 0 {
		ttl = max(k.deadline-t.group.Now()/millisecond, 1)
	}
	args := [][]byte{[]byte("RESTORE"), k.key, strconv.AppendInt(nil, ttl, 10), k.payload}
	if t.o.replace || k.sent {
		args = append(args, []byte("REPLACE"))
	}
	return proto.AppendCommand(b, args...)
}

// receive reads the answer to one key: whether the target refuses it, or why there is no answer.
func (t *target) receive() (refusal, err error) {
	for ; t.ahead > 0; t.ahead-- {
		refusal, err := t.reply()
		if err != nil {
			return nil, err
		}
		if t.refusal == nil {
			t.refusal = refusal
		}
	}
	refusal, err = t.reply()
	if t.refusal != nil {
		refusal = t.refusal
	}
	return refusal, err
}

// reply reads one reply.
func (t *target) reply() (refusal, err error) {
	v, err := t.replies.Decode()
	switch {
	case err != nil:
		return nil, errReading
	case v.IsError():
		return Error("ERR Target instance replied with error: " + v.String()), nil
	}
	return nil, nil
}
