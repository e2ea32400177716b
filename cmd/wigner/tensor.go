package main

import (
	"fmt"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/io/extxyz"
	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/train"
)

// irrepOf is what a network that gives an output is to be designed for; nil: an energy.
func irrepOf(output string) *o3.Irrep {
	switch output {
	case input.OutputDipole:
		return &o3.Irrep{L: 1, P: -1}
	case input.OutputPseudoscalar:
		return &o3.Irrep{L: 0, P: -1}
	}
	return nil
}

// outputName is the output of an irrep, and the key that eval writes it under.
func outputName(r *o3.Irrep) string {
	for _, name := range []string{input.OutputDipole, input.OutputPseudoscalar} {
		if r != nil && *irrepOf(name) == *r {
			return name
		}
	}
	if r == nil {
		return input.OutputEnergy
	}
	return "tensor"
}

// gives is what the potential gives.
func (s *source) gives() string {
	if s.Gives == "" {
		return input.OutputEnergy
	}
	return s.Gives
}

// energetic refuses a potential that gives no energy.
func (s *source) energetic() error {
	if g := s.gives(); g != input.OutputEnergy {
		return usagef("%s gives a %s and no energy: only eval and info take it", s.Name, g)
	}
	return nil
}

// labelTarget takes the label of a training for a tensor, and leaves the others out.
func labelTarget(c *input.Train, f *extxyz.Frame, s *train.Structure) error {
	key, n := c.Data.DipoleKey, 3
	if c.Model.Gives() == input.OutputPseudoscalar {
		key, n = c.Data.ScalarKey, 1
	}
	t, ok := f.Get(key)
	if !ok {
		return nil
	}
	if s.Periodic != ([3]bool{}) && n == 3 {
		return fmt.Errorf("%s: a dipole belongs to a molecule: this structure is periodic", key)
	}
	var err error
	if s.Target, err = labelNumbers(t.Value, n); err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

// tensorReader is a potential without energy: evaluated, it keeps the sum of the tensors
// of its atoms.
type tensorReader struct {
	potential.Potential
	sum []comm.Fixed
	out []float64
}

// readsTensor wraps a potential that gives a tensor; ok is false for all others.
func readsTensor(p potential.Potential) (*tensorReader, bool) {
	n := potential.ComponentsOf(p)
	return &tensorReader{Potential: p, sum: make([]comm.Fixed, n)}, n > 0
}

// Compute is part of potential.Potential.
func (r *tensorReader) Compute(f *potential.Frame, res *potential.Result) error {
	n := len(r.sum)
	clear(r.sum)
	clear(res.Energy[:f.N])
	if cap(r.out) < n*f.N {
		r.out = make([]float64, n*f.N)
	}
	r.out = r.out[:n*f.N]
	err := r.Potential.(potential.Tensorial).Outputs(f, r.out)
	for k, v := range r.out {
		r.sum[k%n].Add(v)
	}
	return err
}

// total is collective: the tensor of the whole system.
func (r *tensorReader) total(c comm.Comm) ([]float64, error) {
	if err := comm.SumFixed(c, r.sum); err != nil {
		return nil, err
	}
	var out []float64
	for _, s := range r.sum {
		out = append(out, s.Value())
	}
	return out, nil
}
