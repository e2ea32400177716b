package nequip_test

import (
	"math/rand/v2"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/halo"
	"github.com/wigner-md/wigner/neighbor"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/mpnn"
	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// diamond is n³ cubic cells of silicon, a = 5.43 Å, with Gaussian
// displacements of 0.05 Å.
func diamond(n int) potentialtest.System {
	rng := rand.New(rand.NewPCG(1, 1))
	const a = 5.43
	s := potentialtest.System{Periodic: [3]bool{true, true, true}}
	for k := range 3 {
		s.Cell[k][k] = a * float64(n)
	}
	basis := [][3]float64{{0, 0, 0}, {0, .5, .5}, {.5, 0, .5}, {.5, .5, 0}}
	for c := range n * n * n {
		for b := range 8 {
			x := [3]float64{float64(c % n), float64(c / n % n), float64(c / n / n)}
			for k := range x {
				x[k] = a*(x[k]+basis[b/2][k]+0.25*float64(b%2)) + 0.05*rng.NormFloat64()
			}
			s.X = append(s.X, x)
			s.Z = append(s.Z, 14)
		}
	}
	return s
}

// alone calls f with the frame of a structure on one rank.
func alone(t testing.TB, s potentialtest.System, cutoff, skin float64, f func(*potential.Frame, *potential.Result) error) {
	t.Helper()
	err := inproc.Run(1, func(c comm.Comm) error {
		cell, err := domain.NewCell(s.Cell, s.Periodic)
		if err != nil {
			return err
		}
		lo, hi := cell.Bounds(s.X)
		part := domain.NewPartition(cell, 1, lo, hi)
		a := &domain.Atoms{N: len(s.X)}
		for i, x := range s.X {
			a.ID = append(a.ID, int64(i+1))
			a.Species = append(a.Species, int32(s.Z[i]))
			a.X = append(a.X, x)
		}
		plan := halo.New(c)
		if err := plan.Migrate(part, cell, a); err != nil {
			return err
		}
		if err := plan.Rebuild(part, cell, a, cutoff+skin); err != nil {
			return err
		}
		var list neighbor.List
		if err := neighbor.Build(&list, a, cutoff, skin); err != nil {
			return err
		}
		frame := &potential.Frame{N: a.N, Rows: a.Features(), Species: a.Species, ID: a.ID, X: a.X,
			List: &list, Home: plan.Home, Halo: plan}
		return f(frame, &potential.Result{Energy: make([]float64, a.N), Bonds: &potential.Bonds{}})
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Energy and forces of 512 silicon atoms, the list given, on one core.
func BenchmarkSilicon(b *testing.B) {
	for _, name := range []string{"sevennet-0", "sevennet-l3i5"} {
		b.Run(name, func(b *testing.B) {
			m := open(b, name)
			b.Run("float32", func(b *testing.B) { benchmark(b, nequip.New32(m)) })
			b.Run("float64", func(b *testing.B) { benchmark(b, nequip.New64(m)) })
		})
	}
}

func benchmark[T mpnn.Float](b *testing.B, p *mpnn.Network[T]) {
	s := diamond(4)
	alone(b, s, p.Cutoff(), 0.5, func(f *potential.Frame, r *potential.Result) error {
		run := func() error {
			r.Bonds.Reset(f.Rows)
			return p.Compute(f, r)
		}
		if err := run(); err != nil {
			return err
		}
		p.Times = mpnn.Times{}
		n := 0
		for b.Loop() {
			if err := run(); err != nil {
				return err
			}
			n++
		}
		us := func(d float64) float64 { return d / 1e3 / float64(n) / float64(len(s.X)) }
		b.ReportMetric(us(float64(b.Elapsed().Nanoseconds())), "µs/atom")
		b.ReportMetric(us(float64(p.Times.Graph)), "graph")
		b.ReportMetric(us(float64(p.Times.Forward)), "forward")
		b.ReportMetric(us(float64(p.Times.Head)), "head")
		b.ReportMetric(us(float64(p.Times.Backward)), "backward")
		return nil
	})
}
