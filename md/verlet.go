package md

// VelocityVerlet is Newton's motion (NVE), symplectic and second order:
// Swope et al., J. Chem. Phys. 76, 637 (1982).
type VelocityVerlet struct{}

// Step makes one step.
func (VelocityVerlet) Step(s *Sim) error {
	s.Kick(s.Dt / 2)
	s.Drift(s.Dt)
	if err := s.Evaluate(); err != nil {
		return err
	}
	s.Kick(s.Dt / 2)
	return nil
}

// Kick changes the velocities for a time: v += F/m·dt, save where atoms are frozen.
func (s *Sim) Kick(dt float64) {
	a := s.Atoms
	for i := range a.N {
		v, f, c := &a.V[i], &a.F[i], dt/s.Mass[a.Species[i]]
		for k := range v {
			v[k] += c * f[k]
		}
	}
	s.Hold()
}

// Drift moves the atoms for a time: x += v·dt.
func (s *Sim) Drift(dt float64) {
	a := s.Atoms
	for i := range a.N {
		x, v := &a.X[i], &a.V[i]
		for k := range x {
			x[k] += dt * v[k]
		}
	}
}
