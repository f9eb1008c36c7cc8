//go:build !unix

package main

// raiseFileLimit returns how many clients there can be; this system has no limit to raise.
func raiseFileLimit(clients int64) int64 { return clients }

// ignoreSignals has nothing to ignore here.
func ignoreSignals() {}
