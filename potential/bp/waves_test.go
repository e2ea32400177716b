package bp

import (
	"math"
	"math/rand/v2"
	"testing"
)

// Powers by squares and by each other are math.Pow's, for ζ of all kinds.
func TestWaves(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	c := make([]float64, 50)
	for i := range c {
		c[i] = 2*rng.Float64() - 1.2
	}
	for _, zetas := range [][]float64{{1}, {2}, {1, 2, 4, 16}, {1025}, {3, 1024, 1025, 1026}, {2.5}, {1, 3, 3.5, 7, 8, 64, 100}} {
		var list []wave
		for _, lambda := range []float64{-1, 0.5, 1} {
			for _, z := range zetas {
				list = append(list, wave{lambda: lambda, zeta: z})
			}
		}
		w := newWaves(list)
		slopes, values := w.evaluate(c, make([]float64, w.rows()*len(c)), len(c))
		for k, q := range list {
			for i, x := range c {
				y := max(0, 1+q.lambda*x)
				want, slope := math.Pow(y, q.zeta), math.Pow(y, q.zeta-1)
				// Each product rounds by 2⁻⁵³ relative; a ζ-th power has at most ζ of them.
				tol := 2 * q.zeta * 0x1p-53
				if got := values[k*len(c)+i]; math.Abs(got-want) > tol*want {
					t.Fatalf("ζ %v of %v, λ %v: (%v)^ζ is %v, wanted %v", q.zeta, zetas, q.lambda, y, got, want)
				}
				if got := slopes[k*len(c)+i]; math.Abs(got-slope) > tol*slope {
					t.Fatalf("ζ %v of %v, λ %v: (%v)^(ζ-1) is %v, wanted %v", q.zeta, zetas, q.lambda, y, got, slope)
				}
			}
		}
	}
}
