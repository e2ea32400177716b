package potentialtest

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/mpnn"
)

// Silicon is n³ diamond cells, a = 5.43 Å, with Gaussian displacements of 0.05 Å.
func Silicon(n int) System {
	const a = 5.43
	rng := rand.New(rand.NewPCG(1, 1))
	cell := System{
		Cell: [3][3]float64{{a, 0, 0}, {0, a, 0}, {0, 0, a}}, Periodic: crystal, Z: []int{14, 14, 14, 14, 14, 14, 14, 14},
		X: [][3]float64{{0, 0, 0}, {0, a / 2, a / 2}, {a / 2, 0, a / 2}, {a / 2, a / 2, 0}, {a / 4, a / 4, a / 4}, {a / 4, 3 * a / 4, 3 * a / 4}, {3 * a / 4, a / 4, 3 * a / 4}, {3 * a / 4, 3 * a / 4, a / 4}},
	}
	sys := cell.Repeat([3]int{n, n, n})
	for i := range sys.X {
		for k := range 3 {
			sys.X[i][k] += 0.05 * rng.NormFloat64()
		}
	}
	return sys
}

// Alone calls f with the frame of a structure on one rank, made for p.
func Alone(t testing.TB, s System, p potential.Potential, skin float64, f func(*potential.Frame, *potential.Result) error) {
	t.Helper()
	cell, err := domain.NewCell(s.Cell, s.Periodic)
	if err != nil {
		t.Fatal(err)
	}
	lo, hi := cell.Bounds(s.X)
	err = inproc.Run(1, func(c comm.Comm) error {
		r := rank{c: c, cell: cell, part: domain.NewPartition(cell, 1, lo, hi), skin: skin}
		if err := r.deal(&s, p); err != nil {
			return err
		}
		return f(&r.frame, &r.res)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// BenchmarkNetwork times energy and forces of 512 silicon atoms, the list given, on one
// core, and the parts of it.
func BenchmarkNetwork[T mpnn.Float](b *testing.B, p *mpnn.Network[T]) {
	s := Silicon(4)
	Alone(b, s, p, 0.5, func(f *potential.Frame, r *potential.Result) error {
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

// SameInEachMode fails unless a network gives the same bits in every memory mode: layers
// are run again by the same operations. mk makes one rank's network for a mode.
func SameInEachMode[T mpnn.Float](t *testing.T, s System, setup Setup, mk func(mpnn.Memory) *mpnn.Network[T]) {
	t.Helper()
	var want *Outcome
	for _, mode := range []mpnn.Memory{mpnn.Normal, mpnn.Lean, mpnn.Low} {
		got, err := Evaluate(s, setup, func() potential.Potential {
			n := mk(mode)
			n.Memory = mode
			return n
		})
		if err != nil {
			t.Fatal(err)
		}
		got.Ranks = nil
		if want == nil {
			want = got
		} else if !reflect.DeepEqual(got, want) {
			e, _, f, _ := Deviation(got, want)
			t.Errorf("%+v: memory mode %v differs from the normal one by %g eV/atom, %g eV/Å", setup, mode, e, f)
		}
	}
}
