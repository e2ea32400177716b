package symmetry

import (
	"fmt"
	"math"
	"strings"

	"github.com/wigner-md/wigner/potential/naive"
	"github.com/wigner-md/wigner/train"
)

// molecular are the kinds of models of a molecule's energy.
func (w *show) molecular() []kind {
	return []kind{
		naiveKind(naiveName, naive.Design{Kind: naive.Raw}, 1),
		naiveKind("raw coordinates from the centre, 16 turned copies", naive.Design{Kind: naive.Raw, Centred: true}, 16),
		naiveKind("distances", naive.Design{Kind: naive.Distances}, 1),
		naiveKind("sorted distances", naive.Design{Kind: naive.Distances, Sorted: true}, 1),
		bpKind(5, []int{16, 16}),
		soapKind(5, 40),
		equivariant(netSize{features: "12x0e+8x1o+4x2e", layers: 2, cutoff: 5, hidden: []int{24}}),
	}
}

// moleculeStudies plans a training of every kind on a molecule.
func (w *show) moleculeStudies(name string, n int) ([]*study, error) {
	set, err := w.set("molecules/"+name, "REF_dipole")
	if err != nil {
		return nil, err
	}
	var out []*study
	for _, k := range w.molecular() {
		out = append(out, w.study(name+", "+k.name, name, k, ofType(set, "rattled"), n, k.school(w, n)))
	}
	return out, nil
}

// school is how a kind is trained on n molecules.
func (k *kind) school(w *show, n int) schooling {
	batch := min(5, n)
	steps := pick(w, 500, 6000) * k.steps
	return schooling{batch: batch, epochs: max(1, steps*batch/n)}
}

// changes are the largest changes of energy (eV) and force (eV/Å) under a map of the
// structure; back maps the forces of the image to those of the original.
func changes(mk maker, list []*train.Structure, f func(*train.Structure) *train.Structure, back func([]vec) []vec) (energy, force float64, err error) {
	for _, s := range list {
		a, err := evaluate(s, 1, mk)
		if err != nil {
			return 0, 0, err
		}
		b, err := evaluate(f(s), 1, mk)
		if err != nil {
			return 0, 0, err
		}
		energy = max(energy, math.Abs(a.energy-b.energy))
		for i, v := range back(b.forces) {
			force = max(force, norm(minus(v, a.forces[i])))
		}
	}
	return energy, force, nil
}

func same(f []vec) []vec { return f }

// turnBack turns forces back.
func turnBack(r mat) func([]vec) []vec {
	q := transpose(r)
	return func(f []vec) (out []vec) {
		for _, v := range f {
			out = append(out, times(q, v))
		}
		return out
	}
}

// backOrder moves forces to where their atoms were.
func backOrder(order []int) func([]vec) []vec {
	return func(f []vec) []vec {
		out := make([]vec, len(f))
		for k, i := range order {
			out[i] = f[k]
		}
		return out
	}
}

func (w *show) planWater() error {
	studies, err := w.moleculeStudies("water", pick(w, 200, 300))
	if err != nil {
		return err
	}
	w.sections = append(w.sections, func() (*section, error) { return w.water(studies) })
	return nil
}

func (w *show) water(studies []*study) (*section, error) {
	s := &section{ID: "water", Title: "Water: moved, turned, its hydrogens exchanged"}
	s.text(`The energy of a molecule does not know where the laboratory is. It stays the same when the molecule is moved or turned, ` +
		`and when two atoms of one element change places, because atoms of one element are not different things. A physicist would say that the energy ` +
		`is invariant under these three. Nothing forces a model that was fitted to energies to respect that: it must be built in, or nothing ` +
		`guarantees it. Here every model was trained on the same rattled water molecules, all in one orientation and place, with fixed numbers of the atoms; only the network that is shown turned copies saw them in others too, ` +
		`in about as many steps.`)
	rng := random(hash("water turns", w.o.Seed), 0)
	r, d := turnOf(rng), vec{11, -7, 5}
	swap := []int{0, 2, 1}
	maps := []struct {
		name string
		f    func(*train.Structure) *train.Structure
		back func([]vec) []vec
	}{
		{"moved", func(s *train.Structure) *train.Structure { return moved(s, d) }, same},
		{"turned", func(s *train.Structure) *train.Structure { return turned(s, r) }, turnBack(r)},
		{"hydrogens exchanged", func(s *train.Structure) *train.Structure { return renumbered(s, swap) }, backOrder(swap)},
		{"mirrored", func(s *train.Structure) *train.Structure { return turned(s, mirrorMatrix) }, turnBack(mirrorMatrix)},
	}
	head := []string{"model", "error of energy, meV", "error of force, eV/Å"}
	for _, m := range maps {
		head = append(head, m.name+": energy, meV", "force, eV/Å")
	}
	var rows [][]any
	var seen []swing
	for _, st := range studies {
		mk, err := st.recall()
		if err != nil {
			return nil, err
		}
		e, f, _, err := errorsOf(st.model, st.rest)
		if err != nil {
			return nil, err
		}
		row := []any{st.kind.name, 1000 * 3 * e, f}
		most := swing{name: st.kind.name, fit: 1000 * 3 * e, exact: st.kind.exact, rough: st.kind.rough > 1}
		for _, m := range maps {
			energy, force, err := changes(mk, st.rest[:min(20, len(st.rest))], m.f, m.back)
			if err != nil {
				return nil, err
			}
			row = append(row, 1000*energy, force)
			if most.by == "" || 1000*energy > most.change {
				most.by, most.change = m.name, 1000*energy
			}
			if rough := max(1, st.kind.rough); st.kind.exact {
				s.identity(fmt.Sprintf("%s, water %s: change of the energy", st.kind.name, m.name), energy, 1e-10*rough, " eV")
				s.identity(fmt.Sprintf("%s, water %s: change of the forces, turned back", st.kind.name, m.name), force, 1e-9*rough, " eV/Å")
			}
		}
		rows, seen = append(rows, row), append(seen, most)
	}
	s.table("water-changes", "Largest change of energy and (turned back) of any force over 20 molecules that were not trained on; first the mean absolute errors of the fit on all such", head, rows)
	s.text(`A model that has a symmetry by its structure changes by rounding only, whatever its training has been. %s `+
		`Nothing ties the change of a model without it to how well it fits. Forces are vectors: they turn with the molecule, so they are `+
		`compared after they have been turned back. That behaviour, turning along in place of staying the same, is called equivariance.`, swings(seen))
	return s, nil
}

// swing is the largest change of a model's energy under any of some maps, meV, beside the
// error of its fit, meV.
type swing struct {
	name, by     string
	change, fit  float64
	exact, rough bool // by structure; with terms that multiply rounding
}

// still is a change of energy that is rounding, meV.
const still = 1e-6

// swings says what this run's models do.
func swings(all []swing) string {
	var exact, others, also []string
	for _, m := range all {
		switch {
		case m.exact:
			note := ""
			if m.rough {
				note = ", its energy being a sum of large terms of both signs, which multiply rounding"
			}
			exact = append(exact, fmt.Sprintf("%s %s meV%s", m.name, number(m.change), note))
		case m.change <= still:
			also = append(also, fmt.Sprintf("%s %s meV", m.name, number(m.change)))
		default:
			others = append(others, fmt.Sprintf("%s %s meV (%s), %s times the error of its fit", m.name, number(m.change), m.by, number(m.change/m.fit)))
		}
	}
	out := "The largest change of the energy in this run, of models with all four: " + strings.Join(exact, "; ") + "."
	if len(also) > 0 {
		out += " It is no more than rounding for " + strings.Join(also, "; ") + " too; what is wrong with that, the next section shows."
	}
	if len(others) > 0 {
		out += " Of models that lack one or more: " + strings.Join(others, "; ") + "."
	}
	return out
}

func (w *show) planBenzene() error {
	studies, err := w.moleculeStudies("benzene", pick(w, 150, 250))
	if err != nil {
		return err
	}
	w.sections = append(w.sections, func() (*section, error) { return w.benzene(studies) })
	return nil
}

// d6h are the 24 operations of the perfect ring, as matrices.
func d6h() (out []mat) {
	for k := range 6 {
		r := about(vec{0, 0, 1}, float64(k)*math.Pi/3)
		for _, flip := range []mat{{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, {{1, 0, 0}, {0, -1, 0}, {0, 0, 1}}} {
			for _, z := range []float64{1, -1} {
				m := product(r, flip)
				for i := range m {
					m[i][2] *= z
				}
				out = append(out, m)
			}
		}
	}
	return out
}

// project is the part of forces that a group leaves as it is: the mean of all images.
func project(x, f []vec, group []mat) ([]vec, error) {
	out := make([]vec, len(x))
	for _, g := range group {
		for i := range x {
			y, to := times(g, x[i]), -1
			for k := range x {
				if norm(minus(y, x[k])) < 1e-4 {
					to = k
				}
			}
			if to < 0 {
				return nil, fmt.Errorf("symmetry: an operation takes atom %d to no atom", i+1)
			}
			v := times(g, f[i])
			for c := range v {
				out[to][c] += v[c] / float64(len(group))
			}
		}
	}
	return out, nil
}

// ring is benzene with the symmetry D6h to the last digit; a file has nine decimals.
func ring(s *train.Structure) (*train.Structure, error) {
	x, err := project(s.X, s.X, d6h())
	out := s.Clone()
	out.X = x
	return out, err
}

// orNone is a list in words.
func orNone(s []string) string {
	if len(s) == 0 {
		return "no model"
	}
	return strings.Join(s, "; ")
}

// thermal is kT at 300 K, eV.
const thermal = 0.02585

func (w *show) benzene(studies []*study) (*section, error) {
	s := &section{ID: "benzene", Title: "Benzene: every label moved one place round the ring"}
	set, err := w.set("molecules/benzene", "REF_dipole")
	if err != nil {
		return nil, err
	}
	perfect, err := ring(ofType(set, "relaxed")[0])
	if err != nil {
		return nil, err
	}
	order := make([]int, 12)
	for k := range 6 {
		order[k], order[6+k] = (k+1)%6, 6+(k+1)%6
	}
	s.text(`Number the carbons of benzene C1 to C6 and their hydrogens with them; then let every number move one place round the ring. ` +
		`It is the same molecule, to the last digit. Two questions: what energy does the model give now? And what forces does it see on the perfect ring, which has the symmetry ` +
		`D6h: 24 rotations and mirrors that leave it as it is. Forces must have this symmetry too: radial, and equal on all carbons and on all hydrogens. ` +
		`The part of the forces that has it is their mean over the 24 operations, P F; what is left, F − P F, would tear the ring out of shape.`)
	var rows [][]any
	var prefers, parts, slopes []string
	for _, st := range studies {
		mk, err := st.recall()
		if err != nil {
			return nil, err
		}
		a, err := evaluate(perfect, 1, mk)
		if err != nil {
			return nil, err
		}
		energy, force, err := changes(mk, []*train.Structure{perfect}, func(s *train.Structure) *train.Structure { return renumbered(s, order) }, backOrder(order))
		if err != nil {
			return nil, err
		}
		rattled, _, err := changes(mk, st.rest[:min(20, len(st.rest))], func(s *train.Structure) *train.Structure { return renumbered(s, order) }, backOrder(order))
		if err != nil {
			return nil, err
		}
		p, err := project(perfect.X, a.forces, d6h())
		if err != nil {
			return nil, err
		}
		var rest []vec
		for i := range p {
			rest = append(rest, minus(a.forces[i], p[i]))
		}
		broken := size(rest) / size(a.forces)
		parts = append(parts, st.kind.name+" "+number(broken))
		if 1000*energy <= still && force > 1e-6 {
			slopes = append(slopes, st.kind.name)
		}
		e, f, _, err := errorsOf(st.model, st.rest)
		if err != nil {
			return nil, err
		}
		rows = append(rows, []any{st.kind.name, 1000 * 12 * e, f, 1000 * energy, 1000 * rattled, force, size(a.forces), broken})
		if rough := max(1, st.kind.rough); st.kind.exact {
			s.identity(st.kind.name+", benzene relabelled: change of the energy", energy, 1e-10*rough, " eV")
			s.identity(st.kind.name+", benzene relabelled, rattled: change of the energy", rattled, 1e-10*rough, " eV")
			s.identity(st.kind.name+", perfect benzene: ‖F − P F‖", size(rest), 1e-9*rough, " eV/Å")
		}
		if 1000*max(energy, rattled) > 1000*thermal {
			prefers = append(prefers, fmt.Sprintf("%s (%s meV)", st.kind.name, number(1000*max(energy, rattled))))
		}
		if st.kind.name == naiveName {
			s.above(st.kind.name+", benzene relabelled: change of the energy (kT at 300 K is 25.85 meV)", 1000*energy, 1000*thermal, " meV")
		}
	}
	s.table("benzene-relabelled", "Benzene relabelled: changes of energy and force, and the part of the forces on the perfect ring that breaks its symmetry",
		[]string{"model", "error of energy, meV", "error of force, eV/Å", "perfect: |ΔE|, meV", "rattled: largest |ΔE|, meV", "perfect: largest |ΔF|, eV/Å", "‖F‖, eV/Å", "‖F − P F‖/‖F‖"}, rows)
	s.text(`kT at 300 K is 25.85 meV (k of the SI of 2019). By a change of the energy above that, a simulation at 300 K with such a model would prefer one numbering of the same molecule to another. In this run it is above that for %s.`,
		orNone(prefers))
	if len(slopes) > 0 {
		s.text(`On the perfect ring the energy of these stays although forces change: %s. The list of distances of the perfect ring is the same list under either numbering, but each place in the list has a slope of its own, and of distances that are equal it is the numbering that says `+
			`which is which. Forces of one molecule then depend on how its atoms are numbered.`, strings.Join(slopes, "; "))
	}
	s.text(`The part of the forces on the perfect ring that breaks its symmetry, ‖F − P F‖/‖F‖, is, of all: %s. At 1 nothing of the forces has the symmetry. (The ring is at rest in GFN2-xTB, where ‖F‖ is %s eV/Å, so all larger forces here are errors of the models; `+
		`what differs is whether these errors tear the ring out of shape, or only make it a little larger or smaller.)`, strings.Join(parts, "; "), number(size(perfect.Forces)))
	return s, nil
}
