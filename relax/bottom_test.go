package relax

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/potential"
)

// pit is E = −½ Σ 200/r⁴ eV, without a repulsion: atoms fall into each other.
type pit struct{}

func (pit) Cutoff() float64   { return 5 }
func (pit) Supports(int) bool { return true }

func (pit) Compute(f *potential.Frame, res *potential.Result) error {
	for i := range f.N {
		for _, j := range f.List.J[f.List.Row[i]:f.List.Row[i+1]] {
			var d [3]float64
			r2 := 0.0
			for k := range d {
				d[k] = f.X[j][k] - f.X[i][k]
				r2 += d[k] * d[k]
			}
			if r2 >= 25 {
				continue
			}
			res.Energy[i] -= 100 / (r2 * r2)
			g := 400 / (r2 * r2 * r2)
			res.Bonds.Add(int32(i), []int32{f.Home[j]}, [][3]float64{d}, [][3]float64{{g * d[0], g * d[1], g * d[2]}})
		}
	}
	return nil
}

// A large cell comes down by more than an atom may: that is no fall without end; one atom's
// is.
func TestBottomOfLargeCells(t *testing.T) {
	err := inproc.Run(2, func(c comm.Comm) error {
		const n = 1000
		a := &domain.Atoms{N: n, Species: make([]int32, n)}
		r := run{e: &md.Evaluator{Comm: c, Atoms: a, Energy: make([]float64, n)}}
		for i := range n {
			a.Species[i], r.e.Energy[i] = 14, -4
		}
		if err := r.bottom(&Progress{MaxForce: 1}); err != nil {
			return err
		}
		for i := range n {
			r.e.Energy[i] = -4.5 // 500 eV for each rank
		}
		for step, force := range []float64{1, 60, 1e4} {
			if err := r.bottom(&Progress{Step: step + 1, MaxForce: force}); err != nil {
				t.Errorf("a force of %g eV/Å: %v", force, err)
			}
		}
		if c.Rank() == 1 {
			r.e.Energy[7] = -14.1
		}
		if err := r.bottom(&Progress{Step: 4, MaxForce: 40}); err != nil {
			t.Errorf("without a large force: %v", err)
		}
		if err := r.bottom(&Progress{Step: 5, MaxForce: 60}); err == nil || !strings.Contains(err.Error(), "10.1 eV below the lowest of its element") {
			t.Errorf("an atom that falls: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Where the energy has no bottom the relaxation ends early and says so, alike on all
// ranks; the states before it were shown.
func TestBottomless(t *testing.T) {
	for _, ranks := range []int{1, 2} {
		for _, method := range []Method{LBFGS, FIRE} {
			err := inproc.Run(ranks, func(c comm.Comm) error {
				e, err := rattled(c, 0)
				if err != nil {
					return err
				}
				e.Potential, e.Guard = pit{}, md.Guard{MaxForce: math.Inf(1)}
				seen := 0
				_, err = Run(e, Options{Method: method, Steps: 2000, See: func(p *Progress) error {
					seen++
					return nil
				}})
				var trouble *md.TroubleError
				if !errors.As(err, &trouble) || trouble.Kind != md.Bottomless || !strings.Contains(err.Error(), "the energy falls without end: at step") {
					t.Errorf("%d ranks, method %d: %v after %d states", ranks, method, err, seen)
				}
				if seen < 2 || seen > 1000 {
					t.Errorf("%d ranks, method %d: it ended after %d states", ranks, method, seen)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}
