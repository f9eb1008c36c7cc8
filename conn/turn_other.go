//go:build !unix

package conn

import "io"

// poll is the reading side of a plain socket; here it is read through its stream.
type poll struct{}

func (c *conn) openPoll() io.Reader { return c.stream }

// loop reads and answers until the client goes, is sent away, or breaks the protocol.
func (c *conn) loop() error { return c.streamLoop() }
