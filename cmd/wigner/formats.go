package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/io/extxyz"
	"github.com/wigner-md/wigner/io/lammps"
	"github.com/wigner-md/wigner/io/poscar"
)

// The formats of structures, by the names that users give them.
const (
	asExtxyz = "extxyz"
	asData   = "lammps-data"
	asDump   = "lammps-dump"
	asPoscar = "poscar"
)

// formatOf is what a file's name says of its format, without the ending of its
// compression; "" where it says nothing.
func formatOf(path string) string {
	base, _ := packingOf(filepath.Base(path))
	switch ext := strings.ToLower(filepath.Ext(base)); ext {
	case ".extxyz", ".xyz":
		return asExtxyz
	case ".data", ".lmp":
		return asData
	case ".lammpstrj", ".dump":
		return asDump
	case ".vasp", ".poscar", ".contcar":
		return asPoscar
	}
	for prefix, format := range map[string]string{"POSCAR": asPoscar, "CONTCAR": asPoscar, "data.": asData, "dump.": asDump} {
		if strings.HasPrefix(base, prefix) {
			return format
		}
	}
	return ""
}

// knownFormat is a format that was named, or else what the name of the file says,
// or extxyz.
func knownFormat(path, named string) (string, error) {
	switch named {
	case "":
		if f := formatOf(path); f != "" {
			return f, nil
		}
		return asExtxyz, foreign(path)
	case asExtxyz, asData, asDump, asPoscar:
		return named, nil
	}
	return "", usagef("format %q is not known; it may be %s, %s, %s or %s", named, asExtxyz, asData, asDump, asPoscar)
}

// foreign refuses, by its name, a file of a format that is known not to be read.
func foreign(path string) error {
	base, _ := packingOf(filepath.Base(path))
	kind := map[string]string{
		".cif": "a CIF file", ".traj": "a trajectory of ASE", ".db": "a database of ASE", ".pdb": "a PDB file", ".nc": "a NetCDF file",
		".h5": "an HDF5 file", ".xsf": "an XSF file", ".res": "a SHELX file", ".cfg": "a CFG file", ".gen": "a GEN file", ".cell": "a file of CASTEP",
	}[strings.ToLower(filepath.Ext(base))]
	for prefix, name := range map[string]string{"OUTCAR": "VASP's OUTCAR", "XDATCAR": "VASP's XDATCAR", "vasprun": "VASP's vasprun.xml"} {
		if strings.HasPrefix(base, prefix) {
			kind = name
		}
	}
	if kind == "" {
		return nil
	}
	return usagef("%s: %s is not read; extxyz, LAMMPS data and dump and POSCAR are. ASE converts it: ase convert %s %s.extxyz", path, kind, filepath.Base(path), strings.TrimSuffix(base, filepath.Ext(base)))
}

// reading is what users say of a file whose name or content does not say it.
type reading struct {
	format  string
	species []string
}

func (r *reading) flags(cmd *cobra.Command, name string) {
	cmd.Flags().StringVar(&r.format, "from", "", "format of "+name+": extxyz, lammps-data, lammps-dump, poscar (default: by its name)")
	cmd.Flags().StringSliceVar(&r.species, "species", nil, "elements of the types 1, 2 … of a LAMMPS file, as in Cu,Ni, or of the groups of a POSCAR without symbols")
}

// frameFile reads the structures of a file of any format.
type frameFile struct {
	file   *os.File
	format string
	next   func() (*extxyz.Frame, error)
	// header reads a frame without its atoms, or with them where the format has no
	// shorter way.
	header func() (*extxyz.Frame, error)
}

// openFrames opens a file. format may be "", see knownFormat; species are the
// elements of the types of a file that does not say them.
func openFrames(path, format string, species []string) (*frameFile, error) {
	format, err := knownFormat(path, format)
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	r, err := unpacked(file, path)
	if err != nil {
		file.Close()
		return nil, err
	}
	f := &frameFile{file: file, format: format}
	if format == asExtxyz && species != nil {
		file.Close()
		return nil, fmt.Errorf("%s: species belongs to files with numbered types; extxyz has symbols", path)
	}
	switch format {
	case asExtxyz:
		x := extxyz.NewReader(r, path)
		f.next, f.header = x.Next, x.Header
		return f, nil
	case asDump:
		d := lammps.NewDumpReader(r, path)
		f.next = func() (*extxyz.Frame, error) {
			x, err := d.Next()
			if err != nil {
				return nil, err
			}
			return fromDump(x, path, species)
		}
	case asData:
		f.next = once(func() (*extxyz.Frame, error) {
			d, err := lammps.ReadData(r, path)
			if err != nil {
				return nil, err
			}
			return fromData(d, path, species)
		})
	case asPoscar:
		f.next = once(func() (*extxyz.Frame, error) {
			s, err := poscar.Read(r, path, species)
			if err != nil {
				return nil, err
			}
			return fromPoscar(s), nil
		})
	}
	f.header = f.next
	return f, nil
}

// frameName names a frame in a message: they count from 0 everywhere, as ASE's do.
func frameName(n int) string { return fmt.Sprintf("frame %d (from 0)", n) }

func (f *frameFile) close() { f.file.Close() }

// once is a file of one structure.
func once(read func() (*extxyz.Frame, error)) func() (*extxyz.Frame, error) {
	done := false
	return func() (*extxyz.Frame, error) {
		if done {
			return nil, io.EOF
		}
		done = true
		return read()
	}
}

// perPicosecond turns Å/ps into the unit of velocities inside.
const perPicosecond = 1 / picosecond

// momenta is a column of ASE's momenta, from velocities in multiples of unit.
func momenta(z []int32, v [][3]float64, unit float64) extxyz.Column {
	c := extxyz.Column{Name: "momenta", Type: extxyz.Real, Width: 3, Vec: make([][3]float64, len(v))}
	for i := range v {
		for k, x := range v[i] {
			c.Vec[i][k] = x * unit * element.Mass(int(z[i]))
		}
	}
	return c
}

// velocities are those of a frame's momenta, in multiples of unit; nil without.
func velocities(f *extxyz.Frame, unit float64) ([][3]float64, error) {
	c := f.Column("momenta")
	if c == nil {
		return nil, nil
	}
	if c.Type != extxyz.Real || c.Width != 3 {
		return nil, fmt.Errorf("column momenta is %c:%d, not R:3", c.Type, c.Width)
	}
	v := make([][3]float64, f.N)
	for i, p := range c.Vectors() {
		for k := range p {
			v[i][k] = p[k] / element.Mass(int(f.Z[i])) / unit
		}
	}
	return v, nil
}

func fromData(d *lammps.Data, path string, species []string) (*extxyz.Frame, error) {
	kinds, err := d.Species(species)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	f := &extxyz.Frame{N: len(d.ID), Cell: d.Box.Vectors, HasCell: true, PBC: d.Box.Periodic, X: d.X, Line: 1}
	for _, t := range d.Type {
		f.Z = append(f.Z, kinds[t-1])
	}
	f.Columns = append(f.Columns, extxyz.Column{Name: "id", Type: extxyz.Int, Width: 1, Int: d.ID})
	if d.V != nil {
		f.Columns = append(f.Columns, momenta(f.Z, d.V, perPicosecond))
	}
	if d.Image != nil {
		f.Columns = append(f.Columns, imageColumn(d.Image))
	}
	return f, nil
}

func imageColumn(m [][3]int32) extxyz.Column {
	c := extxyz.Column{Name: "image", Type: extxyz.Int, Width: 3}
	for _, n := range m {
		c.Int = append(c.Int, int64(n[0]), int64(n[1]), int64(n[2]))
	}
	return c
}

func fromDump(d *lammps.Frame, path string, species []string) (*extxyz.Frame, error) {
	z, err := d.Species(species)
	if err != nil {
		return nil, fmt.Errorf("%s:%d: %w", path, d.Line, err)
	}
	f := &extxyz.Frame{N: d.N, Cell: d.Box.Vectors, HasCell: true, PBC: d.Box.Periodic, Z: z, X: d.X, Line: d.Line}
	f.Set("step", fmt.Sprint(d.Step))
	if d.Time == d.Time {
		f.SetReals("time_ps", d.Time)
	}
	if d.ID != nil {
		f.Columns = append(f.Columns, extxyz.Column{Name: "id", Type: extxyz.Int, Width: 1, Int: d.ID})
	}
	if d.V != nil {
		f.Columns = append(f.Columns, momenta(z, d.V, perPicosecond))
	}
	if d.F != nil {
		f.Columns = append(f.Columns, extxyz.Column{Name: "forces", Type: extxyz.Real, Width: 3, Vec: d.F})
	}
	if d.Image != nil && !d.Unwrapped {
		f.Columns = append(f.Columns, imageColumn(d.Image))
	}
	for _, c := range d.More {
		name := strings.NewReplacer("[", "_", "]", "", ":", "_", "=", "_").Replace(c.Name)
		if name == "c_energy" {
			name = "energies"
		}
		if f.Column(name) == nil {
			f.Columns = append(f.Columns, extxyz.Column{Name: name, Type: extxyz.Real, Width: 1, Real: c.X})
		}
	}
	return f, nil
}

func fromPoscar(s *poscar.Structure) *extxyz.Frame {
	f := &extxyz.Frame{N: len(s.Z), Cell: s.Cell, HasCell: true, PBC: [3]bool{true, true, true}, Z: s.Z, X: s.X, Line: 1}
	if s.V != nil {
		f.Columns = append(f.Columns, momenta(s.Z, s.V, 1000*perPicosecond))
	}
	if s.Free != nil {
		c := extxyz.Column{Name: "move_mask", Type: extxyz.Logical, Width: 3} // ASE's name
		for _, m := range s.Free {
			c.Logical = append(c.Logical, m[:]...)
		}
		f.Columns = append(f.Columns, c)
	}
	return f
}

// kindsOf numbers elements as types: in the order of species where it is given,
// else by rising atomic number.
func kindsOf(zs []int32, species []string) (map[int32]int32, []int32, error) {
	var order []int32
	if species != nil {
		for _, s := range species {
			z, ok := element.Number(s)
			if !ok {
				return nil, nil, usagef("species: %q is not the symbol of an element", s)
			}
			order = append(order, int32(z))
		}
	} else {
		order = slices.Clone(zs)
		slices.Sort(order)
		order = slices.Compact(order)
	}
	kinds := map[int32]int32{}
	for t, z := range order {
		if _, ok := kinds[z]; ok {
			return nil, nil, usagef("species: %s is there twice, so its atoms have no one type", element.Symbol(int(z)))
		}
		kinds[z] = int32(t + 1)
	}
	for _, z := range zs {
		if _, ok := kinds[z]; !ok {
			return nil, nil, usagef("species has no %s, which is among the atoms", element.Symbol(int(z)))
		}
	}
	return kinds, order, nil
}

// boxOf is the box of LAMMPS around atoms in a cell, and the rotation into it. Along
// vectors that were not given it ends at lo and hi, the atoms' fractional bounds.
func boxOf(vectors [3][3]float64, given, periodic [3]bool, lo, hi [3]float64) (lammps.Box, lammps.Turn, error) {
	turn, v, err := lammps.Orient(vectors)
	if err != nil {
		return lammps.Box{}, turn, err
	}
	b := lammps.Box{Vectors: v, Periodic: periodic}
	for k := range v {
		if given[k] {
			continue
		}
		const margin = 1 // Å: LAMMPS loses atoms on a face that is not periodic
		n := length(v[k])
		from, to := lo[k]-margin/n, hi[k]+margin/n
		for l := range 3 {
			b.Origin[l] += from * v[k][l]
			b.Vectors[k][l] *= to - from
		}
	}
	return b, turn, nil
}

// ids are a frame's column id where its numbers differ and are positive, else 1 … N.
func ids(f *extxyz.Frame) []int64 {
	out := make([]int64, f.N)
	if c := f.Column("id"); c != nil && c.Type == extxyz.Int && c.Width == 1 {
		seen := map[int64]bool{}
		for _, n := range c.Int {
			if n < 1 || seen[n] {
				break
			}
			seen[n] = true
		}
		if len(seen) == f.N {
			return c.Int
		}
	}
	for i := range out {
		out[i] = int64(i + 1)
	}
	return out
}
