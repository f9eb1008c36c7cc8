// hello.go: HELLO, the handshake. Either all of it takes effect or, after an error, nothing does.

package command

import (
	"fmt"

	"respite/proto"
	"respite/text"
)

// The protocol versions a client may choose.
const (
	minProto = 2
	maxProto = 3
)

const (
	errProtoNumber = Error("ERR Protocol version is not an integer or out of range")
	errNoProto     = Error("NOPROTO unsupported protocol version")
	errHelloNoAuth = Error("NOAUTH HELLO must be called with the client already authenticated, otherwise the " +
		"HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP " +
		"protocol version at the same time")
)

// greeting is the arguments of HELLO; what is nil or 0 was not given.
type greeting struct {
	proto          int
	user, password []byte
	name           []byte
	named          bool
}

// hello takes HELLO [version [AUTH user password] [SETNAME name]].
func hello(c *Call) error {
	g, err := parseHello(c)
	if err != nil {
		return err
	}
	s := c.Session
	if g.user != nil {
		if err := s.authenticate(c.Args[0], g.user, g.password); err != nil {
			return err
		}
	}
	if !s.authenticated {
		return errHelloNoAuth
	}
	if g.named {
		s.setName(g.name)
	}
	if g.proto != 0 {
		s.setProto(c.Reply, g.proto)
	}
	replyHello(c)
	return nil
}

func parseHello(c *Call) (g greeting, err error) {
	if len(c.Args) == 1 {
		return g, nil
	}
	version, ok := text.ParseInt(c.Args[1])
	switch {
	case !ok:
		return g, errProtoNumber
	case version < minProto || version > maxProto:
		return g, errNoProto
	}
	g.proto = int(version)
	for i := 2; i < len(c.Args); i++ {
		switch rest := len(c.Args) - 1 - i; {
		case rest >= 2 && c.Option(i, "auth"):
			g.user, g.password = c.Args[i+1], c.Args[i+2]
			i += 2
		case rest >= 1 && c.Option(i, "setname"):
			g.name, g.named = c.Args[i+1], true
			if !isPrintable(g.name) {
				return g, errClientName
			}
			i++
		default:
			return g, Error(fmt.Sprintf("ERR Syntax error in HELLO option '%s'", c.Args[i]))
		}
	}
	return g, nil
}

// helloFields is the number of pairs in HELLO's reply.
const helloFields = 7

func replyHello(c *Call) {
	r := c.Reply
	r.Map(helloFields)
	r.BulkString("server")
	r.BulkString("redis")
	r.BulkString("version")
	r.BulkString(RedisVersion)
	r.BulkString("proto")
	r.Int(int64(c.Session.proto))
	r.BulkString("id")
	r.Int(c.Session.ID)
	r.BulkString("mode")
	r.BulkString("standalone")
	r.BulkString("role")
	r.BulkString("master")
	r.BulkString("modules")
	r.Array(0)
}

// setProto changes the protocol of the client, beginning with the reply to the command that does so.
func (s *Session) setProto(r *proto.Reply, version int) {
	s.proto = version
	r.SetProto(version)
	s.conn.Speak(version)
	s.show(func(v *seen) { v.proto = version })
}
