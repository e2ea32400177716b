package kernel

import (
	"fmt"
	"math"
	"slices"
	"sync"
)

// Segment is an interval [A, B] of a radial table, cut into N equal parts. A
// function with a kink is tabulated in several segments that meet there.
type Segment struct {
	A, B float64
	N    int
}

// Table is W functions of r as cubic B-splines, segment by segment, stored in
// single precision: coefficient row k+q of weight f is Coef[(row+k+q)·W + f].
// It is a Radial[float32].
type Table struct {
	W    int
	Segs []TableSegment
	Coef []float32

	grouped grouped
}

// grouped keeps the tables made for fused kernels with the Table they were
// made of, so that all users of a Table share them.
type grouped struct {
	mu sync.Mutex
	m  map[string][]float32
}

// TableSegment is a Segment with the row where its coefficients begin (N+3 rows).
type TableSegment struct {
	Segment
	Row  int
	A32  float32 // A
	InvH float32 // N/(B−A)
}

// NewTable interpolates the w functions that sample evaluates: at r, with the
// formula that belongs to segment seg, values and slopes. The spline goes
// through the values at all knots and has the exact slope at the two ends of
// each segment (complete spline; de Boor, A Practical Guide to Splines, ch. IV).
// Segments adjoin in ascending order.
func NewTable(segs []Segment, w int, sample func(r float64, seg int, val, slope []float64)) *Table {
	t := &Table{W: w}
	row := 0
	for i, s := range segs {
		if s.N < 1 || !(s.B > s.A) || i > 0 && s.A != segs[i-1].B {
			panic(fmt.Sprintf("kernel: bad table segment %+v", s))
		}
		t.Segs = append(t.Segs, TableSegment{s, row, float32(s.A), float32(float64(s.N) / (s.B - s.A))})
		row += s.N + 3
	}
	t.Coef = make([]float32, row*w)
	for i, s := range t.Segs {
		t.fill(i, s, sample)
	}
	return t
}

func (t *Table) fill(seg int, s TableSegment, sample func(float64, int, []float64, []float64)) {
	w, n := t.W, s.N
	h := (s.B - s.A) / float64(n)
	val := make([]float64, (n+1)*w)
	s0, s1, slope := make([]float64, w), make([]float64, w), make([]float64, w)
	for k := 0; k <= n; k++ {
		r := s.A + float64(k)*h
		if k == n {
			r = s.B
		}
		sample(r, seg, val[k*w:(k+1)*w], slope)
		switch k {
		case 0:
			copy(s0, slope)
		case n:
			copy(s1, slope)
		}
	}
	// c_{k−1} + 4 c_k + c_{k+1} = 6 v_k for k = 0…n, c_1 − c_{−1} = 2h s0,
	// c_{n+1} − c_{n−1} = 2h s1: tridiagonal after eliminating both outer ones.
	c := make([]float64, (n+3)*w)
	at := func(k int) []float64 { return c[(k+1)*w : (k+2)*w] }
	diag := make([]float64, n+1)
	for k := 0; k <= n; k++ {
		d := at(k)
		up := 1.0 // coefficient of c_{k−1} in row k before elimination
		diag[k] = 4
		for f := range d {
			d[f] = 6 * val[k*w+f]
			if k == 0 {
				d[f] += 2 * h * s0[f]
			}
			if k == n {
				d[f] -= 2 * h * s1[f]
			}
		}
		if k == n {
			up = 2
		}
		if k > 0 {
			sup := 1.0
			if k == 1 {
				sup = 2
			}
			m := up / diag[k-1]
			diag[k] -= m * sup
			p := at(k - 1)
			for f := range d {
				d[f] -= m * p[f]
			}
		}
	}
	for k := n; k >= 0; k-- {
		d := at(k)
		sup := 1.0
		if k == 0 {
			sup = 2
		}
		for f := range d {
			if k < n {
				d[f] -= sup * at(k + 1)[f]
			}
			d[f] /= diag[k]
		}
	}
	lo, hi := at(-1), at(n+1)
	for f := range lo {
		lo[f] = at(1)[f] - 2*h*s0[f]
		hi[f] = at(n - 1)[f] + 2*h*s1[f]
	}
	for i, v := range c {
		t.Coef[s.Row*w+i] = float32(v)
	}
}

// Rows is the number of coefficient rows.
func (t *Table) Rows() int { return len(t.Coef) / t.W }

// Stack puts tables with the same segments one after another: those of edge e are
// found by Edges.Base, which is a multiple of the rows of one of them.
func Stack(tables []*Table) *Table {
	if len(tables) == 1 {
		return tables[0]
	}
	first := tables[0]
	out := &Table{W: first.W, Segs: first.Segs, Coef: make([]float32, 0, len(tables)*len(first.Coef))}
	for _, t := range tables {
		if t.W != first.W || !slices.Equal(t.Segs, first.Segs) {
			panic("kernel: tables that differ are stacked")
		}
		out.Coef = append(out.Coef, t.Coef...)
	}
	return out
}

// Min is the first knot in Å; below it the table must not be used.
func (t *Table) Min() float64 { return t.Segs[0].A }

// Locate gives the first of the four coefficient rows for r, and the weights
// of the rows for the value and for the slope.
func (t *Table) Locate(r float32) (row int, b, d [4]float32) {
	s := &t.Segs[0]
	for i := 1; i < len(t.Segs) && r >= t.Segs[i].A32; i++ {
		s = &t.Segs[i]
	}
	// The product is not rounded before k is taken off: u keeps all its bits.
	w := float64(r-s.A32) * float64(s.InvH)
	k := min(max(int(w), 0), s.N-1)
	u := float32(w - float64(k))
	v := 1 - u
	b = [4]float32{v * v * v / 6, (3*u*u*u - 6*u*u + 4) / 6, (-3*u*u*u + 3*u*u + 3*u + 1) / 6, u * u * u / 6}
	h := s.InvH
	d = [4]float32{-v * v / 2 * h, (1.5*u*u - 2*u) * h, (-1.5*u*u + u + 0.5) * h, u * u / 2 * h}
	return s.Row + k, b, d
}

// Weights is part of Radial.
func (t *Table) Weights(e *Edges[float32], from, to int, w, dw []float32) {
	n := t.W
	for k := from; k < to; k++ {
		row, b, d := t.Locate(e.R[k])
		if e.Base != nil {
			row += int(e.Base[k])
		}
		c := t.Coef[row*n:][:4*n]
		c0, c1, c2, c3 := c[:n], c[n:2*n], c[2*n:3*n], c[3*n:]
		if dw == nil {
			combine4(b, c0, c1, c2, c3, w[(k-from)*n:][:n])
		} else {
			combineBoth(b, d, c0, c1, c2, c3, w[(k-from)*n:][:n], dw[(k-from)*n:][:n])
		}
	}
}

// combine4 sets out = Σ_q b_q c_q.
func combine4(b [4]float32, c0, c1, c2, c3, out []float32) {
	c1, c2, c3, out = c1[:len(c0)], c2[:len(c0)], c3[:len(c0)], out[:len(c0)]
	b0, b1, b2, b3 := b[0], b[1], b[2], b[3]
	for f, v := range c0 {
		out[f] = b0*v + b1*c1[f] + b2*c2[f] + b3*c3[f]
	}
}

// combineBoth sets out = Σ_q b_q c_q and slope = Σ_q d_q c_q. The latter's terms cancel:
// Σ d is zero, so that differences of the c may stand for them, which round less.
func combineBoth(b, d [4]float32, c0, c1, c2, c3, out, slope []float32) {
	c1, c2, c3, out, slope = c1[:len(c0)], c2[:len(c0)], c3[:len(c0)], out[:len(c0)], slope[:len(c0)]
	b0, b1, b2, b3 := b[0], b[1], b[2], b[3]
	d0, d2, d3 := d[0], d[2], d[3]
	for f, v0 := range c0 {
		v1, v2, v3 := c1[f], c2[f], c3[f]
		out[f] = b0*v0 + b1*v1 + b2*v2 + b3*v3
		slope[f] = d0*(v0-v1) + d2*(v2-v1) + d3*(v3-v1)
	}
}

// TableError says how well a layer's radial functions are tabulated: largest
// deviation at the middle of any interval, divided by the root mean square of
// all values; Slope is that of the derivatives times 1 Å.
type TableError struct {
	Intervals    int
	Min          float64 // Å, the first knot; below, the network itself is evaluated
	Value, Slope float64
}

// Errors compares the table with the functions at the middle of every
// interval: the largest deviation of values and of slopes, each divided by the
// root mean square of all values.
func (t *Table) Errors(sample func(r float64, seg int, val, slope []float64)) (value, slope float64) {
	val, sl := make([]float64, t.W), make([]float64, t.W)
	w, dw := make([]float32, t.W), make([]float32, t.W)
	var e Edges[float32]
	e.Resize(1, 0)
	var sum float64
	var n int
	for i, s := range t.Segs {
		h := (s.B - s.A) / float64(s.N)
		for k := range s.N {
			r := float32(s.A + (float64(k)+0.5)*h)
			sample(float64(r), i, val, sl)
			e.R[0] = r
			t.Weights(&e, 0, 1, w, dw)
			for f := range val {
				value = max(value, math.Abs(float64(w[f])-val[f]))
				slope = max(slope, math.Abs(float64(dw[f])-sl[f]))
				sum += val[f] * val[f]
				n++
			}
		}
	}
	rms := math.Sqrt(sum / float64(max(n, 1)))
	return value / rms, slope / rms
}
