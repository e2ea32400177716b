package setfl

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const dir = "../../potential/eam/testdata"

func open(t testing.TB, name string) *Table {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	table, err := Read(f, name)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// The kinds are told apart by what is in the file; figures are those of
// tools/golden/lammps_eam.py.
func TestKinds(t *testing.T) {
	for _, c := range []struct {
		name      string
		kind      Kind
		elements  int
		densities int
	}{{"ab.eam.alloy", Alloy, 2, 1}, {"ab.eam.fs", FinnisSinclair, 2, 2}, {"a.eam", Funcfl, 1, 1}} {
		x := open(t, c.name)
		if x.Kind != c.kind || len(x.Elements) != c.elements || x.NR != 240 || x.NRho != 240 || x.DR != 0.025 || x.DRho != 0.15 || x.Cutoff != 5.8 {
			t.Errorf("%s: %v, %d elements, %d × %g, %d × %g, cutoff %g", c.name, x.Kind, len(x.Elements), x.NRho, x.DRho, x.NR, x.DR, x.Cutoff)
		}
		if e := x.Elements[0]; e != (Element{13, 26.98, 4.05, e.Type}) || !strings.EqualFold(e.Type, "fcc") {
			t.Errorf("%s: element %+v", c.name, e)
		}
		if len(x.Embed) != c.elements || len(x.Density) != c.elements || len(x.Density[0]) != c.densities {
			t.Errorf("%s: %d embedding energies, %d densities of %d", c.name, len(x.Embed), len(x.Density), len(x.Density[0]))
		}
		if d := x.Density[0][0][100]; math.Abs(d-math.Exp(-1.1*(2.5-2.6))) > 1e-15 {
			t.Errorf("%s: density at 2.5 Å %v", c.name, d)
		}
	}
}

func TestJoin(t *testing.T) {
	x, err := Join(open(t, "a.eam"), open(t, "b.eam"))
	if err != nil {
		t.Fatal(err)
	}
	// The wider of the two grids, without its last point.
	if math.Abs(x.DR-0.026) > 1e-15 || x.NR != 239 || x.Cutoff != 5.8 || len(x.Elements) != 2 {
		t.Errorf("%d × %v, cutoff %g, %d elements", x.NR, x.DR, x.Cutoff, len(x.Elements))
	}
	// r·φ = 27.2·0.529·Z_a·Z_b, interpolated for the first: error of the cubic.
	r := 100 * x.DR
	want := 27.2 * 0.529 * 3 * 4 * math.Exp(-(0.55+0.6)*r)
	if got := x.Pair[1][0][100]; math.Abs(got/want-1) > 1e-8 {
		t.Errorf("r·φ at %g Å is %v, want %v", r, got, want)
	}
	for _, files := range [][]*Table{nil, {open(t, "a.eam"), open(t, "a.eam")}, {open(t, "ab.eam.alloy")}} {
		if _, err := Join(files...); err == nil {
			t.Errorf("%d files: no error", len(files))
		}
	}
}

func TestBad(t *testing.T) {
	good, err := os.ReadFile(filepath.Join(dir, "ab.eam.alloy"))
	if err != nil {
		t.Fatal(err)
	}
	single, err := os.ReadFile(filepath.Join(dir, "a.eam"))
	if err != nil {
		t.Fatal(err)
	}
	change := func(old, new string) string {
		if !strings.Contains(string(good), old) {
			t.Fatalf("%q is not in the file", old)
		}
		return strings.Replace(string(good), old, new, 1)
	}
	for name, c := range map[string]struct{ text, want string }{
		"empty":        {"", "neither setfl"},
		"count":        {change("2 Al Cu", "3 Al Cu"), ":4:"},
		"symbol":       {change("2 Al Cu", "2 Al Xx"), `"Xx" is not the symbol`},
		"twice":        {change("2 Al Cu", "2 Al Al"), "twice"},
		"grid":         {change("240 0.15", "240"), ":5:"},
		"eam/he":       {change("5.8\n", "5.8 1.0\n"), "eam/he"},
		"cutoff":       {change("5.8\n", "6.8\n"), "beyond the table"},
		"step":         {change("240 0.15", "240 -0.15"), "positive"},
		"points":       {change("240 0.15", "2 0.15"), "number of points"},
		"header":       {change("13 26.98", "aluminium 26.98"), "atomic number"},
		"mass":         {change("13 26.98", "13 0"), "mass"},
		"value":        {change("0.0000000000000000e+00", "zero"), `"zero" is not a number`},
		"nan":          {change("0.0000000000000000e+00", "nan"), "NaN"},
		"short":        {string(good[:len(good)-300]), "the file ends"},
		"long":         {string(good) + "1.0\n", "behind the last table"},
		"funcfl short": {string(single[:len(single)-300]), "the file ends"},
		"funcfl long":  {string(single) + "1.0\n", "behind the last table"},
	} {
		_, err := Read(strings.NewReader(c.text), "x.eam")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "x.eam:") {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// Numbers as Fortran writes them.
func TestFortran(t *testing.T) {
	good, err := os.ReadFile(filepath.Join(dir, "a.eam"))
	if err != nil {
		t.Fatal(err)
	}
	_, body, _ := strings.Cut(string(good), "\n")
	x, err := Read(strings.NewReader("copper\n"+strings.ReplaceAll(body, "e", "D")), "x")
	if err != nil || x.Charge[10] != open(t, "a.eam").Charge[10] {
		t.Errorf("%v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add("c\nc\nc\n1 Cu\n5 1 5 1 4\n29 63.5 3.6 fcc\n0 1 2 3 4\n0 1 2 3 4\n0 1 2 3 4\n")
	f.Add("c\nc\nc\n2 Cu Ni\n5 1 5 1 4\n29 63.5 3.6 fcc\n0 1 2 3 4\n0 1 2 3 4\n0 1 2 3 4\n28 58 3 fcc\n0 1 2 3 4\n0 1 2 3 4\n0 1 2 3 4\n0 1 2 3 4\n0 1 2 3 4\n0 1 2 3 4\n")
	f.Add("c\n29 63.5 3.6 fcc\n5 1 5 1 4\n0 1 2 3 4\n0 1 2 3 4\n0 1 2 3 4\n")
	f.Add("c\n29 63.5\n4194304 1 4194304 1 4\n")
	f.Fuzz(func(t *testing.T, text string) {
		x, err := Read(strings.NewReader(text), "x")
		if err != nil {
			if !strings.HasPrefix(err.Error(), "x:") {
				t.Errorf("error without a place: %v", err)
			}
			return
		}
		if len(x.Embed) != len(x.Elements) || len(x.Density) != len(x.Elements) {
			t.Errorf("%d elements, %d embedding energies", len(x.Elements), len(x.Embed))
		}
	})
}
