package nequip_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// features gives the records x that travel after each layer, by layer and by
// atom number.
func features(t *testing.T, m *nequip.Model, s potentialtest.System) [][][]float64 {
	t.Helper()
	p := nequip.New64(m)
	layers := m.Layers()
	out := make([][][]float64, len(layers)-1)
	potentialtest.Alone(t, s, p, 0, func(f *potential.Frame, r *potential.Result) error {
		p.Trace = func(n int, x, _ []float64) {
			w := layers[n+1].In.Dim()
			out[n] = make([][]float64, len(s.X))
			for i := range f.N {
				out[n][f.ID[i]-1] = append([]float64{}, x[i*w:(i+1)*w]...)
			}
		}
		r.Bonds.Reset(f.Rows)
		return p.Compute(f, r)
	})
	return out
}

// Every layer's features turn by their type: x(R structure) = D(R) x(structure)
// for each irrep of each layer, under inversion too where the model has parity.
func TestFeaturesTurn(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 1))
	for _, path := range tiny(t) {
		m := openFile(t, path)
		s := rattledCrystal(rng, m.Elements())
		layers := m.Layers()
		for trial := range 2 {
			R := o3.RandomRotation(rng)
			if trial == 1 {
				if m.Group() != potential.O3 {
					break
				}
				for i := range R {
					for j := range R[i] {
						R[i][j] = -R[i][j]
					}
				}
			}
			turned := potentialtest.System{Periodic: s.Periodic, Z: s.Z}
			for k, a := range s.Cell {
				turned.Cell[k] = turn(R, a)
			}
			for _, x := range s.X {
				turned.X = append(turned.X, turn(R, x))
			}
			a, b := features(t, m, s), features(t, m, turned)
			for n := range a {
				at := 0
				for _, r := range layers[n+1].In {
					D, d, size := r.Irrep.Matrix(R), r.Irrep.Dim(), 0.0
					worst := 0.0
					for i := range a[n] {
						x, y := a[n][i][at:], b[n][i][at:]
						for u := range r.Mul {
							for p := range d {
								want := 0.0
								for q := range d {
									want += D[p*d+q] * x[q*r.Mul+u]
								}
								worst = max(worst, math.Abs(want-y[p*r.Mul+u]))
								size = max(size, math.Abs(want))
							}
						}
					}
					if !(worst <= 1e-11*max(1, size)) {
						t.Errorf("%s, layer %d, %v: %.1e of %.1e", path, n, r, worst, size)
					}
					// Types of the parity of Y_l are made from scalars at once; the
					// others may still be zero in the first layers.
					natural := m.Group() == potential.SO3 || r.P == 1-2*(r.L%2)
					if size == 0 && natural && layers[n].Message.Count(r.Irrep) > 0 {
						t.Errorf("%s, layer %d, %v: zero", path, n, r)
					}
					at += r.Dim()
				}
			}
		}
	}
}

func turn(R [3][3]float64, v [3]float64) (w [3]float64) {
	for i := range w {
		for j := range v {
			w[i] += R[i][j] * v[j]
		}
	}
	return w
}

// rattledCrystal has 8 atoms of these elements in a skew cell.
func rattledCrystal(rng *rand.Rand, elements []int) potentialtest.System {
	s := potentialtest.System{Periodic: [3]bool{true, true, true}, Cell: [3][3]float64{{5, 0.3, 0}, {0.5, 5.2, -0.4}, {0, 0.7, 4.9}}}
	for k := range 8 {
		f := [3]float64{float64(k & 1), float64(k >> 1 & 1), float64(k >> 2)}
		var x [3]float64
		for a := range f {
			for b := range x {
				x[b] += (f[a]/2 + 0.05*rng.NormFloat64()) * s.Cell[a][b]
			}
		}
		s.X = append(s.X, x)
		s.Z = append(s.Z, elements[k%len(elements)])
	}
	return s
}
