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
	shared    bool // for processors whose adders are their multipliers
	wide      int  // chunks in one sweep forward
	forms, bs int  // distinct folded and contracted couplings
	paths     []fusedPath
	fold      func(*byte) // makes the folded couplings; nil where there are none
	forward   func(*byte)
	backward  func(*byte)
	slopes    func(*byte) // backward without gx; nil where that is not made
}

// fused is the Conv of shapes whose paths have generated kernels.
type fused struct {
	vectors // finds passes by its path, and sums over the lanes
	passes  []fusedBlock
	forms   int // the most folded couplings of a pass
	spread  []float32
	whole   bool // the paths fill the aggregate, each number once
	fresh   bool // the first pass sets all the sums of an edge
	centres []fusedCentre
	waste   []float32
}

// fusedCentre is what the passes read of one centre atom's edges.
type fusedCentre struct {
	n     int
	edges []edgeArg
	row   []int32
	b     []float32 // spline weights and harmonics [block][8+ny][16]
	m     []float32 // folded couplings of a pass [block][form][16]
	agg   *float32
}

// fusedBlock is a pass bound to a block of a shape.
type fusedBlock struct {
	*fusedPass
	x     Block
	paths []Path    // of the shape, in the kernel's order
	f     []float64 // their couplings over the standard ones
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
	bs := 0
	for i := range c.passes {
		q := &c.passes[i]
		c.fill(q)
		c.forms, bs = max(c.forms, q.forms), max(bs, q.bs*q.x.Mul)
		for _, p := range q.paths {
			o := s.Agg[p.Agg]
			q.outs = append(q.outs, outArg{4 * (o.Offset + p.Col), 4 * o.Mul})
		}
	}
	c.bb = Make[float32](bs)
	c.spread = Make[float32](8 * (6 + (s.LMax+1)*(s.LMax+1)))
	filled := 0
	for _, q := range s.Paths {
		filled += s.X[q.X].Mul * (2*s.Agg[q.Agg].L + 1)
	}
	c.whole = filled == s.AggWidth
	c.fresh = c.lanes == 16
	for l2 := range s.LMax {
		c.fresh = c.fresh && slices.ContainsFunc(c.passes[0].paths, func(p Path) bool { return p.L2 == l2+1 })
	}
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
			if k.lanes != c.lanes || k.shared != (c.path == avx512fma) || k.l1 != x.L || !slices.Contains(k.paths, *free) {
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
	for _, t := range p.Terms { // in their order: the sum's last bits are the tables' and must not change
		f += t.C * want[[3]int{t.I, t.J, t.K}]
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
	b.f = make([]float64, np)
	for i := range b.paths {
		b.f[i], _ = c.multiple(&b.paths[i])
		for _, v := range []uint64{uint64(b.paths[i].W), uint64(b.x.Mul), math.Float64bits(b.f[i])} {
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
	b.regroup(c.t, c.lanes)
	if c.t.grouped.m == nil {
		c.t.grouped.m = map[string][]float32{}
	}
	c.t.grouped.m[string(key)] = b.coef
}

// regroup writes the columns from the table.
func (b *fusedBlock) regroup(t *Table, lanes int) {
	at := 0
	for chunk := 0; chunk < b.x.Mul; chunk += lanes {
		for row := range b.rows {
			for i, p := range b.paths {
				from, to := t.Coef[row*t.W+p.W+chunk:][:lanes], b.coef[at:][:lanes]
				for u, v := range from {
					to[u] = float32(float64(v) * b.f[i])
				}
				at += lanes
			}
		}
	}
}

// prepare fills the next of the centres with the edges from ≤ e < to; records is
// the length of the array that their rows j are in.
func (c *fused) prepare(k int, e *Edges[float32], from, to int, j []int32, records int) *fusedCentre {
	for k >= len(c.centres) {
		c.centres = append(c.centres, fusedCentre{})
	}
	a := &c.centres[k]
	n, ny, rows := to-from, (c.s.LMax+1)*(c.s.LMax+1), records/c.s.XWidth
	blocks, step := (n+15)/16, 16*(8+ny)
	a.n = n
	grow(&a.row, 16*blocks)
	grow(&a.b, step*blocks)
	if cap(a.edges) <= n {
		a.edges = make([]edgeArg, n+n/4+1)
	}
	a.edges = a.edges[:n+1] // one more: kernels compare with its address
	_, _ = e.R[to-1], e.Y[(ny-1)*e.Stride+to-1]
	c.locate(n, e, from, a.row, a.b)
	if e.Base != nil {
		for k, b := range e.Base[from:to] {
			a.row[k] += b
		}
	}
	next := e.Next
	if from > 0 {
		next = nil
	}
	width := 4 * c.s.XWidth
	for k, r := range j[from:to] {
		if uint(r) >= uint(rows) {
			panic("kernel: neighbour's row outside the records")
		}
		q := &a.edges[k]
		q.x, q.row, q.next = int(r)*width, 4*c.lanes*int(a.row[k]), int(r)*width
		if k < len(next) { // a wrong row does no harm: fetching ahead never faults
			q.next = int(next[k]) * width
		}
	}
	return a
}

// bound sets what a pass needs of its block, at what a centre's edges need.
func (c *fused) bound(b *fusedBlock, x []float32) {
	g := &c.args
	g.mul, g.x, g.xcomp = b.x.Mul, &x[b.x.Offset], 4*b.x.Mul
	g.coef, g.group = &b.coef[0], 4*c.lanes*b.rows*len(b.paths)
	g.outs, g.spread = &b.outs[0], &c.spread[0]
}

func (c *fused) at(a *fusedCentre) {
	g := &c.args
	g.n, g.edges, g.end, g.b, g.out = a.n, &a.edges[0], &a.edges[a.n], &a.b[0], a.agg
	g.ystep = 64*(8+(c.s.LMax+1)*(c.s.LMax+1)) - 64
}

// Forward is part of Conv.
func (c *fused) Forward(e *Edges[float32], from, to int, j []int32, x, agg []float32) {
	if from >= to {
		return
	}
	a := c.prepare(0, e, from, to, j, len(x))
	a.agg = &agg[:c.s.AggWidth][0]
	c.args.set = 0
	c.sweep(c.centres[:1], x)
}

// forwards is part of batched.
func (c *fused) forwards(centres []Centre[float32], x []float32) {
	n := 0
	for i := range centres {
		q := &centres[i]
		if q.From >= q.E.N || !c.whole {
			clear(q.Agg[:c.s.AggWidth])
		}
		if q.From >= q.E.N {
			continue
		}
		a := c.prepare(n, q.E, q.From, q.E.N, q.J, len(x))
		a.agg = &q.Agg[:c.s.AggWidth][0]
		n++
	}
	c.args.set = 0
	if c.whole {
		c.args.set = 1
	}
	c.sweep(c.centres[:n], x)
}

// sweep adds to the aggregates, or sets them. Atom after atom reads the same
// table for the same channels, which then is in the nearest cache.
func (c *fused) sweep(centres []fusedCentre, x []float32) {
	g := &c.args
	arg := (*byte)(unsafe.Pointer(g))
	for k := range centres {
		a := &centres[k]
		grow(&a.m, max(1, 16*((a.n+15)/16)*c.forms))
	}
	for i := range c.passes {
		b := &c.passes[i]
		c.bound(b, x)
		for k := range centres {
			if a := &centres[k]; b.fold != nil {
				c.at(a)
				g.m = &a.m[0]
				b.fold(arg)
			}
		}
		step := b.wide * c.lanes
		for ch := 0; ch < b.x.Mul; ch += step {
			g.mul = min(step, b.x.Mul-ch)
			g.x, g.coef = &x[b.x.Offset+ch], &b.coef[ch/c.lanes*(g.group/4)]
			for k := range centres {
				a := &centres[k]
				c.at(a)
				g.m = &a.m[0]
				g.out = (*float32)(unsafe.Add(unsafe.Pointer(a.agg), 4*ch))
				b.forward(arg)
			}
		}
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
	q := c.prepare(0, e, from, to, j, records)
	q.agg = &g[:c.s.AggWidth][0]
	n, ny := to-from, (c.s.LMax+1)*(c.s.LMax+1)
	a := &c.args
	grow(&c.z, (n+15)/16*16*ny*c.lanes)
	a.set = 1
	if !c.fresh {
		clear(c.z[:n*ny*c.lanes])
		a.set = 0
	}
	c.at(q)
	a.z, a.zrow, a.bb = &c.z[0], 4*c.lanes*ny, &c.bb[0]
	for i := range c.passes {
		b := &c.passes[i]
		c.bound(b, x)
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
		a.set, a.edges = 0, &q.edges[0]
	}
	c.sums(e, from, n)
}
