//go:build amd64 && !noasm

package kernel

import (
	"math"
	"slices"
	"unsafe"
)

// fusedPath is one coupling (l1 of its pass, l2, l3).
type fusedPath struct{ l2, l3 int }

// fusedPass is a generated kernel: the paths of one block of x that are summed
// in one sweep over the edges.
type fusedPass struct {
	lanes, l1 int
	forms, bs int // distinct folded and contracted couplings
	paths     []fusedPath
	forward   func(*byte)
	backward  func(*byte)
	slopes    func(*byte) // backward without gx; nil where that is not made
}

// fused is the Conv of shapes whose paths have generated kernels.
type fused struct {
	vectors // prepares the edges
	passes  []fusedBlock
	next    []int32
	waste   []float32
}

// fusedBlock is a pass bound to a block of a shape.
type fusedBlock struct {
	*fusedPass
	x     Block
	paths []Path    // of the shape, in the kernel's order
	coef  []float32 // table [chunk][row][path][lanes]
	rows  int
	outs  []outArg
}

// newFused returns nil unless generated kernels serve every path of the shape:
// multiplicities that are multiples of 16, the paths of each block just those
// of some passes, and couplings that are multiples of the standard ones.
func newFused(p path, s *Shape, t *Table) *fused {
	v := newVectors(p, s, t)
	if v == nil {
		return nil
	}
	c := &fused{vectors: *v}
	for x, b := range s.X {
		var ps []Path
		for _, q := range s.Paths {
			if q.X == x {
				ps = append(ps, q)
			}
		}
		if len(ps) == 0 {
			continue
		}
		if b.Mul%16 != 0 || !c.bind(b, ps) {
			return nil
		}
	}
	forms, bs := 0, 0
	for i := range c.passes {
		q := &c.passes[i]
		c.fill(q)
		forms, bs = max(forms, q.forms), max(bs, q.bs*q.x.Mul)
		for _, p := range q.paths {
			o := s.Agg[p.Agg]
			q.outs = append(q.outs, outArg{4 * (o.Offset + p.Col), 4 * o.Mul})
		}
	}
	c.m, c.bb = Make[float32](16*forms), Make[float32](bs)
	return c
}

// bind finds the passes whose paths are together those of the block.
func (c *fused) bind(x Block, ps []Path) bool {
	seen := map[fusedPath]bool{}
	for _, p := range ps {
		q := fusedPath{p.L2, c.s.Agg[p.Agg].L}
		if seen[q] {
			return false
		}
		seen[q] = true
	}
	find := func(q fusedPath) *Path {
		for i := range ps {
			if ps[i].L2 == q.l2 && c.s.Agg[ps[i].Agg].L == q.l3 {
				return &ps[i]
			}
		}
		return nil
	}
	// An exact cover: the first path still free, by each kernel that has it.
	used := map[fusedPath]bool{}
	var cover func() bool
	cover = func() bool {
		var free *fusedPath
		for i := range ps {
			if q := (fusedPath{ps[i].L2, c.s.Agg[ps[i].Agg].L}); !used[q] {
				free = &q
				break
			}
		}
		if free == nil {
			return true
		}
	pass:
		for i := range fusedPasses {
			k := &fusedPasses[i]
			if k.lanes != c.lanes || k.l1 != x.L || !slices.Contains(k.paths, *free) {
				continue
			}
			b := fusedBlock{fusedPass: k, x: x}
			for _, q := range k.paths {
				p := find(q)
				if used[q] || p == nil {
					continue pass
				}
				b.paths = append(b.paths, *p)
			}
			for _, q := range k.paths {
				used[q] = true
			}
			c.passes = append(c.passes, b)
			if cover() {
				return true
			}
			c.passes = c.passes[:len(c.passes)-1]
			for _, q := range k.paths {
				delete(used, q)
			}
		}
		return false
	}
	if !cover() {
		return false
	}
	for _, b := range c.passes {
		for _, p := range b.paths {
			if _, ok := c.multiple(&p); !ok {
				return false
			}
		}
	}
	return true
}

// multiple returns f if the path's coupling is f times the standard one.
func (c *fused) multiple(p *Path) (f float64, ok bool) {
	l1, l3 := c.s.X[p.X].L, c.s.Agg[p.Agg].L
	want := map[[3]int]float64{}
	norm := 0.0
	for _, t := range fusedCouplings[[3]int{l1, p.L2, l3}] {
		want[[3]int{t.I, t.J, t.K}] = t.C
		norm += t.C * t.C
	}
	got := map[[3]int]float64{}
	for _, t := range p.Terms {
		got[[3]int{t.I, t.J, t.K}] += t.C
	}
	for k, v := range got {
		f += v * want[k]
	}
	f /= norm
	for k, v := range got {
		if math.Abs(v-f*want[k]) > 1e-7*math.Abs(f) {
			return 0, false
		}
		delete(want, k)
	}
	for _, v := range want {
		if math.Abs(f*v) > 1e-7*math.Abs(f) {
			return 0, false
		}
	}
	return f, f != 0
}

// fill regroups the columns of the pass's paths to [chunk][row][path][lanes],
// times the couplings' multiples.
func (c *fused) fill(b *fusedBlock) {
	b.rows = len(c.t.Coef) / c.t.W
	np := len(b.paths)
	key := []byte{byte(c.lanes)}
	f := make([]float64, np)
	for i := range b.paths {
		f[i], _ = c.multiple(&b.paths[i])
		for _, v := range []uint64{uint64(b.paths[i].W), uint64(b.x.Mul), math.Float64bits(f[i])} {
			for s := range 8 {
				key = append(key, byte(v>>(8*s)))
			}
		}
	}
	c.t.grouped.mu.Lock()
	defer c.t.grouped.mu.Unlock()
	if t, ok := c.t.grouped.m[string(key)]; ok {
		b.coef = t
		return
	}
	b.coef = Make[float32](b.x.Mul * b.rows * np)
	at := 0
	for chunk := 0; chunk < b.x.Mul; chunk += c.lanes {
		for row := range b.rows {
			for i, p := range b.paths {
				for u := range c.lanes {
					b.coef[at] = float32(float64(c.t.Coef[row*c.t.W+p.W+chunk+u]) * f[i])
					at++
				}
			}
		}
	}
	if c.t.grouped.m == nil {
		c.t.grouped.m = map[string][]float32{}
	}
	c.t.grouped.m[string(key)] = b.coef
}

// ahead sets the rows to fetch ahead, one for each edge. A wrong row does no
// harm: fetching ahead never faults.
func (c *fused) ahead(e *Edges[float32], n, from int, j []int32) {
	if from == 0 && len(e.Next) >= n {
		c.args.next = &e.Next[0]
		return
	}
	grow(&c.next, n)
	k := 0
	if from == 0 {
		k = copy(c.next, e.Next)
	}
	copy(c.next[k:], j[from+k:from+n])
	c.args.next = &c.next[0]
}

// bound sets what a pass needs; agg is the aggregate or its gradient.
func (c *fused) bound(b *fusedBlock, x, agg []float32) *convArgs {
	a := &c.args
	np := len(b.paths)
	a.mul, a.x, a.xcomp = b.x.Mul, &x[b.x.Offset], 4*b.x.Mul
	a.coef, a.group = &b.coef[0], 4*c.lanes*b.rows*np
	a.out, a.outs = &agg[0], &b.outs[0]
	return a
}

// Forward is part of Conv.
func (c *fused) Forward(e *Edges[float32], from, to int, j []int32, x, agg []float32) {
	if from >= to {
		return
	}
	c.prepare(e, from, to, j, len(x))
	c.ahead(e, to-from, from, j)
	_ = agg[c.s.AggWidth-1]
	blocks, forms := (to-from+15)/16, 1
	for i := range c.passes {
		forms = max(forms, c.passes[i].forms)
	}
	grow(&c.m, 16*blocks*forms)
	c.args.m = &c.m[0]
	for i := range c.passes {
		b := &c.passes[i]
		b.forward((*byte)(unsafe.Pointer(c.bound(b, x, agg))))
	}
}

// Backward is part of Conv.
func (c *fused) Backward(e *Edges[float32], from, to int, j []int32, x, g, gx []float32) {
	if from >= to {
		return
	}
	records := len(x)
	if gx != nil {
		records = min(records, len(gx))
	}
	c.prepare(e, from, to, j, records)
	c.ahead(e, to-from, from, j)
	_ = g[c.s.AggWidth-1]
	n, ny := to-from, (c.s.LMax+1)*(c.s.LMax+1)
	c.clearZ(n)
	a := &c.args
	a.z, a.zrow, a.bb = &c.z[0], 4*c.lanes*ny, &c.bb[0]
	for i := range c.passes {
		b := &c.passes[i]
		c.bound(b, x, g)
		f := b.backward
		switch {
		case gx != nil:
			a.gx = &gx[b.x.Offset]
			a.gdelta = int(uintptr(unsafe.Pointer(a.gx)) - uintptr(unsafe.Pointer(a.x)))
		case b.slopes != nil:
			f = b.slopes
		default: // a place for what nobody wants
			if len(c.waste) < len(x) {
				c.waste = Make[float32](len(x))
			}
			a.gx, a.gdelta = &c.waste[b.x.Offset], 0
		}
		f((*byte)(unsafe.Pointer(a)))
	}
	c.sums(e, from, n)
}
