package input

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
)

type problem struct{ key, msg string }

// checker collects what is wrong.
type checker struct{ found []problem }

func (c *checker) bad(key, format string, args ...any) {
	c.found = append(c.found, problem{key, fmt.Sprintf(format, args...)})
}

// within wants lo ≤ x ≤ hi; a NaN is never within.
func (c *checker) within(key string, x, lo, hi float64) {
	if !(x >= lo && x <= hi) {
		c.bad(key, "%v is out of range: it must lie between %v and %v", x, lo, hi)
	}
}

// positive wants 0 < x ≤ hi.
func (c *checker) positive(key string, x, hi float64) {
	if !(x > 0 && x <= hi) {
		c.bad(key, "%v is out of range: it must be above 0 and at most %v", x, hi)
	}
}

func (c *checker) among(key, x string, names ...string) {
	for _, n := range names {
		if x == n {
			return
		}
	}
	msg := fmt.Sprintf("%q is not known; it may be %s", x, strings.Join(names, ", "))
	if n := Nearest(x, names); n != "" {
		msg += fmt.Sprintf("; did you mean %q?", n)
	}
	c.bad(key, "%s", msg)
}

func (c *checker) length(key string, n, want int) bool {
	if n != 0 && n != want {
		c.bad(key, "%d values; it needs %d, one per lattice vector", n, want)
		return false
	}
	return n == want
}

// check says what is out of range or does not go together.
func (c *Config) check() []problem {
	var k checker
	c.Structure.check(&k)
	c.Potential.check(&k)
	c.Dynamics.check(&k)
	c.ensemble(&k)
	if c.IPI.On() {
		c.ipi(&k)
	} else {
		if c.Dynamics.Steps == nil {
			k.bad("dynamics.steps", "missing: the number of steps must be given (0 for the forces of the start alone)")
		}
		c.Dynamics.warm(&k, c.Structure.Prototype != "" && c.Structure.File == "")
	}
	c.Output.check(&k)
	c.Observe.check(&k, c.Dynamics.Timestep)
	if c.Restart.Every < 0 {
		k.bad("restart.every", "%d is out of range: it must be 0 or more steps", c.Restart.Every)
	}
	k.within("restart.every_min", c.Restart.EveryMin, 0, 1e6)
	k.within("restart.wall_time_h", c.Restart.WallTime, 0, 1e6)
	c.Parallel.check(&k)
	if c.Parallel.Skin == AutoSkin && c.Dynamics.Temperature == nil && !c.IPI.On() {
		k.bad("parallel.skin_A", "auto goes by the temperature: give dynamics.temperature_K, or a skin in Å")
	}
	return k.found
}

// prototypes are the crystals that [structure] can build.
var prototypes = []string{"fcc", "bcc", "hcp", "diamond", "rocksalt", "cscl", "zincblende", "fluorite", "perovskite"}

func (s *Structure) check(k *checker) {
	switch {
	case s.File == "" && s.Prototype == "":
		k.bad("structure", "no atoms: give file = \"…\" or prototype = \"…\"")
	case s.File != "" && s.Prototype != "":
		k.bad("structure.prototype", "file and prototype exclude each other")
	}
	if s.Frame < -1 {
		k.bad("structure.frame", "%d is out of range: frames count from 0, and −1 is the last", s.Frame)
	}
	if s.Format != "" {
		k.among("structure.format", s.Format, "extxyz", "lammps-data", "lammps-dump", "poscar")
	}
	if s.Prototype == "" {
		if s.File != "" {
			s.onlyPrototypes(k)
			s.anySource(k)
		}
		return
	}
	if s.Frame != 0 {
		k.bad("structure.frame", "belongs to file; a prototype has no frames")
	}
	if s.Format != "" {
		k.bad("structure.format", "belongs to file")
	}
	if s.AllMove {
		k.bad("structure.all_move", "belongs to file")
	}
	if s.Species != nil {
		k.bad("structure.species", "belongs to file; elements are those of a prototype")
	}
	s.Prototype = strings.ToLower(s.Prototype)
	k.among("structure.prototype", s.Prototype, prototypes...)
	if len(s.Elements) == 0 {
		k.bad("structure.elements", "missing: the symbols of the sublattices, as in [\"Na\", \"Cl\"]")
	}
	if s.A == 0 {
		k.bad("structure.a_A", "missing or 0: the lattice constant of the prototype, in Å")
	} else {
		k.positive("structure.a_A", s.A, 1e4)
	}
	if s.C != 0 {
		k.positive("structure.c_A", s.C, 1e4)
		if s.Prototype != "hcp" {
			k.bad("structure.c_A", "only hcp has a second lattice constant")
		}
	}
	s.anySource(k)
	for i, a := range s.Alloy {
		if a.Replace == "" || a.By == "" {
			k.bad("structure.alloy", "entry %d: replace and by must name elements", i+1)
		}
		k.within("structure.alloy.fraction", a.Fraction, 0, 1)
	}
	if !(s.Vacancies >= 0 && s.Vacancies < 1) {
		k.bad("structure.vacancies", "%v is out of range: a fraction of the sites, from 0 to below 1", s.Vacancies)
	}
	if len(s.Strain) != 0 {
		if len(s.Strain) != 3 {
			k.bad("structure.strain", "%d rows; it is a 3×3 matrix", len(s.Strain))
		}
		for _, row := range s.Strain {
			if len(row) != 3 {
				k.bad("structure.strain", "a row has %d numbers; it is a 3×3 matrix", len(row))
			}
			for _, x := range row {
				k.within("structure.strain", x, -0.9, 10)
			}
		}
	}
	if k.length("structure.vacuum_A", len(s.Vacuum), 3) {
		for _, x := range s.Vacuum {
			k.within("structure.vacuum_A", x, 0, 1e6)
		}
	}
}

// anySource looks at what holds for files and prototypes.
func (s *Structure) anySource(k *checker) {
	if k.length("structure.repeat", len(s.Repeat), 3) {
		for _, n := range s.Repeat {
			if n < 1 || n > 1<<20 {
				k.bad("structure.repeat", "%d is out of range: each number must be 1 or more", n)
			}
		}
	}
	k.within("structure.rattle_A", s.Rattle, 0, 10)
	k.length("structure.pbc", len(s.PBC), 3)
}

// onlyPrototypes refuses what would change nothing in a structure from a file.
func (s *Structure) onlyPrototypes(k *checker) {
	for _, own := range []struct {
		key string
		set bool
	}{
		{"elements", len(s.Elements) > 0}, {"a_A", s.A != 0}, {"c_A", s.C != 0},
		{"alloy", len(s.Alloy) > 0}, {"vacancies", s.Vacancies != 0},
		{"strain", len(s.Strain) > 0}, {"vacuum_A", len(s.Vacuum) > 0},
	} {
		if own.set {
			k.bad("structure."+own.key, "belongs to prototype; of a structure from a file only repeat, rattle_A and pbc can be chosen")
		}
	}
}

func (d *Dynamics) check(k *checker) {
	if d.Ensemble == "nvt-langevin" {
		d.Ensemble = "langevin"
	}
	k.among("dynamics.ensemble", d.Ensemble, "nve", "nvt", "npt", "nph", "langevin")
	k.within("dynamics.temperature_K", d.Kelvin(), 0, 1e6)
	k.positive("dynamics.timestep_fs", d.Timestep, 100)
	if n := d.Length(); n < 0 {
		k.bad("dynamics.steps", "%d is out of range: it must be 0 or more", n)
	}
	if d.Friction != 0 {
		k.positive("dynamics.friction_time_fs", d.Friction, 1e9)
	}
	k.among("dynamics.velocities", d.Velocities, "auto", "maxwell", "file", "zero")
	k.positive("dynamics.max_force_eV_A", d.MaxForce, math.MaxFloat64)
}

// warm wants a temperature where something has it. Of atoms from a file one
// learns only later whether they have momenta; those of a prototype have none.
func (d *Dynamics) warm(k *checker, prototype bool) {
	what := ""
	switch {
	case d.Temperature != nil:
		return
	case d.Thermal():
		what = fmt.Sprintf("the bath of ensemble = %q", d.Ensemble)
	case d.Ensemble == "nph":
		what = "the mass of the barostat"
	case d.Velocities == "maxwell", d.Velocities == "auto" && prototype:
		what = "the first velocities"
	default:
		return
	}
	k.bad("dynamics.temperature_K", "missing: %s must have one; write temperature_K = 0 for atoms at rest", what)
}

// dumpProperties are the columns that a trajectory may have beyond species and pos.
var dumpProperties = []string{"id", "momenta", "forces", "energies", "virials", "stresses", "stress", "move_mask"}

func (o *Output) check(k *checker) {
	if o.Dir == "" {
		k.bad("output.dir", "is empty")
	}
	if o.ThermoEvery < 1 {
		k.bad("output.thermo_every", "%d is out of range: it must be 1 or more steps", o.ThermoEvery)
	}
	if o.LogLevel != "" {
		k.among("output.log_level", o.LogLevel, "debug", "info", "warn", "error")
	}
	seen := map[string]bool{"thermo.csv": true, "log.lammps": true, "config.toml": true, "log.jsonl": true, "run.lock": true, "last-good.extxyz": true}
	for _, t := range []string{"averages", "rdf", "coordination", "msd", "diffusion", "vacf", "vdos", "stress-acf"} {
		seen[t+".csv"] = true
	}
	for i := range o.Dump {
		d := &o.Dump[i]
		if d.Every < 1 {
			k.bad("output.dump.every", "%d is out of range: it must be 1 or more steps", d.Every)
		}
		if d.File == "" {
			d.File = "traj.extxyz"
		}
		if d.File != filepath.Base(d.File) || strings.HasPrefix(d.File, ".") || strings.HasPrefix(d.File, "restart") {
			k.bad("output.dump.file", "%q must be a plain name in the run folder", d.File)
		}
		if seen[d.File] {
			k.bad("output.dump.file", "%q is written twice", d.File)
		}
		seen[d.File] = true
		if d.Format == "" {
			d.Format = dumpFormat(d.File)
		}
		k.among("output.dump.format", d.Format, "extxyz", "lammps-dump")
		for _, p := range d.Properties {
			k.among("output.dump.properties", p, dumpProperties...)
			if (p == "stresses" || p == "stress" || p == "move_mask") && d.Format == "lammps-dump" {
				k.bad("output.dump.properties", "%s is ASE's, for extxyz: a dump of LAMMPS has virials, as c_stress", p)
			}
		}
	}
}

// dumpFormat is what the name of a trajectory says.
func dumpFormat(name string) string {
	for _, packed := range []string{".gz", ".zst"} {
		name = strings.TrimSuffix(name, packed)
	}
	switch filepath.Ext(name) {
	case ".lammpstrj", ".dump":
		return "lammps-dump"
	}
	return "extxyz"
}

func (p *Parallel) check(k *checker) {
	if p.Bricks < 0 || p.Bricks > 1<<20 {
		k.bad("parallel.bricks", "%d is out of range: it must be 1 or more", p.Bricks)
	}
	if k.length("parallel.grid", len(p.Grid), 3) {
		n := 1
		for _, g := range p.Grid {
			if g < 1 || g > 1<<20 {
				k.bad("parallel.grid", "%d is out of range: each number must be 1 or more", g)
				return
			}
			n *= g
		}
		if p.Bricks == 0 {
			p.Bricks = n
		} else if p.Bricks != n {
			k.bad("parallel.grid", "%v makes %d bricks, but bricks = %d", p.Grid, n, p.Bricks)
		}
	}
	k.among("parallel.balance", p.Balance, "edges", "none")
	if p.Skin != AutoSkin {
		k.positive("parallel.skin_A", float64(p.Skin), 100)
	}
}
