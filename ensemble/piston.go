package ensemble

import (
	"math"

	"github.com/wigner-md/wigner/internal/philox"
	"github.com/wigner-md/wigner/md"
)

// Coupling says which changes of the cell a piston may make: the symmetric
// strains in the span of a few orthonormal ones.
type Coupling struct {
	Isotropic bool    // one scale for all three axes
	Axes      [3]bool // x, y and z each on its own, where true
	Triclinic bool    // all six components
}

// Dimension is the number of independent strains.
func (c Coupling) Dimension() int {
	switch {
	case c.Isotropic:
		return 1
	case c.Triclinic:
		return 6
	}
	n := 0
	for _, on := range c.Axes {
		if on {
			n++
		}
	}
	return n
}

// project leaves of a symmetric matrix what the coupling lets through.
func (c Coupling) project(a *matrix) (b matrix) {
	switch {
	case c.Isotropic:
		return scaled(identity, trace(a)/3)
	case c.Triclinic:
		for k := range b {
			for l := range b {
				b[k][l] = (a[k][l] + a[l][k]) / 2
			}
		}
		return b
	}
	for k, on := range c.Axes {
		if on {
			b[k][k] = a[k][k]
		}
	}
	return b
}

// noise is white in the space of the coupling: a unit normal variate along each
// orthonormal strain.
func (c Coupling) noise(d *dice) matrix {
	var w matrix
	for k := range w {
		w[k][k] = d.normal()
	}
	for k := range w {
		for l := range k {
			x := d.normal() / math.Sqrt2
			w[k][l], w[l][k] = x, x
		}
	}
	if c.Isotropic { // 1/√3 is a unit vector: its component of w is tr w/√3
		return scaled(identity, trace(&w)/3)
	}
	return c.project(&w)
}

// sums are what pistons see of a step: of all atoms, after it is done.
type sums struct {
	kinetic matrix // Σ m v⊗v, eV
	virial  matrix // W, eV
	volume  float64
	freedom int64
}

func (s *sums) twoK() float64 { return trace(&s.kinetic) }

// force is V(P − P₀), eV.
func (s *sums) force(target *matrix) matrix {
	f := plus(s.kinetic, 1, &s.virial)
	return plus(f, -s.volume, target)
}

// work is what the pressure asked for takes when the cell makes the strain e: with
// P₀ = p + dev P₀ it is p ΔV + V̄ dev P₀ : e, eV. It depends on the way only where
// the pressure is not the same in all directions or not constant.
func work(target, e *matrix, before, after float64) float64 {
	p := trace(target) / 3
	dev := plus(*target, -p, &identity)
	return p*(after-before) + (before+after)/2*inner(&dev, e)
}

// MTK is the inertial piston of Martyna, Tobias and Klein, for symmetric
// velocities v_g of the cell (Tuckerman et al. 2006, section 3):
//
//	ẋ = p/m + v_g x          ṗ = F − v_g p − (Tr v_g/N_f) p
//	ḣ = v_g h                W_g v̇_g = V(P − P₀) + (2K/N_f) 1
//
// with W_g = (N_f + 3) kT τ²/3, projected on the coupling. The bath of the piston
// is its own. The volume swings with ω² = 3V/(β_T W_g), β_T the compressibility, and a
// step dt makes its variance too large by (ω dt)²/4.
type MTK struct {
	Coupling Coupling
	Pressure Tensor  // P₀, eV/Å³
	Tau      float64 // τ, Å·√(amu/eV): crystals breathe in about a fifth of it
	KT       float64 // eV; of the mass: the temperature asked for, or that of the start
	Bath     Bath    // nil: isoenthalpic
	Local    *Local  // Langevin's noise on the piston, instead of a Bath; its Group does not matter

	v    matrix  // v_g, 1/time
	done float64 // work against P₀, eV
}

func (p *MTK) mass(freedom int64) float64 {
	return (float64(freedom) + 3) * p.KT * p.Tau * p.Tau / 3
}

// twoK is twice the kinetic energy of the piston.
func (p *MTK) twoK(freedom int64) float64 { return p.mass(freedom) * inner(&p.v, &p.v) }

// push is the motion of v_g for a time dt.
func (p *MTK) push(s *sums, step int64, dt float64) {
	target := p.Pressure.At(step)
	g := s.force(&target)
	if s.freedom > 0 {
		g = plus(g, s.twoK()/float64(s.freedom), &identity)
	}
	g = p.Coupling.project(&g)
	p.v = plus(p.v, dt/p.mass(s.freedom), &g)
}

// kick is B: the atoms' velocities for a time h, with the forces of now.
//
//	v ← e^{−b} v + h φ(−b) F/m,  b = h (v_g + Tr v_g/N_f)
func (p *MTK) kick(s *md.Sim, freedom int64, h float64) {
	b := scaled(p.v, -h)
	if freedom > 0 {
		b = plus(b, -h*trace(&p.v)/float64(freedom), &identity)
	}
	slow, gain := exponential(b)
	a := s.Atoms
	for i := range a.N {
		v, f := apply(&slow, a.V[i]), apply(&gain, a.F[i])
		c := h / s.Mass[a.Species[i]]
		for k := range v {
			v[k] += c * f[k]
		}
		a.V[i] = v
	}
	s.Hold()
}

// drift is A: positions and cell for a time h.
//
//	x ← e^{a} x + h φ(a) v,  h ← e^{a} h,  a = h v_g
func (p *MTK) drift(s *md.Sim, step int64, h float64) error {
	a := scaled(p.v, h)
	grow, gain := exponential(a)
	before := s.Cell.Volume()
	if err := s.Deform(grow); err != nil {
		return err
	}
	target := p.Pressure.At(step)
	p.done += work(&target, &a, before, s.Cell.Volume())
	at := s.Atoms
	for i := range at.N {
		d := apply(&gain, at.V[i])
		for k := range d {
			at.X[i][k] += h * d[k]
		}
	}
	return nil
}

// shake is O for the piston.
func (p *MTK) shake(step int64, kT, dt float64, freedom int64) {
	if p.Local == nil {
		return
	}
	before := inner(&p.v, &p.v)
	c := math.Exp(-dt / p.Local.Tau)
	w := p.Coupling.noise(&dice{seed: p.Local.Seed, stream: philox.Piston, draw: uint64(step)})
	p.v = plus(scaled(p.v, c), math.Sqrt((1-c)*(1+c)*kT/p.mass(freedom)), &w)
	p.done -= p.mass(freedom) / 2 * (inner(&p.v, &p.v) - before)
}

// heat is T for the piston.
func (p *MTK) heat(kT, dt float64, draw uint64, freedom int64) {
	if p.Bath == nil {
		return
	}
	f := p.Bath.Factor(p.twoK(freedom), int64(p.Coupling.Dimension()), kT, dt, draw)
	p.v = scaled(p.v, f)
}

// energy is that of the piston, the pressure and the piston's bath.
func (p *MTK) energy(freedom int64) float64 {
	e := p.done + p.twoK(freedom)/2
	if p.Bath != nil {
		e += p.Bath.Energy()
	}
	return e
}

// CRescale is stochastic cell rescaling: the cell moves by friction and noise
// alone, and velocities by the inverse of what positions do (Bernetti, Bussi 2020;
// Del Tatto et al. 2022). With the symmetric strain ε of a step,
//
//	ε = f dt + √(2D dt) ξ,   f = (β/3τ)(P − P₀),   D = β kT/(3Vτ)
//	x ← e^ε x,   h ← e^ε h,   v ← e^{−ε} v
//
// projected on the coupling. In this form, for the logarithm of the cell, the
// term kT/V of their eq. (4) is gone: it is Itô's for the cell itself.
type CRescale struct {
	Coupling        Coupling
	Pressure        Tensor  // P₀, eV/Å³
	Tau             float64 // relaxation time of the pressure, Å·√(amu/eV)
	Compressibility float64 // β, Å³/eV: only β/τ matters
	Seed            uint64

	strain matrix  // of the step in hand
	before matrix  // f dt of the step in hand
	spread float64 // D dt of the step in hand
	volume float64 // before it
	done   float64 // effective energy, eV
}

func (p *CRescale) drift(s *sums, step int64, dt float64) matrix {
	target := p.Pressure.At(step)
	f := s.force(&target)
	return scaled(p.Coupling.project(&f), dt*p.Compressibility/(3*p.Tau*s.volume))
}

// rescale is S, from the pressure at the beginning of the step.
func (p *CRescale) rescale(s *md.Sim, at *sums, kT float64) error {
	p.before = p.drift(at, s.Step, s.Dt)
	p.volume = at.volume
	p.spread = p.Compressibility * kT * s.Dt / (3 * at.volume * p.Tau)
	w := p.Coupling.noise(&dice{seed: p.Seed, stream: philox.CellNoise, draw: uint64(s.Step)})
	p.strain = plus(p.before, math.Sqrt(2*p.spread), &w)
	grow, _ := exponential(p.strain)
	shrink, _ := exponential(scaled(p.strain, -1))
	if err := s.Deform(grow); err != nil {
		return err
	}
	a := s.Atoms
	for i := range a.N {
		a.V[i] = apply(&shrink, a.V[i])
	}
	s.Hold()
	target := p.Pressure.At(s.Step)
	p.done += work(&target, &p.strain, p.volume, s.Cell.Volume())
	return nil
}

// account adds to the effective energy of Bussi, Donadio, Parrinello 2007, section
// II.C, what the step has violated detailed balance by: kT times the logarithm of
// the probability of the step over that of its reverse, less the change of the
// density of the cell, which goes with V in the measure of ε.
func (p *CRescale) account(after *sums, kT float64, step int64, dt float64) {
	if p.spread == 0 || kT == 0 {
		return
	}
	back := p.drift(after, step, dt)
	spread := p.spread * p.volume / after.volume
	there, here := plus(p.strain, -1, &p.before), plus(p.strain, 1, &back)
	grown := math.Log(after.volume / p.volume)
	n := float64(p.Coupling.Dimension())
	p.done += kT * (inner(&here, &here)/(4*spread) - inner(&there, &there)/(4*p.spread) - (1+n/2)*grown)
}
