package symmetry

import (
	"fmt"
	"slices"
)

func (w *show) planUniversal() error {
	set, err := w.set("molecules/methane", "REF_dipole")
	if err != nil {
		return err
	}
	n := 60
	list := ofType(set, "rattled")
	widths, points := pick(w, []int{1, 2, 4, 8, 16, 32}, []int{1, 2, 4, 8, 16, 32, 64}), []int{1, 2, 4, 8, 16, 32, 64}
	var nets, kernels []*study
	for _, k := range widths {
		kd := bpKind(5, []int{k, k})
		s := kd.school(w, n)
		s.epochs *= pick(w, 6, 2)
		if k > 16 {
			s.slower = float64(k) / 16 // at the rate that suits the narrow ones, training of the wide ones ends far from their best
		}
		nets = append(nets, w.study("width, BP, "+number(float64(k)), "universal", kd, list, n, s))
	}
	for _, k := range points {
		kd := soapKind(5, k)
		kernels = append(kernels, w.study("width, SOAP, "+number(float64(k)), "universal", kd, list, n, schooling{batch: 1, epochs: 1}))
	}
	w.sections = append(w.sections, func() (*section, error) { return w.universal(widths, points, nets, kernels) })
	return nil
}

func (w *show) universal(widths, points []int, nets, kernels []*study) (*section, error) {
	s := &section{ID: "universal", Title: "Wide enough for anything: training error against width"}
	s.text(`Building in a symmetry costs nothing that is true. On top of invariant features, a wide enough network can follow any smooth invariant function of them as closely as one likes: that is what 'universal' means, and for a scalar such as the energy `+
		`invariant models lose no power by being invariant. It can be seen in the error on the training structures themselves, here %d of rattled methane, which should fall as the model becomes wider: hidden layers of a Behler–Parrinello network, or the number of environments that a SOAP kernel model compares with. `+
		`Universal is a statement about width, not about data, and only about what the features can tell apart, which is the next question. Networks wider than 16 learn in smaller steps, at a learning rate that falls as 1/width: at that of the narrow ones they do not settle.`, nets[0].n)
	of := func(name string, sizes []int, studies []*study) (f curve, rows [][]any, err error) {
		f = curve{name: name, marks: true}
		for k, st := range studies {
			if _, err = st.recall(); err != nil {
				return f, nil, err
			}
			energy, force, _, err := errorsOf(st.model, st.list)
			if err != nil {
				return f, nil, err
			}
			f.x, f.y = append(f.x, float64(sizes[k])), append(f.y, force)
			rows = append(rows, []any{name, sizes[k], st.task.result.Parameters, 1000 * energy, force})
		}
		return f, rows, nil
	}
	f0, rows0, err := of("Behler–Parrinello: width of two hidden layers", widths, nets)
	if err != nil {
		return nil, err
	}
	f1, rows1, err := of("SOAP: points of each element", points, kernels)
	if err != nil {
		return nil, err
	}
	s.draw(picture{name: "universal-force", caption: "Error of the forces on the training structures", x: "width", y: "mean absolute error / eV/Å", logX: true, logY: true, curves: []curve{f0, f1}})
	s.table("universal-numbers", "The same, and the energies", []string{"model", "width", "parameters", "energy, meV/atom", "force, eV/Å"}, append(rows0, rows1...))
	for _, f := range []curve{f0, f1} {
		s.text("%s", widens(f.name, f.x, f.y))
		last := f.y[len(f.y)-1]
		s.expect(f.name+": force error of the widest over that of the narrowest", last/f.y[0], 0.5, "")
	}
	return s, nil
}

// widens says how the error goes with the width.
func widens(name string, width, force []float64) string {
	last := len(width) - 1
	least := slices.Index(force, slices.Min(force))
	out := fmt.Sprintf("%s: from %s to %s the error of the forces goes from %s to %s eV/Å", name, number(width[0]), number(width[last]), number(force[0]), number(force[last]))
	if least == last {
		return out + ", the least of all widths."
	}
	return out + fmt.Sprintf("; the least is %s, with %s. A wider model can do all that a narrower one can, so where it has the larger error that comes of its training, which has not found its best weights.", number(force[least]), number(width[least]))
}
