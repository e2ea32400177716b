package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// Several centre atoms at once, some without edges, some whose first edges are left
// out, against the loops; what stood in the aggregates before does not matter.
func TestForwards(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 32))
	const rows = 9
	for _, p := range paths() {
		odd := randomShape(rng)
		for _, s := range []*Shape{shapes[0].s, shapes[1].s, shapes[2].s, shapes[4].s, odd} {
			tab := smooth(s.Weights)
			c, ref := newConv32(p, s, tab), NewLoops[float32](s, tab)
			x := normals(rng, rows*s.XWidth)
			for range 3 {
				centres := make([]Centre[float32], 1+rng.IntN(8))
				for k := range centres {
					n := rng.IntN(40)
					if rng.IntN(4) == 0 {
						n = 0
					}
					e := randomEdges(rng, n, s.LMax, rows)
					centres[k] = Centre[float32]{E: e, From: rng.IntN(n + 1), J: e.J, Agg: normals(rng, s.AggWidth)}
				}
				Forwards(c, centres, x)
				for k, q := range centres {
					want := make([]float32, s.AggWidth)
					ref.Forward(q.E, q.From, q.E.N, q.J, x, want)
					near(t, fmt.Sprint(p, " centre ", k), q.Agg, want, 1e-4) // as in compareConv
				}
				if n := testing.AllocsPerRun(3, func() { Forwards(c, centres, x) }); n != 0 {
					t.Errorf("%v: %v allocations", p, n)
				}
			}
		}
	}
}
