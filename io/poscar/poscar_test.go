package poscar

import (
	"bytes"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

func read(t *testing.T, text string, species ...string) *Structure {
	t.Helper()
	s, err := Read(strings.NewReader(text), "x", species)
	if err != nil {
		t.Fatal(err)
	}
	return s
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

// testdata/ase.vasp was written by ASE (tools/golden/structure_files.py): direct
// coordinates, selective dynamics, a group for each change of element.
func TestByASE(t *testing.T) {
	text, err := os.ReadFile("testdata/ase.vasp")
	if err != nil {
		t.Fatal(err)
	}
	s := read(t, string(text))
	if !slices.Equal(s.Z, []int32{11, 17, 11, 17, 11, 17, 11, 17}) || s.Free[0] != [3]bool{} || s.Free[1] != [3]bool{true, true, true} || len(s.V) != 8 {
		t.Errorf("%v %v %v", s.Z, s.Free, s.V)
	}
	// The first velocity, in Å/ps, and the second position, from io/lammps/testdata/expected.toml.
	if d := apart(s.X[1:2], [][3]float64{{2.7309408161242725, -0.04546707851717226, -0.09916465549964625}}); d > 1e-14 {
		t.Errorf("a position differs by %g", d)
	}
	if v := s.V[0]; math.Abs(1000*v[2]+2.472136249529298) > 1e-12 {
		t.Errorf("the first velocity is %v Å/fs", v)
	}
}

const contcar = `rock salt
 2.0
 2.5 0 0
 0 2.5 0
 0 0 2.5
 Na_pv Cl/0a1b
 1 1
Cartesian
 0 0 0
 1.25 1.25 1.25

 0.001 0 0
 0 -0.001 0

 1 2 3
`

// A scale of 2 doubles vectors and Cartesian positions; velocities are as they are;
// what VASP's integrator keeps behind them is not read.
func TestKinds(t *testing.T) {
	s := read(t, contcar)
	want := [][3]float64{{0, 0, 0}, {2.5, 2.5, 2.5}}
	if s.Cell != [3][3]float64{{5, 0, 0}, {0, 5, 0}, {0, 0, 5}} || apart(s.X, want) != 0 || s.V[1] != [3]float64{0, -0.001, 0} || s.Z[1] != 17 || s.Comment != "rock salt" {
		t.Errorf("%+v", s)
	}
	// −125 is the volume.
	if v := read(t, strings.Replace(contcar, " 2.0\n", " -125\n", 1)); apart(v.X, want) > 1e-15 || apart(v.Cell[:], s.Cell[:]) > 1e-15 {
		t.Errorf("by volume: %+v", v)
	}
	if v := read(t, strings.Replace(contcar, " 2.0\n", " 2 4 6\n", 1)); v.Cell[2] != [3]float64{0, 0, 15} || v.X[1] != [3]float64{2.5, 5, 7.5} {
		t.Errorf("three scales: %+v", v)
	}
	four := strings.Replace(contcar, " Na_pv Cl/0a1b\n", "", 1)
	if v := read(t, four, "Na", "Cl"); !slices.Equal(v.Z, []int32{11, 17}) {
		t.Errorf("VASP 4: %v", v.Z)
	}
	npt := strings.Replace(contcar, " 1.25 1.25 1.25\n", " 1.25 1.25 1.25\nLattice velocities and vectors\n 1\n 0 0 0\n 0 0 0\n 0 0 0\n 5 0 0\n 0 5 0\n 0 0 5\n", 1)
	if v := read(t, npt); v.V == nil || v.V[0] != [3]float64{0.001, 0, 0} {
		t.Errorf("with lattice velocities: %+v", v)
	}
}

// What is written is read back to the last bit, in the order that Order gives.
func TestRoundTrip(t *testing.T) {
	s := &Structure{Comment: "a\nb", Cell: [3][3]float64{{1, 0.1, 0}, {1. / 3, 2, 0}, {0, 1e-17, 3}}, Z: []int32{17, 11, 17},
		X: [][3]float64{{1, 2, 3}, {0.1, 1e-9, -5}, {1. / 7, 0, 0}}, Free: [][3]bool{{true}, {false, true}, {}}, V: [][3]float64{{1, 0, 0}, {2, 1e-20, 0}, {3, 0, 0}}}
	var b bytes.Buffer
	if err := s.Write(&b); err != nil {
		t.Fatal(err)
	}
	got := read(t, b.String())
	order := s.Order()
	if !slices.Equal(order, []int{0, 2, 1}) || !slices.Equal(got.Z, []int32{17, 17, 11}) || got.Cell != s.Cell {
		t.Errorf("order %v, %+v", order, got)
	}
	for k, i := range order {
		if got.X[k] != s.X[i] || got.V[k] != s.V[i] || got.Free[k] != s.Free[i] {
			t.Errorf("atom %d: %v, %v, %v", i, got.X[k], got.V[k], got.Free[k])
		}
	}
}

func TestBad(t *testing.T) {
	change := func(old, new string) string {
		if !strings.Contains(contcar, old) {
			t.Fatalf("%q is not there", old)
		}
		return strings.Replace(contcar, old, new, 1)
	}
	for name, c := range map[string]struct {
		text    string
		species []string
		want    string
	}{
		"empty":    {"", nil, "empty"},
		"scale":    {change(" 2.0\n", " 0\n"), nil, "a scale of 0"},
		"flat":     {change(" 0 0 2.5\n", " 0 2.5 0\n"), nil, "no volume"},
		"vector":   {change(" 0 0 2.5\n", " 0 2.5\n"), nil, "no three numbers"},
		"VASP 4":   {change(" Na_pv Cl/0a1b\n", ""), nil, "does not say which elements"},
		"symbol":   {change("Na_pv", "Xx"), nil, `"Xx" is not the symbol`},
		"counts":   {change(" 1 1\n", " 1\n"), nil, "1 numbers of atoms for 2"},
		"count":    {change(" 1 1\n", " 1 -1\n"), nil, `"-1" is not a number of atoms`},
		"species":  {contcar, []string{"Cl", "Na"}, "species has Cl where the file has Na"},
		"mode":     {change("Cartesian", "fractional"), nil, "Direct or Cartesian"},
		"position": {change(" 0 0 0\n", " 0 0 a\n"), nil, `"a" is not a number`},
		"nan":      {change(" 0 0 0\n", " 0 0 nan\n"), nil, "not finite"},
		"short":    {contcar[:strings.Index(contcar, " 1.25 1")], nil, "0 of 1 atoms of element Cl"},
		"flags":    {change("Cartesian", "Selective\nCartesian"), nil, "three of T and F"},
		"speed":    {change(" 0 -0.001 0\n", ""), nil, "velocities end after 1 of 2"},
		"behind":   {change("\n\n 0.001", "\nxyz\n 0.001"), nil, "behind the positions"},
		"direct":   {change("\n\n 0.001", "\nDirect\n 0.001"), nil, "Direct coordinates are not read"},
	} {
		_, err := Read(strings.NewReader(c.text), "x", c.species)
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "x:") {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(contcar)
	f.Add("x\n-7\n1 0 0\n0 1 0\n0 0 1\nCu\n2147483648\nselective\ndirect\n0 0 0 T F T\n")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Read(strings.NewReader(text), "x", nil)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "x:") {
				t.Errorf("an error without a place: %v", err)
			}
			return
		}
		if err := s.Write(&bytes.Buffer{}); err != nil {
			t.Error(err)
		}
	})
}
