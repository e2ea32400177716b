package naive

import (
	"fmt"
	"slices"

	"github.com/wigner-md/wigner/potential"
)

// Reach is the cutoff that these potentials state, Å. It is nominal, since they see the
// whole molecule however large; within it, images and other ranks' atoms are noticed.
const Reach = 10

// Potential is one rank's evaluation of a model, and trains it: a potential.Trainable.
// The frame may hold several copies of the molecule one after another, as training has
// them; the atoms of each are numbered from 1.
type Potential struct {
	*Model
	s    *scratch
	rows []int32 // of the slots
	seen []bool
}

// Potential makes one for a rank.
func (m *Model) Potential() *Potential {
	return &Potential{Model: m, s: newScratch(m), rows: make([]int32, len(m.Z)), seen: make([]bool, len(m.Z))}
}

// Cutoff is part of potential.Potential.
func (p *Potential) Cutoff() float64 { return Reach }

// Supports is part of potential.Potential.
func (p *Potential) Supports(z int) bool { return slices.Contains(p.Z, z) }

// Group is part of potential.Symmetric.
func (p *Potential) Group() potential.Group {
	if p.Kind == Raw {
		return potential.NoGroup
	}
	return potential.O3
}

// Admits is part of potential.Whole.
func (p *Potential) Admits(periodic [3]bool, ranks int) error {
	if periodic != ([3]bool{}) {
		return refused("%s", p.periodic())
	}
	if ranks > 1 {
		return refused("%s: it cannot be dealt out to %d ranks, none of which would see all atoms; use one (--ranks 1)", p.what(), ranks)
	}
	return nil
}

func refused(format string, args ...any) error {
	return &potential.RefusedError{Text: fmt.Sprintf(format, args...)}
}

// check refuses frames that are no copies of the molecule on one rank.
func (p *Potential) check(f *potential.Frame) error {
	if len(f.X) > f.Rows && f.N > 0 {
		for _, h := range f.Home[f.Rows:] {
			return refused("naive: atom %d has an image within %d Å: %s", f.ID[h], Reach, p.periodic())
		}
	}
	if f.N%len(p.Z) != 0 {
		return refused("naive: this rank has %d atoms: %s, on one rank (--ranks 1)", f.N, p.what())
	}
	return nil
}

// gather finds the rows of the molecule that begins at row first, and its positions.
func (p *Potential) gather(f *potential.Frame, first int) error {
	clear(p.seen)
	n := len(p.Z)
	for r := first; r < first+n; r++ {
		slot := f.ID[r] - 1
		if slot < 0 || slot >= int64(n) || p.seen[slot] {
			return refused("naive: an atom has the number %d: %s, numbered from 1", f.ID[r], p.what())
		}
		if z := int(f.Species[r]); z != p.Z[slot] {
			return refused("naive: atom %d is element %d, its slot is for element %d (kind %q)", slot+1, z, p.Z[slot], p.Kind)
		}
		p.seen[slot], p.rows[slot], p.s.x[slot] = true, int32(r), f.X[r]
	}
	return nil
}

// each evaluates each copy of the molecule and calls see with the energy of its atoms, eV.
func (p *Potential) each(f *potential.Frame, see func(energy float64)) error {
	if err := p.check(f); err != nil {
		return err
	}
	n := len(p.Z)
	for first := 0; first < f.N; first += n {
		if err := p.gather(f, first); err != nil {
			return err
		}
		p.inputs(p.s.x, p.s)
		see((p.Shift + p.Scale*p.forward(p.s)) / float64(n))
	}
	return nil
}

// Compute is part of potential.Potential.
func (p *Potential) Compute(f *potential.Frame, res *potential.Result) error {
	return p.each(f, func(energy float64) {
		p.backward(p.Scale, p.s, nil)
		p.positions(p.s)
		for slot, r := range p.rows {
			res.Energy[r] = energy
			res.Bonds.AddAtom(r, p.s.x[slot], p.s.gx[slot])
		}
	})
}

// Params is part of potential.Trainable.
func (p *Potential) Params() []potential.Param {
	var out []potential.Param
	for l := range p.layers() {
		w, b := p.layer(l)
		out = append(out, potential.Param{Name: fmt.Sprintf("weight.%d", l), Shape: []int{p.sizes[l+1], p.sizes[l]}, Value: w},
			potential.Param{Name: fmt.Sprintf("bias.%d", l), Shape: []int{p.sizes[l+1]}, Value: b})
	}
	return out
}

// Update is part of potential.Trainable.
func (p *Potential) Update() {}

// ParamGradient is part of potential.Trainable.
func (p *Potential) ParamGradient(f *potential.Frame, dEnergy, e, dst []float64) error {
	if len(dst) != p.Parameters() {
		panic("naive: gradient has another length than the parameters")
	}
	return p.each(f, func(energy float64) {
		c := 0.0
		for _, r := range p.rows {
			e[r] = energy
			c += dEnergy[r] / float64(len(p.Z))
		}
		p.backward(c*p.Scale, p.s, dst)
	})
}
