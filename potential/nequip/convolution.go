package nequip

import (
	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/linear"
	"github.com/wigner-md/wigner/potential/mpnn"
)

// convolution is the part of a layer that has edges: it runs the kernels over
// the atoms of a block and maps the sums of messages to the layer's state.
type convolution[T kernel.Float] struct {
	*weights[T]
	conv, near kernel.Conv[T]      // near: for edges too short for the table, or nil
	batch      [together]loaded[T] // one after another has the first only
	centres    [together]kernel.Centre[T]
	agg        []T // sums of messages of a block, or their gradient
}

// loaded is an atom's edges.
type loaded[T kernel.Float] struct {
	edges kernel.Edges[T]
	j     []int32 // species of the neighbours, in the first layer
}

// together is how many atoms' messages are summed at once: so that what they read of
// the radial table stays in the nearest cache, and their folded couplings in the next.
const together = 6

func newConvolution[T kernel.Float](w *weights[T]) convolution[T] {
	c := convolution[T]{weights: w, agg: kernel.Make[T](block * w.shape.AggWidth)}
	c.conv, c.near = w.conv()
	return c
}

// Width is part of mpnn.Layer and mpnn.Head.
func (c *convolution[T]) Width() int {
	if c.x0 != nil {
		return 0
	}
	return c.shape.XWidth
}

// StateWidth is part of mpnn.Layer and mpnn.Head.
func (c *convolution[T]) StateWidth() int { return c.gate.in.Width }

// state are the states of the block from atom b on.
func (c *convolution[T]) state(s []T, b int) linear.View[T] {
	return linear.Rows(s, c.gate.in.Width).From(b)
}

// load fills q with the edges of atom i; the neighbours' records are rows j of
// records. The atom that many places ahead comes next.
func (c *convolution[T]) load(g *mpnn.Graph[T], i, ahead int, q *loaded[T], x []T) (near int, j []int32, records []T) {
	e := &q.edges
	near = g.Load(i, ahead, e)
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

// messages adds to the states of the block from atom b on the linear map of
// the sums of messages. The first layer sets its states first.
func (c *convolution[T]) messages(g *mpnn.Graph[T], b int, x, s []T) {
	w, end := c.shape.AggWidth, min(b+block, g.N)
	agg := c.agg
	if c.learning != nil {
		agg = c.learning.kept(g, b, w)
	}
	for i := b; i < end; i += together {
		n := min(together, end-i)
		var records []T
		for k := range n {
			q := &c.centres[k]
			q.E, q.Agg = &c.batch[k].edges, agg[(i+k-b)*w:][:w]
			q.From, q.J, records = c.load(g, i+k, together, &c.batch[k], x)
		}
		kernel.Forwards(c.conv, c.centres[:n], records)
		for k := range n {
			if q := &c.centres[k]; q.From > 0 {
				c.near.Forward(q.E, 0, q.From, q.J, records, q.Agg)
			}
		}
	}
	clear(agg[(end-b)*w:])
	state := c.state(s, b)
	if c.s0 != nil {
		for i := range block {
			copy(state.Row(i, state.Step), c.s0[int(g.Species[b+i])*state.Step:])
		}
	}
	c.lin2.Forward(nil, linear.Rows(agg, w), state, true)
}

// messagesBackward takes the gradient of the block's states back to the
// neighbours' records and to the edges.
func (c *convolution[T]) messagesBackward(g *mpnn.Graph[T], b int, s, x, gx []T, bonds *potential.Bonds) {
	w, e := c.shape.AggWidth, &c.batch[0].edges
	c.lin2.Backward(nil, c.state(s, b), linear.Rows(c.agg, w), false)
	if c.x0 != nil {
		gx = nil
	}
	for i := b; i < min(b+block, g.N); i++ {
		near, j, x := c.load(g, i, 1, &c.batch[0], x)
		e.ZeroGradient()
		agg := c.agg[(i-b)*w:][:w]
		if near > 0 {
			c.near.Backward(e, 0, near, j, x, agg, gx)
		}
		c.conv.Backward(e, near, e.N, j, x, agg, gx)
		sum, virial := e.Gradient()
		potential.AddSummed(bonds, int32(i), e.J[:e.N], e.D, e.G, sum, virial)
	}
}
