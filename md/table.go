package md

import (
	"errors"
	"io"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
)

// Fields says which columns travel in ByID and Gather.
type Fields struct{ Species, X, V, F, Image, Energy bool }

// Table is atoms in the order of their IDs; columns that were not asked for
// are nil.
type Table struct {
	ID      []int64
	Species []int32
	X, V, F [][3]float64 // Å, Å/(Å·√(amu/eV)), eV/Å
	Image   [][3]int32
	Energy  []float64 // eV
}

// Redistributor sends atoms from their bricks to the ranks by ID, so that they
// can be written in order without any rank holding all of them. It keeps its
// buffers; one per rank. Atoms with F, and energies, may be of an Evaluator
// (Atoms and Energy) or of a Snapshot (then without F and Energy).
type Redistributor struct {
	Comm       comm.Comm
	send, recv []byte
}

// ByID is collective. Each rank returns with a contiguous range of IDs, in
// order, rank 0 with the first.
func (r *Redistributor) ByID(a *domain.Atoms, energy []float64, f Fields) (*Table, error) {
	return nil, errors.New("md: not yet")
}

// Gather is collective. Rank 0 returns with all atoms in the order of their
// IDs, the others with an empty table.
func (r *Redistributor) Gather(a *domain.Atoms, energy []float64, f Fields) (*Table, error) {
	return nil, errors.New("md: not yet")
}

// WriteInOrder is collective. It writes the ranks' parts to w on rank 0, in
// the order of the ranks, holding a bounded piece of one at a time; w is used
// on rank 0 only and may be nil elsewhere. An error of w is returned on every
// rank.
func (r *Redistributor) WriteInOrder(w io.Writer, part []byte) error {
	return errors.New("md: not yet")
}
