package lammps

import (
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/lines"
)

// Frame is one frame of a text dump. Rows are in the order of the column id, where
// there is one.
type Frame struct {
	Step    int64
	Time    float64 // ITEM: TIME, ps; NaN where there is none
	Box     Box
	N       int
	ID      []int64      // nil without the column
	Type    []int32      // from 1; nil without the column
	Element []string     // of the column element; nil without it
	X       [][3]float64 // Å
	Image   [][3]int32   // nil without ix, iy, iz
	// Unwrapped says that X is of xu, yu, zu or xsu, ysu, zsu.
	Unwrapped bool
	V         [][3]float64 // vx, vy, vz, Å/ps; nil without
	F         [][3]float64 // fx, fy, fz, eV/Å; nil without
	More      []Column     // the other columns, as numbers

	Line int // where the frame begins
}

// Column is a further column.
type Column struct {
	Name string
	X    []float64
}

// Species gives the atomic number of each row: by the column element, or by the
// type and names, one for each type up to the largest.
func (f *Frame) Species(names []string) ([]int32, error) {
	z := make([]int32, f.N)
	if names == nil {
		if f.Element == nil {
			return nil, fmt.Errorf("the dump has no column element: give species = [\"…\", …] (--species A,B), one symbol for each type")
		}
		for i, s := range f.Element {
			n, ok := element.Number(s)
			if !ok {
				return nil, fmt.Errorf("column element: %q is not the symbol of an element (species = [\"…\", …] gives one for each type)", lines.Clip(s))
			}
			z[i] = int32(n)
		}
		return z, nil
	}
	if f.Type == nil {
		return nil, fmt.Errorf("species is given, but the dump has no column type")
	}
	kinds, err := numbers(names, len(names), "species")
	if err != nil {
		return nil, err
	}
	for i, t := range f.Type {
		if int(t) > len(kinds) {
			return nil, fmt.Errorf("species has %d symbols; an atom has type %d", len(kinds), t)
		}
		z[i] = kinds[t-1]
	}
	return z, nil
}

// DumpReader reads one frame after another.
type DumpReader struct {
	in   *lines.Reader
	real bool
}

// NewDumpReader reads from r; name stands for it in messages.
func NewDumpReader(r io.Reader, name string) *DumpReader {
	return &DumpReader{in: lines.New(r, name)}
}

// Next reads a frame; io.EOF at the end of the file.
func (r *DumpReader) Next() (*Frame, error) {
	f := &Frame{N: -1, Time: math.NaN()}
	for {
		line, err := r.in.Next()
		if err == io.EOF && f.Line == 0 {
			return nil, io.EOF
		}
		if err != nil {
			return nil, r.cutOff(err)
		}
		if strings.TrimSpace(line) == "" && f.Line == 0 {
			continue
		}
		item, ok := strings.CutPrefix(line, "ITEM: ")
		if !ok {
			return nil, r.in.Errorf("%q: here a line \"ITEM: …\" is expected", lines.Clip(line))
		}
		if f.Line == 0 {
			f.Line = r.in.Line()
		}
		done, err := r.item(f, strings.TrimSpace(item))
		if err != nil || done {
			return f, err
		}
	}
}

func (r *DumpReader) cutOff(err error) error {
	if err == io.EOF {
		return r.in.Errorf("the file ends within a frame")
	}
	return err
}

// item reads one item; done says that it was the atoms.
func (r *DumpReader) item(f *Frame, item string) (done bool, err error) {
	one := func() (string, error) {
		s, err := r.in.Next()
		if err != nil {
			return "", r.cutOff(err)
		}
		return strings.TrimSpace(s), nil
	}
	var s string
	switch {
	case item == "UNITS":
		if s, err = one(); err != nil {
			return false, err
		}
		switch r.real = s == "real"; {
		case s != "real" && s != "metal":
			return false, r.in.Errorf("the dump is in units %q; only metal and real are read", lines.Clip(s))
		}
	case item == "TIME":
		if s, err = one(); err == nil {
			f.Time, err = r.in.Number(s, "time")
		}
	case item == "TIMESTEP":
		if s, err = one(); err == nil {
			f.Step, err = r.in.Integer(s, "timestep")
		}
	case item == "NUMBER OF ATOMS":
		if s, err = one(); err == nil {
			var n int64
			n, err = r.in.Integer(s, "number of atoms")
			if err == nil && (n < 0 || n > math.MaxInt32) {
				err = r.in.Errorf("%d atoms", n)
			}
			f.N = int(n)
		}
	case strings.HasPrefix(item, "BOX BOUNDS"):
		err = r.box(f, strings.Fields(item)[2:])
	case strings.HasPrefix(item, "ATOMS"):
		if f.N < 0 || f.Box.Vectors == ([3][3]float64{}) {
			return false, r.in.Errorf("ATOMS stands before NUMBER OF ATOMS and BOX BOUNDS")
		}
		return true, r.atoms(f, strings.Fields(item)[1:])
	default:
		err = r.in.Errorf("ITEM: %q is not known", lines.Clip(item))
	}
	return false, err
}

// box reads BOX BOUNDS in its three forms: orthogonal, restricted triclinic, and
// general (abc origin).
func (r *DumpReader) box(f *Frame, words []string) error {
	form := strings.Join(words, " ")
	cols := 2
	switch {
	case strings.HasPrefix(form, "xy xz yz"):
		cols, words = 3, words[3:]
	case strings.HasPrefix(form, "abc origin"):
		cols, words = 4, words[2:]
	}
	var rows [3][4]float64
	for k := range rows {
		line, err := r.in.Next()
		if err != nil {
			return r.cutOff(err)
		}
		w := strings.Fields(line)
		if len(w) != cols {
			return r.in.Errorf("BOX BOUNDS: %d numbers; here are %d", len(w), cols)
		}
		for c := range w {
			if rows[k][c], err = r.in.Number(w[c], "BOX BOUNDS"); err != nil {
				return err
			}
		}
	}
	var lo, hi, tilt [3]float64
	for k, b := range rows {
		lo[k], hi[k], tilt[k] = b[0], b[1], b[2]
	}
	switch cols {
	case 4:
		for k, b := range rows {
			f.Box.Vectors[k], f.Box.Origin[k] = [3]float64(b[:3]), b[3]
		}
	case 3: // the bounds are those of the box around the tilted one
		xy, xz, yz := tilt[0], tilt[1], tilt[2]
		lo[0] -= min(0, xy, xz, xy+xz)
		hi[0] -= max(0, xy, xz, xy+xz)
		lo[1] -= min(0, yz)
		hi[1] -= max(0, yz)
		fallthrough
	default:
		if cols == 2 {
			tilt = [3]float64{}
		}
		f.Box = boxOf(lo, hi, tilt)
	}
	f.Box.Periodic = [3]bool{true, true, true}
	for k := range min(len(words), 3) {
		f.Box.Periodic[k] = words[k] == "pp"
	}
	if err := f.Box.check(); err != nil {
		return r.in.Errorf("%w", err)
	}
	return nil
}

// layout says where the columns are; −1: nowhere.
type layout struct {
	id, kind, element int
	x, image, v, f    [3]int
	scaled, unwrapped bool
	more              []int
}

func layoutOf(names []string) (*layout, error) {
	at := map[string]int{}
	for i, n := range names {
		if _, ok := at[n]; ok {
			return nil, fmt.Errorf("column %q is there twice", lines.Clip(n))
		}
		at[n] = i
	}
	used := map[int]bool{}
	one := func(n string) int {
		i, ok := at[n]
		if !ok {
			return -1
		}
		used[i] = true
		return i
	}
	three := func(a, b, c string) [3]int {
		if _, ok := at[a]; !ok {
			return [3]int{-1, -1, -1}
		}
		return [3]int{one(a), one(b), one(c)}
	}
	l := &layout{id: one("id"), kind: one("type"), element: one("element")}
	for _, p := range []struct {
		names             [3]string
		scaled, unwrapped bool
	}{
		{[3]string{"x", "y", "z"}, false, false}, {[3]string{"xu", "yu", "zu"}, false, true},
		{[3]string{"xs", "ys", "zs"}, true, false}, {[3]string{"xsu", "ysu", "zsu"}, true, true},
	} {
		if l.x = three(p.names[0], p.names[1], p.names[2]); l.x[0] >= 0 {
			l.scaled, l.unwrapped = p.scaled, p.unwrapped
			break
		}
	}
	l.image, l.v, l.f = three("ix", "iy", "iz"), three("vx", "vy", "vz"), three("fx", "fy", "fz")
	if l.x[0] < 0 {
		return nil, fmt.Errorf("the columns have no positions: x y z, xu yu zu, xs ys zs or xsu ysu zsu")
	}
	for what, c := range map[string][3]int{"positions (x y z, xu yu zu, xs ys zs or xsu ysu zsu)": l.x, "image flags": l.image, "velocities": l.v, "forces": l.f} {
		if slices.Contains(c[:], -1) && c != [3]int{-1, -1, -1} {
			return nil, fmt.Errorf("the columns have no whole %s", what)
		}
	}
	for i := range names {
		if !used[i] {
			l.more = append(l.more, i)
		}
	}
	return l, nil
}

func (r *DumpReader) atoms(f *Frame, names []string) error {
	l, err := layoutOf(names)
	if err != nil {
		return r.in.Errorf("%w", err)
	}
	for _, i := range l.more {
		f.More = append(f.More, Column{Name: names[i]})
	}
	f.Unwrapped = l.unwrapped
	for i := range f.N {
		line, err := r.in.Next()
		if err != nil {
			if err == io.EOF {
				return r.in.Errorf("the file ends where a frame has %d of %d atoms", i, f.N)
			}
			return err
		}
		w := strings.Fields(line)
		if len(w) != len(names) {
			return r.in.Errorf("%d columns; ITEM: ATOMS names %d", len(w), len(names))
		}
		if err := r.atom(f, l, w); err != nil {
			return err
		}
	}
	if l.id >= 0 {
		return r.sorted(f)
	}
	return nil
}

// atom reads one row.
func (r *DumpReader) atom(f *Frame, l *layout, w []string) error {
	if l.id >= 0 {
		id, err := r.in.Integer(w[l.id], "id")
		if err != nil {
			return err
		}
		f.ID = append(f.ID, id)
	}
	if l.kind >= 0 {
		t, err := r.in.Integer(w[l.kind], "type")
		if err != nil {
			return err
		}
		if t < 1 || t > math.MaxInt32 {
			return r.in.Errorf("type %d: types count from 1", t)
		}
		f.Type = append(f.Type, int32(t))
	}
	if l.element >= 0 {
		f.Element = append(f.Element, w[l.element])
	}
	for _, c := range []struct {
		at   [3]int
		to   *[][3]float64
		what string
	}{{l.x, &f.X, "position"}, {l.v, &f.V, "velocity"}, {l.f, &f.F, "force"}} {
		if c.at[0] < 0 {
			continue
		}
		var x [3]float64
		for k := range x {
			var err error
			if x[k], err = r.in.Number(w[c.at[k]], c.what); err != nil {
				return err
			}
		}
		*c.to = append(*c.to, x)
	}
	if l.image[0] >= 0 {
		var m [3]int32
		for k := range m {
			n, err := strconv.ParseInt(w[l.image[k]], 10, 32)
			if err != nil {
				return r.in.Errorf("image flag: %q is not an integer", lines.Clip(w[l.image[k]]))
			}
			m[k] = int32(n)
		}
		f.Image = append(f.Image, m)
	}
	for k, i := range l.more {
		x, err := strconv.ParseFloat(w[i], 64) // nan may stand here
		if err != nil {
			return r.in.Errorf("column %s: %q is not a number", f.More[k].Name, lines.Clip(w[i]))
		}
		f.More[k].X = append(f.More[k].X, x)
	}
	i := len(f.X) - 1
	if l.scaled {
		s, x := f.X[i], f.Box.Origin
		for k := range s {
			for c := range x {
				x[c] += s[k] * f.Box.Vectors[k][c]
			}
		}
		f.X[i] = x
	}
	if r.real && f.V != nil {
		for k := range f.V[i] {
			f.V[i][k] *= 1000 // Å/fs
		}
	}
	if r.real && f.F != nil {
		for k := range f.F[i] {
			f.F[i][k] *= kcal // kcal/mol/Å
		}
	}
	return nil
}

// kcal is 1 kcal/mol in eV: 4184 J over the Faraday constant of CODATA 2018.
const kcal = 4184 / 96485.33212331

// sorted puts the rows into the order of the IDs, which must differ.
func (r *DumpReader) sorted(f *Frame) error {
	order := make([]int, f.N)
	for i := range order {
		order[i] = i
	}
	if !sort.SliceIsSorted(f.ID, func(i, j int) bool { return f.ID[i] < f.ID[j] }) {
		sort.Slice(order, func(i, j int) bool { return f.ID[order[i]] < f.ID[order[j]] })
		f.ID, f.Type, f.Element, f.X, f.Image = pick(f.ID, order), pick(f.Type, order), pick(f.Element, order), pick(f.X, order), pick(f.Image, order)
		f.V, f.F = pick(f.V, order), pick(f.F, order)
		for k := range f.More {
			f.More[k].X = pick(f.More[k].X, order)
		}
	}
	for i := 1; i < f.N; i++ {
		if f.ID[i] == f.ID[i-1] {
			return r.in.Errorf("atom %d is there twice in this frame", f.ID[i])
		}
	}
	return nil
}
