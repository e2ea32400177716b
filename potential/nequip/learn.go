package nequip

import (
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/potential/mpnn"
)

// learning is what a convolution keeps when it is trained: the gradients of its
// weights in the layouts of the model, [K][N] for each matrix.
type learning[T kernel.Float] struct {
	conv       kernel.Learner[T]
	coef       []T // of the radial spline
	lin2       mapGradient[T]
	lin1, skip mapGradient[T] // the next layer's maps of this one's output
	x0, s0     []T            // of the first layer's records of each species
	h          []T            // gate output of a block
	agg        []T            // sums of messages of all atoms: the gradient of lin2 needs them
	outer      kernel.Outer[T]
}

// mapGradient is the gradient of every matrix of a linear map, by pair and species.
type mapGradient[T kernel.Float] [][][]T

func newMapGradient[T kernel.Float](m *maps) mapGradient[T] {
	if m == nil {
		return nil
	}
	g := make(mapGradient[T], len(m.pairs))
	for k, p := range m.pairs {
		for _, q := range p.species {
			g[k] = append(g[k], make([]T, len(q.w)))
		}
	}
	return g
}

func (g mapGradient[T]) clear() {
	for _, p := range g {
		for _, q := range p {
			clear(q)
		}
	}
}

// learn adds the outer products of n rows x and gy to g, the gradient of l.
func (l *linear[T]) learn(n int, species []int32, x, gy []T, g mapGradient[T], o *kernel.Outer[T]) {
	for k := range l.pairs {
		p := &l.pairs[k]
		l.each(n, species, func(from, to, s int) {
			a, c := x[from*l.in.width:], gy[from*l.out.width:]
			o.Add(to-from, 2*p.in.L+1, a[p.in.Offset:], l.in.width, p.in.Mul, p.in.Mul,
				c[p.out.Offset:], l.out.width, p.out.Mul, p.out.Mul, g[k][s])
		})
	}
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
	d.h = room(d.h, block*l.gate.out.width)
	for b := 0; b < g.Padded; b += block {
		n := min(block, g.N-b)
		gateForward(&l.gate, s[b*l.gate.in.width:], d.h)
		l.lin1.learn(n, nil, d.h, gxnext[b*l.lin1.out.width:], d.lin1, &d.outer)
		l.skip.learn(n, g.Species[b:], d.h, gsnext[b*l.skip.out.width:], d.skip, &d.outer)
	}
	l.BackwardNodes(g, s, gxnext, gsnext)
}

// Learn is part of mpnn.Learner: forward, energy and backward.
func (h *head[T]) Learn(g *mpnn.Graph[T], rows domain.Span, x, s, gx []T, weight []float64) {
	w, n, dim, r := h.gate.in.width, len(h.m.read), h.m.components(), h.reading
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
	w, sw := c.shape.AggWidth, c.gate.in.width
	n, e := min(block, g.N-b), &c.batch[0].edges
	gs := s[b*sw:][:block*sw]
	if c.x0 != nil {
		gx = d.x0
		for i := range n {
			axpy(gs[i*sw:][:sw], d.s0[int(g.Species[b+i])*sw:])
		}
	}
	c.lin2.learn(n, nil, d.agg[b*w:], gs, d.lin2, &d.outer)
	c.lin2.backward(block, nil, gs, c.agg, false)
	for i := range n {
		_, j, x := c.load(g, b+i, 1, &c.batch[0], x)
		d.conv.Learn(e, 0, e.N, j, x, c.agg[i*w:][:w], gx, d.coef)
	}
}

// axpy adds x to y.
func axpy[T kernel.Float](x, y []T) {
	y = y[:len(x)]
	for k, v := range x {
		y[k] += v
	}
}
