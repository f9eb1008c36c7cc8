//go:build !unix

package conn

import "net"

// hangUpWatch does nothing: a hang-up shows when the connection reads again.
type hangUpWatch struct{}

func (*hangUpWatch) begin(net.Conn, func()) {}
func (*hangUpWatch) end()                   {}

func socketHungUp(net.Conn) bool { return false }
