package kernel

// Learner is a Conv whose radial weights are a Spline that is being trained.
type Learner[T Float] interface {
	Conv[T]
	// Learn takes g = ∂E/∂agg and adds to gcoef the gradient of the spline's
	// coefficients and, unless gx is nil, ∂E/∂x to the neighbours' records.
	Learn(e *Edges[T], from, to int, j []int32, x, g, gx, gcoef []T)
	// Refresh must be called when the spline has been set anew.
	Refresh()
}

// NewLearner is the fastest Learner for a shape: by generated kernels, and Learn path by
// path in vectors, where there are some for it, else plain loops.
func NewLearner[T Float](s *Shape, r *Spline[T]) Learner[T] {
	if t := r.Table(); t != nil {
		if l, ok := any(newLearner32(choice, s, t)).(Learner[T]); ok {
			return l
		}
	}
	return newLoopLearner(s, r)
}

func newLoopLearner[T Float](s *Shape, r *Spline[T]) *loopLearner[T] {
	return &loopLearner[T]{Loops: NewLoops[T](s, r), spline: r}
}

// loopLearner is the Learner of plain loops.
type loopLearner[T Float] struct {
	*Loops[T]
	spline *Spline[T]
	gw     []T
}

// Refresh is part of Learner.
func (c *loopLearner[T]) Refresh() {}

// Learn is part of Learner.
func (c *loopLearner[T]) Learn(e *Edges[T], from, to int, j []int32, x, g, gx, gcoef []T) {
	if from == to {
		return
	}
	c.weights(e, from, to, false)
	n := (to - from) * c.s.Weights
	if cap(c.gw) < n {
		c.gw = make([]T, n+n/4)
	}
	c.gw = c.gw[:n]
	clear(c.gw)
	c.contract(g)
	for n := range c.paths {
		p := &c.paths[n]
		mul, h := p.mul, c.h[:p.mul]
		y := e.Y[p.L2*p.L2*e.Stride:]
		for k := from; k < to; k++ {
			w := c.w[(k-from)*c.s.Weights+p.W:][:mul]
			gw := c.gw[(k-from)*c.s.Weights+p.W:][:mul]
			at := int(j[k])*c.s.XWidth + p.x.Offset
			for a := range p.n1 {
				clear(h)
				for b := range p.n2 {
					axpy(y[b*e.Stride+k], c.b[p.b0+(a*p.n2+b)*mul:][:mul], h)
				}
				addProduct(x[at+a*mul:][:mul], h, gw)
				if gx != nil {
					addProduct(w, h, gx[at+a*mul:])
				}
			}
		}
	}
	c.spline.Scatter(e, from, to, c.gw, gcoef)
}

// Outer adds sums of outer products to matrices: the gradients of linear maps. Its
// zero value is ready; it has scratch, one per goroutine.
type Outer[T Float] struct {
	at []T
	c  Matrix[T]
}

// Add adds Σ a_iᵀ c_i to out, row-major [K][N]. Row i of part m is K numbers at
// a[i·lda + m·stepA] and N at c[i·ldc + m·stepC].
func (o *Outer[T]) Add(rows, parts int, a []T, lda, stepA, K int, c []T, ldc, stepC, N int, out []T) {
	R := rows * parts
	if R == 0 {
		return
	}
	if cap(o.at) < R*K {
		o.at = Make[T](R*K + R*K/4)
	}
	o.c.K, o.c.N, o.c.panel = R, N, panelWidth[T](choice)
	if cap(o.c.b) < R*N+o.c.panel {
		o.c.b = Make[T](R*N + R*N/4 + o.c.panel)
	}
	at := o.at[:R*K]
	o.c.b = o.c.b[:R*N]
	for m := range parts {
		// Sixteen rows at once: what is written lies together.
		for i := 0; i < rows; i += 16 {
			n := min(16, rows-i)
			for k := range K {
				col := at[k*R+m*rows+i:][:n]
				from := a[i*lda+m*stepA+k:]
				for q := range col {
					col[q] = from[q*lda]
				}
			}
		}
		for i := range rows {
			r := m*rows + i
			row := c[i*ldc+m*stepC:][:N]
			for n, p := 0, 0; n < N; n += o.c.panel {
				w := min(o.c.panel, N-n)
				copy(o.c.b[p+r*w:][:w], row[n:])
				p += R * w
			}
		}
	}
	Gemm(K, at, R, o.c, out, N, true)
}

// Repack writes w, row-major [K][N], into the memory of a matrix of that size.
func (m *Matrix[T]) Repack(w []float64) {
	at := 0
	for n := 0; n < m.N; n += m.panel {
		for k := range m.K {
			for _, v := range w[k*m.N+n:][:min(m.panel, m.N-n)] {
				m.b[at] = T(v)
				at++
			}
		}
	}
}

// RepackT writes wᵀ, w row-major [N][K].
func (m *Matrix[T]) RepackT(w []float64) {
	at := 0
	for n := 0; n < m.N; n += m.panel {
		for k := range m.K {
			for j := n; j < min(n+m.panel, m.N); j++ {
				m.b[at] = T(w[j*m.K+k])
				at++
			}
		}
	}
}
