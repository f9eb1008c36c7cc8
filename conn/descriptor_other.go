//go:build !unix

package conn

import "net"

// descriptor is the number of a socket's file descriptor; here there is none to show.
func descriptor(net.Conn) int { return -1 }
