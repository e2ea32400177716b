package md

import (
	"math"

	"github.com/wigner-md/wigner/internal/philox"
)

// Langevin is motion in a heat bath, by the splitting BAOAB:
//
//	B  v += F/m·dt/2        A  x += v·dt/2
//	O  v ← e^{−γdt} v + √((1 − e^{−2γdt}) kT/m) ξ
//	A  x += v·dt/2          B  v += F/m·dt/2
//
// One evaluation per step. Averages over positions are exact for harmonic
// motion at any stable timestep; the velocities' are off by a relative
// (ω dt)²/4. ξ is a function of (seed, atom id, step): the trajectory does not
// depend on the ranks. Momentum is not conserved, so all 3N degrees of freedom
// have a temperature.
//
// Reference: B. Leimkuhler, C. Matthews, Appl. Math. Res. Express 2013, 34;
// J. Chem. Phys. 138, 174102 (2013).
type Langevin struct {
	Temperature float64 // K
	Friction    float64 // γ, 1/(Å·√(amu/eV)); 1/damping time
	Seed        uint64
}

// Step makes one step.
func (l Langevin) Step(s *Sim) error {
	s.Kick(s.Dt / 2)
	s.Drift(s.Dt / 2)
	l.bath(s)
	s.Drift(s.Dt / 2)
	if err := s.Evaluate(); err != nil {
		return err
	}
	s.Kick(s.Dt / 2)
	return nil
}

// bath is O, exact for any timestep.
func (l Langevin) bath(s *Sim) {
	a, c := s.Atoms, math.Exp(-l.Friction*s.Dt)
	kick := (1 - c) * (1 + c) * KB * l.Temperature
	for i := range a.N {
		v, q := &a.V[i], math.Sqrt(kick/s.Mass[a.Species[i]])
		xi := philox.Normal(l.Seed, philox.Langevin, uint64(a.ID[i]), uint64(s.Step))
		for k := range v {
			v[k] = c*v[k] + q*xi[k]
		}
	}
}

// Freedom is the number of degrees of freedom of n atoms in the bath.
func (Langevin) Freedom(n int64) int64 { return 3 * n }
