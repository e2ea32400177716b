package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The gradient of the harmonics against central differences, and the sum rule
// Σ_m Y² = 2l+1 (e3nn's component normalisation), to l = 8.
func TestHarmonics(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, unit := range []bool{true, false} {
		for lmax := 0; lmax <= 8; lmax++ {
			var e Edges[float64]
			e.Unit = unit
			m := (lmax + 1) * (lmax + 1)
			g := make([]float64, m)
			var d [3]float64
			for k := range d {
				d[k] = rng.NormFloat64()
			}
			f := func(d [3]float64) float64 {
				e.Resize(1, lmax)
				for k := range d {
					e.D[k][0] = d[k]
				}
				e.Geometry()
				s := 0.0
				for q := range g {
					s += g[q] * e.Y[q*e.Stride]
				}
				return s
			}
			for q := range g {
				g[q] = rng.NormFloat64()
			}
			f(d)
			if unit {
				for l := 0; l <= lmax; l++ {
					s := 0.0
					for q := l * l; q < (l+1)*(l+1); q++ {
						s += e.Y[q*e.Stride] * e.Y[q*e.Stride]
					}
					if math.Abs(s-float64(2*l+1)) > 1e-12 {
						t.Errorf("l=%d: sum of squares %v", l, s)
					}
				}
			}
			e.ZeroGradient()
			for q := range g {
				e.GY[q*e.Stride] = g[q]
			}
			got, virial := e.Gradient()
			for k := range d {
				const h = 1e-6
				p, n := d, d
				p[k] += h
				n[k] -= h
				want := (f(p) - f(n)) / (2 * h)
				if math.Abs(want-got[k]) > 1e-6*(1+math.Abs(want)) {
					t.Errorf("lmax=%d unit=%v axis %d: %v, by differences %v", lmax, unit, k, got[k], want)
				}
				if e.G[k][0] != got[k] || virial[k] != [3]float64{d[k] * got[0], d[k] * got[1], d[k] * got[2]} {
					t.Errorf("the sums of one edge are not what it has: %v, %v", got, virial)
				}
			}
		}
	}
}

func TestTable(t *testing.T) {
	sample := func(r float64, seg int, v, s []float64) {
		for f := range v {
			c := float64(f + 1)
			v[f], s[f] = math.Sin(c*r), c*math.Cos(c*r)
			if seg == 1 { // a kink at the border
				v[f] += (r - 4.5) * (r - 4.5)
				s[f] += 2 * (r - 4.5)
			}
		}
	}
	tab := NewTable([]Segment{{0.5, 4.5, 320}, {4.5, 5, 40}}, 5, sample)
	v, s := tab.Errors(sample)
	// cubic spline: h⁴/384·5⁴ = 4e-8 of the value, plus float32 rounding; slope h³/24·5⁴.
	if v > 4e-7 || s > 1e-4 {
		t.Errorf("table errors %g, %g", v, s)
	}
}

func TestGemm(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		M, K, N := 1+rng.IntN(30), 1+rng.IntN(70), 1+rng.IntN(100)
		a, b, c := make([]float64, M*K), make([]float64, K*N), make([]float64, M*N)
		for _, s := range [][]float64{a, b, c} {
			for i := range s {
				s[i] = rng.NormFloat64()
			}
		}
		want := append([]float64(nil), c...)
		for i := range M {
			for j := range N {
				for k := range K {
					want[i*N+j] += 2 * a[i*K+k] * b[k*N+j]
				}
			}
		}
		Gemm(M, a, K, Pack[float64](b, K, N, 2), c, N, true)
		for i := range c {
			if math.Abs(c[i]-want[i]) > 1e-11 {
				t.Fatalf("%d×%d×%d: %v, want %v", M, K, N, c[i], want[i])
			}
		}
	}
}
