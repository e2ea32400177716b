package sum

import "github.com/wigner-md/wigner/potential"

// Trainable is a potential in training and others, added to it, that stay as they
// are: the first learns what the others leave.
type Trainable struct {
	*Potential
	first potential.Trainable
	bonds potential.Bonds // of the others' edges, which no parameter depends on
}

// NewTrainable adds fixed potentials to one in training.
func NewTrainable(first potential.Trainable, fixed ...potential.Potential) *Trainable {
	return &Trainable{Potential: &Potential{Parts: append([]potential.Potential{first}, fixed...)}, first: first}
}

// Learner is the potential in training.
func (t *Trainable) Learner() potential.Trainable { return t.first }

// Params are the parameters of the potential in training.
func (t *Trainable) Params() []potential.Param { return t.first.Params() }

// Update is part of potential.Trainable.
func (t *Trainable) Update() { t.first.Update() }

// ParamGradient is part of potential.Trainable: the gradient is that of the potential
// in training, the energies are those of the sum.
func (t *Trainable) ParamGradient(f *potential.Frame, dEnergy, e, dst []float64) error {
	if err := t.first.ParamGradient(f, dEnergy, e, dst); err != nil {
		return err
	}
	part := t.scratch(len(e))
	for _, q := range t.Parts[1:] {
		t.bonds.Reset(f.Rows)
		clear(part)
		if err := q.Compute(f, &potential.Result{Energy: part, Bonds: &t.bonds}); err != nil {
			return err
		}
		for i, v := range part {
			e[i] += v
		}
	}
	return nil
}
