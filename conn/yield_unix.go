// yield_unix.go: a goroutine that lets others run without going to another thread. runtime.Gosched puts it into the queue of all
// processors and wakes a thread for each idle one, which takes it from there: it goes on on a thread, and soon on a processor, that is
// cold, and somebody else, on a machine that is full the client whose next request is due, is interrupted for that. The runtime's own
// goyield leaves it in the queue of its processor, behind what waits there already. The runtime keeps that name for packages that
// take it so (go.dev/issue/67401); it needs an assembly file beside, empty as it is.

//go:build unix

package conn

import _ "unsafe" // for go:linkname

//go:linkname goyield runtime.goyield
func goyield()
