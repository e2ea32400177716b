package symmetry

import (
	"fmt"
	"math"

	"github.com/wigner-md/wigner/potential/naive"
)

func (w *show) planAugmentation() error {
	set, err := w.set("molecules/water", "REF_dipole")
	if err != nil {
		return err
	}
	var studies []*study
	copies := pick(w, []int{1, 4, 16, 64, 256}, []int{1, 4, 16, 64, 256, 1024})
	n := 50
	for _, c := range copies {
		k := naiveKind(fmt.Sprintf("%d copies", c), naive.Design{Kind: naive.Raw, Centred: true}, c)
		// As many steps as they all need, and at least one pass through the copies.
		epochs := max(c, pick(w, 4000, 30000)*5/n)
		studies = append(studies, w.study(fmt.Sprintf("augmentation, %d copies", c), "augmentation", k, ofType(set, "rattled"), n, schooling{batch: 5, epochs: epochs}))
	}
	w.sections = append(w.sections, func() (*section, error) { return w.augmentation(copies, studies) })
	return nil
}

func (w *show) augmentation(copies []int, studies []*study) (*section, error) {
	s := &section{ID: "augmentation", Title: "Showing it instead: training on turned copies"}
	s.text(`Instead of building a symmetry in, one may show it: to the training structures turned copies are added, with the same energies and turned forces. Here a network on raw coordinates, counted from the middle of the molecule, learns water from %d structures, each `+
		`in so many orientations, all in as many steps as whole passes through the copies allow. What remains is measured on molecules that were not trained on: turn one at random, many times; the energies that the model gives should all be the same, and their standard deviation says how far they are from it.`, studies[0].n)
	rng := random(hash("augmentation turns", w.o.Seed), 0)
	var turns []mat
	for range 40 {
		turns = append(turns, turnOf(rng))
	}
	var x, spread, err1 []float64
	var rows [][]any
	for n, st := range studies {
		mk, err := st.recall()
		if err != nil {
			return nil, err
		}
		sum, abs, count := 0.0, 0.0, 0
		for _, s := range st.rest[:min(30, len(st.rest))] {
			var e []float64
			mean := 0.0
			for _, r := range turns {
				o, err := evaluate(turned(s, r), 1, mk)
				if err != nil {
					return nil, err
				}
				e, mean = append(e, o.energy), mean+o.energy/float64(len(turns))
				abs += math.Abs(o.energy - s.Energy)
				count++
			}
			for _, v := range e {
				sum += (v - mean) * (v - mean)
			}
		}
		sd, mae := 1000*math.Sqrt(sum/float64(count)), 1000*abs/float64(count)
		x, spread, err1 = append(x, float64(copies[n])), append(spread, sd), append(err1, mae)
		rows = append(rows, []any{copies[n], sd, mae})
	}
	s.draw(picture{name: "augmentation", caption: "What remains after training on turned copies: water", x: "orientations of each training structure", y: "meV", logX: true, logY: true,
		curves: []curve{{name: "spread of the energy under rotation", x: x, y: spread, marks: true}, {name: "mean absolute error of the energy, turned molecules", x: x, y: err1, marks: true}}})
	s.table("augmentation-numbers", "The same as numbers", []string{"orientations", "spread under rotation, meV", "error on turned molecules, meV"}, rows)
	_, slope := power(x[1:], spread[1:])
	s.text("%s", copiesHelp(x, spread, slope))
	if spread[1] > spread[0] {
		s.text(`With one orientation the spread is less than with %s, and yet that network is the worse one: energies of turned molecules may be all alike and all wrong. Their mean error is %s meV with one and %s meV with %s.`,
			number(x[1]), number(err1[0]), number(err1[1]), number(x[1]))
	}
	s.text(`A model with the symmetry built in needs no copies: the table of the section on water has what turning changes there.`)
	s.above("augmentation: spread that remains with the most copies", spread[len(spread)-1], 0.001, " meV")
	return s, nil
}

// copiesHelp says whether the spread under rotation falls with the copies, as one would
// expect, and whether it vanishes, as one would not.
func copiesHelp(copies, spread []float64, slope float64) string {
	last := len(copies) - 1
	out := fmt.Sprintf("From %s to %s orientations the spread goes from %s to %s meV; ", number(copies[0]), number(copies[last]), number(spread[0]), number(spread[last]))
	if spread[last] < spread[0] && slope < 0 {
		out += fmt.Sprintf("from %s on about as their number to the power %.2f, fitted. ", number(copies[1]), slope)
	} else {
		out += "one would expect it to fall, which is not seen in trainings as short as these. "
	}
	if spread[last] > 1e-3 {
		return out + "It is not made exact: what remains with the most copies is far above rounding."
	}
	return out + "One would expect it to remain far above rounding, which is not seen here."
}
