package oracle

// Playing a block: one player holds the connections of one block to one server. It
// only sends, reads and captures; what a reply has to be is decided in run.go. The
// control connection empties the dataset before a block and restores after it what
// CONFIG SET changed, so that blocks do not depend on each other.

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// player plays the steps of one block against one server.
type player struct {
	dial    Dialer
	proto   int
	control *Conn
	config  []Value // CONFIG GET * before the block, if the block changes it
	conns   map[int]*Conn
	vars    map[string]string
}

// newPlayer prepares the server for the block and opens connection 1.
func newPlayer(dial Dialer, proto int, b *Block) (*player, error) {
	p := &player{dial: dial, proto: proto, conns: map[int]*Conn{}, vars: map[string]string{}}
	err := p.prepare(b)
	if err == nil {
		_, err = p.conn(1)
	}
	if err != nil {
		p.close()
		return nil, fmt.Errorf("before the block: %w", err)
	}
	return p, nil
}

func (p *player) prepare(b *Block) (err error) {
	if p.control, err = Connect(p.dial, resp2); err != nil {
		return err
	}
	if _, err = p.control.mustDo("FLUSHALL"); err != nil {
		return err
	}
	if slices.ContainsFunc(b.Steps, changesConfig) {
		p.config, err = p.readConfig()
	}
	return err
}

func changesConfig(s *Step) bool {
	return len(s.Args) > 1 && strings.EqualFold(s.Args[0], "config") && strings.EqualFold(s.Args[1], "set")
}

func (p *player) readConfig() ([]Value, error) {
	v, err := p.control.mustDo("CONFIG", "GET", "*")
	return v.Elems, err
}

// finish restores the configuration and closes all connections.
func (p *player) finish() error {
	defer p.close()
	if p.config == nil {
		return nil
	}
	if _, err := p.control.Do("PING"); err != nil { // the block may have killed it
		_ = p.control.Close()
		if p.control, err = Connect(p.dial, resp2); err != nil {
			return err
		}
	}
	now, err := p.readConfig()
	for i := 0; err == nil && i+1 < min(len(now), len(p.config)); i += 2 {
		if name, value := p.config[i], p.config[i+1]; !now[i+1].Equal(value) {
			_, err = p.control.mustDo("CONFIG", "SET", name.Text, value.Text)
		}
	}
	if err != nil {
		return fmt.Errorf("restore the configuration: %w", err)
	}
	return nil
}

func (p *player) close() {
	for _, c := range p.conns {
		_ = c.Close()
	}
	if p.control != nil {
		_ = p.control.Close()
	}
}

func (p *player) conn(n int) (*Conn, error) {
	if c := p.conns[n]; c != nil {
		return c, nil
	}
	c, err := Connect(p.dial, p.proto)
	if err == nil {
		p.conns[n] = c
	}
	return c, err
}

// play does one step. The reply is the zero Value if the step has none.
func (p *player) play(s *Step) (Value, error) {
	c, err := p.conn(s.Conn)
	if err != nil {
		return Value{}, err
	}
	time.Sleep(s.wait)
	switch s.action {
	case sendCommand:
		c.Queue(p.filled(s.Args)...)
	case sendRaw:
		c.out = append(c.out, s.Args[0]...)
	case expectClose:
		return Value{}, awaitClose(c)
	case readOnly:
	}
	if err := c.Flush(); err != nil {
		return Value{}, fmt.Errorf("send: %w", err)
	}
	if s.noReply {
		return Value{}, nil
	}
	v, err := c.Receive()
	if err != nil {
		return Value{}, fmt.Errorf("no reply: %w", err)
	}
	p.capture(s, v)
	return v, nil
}

// awaitClose succeeds if the server closes the connection before it sends more.
func awaitClose(c *Conn) error {
	v, err := c.Receive()
	if err == nil {
		return fmt.Errorf("instead of a close: %s", v)
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("the connection is still open")
	}
	return nil // a reset is a close too: the kernel sends one if it held unread bytes
}

// capture sets the variables that the step's patterns name.
func (p *player) capture(s *Step, v Value) {
	readable := v.String()
	for _, re := range s.Match {
		found := re.FindStringSubmatch(readable)
		for i, name := range re.SubexpNames() {
			if name != "" && found != nil {
				p.vars[name] = found[i]
			}
		}
	}
}

// filled returns the arguments with the captured variables in place of ${name}.
func (p *player) filled(args []string) []string {
	out := slices.Clone(args)
	for i := range out {
		for name, value := range p.vars {
			out[i] = strings.ReplaceAll(out[i], "${"+name+"}", value)
		}
	}
	return out
}
