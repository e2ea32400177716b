package main

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
)

// job takes over what relax, elastic, eos and phonon have found, and draws the way to rest.
func (p *page) job(dir string) error {
	if err := p.way(filepath.Join(dir, relaxName)); err != nil {
		return err
	}
	if f, err := readFrame(filepath.Join(dir, relaxedName), "", nil, 0); err == nil {
		p.know("atoms", "%d", f.N)
		if c, ok := f.Get("converged"); ok {
			p.know("at rest", "%s", map[string]string{"T": "yes", "F": "not yet"}[c.Value])
		}
		if e, ok := f.Get("energy"); ok && f.N > 0 {
			if x, err := e.Reals(); err == nil && len(x) == 1 {
				p.know("energy", "%.8g eV, %.8g eV per atom", x[0], x[0]/float64(f.N))
			}
		}
	}
	var e elasticResult
	if found(dir, "elastic.json", &e) {
		p.elastic(&e)
	}
	var s eosResult
	if found(dir, "eos.json", &s) {
		p.know("volume V₀", "%.8g Å³, %.8g Å³ per atom", s.Volume, s.PerAtom)
		p.know("energy E₀", "%.8g eV", s.Energy)
		p.know("bulk modulus B₀", "%.6g GPa", s.Bulk)
		p.know("B₀′", "%.4g", s.Slope)
		p.know("the fit is off by", "%.2g eV (root mean square)", s.Residual)
	}
	var ph phononResult
	if found(dir, phononName, &ph) {
		p.phonon(&ph)
	}
	return nil
}

// know adds a line to the table at the top.
func (p *page) know(key, format string, args ...any) {
	p.State = append(p.State, [2]string{key, fmt.Sprintf(format, args...)})
}

// way draws relax.csv, whose columns have no common axis.
func (p *page) way(path string) error {
	t, err := readTable(path)
	if err != nil || len(t.column("step")) < 2 {
		return nil //nolint:nilerr // a run has none
	}
	step := t.column("step")
	energy := []series{{"energy", t.column("energy_eV")}}
	if h := t.column("enthalpy_eV"); len(h) > 0 && h[0] != energy[0].y[0] {
		energy = []series{{"enthalpy", h}}
	}
	for i := range energy { // the end counts: digits that change
		y := energy[i].y
		energy[i].y = make([]float64, len(y))
		for k := range y {
			energy[i].y[k] = y[k] - y[len(y)-1]
		}
	}
	tens := func(x []float64) []float64 {
		out := make([]float64, len(x))
		for i := range x {
			out[i] = math.Log10(x[i]) // that of zero is left out
		}
		return out
	}
	for _, c := range []struct {
		title, y string
		lines    []series
	}{
		{"On the way to rest: " + energy[0].name, energy[0].name + " above the last / eV", energy},
		{"On the way to rest: largest force", "log₁₀ force / eV/Å", []series{{"", tens(t.column("max_force_eV_A"))}}},
		{"On the way to rest: largest stress that is left", "log₁₀ stress / GPa", []series{{"", tens(t.column("max_stress_GPa"))}}},
		{"On the way to rest: volume", "volume / Å³", []series{{"", moving(t.column("volume_A3"))}}},
	} {
		if err := p.draw(c.title, "step", c.y, step, c.lines...); err != nil {
			return err
		}
	}
	return nil
}

func (p *page) elastic(e *elasticResult) {
	stable := "stable (Born)"
	if !e.Stable {
		stable = "NOT STABLE (Born): an eigenvalue is not positive"
	}
	p.know("stability", "%s; eigenvalues %.4f GPa", stable, e.Eigenvalues)
	p.know("largest asymmetry", "%.3g GPa, before it was taken out", e.Asymmetry)
	l := listing{Title: "Elastic constants / GPa", Head: append([]string{""}, e.Order[:]...)}
	for i, row := range e.C {
		cells := []string{e.Order[i]}
		for _, x := range row {
			if math.Abs(x) < 5e-4 {
				x = 0 // no −0.000
			}
			cells = append(cells, fmt.Sprintf("%.3f", x))
		}
		l.Rows = append(l.Rows, cells)
	}
	p.Lists = append(p.Lists, l)
	m := e.Averages
	if m == nil {
		return
	}
	three := func(name string, v ...float64) []string {
		row := []string{name}
		for _, x := range v {
			row = append(row, fmt.Sprintf("%.3f", x))
		}
		return row
	}
	p.Lists = append(p.Lists, listing{Title: "Averages / GPa", Head: []string{"", "Voigt", "Reuss", "Hill"}, Rows: [][]string{
		three("bulk modulus", m.BulkVoigt, m.BulkReuss, m.Bulk), three("shear modulus", m.ShearVoigt, m.ShearReuss, m.Shear),
	}})
	p.know("Young's modulus, Poisson's ratio", "%.4g GPa, %.4f (Hill)", m.Young, m.Poisson)
	p.know("universal anisotropy", "%.4f", m.Anisotropy)
}

func (p *page) phonon(r *phononResult) {
	p.know("primitive cell, supercell", "%d and %d atoms, %v unit cells", r.Atoms, r.SuperAtoms, r.Supercell)
	p.know("frequencies", "%.4f to %.4f THz", r.Lowest, r.Highest)
	p.know("zero-point energy", "%.6f eV per primitive cell", r.ZeroPoint)
	if text := r.unstable(); text != "" {
		p.Warnings = append(p.Warnings, text)
	}
	l := listing{Title: "Special points", Head: []string{"", "q", "frequencies / THz"}}
	for _, s := range r.Special {
		l.Rows = append(l.Rows, []string{s.Name, strings.Trim(fmt.Sprintf("%.4f", s.Q), "[]"), strings.Trim(fmt.Sprintf("%.4f", s.THz), "[]")})
	}
	if len(l.Rows) > 0 {
		p.Lists = append(p.Lists, l)
	}
}
