//go:build linux || darwin

// The limit of open descriptors, raised for suites with many connections.

package stress

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// raiseFileLimit makes room for n open descriptors, within what the system
// allows this user.
func raiseFileLimit(n uint64) error {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("read the limit of open files: %w", err)
	}
	if limit.Cur >= n {
		return nil
	}
	limit.Cur = n
	limit.Max = max(limit.Max, limit.Cur) // only a privileged user may raise it
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return fmt.Errorf("raise the limit of open files to %d: %w", n, err)
	}
	return nil
}
