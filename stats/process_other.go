//go:build !linux

package stats

import "runtime"

// ReadProcess knows nothing but the system's name here.
func ReadProcess() Process { return Process{OS: runtime.GOOS + " " + runtime.GOARCH} }
