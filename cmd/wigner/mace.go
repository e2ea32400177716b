package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/mace"
)

// maceFamily are the models of MACE, which are evaluated and not trained.
func maceFamily() *family {
	return &family{name: input.KindMACE, open: openMACE, heads: true}
}

func openMACE(f *modelFile, v variant) (*source, error) {
	head := v.head
	if v.anyHead && head == "" {
		head = mace.AnyHead
	}
	m, err := mace.Read(f.config, f.weights, head)
	if err != nil {
		return nil, err
	}
	s := &source{Family: "MACE", Variant: maceVariants(m), Cutoff: m.Cutoff(), Single: m.Single(),
		Supports: supportsAny(m.Elements()), Describe: func(w io.Writer) { describeMACE(w, m) },
		Pairs: func(w io.Writer, zs []int) error { return describePairs(w, m, zs) }}
	return s.with(v), nil
}

// maceVariants are those of a network; with less memory the first layer's states go.
func maceVariants(m *mace.Model) func(v variant) func() (potential.Potential, error) {
	normal := variants(m, mace.New64, mace.New32Exact, mace.New32)
	lean := variants(m, mace.Lean64, mace.Lean32Exact, mace.Lean32)
	return func(v variant) func() (potential.Potential, error) {
		if v.memory == "" || v.memory == "normal" {
			return normal(v)
		}
		return lean(v)
	}
}

// describeMACE is what info says of a model.
func describeMACE(w io.Writer, m *mace.Model) {
	row := rowsOf(w)
	row("family", "MACE, class %s", m.Class())
	row("heads", "%s", strings.Join(m.Heads(), ", "))
	row("group", "%s", groupName(m.Group()))
	row("cutoff", "%g Å", m.Cutoff())
	row("radial", "%s", m.Describe())
	row("parameters", "%d", m.Parameters())
	row("elements", "%d: %s", len(m.Elements()), symbolList(m.Elements()))
	fmt.Fprintf(w, "\nlayer  block  paths  radial weights  monomials  features in → messages → features out\n")
	for t, l := range m.Layers() {
		fmt.Fprintf(w, "%5d  %s  %5d  %14d  %9d  %s → %s → %s\n", t, l.Block, l.Paths, l.Weights, l.Monomials, l.In, l.Message, l.Out)
	}
	describeTables(w, m.RadialErrors(), m.Tabulated())
	if n := m.Pairs(); n > 1 {
		fmt.Fprintf(w, "Those of the pairs with the smallest and the largest radii, of %d. Each pair is measured when atoms of it first meet;\n"+
			"--pairs %s shows it.\n", n, strings.Join(strings.Fields(symbolList(m.Elements()[:min(2, len(m.Elements()))])), ","))
	}
}

// describePairs is what info says of the tables of pairs of elements.
func describePairs(w io.Writer, m *mace.Model, zs []int) error {
	pairs, err := m.PairErrors(zs)
	if err != nil {
		return usage(err)
	}
	if len(pairs) == 0 {
		fmt.Fprintln(w, "the radial functions of this model are the same for all pairs of elements")
		return nil
	}
	fmt.Fprintf(w, "radial tables of float32, %d pairs (error relative to the root mean square; above 1e-5 a table is not used)\n"+
		"pair    layer  intervals      value      slope\n", len(pairs))
	unused := 0
	for _, p := range pairs {
		for t, e := range p.Layers {
			note := ""
			if !p.Used[t] {
				note = "  not used"
				unused++
			}
			fmt.Fprintf(w, "%-6s  %5d  %9d  %9.1e  %9.1e%s\n", element.Symbol(p.Centre)+"-"+element.Symbol(p.Neighbour), t, e.Intervals, e.Value, e.Slope, note)
		}
	}
	if unused > 0 {
		fmt.Fprintln(w, "Where a table is not used, the radial network is evaluated for every edge of atoms that have such a pair (slow).")
	}
	return nil
}
