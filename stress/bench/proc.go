// What the kernel tells about a process: CPU time and resident memory, read
// from /proc (see proc(5)).

package bench

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

const (
	// tick is the unit of CPU times in /proc: USER_HZ is 100 on every
	// architecture that Go runs Linux on.
	tick = 10 * time.Millisecond
	// Positions in /proc/PID/stat after the command name: utime and stime are
	// fields 14 and 15, and the first field after the name is number 3.
	utimeField = 14 - 3
	stimeField = 15 - 3
)

// A cpuTime is what a process has used so far, in user mode and in the kernel.
type cpuTime struct{ user, system time.Duration }

func (c cpuTime) minus(earlier cpuTime) cpuTime {
	return cpuTime{user: c.user - earlier.user, system: c.system - earlier.system}
}

func (c cpuTime) total() time.Duration { return c.user + c.system }

// readCPU reads the CPU time of all threads of a process.
func readCPU(pid int) (cpuTime, error) {
	path := fmt.Sprintf("/proc/%d/stat", pid)
	stat, err := os.ReadFile(path)
	if err != nil {
		return cpuTime{}, fmt.Errorf("read CPU time: %w", err)
	}
	times, err := parseStat(stat)
	if err != nil {
		return cpuTime{}, fmt.Errorf("read CPU time from %s: %w", path, err)
	}
	return times, nil
}

// parseStat takes utime and stime out of a stat line. The command name stands
// in parentheses and may itself contain blanks and parentheses.
func parseStat(stat []byte) (cpuTime, error) {
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) <= stimeField {
		return cpuTime{}, fmt.Errorf("only %d fields in %q", len(fields), stat)
	}
	user, err := strconv.ParseInt(string(fields[utimeField]), 10, 64)
	if err != nil {
		return cpuTime{}, fmt.Errorf("utime: %w", err)
	}
	system, err := strconv.ParseInt(string(fields[stimeField]), 10, 64)
	if err != nil {
		return cpuTime{}, fmt.Errorf("stime: %w", err)
	}
	return cpuTime{user: time.Duration(user) * tick, system: time.Duration(system) * tick}, nil
}

// readRSS reads the resident memory of a process in bytes.
func readRSS(pid int) (int64, error) {
	return readKilobytes(fmt.Sprintf("/proc/%d/status", pid), "VmRSS:")
}

// readAvailable reads how many bytes programs can still take on this machine.
func readAvailable() (int64, error) {
	return readKilobytes("/proc/meminfo", "MemAvailable:")
}

// readKilobytes finds the line "name  123 kB" of a file, as a number of bytes.
func readKilobytes(path, name string) (int64, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("read memory use: %w", err)
	}
	for line := range bytes.Lines(text) {
		fields := bytes.Fields(line)
		if len(fields) < 2 || string(fields[0]) != name {
			continue
		}
		n, err := strconv.ParseInt(string(fields[1]), 10, 64)
		if err != nil {
			return 0, fmt.Errorf("read %s of %s: %w", name, path, err)
		}
		return n << 10, nil
	}
	return 0, fmt.Errorf("no %s in %s", name, path)
}
