package md

import (
	"math"

	"github.com/wigner-md/wigner/comm"
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
func (l Langevin) bath(s *Sim) { s.Bathe(l.Temperature, l.Friction, s.Dt, l.Seed, uint64(s.Step), 0) }

// Bathe is the exact motion of the velocities in a bath of this temperature (K)
// and friction for a time dt, with noise that is a function of seed, atom and
// draw. group is the mask of the atoms concerned, 0 for all. The energy that the
// bath gives is counted for Thermo.Conserved.
func (s *Sim) Bathe(temperature, friction, dt float64, seed, draw uint64, group uint32) {
	a, c := s.Atoms, math.Exp(-friction*dt)
	kick := (1 - c) * (1 + c) * KB * temperature
	var heat comm.Fixed
	for i := range a.N {
		mask := a.Mask[i]
		if group != 0 && mask&group == 0 {
			continue
		}
		m := s.Mass[a.Species[i]]
		v, q := &a.V[i], math.Sqrt(kick/m)
		xi := philox.Normal(seed, philox.Langevin, uint64(a.ID[i]), draw)
		gain := 0.0
		for k := range v {
			if mask>>k&1 != 0 {
				continue
			}
			u := c*v[k] + q*xi[k]
			gain += (u - v[k]) * (u + v[k])
			v[k] = u
		}
		heat.Add(m / 2 * gain)
	}
	s.heat.add(heat)
}

// FreeMomentum says that the total momentum is not conserved: its three degrees
// of freedom have a temperature too.
func (Langevin) FreeMomentum() bool { return true }
