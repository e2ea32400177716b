package neighbor

import (
	"math/rand/v2"
	"testing"

	"github.com/wigner-md/wigner/domain"
)

// Whatever the space between the atoms, cells are no larger than the reach, so
// that searches stay short, and no more of them are stored than a few per atom.
func TestWorkGrowsWithAtomsOnly(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for name, c := range map[string]struct {
		size  float64 // Å, of the cube that the atoms fill
		far   float64 // Å, where one atom is
		dense bool
	}{
		"liquid":             {size: 27, dense: true},
		"gas":                {size: 200},
		"rarefied gas":       {size: 1e5},
		"an atom far away":   {size: 27, far: 1e6},
		"an atom at 5000 km": {size: 27, far: 5e6},
	} {
		a := &domain.Atoms{N: 1000, Ghost0: domain.Padded(1000)}
		for range a.N {
			a.X = append(a.X, [3]float64{c.size * rng.Float64(), c.size * rng.Float64(), c.size * rng.Float64()})
		}
		if c.far > 0 {
			a.X[17] = [3]float64{c.far, -c.far / 3, c.far}
		}
		a.X = append(a.X, make([][3]float64, a.Ghost0-a.N)...)
		a.ID = make([]int64, len(a.X))
		var l List
		if err := Build(&l, a, 5, 0.5); err != nil {
			t.Fatal(err)
		}
		g := &l.grid
		if g.edge > 5.51 || g.dense != c.dense || len(g.start) > 3*a.N || len(g.x) != a.N {
			t.Errorf("%s: cells of %g Å, dense %v, %d of them stored", name, g.edge, g.dense, len(g.start))
		}
	}
}
