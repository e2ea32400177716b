package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"

	"github.com/wigner-md/wigner/comm"
	crystalbuilder "github.com/wigner-md/wigner/internal/crystal"
	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/internal/philox"
	"github.com/wigner-md/wigner/io/extxyz"
	"github.com/wigner-md/wigner/md"
)

// anyForce lets a single evaluation return whatever forces there are.
var anyForce = md.Guard{MaxForce: math.Inf(1)}

// systemOf takes from a frame what a calculation needs. Momenta, in ASE's units
// (amu·Å per Å·√(amu/eV)), become velocities.
func systemOf(f *extxyz.Frame) (*system, error) {
	s := &system{Vectors: f.Cell, PBC: f.PBC, Z: f.Z, X: f.X}
	var err error
	if s.Frozen, err = frozenBy(f); err != nil {
		return nil, err
	}
	c := f.Column("momenta")
	if c == nil {
		return s, nil
	}
	if c.Type != extxyz.Real || c.Width != 3 {
		return nil, fmt.Errorf("column momenta is %c:%d, not R:3", c.Type, c.Width)
	}
	s.V = make([][3]float64, f.N)
	for i, p := range c.Vectors() {
		m := element.Mass(int(f.Z[i]))
		for k := range p {
			s.V[i][k] = p[k] / m
		}
	}
	return s, nil
}

// frozenBy is what a frame's column move_mask, which is ASE's and says what may move,
// freezes; nil where all atoms move.
func frozenBy(f *extxyz.Frame) ([]uint32, error) {
	c := f.Column("move_mask")
	if c == nil {
		return nil, nil
	}
	if c.Type != extxyz.Logical || c.Width != 1 && c.Width != 3 {
		return nil, fmt.Errorf("column move_mask is %c:%d, not L:1 or L:3", c.Type, c.Width)
	}
	out, any := make([]uint32, f.N), false
	for i := range out {
		for k := range 3 {
			if !c.Logical[i*c.Width+min(k, c.Width-1)] {
				out[i] |= md.FrozenX << k
				any = true
			}
		}
	}
	if !any {
		return nil, nil
	}
	return out, nil
}

// masses is a table by atomic number, amu.
func masses() []float64 {
	m := make([]float64, element.Max+1)
	for z := 1; z <= element.Max; z++ {
		m[z] = element.Mass(z)
	}
	return m
}

// form is where a run's atoms come from: a file, read by rank 0, or a prototype
// of which every rank builds its own part.
type form struct {
	file    string
	format  string   // of the file; "": by its name
	species []string // of its types
	frame   int
	atLeast int64   // the file's atoms are repeated to at least so many
	times   [3]int  // and then so often along each lattice vector; zero: once
	rattle  float64 // and then displaced, Å
	pbc     []bool  // instead of the file's
	allMove bool    // though the file freezes atoms
	frozen  int     // how many it freezes; known where it was read
	seed    uint64  // of that
	whole   *system // the frame, already read, not repeated
	spec    crystalbuilder.Spec
	key     string // that says the elements of a prototype
	crystal *crystalbuilder.Crystal
}

// newForm looks whether a structure can be made; the file is read later.
func newForm(s input.Structure, configDir string) (*form, error) {
	if s.File != "" {
		path := s.File
		if _, err := os.Stat(path); err != nil && !filepath.IsAbs(path) {
			path = filepath.Join(configDir, path)
		}
		if _, err := os.Stat(path); err != nil {
			return nil, usagef("structure.file: %w", err)
		}
		if _, err := knownFormat(path, s.Format); err != nil {
			return nil, err
		}
		f := &form{file: path, format: s.Format, species: s.Species, frame: s.Frame, rattle: s.Rattle, seed: uint64(s.Seed), pbc: s.PBC, allMove: s.AllMove}
		copy(f.times[:], s.Repeat)
		return f, nil
	}
	key := "structure.elements"
	if len(s.Alloy) > 0 {
		key += " or structure.alloy"
	}
	return builder(specOf(s), key)
}

// builder is the form of a prototype; key says its elements.
func builder(spec crystalbuilder.Spec, key string) (*form, error) {
	c, err := crystalbuilder.New(spec)
	if err != nil {
		return nil, usage(err)
	}
	return &form{spec: spec, key: key, crystal: c}, nil
}

// specOf says a structure in the builder's words.
func specOf(s input.Structure) crystalbuilder.Spec {
	spec := crystalbuilder.Spec{
		Prototype: s.Prototype, Elements: s.Elements, A: s.A, C: s.C,
		Vacancies: s.Vacancies, Rattle: s.Rattle, Seed: uint64(s.Seed),
	}
	copy(spec.Repeat[:], s.Repeat)
	copy(spec.Vacuum[:], s.Vacuum)
	for k, p := range s.PBC {
		spec.Open[k] = !p
	}
	for k, row := range s.Strain {
		copy(spec.Strain[k][:], row)
	}
	for _, a := range s.Alloy {
		spec.Alloy = append(spec.Alloy, crystalbuilder.Alloy{Replace: a.Replace, By: a.By, Fraction: a.Fraction})
	}
	return spec
}

// piece is a structure of about n atoms that is like f: a smaller supercell of a
// prototype, or the atoms of a file that are nearest to one of them, in vacuum.
func (f *form) piece(supports func(z int) bool, n int) (*form, error) {
	if f.crystal != nil {
		if f.crystal.Count() <= int64(2*n) {
			return f, nil
		}
		spec := f.spec
		spec.Vacuum, spec.Open, spec.Repeat = [3]float64{}, [3]bool{}, [3]int{}
		spec, err := crystalbuilder.Nearest(spec, int64(n))
		if err != nil {
			return nil, err
		}
		return builder(spec, f.key)
	}
	s, err := f.read(supports)
	if err != nil || len(s.X) <= 2*n {
		return &form{whole: s}, err
	}
	center, order := s.X[len(s.X)/2], make([]int, len(s.X))
	far := make([]float64, len(s.X))
	for i, x := range s.X {
		order[i] = i
		for k := range x {
			far[i] += (x[k] - center[k]) * (x[k] - center[k])
		}
	}
	slices.SortFunc(order, func(i, j int) int { return cmp.Compare(far[i], far[j]) })
	near := &system{}
	for _, i := range order[:n] {
		near.X, near.Z = append(near.X, s.X[i]), append(near.Z, s.Z[i])
	}
	return &form{whole: near}, nil
}

// load reads the frame of a file, which is not repeated.
func (f *form) load(supports func(z int) bool) (err error) {
	if f.crystal == nil && f.whole == nil {
		f.whole, err = f.unit(supports)
	}
	return err
}

// bounds are the fractional bounds of the atoms before they are displaced, of a
// prototype or of a structure that has been read.
func (f *form) bounds() (lo, hi [3]float64) {
	if f.crystal != nil {
		return f.crystal.Bounds()
	}
	return f.whole.bounds()
}

// lightest is the mass of the lightest atom, amu.
func (f *form) lightest() float64 {
	m := math.Inf(1)
	if f.crystal != nil {
		for z := range f.crystal.Composition() {
			m = min(m, element.Mass(z))
		}
		return m
	}
	for _, z := range f.whole.Z {
		m = min(m, element.Mass(int(z)))
	}
	return m
}

// stretched is the structure with all lengths times x.
func (f *form) stretched(x float64) *form {
	if f.crystal != nil {
		spec := f.spec
		spec.A *= x
		spec.C *= x
		if out, err := builder(spec, f.key); err == nil {
			return out
		}
		return f
	}
	if f.whole == nil {
		return f
	}
	s := &system{PBC: f.whole.PBC, Z: f.whole.Z, Vectors: f.whole.Vectors}
	for k := range s.Vectors {
		for l := range s.Vectors[k] {
			s.Vectors[k][l] *= x
		}
	}
	for _, r := range f.whole.X {
		s.X = append(s.X, [3]float64{r[0] * x, r[1] * x, r[2] * x})
	}
	return &form{whole: s}
}

// build is collective: each rank's part of the structure.
func (f *form) build(c comm.Comm, supports func(z int) bool, grid [3]int) (*crystal, error) {
	if f.crystal == nil {
		var s *system
		var err error
		if c.Rank() == 0 {
			s, err = f.read(supports)
		}
		if err := agree(c, err); err != nil {
			return nil, err
		}
		return share(c, s, grid)
	}
	var zs []int32
	for z := range f.crystal.Composition() {
		zs = append(zs, int32(z))
	}
	if missing := unsupported(zs, supports); missing != "" {
		return nil, usagef("%s: the model does not know these elements: %s", f.key, missing)
	}
	cell := f.crystal.Cell()
	lo, hi := f.crystal.Bounds()
	part := cut(cell, c.Size(), grid, lo, hi)
	return &crystal{Cell: cell, Partition: part, Atoms: f.crystal.Build(part, c.Rank()), Total: f.crystal.Count()}, nil
}

// read reads the frame of the file, repeats and displaces it.
func (f *form) read(supports func(z int) bool) (*system, error) {
	s, err := f.unit(supports)
	if err != nil {
		return nil, err
	}
	n := latticeRepeat(s, f.atLeast, f.times)
	if n != [3]int{1, 1, 1} {
		if err := s.repeatable(n); err != nil {
			return nil, usagef("%s: structure.repeat: %w", f.file, err)
		}
		s = s.repeat(n)
	}
	if f.rattle > 0 {
		s = s.rattled(f.rattle, f.seed)
	}
	f.frozen = 0
	for _, m := range s.Frozen {
		if m != 0 {
			f.frozen++
		}
	}
	return s, nil
}

// unit reads the frame of the file as it is.
func (f *form) unit(supports func(z int) bool) (*system, error) {
	if f.whole != nil {
		return f.whole, nil
	}
	frame, err := readFrame(f.file, f.format, f.species, f.frame)
	if err != nil {
		return nil, usage(err)
	}
	s, err := systemOf(frame)
	if err == nil {
		copy(s.PBC[:], f.pbc)
		if f.allMove {
			s.Frozen = nil
		}
		err = f.alongAxes(s)
	}
	if err == nil {
		_, err = s.check(supports)
	}
	if err != nil {
		return nil, usagef("%s:%d: %w", f.file, frame.Line, err)
	}
	return s, nil
}

// freezes tells that the file freezes atoms, where it was read; "" where it does not.
func (f *form) freezes() string {
	if f.frozen == 0 {
		return ""
	}
	return fmt.Sprintf("%d atoms are frozen, as %s says; structure.all_move = true lets them move", f.frozen, f.file)
}

// alongAxes refuses a POSCAR that freezes single directions, which are lattice vectors
// there, where these are not the axes.
func (f *form) alongAxes(s *system) error {
	format, err := knownFormat(f.file, f.format)
	if err != nil || format != asPoscar {
		return err
	}
	for i, m := range s.Frozen {
		if m == 0 || m == md.Frozen {
			continue
		}
		for k, v := range s.Vectors {
			for l := range v {
				if k != l && v[l] != 0 {
					return fmt.Errorf("selective dynamics: atom %d may move along single lattice vectors, which are not the axes here; freeze all three or none, or use a [[group]] with structure.all_move = true", i+1)
				}
			}
		}
	}
	return nil
}

// mostRepeated bounds the atoms of a repeated file, all of which one rank makes.
const mostRepeated = 1 << 31

// repeatable refuses copies along a vector that is not there, and more atoms than one
// rank can make.
func (s *system) repeatable(n [3]int) error {
	atoms := float64(len(s.X))
	for k, times := range n {
		if atoms *= float64(times); times > 1 && s.Vectors[k] == ([3]float64{}) {
			return fmt.Errorf("%d copies along lattice vector %c, which the file does not give", times, "abc"[k])
		}
	}
	if atoms > mostRepeated {
		return fmt.Errorf("%.3g atoms are more than one rank can make", atoms)
	}
	return nil
}

// rattled is the structure with each atom displaced by a Gaussian of this standard
// deviation per component, Å: a function of the seed and of the atom's place in the order.
func (s *system) rattled(sigma float64, seed uint64) *system {
	out := *s
	out.X = slices.Clone(s.X)
	for i := range out.X {
		d := philox.Normal(seed, philox.Rattle, uint64(i), 0)
		for k := range d {
			out.X[i][k] += sigma * d[k]
		}
	}
	return &out
}

// repeat is a supercell.
func (s *system) repeat(n [3]int) *system {
	out := &system{PBC: s.PBC, Vectors: s.Vectors}
	for k := range n {
		for l := range 3 {
			out.Vectors[k][l] *= float64(n[k])
		}
	}
	for i := range n[0] {
		for j := range n[1] {
			for k := range n[2] {
				for a, x := range s.X {
					for l := range x {
						x[l] += float64(i)*s.Vectors[0][l] + float64(j)*s.Vectors[1][l] + float64(k)*s.Vectors[2][l]
					}
					out.X, out.Z = append(out.X, x), append(out.Z, s.Z[a])
					if s.V != nil {
						out.V = append(out.V, s.V[a])
					}
					if s.Frozen != nil {
						out.Frozen = append(out.Frozen, s.Frozen[a])
					}
				}
			}
		}
	}
	return out
}

// readFrame reads frame n of a file, from 0; −1 is the last. For format and species
// see openFrames.
func readFrame(path, format string, species []string, n int) (*extxyz.Frame, error) {
	r, err := openFrames(path, format, species)
	if err != nil {
		return nil, err
	}
	defer r.close()
	var last *extxyz.Frame
	for i := 0; ; i++ {
		next := r.next
		if i < n {
			next = r.header // the atoms are skipped
		}
		f, err := next()
		switch {
		case err == io.EOF && n < 0 && last != nil:
			return last, nil
		case err == io.EOF:
			return nil, fmt.Errorf("%s has %d frames; %s is not there", path, i, frameName(n))
		case err != nil:
			return nil, err
		case i == n:
			return f, nil
		}
		last = f
	}
}

// gridOf is a grid of bricks; zero where none is asked for.
func gridOf(g []int) (grid [3]int) {
	copy(grid[:], g)
	return grid
}
