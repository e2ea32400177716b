package input

import (
	"fmt"
	"math"
)

// Observe is what is measured while the atoms move.
type Observe struct {
	From  float64 `toml:"from_ps,omitempty" doc:"what lies before, as while the system warms, is not looked at, ps"`
	Every int64   `toml:"write_every" doc:"steps between two versions of the tables; also with each restart and at the end"`

	RDF          *RDF          `toml:"rdf,omitempty" doc:"pair distribution by elements, in rdf.csv: a table [observe.rdf]"`
	Coordination *Coordination `toml:"coordination,omitempty" doc:"numbers of neighbours, in coordination.csv"`
	MSD          *MSD          `toml:"msd,omitempty" doc:"mean square displacement by elements, and diffusion, in msd.csv and diffusion.csv"`
	VACF         *VACF         `toml:"vacf,omitempty" doc:"velocity autocorrelation by elements, and its spectrum, in vacf.csv and vdos.csv"`
	Stress       *StressACF    `toml:"stress,omitempty" doc:"stress autocorrelation and viscosity, in stress-acf.csv"`
}

// RDF is the pair distribution.
type RDF struct {
	Every  int64   `toml:"every" doc:"steps between two looks; default 100"`
	Cutoff float64 `toml:"cutoff_A" doc:"up to this distance, Å, which may exceed that of the potential; default 8"`
	Bins   int     `toml:"bins" doc:"default 320"`
}

// Coordination counts neighbours.
type Coordination struct {
	Every  int64              `toml:"every" doc:"steps between two looks; default 100"`
	Cutoff float64            `toml:"cutoff_A,omitempty" doc:"distance within which atoms are neighbours, Å"`
	Pair   []CoordinationPair `toml:"pair,omitempty" doc:"other distances: a list of tables"`
}

// CoordinationPair is the distance of one pair of elements.
type CoordinationPair struct {
	Elements []string `toml:"elements" doc:"two symbols"`
	Cutoff   float64  `toml:"cutoff_A" doc:"Å"`
}

// MSD is the mean square displacement.
type MSD struct {
	Every     int64   `toml:"every" doc:"steps between two looks; default 10"`
	Window    float64 `toml:"window_ps" doc:"longest time, ps; default 10"`
	Origins   int     `toml:"origins" doc:"that a window has, evenly; each keeps 24 bytes for each atom; default 10"`
	KeepDrift bool    `toml:"keep_drift,omitempty" doc:"the displacement of the centre of mass is not taken away"`
}

// VACF is the velocity autocorrelation.
type VACF struct {
	Every     int64   `toml:"every" doc:"steps between two looks: half the inverse of the highest frequency, or less; default 4"`
	Window    float64 `toml:"window_ps" doc:"longest time, ps; default 2"`
	Origins   int     `toml:"origins" doc:"as of msd; default 10"`
	KeepDrift bool    `toml:"keep_drift,omitempty" doc:"the velocity of the centre of mass is not taken away"`
}

// StressACF is the stress autocorrelation.
type StressACF struct {
	Every  int64   `toml:"every" doc:"steps between two looks; default 2"`
	Window float64 `toml:"window_ps" doc:"longest time, ps; default 5"`
}

// Any is whether anything is measured beside the means.
func (o *Observe) Any() bool {
	return o.RDF != nil || o.Coordination != nil || o.MSD != nil || o.VACF != nil || o.Stress != nil
}

// Doubts are what a run does all the same though its user hardly means it.
func (c *Config) Doubts() []string {
	var out []string
	d := &c.Dynamics
	if d.Steps != nil && math.Round(c.Observe.From*1000/d.Timestep) > float64(d.Length()) {
		out = append(out, fmt.Sprintf("observe.from_ps: %v ps lie beyond the end of the run, so nothing is looked at: %d steps of %v fs, from the beginning of the run, are %.4g ps",
			c.Observe.From, d.Length(), d.Timestep, float64(d.Length())*d.Timestep/1000))
	}
	if b := &c.Barostat; b.Type != "" && b.Damping < hasty*d.Timestep {
		out = append(out, fmt.Sprintf("barostat.damping_fs: %v fs are %.3g timesteps, and the cell is too fast for them: its fluctuations come out too large (docs/ensembles.md); %d timesteps are usual",
			b.Damping, b.Damping/d.Timestep, 1000))
	}
	return out
}

// hasty is the barostat's damping, in timesteps, from which on the volume's variance is right
// to 1 % (docs/ensembles.md: (ω dt)²/4 with ω of 27 to 38 over damping_fs).
const hasty = 200

// preset is x, or its default where it says nothing.
func preset[T int | int64 | float64](x *T, to T) {
	if *x == 0 {
		*x = to
	}
}

func (o *Observe) check(k *checker, dt float64) {
	k.within("observe.from_ps", o.From, 0, 1e9)
	steps(k, "observe.write_every", o.Every)
	if r := o.RDF; r != nil {
		preset(&r.Every, 100)
		preset(&r.Cutoff, 8)
		preset(&r.Bins, 320)
		steps(k, "observe.rdf.every", r.Every)
		k.positive("observe.rdf.cutoff_A", r.Cutoff, 100)
		k.within("observe.rdf.bins", float64(r.Bins), 1, 1e5)
	}
	if c := o.Coordination; c != nil {
		preset(&c.Every, 100)
		steps(k, "observe.coordination.every", c.Every)
		if c.Cutoff != 0 || len(c.Pair) == 0 {
			k.positive("observe.coordination.cutoff_A", c.Cutoff, 100)
		}
		for i, p := range c.Pair {
			k.positive("observe.coordination.pair.cutoff_A", p.Cutoff, 100)
			if len(p.Elements) != 2 {
				k.bad("observe.coordination.pair.elements", "entry %d: it needs two symbols", i+1)
			}
		}
	}
	if m := o.MSD; m != nil {
		preset(&m.Every, 10)
		preset(&m.Window, 10)
		preset(&m.Origins, 10)
		window(k, "observe.msd", m.Every, m.Window, m.Origins, dt)
	}
	if v := o.VACF; v != nil {
		preset(&v.Every, 4)
		preset(&v.Window, 2)
		preset(&v.Origins, 10)
		window(k, "observe.vacf", v.Every, v.Window, v.Origins, dt)
	}
	if s := o.Stress; s != nil {
		preset(&s.Every, 2)
		preset(&s.Window, 5)
		window(k, "observe.stress", s.Every, s.Window, 1, dt)
	}
}

func steps(k *checker, key string, n int64) {
	if n < 1 || n > math.MaxInt32 {
		k.bad(key, "%d is out of range: it must be 1 or more steps", n)
	}
}

// mostLooks is how many times a correlation may have.
const mostLooks = 1e5

func window(k *checker, table string, every int64, ps float64, origins int, dt float64) {
	steps(k, table+".every", every)
	k.positive(table+".window_ps", ps, 1e9)
	k.within(table+".origins", float64(origins), 1, 256)
	if looks := ps * 1000 / dt / float64(every); every > 0 && origins <= 256 && (looks < float64(origins) || looks > mostLooks) {
		k.bad(table+".window_ps", "%v ps are %.4g looks, each %d steps of %v fs: there must be 1 for each of %d origins, and at most %.0f", ps, looks, every, dt, origins, mostLooks)
	}
}

// CutoffOf is the distance within which two elements are neighbours, Å; 0 where none
// is given.
func (c *Coordination) CutoffOf(a, b string) float64 {
	for _, p := range c.Pair {
		if len(p.Elements) == 2 && (p.Elements[0] == a && p.Elements[1] == b || p.Elements[0] == b && p.Elements[1] == a) {
			return p.Cutoff
		}
	}
	return c.Cutoff
}
