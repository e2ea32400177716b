package md

// Bits of domain.Atoms.Mask: an atom whose bit FrozenX is set keeps the velocity
// zero along x, and so on. Its place follows the cell where that changes. The
// bits from FirstGroup on are free for groups of the caller's.
const (
	FrozenX uint32 = 1 << iota
	FrozenY
	FrozenZ
	FirstGroup

	Frozen = FrozenX | FrozenY | FrozenZ
)

// hold sets the frozen components of a vector to zero.
func hold(v *[3]float64, mask uint32) {
	for k := range v {
		if mask>>k&1 != 0 {
			v[k] = 0
		}
	}
}

// Hold sets the velocities of this rank's frozen atoms to zero where they are
// frozen: what integrators do after they have changed velocities in another way
// than by Kick.
func (s *Sim) Hold() {
	if s.frozen == ([3]int64{}) {
		return
	}
	for i, m := range s.Atoms.Mask[:s.Atoms.N] {
		if m&Frozen != 0 {
			hold(&s.Atoms.V[i], m)
		}
	}
}

// FrozenAtoms is the number of atoms of all ranks that are frozen along x, y and
// z; known when Total is.
func (e *Evaluator) FrozenAtoms() [3]int64 { return e.frozen }
