// Package potential says what a potential is: something that gives the energy
// E_i of each owned atom and, as a stream, the gradients ∂E/∂r_ij of the total
// energy with respect to each edge vector r_ij = x_j − x_i. Nothing else:
// forces, virial and their sign are made from that stream by Bonds, here, once,
// for every potential.
//
// A potential sees no cell, no image and no rank. After the halo, an image is
// a row with a position; Frame.Home says which row holds its features.
package potential

import (
	"slices"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/neighbor"
)

// Exchanger is the halo as a potential may see it: a linear map P and its
// transpose. halo.Plan satisfies it. The maps are collective over neighbouring
// ranks, so every rank makes them in the same order, with or without atoms.
type Exchanger interface {
	// Forward copies the owners' rows to the ghosts that stand for them.
	Forward(domain.Rows) error
	// Reverse adds the ghosts' rows into their owners', in the order of the
	// peers. What stands in the ghost rows afterwards means nothing.
	Reverse(domain.Rows) error

	// StartForward begins Forward: of the owned rows, those in Frame.Interior are free,
	// the others are complete and stay as they are until Wait, which ends it.
	StartForward(domain.Rows) error
	// StartReverse begins Reverse: the ghosts' rows are complete and stay as they
	// are until Wait, which then adds to the owned rows.
	StartReverse(domain.Rows) error
	// Poll, called now and then between a start and its Wait, lets messages move.
	Poll() error
	Wait() error
}

// Frame is all that a potential may know of one rank's atoms at one step.
type Frame struct {
	N       int            // owned atoms: rows 0 … N−1
	Rows    int            // feature rows: owned, padding, ghosts of other ranks
	Species []int32        // atomic number by position row
	ID      []int64        // atom number by position row, for messages
	X       [][3]float64   // Å, by position row
	List    *neighbor.List // neighbours of the owned atoms, by position row
	Home    []int32        // position row → feature row
	Halo    Exchanger
	// Interior is runs of whole blocks of rows, rising, whose atoms are no ghosts of
	// other ranks and have none as neighbours. Where it is empty nothing can be
	// computed while features travel.
	Interior []domain.Span
}

// Result is what Compute fills: Energy[i] is set for each owned atom (eV), and
// every edge gradient is added to Bonds.
type Result struct {
	Energy []float64
	Bonds  *Bonds
}

// Potential is one rank's evaluator: it may keep scratch between calls, and is
// used by one goroutine. Weights are shared between the ranks of a process.
type Potential interface {
	// Cutoff is the distance in Å at and beyond which two atoms share no edge.
	Cutoff() float64
	// Supports reports whether the element of atomic number z is known.
	Supports(z int) bool
	// Compute evaluates one frame. It is collective when the potential
	// exchanges features.
	Compute(*Frame, *Result) error
}

// Group is the group of rotations under which a potential is invariant.
type Group int

// O3 has rotations and inversion, SO3 proper rotations only: models trained
// without parity may give mirror images different energies. NoGroup is that of
// energies that change when the system is turned.
const (
	O3 Group = iota
	SO3
	NoGroup
)

// Symmetric is implemented by potentials whose group is not O(3).
type Symmetric interface{ Group() Group }

// GroupOf is p's group: O3 unless p says otherwise.
func GroupOf(p Potential) Group {
	if s, ok := p.(Symmetric); ok {
		return s.Group()
	}
	return O3
}

// Whole is implemented by potentials that see a molecule as a whole and are no sums
// over local environments. Admits is asked before atoms are dealt out, and refuses what
// the potential cannot serve with a RefusedError, the same on all ranks.
type Whole interface {
	Admits(periodic [3]bool, ranks int) error
}

// RefusedError says that a potential cannot serve a system, and why.
type RefusedError struct{ Text string }

func (e *RefusedError) Error() string { return e.Text }

// Weights are named tensors of a checkpoint; io/torch and io/model provide them, a
// model family reads them. ok is false when there is no such tensor.
type Weights interface {
	Tensor(name string) (shape []int, data []float32, ok bool)
	Names() []string
}

// Tensor64 is a tensor in double precision, in memory of its own: w's Tensor64 where it
// has such a method, else what Tensor gives.
func Tensor64(w Weights, name string) (shape []int, data []float64, ok bool) {
	if d, is := w.(interface {
		Tensor64(name string) (shape []int, data []float64, ok bool)
	}); is {
		shape, data, ok = d.Tensor64(name)
		return shape, slices.Clone(data), ok
	}
	shape, single, ok := w.Tensor(name)
	for _, v := range single {
		data = append(data, float64(v))
	}
	return shape, data, ok
}
