package input

import "strings"

// Phonon is the job of wigner phonon.
type Phonon struct {
	Supercell    []int       `toml:"supercell,omitempty" doc:"unit cells along each lattice vector; default: the fewest that make it 12 Å wide"`
	Displacement float64     `toml:"displacement_A" doc:"of one atom, to both sides along x, y and z, Å"`
	Primitive    string      `toml:"primitive" doc:"P (the structure's own cell), F, I, A, C or R as phonopy's, or auto: that of the prototype, else P"`
	Axes         [][]float64 `toml:"primitive_axes,omitempty" doc:"instead: the primitive cell's vectors as rows, in units of the structure's"`
	Path         []string    `toml:"path,omitempty" doc:"of the bands: names of points with - between, as in [\"Γ-X-U\", \"K-Γ-L\"]; default for cubic, fcc, bcc and hexagonal prototypes"`
	Points       []QPoint    `toml:"points,omitempty" doc:"special points, where the path is of others than those known"`
	Steps        int         `toml:"path_steps" doc:"between two points"`
	Mesh         []int       `toml:"mesh" doc:"points of the mesh of the density of states along each reciprocal vector (Monkhorst and Pack)"`
	Sigma        float64     `toml:"sigma_THz,omitempty" doc:"width of a mode in the density of states, THz; default: a hundredth of the range"`
	MaxT         float64     `toml:"temperature_max_K" doc:"of the thermal properties"`
	StepT        float64     `toml:"temperature_step_K" doc:"from 0"`

	ForceSets      string `toml:"force_sets,omitempty" doc:"a file FORCE_SETS: the structure is taken as it is, and no potential is needed"`
	ForceConstants string `toml:"force_constants,omitempty" doc:"a file FORCE_CONSTANTS, likewise"`
}

// QPoint is a point of reciprocal space with a name.
type QPoint struct {
	Name string    `toml:"name" doc:"in the path"`
	Q    []float64 `toml:"q" doc:"in units of the primitive cell's reciprocal vectors"`
}

// Given is whether forces or force constants come from a file.
func (p *Phonon) Given() bool { return p.ForceSets != "" || p.ForceConstants != "" }

func (p *Phonon) check(k *checker) {
	for _, l := range []struct {
		key string
		n   []int
	}{{"phonon.supercell", p.Supercell}, {"phonon.mesh", p.Mesh}} {
		if l.n != nil && len(l.n) != 3 {
			k.bad(l.key, "%d values; it needs 3, one per vector", len(l.n))
		}
		for _, n := range l.n {
			k.within(l.key, float64(n), 1, 1000)
		}
	}
	k.positive("phonon.displacement_A", p.Displacement, 0.5)
	k.among("phonon.primitive", p.Primitive, "auto", "P", "F", "I", "A", "C", "R")
	if p.Axes != nil {
		matrix(k, "phonon.primitive_axes", p.Axes, 100)
		if p.Primitive != "auto" {
			k.bad("phonon.primitive_axes", "primitive says it already")
		}
	}
	seen := map[string]bool{}
	for i, q := range p.Points {
		if q.Name == "" || strings.ContainsAny(q.Name, "- ") {
			k.bad("phonon.points.name", "entry %d: a point needs a name without - and blanks", i+1)
		}
		if len(q.Q) != 3 {
			k.bad("phonon.points.q", "entry %d has %d numbers; it needs 3", i+1, len(q.Q))
		}
		if seen[q.Name] {
			k.bad("phonon.points.name", "two points are called %q", q.Name)
		}
		seen[q.Name] = true
	}
	k.within("phonon.path_steps", float64(p.Steps), 1, 1e5)
	if p.Sigma != 0 {
		k.positive("phonon.sigma_THz", p.Sigma, 100)
	}
	k.within("phonon.temperature_max_K", p.MaxT, 0, 1e5)
	k.positive("phonon.temperature_step_K", p.StepT, 1e5)
	if p.StepT > 0 && p.MaxT/p.StepT > 1e5 {
		k.bad("phonon.temperature_step_K", "%v K make more than 100,000 temperatures", p.StepT)
	}
	if p.ForceSets != "" && p.ForceConstants != "" {
		k.bad("phonon.force_constants", "force_sets says it already")
	}
}

// Centred are the vectors of a primitive cell as rows, in units of those of the
// conventional one, by the letter of its centring; for P they are those.
func Centred(letter string) [3][3]float64 {
	const h, t = 0.5, 1. / 3
	switch letter {
	case "F":
		return [3][3]float64{{0, h, h}, {h, 0, h}, {h, h, 0}}
	case "I":
		return [3][3]float64{{-h, h, h}, {h, -h, h}, {h, h, -h}}
	case "A":
		return [3][3]float64{{1, 0, 0}, {0, h, h}, {0, -h, h}}
	case "C":
		return [3][3]float64{{h, -h, 0}, {h, h, 0}, {0, 0, 1}}
	case "R":
		return [3][3]float64{{2 * t, t, t}, {-t, t, t}, {-t, -2 * t, t}}
	}
	return [3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}
}
