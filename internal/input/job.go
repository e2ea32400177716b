package input

import "os"

// Job is everything that the file of a relaxation, of elastic constants, of an
// equation of state or of phonons says.
type Job struct {
	Structure Structure `toml:"structure" rows:"-"`
	Potential Potential `toml:"potential" rows:"-"`
	Relax     Relax     `toml:"relax"`
	Elastic   Elastic   `toml:"elastic"`
	EOS       EOS       `toml:"eos"`
	Phonon    Phonon    `toml:"phonon"`
	Group     []Group   `toml:"group,omitempty" rows:"-" doc:"as in a run"`
	Output    JobDir    `toml:"output"`
	Parallel  Parallel  `toml:"parallel" rows:"-"`
}

// Relax is how atoms and cell come to rest, in all jobs.
type Relax struct {
	Method       string    `toml:"method" doc:"lbfgs or fire"`
	Force        float64   `toml:"force_eV_A" doc:"done when no force is larger, eV/Å; elastic, eos, phonon: default 0.001"`
	Stress       float64   `toml:"stress_GPa" doc:"done when no component of the stress that is free is further from the target, GPa; elastic, eos, phonon: default 0.01"`
	Steps        int       `toml:"steps" doc:"at most"`
	Cell         string    `toml:"cell" doc:"fixed, volume (one scale), shape (at this volume), axes or full, which is the default of elastic, eos and phonon"`
	Axes         []string  `toml:"axes,omitempty" doc:"cell = axes: which of x, y, z move; default all"`
	Pressure     float64   `toml:"pressure_GPa,omitempty" doc:"target, positive under compression"`
	TargetStress []float64 `toml:"target_stress_GPa,omitempty" doc:"target instead of a pressure: xx, yy, zz, yz, xz, xy, positive in tension"`
	MaxStep      float64   `toml:"max_step_A" doc:"longest displacement of an atom in a step, Å"`
	Memory       int       `toml:"memory" doc:"lbfgs: pairs that are kept"`
}

// Elastic is the job of wigner elastic.
type Elastic struct {
	Strain   float64 `toml:"strain" doc:"largest strain of a pattern; shears are engineering strains"`
	Points   int     `toml:"points" doc:"strains on either side of zero"`
	Internal bool    `toml:"relax_positions" doc:"positions come to rest in each strained cell"`
}

// EOS is the job of wigner eos.
type EOS struct {
	Range    float64 `toml:"range" doc:"largest change of the volume on either side, as a fraction"`
	Points   int     `toml:"points" doc:"volumes"`
	Internal bool    `toml:"relax_positions" doc:"positions come to rest at each volume"`
	Shape    bool    `toml:"relax_shape" doc:"so does the shape of the cell"`
}

// JobDir is where the files go.
type JobDir struct {
	Dir string `toml:"dir" doc:"the folder of this job"`
}

// DefaultJob is what holds where a file says nothing, for the verb relax, elastic,
// eos or phonon: properties want a cell at rest, and a better one.
func DefaultJob(verb string) Job {
	c := Job{
		Structure: Default().Structure, Potential: Default().Potential,
		Relax:   Relax{Method: "lbfgs", Force: 0.01, Stress: 0.1, Steps: 1000, Cell: "fixed", MaxStep: 0.2, Memory: 20},
		Elastic: Elastic{Strain: 0.005, Points: 1, Internal: true},
		EOS:     EOS{Range: 0.06, Points: 9, Internal: true},
		Phonon: Phonon{
			Displacement: 0.01, Primitive: "auto", Steps: 50, Mesh: []int{20, 20, 20}, MaxT: 1000, StepT: 10,
		},
		Output: JobDir{Dir: "runs/" + verb}, Parallel: Default().Parallel,
	}
	if verb != "relax" {
		c.Relax.Cell, c.Relax.Force, c.Relax.Stress = "full", 0.001, 0.01
	}
	return c
}

// ReadJobFile is ReadFile for a job of a verb.
func ReadJobFile(verb, path string, sets []string) (*Job, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return readJob(verb, path, string(text), sets)
}

func readJob(verb, name, text string, sets []string) (*Job, error) {
	c := DefaultJob(verb)
	if err := read(name, text, sets, &c); err != nil {
		return nil, err
	}
	return &c, nil
}

// Encode is the config as TOML.
func (c *Job) Encode() (string, error) { return encode(c) }

func (c *Job) check() []problem {
	var k checker
	c.Structure.check(&k)
	if !c.Phonon.Given() {
		c.Potential.check(&k)
	}
	c.Relax.check(&k)
	c.Phonon.check(&k)
	k.positive("elastic.strain", c.Elastic.Strain, 0.1)
	k.within("elastic.points", float64(c.Elastic.Points), 1, 100)
	k.positive("eos.range", c.EOS.Range, 0.5)
	k.within("eos.points", float64(c.EOS.Points), 5, 1000)
	groups(&k, c.Group)
	if c.Output.Dir == "" {
		k.bad("output.dir", "is empty")
	}
	c.Parallel.check(&k)
	if c.Parallel.Skin == AutoSkin {
		k.bad("parallel.skin_A", "auto goes by a temperature, and there is none here: give a skin in Å")
	}
	return k.found
}

func (r *Relax) check(k *checker) {
	k.among("relax.method", r.Method, "lbfgs", "fire")
	k.positive("relax.force_eV_A", r.Force, 100)
	k.positive("relax.stress_GPa", r.Stress, 1e4)
	if r.Steps < 1 {
		k.bad("relax.steps", "%d is out of range: it must be 1 or more", r.Steps)
	}
	k.among("relax.cell", r.Cell, "fixed", "volume", "shape", "axes", "full")
	if r.Axes != nil {
		directions(k, "relax.axes", r.Axes)
		if r.Cell != "axes" {
			k.bad("relax.axes", "belongs to cell = \"axes\"")
		}
	} else if r.Cell == "axes" {
		r.Axes = append(r.Axes, axisNames...)
	}
	k.within("relax.pressure_GPa", r.Pressure, -1e4, 1e4)
	if r.Pressure != 0 && (r.Cell == "fixed" || r.Cell == "shape") {
		k.bad("relax.pressure_GPa", "cell = %q does not know a pressure: use volume, axes or full", r.Cell)
	}
	if s := r.TargetStress; s != nil {
		switch {
		case len(s) != 6:
			k.bad("relax.target_stress_GPa", "%d values; it needs 6: xx, yy, zz, yz, xz, xy", len(s))
			return
		case r.Pressure != 0:
			k.bad("relax.target_stress_GPa", "pressure_GPa says the target already")
		case r.Cell != "full" && r.Cell != "axes":
			k.bad("relax.target_stress_GPa", "cell = %q does not know a stress: use axes or full", r.Cell)
		case r.Cell == "axes" && (s[3] != 0 || s[4] != 0 || s[5] != 0):
			k.bad("relax.target_stress_GPa", "a shear stress needs cell = \"full\"")
		}
		for _, x := range s {
			k.within("relax.target_stress_GPa", x, -1e4, 1e4)
		}
	}
	k.positive("relax.max_step_A", r.MaxStep, 2)
	k.within("relax.memory", float64(r.Memory), 1, 1000)
}

// Target is the pressure tensor asked for, GPa, positive under compression.
func (r *Relax) Target() [3][3]float64 {
	b := Barostat{Pressure: &r.Pressure}
	if len(r.TargetStress) == 6 {
		b = Barostat{Stress: r.TargetStress}
	}
	from, _ := b.Target()
	return from
}
