package pair_test

import (
	"math/rand/v2"
	"testing"

	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/pair"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

func TestQuick(t *testing.T) {
	mk := func() potential.Potential {
		p, err := pair.NewLennardJones([]pair.Parameters{{Z: [2]int{18, 18}, Epsilon: 0.0104, Sigma: 2.4, Cutoff: 6}}, true)
		if err != nil {
			panic(err)
		}
		return p
	}
	rng := rand.New(rand.NewPCG(1, 2))
	s := potentialtest.System{Cell: [3][3]float64{{9, 0, 0}, {3, 8, 0}, {1, -2, 10}}, Periodic: [3]bool{true, true, true}}
	for i := range 3 {
		for j := range 3 {
			for k := range 3 {
				f := [3]float64{float64(i) / 3, float64(j) / 3, float64(k) / 3}
				var x [3]float64
				for a := range 3 {
					f[a] += 0.05 * rng.Float64()
					for b := range 3 {
						x[b] += f[a] * s.Cell[a][b]
					}
				}
				s.X = append(s.X, x)
				s.Z = append(s.Z, 18)
			}
		}
	}
	for _, n := range []int{1, 2, 3, 4, 6, 8, 12, 27, 40} {
		o, err := potentialtest.Evaluate(s, potentialtest.Setup{Ranks: n, Skin: 0.3}, mk)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%d %.15g %.15g %v %v", n, o.Energy, o.Forces[3], o.Grid, o.Ranks[0])
	}
}
