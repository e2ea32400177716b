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
	q      []T
	b      []T // B_p[a,b] of one atom
}

type loopPath[T Float] struct {
	Path
	mul, n1, n2, n3 int
	x, agg          Block
	c               []T // [a][b][k] dense
	ab              []bool
	b0              int // where this path's B begins
}

// NewLoops makes the plain convolution of a shape.
func NewLoops[T Float](s *Shape, r Radial[T]) *Loops[T] {
	s.Check()
	c := &Loops[T]{s: s, radial: r}
	b0, mul := 0, 0
	for _, p := range s.Paths {
		x, a := s.X[p.X], s.Agg[p.Agg]
		l := loopPath[T]{Path: p, mul: x.Mul, n1: 2*x.L + 1, n2: 2*p.L2 + 1, n3: 2*a.L + 1, x: x, agg: a, b0: b0}
		l.c = make([]T, l.n1*l.n2*l.n3)
		l.ab = make([]bool, l.n1*l.n2)
		for _, t := range p.Terms {
			l.c[(t.I*l.n2+t.J)*l.n3+t.K] += T(t.C)
			l.ab[t.I*l.n2+t.J] = true
		}
		b0 += l.n1 * l.n2 * l.mul
		mul = max(mul, l.mul)
		c.paths = append(c.paths, l)
	}
	c.b = make([]T, b0)
	c.q = make([]T, mul)
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
		mul, q := p.mul, c.q[:p.mul]
		y := e.Y[p.L2*p.L2*e.Stride:]
		for k := from; k < to; k++ {
			w := c.w[(k-from)*c.s.Weights+p.W:][:mul]
			row := x[int(j[k])*c.s.XWidth+p.x.Offset:]
			for a := range p.n1 {
				xa := row[a*mul:][:mul]
				for u, v := range xa {
					q[u] = w[u] * v
				}
				for k3 := range p.n3 {
					var m T
					for b := range p.n2 {
						m += p.c[(a*p.n2+b)*p.n3+k3] * y[b*e.Stride+k]
					}
					if m != 0 {
						axpy(m, q, agg[p.agg.Offset+k3*p.agg.Mul+p.Col:])
					}
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
		mul, h := p.mul, c.q[:p.mul]
		y, gy := e.Y[p.L2*p.L2*e.Stride:], e.GY[p.L2*p.L2*e.Stride:]
		for k := from; k < to; k++ {
			w := c.w[(k-from)*c.s.Weights+p.W:][:mul]
			d := c.dw[(k-from)*c.s.Weights+p.W:][:mul]
			at := int(j[k])*c.s.XWidth + p.x.Offset
			var gr T
			for a := range p.n1 {
				xa := x[at+a*mul:][:mul]
				clear(h)
				for b := range p.n2 {
					if !p.ab[a*p.n2+b] {
						continue
					}
					ba := c.b[p.b0+(a*p.n2+b)*mul:][:mul]
					gy[b*e.Stride+k] += axpyDot(y[b*e.Stride+k], ba, h, w, xa)
				}
				for u, v := range h {
					gr += d[u] * xa[u] * v
				}
				if gx != nil {
					ga := gx[at+a*mul:][:mul]
					for u, v := range h {
						ga[u] += w[u] * v
					}
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
		for ab, used := range p.ab {
			if !used {
				continue
			}
			b := c.b[p.b0+ab*p.mul:][:p.mul]
			for k := range p.n3 {
				if t := p.c[ab*p.n3+k]; t != 0 {
					axpy(t, g[p.agg.Offset+k*p.agg.Mul+p.Col:][:p.mul], b)
				}
			}
		}
	}
}

// axpy adds m·x to y[:len(x)].
func axpy[T Float](m T, x, y []T) {
	y = y[:len(x)]
	for u, v := range x {
		y[u] += m * v
	}
}

// axpyDot adds y·b to h and returns Σ w·x·b.
func axpyDot[T Float](y T, b, h, w, x []T) (s T) {
	h, w, x = h[:len(b)], w[:len(b)], x[:len(b)]
	for u, v := range b {
		h[u] += y * v
		s += w[u] * x[u] * v
	}
	return s
}
