package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// monomials are all of orders 1 to most, each with a chance, in random order.
func monomials(rng *rand.Rand, in, out, most int, chance float64) (terms []Monomial) {
	var add func(o int, q []int)
	add = func(o int, q []int) {
		if len(q) > 0 && rng.Float64() < chance {
			terms = append(terms, Monomial{o, append([]int(nil), q...)})
		}
		if len(q) == most {
			return
		}
		from := 0
		if len(q) > 0 {
			from = q[len(q)-1]
		}
		for v := from; v < in; v++ {
			add(o, append(q, v))
		}
	}
	for o := range out {
		add(o, nil)
	}
	rng.Shuffle(len(terms), func(i, j int) { terms[i], terms[j] = terms[j], terms[i] })
	return terms
}

// polyTwin evaluates monomial by monomial, with the gradient of Σ gy y.
func polyTwin(terms []Monomial, coef []float64, channels int, x, gy []float64, out, in int) (y, gx []float64) {
	y, gx = make([]float64, out*channels), make([]float64, in*channels)
	for k, m := range terms {
		for u := range channels {
			c := coef[k*channels+u]
			p := c
			for _, q := range m.Q {
				p *= x[q*channels+u]
			}
			y[m.Out*channels+u] += p
			for d, q := range m.Q {
				p := c * gy[m.Out*channels+u]
				for e, r := range m.Q {
					if e != d {
						p *= x[r*channels+u]
					}
				}
				gx[q*channels+u] += p
			}
		}
	}
	return y, gx
}

func checkPoly[T Float](t *testing.T, name string, terms []Monomial, in, out, channels int, tol float64, rng *rand.Rand) {
	t.Helper()
	random := func(n int) []float64 {
		x := make([]float64, n)
		for k := range x {
			x[k] = float64(float32(rng.NormFloat64()))
		}
		return x
	}
	p, place := NewPoly(in, out, terms)
	coef, x, gy := random(len(terms)*channels), random(in*channels), random(out*channels)
	ordered := make([]float64, len(coef))
	for k, to := range place {
		copy(ordered[to*channels:][:channels], coef[k*channels:])
	}
	c := NewContraction[T](p, channels, [][]float64{make([]float64, len(coef)), ordered})
	cast := func(x []float64) []T {
		out := make([]T, len(x))
		for k, v := range x {
			out[k] = T(v)
		}
		return out
	}
	y, gx := make([]T, out*channels), make([]T, in*channels)
	for k := range y {
		y[k] = T(math.NaN())
	}
	s := c.Scratch()
	for k := range s {
		s[k] = T(math.NaN())
	}
	c.Forward(1, cast(x), y, s)
	c.Backward(1, cast(x), cast(gy), gx, s)
	wy, wgx := polyTwin(terms, coef, channels, x, gy, out, in)
	compare := func(what string, got []T, want []float64) {
		most := 1.0
		for _, v := range want {
			most = max(most, math.Abs(v))
		}
		for k, v := range want {
			if d := math.Abs(float64(got[k]) - v); !(d <= tol*most) {
				t.Fatalf("%s, %d channels: %s[%d] = %v, wanted %v", name, channels, what, k, got[k], v)
			}
		}
	}
	compare("y", y, wy)
	compare("gx", gx, wgx)
}

// Nested polynomials and their gradients are the sums of their monomials, in both
// precisions and by every path.
func TestPoly(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	was := choice
	defer func() { choice = was }()
	for _, s := range []struct {
		in, out, order int
		chance         float64
	}{{1, 1, 1, 1}, {4, 1, 3, 1}, {4, 4, 2, 0.4}, {9, 2, 3, 0.5}, {16, 4, 3, 0.2}, {3, 2, 5, 0.7}, {4, 3, 4, 0.02}} {
		terms := monomials(rng, s.in, s.out, s.order, s.chance)
		for _, channels := range []int{1, 5, 16, 32, 48, 64} {
			checkPoly[float64](t, "float64", terms, s.in, s.out, channels, 1e-13, rng)
			for p := generic; p <= was; p++ {
				choice = p
				checkPoly[float32](t, p.String(), terms, s.in, s.out, channels, 1e-5, rng)
			}
		}
	}
}

func TestPolyRefuses(t *testing.T) {
	for _, terms := range [][]Monomial{
		{{0, []int{1, 0}}}, {{0, []int{2}}}, {{1, []int{0}}}, {{0, nil}}, {{0, []int{1}}, {0, []int{1}}},
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%v was accepted", terms)
				}
			}()
			NewPoly(2, 1, terms)
		}()
	}
}
