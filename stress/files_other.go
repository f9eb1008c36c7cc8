//go:build !unix

// Systems without a limit of open descriptors that a process could raise.

package stress

func raiseFileLimit(uint64) error { return nil }
