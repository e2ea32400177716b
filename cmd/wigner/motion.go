package main

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/ensemble"
	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/internal/philox"
	"github.com/wigner-md/wigner/md"
)

// gigapascal is 1 GPa in eV/Å³.
const gigapascal = 1e4 / md.Bar

// integrator chooses the motion.
func integrator(c *input.Config) md.Integrator {
	d, t := &c.Dynamics, &c.Thermostat
	seed, tau := uint64(d.Seed), t.Damping*md.Femtosecond
	if !c.Moves() && d.End == nil && t.Group == "" {
		switch {
		case d.Ensemble == "nve":
			return md.VelocityVerlet{}
		case t.Type == "langevin":
			return md.Langevin{Temperature: d.Kelvin(), Friction: 1 / tau, Seed: seed}
		}
	}
	m := &ensemble.Motion{Temperature: ensemble.Ramp{From: d.Kelvin(), To: d.Kelvin(), Steps: d.Length()}}
	if d.End != nil {
		m.Temperature.To = *d.End
	}
	bath := func(set philox.Stream) ensemble.Bath {
		switch t.Type {
		case "nose-hoover":
			return &ensemble.Chain{Tau: tau, Links: t.Chain}
		case "csvr":
			return &ensemble.CSVR{Tau: tau, Seed: seed, Set: set}
		}
		return nil
	}
	if d.Thermal() {
		m.Bath = bath(philox.Bath)
		if t.Type == "langevin" {
			m.Local = &ensemble.Local{Tau: tau, Seed: seed, Group: groupMask(c, t.Group)}
		}
	}
	if d.Isobaric() {
		m.MTK, m.CRescale = piston(c, m, bath)
	}
	if c.Deform.Rate != nil {
		m.Deformation = &ensemble.Deformation{Rate: rate(c), Faces: c.Deform.Remap == "v"}
	}
	return m
}

// piston is the barostat of a config.
func piston(c *input.Config, m *ensemble.Motion, bath func(philox.Stream) ensemble.Bath) (*ensemble.MTK, *ensemble.CRescale) {
	b, d := &c.Barostat, &c.Dynamics
	coupling := ensemble.Coupling{
		Isotropic: b.Coupling == "isotropic", Triclinic: b.Coupling == "triclinic", Axes: input.Axes(b.Axes),
	}
	from, to := b.Target()
	target := ensemble.Tensor{From: from, To: to, Steps: d.Length()}
	for k := range 3 {
		for l := range 3 {
			target.From[k][l] *= gigapascal
			target.To[k][l] *= gigapascal
		}
	}
	tau := b.Damping * md.Femtosecond
	if b.Type == "c-rescale" {
		return nil, &ensemble.CRescale{
			Coupling: coupling, Pressure: target, Tau: tau,
			Compressibility: b.Compressibility / gigapascal, Seed: uint64(d.Seed),
		}
	}
	p := &ensemble.MTK{Coupling: coupling, Pressure: target, Tau: tau, KT: md.KB * max(d.Kelvin(), m.Temperature.To)}
	if d.Thermal() {
		p.Bath = bath(philox.Piston)
		p.Local = m.Local
	}
	return p, nil
}

// rate is the deformation's, in units inside.
func rate(c *input.Config) (l [3][3]float64) {
	for i, row := range c.Deform.Rate {
		for j, x := range row {
			l[i][j] = x / picosecond
		}
	}
	return l
}

// moves are the symmetric strains that a config lets the cell make, as a matrix of
// ones; for a deformation its rate.
func moves(c *input.Config) (list [][3][3]float64) {
	if c.Deform.Rate != nil {
		list = append(list, rate(c))
	}
	if !c.Dynamics.Isobaric() {
		return list
	}
	var m [3][3]float64
	for k := range m {
		for l := range m {
			if c.Barostat.Coupling == "triclinic" || k == l && (c.Barostat.Coupling == "isotropic" || input.Axes(c.Barostat.Axes)[k]) {
				m[k][l] = 1
			}
		}
	}
	return append(list, m)
}

// checkCell refuses a cell that cannot make the strains asked for.
func checkCell(c *input.Config, cell *domain.Cell) error {
	if !c.Moves() {
		return nil
	}
	if !cell.Given() {
		return usagef("barostat: a pressure needs a volume, and the structure has not all three lattice vectors: give them, with vacuum where it is not periodic")
	}
	a, periodic := cell.Vectors(), cell.Periodic()
	for _, m := range moves(c) {
		for n, v := range a {
			if periodic[n] {
				continue
			}
			moved, long := 0.0, 0.0
			for k := range v {
				d := m[k][0]*v[0] + m[k][1]*v[1] + m[k][2]*v[2]
				moved, long = moved+d*d, long+v[k]*v[k]
			}
			if math.Sqrt(moved) > 1e-9*math.Sqrt(long) {
				return usagef("barostat, deform: the cell is not periodic along lattice vector %s, so nothing may change it: use barostat.coupling = \"axes\" with the axes that are periodic", "abc"[n:n+1])
			}
		}
	}
	d := &c.Dynamics
	if d.Isobaric() && d.Kelvin() == 0 && (d.End == nil || *d.End == 0) && c.Barostat.Type == "mtk" {
		return usagef("dynamics.temperature_K: the mass of barostat mtk is none at 0 K; to find the cell of least enthalpy use wigner relax")
	}
	return nil
}

// atRest is collective: it refuses to heat, by a bath that multiplies velocities, atoms of
// which none moves or feels a force: only rounding would grow.
func (r *runner) atRest() error {
	m, ok := r.sim.Integrator.(*ensemble.Motion)
	if !ok || m.Bath == nil || r.sim.Step > 0 || r.sim.Freedom() == 0 {
		return nil
	}
	x, err := r.sim.Thermo()
	if err != nil || x.Kinetic > 0 || x.MaxForce > 1e-6 {
		return err
	}
	return usagef("all atoms are at rest, and thermostat.type = %q can only multiply velocities: give the first ones a dynamics.temperature_K above 0, or use thermostat.type = \"langevin\"", r.cfg.Thermostat.Type)
}

// groupMask is the bit of a group; 0 for no name.
func groupMask(c *input.Config, name string) uint32 {
	i := slices.IndexFunc(c.Group, func(g input.Group) bool { return g.Name == name })
	if name == "" || i < 0 {
		return 0
	}
	return md.FirstGroup << i
}

// markGroups is collective: it gives the atoms of a new structure their masks.
func markGroups(c comm.Comm, groups []input.Group, x *crystal) error {
	if len(groups) == 0 {
		return nil
	}
	a := x.Atoms
	if a.Mask == nil {
		a.Mask = make([]uint32, a.N)
	}
	sizes := make([]int64, len(groups))
	var bad error
	for i := range groups {
		in, err := membership(&groups[i], &x.Cell, x.Total)
		if err != nil {
			bad = err
			break
		}
		frozen := uint32(0)
		for k, on := range input.Axes(groups[i].Frozen) {
			if on {
				frozen |= md.FrozenX << k
			}
		}
		for r := range a.N {
			if in(a.ID[r], a.Species[r], a.X[r]) {
				a.Mask[r] |= md.FirstGroup<<i | frozen
				sizes[i]++
			}
		}
	}
	if err := agree(c, bad); err != nil {
		return err
	}
	if err := c.AllreduceInt(sizes, comm.Sum); err != nil {
		return err
	}
	for i, n := range sizes {
		if n == 0 {
			return usagef("group %q has no atoms in this structure", groups[i].Name)
		}
	}
	return nil
}

// membership is the test of whether an atom is in the group.
func membership(g *input.Group, cell *domain.Cell, total int64) (func(id int64, z int32, x [3]float64) bool, error) {
	var zs []int32
	for _, s := range g.Elements {
		z, ok := element.Number(s)
		if !ok {
			return nil, usagef("group %q: %q is not the symbol of an element", g.Name, s)
		}
		zs = append(zs, int32(z))
	}
	ids, err := g.Ranges()
	if err != nil {
		return nil, usage(err)
	}
	for _, r := range ids {
		if r[1] > total {
			return nil, usagef("group %q: there is no atom %d; there are %d", g.Name, r[1], total)
		}
	}
	within := func(x [3]float64, from, to []float64) bool {
		for k, v := range x {
			if len(from) == 3 && !(v >= from[k] && v < to[k]) {
				return false
			}
		}
		return true
	}
	return func(id int64, z int32, x [3]float64) bool {
		if zs != nil && !slices.Contains(zs, z) {
			return false
		}
		if ids != nil && !slices.ContainsFunc(ids, func(r [2]int64) bool { return id >= r[0] && id <= r[1] }) {
			return false
		}
		w, _ := cell.Wrap(x)
		return within(cell.Frac(w), g.From, g.To) && within(w, g.FromA, g.ToA)
	}, nil
}

// describeMotion says what moves the atoms, for the log.
func describeMotion(c *input.Config) string {
	d := &c.Dynamics
	parts := []string{d.Ensemble}
	if d.Thermal() {
		parts = append(parts, fmt.Sprintf("%s, %g fs", c.Thermostat.Type, c.Thermostat.Damping))
		if c.Thermostat.Type == "langevin" {
			parts = append(parts, fmt.Sprintf("friction %.4g/ps", 1000/c.Thermostat.Damping))
		}
	}
	if d.Isobaric() {
		parts = append(parts, fmt.Sprintf("%s, %s, %g fs", c.Barostat.Type, c.Barostat.Coupling, c.Barostat.Damping))
	}
	return strings.Join(parts, "; ")
}
