package mpnn

import (
	"errors"
	"time"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/invariant"
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
	// Memory says what is kept for the backward sweep; the same on all ranks.
	Memory Memory
	// Times adds up where Compute spends its time.
	Times Times
	// Near tells of edges too short for the radial tables, in all calls.
	Near NearEdges

	model  *Model[T]
	layers []Layer[T]
	head   Head[T]
	graph  Graph[T]
	calls  int64
	x, gx  []T
	states states[T] // of the layers
	top    []T       // state of the head
	widths []int     // of the layers' states
	ghosts [][]T     // rows of x_t that came from other ranks
}

// Times are wall times of the stages of Compute.
type Times struct{ Graph, Forward, Head, Backward, Exchange time.Duration }

// New makes one rank's evaluator.
func New[T Float](m *Model[T]) *Network[T] {
	n := &Network[T]{model: m}
	n.layers, n.head = m.New()
	for _, l := range n.layers {
		n.widths = append(n.widths, l.StateWidth())
	}
	n.ghosts = make([][]T, len(n.layers))
	return n
}

// Cutoff is part of potential.Potential.
func (n *Network[T]) Cutoff() float64 { return n.model.Cutoff }

// Supports is part of potential.Potential.
func (n *Network[T]) Supports(z int) bool { return n.model.Supports(z) }

// Group is part of potential.Symmetric.
func (n *Network[T]) Group() potential.Group { return n.model.Group }

// Work is the model's.
func (n *Network[T]) Work() Work { return n.model.Work }

// Compute is part of potential.Potential. It is collective.
func (n *Network[T]) Compute(f *potential.Frame, r *potential.Result) error {
	if n.model.Components > 0 {
		return errors.New("mpnn: the model gives a tensor, not an energy")
	}
	return n.pass(f, r, nil)
}

// Components is part of potential.Tensorial.
func (n *Network[T]) Components() int { return n.model.Components }

// Outputs is part of potential.Tensorial. It is collective.
func (n *Network[T]) Outputs(f *potential.Frame, out []float64) error {
	clock := time.Now()
	if err := n.begin(f); err != nil {
		return err
	}
	lap(&clock, &n.Times.Graph)
	x, _, err := n.sweep(f, &potential.Result{}, len(n.layers), &clock)
	if err != nil {
		return err
	}
	n.head.(Reader[T]).Read(&n.graph, x, n.top, out)
	lap(&clock, &n.Times.Head)
	return nil
}

// Learn adds Σ_i weight_i ∂E_i/∂θ to the gradients that the layers, which are all
// Learners, keep of their weights θ; of a tensor weight has a number for each component
// of each atom. It writes the energies to e, of a tensor nothing, and is collective.
func (n *Network[T]) Learn(f *potential.Frame, weight, e []float64) error {
	return n.pass(f, &potential.Result{Energy: e}, weight)
}

// pass goes forward and back; without weight it makes edge gradients, with it those
// of the weights.
func (n *Network[T]) pass(f *potential.Frame, r *potential.Result, weight []float64) error {
	clock := time.Now()
	if err := n.begin(f); err != nil {
		return err
	}
	if n.model.Components == 0 {
		clear(r.Energy[:f.N])
	}
	lap(&clock, &n.Times.Graph)
	g, last := &n.graph, len(n.layers)

	x, gx, err := n.sweep(f, r, last, &clock)
	if err != nil {
		return err
	}
	w := n.head.Width()
	clear(gx[:g.Rows*w])
	err = n.phase(f, &clock, &n.Times.Head, homeward, n.rows(gx, w), func(rows domain.Span) {
		if weight == nil {
			n.head.Turn(g, rows, x, n.top, gx, r.Energy, r.Bonds)
		} else {
			n.head.(Learner[T]).Learn(g, rows, x, n.top, gx, weight)
		}
	})
	if err != nil {
		return err
	}

	for t := last - 1; t >= 0; t-- {
		layer, w := n.layers[t], n.layers[t].Width()
		s := n.states.of(t)
		if weight == nil {
			layer.BackwardNodes(g, s, gx, n.state(t+1))
		} else {
			layer.(NodeLearner[T]).LearnNodes(g, s, gx, n.state(t+1))
		}
		if t+1 < last {
			n.states.drop(t + 1)
		}
		lap(&clock, &n.Times.Backward)
		if t > 0 {
			if x, gx, err = n.restore(f, t, x, gx, &clock); err != nil {
				return err
			}
		}
		x, gx := x, gx // of this turn: closures then leave them where they are
		clear(gx[:g.Rows*w])
		err := n.phase(f, &clock, &n.Times.Backward, homeward, n.rows(gx, w), func(rows domain.Span) {
			if weight == nil {
				layer.BackwardEdges(g, rows, s, x, gx, r.Bonds)
			} else {
				layer.(Learner[T]).Learn(g, rows, x, s, gx, nil)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// state is that of layer t, or the head's.
func (n *Network[T]) state(t int) []T {
	if t == len(n.layers) {
		return n.top
	}
	return n.states.of(t)
}

// sweep runs the first layers forward from the species on: x is then x_layers, with the
// ghosts' rows, and other the free one of the two buffers. In the backward sweep
// r is nil: nothing is read out, and the last layer's successor is not wanted.
func (n *Network[T]) sweep(f *potential.Frame, r *potential.Result, layers int, clock *time.Time) (x, other []T, err error) {
	x, other = n.x, n.gx
	d, again := &n.Times.Forward, r == nil
	var e []float64
	if again {
		d = &n.Times.Backward
	} else {
		e = r.Energy
	}
	if layers > 0 {
		n.states.place(0)
	}
	for t, layer := range n.layers[:layers] {
		s := n.states.of(t)
		var next []T
		switch {
		case t+1 == len(n.layers):
			next = n.top
		case t+1 < layers:
			next = n.states.place(t + 1)
		}
		from, to := x, other
		err := n.records(f, t+1, to, again, clock, d, func(rows domain.Span) {
			layer.Forward(&n.graph, rows, from, s, to, next, e)
		})
		if err != nil {
			return nil, nil, err
		}
		if n.Trace != nil && !again {
			n.Trace(t, to, next)
		}
		x, other = to, from
	}
	return x, other, nil
}

// restore makes x_t again, and the state of layer t−1 where it was not kept.
func (n *Network[T]) restore(f *potential.Frame, t int, x, gx []T, clock *time.Time) (x2, gx2 []T, err error) {
	if !n.states.has(t - 1) {
		return n.sweep(f, nil, t, clock)
	}
	s := n.states.of(t - 1)
	err = n.records(f, t, x, true, clock, &n.Times.Backward, func(rows domain.Span) {
		n.layers[t-1].Restore(&n.graph, rows, s, x)
	})
	return x, gx, err
}

// records makes the records x_t, owned rows by do, and the ghosts' by the exchange, or,
// again, as they were kept.
func (n *Network[T]) records(f *potential.Frame, t int, x []T, again bool, clock *time.Time, d *time.Duration, do func(domain.Span)) error {
	w := n.head.Width()
	if t < len(n.layers) {
		w = n.layers[t].Width()
	}
	invariant.Poison(x[:n.graph.Padded*w])
	kept := n.Memory != Low && t < len(n.layers)
	if kept && again {
		do(domain.Span{To: n.graph.Padded})
		lap(clock, d)
		copy(n.ghostRows(t, x), n.ghosts[t])
		lap(clock, &n.Times.Exchange)
		return nil
	}
	if err := n.phase(f, clock, d, outward, n.rows(x, w), do); err != nil {
		return err
	}
	if kept {
		copy(n.ghosts[t], n.ghostRows(t, x))
		lap(clock, &n.Times.Exchange)
	}
	return nil
}

// direction is which way features travel: outward to the ghosts, homeward their gradients.
type direction bool

const (
	outward  direction = true
	homeward direction = false
)

// pollEvery is after how many blocks of rows messages are looked after: some ms.
const pollEvery = 16

// phase does work on the owned rows that ends with an exchange of r: first the rows
// that other ranks wait for, then, while features travel, the interior. Nothing travels
// where rows have no width: the first layer's input is the species, and ghosts know theirs.
func (n *Network[T]) phase(f *potential.Frame, clock *time.Time, d *time.Duration, way direction, r domain.Rows, do func(domain.Span)) error {
	defer func() { lap(clock, &n.Times.Exchange) }()
	if r.Width == 0 {
		do(domain.Span{To: n.graph.Padded})
		lap(clock, d)
		return nil
	}
	border(f.Interior, n.graph.Padded, do)
	lap(clock, d)
	start := f.Halo.StartForward
	if way == homeward {
		start = f.Halo.StartReverse
	}
	if err := start(r); err != nil {
		return err
	}
	lap(clock, &n.Times.Exchange)
	blocks := 0
	for _, s := range f.Interior {
		for at := s.From; at < s.To; {
			to := min(at+(pollEvery-blocks)*domain.Block, s.To)
			do(domain.Span{From: at, To: to})
			blocks += (to - at) / domain.Block
			if at = to; blocks < pollEvery {
				continue
			}
			blocks = 0
			lap(clock, d)
			if err := f.Halo.Poll(); err != nil {
				return err
			}
			lap(clock, &n.Times.Exchange)
		}
	}
	lap(clock, d)
	return f.Halo.Wait()
}

// border calls do for the rows below end that are not in the interior.
func border(interior []domain.Span, end int, do func(domain.Span)) {
	at := 0
	for _, s := range interior {
		if s.From > at {
			do(domain.Span{From: at, To: s.From})
		}
		at = s.To
	}
	if end > at {
		do(domain.Span{From: at, To: end})
	}
}

// begin makes the edges of a frame, and room.
func (n *Network[T]) begin(f *potential.Frame) error {
	if err := n.graph.build(f, n.model, n.Memory != Low); err != nil {
		return err
	}
	n.noteNear()
	n.resize()
	return nil
}

// noteNear keeps the first call with edges that are too short for the tables.
func (n *Network[T]) noteNear() {
	n.calls++
	now := n.graph.near
	if now.Count == 0 {
		return
	}
	now.Call = n.calls
	if n.Near.Count > 0 {
		n.Near.Count += now.Count
		return
	}
	n.Near = now
}

// Calls is the number of calls of Compute.
func (n *Network[T]) Calls() int64 { return n.calls }

// lap adds the time since the last lap to d.
func lap(clock *time.Time, d *time.Duration) {
	now := time.Now()
	*d += now.Sub(*clock)
	*clock = now
}

// resize makes room for the graph's rows.
func (n *Network[T]) resize() {
	g := &n.graph
	w, most := n.head.Width(), 0
	for t, l := range n.layers {
		w = max(w, l.Width())
		most = max(most, n.widths[t])
		if n.Memory != Low {
			fresh(&n.ghosts[t], (g.Rows-g.Padded)*l.Width())
		}
	}
	n.states.resize(buffers(n.Memory, n.widths), g.Padded*most, len(n.layers))
	fresh(&n.top, g.Padded*n.head.StateWidth())
	fresh(&n.x, g.Rows*w)
	fresh(&n.gx, g.Rows*w)
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

// ghostRows are the rows of x_t that come from other ranks.
func (n *Network[T]) ghostRows(t int, x []T) []T {
	w := n.layers[t].Width()
	return x[n.graph.Padded*w : n.graph.Rows*w]
}
