package kernel

import (
	"math/rand/v2"
	"testing"
)

// Learn of the vector paths against the loops, and the loops' gradient of the
// coefficients against the change of Σ g·agg, which is linear in them.
func TestLearn(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 32))
	segs := []Segment{{0.5, 4.5, 40}, {4.5, 5, 10}}
	for n := range 40 {
		s := randomShape(rng)
		r := NewSpline[float32](segs, s.Weights)
		r.Set(normals(rng, len(r.Knots)*s.Weights))
		loops := newLoopLearner(s, r)
		const rows = 9
		e := randomEdges(rng, 1+rng.IntN(40), s.LMax, rows)
		x, g := normals(rng, rows*s.XWidth), normals(rng, s.AggWidth)
		gx, gc := make([]float32, len(x)), make([]float32, len(r.Coef))
		loops.Learn(e, 0, e.N, e.J, x, g, gx, gc)

		agg := make([]float32, s.AggWidth)
		loops.Forward(e, 0, e.N, e.J, x, agg)
		left, right, size := 0.0, 0.0, 0.0
		for k, v := range agg {
			left += float64(v) * float64(g[k])
		}
		for k, v := range r.Coef {
			d := float64(v) * float64(gc[k])
			right, size = right+d, size+max(d, -d)
		}
		if d := left - right; !(max(d, -d) <= 1e-5*size) { // single precision, thousands of terms
			t.Fatalf("shape %d: ⟨g, agg⟩ = %g, ⟨coef, gradient⟩ = %g (terms %g)", n, left, right, size)
		}
		for _, p := range paths() {
			v := newLearner32(p, s, r.Table())
			if v == nil {
				t.Fatalf("%s: no vectors", p)
			}
			gx2, gc2 := make([]float32, len(x)), make([]float32, len(r.Coef))
			v.Learn(e, 0, e.N, e.J, x, g, gx2, gc2)
			near(t, p.String()+" gx", gx2, gx, 3e-4)
			near(t, p.String()+" coef", gc2, gc, 3e-4) // sums of up to 40 edges × 49 terms
			v.Learn(e, 0, e.N, e.J, x, g, nil, gc2)
		}
	}
}

// What generated kernels give follows the spline: Forward and Backward of a learner, after
// each change of it, are the loops'.
func TestLearnerRefresh(t *testing.T) {
	rng := rand.New(rand.NewPCG(33, 34))
	segs := []Segment{{0.5, 4.5, 40}, {4.5, 5, 10}}
	for _, named := range shapes {
		s := named.s
		r := NewSpline[float32](segs, s.Weights)
		loops := newLoopLearner(s, r)
		const rows = 9
		e := randomEdges(rng, 33, s.LMax, rows)
		x, g := normals(rng, rows*s.XWidth), normals(rng, s.AggWidth)
		for _, p := range paths() {
			v := newLearner32(p, s, r.Table())
			if v == nil {
				t.Fatalf("%s, %s: no vectors", named.name, p)
			}
			for range 2 {
				r.Set(normals(rng, len(r.Knots)*s.Weights))
				v.Refresh()
				want, got := make([]float32, s.AggWidth), make([]float32, s.AggWidth)
				loops.Forward(e, 0, e.N, e.J, x, want)
				v.Forward(e, 0, e.N, e.J, x, got)
				near(t, named.name+" agg", got, want, 3e-4) // as in TestLearn
				gx, gx2 := make([]float32, len(x)), make([]float32, len(x))
				e.ZeroGradient()
				loops.Backward(e, 0, e.N, e.J, x, g, gx)
				e.ZeroGradient()
				v.Backward(e, 0, e.N, e.J, x, g, gx2)
				near(t, named.name+" gx", gx2, gx, 3e-4)
			}
		}
	}
}
