package ensemble

import (
	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/md"
)

// Deformation drives the cell at a constant rate: at time t after the start it is
// (1 + L t) times that of the start, for what this alone does to it. Positions
// follow the cell, velocities do not, unless Faces is set. With L diagonal it is tension or
// compression, off the diagonal shear: L_xy moves x by y. Where a piston acts
// too, it has other directions.
type Deformation struct {
	Rate [3][3]float64 // L, 1/(Å·√(amu/eV))
	// Faces leaves the atoms where they are: they feel the cell at its faces only. One
	// that is put back into the cell by a lattice vector loses the velocity of that
	// vector, too (LAMMPS: fix deform remap v; A. W. Lees, S. F. Edwards, J. Phys. C 5, 1921 (1972)).
	Faces bool

	done float64 // −work done on the atoms, eV
	last matrix  // strain of the step in hand
	work matrix  // of Faces: what works on the strain, at the last evaluation, eV
}

// at is 1 + L t.
func (d *Deformation) at(t float64) matrix { return plus(identity, t, &d.Rate) }

// step is the map from time t to t + dt.
func (d *Deformation) step(t, dt float64) matrix {
	then, now := d.at(t), d.at(t+dt)
	back := inverse(&then)
	m := times(&now, &back)
	d.last = plus(m, -1, &identity)
	return m
}

// gradient is the velocity of lattice vectors at time t over themselves, L (1 + L t)⁻¹.
func (d *Deformation) gradient(t float64) matrix {
	now := d.at(t)
	back := inverse(&now)
	return times(&d.Rate, &back)
}

// watch makes s tell of atoms that cross a face. Those of a file that lie outside at
// the start keep their velocities.
func (d *Deformation) watch(s *md.Sim) {
	if s.Wrapped != nil {
		return
	}
	s.Wrapped = func(i int, by [3]float64) {
		if s.Step == 0 {
			return
		}
		g := d.gradient(s.Time())
		v, m, e := &s.Atoms.V[i], s.Mass[s.Atoms.Species[i]], 0.0
		for k := range v {
			old := v[k]
			for l := range by {
				v[k] -= g[k][l] * by[l]
			}
			e += m * (v[k]*v[k] - old*old) / 2
		}
		s.Give(e)
	}
}

// faces is collective: the virial without what moving the atoms with the cell would do, W − Σ F ⊗ x.
func (d *Deformation) faces(s *md.Sim, w matrix) (matrix, error) {
	var sums [9]comm.Fixed
	a := s.Atoms
	for i := range a.N {
		for n := range sums {
			sums[n].Add(a.F[i][n/3] * a.X[i][n%3])
		}
	}
	if err := comm.SumFixed(s.Comm, sums[:]); err != nil {
		return w, err
	}
	for n := range sums {
		w[n/3][n%3] -= sums[n].Value()
	}
	return w, nil
}

// account counts the work of the step, −W : ε with the mean of the virials.
func (d *Deformation) account(before, after *matrix) {
	mean := scaled(plus(*before, 1, after), 0.5)
	d.done += inner(&mean, &d.last)
}
