package phonopy

import (
	"fmt"
	"strconv"

	"github.com/wigner-md/wigner/internal/element"
)

// Cell is a crystal as phonopy sees it.
type Cell struct {
	Vectors   [3][3]float64 // rows, Å
	Z         []int32
	Frac      [][3]float64  // positions in units of the vectors
	Mass      []float64     // amu
	Repeat    [3]int        // unit cells in the supercell
	Primitive [3][3]float64 // rows: the primitive cell's vectors in units of the unit cell's
}

// Set is one displaced atom of a supercell, and the forces on all.
type Set struct {
	Atom int
	U    [3]float64
	F    [][3]float64
}

// Constants are force constants: Phi[i][j] of atom Rows[i] with atom j of the
// supercell.
type Constants struct {
	Rows []int
	Phi  [][][3][3]float64
}

// AppendDisp appends phonopy_disp.yaml: the cell, and which atoms are displaced.
// Program is who wrote it.
func AppendDisp(b []byte, program string, c *Cell, sets []Set) []byte {
	b = fmt.Appendf(b, "phonopy:\n  version: %q\n  calculator: vasp\n\n", program)
	b = append(b, "physical_unit:\n  atomic_mass: \"AMU\"\n  length: \"angstrom\"\n  force_constants: \"eV/angstrom^2\"\n\n"...)
	b = append(b, "supercell_matrix:\n"...)
	for k, n := range c.Repeat {
		var m [3]int
		m[k] = n
		b = fmt.Appendf(b, "- [ %d, %d, %d ]\n", m[0], m[1], m[2])
	}
	b = append(b, "\nprimitive_matrix:\n"...)
	for k := range 3 { // its columns are the vectors
		b = vector(append(b, "- "...), [3]float64{c.Primitive[0][k], c.Primitive[1][k], c.Primitive[2][k]})
	}
	b = points(append(b, "\nunit_cell:\n"...), c.Vectors, c.Z, c.Frac, c.Mass)
	b = c.super(append(b, "\nsupercell:\n"...))
	b = append(b, "\ndisplacements:\n"...)
	for i := range sets {
		b = fmt.Appendf(b, "- atom: %d\n  displacement: ", sets[i].Atom+1)
		b = vector(b, sets[i].U)
	}
	return b
}

// points is a cell and its atoms.
func points(b []byte, vectors [3][3]float64, z []int32, frac [][3]float64, mass []float64) []byte {
	b = append(b, "  lattice:\n"...)
	for _, v := range vectors {
		b = vector(append(b, "  - "...), v)
	}
	b = append(b, "  points:\n"...)
	for i := range z {
		b = fmt.Appendf(b, "  - symbol: %s # %d\n    coordinates: ", element.Symbol(int(z[i])), i+1)
		b = vector(b, frac[i])
		b = append(strconv.AppendFloat(append(b, "    mass: "...), mass[i], 'g', -1, 64), '\n')
	}
	return b
}

// super appends the supercell: each atom with all its copies, the first vector fastest.
func (c *Cell) super(b []byte) []byte {
	vectors, n := c.Vectors, c.Repeat
	for k := range vectors {
		for l := range 3 {
			vectors[k][l] *= float64(n[k])
		}
	}
	var z []int32
	var frac [][3]float64
	var mass []float64
	for i, f := range c.Frac {
		for m := range n[0] * n[1] * n[2] {
			z, mass = append(z, c.Z[i]), append(mass, c.Mass[i])
			frac = append(frac, [3]float64{
				(f[0] + float64(m%n[0])) / float64(n[0]), (f[1] + float64(m/n[0]%n[1])) / float64(n[1]), (f[2] + float64(m/n[0]/n[1])) / float64(n[2])})
		}
	}
	return points(b, vectors, z, frac, mass)
}

// vector is a list of YAML, and the end of the line.
func vector(b []byte, x [3]float64) []byte {
	b = append(b, '[')
	for k, y := range x {
		if k > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendFloat(append(b, ' '), y, 'f', -1, 64)
	}
	return append(b, " ]\n"...)
}

// AppendForceSets appends FORCE_SETS.
func AppendForceSets(b []byte, sets []Set) []byte {
	n := 0
	if len(sets) > 0 {
		n = len(sets[0].F)
	}
	b = fmt.Appendf(b, "%d\n%d\n", n, len(sets))
	for i := range sets {
		b = fmt.Appendf(b, "\n%d\n", sets[i].Atom+1)
		b = numbers(b, sets[i].U)
		for _, f := range sets[i].F {
			b = numbers(b, f)
		}
	}
	return b
}

// AppendForceConstants appends FORCE_CONSTANTS, in the compact form where not every
// atom has a row.
func AppendForceConstants(b []byte, c *Constants) []byte {
	n := 0
	if len(c.Phi) > 0 {
		n = len(c.Phi[0])
	}
	b = fmt.Appendf(b, "%4d %4d\n", len(c.Rows), n)
	for i, at := range c.Rows {
		for j, m := range c.Phi[i] {
			b = fmt.Appendf(b, "%d %d\n", at+1, j+1)
			for _, v := range m {
				b = numbers(b, v)
			}
		}
	}
	return b
}

// numbers is a line of three.
func numbers(b []byte, x [3]float64) []byte {
	for k, y := range x {
		if k > 0 {
			b = append(b, ' ')
		}
		b = strconv.AppendFloat(b, y, 'f', -1, 64)
	}
	return append(b, '\n')
}
