package symmetry

import (
	"math"

	"github.com/wigner-md/wigner/train"
)

func (w *show) planRanks() error {
	set, err := w.set("mlearn/Si/train", "")
	if err != nil {
		return err
	}
	k := equivariant(netSize{features: "8x0e+6x1o+4x2e", layers: 2, cutoff: 4.5, hidden: []int{24}})
	st := w.study("silicon, equivariant", "silicon", k, set, 40, schooling{batch: 1, epochs: pick(w, 10, 30)})
	w.sections = append(w.sections, func() (*section, error) { return w.ranks(st) })
	return nil
}

func (w *show) ranks(st *study) (*section, error) {
	s := &section{ID: "ranks", Title: "The same for a crystal, spread over ranks"}
	mk, err := st.recall()
	if err != nil {
		return nil, err
	}
	var x *train.Structure // the largest
	for _, y := range st.rest {
		if x == nil || len(y.X) > len(x.X) {
			x = y
		}
	}
	s.text(`A crystal is repeated in space without end; on many processors it is cut into bricks, each with copies of its neighbours' atoms round it, and the layers of the network exchange their features over the cuts. Whatever the cuts, `+
		`the symmetries must hold as before, and nothing may depend on the number of ranks. Here %s, %d atoms in a cell that is repeated in all directions, with a network of two layers.`, crystalOf(x.Type), len(x.X))
	rng := random(hash("crystal", w.o.Seed), 0)
	r, order := turnOf(rng), rng.Perm(len(x.X))
	d := vec{1.1, -2.3, 0.7}
	a, err := evaluate(x, 1, mk)
	if err != nil {
		return nil, err
	}
	var rows [][]any
	worst := map[string][2]float64{}
	for _, ranks := range []int{1, 2, 4, 8} {
		row := []any{ranks}
		for _, m := range []struct {
			name string
			s    *train.Structure
			back func([]vec) []vec
		}{
			{"as it is", x, same},
			{"moved", moved(x, d), same},
			{"turned with its cell", turned(x, r), turnBack(r)},
			{"mirrored", turned(x, mirrorMatrix), turnBack(mirrorMatrix)},
			{"renumbered", renumbered(x, order), backOrder(order)},
		} {
			b, err := evaluate(m.s, ranks, mk)
			if err != nil {
				return nil, err
			}
			e, f := math.Abs(a.energy-b.energy), 0.0
			for i, v := range m.back(b.forces) {
				f = max(f, norm(minus(v, a.forces[i])))
			}
			row = append(row, e, f)
			was := worst[m.name]
			worst[m.name] = [2]float64{max(was[0], e/float64(len(x.X))), max(was[1], f)}
		}
		rows = append(rows, row)
	}
	for _, name := range []string{"as it is", "moved", "turned with its cell", "mirrored", "renumbered"} {
		s.identity("silicon, "+name+", 1 to 8 ranks: change of the energy per atom", worst[name][0], 1e-12, " eV")
		s.identity("silicon, "+name+", 1 to 8 ranks: change of a force", worst[name][1], 1e-10, " eV/Å")
	}
	s.table("crystal-ranks", "Change of the energy (eV, of the whole crystal) and largest change of a force (eV/Å), against the crystal as it is on one rank",
		[]string{"ranks", "as it is: energy", "force", "moved: energy", "force", "turned: energy", "force", "mirrored: energy", "force", "renumbered: energy", "force"}, rows)
	s.text(`Energies of atoms are added up in whole multiples of a smallest energy, which gives the same sum in any order: 0 is the same number in every digit. Forces differ by rounding.`)
	return s, nil
}

// crystalOf is a kind of structures of mlearn in words.
func crystalOf(kind string) string {
	switch kind {
	case "AIMD-NVT":
		return "silicon in the middle of its thermal motion"
	case "Elastic":
		return "a strained crystal of silicon"
	case "Vacancy":
		return "silicon with a vacancy, in its thermal motion"
	case "Surface":
		return "a slab of silicon with two surfaces and empty space between"
	}
	return "silicon"
}
