package train

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/potentialtest"
	"github.com/wigner-md/wigner/potential/soap"
)

// spectral makes a small model on the power spectrum, its kernel's points from list.
func spectral(t *testing.T, list []*Structure, zeta int) *soap.Model {
	t.Helper()
	d, err := soap.NewDescriptor(soap.Settings{Elements: Elements(list), Cutoff: 3.5, Sigma: 0.6, N: 2, L: 2, Central: 1, Power: 2})
	if err != nil {
		t.Fatal(err)
	}
	var points [][]float64
	if zeta > 0 {
		e := d.Environments()
		err := Frames(list, d.Cutoff, func(f *potential.Frame) error { return e.Add(f, 0, 1) })
		if err != nil {
			t.Fatal(err)
		}
		points = e.Farthest(5)
	}
	m, err := soap.NewModel(d, make([]float64, len(d.Elements)), zeta, points)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// moved are copies of the random structures with other positions, for more rows than
// coefficients, labelled by the model itself at random coefficients.
func moved(t *testing.T, list []*Structure, m *soap.Model) (out []*Structure) {
	t.Helper()
	rng := rand.New(rand.NewPCG(5, 6))
	for k := range m.Theta {
		m.Theta[k] = rng.NormFloat64()
	}
	for n := range 12 {
		from := list[n%len(list)]
		s := &Structure{Cell: from.Cell, Periodic: from.Periodic, Z: from.Z, X: append([][3]float64(nil), from.X...), Stress: from.Stress, Weight: from.Weight, Source: from.Source}
		for i := range s.X {
			for k := range 3 {
				s.X[i][k] += 0.2 * rng.NormFloat64()
			}
		}
		o, err := potentialtest.Evaluate(potentialtest.System{Cell: s.Cell, Periodic: s.Periodic, Z: s.Z, X: s.X},
			potentialtest.Setup{}, func() potential.Potential { return m.Potential() })
		if err != nil {
			t.Fatal(err)
		}
		s.Energy, s.Forces = o.Energy, o.Forces
		out = append(out, s)
	}
	clear(m.Theta)
	return out
}

// leastOptions weigh energies, forces and stresses.
func leastOptions() Options {
	return Options{Batch: 1, Stages: []Stage{{Loss: Loss{Energy: 3, Force: 1, Stress: 2}}}, Step: Step64}
}

// Labels that the model can give are found again, with hardly any regularisation.
func TestLeastFinds(t *testing.T) {
	for _, zeta := range []int{0, 2} {
		_, z := trainee(t)
		m := spectral(t, structures(z), zeta)
		list := moved(t, structures(z), m)
		for _, s := range list {
			s.Stress = [3][3]float64{{math.NaN(), math.NaN(), math.NaN()}, {math.NaN(), math.NaN(), math.NaN()}, {math.NaN(), math.NaN(), math.NaN()}}
		}
		alone1(func(c comm.Comm) {
			f, err := NewFit(c, m.Potential(), list[:9], list[9:], leastOptions())
			if err != nil {
				t.Fatal(err)
			}
			all, err := f.Least([]float64{1e-14, 1e-4}, nil)
			if err != nil {
				t.Fatal(err)
			}
			e, err := f.Test(list, func(Prediction) {})
			if err != nil {
				t.Fatal(err)
			}
			if !all[0].Best || !(e.RMSE(0) < 1e-5) || !(e.RMSE(1) < 1e-5) {
				t.Errorf("ζ = %d: errors %g eV/atom, %g eV/Å; %+v", zeta, e.RMSE(0), e.RMSE(1), all)
			}
		})
	}
}

// With labels that no coefficients give: the losses told are those of the objective, the
// gradient of the regularised loss vanishes where the fit ends, and the ranks do not
// matter.
func TestLeast(t *testing.T) {
	_, z := trainee(t)
	for _, zeta := range []int{0, 2} {
		list := structures(z)
		m := spectral(t, list, zeta)
		var want []float64
		for _, ranks := range []int{1, 3} {
			var got []float64
			err := inproc.Run(ranks, func(c comm.Comm) error {
				p := m.Potential()
				if ranks > 1 { // each rank has coefficients of its own
					p = spectral(t, list, zeta).Potential()
				}
				f, err := NewFit(c, p, list[:3], list[3:], leastOptions())
				if err != nil {
					return err
				}
				all, err := f.Least([]float64{1e-3}, nil)
				if err != nil {
					return err
				}
				if c.Rank() == 0 {
					got = append([]float64(nil), p.Theta...)
				}
				e, err := f.o.Evaluate(f.train, nil)
				if err != nil {
					return err
				}
				if math.Abs(e.Total()-all[0].Train) > 1e-9*e.Total() {
					t.Errorf("ζ = %d: loss %v, said %v", zeta, e.Total(), all[0].Train)
				}
				v, err := f.o.Evaluate(f.valid, nil)
				if err != nil {
					return err
				}
				if math.Abs(v.Total()-all[0].Valid) > 1e-9*v.Total() {
					t.Errorf("ζ = %d: validation loss %v, said %v", zeta, v.Total(), all[0].Valid)
				}
				if zeta > 0 {
					return nil
				}
				// ∂/∂θ_k of the loss is −2λ A_kk θ_k, with A_kk = ½ ∂²L/∂θ_k².
				grad := func() []float64 {
					g := make([]float64, len(p.Theta))
					if _, err := f.o.Gradient(f.train, g); err != nil {
						t.Error(err)
					}
					return g
				}
				g := grad()
				for _, k := range []int{0, 7, 20} {
					was := p.Theta[k]
					h := 0.1 + math.Abs(was)
					p.Theta[k] = was + h
					a := (grad()[k] - g[k]) / h / 2
					p.Theta[k] = was
					if bad := g[k] + 2e-3*a*was; math.Abs(bad) > 1e-5*a*h {
						t.Errorf("gradient %d: %g with regularisation, of %g", k, bad, a*h)
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if want == nil {
				want = got
				continue
			}
			scale := 0.0
			for _, v := range want {
				scale = max(scale, math.Abs(v))
			}
			for k, v := range got {
				if math.Abs(v-want[k]) > 1e-6*scale {
					t.Errorf("ζ = %d, %d ranks: coefficient %d is %v instead of %v", zeta, ranks, k, v, want[k])
				}
			}
		}
	}
}

// A loss of 1e-14 of the labels' squares is told, and the regularisation chosen by it, to five
// digits: it is that of the objective at the fitted parameters.
func TestLeastSmall(t *testing.T) {
	for _, zeta := range []int{0, 2} {
		_, z := trainee(t)
		m := spectral(t, structures(z), zeta)
		list := moved(t, structures(z), m)
		rng := rand.New(rand.NewPCG(7, 8))
		nan := math.NaN()
		for _, s := range list {
			s.Stress = [3][3]float64{{nan, nan, nan}, {nan, nan, nan}, {nan, nan, nan}}
			for i := range s.Forces {
				for k := range s.Forces[i] {
					s.Forces[i][k] += 1e-7 * rng.NormFloat64()
				}
			}
		}
		alone1(func(c comm.Comm) {
			f, err := NewFit(c, m.Potential(), list[:9], list[9:], leastOptions())
			if err != nil {
				t.Fatal(err)
			}
			all, err := f.Least([]float64{1e-15}, nil)
			if err != nil {
				t.Fatal(err)
			}
			for n, set := range [][]*sample{f.train, f.valid} {
				e, err := f.o.Evaluate(set, nil)
				if err != nil {
					t.Fatal(err)
				}
				if said := []float64{all[0].Train, all[0].Valid}[n]; !(math.Abs(said-e.Total()) <= 1e-5*e.Total()) {
					t.Errorf("ζ = %d, set %d: loss %g, said %g", zeta, n, e.Total(), said)
				}
			}
		})
	}
}

func TestLeastRefuses(t *testing.T) {
	p, z := trainee(t)
	alone1(func(c comm.Comm) {
		f, err := NewFit(c, p, structures(z), nil, leastOptions())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Least([]float64{1}, nil); err == nil {
			t.Error("a network is fitted by least squares")
		}
		f, err = NewFit(c, spectral(t, structures(z), 0).Potential(), structures(z), nil, leastOptions())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Least([]float64{1, 2}, nil); err == nil {
			t.Error("two regularisations and nothing to choose by")
		}
	})
}
