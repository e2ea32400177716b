package mpnn

import (
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/potential"
)

// Float is the precision of features and weights.
type Float = kernel.Float

// Layer is one message-passing layer with the node maps up to the next
// exchange. Records stand in rows, row i at [i·width, (i+1)·width); owned rows
// are padded to a multiple of domain.Block and a layer may work on whole
// blocks. The rows that a method is given are owned ones, whole blocks; all of a sweep are
// given, in several calls and in an order that the layer must not rely on. A Layer has
// scratch and serves one goroutine; weights are shared.
//
// The first layer, or the head when there is no layer, knows its input from the
// species: its Width is 0, and it sets its own state before it adds to it.
type Layer[T Float] interface {
	// Width is the length of the records x that the layer reads from
	// neighbours, StateWidth that of its state s.
	Width() int
	StateWidth() int
	// Forward reads x (every feature row) and s, completes s, and writes these
	// rows of the next layer's xnext and snext. What the layer reads out
	// of the energy (eV) is added to e. When a layer is run again in the backward
	// sweep e is nil, and snext too where it is not wanted. snext may be the memory
	// of s, where the two are of one width: a block's state is then gone as soon as
	// its successor is written.
	Forward(g *Graph[T], rows domain.Span, x, s, xnext, snext []T, e []float64)
	// Restore writes these rows of xnext again, from s.
	Restore(g *Graph[T], rows domain.Span, s, xnext []T)
	// BackwardNodes overwrites s by ∂E/∂s, given the gradients of xnext
	// (owned rows, complete) and snext.
	BackwardNodes(g *Graph[T], s, gxnext, gsnext []T)
	// BackwardEdges reads ∂E/∂s of these rows and x (every feature row), adds ∂E/∂x
	// to the neighbours' rows of gx, and gives the edge gradients of this layer to b.
	BackwardEdges(g *Graph[T], rows domain.Span, s, x, gx []T, b *potential.Bonds)
}

// Head is the last layer: forward, energy and backward in one sweep.
type Head[T Float] interface {
	Width() int
	StateWidth() int
	// Turn adds the atomic energies (eV) of these rows to e, overwrites s by ∂E/∂s,
	// adds ∂E/∂x to the neighbours' rows of gx, and gives its edge gradients to b.
	Turn(g *Graph[T], rows domain.Span, x, s, gx []T, e []float64, b *potential.Bonds)
}

// Reader is a Head that gives a tensor of each atom and no energy.
type Reader[T Float] interface {
	// Read completes s and sets out, for each owned atom the model's Components.
	Read(g *Graph[T], x, s []T, out []float64)
}

// Learner is a Layer or Head that can be trained: its backward sweep gives the
// gradients of its weights, which it keeps and adds to, instead of edge gradients.
type Learner[T Float] interface {
	// Learn stands for BackwardEdges: it reads ∂E/∂s and x and adds ∂E/∂x to
	// gx. Of a Head it stands for Turn, E being Σ_i weight_i E_i over the owned
	// atoms, or over their components.
	Learn(g *Graph[T], rows domain.Span, x, s, gx []T, weight []float64)
}

// NodeLearner is a Layer that can be trained.
type NodeLearner[T Float] interface {
	Learner[T]
	// LearnNodes stands for BackwardNodes.
	LearnNodes(g *Graph[T], s, gxnext, gsnext []T)
}

// Model is what all ranks of a process share; it does not change.
type Model[T Float] struct {
	Cutoff  float64         // Å
	Near    float64         // Å; edges shorter than this come first in each batch
	LMax    int             // harmonics 0 … LMax are made for each edge
	Unit    bool            // of the unit vector; else the polynomials of r_ij itself
	Species []int32         // the model's species index by atomic number, −1 where unknown
	Group   potential.Group // under which the energy is invariant
	// Components is how many numbers the head gives of each atom instead of an energy;
	// 0: it gives an energy.
	Components int
	Work       Work // of one evaluation; zero where nobody counted
	// New makes the layers for one rank: shared weights, own scratch.
	New func() ([]Layer[T], Head[T])
}

// Work counts the useful floating-point operations of an evaluation by the stages
// of Times; what is computed again to save memory is not counted.
type Work struct{ Forward, Head, Backward Flops }

// Flops are operations for each owned atom and for each of its edges, a
// multiply-add being two.
type Flops struct{ Atom, Edge float64 }

// Of is the number of operations for so many atoms and edges in all.
func (f Flops) Of(atoms, edges float64) float64 { return f.Atom*atoms + f.Edge*edges }

// Supports reports whether the model knows the element of atomic number z.
func (m *Model[T]) Supports(z int) bool {
	return z >= 0 && z < len(m.Species) && m.Species[z] >= 0
}
