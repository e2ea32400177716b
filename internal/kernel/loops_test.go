package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// slowConv is the convolution and its adjoint as doc.go defines them, term by
// term in double precision: agg, and ∂E/∂x, ∂E/∂r, ∂E/∂Y for g = ∂E/∂agg.
func slowConv(s *Shape, w, dw func(edge, weight int) float64, y func(edge, m int) float64, n int, j []int32, x, g []float64) (agg, gx []float64, gr []float64, gy [][]float64) {
	agg, gx, gr = make([]float64, s.AggWidth), make([]float64, len(x)), make([]float64, n)
	gy = make([][]float64, n)
	for e := range n {
		gy[e] = make([]float64, (s.LMax+1)*(s.LMax+1))
		for _, p := range s.Paths {
			b, o := s.X[p.X], s.Agg[p.Agg]
			for _, t := range p.Terms {
				m := p.L2*p.L2 + t.J
				for u := range b.Mul {
					xi := int(j[e])*s.XWidth + b.Offset + t.I*b.Mul + u
					k := o.Offset + t.K*o.Mul + p.Col + u
					f, df := w(e, p.W+u), dw(e, p.W+u)
					agg[k] += f * t.C * x[xi] * y(e, m)
					gx[xi] += f * t.C * g[k] * y(e, m)
					gr[e] += df * t.C * g[k] * x[xi] * y(e, m)
					gy[e][m] += f * t.C * g[k] * x[xi]
				}
			}
		}
	}
	return agg, gx, gr, gy
}

// numbers gives weights and slopes without a function of r behind them.
type numbers[T Float] struct {
	n     int
	w, dw []T
}

func (r numbers[T]) Weights(_ *Edges[T], from, to int, w, dw []T) {
	copy(w, r.w[from*r.n:to*r.n])
	if dw != nil {
		copy(dw, r.dw[from*r.n:to*r.n])
	}
}

// The plain loops against the definition: random shapes, to l = 3, whose numbers
// of channels are no multiples of anything, in both precisions.
func TestLoops(t *testing.T) {
	for seed := range uint64(60) {
		testLoops[float64](t, seed, 1e-12)
		testLoops[float32](t, seed, 2e-5) // sums of some hundred terms of order one
	}
	s := network([]int{128, 64, 32}, 2, 2)
	testLoopsOf[float64](t, rand.New(rand.NewPCG(21, 0)), s, 1e-12)
}

func testLoops[T Float](t *testing.T, seed uint64, tol float64) {
	rng := rand.New(rand.NewPCG(20, seed))
	testLoopsOf[T](t, rng, randomShape(rng), tol)
}

func testLoopsOf[T Float](t *testing.T, rng *rand.Rand, s *Shape, tol float64) {
	const rows = 5
	fill := func(n int) ([]T, []float64) {
		a, b := make([]T, n), make([]float64, n)
		for i := range a {
			a[i] = T(rng.NormFloat64())
			b[i] = float64(a[i])
		}
		return a, b
	}
	n := rng.IntN(20)
	var e Edges[T]
	e.Resize(n, s.LMax)
	for k := range n {
		e.J[k] = int32(rng.IntN(rows))
	}
	Y, y := fill(len(e.Y))
	e.Y = Y
	w, wd := fill(n * s.Weights)
	dw, dwd := fill(n * s.Weights)
	x, xd := fill(rows * s.XWidth)
	g, gd := fill(s.AggWidth)
	agg, gx, gr, gy := slowConv(s,
		func(e, f int) float64 { return wd[e*s.Weights+f] },
		func(e, f int) float64 { return dwd[e*s.Weights+f] },
		func(k, m int) float64 { return y[m*e.Stride+k] }, n, e.J, xd, gd)

	c := NewLoops[T](s, numbers[T]{s.Weights, w, dw})
	cut := rng.IntN(n + 1) // in two pieces
	got := make([]T, s.AggWidth)
	c.Forward(&e, 0, cut, e.J, x, got)
	c.Forward(&e, cut, n, e.J, x, got)
	check := func(what string, got T, want, scale float64) {
		if d := math.Abs(float64(got) - want); !(d <= tol*(1+math.Abs(want)+scale)) {
			t.Fatalf("%s is %v, want %v", what, got, want)
		}
	}
	for i, v := range got {
		check("agg", v, agg[i], 0)
	}
	scale := math.Sqrt(float64(s.Weights)) // the sums run over all channels
	for _, gotX := range [][]T{make([]T, len(x)), nil} {
		e.ZeroGradient()
		c.Backward(&e, 0, cut, e.J, x, g, gotX)
		c.Backward(&e, cut, n, e.J, x, g, gotX)
		for i, v := range gotX {
			check("∂/∂x", v, gx[i], 0)
		}
		for k := range n {
			check("∂/∂r", e.GR[k], gr[k], scale)
			for m := range (s.LMax + 1) * (s.LMax + 1) {
				check("∂/∂Y", e.GY[m*e.Stride+k], gy[k][m], scale)
			}
		}
	}
}
