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
			last := len(x) - 1
			known, err := knownForce(l.runs[last])
			if err != nil {
				return nil, err
			}
			oe, se := power(x, e)
			of, sf := power(x, f)
			rows = append(rows, []any{l.name, oe, se, of, sf, e[last], f[last], known})
			ends = append(ends, end{name: l.name, exact: l.runs[0][0].kind.exact, first: f[0], error: f[last], sd: df[last], slope: sf, offset: of, firstSD: df[0], least: l.runs[0][0].kind.least, known: known, energy: e[last], energySD: de[last]})
		}
		mean, none := set.lessons[0].runs[0][0].ignorance()
		nan := math.NaN()
		rows = append(rows, []any{"the mean energy, and no force", nan, nan, nan, nan, 1000 * mean, none, nan})
		s.draw(pe)
		s.draw(pf)
		s.table("learning-"+set.name, "Offset (error at one structure, of the line through the points) and slope; and the error at the largest size",
			[]string{"model", "energy: offset, meV/atom", "slope", "force: offset, eV/Å", "slope", "energy at the end, meV/atom", "force at the end, eV/Å", "force on the training structures, eV/Å"}, rows)
		s.text(`To see what these errors mean: an answer that is the mean energy for every structure and no force at all would have %s meV/atom and %s eV/Å. %s`, number(1000*mean), number(none), worseThanNothing(ends, none))
		s.verdict(set.name, set.lessons[0].sizes, len(set.lessons[0].runs[0]), ends, none)
	}
	return s, nil
}

// knownForce is the mean error of the forces on the structures that were trained on.
func knownForce(runs []*study) (float64, error) {
	sum := 0.0
	for _, st := range runs {
		if _, err := st.recall(); err != nil {
			return 0, err
		}
		_, force, _, err := errorsOf(st.model, st.list)
		if err != nil {
			return 0, err
		}
		sum += force / float64(len(runs))
	}
	return sum, nil
}

// ignorance are the errors, on the structures that are held back, of who knows the mean
// energy of an atom and no force.
func (st *study) ignorance() (energy, force float64) {
	st.deal()
	list := st.rest[max(0, len(st.rest)-held):]
	mean, n := 0.0, 0
	for _, s := range list {
		mean += s.Energy / float64(len(s.X)) / float64(len(list))
	}
	for _, s := range list {
		energy += math.Abs(s.Energy/float64(len(s.X))-mean) / float64(len(list))
		for _, v := range s.Forces {
			force += math.Abs(v[0]) + math.Abs(v[1]) + math.Abs(v[2])
			n += 3
		}
	}
	return energy, force / float64(n)
}

// end is where a curve of force errors begins and ends.
type end struct {
	name             string
	exact            bool
	least            bool    // fitted by least squares
	first, firstSD   float64 // force errors at the least size
	error, sd        float64 // at the largest
	slope, offset    float64
	known            float64 // force error on the structures of the training at the largest size
	energy, energySD float64 // at the largest size, meV/atom
}

// equivariantName is the kind that one expects to learn from least.
const equivariantName = "equivariant"

func (e end) equivariant() bool { return e.name == equivariantName }

// sorted are the ends by a number of theirs, from the least.
func sorted(ends []end, by func(end) float64) []end {
	return slices.SortedStableFunc(slices.Values(ends), func(a, b end) int { return cmp.Compare(by(a), by(b)) })
}

// verdict says whether what one expects is seen: that models with more symmetry learn from
// less, and the equivariant one from least.
func (s *section) verdict(set string, sizes []int, seeds int, ends []end, none float64) {
	last := len(sizes) - 1
	s.text("On %s, forces, with %d structures: %s", set, sizes[last], expected(ends, seeds, "eV/Å", func(e end) (float64, float64) { return e.error, e.sd }))
	s.text("Energies there: %s", expected(ends, seeds, "meV/atom", func(e end) (float64, float64) { return e.energy, e.energySD }))
	var order []string
	for _, e := range sorted(ends, func(e end) float64 { return e.first }) {
		order = append(order, e.name+" "+number(e.first))
	}
	s.text(`With the fewest structures, %d, the force errors are, in eV/Å and from the least: %s. %s`, sizes[0], strings.Join(order, "; "),
		expected(ends, seeds, "eV/Å", func(e end) (float64, float64) { return e.first, e.firstSD }))
	s.text("%s", steepest(ends))
	raw := slices.IndexFunc(ends, func(e end) bool { return e.name == naiveName })
	if raw >= 0 {
		if few := notBetter(ends[raw], ends); few != "" {
			s.text("%s", few)
		}
		net := ends[slices.IndexFunc(ends, end.equivariant)]
		s.text(`The network on raw coordinates ends at %s eV/Å, %.0f times the error of the equivariant one, with a slope of %.2f against %.2f.`, number(ends[raw].error), ends[raw].error/net.error, ends[raw].slope, net.slope)
	}
	s.text("%s", limits(ends, none))
}

// expected says which error is the least, and whether it is the equivariant network's.
func expected(ends []end, seeds int, unit string, of func(end) (value, sd float64)) string {
	all := sorted(ends, func(e end) float64 {
		x, _ := of(e)
		return x
	})
	show := func(e end) string {
		x, sd := of(e)
		return fmt.Sprintf("%s ± %s %s", number(x), number(sd), unit)
	}
	out := fmt.Sprintf("%s has the least error, %s, then %s, %s", all[0].name, show(all[0]), all[1].name, show(all[1]))
	x, dx := of(all[0])
	y, dy := of(all[1])
	if y-x <= math.Hypot(dx, dy) {
		out += fmt.Sprintf("; %d seeds do not tell these two apart", seeds)
	}
	switch k := slices.IndexFunc(all, end.equivariant); k {
	case 0:
		return out + ". That the equivariant network is best is what one expects."
	case 1:
		return out + ". One would expect the equivariant network to be best, which is not seen here."
	default:
		return out + fmt.Sprintf(". One would expect the equivariant network to be best, which is not seen here: it has %s.", show(all[k]))
	}
}

// steepest orders the slopes, and says what the advantage of the equivariant network is.
func steepest(ends []end) string {
	all := sorted(ends, func(e end) float64 { return e.slope })
	var order []string
	for _, e := range all {
		order = append(order, fmt.Sprintf("%s %.2f", e.name, e.slope))
	}
	out := "Slopes of the force errors, from the steepest: " + strings.Join(order, "; ") + "."
	low := sorted(ends, func(e end) float64 { return e.offset })[0]
	switch {
	case all[0].equivariant():
		return out + " That more data help the equivariant network most is what one expects."
	case low.equivariant():
		return out + " The equivariant network's is not the steepest, which one would expect: its line begins lowest, and that is its advantage."
	default:
		return out + " One would expect the equivariant network's to be the steepest, which is not seen here."
	}
}

// ignorant tells whether the forces are no better than none at the largest size, as far as
// the seeds show.
func (e end) ignorant(none float64) bool { return e.error+e.sd >= none }

// worseThanNothing names the models whose forces are no better than none at the largest size.
func worseThanNothing(ends []end, none float64) string {
	var names []string
	for _, e := range ends {
		if e.ignorant(none) {
			names = append(names, e.name)
		}
	}
	if names == nil {
		return "All are better with the most structures."
	}
	return "Of forces these know nothing that the seeds would show even with the most structures: " + strings.Join(names, "; ") + "."
}

// notBetter names the models that have all symmetries and with the fewest structures are
// hardly better than one that has none.
func notBetter(raw end, ends []end) string {
	var names, later []string
	for _, e := range ends {
		if e.exact && e.first > 0.8*raw.first {
			names = append(names, fmt.Sprintf("%s (%s eV/Å)", e.name, number(e.first)))
			later = append(later, number(e.error))
		}
	}
	if names == nil {
		return ""
	}
	return fmt.Sprintf("To have all symmetries is not enough to learn from few: with the fewest structures %s is hardly better than raw coordinates (%s); with the most it has %s, and they %s.",
		strings.Join(names, " and "), number(raw.first), strings.Join(later, " and "), number(raw.error))
}

// limits says what would help a model, by its errors on the structures that it was trained on.
func limits(ends []end, none float64) string {
	var data, work, solved, neither []string
	for _, e := range ends {
		text := fmt.Sprintf("%s (%s of %s)", e.name, number(e.known), number(e.error))
		switch {
		case e.ignorant(none):
			neither = append(neither, text)
		case e.known > 0.7*e.error && e.least:
			solved = append(solved, text)
		case e.known > 0.7*e.error:
			work = append(work, text)
		case e.known < 0.5*e.error:
			data = append(data, text)
		}
	}
	out := "What would help is seen from the error on the structures of the training itself, in eV/Å beside that on unseen ones, at the largest size."
	if data != nil {
		out += " Where it is less than half, the model has room that the data do not fill, and more structures would help: " + strings.Join(data, "; ") + "."
	}
	if work != nil {
		out += " Where it is nearly the same, more structures of the kind would hardly help; a longer training or a larger model would: " + strings.Join(work, "; ") + "."
	}
	if solved != nil {
		out += " The same, but fitted in one step, so that only a larger model would help: " + strings.Join(solved, "; ") + "."
	}
	if neither != nil {
		out += " Of those that know nothing of the forces it says no more than what they learned by heart: " + strings.Join(neither, "; ") + "."
	}
	return out
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
