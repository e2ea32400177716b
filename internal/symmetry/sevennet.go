package symmetry

import "math"

func (w *show) planSevenNet() error {
	if w.o.SevenNet == nil {
		return nil // the model is not on this machine
	}
	w.sections = append(w.sections, w.sevenNet)
	return nil
}

func (w *show) sevenNet() (*section, error) {
	s := &section{ID: "sevennet", Title: "A published model without parity: SevenNet-0"}
	set, err := w.set("molecules/chfclbr", "handedness")
	if err != nil {
		return nil, err
	}
	s.text(`SevenNet-0 knows rotations but not mirrors: its features do not carry the sign that the mirror gives. The energies of mirror images are equal in quantum chemistry. ` +
		`Here are the energies that it gives to both hands of CHFClBr in double precision.`)
	rng := random(hash("sevennet", w.o.Seed), 0)
	var rows [][]any
	worst, turn := 0.0, 0.0
	list := append(ofType(set, "relaxed")[:1], ofType(set, "rattled")[:9]...)
	for k, x := range list {
		a, err := evaluate(x, 1, w.o.SevenNet)
		if err != nil {
			return nil, err
		}
		b, err := evaluate(turned(x, mirrorMatrix), 1, w.o.SevenNet)
		if err != nil {
			return nil, err
		}
		c, err := evaluate(turned(x, turnOf(rng)), 1, w.o.SevenNet)
		if err != nil {
			return nil, err
		}
		name := "relaxed"
		if k > 0 {
			name = "rattled " + number(float64(k))
		}
		d := 1000 * (b.energy - a.energy)
		worst, turn = max(worst, math.Abs(d)), max(turn, 1000*math.Abs(c.energy-a.energy))
		rows = append(rows, []any{name, decimals{a.energy, 6}, decimals{b.energy, 6}, d, 1000 * (c.energy - a.energy)})
	}
	s.table("sevennet-hands", "SevenNet-0's energies of a molecule and its mirror image, and of the molecule turned",
		[]string{"molecule", "energy, eV", "mirror image, eV", "difference, meV", "turned: difference, meV"}, rows)
	s.text(`The largest difference of two hands is %s meV; of a molecule and its turned copy %s meV. Nothing in the network makes the hands equal; the turned copy is, up to rounding.`, number(worst), number(turn))
	s.identity("SevenNet-0, molecule turned: change of the energy", turn/1000, 1e-9, " eV")
	return s, nil
}
