package md

import (
	"math"

	"github.com/wigner-md/wigner/comm"
)

// heat is energy that a local bath has given the atoms, gathered over the steps
// by each rank in fixed point: the sum over the ranks has the same bits on any
// number of them, and needs no reduction before someone asks.
type heat struct{ sum comm.Fixed }

func (h *heat) add(f comm.Fixed) {
	bad := math.IsNaN(f.Value()) || math.IsNaN(h.sum.Value())
	h.sum.Hi += f.Hi
	h.sum.Lo += f.Lo
	h.tidy()
	if bad {
		h.sum.Add(math.NaN())
	}
}

// Give notes energy (eV) that this rank has given its atoms beside what forces do: it is
// taken off Thermo.Conserved.
func (s *Sim) Give(energy float64) {
	var f comm.Fixed
	f.Add(energy)
	s.heat.add(f)
}

// tidy carries from Lo to Hi, of which one unit is 2³⁰ of Lo's, so that neither
// overflows in a long run and equal sums have equal parts.
func (h *heat) tidy() {
	carry := h.sum.Lo >> 30
	h.sum.Hi += carry
	h.sum.Lo -= carry << 30
}

// total is collective: the sum over all ranks, in the same parts on every rank.
func (h *heat) total(c comm.Comm) (heat, error) {
	sums := []comm.Fixed{h.sum}
	if err := comm.SumFixed(c, sums); err != nil {
		return heat{}, err
	}
	t := heat{sums[0]}
	t.tidy()
	return t, nil
}
