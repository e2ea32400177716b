package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/io/torch"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/mpnn"
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
		return openModel(p.Model, variant{p.Precision, p.Radial, p.Memory})
	}
	return nil, usagef("potential.type %q is not known", p.Type)
}

// variant is how a model is to be evaluated, in the words of the configuration;
// radial and memory may be empty.
type variant struct{ precision, radial, memory string }

// flags are those of the verbs that take a model by -m.
func (v *variant) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&v.precision, "precision", "float32", "float32 or float64")
	f.StringVar(&v.radial, "radial", "", "table or exact: the radial network for every edge (default: table in float32, exact in float64)")
	f.StringVar(&v.memory, "memory", "", "normal, lean or low: layers are computed again instead of kept (default normal)")
}

func (v variant) check() error {
	for _, x := range []struct {
		what, is string
		may      []string
	}{
		{"precision", v.precision, []string{"float32", "float64"}},
		{"radial", v.radial, []string{"", "table", "exact"}},
		{"memory", v.memory, []string{"", "normal", "lean", "low"}},
	} {
		if !slices.Contains(x.may, x.is) {
			return usagef("%s %q is not known; it may be %s", x.what, x.is, strings.Join(slices.DeleteFunc(x.may, func(s string) bool { return s == "" }), ", "))
		}
	}
	if v.precision == "float64" && v.radial == "table" {
		return usagef("radial table: there are no tables in float64, which evaluates the radial network")
	}
	return nil
}

// openModel reads a model by path or name.
func openModel(name string, v variant) (*source, error) {
	if err := v.check(); err != nil {
		return nil, err
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
	return s.with(v), nil
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

// with is the same model, evaluated in another way.
func (s *source) with(v variant) *source {
	out := *s
	out.Precision = v.precision
	m, mode := s.Model, memoryMode(v.memory)
	switch {
	case v.precision == "float64":
		out.New = func() (potential.Potential, error) { return inMode(nequip.New64(m), mode), nil }
	case v.radial == "exact":
		out.New = func() (potential.Potential, error) { return inMode(nequip.New32Exact(m), mode), nil }
	default:
		out.New = func() (potential.Potential, error) { return inMode(nequip.New32(m), mode), nil }
	}
	return &out
}

func memoryMode(name string) mpnn.Memory {
	switch name {
	case "lean":
		return mpnn.Lean
	case "low":
		return mpnn.Low
	}
	return mpnn.Normal
}

func inMode[T mpnn.Float](n *mpnn.Network[T], m mpnn.Memory) *mpnn.Network[T] {
	n.Memory = m
	return n
}
