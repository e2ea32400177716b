package md

import (
	"errors"
	"fmt"
	"math"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/neighbor"
)

// Guard says what an Evaluator refuses. The zero value is the default.
type Guard struct {
	MaxForce float64 // eV/Å on one atom; 0: 1000; +Inf: any
}

func (g Guard) maxForce() float64 {
	if g.MaxForce == 0 {
		return 1000
	}
	return g.MaxForce
}

// Kind is what a guard met.
type Kind int

// The kinds, the graver the later: ranks report the gravest.
const (
	None        Kind = iota
	AbsurdForce      // a force above Guard.MaxForce
	SamePlace        // two atoms within neighbor.SamePlace
	NotFinite        // NaN or infinity in a position, energy or force
	LostAtoms        // the number of atoms, or the sum of their IDs, has changed
	BrokenCell       // the cell has collapsed, burst or turned inside out
	Bottomless       // the energy falls without end; found by relax
)

func (k Kind) String() string {
	return [...]string{
		"no trouble",
		"absurd force",
		"atoms on the same place",
		"NaN or infinity in positions, energies or forces",
		"lost atoms",
		"the cell breaks",
		"the energy falls without end",
	}[k]
}

// TroubleError is what a guard found. It is the same on every rank. Sim.LastGood
// has the last frame before it.
type TroubleError struct {
	Kind Kind
	Step int64   // of the evaluation that showed it; −1 outside a Sim
	IDs  []int64 // atoms concerned, ascending; at most 8
	// Of an AbsurdForce: the largest, eV/Å, on which atom, and what Guard allows.
	Force, Limit float64
	Atom         int64
	Extra        string
}

func (t *TroubleError) Error() string {
	s := "md: " + t.Kind.String()
	if t.Step >= 0 {
		s += fmt.Sprintf(" in step %d", t.Step)
	}
	if len(t.IDs) > 0 {
		s += fmt.Sprintf(", atoms %d", t.IDs)
	}
	if t.Kind == AbsurdForce && t.Force > 0 {
		s += fmt.Sprintf(": %.4g eV/Å on atom %d, the limit is %g", t.Force, t.Atom, t.Limit)
	}
	return s + t.Extra
}

// maxIDs bounds the list of atoms in an error.
const maxIDs = 8

// trouble is what this rank has met and not yet told the others.
type trouble struct {
	kind Kind
	mark int64 // of the evaluation that showed it first
	n    int
	ids  [maxIDs]int64
	// The largest absurd force, squared, and the atom it acts on.
	force2 float64
	atom   int64
}

func (e *Evaluator) found(k Kind, id int64) {
	t := &e.trouble
	if t.kind != None && t.mark < e.mark {
		return
	}
	t.mark = e.mark
	if k > t.kind {
		t.kind, t.n, t.force2 = k, 0, 0
	}
	if k < t.kind || t.n == maxIDs {
		return
	}
	for _, have := range t.ids[:t.n] {
		if have == id {
			return
		}
	}
	t.ids[t.n] = id
	t.n++
}

// larger notes an absurd force of the evaluation at hand, where no earlier or graver
// trouble is known.
func (t *trouble) larger(mark int64, force2 float64, id int64) {
	if t.kind == AbsurdForce && t.mark == mark && force2 > t.force2 {
		t.force2, t.atom = force2, id
	}
}

// watch looks at the results of the owned atoms.
func (e *Evaluator) watch() {
	limit := e.Guard.maxForce()
	limit *= limit
	for i, f := range e.Atoms.F[:e.Atoms.N] {
		f2 := f[0]*f[0] + f[1]*f[1] + f[2]*f[2]
		switch {
		case math.IsNaN(f2) || math.IsInf(f2, 0) || math.IsNaN(e.Energy[i]) || math.IsInf(e.Energy[i], 0):
			e.found(NotFinite, e.Atoms.ID[i])
		case f2 > limit:
			e.found(AbsurdForce, e.Atoms.ID[i])
			e.trouble.larger(e.mark, f2, e.Atoms.ID[i])
		}
	}
}

// Check is collective: it returns the trouble that any rank found in the last
// evaluation, on every rank. Evaluate and Totals call it anyway.
func (e *Evaluator) Check() error {
	e.flags = [4]float64{1: float64(e.trouble.kind)}
	if err := e.Comm.Allreduce(e.flags[:], comm.Max); err != nil {
		return err
	}
	if e.flags[1] > 0 {
		return e.report()
	}
	return nil
}

// report is collective: it makes the same error of all ranks' troubles, the
// earliest step first and in it the gravest.
func (e *Evaluator) report() error {
	t := e.trouble
	first := []int64{math.MaxInt64}
	if t.kind != None {
		first[0] = t.mark
	}
	if err := e.Comm.AllreduceInt(first, comm.Min); err != nil {
		return err
	}
	gravest := []int64{0}
	if t.kind != None && t.mark == first[0] {
		gravest[0] = int64(t.kind)
	}
	if err := e.Comm.AllreduceInt(gravest, comm.Max); err != nil {
		return err
	}
	err := &TroubleError{Kind: Kind(gravest[0]), Step: first[0] - 1}
	if t.mark != first[0] || t.kind != err.Kind {
		t.n = 0
	}
	last := int64(math.MinInt64)
	for range maxIDs { // the next smallest ID of any rank, again and again
		next := []int64{math.MaxInt64}
		for _, id := range t.ids[:t.n] {
			if id > last {
				next[0] = min(next[0], id)
			}
		}
		if err := e.Comm.AllreduceInt(next, comm.Min); err != nil {
			return err
		}
		if next[0] == math.MaxInt64 {
			break
		}
		last = next[0]
		err.IDs = append(err.IDs, last)
	}
	e.trouble = trouble{}
	if err.Kind == AbsurdForce {
		if e := err.largest(e.Comm, t, e.Guard.maxForce()); e != nil {
			return e
		}
	}
	return err
}

// largest is collective: the largest absurd force of all ranks' troubles, and of
// equals the one on the atom with the smallest ID.
func (t *TroubleError) largest(c comm.Comm, own trouble, limit float64) error {
	f2, atom := []float64{0}, []int64{math.MaxInt64}
	if own.n > 0 {
		f2[0] = own.force2
	}
	if err := c.Allreduce(f2, comm.Max); err != nil {
		return err
	}
	if own.n > 0 && own.force2 == f2[0] {
		atom[0] = own.atom
	}
	if err := c.AllreduceInt(atom, comm.Min); err != nil {
		return err
	}
	t.Force, t.Atom, t.Limit = math.Sqrt(f2[0]), atom[0], limit
	return nil
}

// finite is collective: it looks for NaN and infinity before atoms are sorted
// into bricks by their positions.
func (e *Evaluator) finite() error {
	for i, x := range e.Atoms.X[:e.Atoms.N] {
		s := x[0] + x[1] + x[2]
		if math.IsNaN(s) || math.IsInf(s, 0) {
			e.found(NotFinite, e.Atoms.ID[i])
		}
	}
	return e.Check()
}

// accounts is collective: after a rebuild, whose list made this error or none,
// no atom is missing, and no two are on the same place.
func (e *Evaluator) accounts(list error) error {
	var same *neighbor.SamePlaceError
	var astray *neighbor.NotFiniteError
	switch {
	case errors.As(list, &same):
		e.found(SamePlace, same.ID[0])
		e.found(SamePlace, same.ID[1])
	case errors.As(list, &astray):
		e.found(NotFinite, astray.ID)
	case list != nil:
		return list
	}
	count, err := e.count()
	if err != nil {
		return err
	}
	if count != e.census {
		return &TroubleError{Kind: LostAtoms, Step: e.mark - 1,
			Extra: fmt.Sprintf(": %d atoms where there were %d", count[0], e.census[0])}
	}
	return e.Check()
}

// count is collective: the number of all atoms, and the sum of their IDs.
func (e *Evaluator) count() (n [2]int64, err error) {
	n[0] = int64(e.Atoms.N)
	for _, id := range e.Atoms.ID[:e.Atoms.N] {
		n[1] += id
	}
	err = e.Comm.AllreduceInt(n[:], comm.Sum)
	return n, err
}

// begin is collective, once: it counts the atoms that must never be lost, and
// those that are frozen.
func (e *Evaluator) begin() (err error) {
	if e.census[0] != 0 {
		return nil
	}
	if e.census, err = e.count(); err != nil {
		return err
	}
	e.frozen = [3]int64{}
	for i, m := range e.Atoms.Mask[:min(e.Atoms.N, len(e.Atoms.Mask))] {
		for k := range e.frozen {
			e.frozen[k] += int64(m >> k & 1)
		}
		if m&Frozen != 0 && i < len(e.Atoms.V) {
			hold(&e.Atoms.V[i], m)
		}
	}
	return e.Comm.AllreduceInt(e.frozen[:], comm.Sum)
}

// Total is the number of atoms of all ranks, known from the first call of
// Evaluate or SetVelocities on.
func (e *Evaluator) Total() int64 { return e.census[0] }
