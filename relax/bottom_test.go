package relax

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
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
