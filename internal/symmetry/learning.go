package symmetry

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/stat"

	"github.com/wigner-md/wigner/train"
)

// lesson is one learning curve: a kind of model on one data set.
type lesson struct {
	name  string
	sizes []int
	runs  [][]*study // by size and seed
}

func (w *show) planLearning() error {
	benzene, err := w.set("molecules/benzene", "REF_dipole")
	if err != nil {
		return err
	}
	silicon, err := w.set("mlearn/Si/train", "")
	if err != nil {
		return err
	}
	crystal := slices.DeleteFunc(slices.Clone(silicon), func(s *train.Structure) bool { return len(s.X) > 64 })
	seeds := pick(w, 3, 5)
	// As structures come in life: each in an orientation of its own.
	rng := random(hash("learning turns", w.o.Seed), 0)
	var rattled []*train.Structure
	for _, s := range ofType(benzene, "rattled") {
		rattled = append(rattled, turned(s, turnOf(rng)))
	}
	molecules := w.lessons("benzene", w.molecular(), rattled, pick(w, []int{10, 30, 100}, []int{10, 20, 50, 100, 200}), seeds, 1)
	crystals := w.lessons("silicon", w.crystalline(), crystal, pick(w, []int{5, 15, 45}, []int{5, 10, 20, 50, 100}), seeds, 0.4)
	w.sections = append(w.sections, func() (*section, error) { return w.learning(molecules, crystals) })
	return nil
}

// crystalline are the kinds of models of a crystal's energy.
func (w *show) crystalline() []kind {
	return []kind{bpKind(4.5, []int{16, 16}), soapKind(4.5, 60), equivariant(netSize{features: "8x0e+6x1o+4x2e", layers: 2, cutoff: 4.5, hidden: []int{24}})}
}

// lessons plans the curves of all kinds on a set.
func (w *show) lessons(name string, kinds []kind, set []*train.Structure, sizes []int, seeds int, less float64) (out []lesson) {
	for _, k := range kinds {
		l := lesson{name: k.name, sizes: sizes}
		for _, n := range sizes {
			var runs []*study
			for seed := range seeds {
				s := k.school(w, n)
				if less < 1 {
					s.batch = 1
					s.epochs = max(1, int(less*float64(pick(w, 500, 6000)*k.steps))/n)
				}
				split := fmt.Sprintf("%s split %d", name, seed)
				runs = append(runs, w.study(fmt.Sprintf("learning %s, %s, %d, seed %d", name, k.name, n, seed), split, k, set, n, s))
			}
			l.runs = append(l.runs, runs)
		}
		out = append(out, l)
	}
	return out
}

// held is the number of structures of a split, the last ones, that are never trained on.
const held = 50

// marks are the errors of a run on the structures that are held back.
func (st *study) marks() (energy, force float64, err error) {
	if _, err := st.recall(); err != nil {
		return 0, 0, err
	}
	energy, force, _, err = errorsOf(st.model, st.rest[max(0, len(st.rest)-held):])
	return energy, force, err
}

func (w *show) learning(molecules, crystals []lesson) (*section, error) {
	s := &section{ID: "learning", Title: "Learning from less: error against training size"}
	s.text(`A model that knows the symmetries does not have to learn them from examples: each structure tells it about all its turned, mirrored and renumbered copies at once. The curves show the error on structures that no model has seen, against the number of `+
		`structures in the training; all models are given the same ones. Points are means over %d seeds, each with its own choice of structures and its own first weights; bars are the standard deviation over the seeds. `+
		`On logarithmic axes such curves are often straight: error = offset · N^slope. A steeper slope means that more data help more, a lower curve that fewer are needed.`, len(molecules[0].runs[0]))
	for _, set := range []struct {
		name, what string
		lessons    []lesson
	}{{"benzene", "rattled benzene, each molecule turned at random", molecules}, {"silicon", "silicon crystals (mlearn: hot, strained, with vacancies, surfaces)", crystals}} {
		var rows [][]any
		var ends []end
		pe := picture{name: "learning-" + set.name + "-energy", caption: "Error of the energy: " + set.what, x: "training structures", y: "mean absolute error / meV/atom", logX: true, logY: true}
		pf := picture{name: "learning-" + set.name + "-force", caption: "Error of the forces: " + set.what, x: "training structures", y: "mean absolute error / eV/Å", logX: true, logY: true}
		for _, l := range set.lessons {
			var x, e, de, f, df []float64
			for n, runs := range l.runs {
				var es, fs []float64
				for _, st := range runs {
					energy, force, err := st.marks()
					if err != nil {
						return nil, err
					}
					es, fs = append(es, 1000*energy), append(fs, force)
				}
				em, ed := stat.MeanStdDev(es, nil)
				fm, fd := stat.MeanStdDev(fs, nil)
				x, e, de, f, df = append(x, float64(l.sizes[n])), append(e, em), append(de, ed), append(f, fm), append(df, fd)
			}
			pe.curves = append(pe.curves, curve{name: l.name, x: x, y: e, err: de})
			pf.curves = append(pf.curves, curve{name: l.name, x: x, y: f, err: df})
			oe, se := power(x, e)
			of, sf := power(x, f)
			last := len(x) - 1
			rows = append(rows, []any{l.name, oe, se, of, sf, e[last], f[last]})
			ends = append(ends, end{l.name, f[0], f[last], df[last], sf})
		}
		s.draw(pe)
		s.draw(pf)
		s.table("learning-"+set.name, "Offset (error at one structure, of the line through the points) and slope; and the error at the largest size",
			[]string{"model", "energy: offset, meV/atom", "slope", "force: offset, eV/Å", "slope", "energy at the end, meV/atom", "force at the end, eV/Å"}, rows)
		s.verdict(set.name, ends)
	}
	return s, nil
}

// end is where a curve of force errors ends.
type end struct {
	name                    string
	first, error, sd, slope float64 // force errors at the least and the largest size
}

// verdict says whether what one expects is seen: that models with more symmetry learn from
// less, and the equivariant one from least.
func (s *section) verdict(name string, ends []end) {
	last := ends[len(ends)-1] // equivariant
	best := last
	for _, e := range ends {
		if e.error < best.error {
			best = e
		}
	}
	if best.name == last.name {
		s.text(`On %s the equivariant network has the least force error at the largest size, %s ± %s eV/Å. Where its curve is flat, the number of steps limits it and not the data.`, name, number(last.error), number(last.sd))
	} else {
		s.text(`On %s one would expect the equivariant network to have the least force error at the largest size; here it has %s ± %s eV/Å and %s has %s ± %s: what one expects is not seen in trainings as short as these.`,
			name, number(last.error), number(last.sd), best.name, number(best.error), number(best.sd))
	}
	slices.SortFunc(ends, func(a, b end) int { return cmp.Compare(a.first, b.first) })
	var order []string
	for _, e := range ends {
		order = append(order, e.name+" "+number(e.first))
	}
	s.text(`With the fewest structures the force errors are, in eV/Å and from the least: %s.`, strings.Join(order, "; "))
	for _, e := range ends {
		if e.name == naiveName {
			s.text(`The network on raw coordinates ends at %s eV/Å, %.0f times the error of the equivariant one, with a slope of %.2f against %.2f.`, number(e.error), e.error/last.error, e.slope, last.slope)
		}
	}
}

// power fits y = offset · x^slope.
func power(x, y []float64) (offset, slope float64) {
	var lx, ly []float64
	for k := range x {
		lx, ly = append(lx, math.Log(x[k])), append(ly, math.Log(y[k]))
	}
	a, b := stat.LinearRegression(lx, ly, nil, false)
	return math.Exp(a), b
}
