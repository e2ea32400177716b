package nequip

import (
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/potential/linear"
	"github.com/wigner-md/wigner/potential/mpnn"
)

// learning is what a convolution keeps when it is trained: the gradients of its
// weights in the layouts of the model, [K][N] for each matrix.
type learning[T kernel.Float] struct {
	conv       kernel.Learner[T]
	coef       []T // of the radial spline
	lin2       linear.Gradient[T]
	lin1, skip linear.Gradient[T] // the next layer's maps of this one's output
	x0, s0     []T                // of the first layer's records of each species
	h          []T                // gate output of a block
	agg        []T                // sums of messages of all atoms: the gradient of lin2 needs them
	outer      kernel.Outer[T]
}

// Learn is part of mpnn.Learner.
func (l *layer[T]) Learn(g *mpnn.Graph[T], rows domain.Span, x, s, gx []T, _ []float64) {
	for b := rows.From; b < rows.To; b += block {
		l.learnMessages(g, b, x, s, gx)
	}
}

// LearnNodes is part of mpnn.NodeLearner.
func (l *layer[T]) LearnNodes(g *mpnn.Graph[T], s, gxnext, gsnext []T) {
	d := l.learning
	d.h = kernel.Room(d.h, block*l.gate.out.Width)
	for b := 0; b < g.Padded; b += block {
		n := min(block, g.N-b)
		gateForward(&l.gate, s[b*l.gate.in.Width:], d.h)
		h, species := linear.Rows(d.h, l.gate.out.Width), g.Species[b:]
		l.lin1.Learn(n, species, h, linear.Rows(gxnext, l.lin1.Out.Width).From(b), d.lin1, &d.outer)
		l.skip.Learn(n, species, h, linear.Rows(gsnext, l.skip.Out.Width).From(b), d.skip, &d.outer)
	}
	l.BackwardNodes(g, s, gxnext, gsnext)
}

// Learn is part of mpnn.Learner: forward, energy and backward.
func (h *head[T]) Learn(g *mpnn.Graph[T], rows domain.Span, x, s, gx []T, weight []float64) {
	w, n, dim, r := h.gate.in.Width, len(h.m.read), h.m.components(), h.reading
	for b := rows.From; b < rows.To; b += block {
		h.messages(g, b, x, s)
		gateForward(&h.gate, s[b*w:], h.h)
		clear(h.gh)
		for i := range min(block, g.N-b) {
			z := g.Species[b+i]
			for k := range dim {
				c, at := weight[(b+i)*dim+k], (i*dim+k)*n
				row, grad, sum := h.h[at:at+n], h.gh[at:at+n], 0.0
				for u, v := range h.m.read {
					sum += v * float64(row[u])
					grad[u] = T(c * v * h.m.scale[z])
					r.read[u] += c * h.m.scale[z] * float64(row[u])
				}
				r.scale[z] += c * sum
				r.shift[z] += c
			}
		}
		gateBackward(&h.gate, s[b*w:], h.gh)
		h.learnMessages(g, b, x, s, gx)
	}
}

// reading is the gradient of the readout.
type reading struct{ read, scale, shift []float64 }

// kept is where the sums of messages of the block from atom b on are kept.
func (d *learning[T]) kept(g *mpnn.Graph[T], b, width int) []T {
	if n := g.Padded * width; cap(d.agg) < n {
		d.agg = kernel.Make[T](n + n/4)
	}
	return d.agg[:cap(d.agg)][b*width:][:block*width]
}

// learnMessages is messagesBackward for the gradients of the weights.
func (c *convolution[T]) learnMessages(g *mpnn.Graph[T], b int, x, s, gx []T) {
	d := c.learning
	w, sw := c.shape.AggWidth, c.gate.in.Width
	n, e := min(block, g.N-b), &c.batch[0].edges
	gs := s[b*sw:][:block*sw]
	if c.x0 != nil {
		gx = d.x0
		for i := range n {
			kernel.Accumulate(gs[i*sw:][:sw], d.s0[int(g.Species[b+i])*sw:])
		}
	}
	c.lin2.Learn(n, nil, linear.Rows(d.agg, w).From(b), linear.Rows(gs, sw), d.lin2, &d.outer)
	c.lin2.Backward(nil, linear.Rows(gs, sw), linear.Rows(c.agg, w), false)
	for i := range n {
		_, j, x := c.load(g, b+i, 1, &c.batch[0], x)
		d.conv.Learn(e, 0, e.N, j, x, c.agg[i*w:][:w], gx, d.coef)
	}
}
