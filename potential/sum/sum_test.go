package sum_test

import (
	"math"
	"testing"

	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/pair"
	"github.com/wigner-md/wigner/potential/potentialtest"
	"github.com/wigner-md/wigner/potential/sum"
)

func parts(t *testing.T) (*pair.Curves, *pair.Curves) {
	t.Helper()
	m, err := pair.NewMorse([]pair.Morse{{Z: [2]int{29, 29}, Depth: 0.34, Alpha: 1.36, R0: 2.87, Cutoff: 5.5, Switch: 4}})
	if err != nil {
		t.Fatal(err)
	}
	z, err := pair.NewZBL([]int{29, 79}, 1, 3)
	if err != nil {
		t.Fatal(err)
	}
	return m, z
}

func TestSuite(t *testing.T) {
	m, z := parts(t)
	potentialtest.Run(t, func() potential.Potential {
		s, _ := sum.New(z.Evaluator(), m.Evaluator())
		return s
	}, potentialtest.Options{Elements: []int{29}, Difference: 1e-5})
}

// A sum has the sum of the energies, forces and virials, in either order, and
// knows the elements that all parts know.
func TestSum(t *testing.T) {
	m, z := parts(t)
	sys := potentialtest.System{Cell: [3][3]float64{{6, 0, 0}, {1, 5, 0}, {0, 0, 7}}, Periodic: [3]bool{true, true, false},
		Z: []int{29, 29, 29}, X: [][3]float64{{0, 0, 0}, {2.2, 0.3, 0.1}, {0.4, 2.5, 1.9}}}
	get := func(mk func() potential.Potential) *potentialtest.Outcome {
		o, err := potentialtest.Evaluate(sys, potentialtest.Setup{Ranks: 3, Skin: 0.3}, mk)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	a := get(func() potential.Potential { return m.Evaluator() })
	b := get(func() potential.Potential { return z.Evaluator() })
	for _, order := range [][]*pair.Curves{{m, z}, {z, m}} {
		both := get(func() potential.Potential {
			s, _ := sum.New(order[0].Evaluator(), order[1].Evaluator())
			return s
		})
		if d := math.Abs(both.Energy - a.Energy - b.Energy); !(d < 1e-13) || b.Energy == 0 {
			t.Errorf("the energy of the sum differs by %g", d)
		}
		for i := range both.Forces {
			for k := range 3 {
				if d := math.Abs(both.Forces[i][k] - a.Forces[i][k] - b.Forces[i][k]); !(d < 1e-12) {
					t.Errorf("force on atom %d differs by %g", i, d)
				}
			}
		}
	}
	s, _ := sum.New(m.Evaluator(), z.Evaluator())
	if s.Cutoff() != 5.5 || !s.Supports(29) || s.Supports(79) || potential.GroupOf(s) != potential.O3 {
		t.Errorf("cutoff %v, Cu %v, Au %v, group %v", s.Cutoff(), s.Supports(29), s.Supports(79), potential.GroupOf(s))
	}
	if _, err := sum.New(); err == nil {
		t.Error("an empty sum is accepted")
	}
}
