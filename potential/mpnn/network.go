package mpnn

import (
	"time"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/potential"
)

// Network evaluates a model on one rank. It implements potential.Potential and
// keeps its buffers from call to call: after the first step, and as long as the
// rank has no more atoms and edges than before, Compute does not allocate.
type Network[T Float] struct {
	// Trace, unless nil, is called in the forward sweep after layer t with
	// the records that it wrote, owned rows valid: x_t+1 and s_t+1 (a layer's
	// state before the messages of its own layer are added). For tests.
	Trace func(t int, x, s []T)
	// Times adds up where Compute spends its time.
	Times Times

	model  *Model[T]
	layers []Layer[T]
	head   Head[T]
	graph  Graph[T]
	x, gx  []T
	s      [][]T // state of each layer, the head's last
	ghosts [][]T // rows of x_t that came from other ranks
}

// Times are wall times of the stages of Compute.
type Times struct{ Graph, Forward, Head, Backward, Exchange time.Duration }

// New makes one rank's evaluator.
func New[T Float](m *Model[T]) *Network[T] {
	n := &Network[T]{model: m}
	n.layers, n.head = m.New()
	n.s = make([][]T, len(n.layers)+1)
	n.ghosts = make([][]T, len(n.layers))
	return n
}

// Cutoff is part of potential.Potential.
func (n *Network[T]) Cutoff() float64 { return n.model.Cutoff }

// Supports is part of potential.Potential.
func (n *Network[T]) Supports(z int) bool { return n.model.Supports(z) }

// Group is part of potential.Symmetric.
func (n *Network[T]) Group() potential.Group { return n.model.Group }

// Compute is part of potential.Potential. It is collective.
func (n *Network[T]) Compute(f *potential.Frame, r *potential.Result) error {
	clock := time.Now()
	if err := n.graph.build(f, n.model); err != nil {
		return err
	}
	n.resize()
	clear(r.Energy[:f.N])
	lap(&clock, &n.Times.Graph)
	g, last := &n.graph, len(n.layers)

	x, next := n.x, n.gx
	for t, layer := range n.layers {
		if err := n.forward(f, x, layer.Width()); err != nil {
			return err
		}
		n.keep(t, x)
		lap(&clock, &n.Times.Exchange)
		layer.Forward(g, x, n.s[t], next, n.s[t+1], r.Energy)
		if n.Trace != nil {
			n.Trace(t, next, n.s[t+1])
		}
		x, next = next, x
		lap(&clock, &n.Times.Forward)
	}

	gx, w := next, n.head.Width()
	if err := n.forward(f, x, w); err != nil {
		return err
	}
	lap(&clock, &n.Times.Exchange)
	clear(gx[:g.Rows*w])
	n.head.Turn(g, x, n.s[last], gx, r.Energy, r.Bonds)
	lap(&clock, &n.Times.Head)
	if err := n.reverse(f, gx, w); err != nil {
		return err
	}
	lap(&clock, &n.Times.Exchange)

	for t := last - 1; t >= 0; t-- {
		layer, w := n.layers[t], n.layers[t].Width()
		layer.BackwardNodes(g, n.s[t], gx, n.s[t+1])
		if t > 0 {
			n.layers[t-1].Restore(g, n.s[t-1], x)
		}
		n.recall(t, x)
		clear(gx[:g.Rows*w])
		layer.BackwardEdges(g, n.s[t], x, gx, r.Bonds)
		lap(&clock, &n.Times.Backward)
		if err := n.reverse(f, gx, w); err != nil {
			return err
		}
		lap(&clock, &n.Times.Exchange)
	}
	return nil
}

// forward gives the ghosts their records of x, reverse returns the gradients
// that have come together in theirs. The first layer's records have no width:
// its input is the species, and ghosts know theirs.
func (n *Network[T]) forward(f *potential.Frame, x []T, width int) error {
	if width == 0 {
		return nil
	}
	return f.Halo.Forward(n.rows(x, width))
}

func (n *Network[T]) reverse(f *potential.Frame, gx []T, width int) error {
	if width == 0 {
		return nil
	}
	return f.Halo.Reverse(n.rows(gx, width))
}

// lap adds the time since the last lap to d.
func lap(clock *time.Time, d *time.Duration) {
	now := time.Now()
	*d += now.Sub(*clock)
	*clock = now
}

// resize makes room for the graph's rows.
func (n *Network[T]) resize() {
	g := &n.graph
	w := n.head.Width()
	for t, l := range n.layers {
		w = max(w, l.Width())
		n.s[t] = grow(n.s[t], g.Padded*l.StateWidth())
		n.ghosts[t] = grow(n.ghosts[t], (g.Rows-g.Padded)*l.Width())
	}
	n.s[len(n.layers)] = grow(n.s[len(n.layers)], g.Padded*n.head.StateWidth())
	n.x, n.gx = grow(n.x, g.Rows*w), grow(n.gx, g.Rows*w)
}

// rows views a buffer as the halo wants it.
func (n *Network[T]) rows(x []T, width int) domain.Rows {
	x = x[:n.graph.Rows*width]
	switch x := any(x).(type) {
	case []float32:
		return domain.Rows{Width: width, F32: x}
	case []float64:
		return domain.Rows{Width: width, F64: x}
	}
	panic("mpnn: precision without rows")
}

// keep saves the ghosts' rows of x_t; recall puts them back.
func (n *Network[T]) keep(t int, x []T)   { copy(n.ghosts[t], n.ghostRows(t, x)) }
func (n *Network[T]) recall(t int, x []T) { copy(n.ghostRows(t, x), n.ghosts[t]) }

func (n *Network[T]) ghostRows(t int, x []T) []T {
	w := n.layers[t].Width()
	return x[n.graph.Padded*w : n.graph.Rows*w]
}
