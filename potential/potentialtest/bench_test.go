package potentialtest

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/neighbor"
	"github.com/wigner-md/wigner/potential/pair"
)

// BenchmarkStages times what a rebuild and a step are made of, in µs per atom of
// one rank: migration with sorting, borders, list (5 Å and 0.5 Å of skin),
// Lennard-Jones, positions.
func BenchmarkStages(b *testing.B) {
	for _, n := range []int{14, 29} { // 21,952 and 195,112 atoms
		for _, ranks := range []int{1, 2, 8} {
			b.Run(fmt.Sprintf("atoms=%d/ranks=%d", 8*n*n*n, ranks), func(b *testing.B) { stages(b, Silicon(n), ranks) })
		}
	}
}

func stages(b *testing.B, sys System, ranks int) {
	cell, err := domain.NewCell(sys.Cell, sys.Periodic)
	if err != nil {
		b.Fatal(err)
	}
	part := domain.NewPartition(cell, ranks, [3]float64{}, [3]float64{})
	err = inproc.Run(ranks, func(c comm.Comm) error {
		p, err := pair.NewLennardJones([]pair.Parameters{{Z: [2]int{14, 14}, Epsilon: 0.1, Sigma: 2.1, Cutoff: 5}}, true)
		if err != nil {
			return err
		}
		r := rank{c: c, cell: cell, part: part, skin: 0.5}
		if err := r.deal(&sys, p); err != nil {
			return err
		}
		a := &r.atoms
		var best [5]float64
		for k := range best {
			best[k] = math.Inf(1)
		}
		if c.Rank() == 0 {
			b.ResetTimer()
		}
		for range b.N {
			for k, f := range []func() error{
				func() error { return r.plan.Migrate(part, cell, a) },
				func() error { return r.plan.Rebuild(part, cell, a, 5.5) },
				func() error { return neighbor.Build(&r.list, a, 5, 0.5) },
				func() error {
					r.frame.Species, r.frame.ID, r.frame.X, r.frame.Home = a.Species, a.ID, a.X, r.plan.Home
					return r.compute(p)
				},
				func() error { return r.plan.Positions(cell, a.X) },
			} {
				start := time.Now()
				if err := f(); err != nil {
					return err
				}
				best[k] = min(best[k], time.Since(start).Seconds()*1e6/float64(a.N))
			}
		}
		if c.Rank() == 0 {
			for k, name := range []string{"migrate", "borders", "list", "lj", "positions"} {
				b.ReportMetric(best[k], name+"-µs/atom")
			}
			b.ReportMetric(float64(a.Remote+a.Images)/float64(a.N), "ghosts/atom")
			b.ReportMetric(float64(a.Remote)/float64(a.N), "remote/atom")
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
}
