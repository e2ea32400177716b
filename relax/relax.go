package relax

import (
	"errors"
	"fmt"
	"math"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/md"
)

// Cell says what of the cell takes part.
type Cell int

// The freedoms of the cell.
const (
	Fixed  Cell = iota
	Volume      // one scale
	Shape       // all strains that keep the volume
	Axes        // x, y and z as Options.Axes has them
	Full        // all six strains
)

// Options say how to relax, and when to stop. Fields that are zero have the
// defaults that are written beside them.
type Options struct {
	Method   Method
	Force    float64 // eV/Å: largest |F_i| at the end; 0.01
	Stress   float64 // eV/Å³: largest component of P − P₀ that is free, at the end; 0.1 GPa
	Steps    int     // at most; 1000
	Cell     Cell
	Axes     [3]bool
	Pressure [3][3]float64 // P₀, eV/Å³, positive under compression
	MaxStep  float64       // Å: the longest displacement of a step; 0.2
	Memory   int           // pairs of L-BFGS; 20
	// See is called on all ranks after each evaluation, step 0 first; nil: not at
	// all. An error ends the relaxation.
	See func(p *Progress) error
}

// Method is the way down.
type Method int

// The methods.
const (
	LBFGS Method = iota
	FIRE
)

// Progress is the state after an evaluation.
type Progress struct {
	Step      int
	Energy    float64 // potential energy, eV
	Enthalpy  float64 // with P₀ V where the cell takes part, eV
	MaxForce  float64 // of the atoms that are free, eV/Å
	MaxStress float64 // of the free components of P − P₀, eV/Å³
	Stress    [3][3]float64
	Volume    float64 // Å³
	Converged bool
}

// Run relaxes the atoms of e in place. It is collective. Where the steps do not
// suffice the last state has Converged false, and there is no error.
func Run(e *md.Evaluator, o Options) (*Progress, error) {
	o.defaults()
	if o.Cell != Fixed && !e.Cell.Given() {
		return nil, errors.New("relax: a cell that takes part needs all three lattice vectors")
	}
	r := &run{e: e, o: &o}
	a := e.Atoms
	defer func() { e.Atoms.Tow = nil }()
	a.Tow = nil
	var way interface {
		columns() int
		// step turns the gradient in column 0 into the displacement in column 1.
		step(r *run) error
	}
	switch o.Method {
	case LBFGS:
		way = &lbfgs{m: o.Memory}
	case FIRE:
		way = &fire{}
	default:
		return nil, fmt.Errorf("relax: no method %d", o.Method)
	}
	for range way.columns() {
		a.Tow = append(a.Tow, make([][3]float64, a.N))
	}
	r.cell = make([][3][3]float64, way.columns())
	for step := 0; ; step++ {
		p, err := r.evaluate(step)
		if err != nil {
			return nil, err
		}
		if err := r.bottom(p); err != nil {
			return nil, err
		}
		if err := r.torn(p); err != nil {
			return nil, err
		}
		if o.See != nil {
			if err := o.See(p); err != nil {
				return nil, err
			}
		}
		if p.Converged || step >= o.Steps {
			return p, nil
		}
		if err := way.step(r); err != nil {
			return nil, err
		}
		if err := r.move(); err != nil {
			return nil, err
		}
	}
}

func (o *Options) defaults() {
	set := func(x *float64, d float64) {
		if *x == 0 {
			*x = d
		}
	}
	set(&o.Force, 0.01)
	set(&o.Stress, 1000/md.Bar)
	set(&o.MaxStep, 0.2)
	if o.Steps == 0 {
		o.Steps = 1000
	}
	if o.Memory == 0 {
		o.Memory = 20
	}
}

// maxStrain is the longest strain of a step.
const maxStrain = 0.02

// Columns that both methods have.
const (
	gradient = iota
	displacement
	others
)

// run is a relaxation. Column t of a vector is Tow[t] for the atoms and cell[t],
// times c, for the strain.
type run struct {
	e    *md.Evaluator
	o    *Options
	cell [][3][3]float64
	c    float64
	top  float64 // largest component of the gradient
	now  *Progress
	// Of the start: the lowest energy of an atom (eV) by its element, and the largest force (eV/Å).
	lowest [elements]float64
	first  float64
	volume float64 // of the start, Å³
}

// elements are atomic numbers, from 0.
const elements = 119

// bottom is collective: it refuses a potential that has no minimum here, as some have where
// atoms come too near: on the way down the forces become larger and larger instead of
// vanishing. It looks at single atoms, so that the size of the cell does not matter.
func (r *run) bottom(p *Progress) error {
	const fall, steep, times = 10, 50, 10 // eV, eV/Å, times the start's force
	if p.Step > 0 && p.MaxForce <= max(steep, times*r.first) {
		return nil
	}
	var lowest [elements]float64
	for i, z := range r.e.Atoms.Species[:r.e.Atoms.N] {
		lowest[z] = min(lowest[z], r.e.Energy[i])
	}
	if err := r.e.Comm.Allreduce(lowest[:], comm.Min); err != nil {
		return err
	}
	if p.Step == 0 {
		r.lowest, r.first = lowest, p.MaxForce
		return nil
	}
	down := 0.0
	for z, e := range lowest {
		down = max(down, r.lowest[z]-e)
	}
	if down > fall {
		return &md.TroubleError{Kind: md.Bottomless, Step: -1, Extra: fmt.Sprintf(": at step %d an atom's is %.4g eV below the lowest of its element at the start, with a force of %.4g eV/Å where the start had %.4g: the potential has no minimum here (atoms that come too near? a repulsion as zbl, by [[potential.add]], keeps them apart)", p.Step, down, p.MaxForce, r.first)}
	}
	return nil
}

// torn refuses a tension that the atoms do not hold: the cell has grown by half, and along
// an axis that is pulled they answer with less than a thousandth of what pulls. It would grow for ever.
func (r *run) torn(p *Progress) error {
	const grown, least = 1.5, 1e-3
	if p.Step == 0 {
		r.volume = p.Volume
	}
	if r.o.Cell == Fixed || p.Volume < grown*r.volume {
		return nil
	}
	pull, hold := r.project(r.o.Pressure), r.project(p.Stress)
	for k, n := range "xyz" {
		if t := -pull[k][k]; t > 0 && math.Abs(hold[k][k]) < least*t {
			return &md.TroubleError{Kind: md.BrokenCell, Step: -1, Extra: fmt.Sprintf(": at step %d it has %.3g times the volume of the start, and the atoms hold nothing of the tension of %.4g GPa along %c: this is more than the crystal bears", p.Step, p.Volume/r.volume, t*md.Bar/1e4, n)}
		}
	}
	return nil
}

// project leaves of a symmetric tensor what is free.
func (r *run) project(t [3][3]float64) (out [3][3]float64) {
	mean := (t[0][0] + t[1][1] + t[2][2]) / 3
	switch r.o.Cell {
	case Volume:
		for k := range out {
			out[k][k] = mean
		}
	case Axes:
		for k := range out {
			if r.o.Axes[k] {
				out[k][k] = t[k][k]
			}
		}
	case Shape, Full:
		for k := range out {
			for l := range out {
				out[k][l] = (t[k][l] + t[l][k]) / 2
			}
			if r.o.Cell == Shape {
				out[k][k] -= mean
			}
		}
	}
	return out
}

// evaluate computes energy and gradient where the atoms are.
func (r *run) evaluate(step int) (*Progress, error) {
	e := r.e
	if err := e.Evaluate(); err != nil {
		return nil, err
	}
	t, err := e.Totals(nil)
	if err != nil {
		return nil, err
	}
	if r.c == 0 {
		r.c = math.Sqrt(float64(t.Atoms))
	}
	a := e.Atoms
	p := &Progress{Step: step, Energy: t.Energy, Enthalpy: t.Energy, Volume: e.Cell.Volume()}
	top := []float64{0, 0}
	for i := range a.N {
		g, f2 := &a.Tow[gradient][i], 0.0
		for k, f := range a.F[i] {
			g[k] = -f
			if a.Mask[i]>>k&1 != 0 {
				g[k] = 0
			}
			f2 += g[k] * g[k]
			top[1] = max(top[1], math.Abs(g[k]))
		}
		top[0] = max(top[0], f2)
	}
	if err := e.Comm.Allreduce(top, comm.Max); err != nil {
		return nil, err
	}
	p.MaxForce, r.top = math.Sqrt(top[0]), top[1]
	if e.Cell.Given() {
		for k := range t.Virial {
			for l := range t.Virial {
				p.Stress[k][l] = -t.Virial[k][l] / p.Volume
			}
		}
	}
	if r.o.Cell != Fixed {
		r.strainGradient(t.Virial, p)
	}
	p.Converged = p.MaxForce <= r.o.Force && p.MaxStress <= r.o.Stress
	r.now = p
	return p, nil
}

// strainGradient is −(W − V P₀)/c of what is free.
func (r *run) strainGradient(w [3][3]float64, p *Progress) {
	for k := range w {
		for l := range w {
			w[k][l] -= p.Volume * r.o.Pressure[k][l]
		}
	}
	w = r.project(w)
	for k := range w {
		p.Enthalpy += p.Volume * r.o.Pressure[k][k] / 3
		for l := range w {
			g := -w[k][l] / r.c
			r.cell[gradient][k][l] = g
			r.top = max(r.top, math.Abs(g))
			p.MaxStress = max(p.MaxStress, math.Abs(w[k][l])/p.Volume)
		}
	}
}

// move makes the displacement, shortened where it is too long.
func (r *run) move() error {
	a, e := r.e.Atoms, r.e
	long, err := r.longest(displacement)
	if err != nil {
		return err
	}
	strain := 0.0
	for k := range 3 {
		for l := range 3 {
			strain += r.cell[displacement][k][l] * r.cell[displacement][k][l] / (r.c * r.c)
		}
	}
	s := min(1, r.o.MaxStep/long, maxStrain/math.Sqrt(strain))
	r.scale(displacement, s)
	if r.o.Cell != Fixed {
		if err := e.Deform(exponential(r.cell[displacement], 1/r.c)); err != nil {
			return err
		}
	}
	for i := range a.N {
		for k, u := range a.Tow[displacement][i] {
			a.X[i][k] += u
		}
	}
	return nil
}

// exponential is e^{c·m}, for small c·m.
func exponential(m [3][3]float64, c float64) [3][3]float64 {
	out := [3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}
	term := out
	for n := 1; n <= 12; n++ {
		var next [3][3]float64
		for k := range next {
			for l := range next {
				for j := range next {
					next[k][l] += term[k][j] * m[j][l] * c / float64(n)
				}
				out[k][l] += next[k][l]
			}
		}
		term = next
	}
	return out
}
