package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Vectors of every path against the plain loops: to rounding, for lengths with and without
// a rest, and never behind the end.
func TestRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for p := avx2; p <= choice; p++ {
		for _, n := range []int{0, 1, 3, 4, 7, 8, 9, 31, 64, 200} {
			row := func() []float64 {
				x := make([]float64, n)
				for i := range x {
					x[i] = rng.NormFloat64()
				}
				return x
			}
			near := func(what string, got, want []float64, tol float64) {
				t.Helper()
				for i := range got {
					if d := math.Abs(got[i] - want[i]); !(d <= tol) {
						t.Errorf("%v, %d: %s[%d] is %.17g, want %.17g", p, n, what, i, got[i], want[i])
						return
					}
				}
			}
			x, y, to := row(), row(), make([]float64, n)
			want := make([]float64, n)
			k := mulRows(p, to, x, y)
			for i := range k {
				want[i] = x[i] * y[i]
			}
			near("x·y", to, want, 0)

			z := append([]float64(nil), y...)
			k = axpyRows(p, 0.7, x, z)
			copy(want, y)
			for i := range k {
				want[i] += 0.7 * x[i]
			}
			near("y + c·x", z, want, 1e-15)

			x32, y32, w32 := make([]float32, n), make([]float32, n), make([]float64, n)
			for i := range x {
				x32[i], y32[i] = float32(x[i]), float32(y[i])
			}
			for i := range n {
				want[i] = float64(y32[i])
			}
			k = axpyRows32(p, 0.7, x32, y32)
			for i := range n {
				if i < k {
					want[i] += float64(float32(0.7)) * float64(x32[i])
				}
				w32[i] = float64(y32[i])
			}
			near("y + c·x, single", w32, want, 1e-6)

			sum, k := dotRows(p, x, y)
			s := 0.0
			for i := range k {
				s += x[i] * y[i]
			}
			near("Σ", []float64{sum}, []float64{s}, 1e-13)

			// Distances at all places of the cutoff function, exponents of all sizes.
			r, fc, dfc, f, df := make([]float64, n), row(), row(), make([]float64, n), make([]float64, n)
			for i := range r {
				r[i] = 7 * rng.Float64()
			}
			if n > 3 {
				r[0], r[1], r[2] = 5.5, math.Nextafter(5.5, 0), 1e-9
			}
			wf, wd := make([]float64, n), make([]float64, n)
			for _, eta := range []float64{0, 0.03, 4, 300} {
				k = bellRows(p, eta, 1.1, r, fc, dfc, f, df)
				for i := range k {
					d := r[i] - 1.1
					e := math.Exp(-eta * d * d)
					wf[i], wd[i] = e*fc[i], e*(dfc[i]-2*eta*d*fc[i])
				}
				// Sums in the exponent of up to 700·2⁻⁵³ relative; slopes are up to 2η·6 larger.
				near("bell", f, wf, 2e-15)
				near("slope of the bell", df, wd, 1e-14*(1+eta))
			}
			k = cosineRows(p, 5.5, r, f, df)
			for i := range n {
				wf[i], wd[i] = 0, 0
				if i < k && r[i] < 5.5 {
					s, c := math.Sincos(math.Pi / 5.5 * r[i])
					wf[i], wd[i] = 0.5*(c+1), -0.5*math.Pi/5.5*s
				} else if i >= k {
					wf[i], wd[i] = f[i], df[i]
				}
			}
			near("cutoff", f, wf, 5e-16)
			near("slope of the cutoff", df, wd, 5e-16)
		}
		// What is not a number stays so.
		nan := []float64{math.NaN(), 1, 1, 1, 1, 1, 1, 1}
		f, df := make([]float64, 8), make([]float64, 8)
		bellRows(p, 1, 0, nan, make([]float64, 8), make([]float64, 8), f, df)
		if f[0] == f[0] {
			t.Errorf("%v: a distance that is NaN gives %g", p, f[0])
		}
		cosineRows(p, 2, nan, f, df)
		if f[0] == f[0] || df[0] == df[0] || f[1] != f[1] {
			t.Errorf("%v: a distance that is NaN gives %g, %g", p, f[0], df[0])
		}
	}
}
