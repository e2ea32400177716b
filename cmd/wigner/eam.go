package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/io/setfl"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/eam"
)

// isEAM tells tables of embedded atoms by the endings that are usual for them.
func isEAM(path string) bool {
	return slices.Contains([]string{".eam", ".alloy", ".fs", ".setfl", ".funcfl"}, strings.ToLower(filepath.Ext(path)))
}

// beside is a path as it is or, where there is nothing, relative to dir.
func beside(path, dir string) string {
	if _, err := os.Stat(path); err == nil || filepath.IsAbs(path) {
		return path
	}
	if other := filepath.Join(dir, path); dir != "" {
		if _, err := os.Stat(other); err == nil {
			return other
		}
	}
	return path
}

// readEAM reads one setfl file, or as many funcfl files as there are elements.
func readEAM(files []string) (*setfl.Table, error) {
	var all []*setfl.Table
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		t, err := setfl.Read(f, name)
		f.Close()
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	if len(all) == 1 && all[0].Kind != setfl.Funcfl {
		return all[0], nil
	}
	return setfl.Join(all...)
}

// openEAM reads tables of embedded atoms from files, which may lie in dir.
func openEAM(files []string, dir string) (*source, error) {
	var paths, names []string
	for _, f := range files {
		paths, names = append(paths, beside(f, dir)), append(names, filepath.Base(f))
	}
	t, err := readEAM(paths)
	if err != nil {
		return nil, usage(fmt.Errorf("eam: %w", err))
	}
	in := &eam.Tables{DRho: t.DRho, DR: t.DR, Cutoff: t.Cutoff, Embed: t.Embed, Density: t.Density, Pair: t.Pair}
	for _, e := range t.Elements {
		in.Z = append(in.Z, e.Z)
	}
	p, err := eam.New(in)
	if err != nil {
		return nil, usage(err)
	}
	return &source{
		Name: strings.Join(names, ", "), Files: paths, Family: "EAM", Precision: "float64", Cutoff: p.Cutoff(), Supports: p.Supports,
		New: func() (potential.Potential, error) { return p.Evaluator(), nil },
	}, nil
}

// infoEAM shows what is in a file of tables.
func infoEAM(w io.Writer, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return usage(err)
	}
	defer f.Close()
	t, err := setfl.Read(f, name)
	if err != nil {
		return usage(err)
	}
	row := rowsOf(w)
	row("potential", "%s", name)
	row("format", "%v", t.Kind)
	for _, c := range t.Comments {
		if c = strings.TrimSpace(c); c != "" {
			row("comment", "%s", c)
		}
	}
	row("cutoff", "%g Å", t.Cutoff)
	row("tables", "%d points of ρ to %g, %d of r to %g Å", t.NRho, float64(t.NRho-1)*t.DRho, t.NR, float64(t.NR-1)*t.DR)
	for _, e := range t.Elements {
		row("element", "%s, mass %g, lattice %g Å %s", element.Symbol(e.Z), e.Mass, e.Lattice, e.Type)
	}
	return nil
}
