package nequip_test

import (
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// Any number of ranks gives the same: in double precision to 1e-10 of the
// largest magnitude in the frame (or of 1), in single precision within what is
// allowed against the reference. Double precision takes minutes for the large
// frames, which WIGNER_LONG=1 includes.
func TestRanks(t *testing.T) {
	long := os.Getenv("WIGNER_LONG") != ""
	for _, ref := range references[:2] {
		t.Run(ref.model, func(t *testing.T) {
			m := open(t, ref.model)
			frames := potentialtest.ReadReferences(t, ref.file)
			t.Run("float64", func(t *testing.T) {
				var worst potentialtest.Bars
				n := 0
				for _, r := range frames {
					if len(r.System.X) > 12 && !long || len(r.System.X) > 2 && testing.Short() {
						continue
					}
					n++
					worst.Collect(ranks64(t, m, &r))
				}
				t.Logf("%d frames, largest difference from one rank: %v", n, worst)
			})
			t.Run("float32", func(t *testing.T) {
				var worst potentialtest.Bars
				for _, r := range frames {
					if len(r.System.X) > 40 && !long || len(r.System.X) > 4 && testing.Short() {
						continue
					}
					for _, n := range manyRanks {
						o, err := potentialtest.Evaluate(r.System, potentialtest.Setup{Ranks: n, Skin: 0.3}, func() potential.Potential { return nequip.New32(m) })
						if err != nil {
							t.Fatalf("%s on %d ranks: %v", r.Name, n, err)
						}
						d := r.Deviation(o)
						if d.Exceeds(bars32) {
							t.Errorf("%s on %d ranks: %v", r.Name, n, d)
						}
						worst.Collect(d)
					}
				}
				t.Logf("largest difference from the reference: %v", worst)
			})
		})
	}
}

var manyRanks = []int{2, 3, 4, 6, 8, 12, 27}

// ranks64 compares all numbers of ranks with one.
func ranks64(t *testing.T, m *nequip.Model, r *potentialtest.Reference) (worst potentialtest.Bars) {
	t.Helper()
	mk := func() potential.Potential { return nequip.New64(m) }
	one, err := potentialtest.Evaluate(r.System, potentialtest.Setup{}, mk)
	if err != nil {
		t.Fatalf("%s: %v", r.Name, err)
	}
	base := *r
	base.Energy, base.Energies, base.Forces = one.Energy, one.Energies, one.Forces
	if r.Stress != nil {
		base.Stress = nil
		for k := range 9 {
			base.Stress = append(base.Stress, -one.Virial[k/3][k%3]/r.Volume)
		}
	}
	magnitude := math.Max(1, potentialtest.Largest(one.Forces))
	for _, e := range one.Energies {
		magnitude = math.Max(magnitude, math.Abs(e))
	}
	limit := 1e-10 * magnitude
	for _, n := range manyRanks {
		o, err := potentialtest.Evaluate(r.System, potentialtest.Setup{Ranks: n}, mk)
		if err != nil {
			t.Fatalf("%s on %d ranks: %v", r.Name, n, err)
		}
		d := base.Deviation(o)
		if d.Exceeds(potentialtest.Bars{Energy: limit, Atomic: limit, Force: limit, Stress: limit}) {
			t.Errorf("%s on %s: %v", r.Name, fmt.Sprint(n, " ranks ", o.Grid), d)
		}
		worst.Collect(d)
	}
	return worst
}
