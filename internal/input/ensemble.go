package input

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Thermostat is the heat bath of ensembles nvt and npt.
type Thermostat struct {
	Type    string  `toml:"type,omitempty" doc:"nose-hoover (default), csvr (stochastic velocity rescaling) or langevin"`
	Damping float64 `toml:"damping_fs,omitempty" doc:"relaxation time, fs: of the momenta (langevin), of the kinetic energy (csvr), about the period of the chain (nose-hoover); default 100"`
	Chain   int     `toml:"chain,omitempty" doc:"nose-hoover: links of the chain, 1 to 8; default 3"`
	Group   string  `toml:"group,omitempty" doc:"langevin: the group that feels the bath; default all atoms"`
}

// Barostat is the pressure of ensembles npt and nph.
type Barostat struct {
	Type            string    `toml:"type,omitempty" doc:"mtk (Martyna–Tobias–Klein, default) or c-rescale (stochastic cell rescaling)"`
	Coupling        string    `toml:"coupling,omitempty" doc:"isotropic (default), axes (each of the axes on its own) or triclinic (all six strains)"`
	Axes            []string  `toml:"axes,omitempty" doc:"coupling = axes: which of x, y, z move; default all"`
	Pressure        *float64  `toml:"pressure_GPa,omitempty" doc:"target, GPa, positive under compression; default 0"`
	PressureEnd     *float64  `toml:"pressure_end_GPa,omitempty" doc:"the target goes there in even steps over the run"`
	Stress          []float64 `toml:"stress_GPa,omitempty" doc:"target instead of a pressure: xx, yy, zz, yz, xz, xy, GPa, positive in tension"`
	StressEnd       []float64 `toml:"stress_end_GPa,omitempty" doc:"the target goes there in even steps over the run"`
	Damping         float64   `toml:"damping_fs,omitempty" doc:"sets the mass of the cell, a crystal breathes in about a fifth of it (mtk); relaxation time of the pressure (c-rescale), fs; default 1000"`
	Compressibility float64   `toml:"compressibility_per_GPa,omitempty" doc:"c-rescale: about that of the material; it only scales damping_fs; default 0.01"`
}

// Deform drives the cell at a constant rate.
type Deform struct {
	Rate  [][]float64 `toml:"rate_per_ps,omitempty" doc:"3×3 L, 1/ps: after time t the cell is (1 + L t) times that of the start, and atoms follow; [0][0] is tension along x, [0][1] shear that moves x by y"`
	Remap string      `toml:"remap,omitempty" doc:"x: positions follow the cell (default); v: they do not, and an atom that crosses a face loses the velocity of the lattice vector: a flow, without a bath"`
}

// Group is a set of atoms: those for which everything holds that is given. An
// atom belongs to it from the start to the end of the run.
type Group struct {
	Name     string    `toml:"name" doc:"what other keys call it"`
	Elements []string  `toml:"elements,omitempty" doc:"symbols"`
	IDs      []string  `toml:"ids,omitempty" doc:"numbers of atoms, from 1, and ranges of them, as in [\"1-100\", \"205\"]"`
	From     []float64 `toml:"from,omitempty" doc:"lower corner of a region of the starting structure, in lattice vectors"`
	To       []float64 `toml:"to,omitempty" doc:"upper corner, in lattice vectors"`
	FromA    []float64 `toml:"from_A,omitempty" doc:"lower corner, x, y, z, Å"`
	ToA      []float64 `toml:"to_A,omitempty" doc:"upper corner, Å"`
	Frozen   []string  `toml:"frozen,omitempty" doc:"directions in which the atoms do not move: x, y, z"`
}

// MaxGroups is how many groups a run may have.
const MaxGroups = 29

// Isobaric is whether the ensemble has a barostat.
func (d *Dynamics) Isobaric() bool { return d.Ensemble == "npt" || d.Ensemble == "nph" }

// Thermal is whether the ensemble has a heat bath.
func (d *Dynamics) Thermal() bool {
	return d.Ensemble == "nvt" || d.Ensemble == "npt" || d.Ensemble == "langevin"
}

// Moves is whether the cell changes during the run.
func (c *Config) Moves() bool { return c.Dynamics.Isobaric() || c.Deform.Rate != nil }

// ensemble checks what the motion is made of.
func (c *Config) ensemble(k *checker) {
	d := &c.Dynamics
	if d.End != nil {
		k.within("dynamics.temperature_end_K", *d.End, 0, 1e6)
		if !d.Thermal() {
			k.bad("dynamics.temperature_end_K", "ensemble = %q has no bath whose temperature could change", d.Ensemble)
		}
	}
	c.Thermostat.check(k, d, c.Group)
	c.Barostat.check(k, d)
	groups(k, c.Group)
	if c.Deform.Rate == nil {
		if c.Deform.Remap != "" {
			k.bad("deform.remap", "rate_per_ps is missing")
		}
		return
	}
	if c.Deform.Remap == "" {
		c.Deform.Remap = "x"
	}
	k.among("deform.remap", c.Deform.Remap, "x", "v")
	if c.Deform.Remap == "v" && (d.Thermal() || d.Isobaric()) {
		k.bad("deform.remap", "ensemble = %q has a bath or a barostat, which would take the flow for heat: \"v\" needs \"nve\"", d.Ensemble)
	}
	rate, ok := matrix(k, "deform.rate_per_ps", c.Deform.Rate, 1e3)
	if !ok {
		return
	}
	if at := collapse(rate, float64(d.Length())*d.Timestep/1000); at > 0 {
		k.bad("deform.rate_per_ps", "the cell collapses after %.4g ps, within the %d steps of the run: (1 + L t) has no volume there", at, d.Length())
	}
	if !d.Isobaric() {
		return
	}
	if c.Barostat.Coupling != "axes" {
		k.bad("deform", "with a barostat it needs barostat.coupling = \"axes\", and axes that the rate leaves free")
		return
	}
	for i, name := range axisNames {
		if slices.Contains(c.Barostat.Axes, name) && rate[i] != [3]float64{} {
			k.bad("deform.rate_per_ps", "the barostat moves axis %s too: take it out of barostat.axes", name)
		}
	}
}

// collapse is the first time (ps) up to end at which 1 + L t has no volume; 0 where there is none.
func collapse(l [3][3]float64, end float64) float64 {
	volume := func(t float64) float64 {
		m := l
		for i := range m {
			for j := range m[i] {
				m[i][j] *= t
			}
			m[i][i]++
		}
		return m[0][0]*(m[1][1]*m[2][2]-m[1][2]*m[2][1]) - m[0][1]*(m[1][0]*m[2][2]-m[1][2]*m[2][0]) + m[0][2]*(m[1][0]*m[2][1]-m[1][1]*m[2][0])
	}
	const looks = 10000
	for n := 1; n <= looks; n++ {
		hi := end * float64(n) / looks
		if volume(hi) > 0 {
			continue
		}
		lo := end * float64(n-1) / looks
		for range 60 {
			if mid := (lo + hi) / 2; volume(mid) > 0 {
				lo = mid
			} else {
				hi = mid
			}
		}
		return hi
	}
	return 0
}

var axisNames = []string{"x", "y", "z"}

// matrix is a 3×3 of numbers up to most in magnitude.
func matrix(k *checker, key string, rows [][]float64, most float64) (m [3][3]float64, ok bool) {
	if len(rows) != 3 {
		k.bad(key, "%d rows; it is a 3×3 matrix", len(rows))
		return m, false
	}
	for i, row := range rows {
		if len(row) != 3 {
			k.bad(key, "a row has %d numbers; it is a 3×3 matrix", len(row))
			return m, false
		}
		for j, x := range row {
			k.within(key, x, -most, most)
			m[i][j] = x
		}
	}
	return m, true
}

func (t *Thermostat) check(k *checker, d *Dynamics, groups []Group) {
	if d.Ensemble == "langevin" {
		switch {
		case t.Type != "" && t.Type != "langevin":
			k.bad("thermostat.type", "ensemble = \"langevin\" excludes another bath: write ensemble = \"nvt\"")
		case d.Friction != 0 && t.Damping != 0 && t.Damping != d.Friction:
			k.bad("thermostat.damping_fs", "dynamics.friction_time_fs says it already")
		case t.Damping == 0:
			t.Damping = d.Friction
		}
		t.Type = "langevin"
	} else if d.Friction != 0 {
		k.bad("dynamics.friction_time_fs", "only ensemble = \"langevin\" has it; other baths have thermostat.damping_fs")
	}
	if !d.Thermal() {
		if *t != (Thermostat{}) {
			k.bad("thermostat", "ensemble = %q has no heat bath; nvt, npt and langevin have", d.Ensemble)
		}
		return
	}
	if t.Type == "" {
		t.Type = "nose-hoover"
	}
	k.among("thermostat.type", t.Type, "nose-hoover", "csvr", "langevin")
	if t.Damping == 0 {
		t.Damping = 100
	}
	k.positive("thermostat.damping_fs", t.Damping, 1e9)
	if d.Ensemble == "langevin" {
		d.Friction = t.Damping
	}
	if t.Type == "nose-hoover" {
		if t.Chain == 0 {
			t.Chain = 3
		}
		k.within("thermostat.chain", float64(t.Chain), 1, 8)
	} else if t.Chain != 0 {
		k.bad("thermostat.chain", "only nose-hoover has a chain")
	}
	if t.Group == "" {
		return
	}
	if t.Type != "langevin" {
		k.bad("thermostat.group", "only langevin acts on a group")
	}
	known(k, "thermostat.group", t.Group, groups)
}

// known wants the name of a group.
func known(k *checker, key, name string, groups []Group) {
	var names []string
	for _, g := range groups {
		names = append(names, g.Name)
	}
	if len(names) == 0 {
		k.bad(key, "there is no group %q: no [[group]] is given", name)
		return
	}
	k.among(key, name, names...)
}

func (b *Barostat) check(k *checker, d *Dynamics) {
	if !d.Isobaric() {
		if b.given() {
			k.bad("barostat", "ensemble = %q keeps the cell; npt and nph have a barostat", d.Ensemble)
		}
		return
	}
	if b.Type == "" {
		b.Type = "mtk"
	}
	k.among("barostat.type", b.Type, "mtk", "c-rescale")
	if b.Type == "c-rescale" && d.Ensemble == "nph" {
		k.bad("barostat.type", "c-rescale needs a heat bath: ensemble = \"npt\", or type = \"mtk\"")
	}
	if b.Coupling == "" {
		b.Coupling = "isotropic"
	}
	k.among("barostat.coupling", b.Coupling, "isotropic", "axes", "triclinic")
	if b.Coupling == "axes" && b.Axes == nil {
		b.Axes = append(b.Axes, axisNames...)
	}
	if b.Axes != nil {
		directions(k, "barostat.axes", b.Axes)
		if b.Coupling != "axes" {
			k.bad("barostat.axes", "belongs to coupling = \"axes\"")
		}
	}
	b.target(k)
	if b.Damping == 0 {
		b.Damping = 1000
	}
	k.positive("barostat.damping_fs", b.Damping, 1e9)
	if b.Type == "c-rescale" {
		if b.Compressibility == 0 {
			b.Compressibility = 0.01
		}
		k.positive("barostat.compressibility_per_GPa", b.Compressibility, 1e6)
	} else if b.Compressibility != 0 {
		k.bad("barostat.compressibility_per_GPa", "only c-rescale has it; mtk has a mass, by damping_fs")
	}
}

func (b *Barostat) given() bool {
	return b.Type != "" || b.Coupling != "" || b.Axes != nil || b.Pressure != nil || b.PressureEnd != nil ||
		b.Stress != nil || b.StressEnd != nil || b.Damping != 0 || b.Compressibility != 0
}

// target checks the pressure or the stress asked for.
func (b *Barostat) target(k *checker) {
	if b.Pressure == nil && b.Stress == nil {
		b.Pressure = new(float64)
	}
	if b.Stress != nil && (b.Pressure != nil || b.PressureEnd != nil) {
		k.bad("barostat.stress_GPa", "pressure_GPa says the target already")
	}
	if b.Stress != nil && b.Coupling == "isotropic" {
		k.bad("barostat.stress_GPa", "coupling = \"isotropic\" knows one pressure; use axes or triclinic")
	}
	if b.StressEnd != nil && b.Stress == nil {
		k.bad("barostat.stress_end_GPa", "stress_GPa is missing")
	}
	for _, p := range []struct {
		key string
		x   *float64
	}{{"pressure_GPa", b.Pressure}, {"pressure_end_GPa", b.PressureEnd}} {
		if p.x != nil {
			k.within("barostat."+p.key, *p.x, -1e4, 1e4)
		}
	}
	for _, s := range []struct {
		key string
		x   []float64
	}{{"stress_GPa", b.Stress}, {"stress_end_GPa", b.StressEnd}} {
		if s.x == nil {
			continue
		}
		if len(s.x) != 6 {
			k.bad("barostat."+s.key, "%d values; it needs 6: xx, yy, zz, yz, xz, xy", len(s.x))
			continue
		}
		for i, x := range s.x {
			k.within("barostat."+s.key, x, -1e4, 1e4)
			if i > 2 && x != 0 && b.Coupling != "triclinic" {
				k.bad("barostat."+s.key, "a shear stress needs coupling = \"triclinic\"")
			}
		}
	}
}

// Target is the pressure tensor asked for at the start and at the end, GPa,
// positive under compression.
func (b *Barostat) Target() (from, to [3][3]float64) {
	tensor := func(p *float64, s []float64) (m [3][3]float64) {
		if p != nil {
			m[0][0], m[1][1], m[2][2] = *p, *p, *p
		}
		if len(s) == 6 {
			m = [3][3]float64{{-s[0], -s[5], -s[4]}, {-s[5], -s[1], -s[3]}, {-s[4], -s[3], -s[2]}}
		}
		return m
	}
	from = tensor(b.Pressure, b.Stress)
	if b.PressureEnd == nil && b.StressEnd == nil {
		return from, from
	}
	return from, tensor(b.PressureEnd, b.StressEnd)
}

// directions wants names of axes, each once.
func directions(k *checker, key string, names []string) {
	seen := map[string]bool{}
	for _, a := range names {
		k.among(key, a, axisNames...)
		if seen[a] {
			k.bad(key, "%q stands twice", a)
		}
		seen[a] = true
	}
	if len(names) == 0 {
		k.bad(key, "is empty")
	}
}

// Axes says which of x, y, z are named.
func Axes(names []string) (on [3]bool) {
	for i, a := range axisNames {
		on[i] = slices.Contains(names, a)
	}
	return on
}

func groups(k *checker, list []Group) {
	if len(list) > MaxGroups {
		k.bad("group", "%d groups; there may be %d", len(list), MaxGroups)
	}
	seen := map[string]bool{}
	for i := range list {
		g := &list[i]
		if g.Name == "" {
			k.bad("group.name", "entry %d: a group needs a name", i+1)
		}
		if seen[g.Name] {
			k.bad("group.name", "two groups are called %q", g.Name)
		}
		seen[g.Name] = true
		if g.Frozen != nil {
			directions(k, "group.frozen", g.Frozen)
		}
		if _, err := g.Ranges(); err != nil {
			k.bad("group.ids", "%v", err)
		}
		for _, r := range []struct {
			key      string
			from, to []float64
		}{{"from", g.From, g.To}, {"from_A", g.FromA, g.ToA}} {
			if r.from == nil && r.to == nil {
				continue
			}
			if len(r.from) != 3 || len(r.to) != 3 {
				k.bad("group."+r.key, "a region has two corners, each of three numbers")
				continue
			}
			for a := range 3 {
				if !(r.from[a] < r.to[a]) {
					k.bad("group."+r.key, "the region is empty: %v is not below %v", r.from[a], r.to[a])
				}
			}
		}
	}
}

// Ranges are the IDs as first and last of each range.
func (g *Group) Ranges() ([][2]int64, error) {
	var out [][2]int64
	for _, s := range g.IDs {
		a, b, two := strings.Cut(s, "-")
		if !two {
			b = a
		}
		lo, err1 := strconv.ParseInt(strings.TrimSpace(a), 10, 64)
		hi, err2 := strconv.ParseInt(strings.TrimSpace(b), 10, 64)
		if err1 != nil || err2 != nil || lo < 1 || hi < lo {
			return nil, fmt.Errorf("%q is no number of an atom from 1, and no range of them as in \"5-20\"", s)
		}
		out = append(out, [2]int64{lo, hi})
	}
	return out, nil
}
