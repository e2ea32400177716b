package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/io/n2p2"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/mpnn"
	"github.com/wigner-md/wigner/potential/sum"
)

// source is a potential that has been read: what the ranks of a process share,
// and the way to make each rank's evaluator.
type source struct {
	Name      string
	Files     []string // that it was read from
	Family    string
	Precision string
	Cutoff    float64 // Å
	New       func() (potential.Potential, error)
	Supports  func(z int) bool
	Variant   func(v variant) func() (potential.Potential, error) // of a network, which has several; else nil
	Parts     []*source                                           // of a sum
	Cut       bool                                                // ends at its cutoff without going smoothly to zero
	Describe  func(w io.Writer)                                   // what info says of a model; nil where it is none
	Pairs     func(w io.Writer, zs []int) error                   // what info says of pairs of elements; nil where there is nothing
	Single    bool                                                // its file has couplings in single precision: rotations hold to that
	Gives     string                                              // what it gives instead of an energy; "": an energy
	Whole     bool                                                // sees a molecule whole, on one rank
}

// openPotential reads the potential of a config that lies in dir. This is the one
// place that knows all kinds.
func openPotential(p input.Potential, dir string) (*source, error) {
	first, err := openPart(p.Part, dir)
	if err != nil || len(p.Add) == 0 {
		return first, err
	}
	parts := []*source{first}
	for _, q := range p.Add {
		s, err := openPart(q, dir)
		if err != nil {
			return nil, err
		}
		parts = append(parts, s)
	}
	return sumOf(parts), nil
}

func openPart(p input.Part, dir string) (*source, error) {
	switch p.Type {
	case "lennard-jones":
		return lennardJones(p)
	case "morse":
		return morse(p)
	case "zbl":
		return zbl(p)
	case "eam":
		files := p.Files
		if p.File != "" {
			files = []string{p.File}
		}
		return openEAM(files, dir)
	case "model", "":
		return openModel(p.Model, variant{precision: p.Precision, radial: p.Radial, memory: p.Memory, length: p.LengthUnit, energy: p.EnergyUnit, head: p.Head, modal: p.Modal})
	}
	return nil, usagef("potential.type %q is not known", p.Type)
}

// sumOf is the sum of several potentials.
func sumOf(parts []*source) *source {
	s := &source{Parts: parts, Family: "sum", Precision: parts[0].Precision}
	var names []string
	for _, p := range parts {
		names = append(names, p.Name)
		s.Files = append(s.Files, p.Files...)
		s.Cutoff, s.Cut = max(s.Cutoff, p.Cutoff), s.Cut || p.Cut
		s.Whole = s.Whole || p.Whole
		if p.Precision == "float32" {
			s.Precision = p.Precision
		}
	}
	s.Name = strings.Join(names, " + ")
	s.Supports = func(z int) bool {
		return !slices.ContainsFunc(parts, func(p *source) bool { return !p.Supports(z) })
	}
	s.New = func() (potential.Potential, error) {
		var all []potential.Potential
		for _, p := range parts {
			one, err := p.New()
			if err != nil {
				return nil, err
			}
			all = append(all, one)
		}
		return sum.New(all...)
	}
	return s
}

// ranks are those of a process: n, or, where the user gave none, what the program chooses.
func (s *source) ranks(n int) int {
	if n == 0 && s.Whole {
		return 1
	}
	return n
}

// network is whether a network is in it, which has variants.
func (s *source) network() bool {
	return s.Variant != nil || slices.ContainsFunc(s.Parts, (*source).network)
}

// variant is how a model is to be evaluated, in the words of the configuration;
// all but the precision may be empty.
type variant struct {
	precision, radial, memory string
	head                      string // of a model that has several
	modal                     string // of a multi-fidelity model
	length, energy            string // units of files that do not say them: bohr or angstrom, hartree or eV
	anyHead                   bool   // where head and modality do not matter
}

// flags are those of the verbs that take a model by -m.
func (v *variant) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&v.precision, "precision", "float32", "float32 or float64")
	f.StringVar(&v.radial, "radial", "", "table or exact: the radial network for every edge (default: table in float32, exact in float64)")
	f.StringVar(&v.head, "head", "", "head of a model that has several")
	f.StringVar(&v.modal, "modal", "", "modality of a multi-fidelity model")
	f.StringVar(&v.memory, "memory", "", "normal, lean or low: layers are computed again instead of kept (default normal)")
	f.Var((*unitsFlag)(v), "units", "of n2p2's files, which do not say them: bohr-hartree or angstrom-ev (default bohr-hartree)")
}

// unitsFlag is --units.
type unitsFlag variant

func (u *unitsFlag) String() string {
	if u.length == "" {
		return ""
	}
	return u.length + "-" + strings.ToLower(u.energy)
}

func (u *unitsFlag) Type() string { return "string" }

// Set is part of pflag.Value.
func (u *unitsFlag) Set(s string) error {
	switch s {
	case "bohr-hartree":
		u.length, u.energy = "bohr", "hartree"
	case "angstrom-ev":
		u.length, u.energy = "angstrom", "eV"
	default:
		return fmt.Errorf("%q is not known; it may be bohr-hartree, angstrom-ev", s)
	}
	return nil
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

// openModel reads a model of energies by path or name.
func openModel(name string, v variant) (*source, error) {
	s, err := openAnyModel(name, v)
	if err != nil {
		return nil, err
	}
	return s, s.energetic()
}

// openAnyModel reads a model, also one that gives a tensor.
func openAnyModel(name string, v variant) (*source, error) {
	if err := v.check(); err != nil {
		return nil, err
	}
	path, err := findModel(name)
	if err != nil {
		return nil, err
	}
	if n2p2.Is(path) {
		if v.radial != "" || v.memory != "" || v.head != "" || v.modal != "" {
			return nil, usagef("%s holds symmetry functions: radial, memory, head and modal belong to other models", path)
		}
		return openN2P2(path, v)
	}
	if v.length != "" || v.energy != "" {
		return nil, usagef("%s says its units itself: units are given for the files of n2p2 only", path)
	}
	if isEAM(path) {
		if v.radial != "" || v.memory != "" || v.modal != "" {
			return nil, usagef("%s holds tables of embedded atoms: radial, memory and modal belong to a network", path)
		}
		return openEAM([]string{path}, "")
	}
	file, err := readModelFile(path)
	if err != nil {
		return nil, err
	}
	return openFile(file, name, v)
}

func supportsAny(zs []int) func(z int) bool {
	known := map[int]bool{}
	for _, z := range zs {
		known[z] = true
	}
	return func(z int) bool { return known[z] }
}

// with is the same potential, its networks evaluated in another way.
func (s *source) with(v variant) *source {
	if s.Parts != nil {
		var parts []*source
		for _, p := range s.Parts {
			parts = append(parts, p.with(v))
		}
		return sumOf(parts)
	}
	if s.Variant == nil {
		return s
	}
	out := *s
	out.Precision, out.New = v.precision, s.Variant(v)
	return &out
}

// variants are those of a network of message passing: in double precision, in single
// with the radial network evaluated for every edge, and with it tabulated.
func variants[M any](m M, double func(M) *mpnn.Network[float64], exact, table func(M) *mpnn.Network[float32]) func(v variant) func() (potential.Potential, error) {
	return func(v variant) func() (potential.Potential, error) {
		mode := memoryMode(v.memory)
		switch {
		case v.precision == "float64":
			return func() (potential.Potential, error) { return inMode(double(m), mode), nil }
		case v.radial == "exact":
			return func() (potential.Potential, error) { return inMode(exact(m), mode), nil }
		}
		return func() (potential.Potential, error) { return inMode(table(m), mode), nil }
	}
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
