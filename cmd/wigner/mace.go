package main

import (
	"fmt"
	"io"
	"strings"

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
	s := &source{Family: "MACE", Variant: maceVariants(m), Cutoff: m.Cutoff(),
		Supports: supportsAny(m.Elements()), Describe: func(w io.Writer) { describeMACE(w, m) }}
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
}
