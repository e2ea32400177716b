package mace

import (
	"math"

	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/linear"
	"github.com/wigner-md/wigner/potential/mpnn"
)

// together is how many atoms' messages are summed at once: what they read of the radial
// table stays in the nearest cache.
const together = 6

// core is what a layer and the head do to a block of atoms, forward and backward, with
// one rank's scratch.
type core[T kernel.Float] struct {
	*weights[T]
	of         context
	have       *tableSet // the tables of conv
	begun      int64     // the graph's Build when it was looked at
	base       []int32   // first row of the pair i·n+j in them; nil where there is but one
	conv, near kernel.Conv[T]
	// density goes through the tables where there are any, nearDensity never.
	density, nearDensity kernel.Radial[T]
	batch                [together]loaded[T] // one after another has the first only
	centres              [together]kernel.Centre[T]
	g, dg                []T // of the density of an atom's edges
	rest                 []T
	groups               linear.Groups[T]
	read                 *reader[T]

	agg     []T // sums of messages of a block, or their gradient
	z, a    []T // [row][target] of a block
	ga, gb  []T
	b       []T // contraction
	x, gx   []T // the layer's result
	scratch []T
}

// loaded is an atom's edges.
type loaded[T kernel.Float] struct {
	edges kernel.Edges[T]
	j     []int32 // species of the neighbours, in the first layer
	base  []int32
}

// parts are the states of a block.
type parts[T kernel.Float] struct{ y, r, sc, density linear.View[T] }

func newCore[T kernel.Float](w *weights[T]) *core[T] {
	n := func(k int) []T { return kernel.Make[T](block * k) }
	c := &core[T]{weights: w, read: newReader[T](w.layerWeights.read)}
	target, in := w.target.Dim(), w.product.In.Width
	c.agg, c.z, c.ga = n(w.shape.AggWidth), n(max(target, w.yWidth)), n(target)
	if w.gate != nil {
		c.a = n(target)
	}
	c.b, c.gb, c.x, c.gx = n(in), n(in), n(w.scWidth), n(w.scWidth)
	c.scratch = w.contraction.Scratch()
	exact := kernel.NewLoops(w.shape, kernel.Radial[T](&radial[T]{network: w.net, of: &c.of}))
	if w.rho != nil {
		c.nearDensity = &radial[T]{network: w.rho, of: &c.of}
	}
	if w.tables != nil {
		c.near = exact
		return c
	}
	c.conv, c.density = exact, c.nearDensity
	return c
}

// Width is part of mpnn.Layer and mpnn.Head.
func (c *core[T]) Width() int {
	if c.x0 != nil {
		return 0
	}
	return c.shape.XWidth
}

// StateWidth is part of mpnn.Layer and mpnn.Head.
func (c *core[T]) StateWidth() int { return c.layout.width }

// begin looks at the species, once in a call, and takes the tables that their pairs need.
func (c *core[T]) begin(g *mpnn.Graph[T]) {
	c.of.rows = g.Species
	if c.tables == nil || c.begun == g.Build {
		return
	}
	c.begun = g.Build
	set := c.tables.with(g.Species[:g.N], g.Species[g.Padded:])
	if set == c.have {
		return
	}
	c.have, c.base = set, nil
	for _, p := range set.pair {
		c.base = append(c.base, p*int32(set.weights[c.number].Rows()/set.pairs))
	}
	c.conv = any(kernel.NewConv32(c.shape, set.weights[c.number])).(kernel.Conv[T])
	if c.rho != nil {
		c.density = any(set.density[c.number]).(kernel.Radial[T])
	}
}

// part is a view of a block's states at an offset; nothing where there is none.
func part[T kernel.Float](s []T, b, width, at int) linear.View[T] {
	if at < 0 {
		return linear.View[T]{}
	}
	return linear.Rows(s[b*width+at:], width)
}

func (c *core[T]) parts(s []T, b int) parts[T] {
	w := c.layout.width
	return parts[T]{part(s, b, w, c.y), part(s, b, w, c.r), part(s, b, w, c.sc), part(s, b, w, c.layout.density)}
}

// load fills q with the edges of atom i; the neighbours' records are rows j of records.
func (c *core[T]) load(g *mpnn.Graph[T], i, ahead int, q *loaded[T], x []T) (near int, j []int32, records []T) {
	e := &q.edges
	near = g.Load(i, ahead, e)
	c.of.centre = g.Species[i]
	if c.base != nil {
		q.base = kernel.Room(q.base, len(e.J))
		row := c.base[int(c.of.centre)*c.have.n:]
		for k, f := range e.J {
			q.base[k] = row[g.Species[f]]
		}
		e.Base = q.base
		if c.inexact(g, e.J[:e.N]) {
			near = e.N
		}
	}
	if c.x0 == nil {
		return near, e.J, x
	}
	e.Next = nil // rows of features, of which the first layer reads none
	q.j = kernel.Room(q.j, len(e.J))
	for k, row := range e.J {
		q.j[k] = g.Species[row]
	}
	return near, q.j, c.x0
}

// inexact is whether an edge of the atom, whose neighbours are these, is of a pair whose table
// is not good enough; all edges of the atom are then left to the network.
func (c *core[T]) inexact(g *mpnn.Graph[T], j []int32) bool {
	if c.have.exact[c.number] == nil {
		return false
	}
	row := c.have.exact[c.number][int(c.of.centre)*c.have.n:]
	for _, f := range j {
		if row[g.Species[f]] {
			return true
		}
	}
	return false
}

// messages makes y of a block: the linear map of the sums of messages, divided. What
// the edges have of energy themselves is added to e, unless it is nil.
func (c *core[T]) messages(g *mpnn.Graph[T], b int, x []T, p parts[T], e []float64) {
	w, end := c.shape.AggWidth, max(b, min(b+block, g.N))
	for i := b; i < end; i += together {
		n := min(together, end-i)
		var records []T
		for k := range n {
			q := &c.centres[k]
			q.E, q.Agg = &c.batch[k].edges, c.agg[(i+k-b)*w:][:w]
			q.From, q.J, records = c.load(g, i+k, together, &c.batch[k], x)
			if c.tables == nil { // the radial network asks for the centre: one by one
				clear(q.Agg)
				c.conv.Forward(q.E, 0, q.E.N, q.J, records, q.Agg)
			}
			c.edgeSums(i+k, b, q.From, q.E, p, e)
		}
		if c.tables == nil {
			continue
		}
		kernel.Forwards(c.conv, c.centres[:n], records)
		for k := range n {
			if q := &c.centres[k]; q.From > 0 {
				c.of.centre = g.Species[i+k]
				c.near.Forward(q.E, 0, q.From, q.J, records, q.Agg)
			}
		}
	}
	clear(c.agg[(end-b)*w:])
	c.lin.Forward(nil, linear.Rows(c.agg, w), p.y, false)
	for i := range block {
		if c.kind.density {
			row := p.density.Row(i, 2)
			if b+i >= end {
				row[0] = 0
			}
			row[0] = 1 / (T(c.alpha) + T(c.beta)*row[0])
			scale(row[0], p.y.Row(i, c.yWidth))
		}
		if c.kind.gated {
			kernel.Accumulate(c.residual(g, b, i, p), p.y.Row(i, c.yWidth))
		}
	}
	if c.skipAfter != nil {
		n := c.yWidth
		for i := range block {
			copy(c.z[i*n:][:n], p.y.Row(i, n))
		}
		c.skipAfter.Forward(c.groups.Sort(g.Species[b:]), linear.Rows(c.z, n), p.y, false)
	}
}

// residual is what is added to y of row i of a block.
func (c *core[T]) residual(g *mpnn.Graph[T], b, i int, p parts[T]) []T {
	if c.r0 != nil {
		return c.r0[int(g.Species[b+i])*c.yWidth:][:c.yWidth]
	}
	return p.r.Row(i, c.yWidth)
}

// edgeSums makes what is a sum over the edges of an atom and no message: the density,
// and the repulsion's energy.
func (c *core[T]) edgeSums(i, b, near int, e *kernel.Edges[T], p parts[T], energy []float64) {
	if c.kind.density {
		c.densities(e, near, false)
		sum := 0.0
		for k := range e.N {
			v, _ := c.densityOf(float64(c.g[k]), 0, float64(e.R[k]))
			sum += v
		}
		p.density.Row(i-b, 2)[0] = T(sum)
	}
	if c.repel != nil && energy != nil {
		for k := range e.N {
			v, _ := c.repel.at(float64(e.R[k]), c.of.centre, c.of.rows[e.J[k]])
			energy[i] += v
		}
	}
}

// densities sets g of the loaded edges, and dg with slopes; the first near edges are too
// short for the tables.
func (c *core[T]) densities(e *kernel.Edges[T], near int, slopes bool) {
	c.g, c.dg = kernel.Room(c.g, e.N), kernel.Room(c.dg, e.N)
	weights := func(r kernel.Radial[T], from, to int) {
		switch {
		case from == to:
		case slopes:
			r.Weights(e, from, to, c.g[from:to], c.dg[from:to])
		default:
			r.Weights(e, from, to, c.g[from:to], nil)
		}
	}
	weights(c.nearDensity, 0, near)
	weights(c.density, near, e.N)
}

// densityOf is tanh(g²), times the envelope where that is not in g, and its slope.
func (c *core[T]) densityOf(g, dg, r float64) (v, dv float64) {
	v = math.Tanh(g * g)
	dv = (1 - v*v) * 2 * g * dg
	if b := c.rho.basis; !b.applied {
		f, df := b.cut.at(r)
		v, dv = v*f, dv*f+v*df
	}
	return v, dv
}

// makeResult makes the layer's result x of a block from its state.
func (c *core[T]) makeResult(g *mpnn.Graph[T], b int, p parts[T]) {
	a := c.contracted(p)
	in := c.product.In.Width
	for i := range block {
		c.contraction.Forward(c.coefficients(g, b+i), a.Row(i, c.target.Dim()), c.b[i*in:][:in], c.scratch)
	}
	c.product.Forward(nil, linear.Rows(c.b, in), linear.Rows(c.x, c.scWidth), false)
	if !c.selfConnection {
		return
	}
	for i := range block {
		sc := c.sc0
		if sc != nil {
			sc = sc[int(g.Species[b+i])*c.scWidth:][:c.scWidth]
		} else {
			sc = p.sc.Row(i, c.scWidth)
		}
		kernel.Accumulate(sc, c.x[i*c.scWidth:])
	}
}

// coefficients is the number of those of a row.
func (c *core[T]) coefficients(g *mpnn.Graph[T], row int) int {
	if c.poly.agnostic {
		return 0
	}
	return int(g.Species[row])
}

// contracted is what the contraction takes.
func (c *core[T]) contracted(p parts[T]) linear.View[T] {
	if c.gate == nil {
		return p.y
	}
	n := c.target.Dim()
	for i := range block {
		gateForward(c.gate, p.y.Row(i, c.yWidth), c.z[i*n:][:n])
	}
	c.lin2.Forward(nil, linear.Rows(c.z, n), linear.Rows(c.a, n), false)
	return linear.Rows(c.a, n)
}

// productBackward takes the gradient gx of the block's result back to its state.
func (c *core[T]) productBackward(g *mpnn.Graph[T], b int, p parts[T]) {
	if p.sc.X != nil {
		for i := range block {
			copy(p.sc.Row(i, c.scWidth), c.gx[i*c.scWidth:])
		}
	}
	a := c.contracted(p)
	in, n := c.product.In.Width, c.target.Dim()
	c.product.Backward(nil, linear.Rows(c.gx, c.scWidth), linear.Rows(c.gb, in), false)
	for i := range block {
		c.contraction.Backward(c.coefficients(g, b+i), a.Row(i, n), c.gb[i*in:][:in], c.ga[i*n:][:n], c.scratch)
	}
	if c.gate != nil {
		c.lin2.Backward(nil, linear.Rows(c.ga, n), linear.Rows(c.z, n), false)
	}
	for i := range block {
		y, w := p.y.Row(i, c.yWidth), c.yWidth
		switch {
		case c.gate != nil:
			rest := c.residual(g, b, i, p)
			c.rest = kernel.Room(c.rest, w)
			for k, v := range y {
				c.rest[k] = v - rest[k]
			}
			gateBackward(c.gate, y, c.z[i*n:][:n])
			p.density.Row(i, 2)[1] = -T(c.beta) * p.density.Row(i, 2)[0] * dot(c.rest, y)
			if p.r.X != nil {
				copy(p.r.Row(i, w), y)
			}
		case c.kind.density:
			p.density.Row(i, 2)[1] = -p.density.Row(i, 2)[0] * dot(y, c.ga[i*n:])
			fallthrough
		default:
			copy(y, c.ga[i*n:][:n])
		}
	}
}

// messagesBackward takes the gradient y of the block's state back to the neighbours'
// records and to the edges. It leaves no gradient in y.
func (c *core[T]) messagesBackward(g *mpnn.Graph[T], b int, x, gx []T, p parts[T], bonds *potential.Bonds) {
	y := p.y
	if c.kind.density {
		for i := range block {
			scale(p.density.Row(i, 2)[0], y.Row(i, c.yWidth))
		}
	}
	if c.skipAfter != nil {
		z := linear.Rows(c.z, c.yWidth)
		c.skipAfter.Backward(c.groups.Sort(g.Species[b:]), y, z, false)
		y = z
	}
	w := c.shape.AggWidth
	c.lin.Backward(nil, y, linear.Rows(c.agg, w), false)
	if c.x0 != nil {
		gx = nil
	}
	e := &c.batch[0].edges
	for i := b; i < min(b+block, g.N); i++ {
		near, j, records := c.load(g, i, 1, &c.batch[0], x)
		e.ZeroGradient()
		agg := c.agg[(i-b)*w:][:w]
		if near > 0 {
			c.near.Backward(e, 0, near, j, records, agg, gx)
		}
		c.conv.Backward(e, near, e.N, j, records, agg, gx)
		c.edgeGradients(i, b, near, e, p)
		sum, virial := e.Gradient()
		potential.AddSummed(bonds, int32(i), e.J[:e.N], e.D, e.G, sum, virial)
	}
}

// edgeGradients adds the slopes of density and repulsion to those of the edges.
func (c *core[T]) edgeGradients(i, b, near int, e *kernel.Edges[T], p parts[T]) {
	if c.kind.density {
		c.densities(e, near, true)
		f := float64(p.density.Row(i-b, 2)[1])
		for k := range e.N {
			_, dv := c.densityOf(float64(c.g[k]), float64(c.dg[k]), float64(e.R[k]))
			e.GR[k] += T(f * dv)
		}
	}
	if c.repel != nil {
		for k := range e.N {
			_, dv := c.repel.at(float64(e.R[k]), c.of.centre, c.of.rows[e.J[k]])
			e.GR[k] += T(dv)
		}
	}
}

func scale[T kernel.Float](f T, x []T) {
	for k := range x {
		x[k] *= f
	}
}

func dot[T kernel.Float](x, y []T) (s T) {
	y = y[:len(x)]
	for k, v := range x {
		s += v * y[k]
	}
	return s
}
