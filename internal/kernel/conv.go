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

// Loops is the Conv of plain loops: any shape, either precision.
type Loops[T Float] struct {
	s      *Shape
	radial Radial[T]
	paths  []loopPath[T]
	w, dw  []T // [edge][weight]
	q      []T // w·x of one edge and path
	h      []T
	m      []T // Σ_b C[a,b,k] Y_b of one edge and path
	b      []T // B_p[a,b] of one atom
}

type loopPath[T Float] struct {
	Path
	mul, n1, n2, n3 int
	x, agg          Block
	terms           []loopTerm[T]
	b0              int // where this path's B begins
}

// loopTerm is C[a,b,k] with a·n3+k and a·n2+b.
type loopTerm[T Float] struct {
	ak, ab, b, k int
	c            T
}

// NewLoops makes the plain convolution of a shape.
func NewLoops[T Float](s *Shape, r Radial[T]) *Loops[T] {
	s.Check()
	c := &Loops[T]{s: s, radial: r}
	b0, q, m := 0, 0, 0
	for _, p := range s.Paths {
		x, a := s.X[p.X], s.Agg[p.Agg]
		l := loopPath[T]{Path: p, mul: x.Mul, n1: 2*x.L + 1, n2: 2*p.L2 + 1, n3: 2*a.L + 1, x: x, agg: a, b0: b0}
		for _, t := range p.Terms {
			l.terms = append(l.terms, loopTerm[T]{t.I*l.n3 + t.K, t.I*l.n2 + t.J, t.J, t.K, T(t.C)})
		}
		b0 += l.n1 * l.n2 * l.mul
		q, m = max(q, l.n1*l.mul), max(m, l.n1*l.n3)
		c.paths = append(c.paths, l)
	}
	c.b = make([]T, b0)
	c.q, c.h, c.m = make([]T, q), make([]T, q), make([]T, m)
	return c
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
		mul, q, m := p.mul, c.q[:p.n1*p.mul], c.m[:p.n1*p.n3]
		y := e.Y[p.L2*p.L2*e.Stride:]
		for k := from; k < to; k++ {
			w := c.w[(k-from)*c.s.Weights+p.W:][:mul]
			times(q, w, x[int(j[k])*c.s.XWidth+p.x.Offset:])
			clear(m)
			for i := range p.terms {
				t := &p.terms[i]
				m[t.ak] += t.c * y[t.b*e.Stride+k]
			}
			for k3 := range p.n3 {
				out := agg[p.agg.Offset+k3*p.agg.Mul+p.Col:][:mul]
				a := 0
				for ; a+2 <= p.n1; a += 2 {
					axpy2(m[a*p.n3+k3], m[(a+1)*p.n3+k3], q[a*mul:][:mul], q[(a+1)*mul:][:mul], out)
				}
				if a < p.n1 {
					axpy(m[a*p.n3+k3], q[a*mul:][:mul], out)
				}
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
	for n := range c.paths {
		p := &c.paths[n]
		mul, q, h := p.mul, c.q[:p.n1*p.mul], c.h[:p.mul]
		y, gy := e.Y[p.L2*p.L2*e.Stride:], e.GY[p.L2*p.L2*e.Stride:]
		for k := from; k < to; k++ {
			w := c.w[(k-from)*c.s.Weights+p.W:][:mul]
			d := c.dw[(k-from)*c.s.Weights+p.W:][:mul]
			at := int(j[k])*c.s.XWidth + p.x.Offset
			times(q, w, x[at:])
			var gr T
			for a := range p.n1 {
				wx := q[a*mul:][:mul]
				clear(h)
				b := 0
				ba := c.b[p.b0+a*p.n2*mul:][:p.n2*mul]
				for ; b+2 <= p.n2; b += 2 {
					n0, n1 := b*e.Stride+k, (b+1)*e.Stride+k
					s0, s1 := axpyDot2(y[n0], y[n1], ba[b*mul:][:mul], ba[(b+1)*mul:][:mul], h, wx)
					gy[n0] += s0
					gy[n1] += s1
				}
				if b < p.n2 {
					gy[b*e.Stride+k] += axpyDot(y[b*e.Stride+k], ba[b*mul:][:mul], h, wx)
				}
				gr += dot3(d, x[at+a*mul:], h)
				if gx != nil {
					addProduct(w, h, gx[at+a*mul:])
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

// times sets q [a][u] = w[u]·x[a][u].
func times[T Float](q, w, x []T) {
	for ; len(q) > 0; q, x = q[len(w):], x[len(w):] {
		xa, out := x[:len(w)], q[:len(w)]
		for u, v := range w {
			out[u] = v * xa[u]
		}
	}
}

// dot3 is Σ d·x·h.
func dot3[T Float](d, x, h []T) (s T) {
	d, x = d[:len(h)], x[:len(h)]
	for u, v := range h {
		s += d[u] * x[u] * v
	}
	return s
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

// axpy2 adds m0·x0 + m1·x1 to y.
func axpy2[T Float](m0, m1 T, x0, x1, y []T) {
	x1, y = x1[:len(x0)], y[:len(x0)]
	for u, v := range x0 {
		y[u] += m0*v + m1*x1[u]
	}
}

// axpyDot adds y·b to h and returns q·b.
func axpyDot[T Float](y T, b, h, q []T) (s T) {
	h, q = h[:len(b)], q[:len(b)]
	for u, v := range b {
		h[u] += y * v
		s += q[u] * v
	}
	return s
}

// axpyDot2 is axpyDot for two b at once.
func axpyDot2[T Float](y0, y1 T, b0, b1, h, q []T) (s0, s1 T) {
	b1, h, q = b1[:len(b0)], h[:len(b0)], q[:len(b0)]
	for u, v0 := range b0 {
		v1, w := b1[u], q[u]
		h[u] += y0*v0 + y1*v1
		s0 += w * v0
		s1 += w * v1
	}
	return s0, s1
}
