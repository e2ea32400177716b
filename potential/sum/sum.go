// Package sum adds potentials: a short repulsion to a model, a pair term to
// embedded atoms. Each part keeps its own cutoff; the list of the largest serves
// all.
//
// References: LAMMPS manual, pair_style hybrid/overlay, which does the same.
package sum

import (
	"errors"

	"github.com/wigner-md/wigner/potential"
)

// Potential is the sum of its parts, one rank's evaluator.
type Potential struct {
	Parts  []potential.Potential
	energy []float64
	part   potential.Result // of the part in hand
}

// New adds potentials, of which there must be one at least.
func New(parts ...potential.Potential) (*Potential, error) {
	if len(parts) == 0 {
		return nil, errors.New("sum: no potentials")
	}
	return &Potential{Parts: parts}, nil
}

// Cutoff is the largest of the parts', Å.
func (p *Potential) Cutoff() (c float64) {
	for _, q := range p.Parts {
		c = max(c, q.Cutoff())
	}
	return c
}

// Supports is whether all parts know the element.
func (p *Potential) Supports(z int) bool {
	for _, q := range p.Parts {
		if !q.Supports(z) {
			return false
		}
	}
	return true
}

// Group is the smallest of the parts'.
func (p *Potential) Group() potential.Group {
	g := potential.O3
	for _, q := range p.Parts {
		g = max(g, potential.GroupOf(q))
	}
	return g
}

// Admits is part of potential.Whole.
func (p *Potential) Admits(periodic [3]bool, ranks int) error {
	for _, q := range p.Parts {
		if w, ok := q.(potential.Whole); ok {
			if err := w.Admits(periodic, ranks); err != nil {
				return err
			}
		}
	}
	return nil
}

// Compute evaluates the parts in their order. It is collective where a part's is.
func (p *Potential) Compute(f *potential.Frame, res *potential.Result) error {
	part := &p.part
	*part = potential.Result{Energy: p.scratch(len(res.Energy)), Bonds: res.Bonds}
	for k, q := range p.Parts {
		if k == 0 {
			if err := q.Compute(f, res); err != nil {
				return err
			}
			continue
		}
		clear(part.Energy)
		if err := q.Compute(f, part); err != nil {
			return err
		}
		for i, e := range part.Energy {
			res.Energy[i] += e
		}
	}
	return nil
}

// scratch is room for the energies of a part.
func (p *Potential) scratch(n int) []float64 {
	if cap(p.energy) < n {
		p.energy = make([]float64, n, n+n/8)
	}
	return p.energy[:n]
}
