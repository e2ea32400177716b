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
	Virial   [3][3]float64 // W, eV
	MaxForce float64       // eV/Å
	Atoms    int64
	// Conserved is the energy of the atoms and of the baths and pistons around
	// them, eV: its drift is the error of the integration.
	Conserved float64
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
		Step: s.Step, Time: s.Time(), Atoms: sum.Atoms, MaxForce: sum.MaxForce, Virial: sum.Virial,
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
	given, err := s.heat.total(s.Comm)
	if err != nil {
		return Thermo{}, err
	}
	t.Conserved = t.Total() - given.sum.Value()
	if r, ok := s.Integrator.(interface{ Reservoir() float64 }); ok {
		t.Conserved += r.Reservoir()
	}
	s.thermo, s.thermal = t, true
	return t, nil
}

// Freedom is the number of degrees of freedom that share the kinetic energy: one
// for each direction in which an atom is not frozen, less one for each direction
// in which the total momentum is conserved at zero, which is to say where no
// atom is frozen, unless the integrator has FreeMomentum (Langevin).
//
// It is known from the first call of Evaluate or SetVelocities on.
func (s *Sim) Freedom() int64 {
	n := int64(0)
	f, ok := s.Integrator.(interface{ FreeMomentum() bool })
	for _, frozen := range s.frozen {
		n += s.Total() - frozen
		if frozen == 0 && !(ok && f.FreeMomentum()) {
			n--
		}
	}
	return max(0, n)
}

// SetVelocities is collective. It draws the velocities of all atoms from the
// Maxwell–Boltzmann distribution at this temperature (K), as a function of
// seed and atom id, takes the total momentum away in directions in which no atom
// is frozen, and scales them so that the
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
		}
		if i < len(a.Mask) {
			hold(&a.V[i], a.Mask[i])
		}
		for k := range xi {
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
			if s.frozen[k] == 0 {
				v[k] -= sums[k].Value() / sums[3].Value()
			}
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
