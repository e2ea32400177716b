package symmetry

import (
	"fmt"
	"slices"

	file "github.com/wigner-md/wigner/io/model"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/bp"
	"github.com/wigner-md/wigner/train"
)

// bpKind is a Behler–Parrinello network with hidden layers of these widths for each element.
func bpKind(cutoff float64, hidden []int) kind {
	return kind{name: "Behler–Parrinello", weight: 0.4, steps: 2, exact: true, local: true, three: true, design: fmt.Sprintf("%g Å, hidden %v", cutoff, hidden),
		open: func(list []*train.Structure, seed uint64) (*model, error) {
			elements := train.Elements(list)
			shift, err := train.FitReference(list, elements)
			if err != nil {
				return nil, err
			}
			st, err := train.Describe(list, cutoff)
			if err != nil {
				return nil, err
			}
			short, err := train.Shortest(list, cutoff)
			if err != nil {
				return nil, err
			}
			d := bp.Design{Elements: elements, Cutoff: cutoff, Hidden: hidden, Seed: seed, Shift: shift, Scale: st.Scale, Shortest: short}
			spec, err := d.New(func(cutoff float64, see func(*potential.Frame) error) error { return train.Frames(list, cutoff, see) })
			if err != nil {
				return nil, err
			}
			net, err := bp.NewTrainee(spec.Config(), weightsOf(spec.Params()))
			if err != nil {
				return nil, err
			}
			return &model{learn: net, step: train.Step64, rate: 0.01, loss: train.Loss{Energy: 10, Force: 1},
				finish: func() (maker, error) {
					spec, err := bp.Read(spec.Config(), weightsOf(net.Params()))
					if err != nil {
						return nil, err
					}
					p, err := bp.New(spec)
					return func() potential.Potential { return p.Evaluator() }, err
				}}, nil
		}}
}

// weightsOf are parameters as the tensors of a model.
func weightsOf(p []potential.Param) potential.Weights {
	f := &file.File{}
	for _, q := range p {
		f.Tensors = append(f.Tensors, file.Tensor{Name: q.Name, Shape: q.Shape, Data: slices.Clone(q.Value)})
	}
	return f.Weights()
}

// bpDescriptor are the symmetry functions of the atoms, one after another, of the default
// set, whose functions are those that are not the same everywhere in a list of structures;
// of the first alone, if so.
func bpDescriptor(first bool, list []*train.Structure) (descriptor, error) {
	out := descriptor{name: "symmetry functions (Behler–Parrinello)"}
	list = list[:min(20, len(list))]
	elements := train.Elements(list)
	d := bp.Design{Elements: elements, Cutoff: 5, Hidden: []int{1}, Shift: make([]float64, len(elements)), Scale: 1, Shortest: 0.7}
	spec, err := d.New(func(cutoff float64, see func(*potential.Frame) error) error { return train.Frames(list, cutoff, see) })
	if err != nil {
		return out, err
	}
	for k := range spec.Elements { // the functions themselves, not as they are scaled for a network
		for n := range spec.Elements[k].Functions {
			f := &spec.Elements[k].Functions[n]
			f.Zero, f.Factor, f.Low = 0, 1, 0
		}
	}
	p, err := bp.New(spec)
	out.of = func(s *train.Structure) ([]float64, error) {
		byAtom := make([][]float64, len(s.X))
		_, err := evaluate(s, 1, func() potential.Potential {
			return &described{Evaluator: p.Evaluator(), see: func(id int64, g []float64) { byAtom[id-1] = slices.Clone(g) }}
		})
		if first {
			return byAtom[0], err
		}
		return slices.Concat(byAtom...), err
	}
	return out, err
}

// described shows the functions of each atom instead of energies.
type described struct {
	*bp.Evaluator
	see func(id int64, g []float64)
}

// Compute is part of potential.Potential.
func (d *described) Compute(f *potential.Frame, r *potential.Result) error {
	clear(r.Energy[:f.N])
	d.Describe(f, func(i int, g []float64) { d.see(f.ID[i], g) })
	return nil
}
