package main

import (
	"fmt"
	"path/filepath"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/io/torch"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/potential/pair"
)

// source is a potential that has been read: what the ranks of a process share,
// and the way to make each rank's evaluator.
type source struct {
	Name      string
	Path      string // of the file; empty where there is none
	Family    string
	Precision string
	Cutoff    float64 // Å
	New       func() (potential.Potential, error)
	Supports  func(z int) bool
	Model     *nequip.Model // nil where it is none
}

// openPotential reads the potential of a config. This is the one place that
// knows all kinds.
func openPotential(p input.Potential) (*source, error) {
	switch p.Type {
	case "lennard-jones":
		return lennardJones(p)
	case "model", "":
		return openModel(p.Model, p.Precision)
	}
	return nil, usagef("potential.type %q is not known", p.Type)
}

// openModel reads a model by path or name.
func openModel(name, precision string) (*source, error) {
	if precision != "float32" && precision != "float64" {
		return nil, usagef("precision %q is not known; it may be float32, float64", precision)
	}
	path, err := findModel(name)
	if err != nil {
		return nil, err
	}
	ck, err := torch.Open(path)
	if err != nil {
		return nil, usage(fmt.Errorf("model: %w", err))
	}
	defer ck.Close()
	m, err := nequip.Read(ck.Config, ck.Weights())
	if err != nil {
		return nil, usage(fmt.Errorf("model %s: %w", path, err))
	}
	s := &source{Name: filepath.Base(name), Path: path, Family: "SevenNet", Model: m, Cutoff: m.Cutoff(), Supports: supportsAny(m.Elements())}
	return s.with(precision), nil
}

func supportsAny(zs []int) func(z int) bool {
	known := map[int]bool{}
	for _, z := range zs {
		known[z] = true
	}
	return func(z int) bool { return known[z] }
}

// lennardJones makes the pair potential of a config.
func lennardJones(p input.Potential) (*source, error) {
	var table []pair.Parameters
	add := func(a, b string, epsilon, sigma, cutoff float64) error {
		z1, ok1 := element.Number(a)
		z2, ok2 := element.Number(b)
		for symbol, ok := range map[string]bool{a: ok1, b: ok2} {
			if !ok {
				return usagef("potential: %q is not the symbol of an element", symbol)
			}
		}
		table = append(table, pair.Parameters{Z: [2]int{z1, z2}, Epsilon: epsilon, Sigma: sigma, Cutoff: cutoff})
		return nil
	}
	for i, a := range p.Elements {
		for _, b := range p.Elements[i:] {
			if err := add(a, b, p.Epsilon, p.Sigma, p.Cutoff); err != nil {
				return nil, err
			}
		}
	}
	for _, q := range p.Pair {
		if err := add(q.Elements[0], q.Elements[1], q.Epsilon, q.Sigma, q.Cutoff); err != nil {
			return nil, err
		}
	}
	one, err := pair.NewLennardJones(table, p.Shift)
	if err != nil {
		return nil, usage(err)
	}
	return &source{
		Name: "lennard-jones", Family: "Lennard-Jones", Precision: "float64", Cutoff: one.Cutoff(), Supports: one.Supports,
		New: func() (potential.Potential, error) { return pair.NewLennardJones(table, p.Shift) },
	}, nil
}

// with is the same model in another precision.
func (s *source) with(precision string) *source {
	out := *s
	out.Precision = precision
	m := s.Model
	switch precision {
	case "float32":
		out.New = func() (potential.Potential, error) { return nequip.New32(m), nil }
	default:
		out.New = func() (potential.Potential, error) { return nequip.New64(m), nil }
	}
	return &out
}
