package ensemble

// Deformation drives the cell at a constant rate: at time t after the start it is
// (1 + L t) times that of the start, for what this alone does to it. Positions
// follow the cell, velocities do not. With L diagonal it is tension or
// compression, off the diagonal shear: L_xy moves x by y. Where a piston acts
// too, it has other directions.
type Deformation struct {
	Rate [3][3]float64 // L, 1/(Å·√(amu/eV))

	done float64 // −work done on the atoms, eV
	last matrix  // strain of the step in hand
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

// account counts the work of the step, −W : ε with the mean of the virials.
func (d *Deformation) account(before, after *matrix) {
	mean := scaled(plus(*before, 1, after), 0.5)
	d.done += inner(&mean, &d.last)
}
