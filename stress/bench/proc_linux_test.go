package bench

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseStat(t *testing.T) {
	const tail = " S 1 2 3 4 5 6 7 8 9 10 123 456 0 0 20 0 1 0 99 1000 10"
	for _, name := range []string{"(redis-server)", "(a b)", "(a) b) 7 (c)"} {
		got, err := parseStat([]byte("42 " + name + tail + "\n"))
		require.NoError(t, err, name)
		require.Equal(t, cpuTime{user: 1230 * time.Millisecond, system: 4560 * time.Millisecond}, got, name)
	}
	for _, stat := range []string{"", "42 (x)", "42 (x) S 1 2 3", "1 (x) S 1 2 3 4 5 6 7 8 9 10 a 456", "1 (x) S 1 2 3 4 5 6 7 8 9 10 123 b"} {
		_, err := parseStat([]byte(stat))
		require.Error(t, err, stat)
	}
}

func TestReadCPUGrowsWithWork(t *testing.T) {
	before, err := readCPU(os.Getpid())
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		for end := time.Now().Add(5 * tick); time.Now().Before(end); {
		}
		after, err := readCPU(os.Getpid())
		return err == nil && after.minus(before).total() >= 2*tick
	}, time.Minute, time.Millisecond)
	_, err = readCPU(-1)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestReadMemory(t *testing.T) {
	rss, err := readRSS(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, rss, int64(1<<20))
	available, err := readAvailable()
	require.NoError(t, err)
	require.Positive(t, available)
	_, err = readKilobytes("/proc/meminfo", "NoSuchLine:")
	require.Error(t, err)
	_, err = readRSS(-1)
	require.ErrorIs(t, err, os.ErrNotExist)
}
