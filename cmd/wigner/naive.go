package main

import (
	"fmt"
	"io"
	"math"

	"github.com/wigner-md/wigner/io/model"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/naive"
	"github.com/wigner-md/wigner/train"
)

// naiveFamily are the controls, networks that see a molecule whole.
func naiveFamily(kind string) *family {
	return &family{
		name: kind, double: true, open: openNaive, design: designNaive,
		trainee: func(config map[any]any, w potential.Weights, _ string) (trainee, error) {
			m, err := naive.Read(config, w)
			if err != nil {
				return nil, err
			}
			return anyDistance{m.Potential()}, nil
		},
		tensors: tensorsOf,
	}
}

// anyDistance is a trainee whose atoms may stand as close as they like.
type anyDistance struct{ potential.Trainable }

func (anyDistance) Closest() float64 { return 0 }

// tensorsOf are parameters, and the tensors of first that are none.
func tensorsOf(p []potential.Param, first potential.Weights) potential.Weights {
	f, seen := &model.File{}, map[string]bool{}
	for _, q := range p {
		f.Tensors = append(f.Tensors, model.Tensor{Name: q.Name, Shape: q.Shape, Data: q.Value})
		seen[q.Name] = true
	}
	if first != nil {
		for _, name := range first.Names() {
			if shape, data, ok := potential.Tensor64(first, name); ok && !seen[name] {
				f.Tensors = append(f.Tensors, model.Tensor{Name: name, Shape: shape, Data: data})
			}
		}
	}
	return f.Weights()
}

func openNaive(f *modelFile, v variant) (*source, error) {
	m, err := naive.Read(f.config, f.weights)
	if err != nil {
		return nil, err
	}
	p := m.Potential()
	return &source{
		Family: string(m.Kind), Precision: "float64", Cutoff: p.Cutoff(), Supports: p.Supports, Whole: true,
		New: func() (potential.Potential, error) { return m.Potential(), nil },
		Describe: func(w io.Writer) {
			row := rowsOf(w)
			row("family", "%s: a control for one molecule, which it sees whole", m.Kind)
			row("group", "%s", groupName(p.Group()))
			row("molecule", "%s, in this order", symbolList(m.Z))
			row("centred", "%v", m.Centred)
			row("sorted", "%v", m.Sorted)
			row("inputs", "%d", m.Inputs())
			row("hidden", "%v", m.Hidden)
			row("parameters", "%d", m.Parameters())
		},
	}, nil
}

// designNaive makes a new network, normalised by the data.
func designNaive(t *training) (map[any]any, potential.Weights, error) {
	c := &t.cfg.Model
	if t.cfg.Data.Reference != "fit" {
		return nil, nil, fmt.Errorf("%s: data.reference: a model of kind %q knows no energies of elements, only the molecule's mean: leave it out", t.config, c.Kind)
	}
	d := naive.Design{Kind: naive.Kind(c.Kind), Centred: c.Centred, Sorted: c.Sorted, Hidden: c.Hidden, Seed: uint64(t.cfg.Training.Seed)}
	d.Shift, d.Scale = energies(t.train)
	var x [][][3]float64
	for _, s := range t.train {
		if len(s.X) == len(t.train[0].X) {
			x = append(x, s.X)
		}
	}
	m, err := d.New(t.train[0].Z, x)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: model: %w", t.config, err)
	}
	for _, list := range [][]*train.Structure{t.train, t.valid, t.test} {
		for _, s := range list {
			if err := m.Serves(s.Z, s.Periodic); err != nil {
				return nil, nil, fmt.Errorf("%s: %w", s.Source, err)
			}
		}
	}
	return m.Config(), tensorsOf(m.Tensors(), nil), nil
}

// energies are mean and standard deviation of the energies that there are, eV.
func energies(list []*train.Structure) (mean, deviation float64) {
	n, sum, square := 0.0, 0.0, 0.0
	for _, s := range list {
		if s.Energy == s.Energy {
			n, sum = n+1, sum+s.Energy
		}
	}
	if n == 0 {
		return 0, 1
	}
	mean = sum / n
	for _, s := range list {
		if s.Energy == s.Energy {
			square += (s.Energy - mean) * (s.Energy - mean)
		}
	}
	return mean, max(math.Sqrt(square/n), 1e-3)
}
