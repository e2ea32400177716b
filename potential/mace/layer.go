package mace

import (
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/linear"
	"github.com/wigner-md/wigner/potential/mpnn"
)

// layer is one rank's instance of a layer.
type layer[T kernel.Float] struct{ *core[T] }

func newLayer[T kernel.Float](w *weights[T]) *layer[T] { return &layer[T]{newCore(w)} }

// Forward is part of mpnn.Layer.
func (l *layer[T]) Forward(g *mpnn.Graph[T], rows domain.Span, x, s, xnext, snext []T, e []float64) {
	l.begin(g)
	for b := rows.From; b < rows.To; b += block {
		p := l.parts(s, b)
		l.messages(g, b, x, p, e)
		l.finish(g, b, p, xnext, snext, e)
	}
}

// finish makes of a block's state what goes to the next layer, and reads it out.
func (l *layer[T]) finish(g *mpnn.Graph[T], b int, p parts[T], xnext, snext []T, e []float64) {
	l.makeResult(g, b, p)
	if l.read != nil && e != nil {
		l.read.energy(l.result(), owned(g, b, e), linear.View[T]{})
	}
	l.send(b, xnext)
	if snext == nil {
		return
	}
	w := l.next.width
	if l.skip != nil {
		l.skip.Forward(l.groups.Sort(g.Species[b:]), l.result(), part(snext, b, w, l.next.sc), false)
	}
	if l.res != nil {
		l.res.Forward(nil, l.sent(b, xnext), part(snext, b, w, l.next.r), false)
	}
}

// owned are the energies of the owned atoms of a block.
func owned[T kernel.Float](g *mpnn.Graph[T], b int, e []float64) []float64 {
	if e == nil || b >= g.N {
		return nil
	}
	return e[b:min(b+block, g.N)]
}

// result is the block's x'.
func (l *layer[T]) result() linear.View[T] { return linear.Rows(l.x, l.scWidth) }

// sent are the block's records that travel.
func (l *layer[T]) sent(b int, xnext []T) linear.View[T] {
	return linear.Rows(xnext, l.up.Out.Width).From(b)
}

func (l *layer[T]) send(b int, xnext []T) {
	l.up.Forward(nil, l.result(), l.sent(b, xnext), false)
}

// Restore is part of mpnn.Layer.
func (l *layer[T]) Restore(g *mpnn.Graph[T], rows domain.Span, s, xnext []T) {
	for b := rows.From; b < rows.To; b += block {
		l.makeResult(g, b, l.parts(s, b))
		l.send(b, xnext)
	}
}

// BackwardNodes is part of mpnn.Layer.
func (l *layer[T]) BackwardNodes(g *mpnn.Graph[T], s, gxnext, gsnext []T) {
	for b := 0; b < g.Padded; b += block {
		l.nodes(g, b, l.parts(s, b), gxnext, gsnext)
	}
}

// nodes takes the gradients of a block's successors back to its state.
func (l *layer[T]) nodes(g *mpnn.Graph[T], b int, p parts[T], gxnext, gsnext []T) {
	w, gx, sent := l.next.width, linear.Rows(l.gx, l.scWidth), l.sent(b, gxnext)
	if l.res != nil {
		l.res.Backward(nil, part(gsnext, b, w, l.next.r), sent, true)
	}
	l.up.Backward(nil, sent, gx, false)
	if l.skip != nil {
		l.skip.Backward(l.groups.Sort(g.Species[b:]), part(gsnext, b, w, l.next.sc), gx, true)
	}
	if l.read != nil {
		if l.read.linear == nil {
			l.makeResult(g, b, p)
		}
		l.read.energy(l.result(), nil, gx)
	}
	l.productBackward(g, b, p)
}

// BackwardEdges is part of mpnn.Layer.
func (l *layer[T]) BackwardEdges(g *mpnn.Graph[T], rows domain.Span, s, x, gx []T, bonds *potential.Bonds) {
	for b := rows.From; b < rows.To; b += block {
		l.messagesBackward(g, b, x, gx, l.parts(s, b), bonds)
	}
}

// lean is a first layer that keeps no state: what the contraction takes depends on
// positions and species alone, and is made again, block by block, in the backward
// sweep. The gradients of its successors stay in their places until then, since a first
// layer has no gradient of its own records.
type lean[T kernel.Float] struct {
	layer[T]
	y, density     []T
	gxnext, gsnext []T
}

func newLean[T kernel.Float](w *weights[T]) *lean[T] {
	return &lean[T]{layer: layer[T]{newCore(w)}, y: kernel.Make[T](block * w.yWidth), density: make([]T, 2*block)}
}

// again makes the state of a block.
func (l *lean[T]) again(g *mpnn.Graph[T], b int, e []float64) parts[T] {
	p := parts[T]{y: linear.Rows(l.y, l.yWidth), density: linear.Rows(l.density, 2)}
	l.messages(g, b, nil, p, e)
	return p
}

// Forward is part of mpnn.Layer.
func (l *lean[T]) Forward(g *mpnn.Graph[T], rows domain.Span, _, _, xnext, snext []T, e []float64) {
	l.begin(g)
	for b := rows.From; b < rows.To; b += block {
		l.finish(g, b, l.again(g, b, e), xnext, snext, e)
	}
}

// Restore is part of mpnn.Layer.
func (l *lean[T]) Restore(g *mpnn.Graph[T], rows domain.Span, _, xnext []T) {
	for b := rows.From; b < rows.To; b += block {
		l.makeResult(g, b, l.again(g, b, nil))
		l.send(b, xnext)
	}
}

// BackwardNodes is part of mpnn.Layer.
func (l *lean[T]) BackwardNodes(_ *mpnn.Graph[T], _, gxnext, gsnext []T) {
	l.gxnext, l.gsnext = gxnext, gsnext
}

// BackwardEdges is part of mpnn.Layer.
func (l *lean[T]) BackwardEdges(g *mpnn.Graph[T], rows domain.Span, _, _, _ []T, bonds *potential.Bonds) {
	for b := rows.From; b < rows.To; b += block {
		p := l.again(g, b, nil)
		l.nodes(g, b, p, l.gxnext, l.gsnext)
		l.messagesBackward(g, b, nil, nil, p, bonds)
	}
}

// head is one rank's instance of the last layer with the readout. It keeps the input of
// the contraction for one block only.
type head[T kernel.Float] struct {
	*core[T]
	y, density []T
}

func newHead[T kernel.Float](w *weights[T]) *head[T] {
	return &head[T]{newCore(w), kernel.Make[T](block * w.yWidth), make([]T, 2*block)}
}

// Turn is part of mpnn.Head.
func (h *head[T]) Turn(g *mpnn.Graph[T], rows domain.Span, x, s, gx []T, e []float64, bonds *potential.Bonds) {
	h.begin(g)
	n := h.scWidth
	for b := rows.From; b < rows.To; b += block {
		p := h.parts(s, b)
		p.y, p.density = linear.Rows(h.y, h.yWidth), linear.Rows(h.density, 2)
		h.messages(g, b, x, p, e)
		h.makeResult(g, b, p)
		clear(h.core.gx)
		h.read.energy(linear.Rows(h.x, n), owned(g, b, e), linear.Rows(h.core.gx, n))
		for i := b; i < min(b+block, g.N); i++ {
			e[i] += h.energies[g.Species[i]]
		}
		h.productBackward(g, b, p)
		h.messagesBackward(g, b, x, gx, p, bonds)
	}
}
