package symmetry

import (
	"fmt"
	"math"
	"slices"

	"github.com/wigner-md/wigner/train"
)

func (w *show) planDegenerate() error {
	studies, err := w.methanes()
	if err != nil {
		return err
	}
	w.sections = append(w.sections, func() (*section, error) { return w.degenerate(studies) })
	return nil
}

// degeneratePair are two different arrangements of four hydrogens round a carbon, all at the
// same distance r (Å) in a plane, whose distances and angles at the carbon are the same
// numbers: 45, 45, 90, 135, 135 and 180 degrees (S. Pozdnyakov et al., Phys. Rev. Lett. 125,
// 166001 (2020), fig. 1). In eighths of a turn they stand at 0, 1, 2, 5 and at 0, 1, 3, 4.
func degeneratePair(r float64) (out [2]*train.Structure) {
	nan := math.NaN()
	for n, at := range [2][4]float64{{0, 1, 2, 5}, {0, 1, 3, 4}} {
		s := &train.Structure{Z: []int{6, 1, 1, 1, 1}, X: []vec{{}}, Energy: nan, Weight: 1}
		for _, k := range at {
			sin, cos := math.Sincos(k * math.Pi / 4)
			s.X = append(s.X, vec{r * cos, r * sin, 0})
		}
		out[n] = s
	}
	return out
}

// angles at the first atom, and distances between the others, ascending.
func angles(s *train.Structure) (a, d []float64) {
	for i := 1; i < len(s.X); i++ {
		for k := 1; k < i; k++ {
			u, v := minus(s.X[i], s.X[0]), minus(s.X[k], s.X[0])
			a = append(a, math.Acos(max(-1, min(1, dot(u, v)/norm(u)/norm(v))))*180/math.Pi)
			d = append(d, norm(minus(s.X[i], s.X[k])))
		}
	}
	slices.Sort(a)
	slices.Sort(d)
	return a, d
}

func (w *show) degenerate(studies []*study) (*section, error) {
	s := &section{ID: "degenerate", Title: "Two environments that distances and angles cannot tell apart"}
	pair := degeneratePair(1.3)
	s.text(`Is an invariant description complete: do different environments always get different numbers? With distances and angles at the atom, no. Four hydrogens round a carbon, in a plane and all at the distance 1.3 Å, may stand at 0, 45, 90 and 225 degrees, ` +
		`or at 0, 45, 135 and 180. The angles at the carbon are then 45, 45, 90, 135, 135 and 180 degrees in both cases, and so are the distances of the hydrogens the same list; yet no rotation takes one arrangement into the other ` +
		`(S. Pozdnyakov and others, Physical Review Letters 125, 166001, 2020). Whatever is made of the distances and angles at the carbon, three bodies at a time, is the same for both, and no network on top of it, however wide, can give the carbon two different energies.`)
	a0, d0 := angles(pair[0])
	a1, d1 := angles(pair[1])
	s.identity("degenerate pair: difference of the sorted angles at the carbon", apart(a0, a1), 1e-9, " degrees")
	s.identity("degenerate pair: difference of the sorted H–H distances", apart(d0, d1), 1e-12, " Å")
	list, err := w.set("molecules/methane", "REF_dipole")
	if err != nil {
		return nil, err
	}
	all, err := descriptors(true, ofType(list, "rattled"))
	if err != nil {
		return nil, err
	}
	var rows [][]any
	apartBy := 0.0 // of the equivariant network, eV
	for _, d := range all {
		p, err := d.of(pair[0])
		if err != nil {
			return nil, err
		}
		q, err := d.of(pair[1])
		if err != nil {
			return nil, err
		}
		rows = append(rows, []any{d.name + " of the carbon", norm1(p), apart(p, q), math.NaN(), math.NaN()})
		s.identity("degenerate pair, "+d.name+" of the carbon: their difference", apart(p, q), 1e-10*max(1, norm1(p)), "")
	}
	for _, st := range studies {
		if !st.kind.local {
			continue
		}
		mk, err := st.recall()
		if err != nil {
			return nil, err
		}
		p, err := evaluate(pair[0], 1, mk)
		if err != nil {
			return nil, err
		}
		q, err := evaluate(pair[1], 1, mk)
		if err != nil {
			return nil, err
		}
		carbon := math.Abs(p.energies[0] - q.energies[0])
		rows = append(rows, []any{"energy: " + st.kind.name, math.NaN(), math.NaN(), 1000 * carbon, 1000 * math.Abs(p.energy-q.energy)})
		if st.kind.three {
			s.identity("degenerate pair, "+st.kind.name+": difference of the carbon's energy", carbon, 1e-9*max(1, st.kind.rough), " eV")
		} else {
			apartBy = carbon
			s.above("degenerate pair, "+st.kind.name+": difference of the carbon's energy (rounding is 1e-10)", 1000*carbon, 1e-3, " meV")
		}
	}
	s.table("degenerate-pair", "The pair in the eyes of each description: its features at the carbon, and the energies of models trained on methane",
		[]string{"description", "length", "distance of the pair", "carbon's energy: |ΔE|, meV", "molecule's: |ΔE|, meV"}, rows)
	s.text("%s", tellsApart(apartBy))
	s.text(`Models of three bodies may still give the molecules two energies, through the hydrogens, whose own environments differ; for the carbon alone they are blind.`)
	return s, nil
}

// tellsApart says what the network makes of the carbons of the pair, whose energies differ by
// so much, eV.
func tellsApart(carbon float64) string {
	const why = "It can because it has two layers: after the first each hydrogen carries what it has seen of its own neighbours, which is not the same in the two molecules, and in the second the carbon reads this."
	if carbon < 1e-6 {
		return fmt.Sprintf("One would expect the equivariant network to tell them apart at the carbon, which is not seen here: its two energies differ by %s meV. %s", number(1000*carbon), why)
	}
	return fmt.Sprintf("The equivariant network tells them apart at the carbon: its two energies differ by %s meV. %s", number(1000*carbon), why)
}
