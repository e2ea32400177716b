package md

import (
	"math"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/internal/philox"
)

// Thermo is what a line of output says of one step.
type Thermo struct {
	Step        int64
	Time        float64 // Å·√(amu/eV)
	Temperature float64 // K
	Potential   float64 // eV
	Kinetic     float64 // eV
	Volume      float64 // Å³; NaN where a lattice vector was not given
	// P is (Σ m v⊗v + W)/V in eV/Å³, positive under compression, in the order
	// xx, yy, zz, xy, xz, yz; NaN where a lattice vector was not given.
	P        [6]float64
	MaxForce float64 // eV/Å
	Atoms    int64
}

// Total is the total energy, eV.
func (t *Thermo) Total() float64 { return t.Potential + t.Kinetic }

// Pressure is a third of the trace of P, eV/Å³.
func (t *Thermo) Pressure() float64 { return (t.P[0] + t.P[1] + t.P[2]) / 3 }

// Thermo is collective. It describes the present step; several observers of
// one step share one reduction.
func (s *Sim) Thermo() (Thermo, error) {
	if s.thermal {
		return s.thermo, nil
	}
	sum, err := s.Totals(s.Mass)
	if err != nil {
		return Thermo{}, err
	}
	t := Thermo{
		Step: s.Step, Time: s.Time(), Atoms: sum.Atoms, MaxForce: sum.MaxForce,
		Potential: sum.Energy, Kinetic: sum.KineticEnergy(), Volume: math.NaN(),
	}
	if s.Cell.Given() {
		t.Volume = s.Cell.Volume()
	}
	if f := s.Freedom(); f > 0 {
		t.Temperature = 2 * t.Kinetic / (float64(f) * KB)
	}
	for c, kl := range voigt {
		t.P[c] = (sum.Kinetic[kl[0]][kl[1]] + sum.Virial[kl[0]][kl[1]]) / t.Volume
	}
	s.thermo, s.thermal = t, true
	return t, nil
}

// Freedom is the number of degrees of freedom that share the kinetic energy:
// 3N − 3, as the total momentum is conserved at zero, unless the integrator
// says otherwise (Langevin: 3N).
//
// It is known from the first call of Evaluate or SetVelocities on.
func (s *Sim) Freedom() int64 {
	if f, ok := s.Integrator.(interface{ Freedom(n int64) int64 }); ok {
		return f.Freedom(s.Total())
	}
	return max(0, 3*s.Total()-3)
}

// SetVelocities is collective. It draws the velocities of all atoms from the
// Maxwell–Boltzmann distribution at this temperature (K), as a function of
// seed and atom id, takes the total momentum away, and scales them so that the
// temperature is exactly the one asked for. The result has the same bits on
// any ranks.
func (s *Sim) SetVelocities(temperature float64, seed uint64) error {
	a := s.Atoms
	s.thermal = false
	if err := s.begin(); err != nil {
		return err
	}
	var sums [5]comm.Fixed // momentum, mass, kinetic energy
	for i := range a.N {
		m := s.Mass[a.Species[i]]
		q, xi := math.Sqrt(KB*temperature/m), philox.Normal(seed, philox.Velocity, uint64(a.ID[i]), 0)
		for k := range xi {
			a.V[i][k] = q * xi[k]
			sums[k].Add(m * a.V[i][k])
		}
		sums[3].Add(m)
	}
	if err := comm.SumFixed(s.Comm, sums[:]); err != nil {
		return err
	}
	for i := range a.N {
		v, m := &a.V[i], s.Mass[a.Species[i]]
		for k := range v {
			v[k] -= sums[k].Value() / sums[3].Value()
			sums[4].Add(m * v[k] * v[k])
		}
	}
	if err := comm.SumFixed(s.Comm, sums[4:]); err != nil {
		return err
	}
	have, want := sums[4].Value(), float64(s.Freedom())*KB*temperature
	scale := 0.0
	if have > 0 {
		scale = math.Sqrt(want / have)
	}
	for i := range a.N {
		for k := range a.V[i] {
			a.V[i][k] *= scale
		}
	}
	return nil
}
