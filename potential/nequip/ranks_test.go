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
			frames := readReferences(t, ref.file)
			t.Run("float64", func(t *testing.T) {
				var worst bars
				n := 0
				for _, r := range frames {
					if len(r.sys.X) > 12 && !long || len(r.sys.X) > 2 && testing.Short() {
						continue
					}
					n++
					worst.collect(ranks64(t, m, &r))
				}
				t.Logf("%d frames, largest difference from one rank: %v", n, worst)
			})
			t.Run("float32", func(t *testing.T) {
				var worst bars
				for _, r := range frames {
					if len(r.sys.X) > 40 && !long || len(r.sys.X) > 4 && testing.Short() {
						continue
					}
					for _, n := range manyRanks {
						o, err := potentialtest.Evaluate(r.sys, potentialtest.Setup{Ranks: n, Skin: 0.3}, func() potential.Potential { return nequip.New32(m) })
						if err != nil {
							t.Fatalf("%s on %d ranks: %v", r.name, n, err)
						}
						d := r.deviation(o)
						if d.exceeds(bars32) {
							t.Errorf("%s on %d ranks: %v", r.name, n, d)
						}
						worst.collect(d)
					}
				}
				t.Logf("largest difference from the reference: %v", worst)
			})
		})
	}
}

var manyRanks = []int{2, 3, 4, 6, 8, 12, 27}

// ranks64 compares all numbers of ranks with one.
func ranks64(t *testing.T, m *nequip.Model, r *reference) (worst bars) {
	t.Helper()
	mk := func() potential.Potential { return nequip.New64(m) }
	one, err := potentialtest.Evaluate(r.sys, potentialtest.Setup{}, mk)
	if err != nil {
		t.Fatalf("%s: %v", r.name, err)
	}
	base := *r
	base.energy, base.energies, base.forces = one.Energy, one.Energies, one.Forces
	if r.stress != nil {
		base.stress = nil
		for k := range 9 {
			base.stress = append(base.stress, -one.Virial[k/3][k%3]/r.volume)
		}
	}
	magnitude := math.Max(1, largest(one.Forces))
	for _, e := range one.Energies {
		magnitude = math.Max(magnitude, math.Abs(e))
	}
	limit := 1e-10 * magnitude
	for _, n := range manyRanks {
		o, err := potentialtest.Evaluate(r.sys, potentialtest.Setup{Ranks: n}, mk)
		if err != nil {
			t.Fatalf("%s on %d ranks: %v", r.name, n, err)
		}
		d := base.deviation(o)
		if d.exceeds(bars{limit, limit, limit, limit}) {
			t.Errorf("%s on %s: %v", r.name, fmt.Sprint(n, " ranks ", o.Grid), d)
		}
		worst.collect(d)
	}
	return worst
}
