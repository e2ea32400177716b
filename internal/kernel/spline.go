package kernel

// Spline is a set of W functions of r as cubic B-splines whose values at the knots
// change, as in training: from knot values to coefficients is a linear map, and
// Transpose takes gradients back through it. It is a Radial.
//
// Unlike NewTable, which is given the slopes at the ends of each segment, it takes
// them from the values at the ends' five knots (the difference formula of fourth
// order), so that nothing but values enters.
type Spline[T Float] struct {
	W    int
	Segs []TableSegment
	Coef []T // [row][W], N+3 rows for each segment

	Knots []float64 // r of each value, segment by segment, N+1 of each
	diag  [][]float64
	solve []T
}

// endSlope are the weights of f_0 … f_4 in the derivative at the first of five
// equidistant points, times 12h (Abramowitz and Stegun, table 25.2).
var endSlope = [5]float64{-25, 48, -36, 16, -3}

// NewSpline prepares w functions on these segments, each of at least four
// intervals; all values are zero.
func NewSpline[T Float](segs []Segment, w int) *Spline[T] {
	s := &Spline[T]{W: w}
	row, most := 0, 0
	for _, g := range segs {
		if g.N < 4 || !(g.B > g.A) {
			panic("kernel: a spline's segment needs four intervals")
		}
		s.Segs = append(s.Segs, TableSegment{g, row, float32(g.A), float32(float64(g.N) / (g.B - g.A))})
		for k := range g.N + 1 {
			s.Knots = append(s.Knots, g.A+(g.B-g.A)*float64(k)/float64(g.N))
		}
		row += g.N + 3
		most = max(most, g.N+1)
		s.diag = append(s.diag, pivots(g.N))
	}
	s.Coef = Make[T](row * w)
	s.solve = make([]T, most*w)
	return s
}

// Rows is the number of coefficient rows.
func (s *Spline[T]) Rows() int { return len(s.Coef) / s.W }

// Table shares the coefficients of a spline in single precision.
func (s *Spline[T]) Table() *Table {
	c, ok := any(s.Coef).([]float32)
	if !ok {
		return nil
	}
	return &Table{W: s.W, Segs: s.Segs, Coef: c}
}

// The coefficients c_{−1} … c_{n+1} of a segment obey
//
//	c_{k−1} + 4 c_k + c_{k+1} = 6 v_k,  c_1 − c_{−1} = 2h s_0,  c_{n+1} − c_{n−1} = 2h s_n,
//
// where 2h s_0 = Σ_q endSlope_q v_q / 6. The outer two eliminated, a matrix A with
// diagonal 4, neighbours 1, and 2 at the ends' second place is left.

// pivots are those of Gauss's elimination of A.
func pivots(n int) []float64 {
	d := make([]float64, n+1)
	for k := range d {
		d[k] = 4
		if k > 0 {
			d[k] -= lower(k, n) * upper(k-1) / d[k-1]
		}
	}
	return d
}

// lower and upper are A[k][k−1] and A[k][k+1].
func lower(k, n int) float64 {
	if k == n {
		return 2
	}
	return 1
}

func upper(k int) float64 {
	if k == 0 {
		return 2
	}
	return 1
}

// Set makes the coefficients from the values [knot][W].
func (s *Spline[T]) Set(values []T) {
	w := s.W
	for i, g := range s.Segs {
		n, d := g.N, s.diag[i]
		v := values[:(n+1)*w]
		values = values[(n+1)*w:]
		c := s.Coef[g.Row*w:][:(n+3)*w]
		at := func(k int) []T { return c[(k+1)*w:][:w] }
		for k := 0; k <= n; k++ {
			x := at(k)
			for f := range x {
				x[f] = 6 * v[k*w+f]
			}
			switch k { // c_{−1} = c_1 − 2h s_0, c_{n+1} = c_{n−1} + 2h s_n
			case 0:
				for q, e := range endSlope {
					addRow(T(e/6), v[q*w:][:w], x)
				}
			case n:
				for q, e := range endSlope {
					addRow(T(e/6), v[(n-q)*w:][:w], x)
				}
			}
			if k > 0 {
				addRow(T(-lower(k, n)/d[k-1]), at(k-1), x)
			}
		}
		for k := n; k >= 0; k-- {
			x := at(k)
			if k < n {
				addRow(T(-upper(k)), at(k+1), x)
			}
			scale(T(1/d[k]), x)
		}
		lo, hi := at(-1), at(n+1)
		copy(lo, at(1))
		copy(hi, at(n-1))
		for q, e := range endSlope {
			addRow(T(-e/6), v[q*w:][:w], lo)
			addRow(T(-e/6), v[(n-q)*w:][:w], hi)
		}
	}
}

// Transpose adds to gvalues the gradient of the values, given that of the
// coefficients, which it overwrites.
func (s *Spline[T]) Transpose(gcoef, gvalues []T) {
	w := s.W
	for i, g := range s.Segs {
		n, d := g.N, s.diag[i]
		gv := gvalues[:(n+1)*w]
		gvalues = gvalues[(n+1)*w:]
		c := gcoef[g.Row*w:][:(n+3)*w]
		at := func(k int) []T { return c[(k+1)*w:][:w] }
		lo, hi := at(-1), at(n+1)
		addRow(1, lo, at(1))
		addRow(1, hi, at(n-1))
		for q, e := range endSlope {
			addRow(T(-e/6), lo, gv[q*w:][:w])
			addRow(T(-e/6), hi, gv[(n-q)*w:][:w])
		}
		// Set solves L U c = b with L[k][k−1] = lower/d, U = diag d, upper above;
		// so here Uᵀ, then Lᵀ.
		for k := 0; k <= n; k++ {
			x := at(k)
			if k > 0 {
				addRow(T(-upper(k-1)), at(k-1), x)
			}
			scale(T(1/d[k]), x)
		}
		for k := n - 1; k >= 0; k-- {
			addRow(T(-lower(k+1, n)/d[k]), at(k+1), at(k))
		}
		for k := 0; k <= n; k++ {
			addRow(6, at(k), gv[k*w:][:w])
		}
		for q, e := range endSlope {
			addRow(T(e/6), at(0), gv[q*w:][:w])
			addRow(T(e/6), at(n), gv[(n-q)*w:][:w])
		}
	}
}

func scale[T Float](f T, x []T) {
	for k := range x {
		x[k] *= f
	}
}

// locate is Table.Locate in either precision.
func (s *Spline[T]) locate(r T) (row int, b, d [4]T) {
	g := &s.Segs[0]
	for i := 1; i < len(s.Segs) && float64(r) >= float64(s.Segs[i].A32); i++ {
		g = &s.Segs[i]
	}
	invH := float64(g.N) / (g.B - g.A)
	w := (float64(r) - g.A) * invH
	k := min(max(int(w), 0), g.N-1)
	u := T(w - float64(k))
	v := 1 - u
	b = [4]T{v * v * v / 6, (3*u*u*u - 6*u*u + 4) / 6, (-3*u*u*u + 3*u*u + 3*u + 1) / 6, u * u * u / 6}
	h := T(invH)
	d = [4]T{-v * v / 2 * h, (1.5*u*u - 2*u) * h, (-1.5*u*u + u + 0.5) * h, u * u / 2 * h}
	return g.Row + k, b, d
}

// Weights is part of Radial.
func (s *Spline[T]) Weights(e *Edges[T], from, to int, w, dw []T) {
	n := s.W
	for k := from; k < to; k++ {
		row, b, d := s.locate(e.R[k])
		c := s.Coef[row*n:][:4*n]
		out := w[(k-from)*n:][:n]
		clear(out)
		for q := range b {
			axpy(b[q], c[q*n:][:n], out)
		}
		if dw == nil {
			continue
		}
		out = dw[(k-from)*n:][:n]
		clear(out)
		for q := range d {
			axpy(d[q], c[q*n:][:n], out)
		}
	}
}

// Scatter adds to gcoef the gradients gw [edge][W] of the edges' weights.
func (s *Spline[T]) Scatter(e *Edges[T], from, to int, gw, gcoef []T) {
	n := s.W
	for k := from; k < to; k++ {
		row, b, _ := s.locate(e.R[k])
		for q := range b {
			axpy(b[q], gw[(k-from)*n:][:n], gcoef[(row+q)*n:][:n])
		}
	}
}

// Near is the distance in Å below which the spline must not be used.
func (s *Spline[T]) Near() float64 { return s.Segs[0].A }
