package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

func splineOf(w int) (*Spline[float64], []float64) {
	s := NewSpline[float64]([]Segment{{0.5, 2, 60}, {2, 4.5, 50}, {4.5, 5, 10}}, w)
	return s, make([]float64, len(s.Knots)*w)
}

// A complete cubic spline deviates by at most 5h⁴/384 of the largest fourth derivative
// (Hall and Meyer, J. Approx. Theory 16, 105, 1976), here of cos(cr), c ≤ 2, h ≤ 0.05:
// 1.3e-6; slopes by h³/24: 8.3e-5. The slopes at the ends add less.
func TestSplineInterpolates(t *testing.T) {
	const w = 3
	s, v := splineOf(w)
	for k, r := range s.Knots {
		for f := range w {
			v[k*w+f] = math.Cos((1 + 0.5*float64(f)) * r)
		}
	}
	s.Set(v)
	var e Edges[float64]
	e.Resize(1, 0)
	val, slope := make([]float64, w), make([]float64, w)
	for r := 0.5; r < 5; r += 0.00317 {
		e.R[0] = r
		s.Weights(&e, 0, 1, val, slope)
		for f := range w {
			c := 1 + 0.5*float64(f)
			if d := math.Abs(val[f] - math.Cos(c*r)); d > 1.3e-6 {
				t.Fatalf("value at %g: off by %g", r, d)
			}
			if d := math.Abs(slope[f] + c*math.Sin(c*r)); d > 1e-4 {
				t.Fatalf("slope at %g: off by %g", r, d)
			}
		}
	}
}

// ⟨Set v, c⟩ = ⟨v, Transpose c⟩, and Scatter is the transpose of Weights.
func TestSplineTranspose(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	const w, n = 5, 7
	s, v := splineOf(w)
	random(rng, v)
	s.Set(v)
	c := make([]float64, len(s.Coef))
	random(rng, c)
	left := dot(s.Coef, c)
	g := make([]float64, len(v))
	s.Transpose(c, g)
	if right := dot(v, g); math.Abs(left-right) > 1e-11*math.Abs(left) {
		t.Errorf("⟨Sv, c⟩ = %.15g, ⟨v, Sᵀc⟩ = %.15g", left, right)
	}
	var e Edges[float64]
	e.Resize(n, 0)
	for k := range n {
		e.R[k] = 0.5 + 4.5*rng.Float64()
	}
	weights, gw := make([]float64, n*w), make([]float64, n*w)
	s.Weights(&e, 0, n, weights, nil)
	random(rng, gw)
	clear(c)
	s.Scatter(&e, 0, n, gw, c)
	if left, right := dot(weights, gw), dot(s.Coef, c); math.Abs(left-right) > 1e-11*math.Abs(left) {
		t.Errorf("⟨w, g⟩ = %.15g, ⟨coef, scattered⟩ = %.15g", left, right)
	}
}

func random(rng *rand.Rand, x []float64) {
	for k := range x {
		x[k] = rng.NormFloat64()
	}
}

func dot(x, y []float64) (s float64) {
	for k := range x {
		s += x[k] * y[k]
	}
	return s
}

// Outer against the triple loop.
func TestOuter(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 1))
	var o Outer[float32]
	for range 50 {
		rows, parts, K, N := rng.IntN(30), 1+rng.IntN(5), 1+rng.IntN(70), 1+rng.IntN(70)
		lda, ldc := parts*K+3, parts*N+2
		a, c := make([]float32, rows*lda+1), make([]float32, rows*ldc+1)
		for _, x := range [][]float32{a, c} {
			for k := range x {
				x[k] = float32(rng.NormFloat64())
			}
		}
		out, want := make([]float32, K*N), make([]float64, K*N)
		o.Add(rows, parts, a, lda, K, K, c, ldc, N, N, out)
		for i := range rows {
			for m := range parts {
				for k := range K {
					for n := range N {
						want[k*N+n] += float64(a[i*lda+m*K+k]) * float64(c[i*ldc+m*N+n])
					}
				}
			}
		}
		for k, v := range want {
			// sums of at most 150 products of normal numbers in single precision
			if math.Abs(float64(out[k])-v) > 1e-4 {
				t.Fatalf("%d rows, %d parts, %d×%d: element %d is %g, want %g", rows, parts, K, N, k, out[k], v)
			}
		}
	}
}
