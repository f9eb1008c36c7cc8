// hyperloglog_check.go: what PFSELFTEST runs: that registers keep what they are given, and that counts are as near to
// the truth as the theory says, in either form.

package value

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
)

// The size of the self-test.
const (
	checkedRounds   = 100
	checkedElements = 1_000_000
	// hllStandardError is the relative standard error of a count: 1.04 / sqrt(Registers).
	hllStandardError = 1.04 / 128
	// checkedErrors is how many standard errors a count may be off.
	checkedErrors = 6
)

// CheckHyperLogLog tests sketches with random elements. Its errors are those of Redis's self-test.
func CheckHyperLogLog(random *rand.Rand) error {
	if err := checkRegisters(random); err != nil {
		return err
	}
	return checkCounts(random)
}

// checkRegisters fills all registers again and again, with values that only grow.
func checkRegisters(random *rand.Rand) error {
	h, err := NewHyperLogLog().Dense()
	if err != nil {
		return err
	}
	var want, got RegisterSet
	for range checkedRounds {
		for i := range want {
			e := SketchMark{i, uint8(random.IntN(maxRegister + 1))}
			want[i] = max(want[i], e.rank)
			h.denseAdd(e)
		}
		if err := h.Merge(&got); err != nil {
			return err
		}
		for i := range want {
			if got[i] != want[i] {
				return fmt.Errorf("TESTFAILED Register %d should be %d but is %d", i, want[i], got[i])
			}
		}
	}
	return nil
}

// checkCounts adds elements to a dense and to a sparse sketch and looks at the counts at every power of ten.
func checkCounts(random *rand.Rand) error {
	sparse := NewHyperLogLog()
	dense, err := sparse.Dense()
	if err != nil {
		return err
	}
	seed := random.Uint64()
	var element [wordBytes]byte
	for n, checkpoint := uint64(1), uint64(1); n <= checkedElements; n++ {
		binary.LittleEndian.PutUint64(element[:], n^seed)
		e := SketchMarkOf(element[:])
		dense.denseAdd(e)
		if sparse, _, err = sparse.raise(e, hllDenseBytes/4); err != nil {
			return err
		}
		if n != checkpoint {
			continue
		}
		if err := checkCount(sparse, dense, n); err != nil {
			return err
		}
		checkpoint *= 10
	}
	return nil
}

// checkCount compares the counts of two sketches of n elements with each other and with n.
func checkCount(sparse, dense HyperLogLog, n uint64) error {
	one, err := sparse.Count()
	if err != nil {
		return err
	}
	other, err := dense.Count()
	if err != nil {
		return err
	}
	if one != other {
		return fmt.Errorf("TESTFAILED dense/sparse disagree")
	}
	off := math.Abs(float64(one) - float64(n))
	if off > math.Max(1, math.Ceil(hllStandardError*checkedErrors*float64(n))) {
		return fmt.Errorf("TESTFAILED Too big error. card:%d abserr:%.0f", n, off)
	}
	return nil
}
