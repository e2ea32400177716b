package nequip

import (
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/linear"
	"github.com/wigner-md/wigner/potential/mpnn"
)

const block = domain.Block

// layer is one rank's instance of a layer.
type layer[T kernel.Float] struct {
	convolution[T]
	h      []T // gate output of a block, or its gradient
	groups linear.Groups[T]
}

func newLayer[T kernel.Float](w *weights[T]) *layer[T] {
	return &layer[T]{convolution: newConvolution(w), h: make([]T, block*w.gate.out.Width)}
}

// result are the rows of h.
func (l *layer[T]) result() linear.View[T] { return linear.Rows(l.h, l.gate.out.Width) }

// Forward is part of mpnn.Layer.
func (l *layer[T]) Forward(g *mpnn.Graph[T], rows domain.Span, x, s, xnext, snext []T, _ []float64) {
	for b := rows.From; b < rows.To; b += block {
		l.messages(g, b, x, s)
		l.next(g, b, s, xnext)
		if snext != nil {
			l.skip.Forward(l.groups.Sort(g.Species[b:]), l.result(), linear.Rows(snext, l.skip.Out.Width).From(b), false)
		}
	}
}

// next makes the next layer's x of a block from this one's state.
func (l *layer[T]) next(g *mpnn.Graph[T], b int, s, xnext []T) {
	gateForward(&l.gate, s[b*l.gate.in.Width:], l.h)
	l.lin1.Forward(l.groups.Sort(g.Species[b:]), l.result(), linear.Rows(xnext, l.lin1.Out.Width).From(b), false)
}

// Restore is part of mpnn.Layer.
func (l *layer[T]) Restore(g *mpnn.Graph[T], rows domain.Span, s, xnext []T) {
	for b := rows.From; b < rows.To; b += block {
		l.next(g, b, s, xnext)
	}
}

// BackwardNodes is part of mpnn.Layer.
func (l *layer[T]) BackwardNodes(g *mpnn.Graph[T], s, gxnext, gsnext []T) {
	for b := 0; b < g.Padded; b += block {
		groups := l.groups.Sort(g.Species[b:])
		l.lin1.Backward(groups, linear.Rows(gxnext, l.lin1.Out.Width).From(b), l.result(), false)
		l.skip.Backward(groups, linear.Rows(gsnext, l.skip.Out.Width).From(b), l.result(), true)
		gateBackward(&l.gate, s[b*l.gate.in.Width:], l.h)
	}
}

// BackwardEdges is part of mpnn.Layer.
func (l *layer[T]) BackwardEdges(g *mpnn.Graph[T], rows domain.Span, s, x, gx []T, bonds *potential.Bonds) {
	for b := rows.From; b < rows.To; b += block {
		l.messagesBackward(g, b, s, x, gx, bonds)
	}
}

// head is one rank's instance of the last layer with the readout.
type head[T kernel.Float] struct {
	convolution[T]
	h, gh []T // gate output of a block, its gradient
	m     *Model
	rooms []float64 // of a multi-layer readout
}

func newHead[T kernel.Float](w *weights[T], m *Model) *head[T] {
	n := block * w.gate.out.Width
	h := &head[T]{convolution: newConvolution(w), h: make([]T, n), gh: make([]T, n), m: m}
	if m.dense != nil {
		h.rooms = m.dense.scratch()
	}
	return h
}

// Read is part of mpnn.Reader: out_i = scale·R(h), for each component of the output.
func (h *head[T]) Read(g *mpnn.Graph[T], x, s []T, out []float64) {
	w, n, dim := h.gate.in.Width, len(h.m.read), h.m.components()
	for b := 0; b < g.Padded; b += block {
		h.messages(g, b, x, s)
		gateForward(&h.gate, s[b*w:], h.h)
		for i := range min(block, g.N-b) {
			scale := h.m.scale[g.Species[b+i]]
			for c := range dim {
				sum := 0.0
				for u, v := range h.h[(i*dim+c)*n:][:n] {
					sum += h.m.read[u] * float64(v)
				}
				out[(b+i)*dim+c] = scale * sum
			}
		}
	}
}

// Turn is part of mpnn.Head.
func (h *head[T]) Turn(g *mpnn.Graph[T], rows domain.Span, x, s, gx []T, e []float64, bonds *potential.Bonds) {
	w := h.gate.in.Width
	for b := rows.From; b < rows.To; b += block {
		h.messages(g, b, x, s)
		gateForward(&h.gate, s[b*w:], h.h)
		h.readout(g, b, e)
		gateBackward(&h.gate, s[b*w:], h.gh)
		h.messagesBackward(g, b, s, x, gx, bonds)
	}
}

// readout adds E_i = scale·R(h) + shift to e, and sets the gradient of h.
func (h *head[T]) readout(g *mpnn.Graph[T], b int, e []float64) {
	n := h.gate.out.Width
	for i := range block {
		z := g.Species[b+i]
		row, grad := h.h[i*n:(i+1)*n], h.gh[i*n:(i+1)*n]
		sum := 0.0
		if d := h.m.dense; d != nil {
			sum = turn(d, h.m.scale[z], row, grad, h.rooms)
		} else {
			for u, r := range h.m.read {
				sum += r * float64(row[u])
				grad[u] = T(r * h.m.scale[z])
			}
		}
		if b+i < g.N {
			e[b+i] += sum*h.m.scale[z] + h.m.shift[z]
		}
	}
}
