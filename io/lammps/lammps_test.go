package lammps

import (
	"bytes"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
)

// expected is testdata/expected.toml, which says how it was made.
type expected struct {
	Numbers []int32       `toml:"numbers"`
	Cell    [3][3]float64 `toml:"cell"`
	X       [][3]float64  `toml:"positions_A"`
	V       [][3]float64  `toml:"velocities_A_ps"`
	Last    [][3]float64  `toml:"last_positions_A"`
}

func want(t *testing.T) *expected {
	t.Helper()
	var e expected
	if _, err := toml.DecodeFile("testdata/expected.toml", &e); err != nil {
		t.Fatal(err)
	}
	return &e
}

func file(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func data(t *testing.T, text string) *Data {
	t.Helper()
	d, err := ReadData(strings.NewReader(text), "x.data")
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func apart(a, b [][3]float64) (d float64) {
	if len(a) != len(b) {
		return math.Inf(1)
	}
	for i := range a {
		for k := range a[i] {
			d = max(d, math.Abs(a[i][k]-b[i][k]))
		}
	}
	return d
}

// Data as ASE writes it, with symbols as comments in Masses.
func TestDataByASE(t *testing.T) {
	e := want(t)
	d := data(t, file(t, "ase.data"))
	z, err := d.Species(nil)
	if err != nil || !slices.Equal(z, []int32{11, 17}) {
		t.Fatalf("%v %v", z, err)
	}
	for i, k := range d.Type {
		if z[k-1] != e.Numbers[i] {
			t.Errorf("atom %d has type %d", i+1, k)
		}
	}
	// ASE writes 17 digits of the velocities after a conversion of its own.
	if x, v, c := apart(d.X, e.X), apart(d.V, e.V), apart(d.Box.Vectors[:], e.Cell[:]); x > 1e-15 || v > 1e-12 || c > 1e-15 {
		t.Errorf("positions differ by %g, velocities by %g, cell by %g", x, v, c)
	}
}

// Data as LAMMPS writes it: image flags, Pair Coeffs, Velocities; and no symbols,
// so that the user must give them.
func TestDataByLAMMPS(t *testing.T) {
	e := want(t)
	d := data(t, file(t, "written.data"))
	if x := apart(d.X, e.Last); x > 1e-13 { // of the dump's 15 digits
		t.Errorf("positions differ by %g", x)
	}
	if d.Image[0] != [3]int32{-1, 0, -1} || len(d.V) != 8 || d.V[0] == [3]float64{} {
		t.Errorf("image flags %v, velocities %v", d.Image, d.V)
	}
	if _, err := d.Species(nil); err == nil || !strings.Contains(err.Error(), "which element is type 1?") {
		t.Errorf("error %v", err)
	}
	for _, c := range []struct {
		names []string
		want  string
	}{
		{[]string{"Na", "Cl"}, ""}, {[]string{"Na"}, "1 symbols; the file has 2"}, {[]string{"Na", "Xx"}, `"Xx" is not`},
		{[]string{"Cl", "Na"}, "type 1 is to be Cl, whose mass is 35.45, but Masses has 22.99"},
	} {
		if _, err := d.Species(c.names); (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want %q", c.names, err, c.want)
		}
	}
}

// What is written is read back to the last bit.
func TestDataRoundTrip(t *testing.T) {
	for _, name := range []string{"ase.data", "written.data"} {
		d := data(t, file(t, name))
		var b bytes.Buffer
		if err := d.Write(&b); err != nil {
			t.Fatal(err)
		}
		again := data(t, b.String())
		if apart(d.X, again.X)+apart(d.V, again.V)+apart(d.Box.Vectors[:], again.Box.Vectors[:]) != 0 || !slices.Equal(d.ID, again.ID) ||
			!slices.Equal(d.Type, again.Type) || !slices.Equal(d.Image, again.Image) || !slices.Equal(d.Masses, again.Masses) || !slices.Equal(d.Labels, again.Labels) {
			t.Errorf("%s comes back as\n%s", name, b.String())
		}
	}
}

// Units real have velocities in Å/fs; type labels, other styles, ids in any order.
func TestDataKinds(t *testing.T) {
	d := data(t, `LAMMPS data file via write_data, version 2 Aug 2023, timestep = 0, units = real

2 atoms
2 atom types
0 bonds
1 bond types
0 10 xlo xhi
0 10 ylo yhi
-5 5 zlo zhi

Atom Type Labels

1 O
2 H

Bond Coeffs

1 450 0.95

Masses

O 15.999
2 1.008

Atoms # full

7 1 H 0.4 1 2 3 0 0 1
3 1 1 -0.8 4 5 6 1 0 0

Velocities

3 0.001 0 0
7 0 0.002 0
`)
	z, err := d.Species(nil)
	if err != nil || !slices.Equal(z, []int32{8, 1}) || !slices.Equal(d.ID, []int64{3, 7}) || d.X[0] != [3]float64{4, 5, 6} || d.V[0] != [3]float64{1, 0, 0} ||
		d.Image[1] != [3]int32{0, 0, 1} || d.Box.Origin != [3]float64{0, 0, -5} || d.Box.Vectors[2] != [3]float64{0, 0, 10} {
		t.Errorf("%+v %v %v", d, z, err)
	}
	d = data(t, "x\n1 atoms\n1 atom types\n1 0 0 avec\n0 0 1 bvec\n0 -1 0 cvec\n1 2 3 abc origin\nAtoms\n\n1 1 0 0 0\n")
	if d.Box.Vectors != [3][3]float64{{1, 0, 0}, {0, 0, 1}, {0, -1, 0}} || d.Box.Origin != [3]float64{1, 2, 3} || d.Style != "atomic" {
		t.Errorf("a general box: %+v", d.Box)
	}
}

func TestBadData(t *testing.T) {
	head := "x\n2 atoms\n1 atom types\n0 9 xlo xhi\n0 9 ylo yhi\n0 9 zlo zhi\n\n"
	for name, c := range map[string]struct{ text, want string }{
		"empty":      {"", "empty"},
		"header":     {"x\n2 atoms\n", "ends within its header"},
		"no count":   {"x\n1 atom types\nAtoms\n", "how many atoms"},
		"no box":     {"x\n1 atoms\n1 atom types\n0 1 xlo xhi\nAtoms\n", "no ylo yhi"},
		"flat":       {"x\n1 atoms\n1 atom types\n0 1 xlo xhi\n0 0 ylo yhi\n0 1 zlo zhi\nAtoms\n", "no volume"},
		"unknown":    {"x\n1 ellipsoids\n", `"1 ellipsoids" is not known`},
		"twice":      {"x\n1 atoms\n1 atoms\n", "again"},
		"no atoms":   {head + "Masses\n\n1 35\n", "no section Atoms"},
		"short":      {head + "Atoms\n\n1 1 0 0 0\n", "the file ends where Atoms has 1 of 2"},
		"few":        {head + "Atoms\n\n1 1 0 0 0\n\nVelocities\n", "Atoms has 1 lines, and should have 2"},
		"style":      {head + "Atoms # sphere\n\n1 1 0 0 0\n", `style "sphere" is not read`},
		"guess":      {head + "Atoms\n\n1 1 0.5 0 0 0\n", "of another style the head of the section must tell"},
		"type":       {head + "Atoms\n\n1 2 0 0 0\n", "type 2; the header has 1"},
		"number":     {head + "Atoms\n\n1 1 0 x 0\n", `"x" is not a number`},
		"nan":        {head + "Atoms\n\n1 1 0 nan 0\n", "not finite"},
		"id":         {head + "Atoms\n\n1 1 0 0 0\n1 1 1 1 1\n", "atom 1 is there twice"},
		"columns":    {head + "Atoms\n\n1 1 0 0 0\n2 1 1 1 1 0 0 0\n", "8 columns; style atomic has 5 here"},
		"velocities": {head + "Velocities\n\n1 0 0 0\n", "before Atoms"},
		"velocity":   {head + "Atoms\n\n1 1 0 0 0\n2 1 1 1 1\n\nVelocities\n\n3 0 0 0\n", "atom 3 is not among"},
		"section":    {head + "Ellipsoids\n\n", `section "Ellipsoids" is not known`},
		"units":      {"LAMMPS data file, units = lj\n", `units "lj"`},
	} {
		_, err := ReadData(strings.NewReader(c.text), "x.data")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "x.data:") {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func frames(t *testing.T, text string) (out []*Frame) {
	t.Helper()
	r := NewDumpReader(strings.NewReader(text), "x.dump")
	for {
		f, err := r.Next()
		if err == io.EOF {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, f)
	}
}

// Dumps of one run, one with Cartesian and one with scaled coordinates of six digits.
func TestDumpByLAMMPS(t *testing.T) {
	e := want(t)
	skew, scaled := frames(t, file(t, "skew.dump")), frames(t, file(t, "scaled.dump"))
	if len(skew) != 2 || len(scaled) != 2 {
		t.Fatalf("%d and %d frames", len(skew), len(scaled))
	}
	if x := apart(skew[1].X, e.Last); x > 1e-13 {
		t.Errorf("positions differ by %g", x)
	}
	if x := apart(skew[1].X, scaled[1].X); x > 1e-4 {
		t.Errorf("scaled positions differ by %g", x)
	}
	f := skew[1]
	if c := apart(f.Box.Vectors[:], e.Cell[:]); c > 1e-14 || f.Step != 5 || math.Abs(f.Time-0.005) > 1e-12 || f.N != 8 || f.Box.Periodic != [3]bool{true, true, true} {
		t.Errorf("step %d, time %g, box %+v", f.Step, f.Time, f.Box)
	}
	if v := apart(skew[0].V, e.V); v > 1e-12 || f.F == nil || f.Image[0] != [3]int32{-1, 0, -1} {
		t.Errorf("velocities differ by %g", v)
	}
	z, err := f.Species(nil)
	if err != nil || !slices.Equal(z, e.Numbers) {
		t.Errorf("%v %v", z, err)
	}
	if _, err := scaled[0].Species(nil); err == nil || !strings.Contains(err.Error(), "no column element") {
		t.Errorf("error %v", err)
	}
	if z, err := scaled[0].Species([]string{"Na", "Cl"}); err != nil || !slices.Equal(z, e.Numbers) {
		t.Errorf("%v %v", z, err)
	}
	if _, err := scaled[0].Species([]string{"Na"}); err == nil || !strings.Contains(err.Error(), "an atom has type 2") {
		t.Errorf("error %v", err)
	}
}

// What is written is read back to the last bit, but for the bounds of a skew box,
// which LAMMPS's format holds as sums.
func TestDumpRoundTrip(t *testing.T) {
	b := Box{Vectors: [3][3]float64{{5.6, 0, 0}, {0.4, 5.7, 0}, {-0.3, 0.2, 5.5}}, Origin: [3]float64{1, 2, 3}, Periodic: [3]bool{true, false, true}}
	c := Columns{V: true, F: true, Energy: true, Unwrapped: true}
	x, v, g := [3]float64{0.1, 1. / 3, -7e-9}, [3]float64{1, 2, 3e20}, [3]float64{-1, 0, 5}
	text := AppendDumpHeader(nil, 12, 0.006, 1, &b, c)
	text = AppendDumpAtom(text, 5, 2, "Cl", c, -3.25, [6]float64{}, x, v, g)
	f := frames(t, string(text))[0]
	if f.X[0] != x || f.V[0] != v || f.F[0] != g || f.ID[0] != 5 || f.Type[0] != 2 || f.Element[0] != "Cl" || !f.Unwrapped || f.Step != 12 || f.Time != 0.006 ||
		len(f.More) != 1 || f.More[0].Name != "c_energy" || f.More[0].X[0] != -3.25 || f.Box.Periodic != b.Periodic {
		t.Errorf("%+v from\n%s", f, text)
	}
	if d := apart(f.Box.Vectors[:], b.Vectors[:]); d > 1e-15 {
		t.Errorf("the box differs by %g", d)
	}
	// LAMMPS from 2024 on: vectors and origin.
	f = frames(t, "ITEM: TIMESTEP\n3\nITEM: NUMBER OF ATOMS\n1\nITEM: BOX BOUNDS abc origin pp ff pp\n0 2 0 1\n0 0 2 1\n2 0 0 1\nITEM: ATOMS type xs ys zs c_q[1]\n1 0.5 0 0.25 nan\n")[0]
	if f.Box.Vectors != [3][3]float64{{0, 2, 0}, {0, 0, 2}, {2, 0, 0}} || f.X[0] != [3]float64{1.5, 2, 1} || f.Box.Periodic != [3]bool{true, false, true} || !math.IsNaN(f.Time) {
		t.Errorf("a general box: %+v", f)
	}
}

func TestBadDump(t *testing.T) {
	head := "ITEM: TIMESTEP\n0\nITEM: NUMBER OF ATOMS\n2\nITEM: BOX BOUNDS pp pp pp\n0 9\n0 9\n0 9\n"
	for name, c := range map[string]struct{ text, want string }{
		"no item":  {"1\n", "ITEM: …"},
		"unknown":  {"ITEM: ENTRIES\n", `"ENTRIES" is not known`},
		"units":    {"ITEM: UNITS\nlj\n", `units "lj"`},
		"cut":      {"ITEM: TIMESTEP\n", "ends within a frame"},
		"atoms":    {"ITEM: TIMESTEP\n0\nITEM: ATOMS id x y z\n", "stands before"},
		"bounds":   {"ITEM: BOX BOUNDS xy xz yz\n0 9\n", "2 numbers; here are 3"},
		"flat":     {"ITEM: BOX BOUNDS\n0 9\n0 9\n9 9\n", "no volume"},
		"position": {head + "ITEM: ATOMS id type\n1 1\n", "no positions"},
		"partly":   {head + "ITEM: ATOMS id x y\n1 1 1\n", "no whole positions"},
		"velocity": {head + "ITEM: ATOMS id x y z vx\n1 1 1 1 1\n", "no whole velocities"},
		"twice":    {head + "ITEM: ATOMS id x y z x\n1 1 1 1 1\n", `"x" is there twice`},
		"short":    {head + "ITEM: ATOMS id x y z\n1 1 1 1\n", "1 of 2 atoms"},
		"columns":  {head + "ITEM: ATOMS id x y z\n1 1 1\n", "3 columns"},
		"number":   {head + "ITEM: ATOMS id x y z\n1 1 1 a\n", `"a" is not a number`},
		"id":       {head + "ITEM: ATOMS id x y z\n1 1 1 1\n1 2 2 2\n", "atom 1 is there twice"},
		"type":     {head + "ITEM: ATOMS type x y z\n0 1 1 1\n", "count from 1"},
	} {
		_, err := NewDumpReader(strings.NewReader(c.text), "x.dump").Next()
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "x.dump:") {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// Turning keeps lengths and angles, and leaves alone what is right already.
func TestOrient(t *testing.T) {
	v := [3][3]float64{{1, 2, 0.5}, {-1, 3, 0.2}, {0.3, 0.1, 4}}
	turn, r, err := Orient(v)
	if err != nil || !restricted(r) {
		t.Fatalf("%v %v", r, err)
	}
	for i := range v {
		for j := range v {
			if math.Abs(dot(v[i], v[j])-dot(r[i], r[j])) > 1e-14 {
				t.Errorf("the product of %d and %d changes", i, j)
			}
		}
		if y := turn.Apply(v[i]); apart([][3]float64{y}, r[i:i+1]) > 1e-15 {
			t.Errorf("vector %d: %v and %v", i, y, r[i])
		}
	}
	if turn, same, err := Orient(r); err != nil || same != r || !turn.Identity() {
		t.Errorf("turned again: %v %v %v", turn, same, err)
	}
	v[0], v[1] = v[1], v[0]
	if _, _, err := Orient(v); err == nil || !strings.Contains(err.Error(), "left-handed") {
		t.Errorf("error %v", err)
	}
	if _, _, err := Orient([3][3]float64{{1, 1, 0}, {2, 2, 0}, {0, 0, 1}}); err == nil {
		t.Error("vectors in a plane are turned")
	}
}

func FuzzData(f *testing.F) {
	for _, n := range []string{"ase.data", "written.data"} {
		f.Add(file(f, n))
	}
	f.Add("x\n1 atoms\n1 atom types\n1 0 0 avec\n0 0 1 bvec\n0 -1 0 cvec\nAtoms # full\n\n1 1 1 0 0 0 0\n")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ReadData(strings.NewReader(text), "x")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "x:") {
				t.Errorf("an error without a place: %v", err)
			}
			return
		}
		if d.Style == "" && len(d.ID) > 0 || len(d.ID) != len(d.X) {
			t.Error("a data file that is not whole")
		}
		if restricted(d.Box.Vectors) {
			var b bytes.Buffer
			if err := d.Write(&b); err != nil {
				t.Fatal(err)
			}
		}
	})
}

func FuzzDump(f *testing.F) {
	for _, n := range []string{"skew.dump", "scaled.dump"} {
		f.Add(file(f, n))
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := NewDumpReader(strings.NewReader(text), "x")
		for {
			x, err := r.Next()
			if err == io.EOF {
				return
			}
			if err != nil {
				if !strings.HasPrefix(err.Error(), "x:") {
					t.Errorf("an error without a place: %v", err)
				}
				return
			}
			if len(x.X) != x.N {
				t.Errorf("%d positions of %d", len(x.X), x.N)
			}
		}
	})
}
