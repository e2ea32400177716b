package md

import (
	"fmt"
	"math"
)

// maxStrain is how much of its length a cell may change in one step: more is no
// motion but a catastrophe.
const maxStrain = 0.1

// Deform maps all of space by the matrix m, a column times it from the left: the
// positions of this rank's atoms become m·x and the lattice vectors m·a.
// Velocities stay. All ranks call it with the same m, between two evaluations.
// Where m is no small change, the cell would collapse, burst or turn inside out:
// the error is the same *TroubleError on every rank, and nothing has moved.
func (e *Evaluator) Deform(m [3][3]float64) error {
	if err := e.DeformCell(m); err != nil {
		return err
	}
	at := e.Atoms
	for i := range at.N {
		at.X[i] = apply(&m, at.X[i])
	}
	return nil
}

// DeformCell is Deform of the lattice vectors alone: atoms stay where they are.
func (e *Evaluator) DeformCell(m [3][3]float64) error {
	change := 0.0
	for k := range m {
		for l := range m[k] {
			d := m[k][l]
			if k == l {
				d--
			}
			change += d * d
		}
	}
	a := e.Cell.Vectors()
	broken := func(why string) error {
		return &TroubleError{Kind: BrokenCell, Step: e.mark - 1, Extra: fmt.Sprintf(": %s; its vectors are %.4g, %.4g, %.4g Å", why, a[0], a[1], a[2])}
	}
	if !(math.Sqrt(change) <= maxStrain) {
		return broken(fmt.Sprintf("it would change by %.3g of its lengths in one step (at most %g): the pressure is far off, the damping time of the barostat too short, a deformation too fast or the timestep too long", math.Sqrt(change), maxStrain))
	}
	for k := range a {
		a[k] = apply(&m, a[k])
	}
	cell, err := e.Cell.WithVectors(a)
	if err != nil {
		return broken(err.Error())
	}
	e.Cell = cell
	return nil
}

func apply(m *[3][3]float64, x [3]float64) (y [3]float64) {
	for k := range y {
		y[k] = m[k][0]*x[0] + m[k][1]*x[1] + m[k][2]*x[2]
	}
	return y
}

// tilted is how far along another vector, in its lengths, a lattice vector may
// lean before Straighten takes a lattice vector off: more than one half, so that
// a cell at one half does not go to and fro.
const tilted = 0.6

// Straighten replaces lattice vectors that lean too far along another periodic
// one by shorter ones of the same lattice (LAMMPS: a flip). Atoms stay where they
// are; ghosts and list are made anew by the next evaluation. It is for cells that
// shear without end, and reports whether anything was done, on all ranks alike.
func (s *Sim) Straighten() (bool, error) {
	a, p, done := s.Cell.Vectors(), s.Cell.Periodic(), false
	for range 8 {
		again := false
		for k := range a {
			for l := range a {
				if k == l || !p[k] || !p[l] {
					continue
				}
				lean := dot(a[k], a[l]) / dot(a[l], a[l])
				if math.Abs(lean) <= tilted || dot(a[k], a[k]) < dot(a[l], a[l]) {
					continue
				}
				n := math.Round(lean)
				for c := range a[k] {
					a[k][c] -= n * a[l][c]
				}
				// x = wrapped + Σ m_k a_k, and a_k = a'_k + n a_l.
				for i := range s.Atoms.N {
					s.Atoms.Image[i][l] += int32(n) * s.Atoms.Image[i][k]
				}
				again, done = true, true
			}
		}
		if !again {
			break
		}
	}
	if !done {
		return false, nil
	}
	cell, err := s.Cell.WithVectors(a)
	if err != nil {
		return false, err
	}
	s.Cell, s.valid = cell, false
	return true, nil
}

func dot(a, b [3]float64) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }
