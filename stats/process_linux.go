package stats

import (
	"os"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// ReadProcess asks the kernel.
func ReadProcess() (p Process) {
	var usage unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &usage) == nil {
		p.UserCPU, p.SystemCPU = time.Duration(usage.Utime.Nano()), time.Duration(usage.Stime.Nano())
	}
	var info unix.Sysinfo_t
	if unix.Sysinfo(&info) == nil {
		p.SystemMemory = int64(info.Totalram) * int64(info.Unit)
	}
	var name unix.Utsname
	if unix.Uname(&name) == nil {
		p.OS = strings.Join([]string{
			unix.ByteSliceToString(name.Sysname[:]), unix.ByteSliceToString(name.Release[:]), unix.ByteSliceToString(name.Machine[:]),
		}, " ")
	}
	p.Resident = resident()
	return p
}

const residentField = 1 // of /proc/self/statm, in pages

func resident() int64 {
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(statm))
	if len(fields) <= residentField {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[residentField], 10, 64) // 0 where the kernel speaks nonsense
	return pages * int64(os.Getpagesize())
}
