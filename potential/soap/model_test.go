package soap

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// settings of two elements: all pairs of channels are there.
var tests = []Settings{
	{Elements: []int{8, 14}, Cutoff: 4, Sigma: 0.5, N: 4, L: 4, Central: 1},
	{Elements: []int{8, 14}, Cutoff: 3.8, Sigma: 0.6, N: 3, L: 3, Central: 1, Basis: Polynomial, Envelope: Cosine, Width: 1.5},
	{Elements: []int{8, 14}, Cutoff: 3.5, Sigma: 0.5, N: 3, L: 2, Central: 1, Basis: Powers, Envelope: Cosine, Width: 2},
}

// random makes a model with random coefficients, and energies of some eV; zeta 0 is linear.
func random(t testing.TB, s Settings, zeta int) *Model {
	t.Helper()
	d, err := NewDescriptor(s)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, uint64(zeta)))
	var pts [][]float64
	if zeta > 0 {
		for z := range d.Elements {
			w := newPlace(d)
			var all []float64
			for range 5 + z {
				w.begin(z)
				for _, n := range around(rng, d, 9) {
					if r := math.Sqrt(n.R[0]*n.R[0] + n.R[1]*n.R[1] + n.R[2]*n.R[2]); r < d.Cutoff {
						w.add(int8(n.Element), n.R, r)
					}
				}
				w.expand()
				w.power()
				w.normalise()
				all = append(all, w.p...)
			}
			pts = append(pts, all)
		}
	}
	m, err := NewModel(d, []float64{-1, 2}, zeta, pts)
	if err != nil {
		t.Fatal(err)
	}
	scale := 0.0
	for _, b := range m.bare {
		for _, v := range b {
			scale = max(scale, math.Abs(v))
		}
	}
	for k := range m.Theta {
		m.Theta[k] = rng.NormFloat64()
		if zeta == 0 {
			m.Theta[k] /= 5 * scale
		}
	}
	return m
}

func TestSuite(t *testing.T) {
	for _, zeta := range []int{0, 1, 3} {
		for k, s := range tests {
			if k > 0 && zeta == 1 || k > 1 && zeta > 0 {
				continue // nothing new
			}
			name := map[int]string{0: "linear", 1: "kernel1", 3: "kernel3"}[zeta] + []string{"-gto", "-polynomial", "-powers"}[k]
			t.Run(name, func(t *testing.T) {
				m := random(t, s, zeta)
				o := potentialtest.Options{Elements: s.Elements, MinDistance: 1.6, Spacing: 2.2, Atoms: 10, Seed: 3}
				if testing.Short() {
					o.Ranks = []int{1, 4}
				}
				potentialtest.Run(t, func() potential.Potential { return m.Potential() }, o)
			})
		}
	}
}

// An atom alone has its reference energy; what is fitted are differences from it.
func TestAlone(t *testing.T) {
	for _, zeta := range []int{0, 2} {
		m := random(t, tests[0], zeta)
		for k, z := range m.Elements {
			o, err := potentialtest.Evaluate(potentialtest.System{Z: []int{z}, X: [][3]float64{{1, 2, 3}}}, potentialtest.Setup{}, func() potential.Potential { return m.Potential() })
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(o.Energy-m.Reference[k]) > 1e-14 {
				t.Errorf("ζ = %d: an atom alone has %v eV", zeta, o.Energy)
			}
		}
	}
}

// frame is a cell smaller than the cutoff on one rank, by hand: images are position rows.
func frame(rng *rand.Rand, cutoff float64) *potential.Frame {
	return cellFrame(rng, cutoff)
}

// Energy, forces and virial are what Rows says, times the coefficients; and so is the
// gradient of the parameters.
func TestRows(t *testing.T) {
	for _, zeta := range []int{0, 2} {
		for _, s := range tests {
			m := random(t, s, zeta)
			f := frame(rand.New(rand.NewPCG(9, 9)), m.Potential().Cutoff())
			p := m.Potential()
			var b potential.Bonds
			b.Reset(f.Rows)
			res := potential.Result{Energy: make([]float64, f.N), Bonds: &b}
			if err := p.Compute(f, &res); err != nil {
				t.Fatal(err)
			}
			k := m.Coefficients()
			energy, force, virial := make([]float64, k), make([]float64, 3*f.N*k), make([]float64, 9*k)
			if err := p.Rows(f, energy, force, virial); err != nil {
				t.Fatal(err)
			}
			dot := func(row []float64) (sum float64) {
				for k, v := range m.Theta {
					sum += v * row[k]
				}
				return sum
			}
			want, got := 0.0, dot(energy)
			for i, e := range res.Energy {
				want += e
				got += m.Reference[p.species[f.Species[i]]]
			}
			same := func(what string, got, want float64) {
				t.Helper()
				if math.Abs(got-want) > 1e-10*max(1, math.Abs(want)) {
					t.Errorf("ζ = %d, %s: %v by rows, %v computed", zeta, what, got, want)
				}
			}
			same("energy", got, want)
			for i := range f.N {
				for c := range 3 {
					same("force", dot(force[(3*i+c)*k:][:k]), b.F[i][c])
				}
			}
			for c := range 9 {
				same("virial", dot(virial[c*k:][:k]), b.W[c/3][c%3])
			}
			weight, e, dst := make([]float64, f.N), make([]float64, f.N), make([]float64, k)
			for i := range weight {
				weight[i] = 1
			}
			if err := p.ParamGradient(f, weight, e, dst); err != nil {
				t.Fatal(err)
			}
			for i := range dst {
				same("gradient", dst[i], energy[i])
			}
			for i := range e {
				same("atomic energy", e[i], res.Energy[i])
			}
		}
	}
}

// The tables against the integrals themselves.
func TestTables(t *testing.T) {
	for _, s := range tests {
		d, err := NewDescriptor(s)
		if err != nil {
			t.Fatal(err)
		}
		nl := d.N * (d.L + 1)
		v, dv, w, dw := make([]float64, nl), make([]float64, nl), make([]float64, nl), make([]float64, nl)
		scale, worst, slope := 0.0, 0.0, 0.0
		for k := range 200 {
			r := (float64(k) + 0.37) / 200 * d.Cutoff
			d.radii(r, v, dv)
			d.radial.integrals(r, w, dw)
			f, df := d.envelope(r)
			for i := range v {
				x, dx := f*w[i]/math.Sqrt(4*math.Pi), (f*dw[i]+df*w[i])/math.Sqrt(4*math.Pi)
				scale, worst, slope = max(scale, math.Abs(x)), max(worst, math.Abs(x-v[i])), max(slope, math.Abs(dx-dv[i]))
			}
		}
		t.Logf("%s: value off by %.1e, slope by %.1e Å⁻¹ of %.3g", d.Basis, worst, slope, scale)
		if !(worst < 1e-10*scale) || !(slope < 1e-7*scale) {
			t.Errorf("%s: value off by %g, slope by %g of %g", d.Basis, worst, slope, scale)
		}
	}
}

// The radial functions are orthonormal, by integration on a fine grid.
func TestOrthonormal(t *testing.T) {
	for _, s := range tests {
		d, err := NewDescriptor(s)
		if err != nil {
			t.Fatal(err)
		}
		const n = 6000
		far := 6 * d.Cutoff
		for l := range d.L + 1 {
			g := make([]float64, n*d.N)
			for k := range g {
				r := (float64(k/d.N) + 0.5) * far / n
				g[k] = d.radial.g(l, k%d.N, r) * r * math.Sqrt(far/n)
			}
			for a := range d.N {
				for b := range d.N {
					sum := 0.0
					for k := range n {
						sum += g[k*d.N+a] * g[k*d.N+b]
					}
					want := 0.0
					if a == b {
						want = 1
					}
					if math.Abs(sum-want) > 1e-6 {
						t.Errorf("%s: ⟨g_%d|g_%d⟩ = %v for l = %d", d.Basis, a, b, sum, l)
					}
				}
			}
		}
	}
}

// Scaled Bessel functions by their integral ½∫ e^{x(u−1)} P_l(u) du: the first three in
// closed form.
func TestBessel(t *testing.T) {
	out := make([]float64, 12)
	for _, x := range []float64{1e-6, 1e-3, 9e-3, 2e-2, 0.5, 3, 40, 300} {
		bessel(x, out)
		e := math.Exp(-2 * x)
		i0 := -math.Expm1(-2*x) / (2 * x)
		i1 := (1+e)/(2*x) - i0/x
		if x < 0.1 {
			i1 = math.Exp(-x) * x / 3 * (1 + x*x/10 + x*x*x*x/280)
		}
		for l, want := range []float64{i0, i1} {
			if math.Abs(out[l]-want) > 1e-12*want {
				t.Errorf("x = %g: i_%d = %v, want %v", x, l, out[l], want)
			}
		}
		for l := 1; l+1 < len(out); l++ { // i_{l−1} − i_{l+1} = (2l+1)/x i_l
			if d := out[l-1] - out[l+1] - float64(2*l+1)/x*out[l]; math.Abs(d) > 1e-11*out[l-1] {
				t.Errorf("x = %g, l = %d: the recurrence is off by %g of %g", x, l, d, out[l-1])
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	good := tests[0]
	for name, change := range map[string]func(s *Settings){
		"no elements":      func(s *Settings) { s.Elements = nil },
		"order":            func(s *Settings) { s.Elements = []int{14, 8} },
		"twice":            func(s *Settings) { s.Elements = []int{8, 8} },
		"element":          func(s *Settings) { s.Elements = []int{8, 300} },
		"cutoff":           func(s *Settings) { s.Cutoff = 0.5 },
		"sigma":            func(s *Settings) { s.Sigma = 0 },
		"cutoff over σ":    func(s *Settings) { s.Sigma = s.Cutoff / 61 },
		"N":                func(s *Settings) { s.N = 0 },
		"L":                func(s *Settings) { s.L = 50 },
		"basis":            func(s *Settings) { s.Basis = "x" },
		"cutoff function":  func(s *Settings) { s.Envelope = "x" },
		"power":            func(s *Settings) { s.Power = 0.5 },
		"width":            func(s *Settings) { s.Width = 9 },
		"central":          func(s *Settings) { s.Central = -1 },
		"dependent radial": func(s *Settings) { s.N = 30 },
	} {
		s := good
		change(&s)
		if _, err := NewDescriptor(s); err == nil {
			t.Errorf("%s: not refused", name)
		}
	}
}

// A position that is not finite gives an energy that is not, and no panic.
func TestNaN(t *testing.T) {
	m := random(t, tests[0], 2)
	f := cellFrame(rand.New(rand.NewPCG(1, 1)), m.Potential().Cutoff())
	f.X[0][1] = math.NaN()
	var b potential.Bonds
	b.Reset(f.Rows)
	e := make([]float64, f.N)
	if err := m.Potential().Compute(f, &potential.Result{Energy: e, Bonds: &b}); err != nil || e[0] == e[0] {
		t.Errorf("energy %v, %v", e[0], err)
	}
}

// Sizes of a fit to one element.
func BenchmarkCompute(b *testing.B) {
	for _, zeta := range []int{0, 2} {
		b.Run(map[int]string{0: "linear", 2: "kernel"}[zeta], func(b *testing.B) {
			m := random(b, Settings{Elements: []int{8, 14}, Cutoff: 5, Sigma: 0.5, N: 8, L: 6, Central: 1}, zeta)
			f := cellFrame(rand.New(rand.NewPCG(1, 1)), 5)
			for i := range f.Species {
				f.Species[i] = 14
			}
			p := m.Potential()
			var bonds potential.Bonds
			res := potential.Result{Energy: make([]float64, f.N), Bonds: &bonds}
			for b.Loop() {
				bonds.Reset(f.Rows)
				_ = p.Compute(f, &res)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*f.N), "µs/atom")
			b.ReportMetric(float64(f.List.Row[f.N])/float64(f.N), "edges/atom")
		})
	}
}
