package main

import (
	"fmt"
	"math"
	"strconv"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/io/extxyz"
	"github.com/wigner-md/wigner/io/lammps"
	"github.com/wigner-md/wigner/md"
)

// lammpsDump formats frames as text dumps of LAMMPS.
type lammpsDump struct {
	kinds     map[int32]int32 // element → type
	unwrapped bool

	box           lammps.Box // of the frame in hand
	turn          lammps.Turn
	cols          lammps.Columns
	mom, f, e, id *extxyz.Column
	w             *extxyz.Column // virials, eV
}

// begin takes a frame of which this rank has some rows; lo and hi are the fractional
// bounds of all atoms, which count where the cell has no vectors.
func (l *lammpsDump) begin(f *extxyz.Frame, cell *domain.Cell, lo, hi [3]float64) error {
	var err error
	if l.box, l.turn, err = boxOf(cell.Vectors(), givenOf(cell), f.PBC, lo, hi); err != nil {
		return err
	}
	l.mom, l.f, l.e, l.id = f.Column("momenta"), f.Column("forces"), f.Column("energies"), f.Column("id")
	for name, c := range map[string]*extxyz.Column{"momenta": l.mom, "forces": l.f} {
		if c != nil && (c.Type != extxyz.Real || c.Width != 3) {
			return fmt.Errorf("column %s is %c:%d, not R:3", name, c.Type, c.Width)
		}
	}
	if l.e != nil && (l.e.Type != extxyz.Real || l.e.Width != 1) {
		l.e = nil
	}
	if l.w = f.Column("virials"); l.w != nil && (l.w.Type != extxyz.Real || l.w.Width != 9) {
		l.w = nil
	}
	l.cols = lammps.Columns{V: l.mom != nil, F: l.f != nil, Energy: l.e != nil, Stress: l.w != nil, Unwrapped: l.unwrapped}
	return nil
}

// header appends what stands before the n atoms.
func (l *lammpsDump) header(dst []byte, f *extxyz.Frame, n int64) []byte {
	step, time := int64(0), math.NaN()
	if i, ok := f.Get("step"); ok {
		step, _ = strconv.ParseInt(i.Value, 10, 64)
	}
	if i, ok := f.Get("time_ps"); ok {
		if t, err := strconv.ParseFloat(i.Value, 64); err == nil {
			time = t
		}
	}
	return lammps.AppendDumpHeader(dst, step, time, n, &l.box, l.cols)
}

// rows appends the atoms of a frame, of the numbers in id.
func (l *lammpsDump) rows(dst []byte, f *extxyz.Frame, id []int64) []byte {
	var mom, force [][3]float64
	vectors := make([][3]float64, 0, 3)
	if l.mom != nil {
		mom = l.mom.Vectors()
	}
	if l.f != nil {
		force = l.f.Vectors()
	}
	for i, z := range f.Z {
		vectors = append(vectors[:0], l.turned(f.X[i]))
		if mom != nil {
			v, m := mom[i], element.Mass(int(z))*perPicosecond
			for k := range v {
				v[k] /= m
			}
			vectors = append(vectors, l.turned(v))
		}
		if force != nil {
			vectors = append(vectors, l.turned(force[i]))
		}
		e := 0.0
		if l.e != nil {
			e = l.e.Real[i]
		}
		var stress [6]float64
		if l.w != nil {
			stress = l.stress(l.w.Real[9*i:])
		}
		dst = lammps.AppendDumpAtom(dst, id[i], l.kinds[z], element.Symbol(int(z)), l.cols, e, stress, vectors...)
	}
	return dst
}

func (l *lammpsDump) turned(x [3]float64) [3]float64 {
	if l.turn.Identity() {
		return x
	}
	return l.turn.Apply(x)
}

// stress is what compute stress/atom virial has of an atom: −W in bar·Å³, of which
// LAMMPS, whose W are symmetric, has one half.
func (l *lammpsDump) stress(virial []float64) (s [6]float64) {
	w := [3][3]float64{[3]float64(virial), [3]float64(virial[3:]), [3]float64(virial[6:])}
	for k := range w {
		w[k] = l.turned(w[k])
	}
	for c := range 3 { // and the other index
		column := l.turned([3]float64{w[0][c], w[1][c], w[2][c]})
		w[0][c], w[1][c], w[2][c] = column[0], column[1], column[2]
	}
	for n, k := range [6][2]int{{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}} {
		s[n] = -(w[k[0]][k[1]] + w[k[1]][k[0]]) / 2 * md.Bar
	}
	return s
}

// givenOf says which vectors of a cell were given.
func givenOf(cell *domain.Cell) (given [3]bool) {
	for k, v := range cell.AsGiven() {
		given[k] = v != [3]float64{}
	}
	return given
}

// toData makes a data file of a frame. Its types are numbered by species, or by
// rising atomic number.
func toData(f *extxyz.Frame, species []string) (*lammps.Data, error) {
	s := &system{Vectors: f.Cell, PBC: f.PBC, Z: f.Z, X: f.X}
	cell, err := s.check(nil)
	if err != nil {
		return nil, err
	}
	kinds, order, err := kindsOf(f.Z, species)
	if err != nil {
		return nil, err
	}
	lo, hi := s.bounds()
	box, turn, err := boxOf(cell.Vectors(), givenOf(&cell), f.PBC, lo, hi)
	if err != nil {
		return nil, err
	}
	d := &lammps.Data{Comment: "LAMMPS data file, written by wigner, units = metal", Box: box, ID: ids(f)}
	for _, z := range order {
		d.Masses, d.Labels = append(d.Masses, element.Mass(int(z))), append(d.Labels, element.Symbol(int(z)))
	}
	if d.V, err = velocities(f, perPicosecond); err != nil {
		return nil, err
	}
	image := f.Column("image")
	if image != nil && (image.Type != extxyz.Int || image.Width != 3) {
		image = nil
	}
	for i, z := range f.Z {
		d.Type = append(d.Type, kinds[z])
		x := f.X[i]
		if !turn.Identity() {
			x = turn.Apply(x)
			if d.V != nil {
				d.V[i] = turn.Apply(d.V[i])
			}
		}
		d.X = append(d.X, x)
		if image != nil {
			var m [3]int32
			for k := range m {
				m[k] = int32(image.Int[3*i+k])
			}
			d.Image = append(d.Image, m)
		}
	}
	return d, nil
}
