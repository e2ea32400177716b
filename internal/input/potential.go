package input

import (
	"fmt"
	"slices"
	"strings"
)

// potentialTypes are the kinds of potentials.
var potentialTypes = []string{"model", "eam", "lennard-jones", "morse", "zbl"}

func (p *Potential) check(k *checker) {
	p.Part.check(k, "potential")
	for i := range p.Add {
		if p.Add[i].Precision == "" {
			p.Add[i].Precision = Default().Potential.Precision
		}
		p.Add[i].check(k, fmt.Sprintf("potential.add[%d]", i+1))
	}
}

// own is a key that belongs to some types only.
type own struct {
	key   string
	set   bool
	types string // separated by blanks
}

func (p *Part) own() []own {
	return []own{
		{"model", p.Model != "", "model"}, {"radial", p.Radial != "", "model"}, {"head", p.Head != "", "model"}, {"memory", p.Memory != "", "model"},
		{"modal", p.Modal != "", "model"},
		{"length_unit", p.LengthUnit != "", "model"}, {"energy_unit", p.EnergyUnit != "", "model"},
		{"file", p.File != "", "eam"}, {"files", p.Files != nil, "eam"},
		{"elements", p.Elements != nil, "lennard-jones morse zbl"}, {"pair", p.Pair != nil, "lennard-jones morse"},
		{"epsilon_eV", p.Epsilon != 0, "lennard-jones"}, {"sigma_A", p.Sigma != 0, "lennard-jones"},
		{"shift", p.Shift, "lennard-jones"}, {"depth_eV", p.Depth != 0, "morse"}, {"alpha_per_A", p.Alpha != 0, "morse"},
		{"r0_A", p.R0 != 0, "morse"}, {"cutoff_A", p.Cutoff != 0, "lennard-jones morse zbl"}, {"switch_A", p.Switch != 0, "lennard-jones morse zbl"},
	}
}

// check looks at one part; table is the name of its table.
func (p *Part) check(k *checker, table string) {
	if p.Type == "" && p.Model != "" {
		p.Type = "model"
	}
	if p.Type == "" {
		k.bad(table, "nothing gives the energy: model = \"…\" (a path or a name) or type = \"…\" (%s)", strings.Join(potentialTypes[1:], ", "))
		return
	}
	k.among(table+".type", p.Type, potentialTypes...)
	if !slices.Contains(potentialTypes, p.Type) {
		return
	}
	k.among(table+".precision", p.Precision, "float32", "float64")
	defer p.foreign(k, table)
	switch p.Type {
	case "model":
		p.network(k, table)
	case "eam":
		switch {
		case p.File == "" && len(p.Files) == 0:
			k.bad(table+".file", "missing: a setfl or funcfl file")
		case p.File != "" && len(p.Files) > 0:
			k.bad(table+".files", "file and files exclude each other")
		}
	case "zbl":
		k.positive(table+".cutoff_A", p.Cutoff, 1e3)
		if p.Switch == 0 {
			k.bad(table+".switch_A", "missing: where the repulsion begins to go smoothly to zero, Å")
		} else {
			k.switched(table+".switch_A", p.Switch, p.Cutoff)
		}
	default:
		p.pairs(k, table)
	}
}

// foreign refuses the keys of other types.
func (p *Part) foreign(k *checker, table string) {
	for _, o := range p.own() {
		types := strings.Fields(o.types)
		if !o.set || slices.Contains(types, p.Type) {
			continue
		}
		for i := range types {
			types[i] = fmt.Sprintf("%q", types[i])
		}
		k.bad(table+"."+o.key, "belongs to type = %s; type = %q has none", strings.Join(types, " or "), p.Type)
	}
}

func (p *Part) network(k *checker, table string) {
	if p.Model == "" {
		k.bad(table+".model", "missing: a path or a name")
	}
	if p.Radial != "" {
		k.among(table+".radial", p.Radial, "table", "exact")
	}
	if p.Radial == "table" && p.Precision == "float64" {
		k.bad(table+".radial", "there are no tables in float64, which evaluates the radial network: leave the key out, or use float32")
	}
	if p.Memory != "" {
		k.among(table+".memory", p.Memory, "normal", "lean", "low")
	}
	if p.LengthUnit != "" {
		k.among(table+".length_unit", p.LengthUnit, "bohr", "angstrom")
	}
	if p.EnergyUnit != "" {
		k.among(table+".energy_unit", p.EnergyUnit, "hartree", "eV")
	}
}

// pairs wants either one set of parameters or a list of pairs.
func (p *Part) pairs(k *checker, table string) {
	if len(p.Pair) > 0 {
		for _, o := range p.own() {
			switch o.key {
			case "elements", "epsilon_eV", "sigma_A", "depth_eV", "alpha_per_A", "r0_A", "cutoff_A", "switch_A":
				if o.set {
					k.bad(table+"."+o.key, "the list of pairs excludes it")
				}
			}
		}
	} else if len(p.Elements) == 0 {
		k.bad(table+".elements", "missing: the symbols that the parameters hold for, as in [\"Ar\"]")
	} else {
		one := Pair{nil, p.Epsilon, p.Sigma, p.Depth, p.Alpha, p.R0, p.Cutoff, p.Switch}
		one.check(k, table, p.Type)
		p.Cutoff = one.Cutoff
		if p.Shift && p.Switch != 0 {
			k.bad(table+".switch_A", "shift excludes it")
		}
	}
	for i := range p.Pair {
		q := &p.Pair[i]
		if len(q.Elements) != 2 {
			k.bad(table+".pair.elements", "entry %d: %d symbols; a pair has two", i+1, len(q.Elements))
		}
		q.check(k, table+".pair", p.Type)
		if p.Shift && q.Switch != 0 {
			k.bad(table+".pair.switch_A", "entry %d: shift excludes it", i+1)
		}
	}
}

func (q *Pair) check(k *checker, table, kind string) {
	if kind == "lennard-jones" {
		k.positive(table+".epsilon_eV", q.Epsilon, 1e3)
		k.positive(table+".sigma_A", q.Sigma, 100)
		q.none(k, table, kind, "depth_eV", "alpha_per_A", "r0_A")
	} else {
		k.positive(table+".depth_eV", q.Depth, 1e3)
		k.positive(table+".alpha_per_A", q.Alpha, 1e3)
		k.positive(table+".r0_A", q.R0, 100)
		q.none(k, table, kind, "epsilon_eV", "sigma_A")
	}
	if q.Cutoff == 0 && kind == "lennard-jones" {
		q.Cutoff = 2.5 * q.Sigma
	} else {
		k.positive(table+".cutoff_A", q.Cutoff, 1e3)
	}
	if q.Switch != 0 {
		k.switched(table+".switch_A", q.Switch, q.Cutoff)
	}
}

// none refuses keys of another type in a list of pairs; for keys of the table
// itself that has been done.
func (q *Pair) none(k *checker, table, kind string, keys ...string) {
	if q.Elements == nil {
		return
	}
	x := map[string]float64{"epsilon_eV": q.Epsilon, "sigma_A": q.Sigma, "depth_eV": q.Depth, "alpha_per_A": q.Alpha, "r0_A": q.R0}
	for _, key := range keys {
		if x[key] != 0 {
			k.bad(table+"."+key, "belongs to another type than %q", kind)
		}
	}
}

func (c *checker) switched(key string, x, cutoff float64) {
	if !(x > 0 && x < cutoff) {
		c.bad(key, "%v is out of range: it must lie above 0 and below the cutoff, %v", x, cutoff)
	}
}
