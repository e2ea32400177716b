//go:build amd64 && !noasm

package kernel

import (
	"math"
	"unsafe"
)

// segment32 is a table's segment as locate reads it. Row and last are whole
// numbers in float32, exact below 2²⁴.
type segment32 struct{ a, invH, row, last float32 }

// vectors is the Conv of any shape up to l = 3, path by path, by vectors over
// the channels.
type vectors struct {
	s     *Shape
	t     *Table
	path  path
	lanes int
	segs  []segment32
	paths []vectorPath

	args convArgs
	row  []int32
	b    []float32 // spline weights and harmonics [block][8+ny][16]
	m    []float32 // folded couplings of one path [block][a][k][16]
	bb   []float32 // B of one path [chunk][a][b][lanes]
	z    []float32 // [edge][m][lanes]
}

type vectorPath struct {
	Path
	d1, d2, d3 int
	x, agg     Block
	fold       []int32 // program of combine: M[a][k] from Y
	contract   []int32 // B[a][b] from g
}

// unbounded tells combine that every row has all its lanes.
const unbounded = 1 << 30

// newVectors returns nil when the shape is beyond what the kernels do.
func newVectors(p path, s *Shape, t *Table) *vectors {
	s.Check()
	if p == generic || s.LMax > 3 {
		return nil
	}
	c := &vectors{s: s, t: t, path: p, lanes: 16}
	if p == avx2 {
		c.lanes = 8
	}
	for _, b := range append(append([]Block(nil), s.X...), s.Agg...) {
		if b.L > 3 {
			return nil
		}
	}
	for _, g := range t.Segs {
		c.segs = append(c.segs, segment32{g.A32, g.InvH, float32(g.Row), float32(g.N - 1)})
	}
	size := 0
	for _, q := range s.Paths {
		x, a := s.X[q.X], s.Agg[q.Agg]
		v := vectorPath{Path: q, d1: 2*x.L + 1, d2: 2*q.L2 + 1, d3: 2*a.L + 1, x: x, agg: a}
		dense := make([]float64, v.d1*v.d2*v.d3)
		for _, t := range q.Terms {
			dense[(t.I*v.d2+t.J)*v.d3+t.K] += t.C
		}
		v.fold = program(v.d1*v.d3, v.d2, func(r, b int) (float64, int) {
			return dense[(r/v.d3*v.d2+b)*v.d3+r%v.d3], 64 * b
		})
		v.contract = program(v.d1*v.d2, v.d3, func(r, k int) (float64, int) {
			return dense[r*v.d3+k], 4 * k * a.Mul
		})
		size = max(size, (x.Mul+15)/16*16*v.d1*v.d2)
		c.paths = append(c.paths, v)
	}
	c.bb = Make[float32](size)
	return c
}

// program writes what combine reads: n results, each of the non-zero ones of
// terms candidates, given as coefficient and offset in bytes.
func program(n, terms int, f func(result, term int) (float64, int)) (p []int32) {
	for r := range n {
		at := len(p)
		p = append(p, 0)
		for k := range terms {
			if v, off := f(r, k); v != 0 {
				p = append(p, int32(off), int32(math.Float32bits(float32(v))))
				p[at]++
			}
		}
	}
	return append(p, -1)
}

func grow[T int32 | float32](b *[]T, n int) {
	if cap(*b) < n {
		*b = make([]T, 0)
		switch p := any(b).(type) {
		case *[]float32:
			*p = Make[float32](n + n/4)
		case *[]int32:
			*p = make([]int32, n+n/4)
		}
	}
	*b = (*b)[:n]
}

// prepare fills what all paths read of the edges from ≤ e < to; the records
// hold so many numbers.
func (c *vectors) prepare(e *Edges[float32], from, to int, j []int32, records int) {
	n, ny := to-from, (c.s.LMax+1)*(c.s.LMax+1)
	blocks, rows := (n+15)/16, records/c.s.XWidth
	grow(&c.row, 16*blocks)
	step := 16 * (8 + ny)
	grow(&c.b, step*blocks)
	_, _, _ = j[to-1], e.R[to-1], e.Y[(ny-1)*e.Stride+to-1]
	for _, k := range j[from:to] {
		if uint(k) >= uint(rows) {
			panic("kernel: neighbour's row outside the records")
		}
	}
	c.locate(n, e, from, c.row, c.b)
	if e.Base != nil {
		for k, b := range e.Base[from:to] {
			c.row[k] += b
		}
	}
	c.args = convArgs{
		n: n, j: &j[from], xrow: 4 * c.s.XWidth,
		row: &c.row[0], crow: 4 * c.t.W, b: &c.b[0], ystep: 4*step - 64,
	}
}

// locate writes the table's row of n edges, and their spline weights and harmonics
// to b.
func (c *vectors) locate(n int, e *Edges[float32], from int, row []int32, b []float32) {
	ny := (c.s.LMax + 1) * (c.s.LMax + 1)
	segs, step := (*byte)(unsafe.Pointer(&c.segs[0])), 4*16*(8+ny)
	if c.path >= avx512 {
		locateAVX512(n, &e.R[from], segs, len(c.segs), &row[0], &b[0], &e.Y[from], 4*e.Stride, ny, step)
		return
	}
	for h := range 2 {
		if n > 8*h {
			locateAVX2(n-8*h, &e.R[from+8*h], segs, len(c.segs), &row[8*h], &b[8*h], &e.Y[from+8*h], 4*e.Stride, ny, step)
		}
	}
}

// common sets the arguments that both directions of a path need.
func (c *vectors) common(p *vectorPath, x []float32) *convArgs {
	a := &c.args
	a.mul, a.d1, a.x, a.xcomp = p.x.Mul, p.d1, &x[p.x.Offset], 4*p.x.Mul
	a.coef = &c.t.Coef[p.W]
	return a
}

// Forward is part of Conv.
func (c *vectors) Forward(e *Edges[float32], from, to int, j []int32, x, agg []float32) {
	if from >= to {
		return
	}
	c.prepare(e, from, to, j, len(x))
	_ = agg[c.s.AggWidth-1]
	blocks, ny := (to-from+15)/16, (c.s.LMax+1)*(c.s.LMax+1)
	for i := range c.paths {
		p := &c.paths[i]
		a := c.common(p, x)
		size := 16 * p.d1 * p.d3
		grow(&c.m, blocks*size)
		a.m = &c.m[0]
		a.out, a.ocomp = &agg[p.agg.Offset+p.Col], 4*p.agg.Mul
		y0 := (8 + p.L2*p.L2) * 16
		arg := (*byte)(unsafe.Pointer(a))
		if c.path >= avx512 {
			combineAVX512(blocks, a.m, 4*size, &c.b[y0], 64*(8+ny), &p.fold[0], 64, unbounded)
			switch p.d3 {
			case 1:
				pathForward1AVX512(arg)
			case 3:
				pathForward3AVX512(arg)
			case 5:
				pathForward5AVX512(arg)
			case 7:
				pathForward7AVX512(arg)
			}
			continue
		}
		for h := 0; h < 16; h += 8 {
			combineAVX2(blocks, &c.m[h], 4*size, &c.b[y0+h], 64*(8+ny), &p.fold[0], 64, unbounded)
		}
		switch p.d3 {
		case 1:
			pathForward1AVX2(arg)
		case 3:
			pathForward3AVX2(arg)
		case 5:
			pathForward5AVX2(arg)
		case 7:
			pathForward7AVX2(arg)
		}
	}
}

// Backward is part of Conv.
func (c *vectors) Backward(e *Edges[float32], from, to int, j []int32, x, g, gx []float32) {
	if from >= to {
		return
	}
	records := len(x)
	if gx != nil {
		records = min(records, len(gx))
	}
	c.prepare(e, from, to, j, records)
	_ = g[c.s.AggWidth-1]
	n, ny := to-from, (c.s.LMax+1)*(c.s.LMax+1)
	c.clearZ(n)
	for i := range c.paths {
		p := &c.paths[i]
		a := c.contracted(p, x, g, gx)
		a.z, a.zm, a.zrow = &c.z[0], 4*c.lanes*p.L2*p.L2, 4*c.lanes*ny
		arg := (*byte)(unsafe.Pointer(a))
		if c.path >= avx512 {
			switch p.d2 {
			case 1:
				pathBackward1AVX512(arg)
			case 3:
				pathBackward3AVX512(arg)
			case 5:
				pathBackward5AVX512(arg)
			case 7:
				pathBackward7AVX512(arg)
			}
			continue
		}
		switch p.d2 {
		case 1:
			pathBackward1AVX2(arg)
		case 3:
			pathBackward3AVX2(arg)
		case 5:
			pathBackward5AVX2(arg)
		case 7:
			pathBackward7AVX2(arg)
		}
	}
	c.sums(e, from, n)
}

// contracted contracts the couplings of a path with the gradient g of the aggregate, and
// sets the arguments that its ways back need.
func (c *vectors) contracted(p *vectorPath, x, g, gx []float32) *convArgs {
	a := c.common(p, x)
	a.gx = nil
	if gx != nil {
		a.gx = &gx[p.x.Offset]
	}
	a.bb, a.y = &c.bb[0], &c.b[(8+p.L2*p.L2)*16]
	chunks, size := (p.x.Mul+c.lanes-1)/c.lanes, p.d1*p.d2*c.lanes
	from := &g[p.agg.Offset+p.Col]
	if c.path >= avx512 {
		combineAVX512(chunks, a.bb, 4*size, from, 64, &p.contract[0], 64, p.x.Mul)
	} else {
		combineAVX2(chunks, a.bb, 4*size, from, 32, &p.contract[0], 32, p.x.Mul)
	}
	return a
}

// clearZ makes room for the sums of n edges, whole blocks of them.
func (c *vectors) clearZ(n int) {
	row := (c.s.LMax + 1) * (c.s.LMax + 1) * c.lanes
	grow(&c.z, (n+15)/16*16*row)
	clear(c.z[:n*row])
}

// sums adds the sums over the lanes to the gradients of the edges.
func (c *vectors) sums(e *Edges[float32], from, n int) {
	f := laneSumsAVX512
	if c.path == avx2 {
		f = laneSumsAVX2
	}
	f(n, (c.s.LMax+1)*(c.s.LMax+1), &c.z[0], &e.GR[from], &e.GY[from], 4*e.Stride)
}

// newConv32 is NewConv32 on a given path.
func newConv32(p path, s *Shape, t *Table) Conv[float32] {
	if c := newFused(p, s, t); c != nil {
		return c
	}
	if c := newVectors(p, s, t); c != nil {
		return c
	}
	return NewLoops[float32](s, t)
}
