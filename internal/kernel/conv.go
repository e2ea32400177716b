package kernel

// Radial gives the radial weights of a layer.
type Radial[T Float] interface {
	// Weights sets w[(e−from)·W : …+W], W the shape's Weights, for the edges
	// from ≤ e < to, and their slopes ∂w/∂r in dw unless that is nil.
	Weights(e *Edges[T], from, to int, w, dw []T)
}

// Conv is the convolution of one layer. A Conv has scratch of its own: one per
// goroutine.
type Conv[T Float] interface {
	// Forward adds to agg (AggWidth numbers) the messages of the edges
	// from ≤ e < to. Neighbour e's record begins at x[j[e]·XWidth].
	Forward(e *Edges[T], from, to int, j []int32, x, agg []T)
	// Backward takes g = ∂E/∂agg and adds to e.GR, e.GY and, unless gx is
	// nil, to the records of gx that belong to the neighbours.
	Backward(e *Edges[T], from, to int, j []int32, x, g, gx []T)
}

// Loops is the Conv of plain loops: any shape, either precision. What a path does
// to a channel is one pass over the channels with all numbers in registers (see
// loops.go), as far as there are enough of them.
type Loops[T Float] struct {
	s      *Shape
	radial Radial[T]
	paths  []loopPath[T]
	w, dw  []T // [edge][weight]
	h      []T
	m      []T // Σ_b C[a,b,k] Y_b of one edge and path
	b      []T // B_p[a,b] of one atom
	waste  []T // a place for the gradient of x where nobody wants it
}

type loopPath[T Float] struct {
	Path
	mul, n1, n2, n3 int
	x, agg          Block
	terms           []loopTerm[T]
	b0              int // where this path's B begins
	sums            []loopSum
	products        []loopSum
}

// loopTerm is C[a,b,k] with a·n3+k and a·n2+b.
type loopTerm[T Float] struct {
	ak, ab, b, k int
	c            T
}

// loopSum is, forward, one component k of the result and the components a of x
// that lead to it; in a product with a scalar x, several k that come of it.
// Backward it is one a and the b that are coupled with it.
type loopSum struct {
	to   int
	from []int // at most mostTerms
}

// mostTerms have their numbers in registers.
const mostTerms = 5

// split cuts the list into loopSums.
func split(to int, from []int) (out []loopSum) {
	for len(from) > 0 {
		n := min(mostTerms, len(from))
		out = append(out, loopSum{to, from[:n]})
		from = from[n:]
	}
	return out
}

// NewLoops makes the plain convolution of a shape.
func NewLoops[T Float](s *Shape, r Radial[T]) *Loops[T] {
	s.Check()
	c := &Loops[T]{s: s, radial: r}
	b0, mul, m := 0, 0, 0
	for _, p := range s.Paths {
		x, a := s.X[p.X], s.Agg[p.Agg]
		l := loopPath[T]{Path: p, mul: x.Mul, n1: 2*x.L + 1, n2: 2*p.L2 + 1, n3: 2*a.L + 1, x: x, agg: a, b0: b0}
		ak, ab := map[[2]int]bool{}, map[[2]int]bool{}
		for _, t := range p.Terms {
			l.terms = append(l.terms, loopTerm[T]{t.I*l.n3 + t.K, t.I*l.n2 + t.J, t.J, t.K, T(t.C)})
			ak[[2]int{t.I, t.K}], ab[[2]int{t.I, t.J}] = true, true
		}
		l.list(ak, ab)
		b0 += l.n1 * l.n2 * l.mul
		mul, m = max(mul, l.mul), max(m, l.n1*l.n3)
		c.paths = append(c.paths, l)
	}
	c.b = make([]T, b0)
	c.h, c.m, c.waste = make([]T, mul), make([]T, m), make([]T, mul)
	return c
}

// list makes sums and products of the pairs that are coupled.
func (p *loopPath[T]) list(ak, ab map[[2]int]bool) {
	pick := func(n int, coupled func(int) bool) (out []int) {
		for i := range n {
			if coupled(i) {
				out = append(out, i)
			}
		}
		return out
	}
	if p.n1 == 1 {
		p.sums = split(0, pick(p.n3, func(k int) bool { return ak[[2]int{0, k}] }))
	} else {
		for k := range p.n3 {
			p.sums = append(p.sums, split(k, pick(p.n1, func(a int) bool { return ak[[2]int{a, k}] }))...)
		}
	}
	for a := range p.n1 {
		p.products = append(p.products, split(a, pick(p.n2, func(b int) bool { return ab[[2]int{a, b}] }))...)
	}
}

func (c *Loops[T]) weights(e *Edges[T], from, to int, slopes bool) {
	n := (to - from) * c.s.Weights
	if cap(c.w) < n {
		c.w, c.dw = make([]T, n+n/4), make([]T, n+n/4)
	}
	c.w, c.dw = c.w[:n], c.dw[:n]
	if slopes {
		c.radial.Weights(e, from, to, c.w, c.dw)
	} else {
		c.radial.Weights(e, from, to, c.w, nil)
	}
}

// Forward is part of Conv.
func (c *Loops[T]) Forward(e *Edges[T], from, to int, j []int32, x, agg []T) {
	if from == to {
		return
	}
	c.weights(e, from, to, false)
	for n := range c.paths {
		p := &c.paths[n]
		mul, m := p.mul, c.m[:p.n1*p.n3]
		y := e.Y[p.L2*p.L2*e.Stride:]
		out := agg[p.agg.Offset+p.Col:][:(p.n3-1)*p.agg.Mul+mul]
		var f [mostTerms]T
		for k := from; k < to; k++ {
			w := c.w[(k-from)*c.s.Weights+p.W:][:mul]
			xj := x[int(j[k])*c.s.XWidth+p.x.Offset:][:p.n1*mul]
			clear(m)
			for i := range p.terms {
				t := &p.terms[i]
				m[t.ak] += t.c * y[t.b*e.Stride+k]
			}
			for i := range p.sums {
				s := &p.sums[i]
				if p.n1 == 1 {
					for q, k3 := range s.from {
						f[q] = m[k3]
					}
					spread(w, xj, out, p.agg.Mul, s.from, &f)
					continue
				}
				for q, a := range s.from {
					f[q] = m[a*p.n3+s.to]
				}
				gather(w, xj, out[s.to*p.agg.Mul:][:mul], s.from, &f)
			}
		}
	}
}

// Backward is part of Conv.
func (c *Loops[T]) Backward(e *Edges[T], from, to int, j []int32, x, g, gx []T) {
	if from == to {
		return
	}
	c.weights(e, from, to, true)
	c.contract(g)
	clear(c.waste)
	for n := range c.paths {
		p := &c.paths[n]
		mul := p.mul
		y, gy := e.Y[p.L2*p.L2*e.Stride:], e.GY[p.L2*p.L2*e.Stride:]
		var f, sums [mostTerms]T
		for k := from; k < to; k++ {
			w := c.w[(k-from)*c.s.Weights+p.W:][:mul]
			d := c.dw[(k-from)*c.s.Weights+p.W:][:mul]
			at := int(j[k])*c.s.XWidth + p.x.Offset
			var gr T
			for i := range p.products {
				s := &p.products[i]
				for q, b := range s.from {
					f[q] = y[b*e.Stride+k]
				}
				ga := c.waste
				if gx != nil {
					ga = gx[at+s.to*mul:]
				}
				gr += adjoint(w, d, x[at+s.to*mul:], ga, c.b[p.b0+s.to*p.n2*mul:], s.from, &f, &sums)
				for q, b := range s.from {
					gy[b*e.Stride+k] += sums[q]
				}
			}
			e.GR[k] += gr
		}
	}
}

// contract sets B_p[a,b,u] = Σ_k C_p[a,b,k] g_p[k,u].
func (c *Loops[T]) contract(g []T) {
	clear(c.b)
	for n := range c.paths {
		p := &c.paths[n]
		for i := range p.terms {
			t := &p.terms[i]
			axpy(t.c, g[p.agg.Offset+t.k*p.agg.Mul+p.Col:][:p.mul], c.b[p.b0+t.ab*p.mul:])
		}
	}
}

// addProduct adds w·h to g.
func addProduct[T Float](w, h, g []T) {
	w, g = w[:len(h)], g[:len(h)]
	for u, v := range h {
		g[u] += w[u] * v
	}
}

// axpy adds m·x to y[:len(x)].
func axpy[T Float](m T, x, y []T) {
	y = y[:len(x)]
	for u, v := range x {
		y[u] += m * v
	}
}
