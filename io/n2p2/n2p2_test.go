package n2p2

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// fill gives a potential that settings describe scaling data and random weights.
func fill(s *settings, seed uint64) *Potential {
	rng := rand.New(rand.NewPCG(seed, 2))
	for k := range s.Elements {
		e := &s.Elements[k]
		for n := range e.Functions {
			f := &e.Functions[n]
			f.Min, f.Max = 0.1*rng.Float64(), 1+3*rng.Float64()
			f.Mean, f.Sigma = 0.5+rng.Float64(), 0.1+rng.Float64()
		}
		widths := append(append([]int{len(e.Functions)}, s.nodes...), 1)
		for n, a := range s.activations {
			l := Layer{In: widths[n], Out: widths[n+1], Activation: a[0]}
			for range l.In * l.Out {
				l.W = append(l.W, rng.NormFloat64())
			}
			for range l.Out {
				l.B = append(l.B, rng.NormFloat64())
			}
			e.Layers = append(e.Layers, l)
		}
	}
	return &s.Potential
}

const small = `number_of_elements 2 # two
elements O Si
atom_energy Si -0.5
mean_energy -1.5
conv_energy 20
conv_length 4
cutoff_type 6 0.25
scale_symmetry_functions
center_symmetry_functions
scale_min_short -1
global_hidden_layers_short 2
global_nodes_short 3 2
global_activation_short t p l
epochs 10 ! of training
symfunction_short Si 3 Si O 0.02 1 4 11 0.5
symfunction_short Si 3 O Si 0.01 -1 16 11
symfunction_short Si 9 O O 0.02 1 4 11
symfunction_short Si 2 O 0.2 1 12
symfunction_short O 22 Si Si -9 9 -90 90 p2a
symfunction_short O 20 Si 0 10 e
symfunction_short O 21 O Si 0 10 20 100 p3
`

// A potential is written and read again, and is the same.
func TestRoundTrip(t *testing.T) {
	s, err := parseSettings("input.nn", small)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Elements[1].Functions[1]; got.Type != 3 || got.Eta != 0.01 || got.Z1 != 8 || got.Z2 != 14 || got.Lambda != -1 || got.Zeta != 16 {
		t.Errorf("second function of Si: %+v", got)
	}
	p := fill(s, 1)
	dir := filepath.Join(t.TempDir(), "p")
	if err := Write(dir, p, "a test"); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, filepath.Join(dir, SettingsName)} {
		got, files, err := Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, p) {
			t.Errorf("%s: read back is\n%+v\nwritten was\n%+v", path, got, p)
		}
		if len(files) != 4 || !Is(path) {
			t.Errorf("%s: files %v, is %v", path, files, Is(path))
		}
	}
	if Is(t.TempDir()) || Is(filepath.Join(dir, ScalingName)) {
		t.Error("Is: a folder without input.nn, or another file")
	}
}

// The order of functions is n2p2's, whatever the lines': by type, cutoff, η, r_s, ζ, λ,
// neighbours; compact ones by kind and neighbours first. The zeta of 16 stands behind 4,
// though it comes before as text.
func TestOrder(t *testing.T) {
	head := strings.Split(small, "symfunction_short")[0]
	s, err := parseSettings("input.nn", head+`symfunction_short Si 3 Si Si 0.01 1 16 11
symfunction_short Si 3 Si Si 0.01 1 4 11
symfunction_short Si 3 Si Si 0.01 -1 16 11
symfunction_short Si 3 Si Si 0.01 1 1 12
symfunction_short Si 3 O O 0.01 1 4 11
symfunction_short Si 2 Si 5 0 11
symfunction_short Si 2 Si 1 2 11
symfunction_short Si 2 O 1 2 11
symfunction_short O 22 Si Si 0 9 0 90 p2a
symfunction_short O 22 O Si 0 9 0 90 p2a
symfunction_short O 22 Si Si 0 9 0 90 p2
symfunction_short O 22 O Si 0 8 0 90 p2a
`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range s.Elements[1].Functions {
		got = append(got, fmt.Sprint(f.Type, f.Cutoff, f.Eta, f.Shift, f.Zeta, f.Lambda, f.Z1))
	}
	for _, f := range s.Elements[0].Functions {
		got = append(got, fmt.Sprintf("%d %s %d %g", f.Type, f.Core, f.Z1, f.Cutoff))
	}
	want := []string{"2 11 1 2 0 0 8", "2 11 1 2 0 0 14", "2 11 5 0 0 0 14",
		"3 11 0.01 0 4 1 8", "3 11 0.01 0 4 1 14", "3 11 0.01 0 16 -1 14", "3 11 0.01 0 16 1 14", "3 12 0.01 0 1 1 14",
		"22 p2 14 9", "22 p2a 8 8", "22 p2a 8 9", "22 p2a 14 9"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("order\n%q, want\n%q", got, want)
	}
}

// What is wrong is said with file and line.
func TestRefusals(t *testing.T) {
	for _, x := range []struct{ from, to, want string }{
		{"epochs 10", "element_nodes_short Si 1 4", `input.nn:14: keyword "element_nodes_short" is not supported`},
		{"epochs 10", "elements Si", "input.nn:14: elements stands there twice, first on line 2"},
		{"cutoff_type 6 0.25", "cutoff_type 0", "input.nn:7: cutoff_type 0, the hard cutoff, is not supported"},
		{"cutoff_type 6 0.25", "cutoff_type 9", `input.nn:7: "9" is not a whole number from 1 to 8`},
		{"cutoff_type 6 0.25", "cutoff_type 1 1", "input.nn:7: the inner cutoff is 1"},
		{"cutoff_type 6 0.25", "", "no cutoff_type"},
		{"Si 2 O 0.2 1 12", "Si 12 O 0.2 1 12", `input.nn:18: symmetry function of type "12" is not supported`},
		{"Si 2 O 0.2 1 12", "Si 2 N 0.2 1 12", "input.nn:18: N is not one of the elements"},
		{"Si 2 O 0.2 1 12", "Si 2 O 0.2 1", "input.nn:18: symfunction_short: 6 words, at least 7 are needed"},
		{"Si 2 O 0.2 1 12", "Si 2 O 0.2 1 12 4", `input.nn:18: symfunction_short: "4" is not understood`},
		{"Si 2 O 0.2 1 12", "Si 2 O 0.2 1 nan", `input.nn:18: "nan" is not a number`},
		{"Si 2 O 0.2 1 12", "Si 3 O Si 0.01 -1 16 11", "two functions of Si, of type 3, are the same"},
		{"-90 90 p2a", "-90 80 p2a", "input.nn:19: angles from -90 to 80"},
		{"-90 90 p2a", "-90 90 q", `input.nn:19: compact function "q"`},
		{"conv_length 4", "", "mean_energy, conv_energy and conv_length belong together"},
		{"number_of_elements 2", "number_of_elements 3", "number_of_elements is 3"},
		{"global_nodes_short 3 2", "global_nodes_short 3", "input.nn:12: 1 numbers of nodes for 2 hidden layers"},
		{"t p l", "t q l", `input.nn:13: activation "q" is not known`},
		{"epochs 10", "nnp_type 4G-HDNNP", `input.nn:14: nnp_type "4G-HDNNP" is not supported`},
		{"epochs 10", "scale_symmetry_functions_sigma", "excludes the other scalings"},
	} {
		text := strings.Replace(small, x.from, x.to, 1)
		if _, err := parseSettings("input.nn", text); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, want %q", x.to, err, x.want)
		}
	}
	s, err := parseSettings("input.nn", small)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "p")
	if err := Write(dir, fill(s, 2), "x"); err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct{ file, from, to, want string }{
		{ScalingName, "         2          3", "         2          4", "scaling.data:7: element 2, function 4: expected are 2 and 3"},
		{ScalingName, "         2          4", "# ", "it ends before function 4 of Si"},
		{"weights.014.data", " b    ", " a    ", `"a" where a number of the kind "b" is expected`},
		{"weights.014.data", "E", "Q", `weights.014.data:2: `},
		{"weights.008.data", "\n", "\n1\n", "weights.008.data: 24 numbers; the network [3 3 2 1] of O has 23"},
	} {
		path := filepath.Join(dir, x.file)
		was, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(strings.Replace(string(was), x.from, x.to, 1)), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, _, err := Read(dir); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%s: %v, want %q", x.file, err, x.want)
		}
		if err := os.WriteFile(path, was, 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// No text makes the readers panic or hang, and what is read can be written.
func FuzzRead(f *testing.F) {
	s, err := parseSettings("input.nn", small)
	if err != nil {
		f.Fatal(err)
	}
	p := fill(s, 3)
	f.Add(small, string(p.scalingData()), string(p.Elements[0].weights()))
	f.Add("elements H\ncutoff_type 1\nglobal_hidden_layers_short 1\nglobal_nodes_short 1\nglobal_activation_short t l\nsymfunction H 2 H 0 0 5\n", "1 1 0 1 0.5\n-1 2\n", "1\n2\n3\n4\n")
	f.Add("elements H\ncutoff_type 1\nscale_symmetry_functions", "", "")
	f.Fuzz(func(t *testing.T, input, scaling, weights string) {
		s, err := parseSettings("input.nn", input)
		if err != nil {
			return
		}
		if s.parseScaling("scaling.data", scaling) != nil || s.parseWeights("weights.data", weights, &s.Elements[0]) != nil {
			return
		}
		again, err := parseSettings("input.nn", string(fill(s, 1).settings("again")))
		if err != nil || len(again.Elements) != len(s.Elements) {
			t.Fatalf("what was written is not read: %v", err)
		}
	})
}

// A folder is written whole or not at all, and nothing is left beside it.
func TestWriteWhole(t *testing.T) {
	s, err := parseSettings("input.nn", small)
	if err != nil {
		t.Fatal(err)
	}
	p := fill(s, 1)
	root := t.TempDir()
	dir := filepath.Join(root, "p")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "weights.014.data"), []byte("mine"), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := Write(dir, p, "x"); err == nil {
		t.Error("a folder that exists is written into")
	}
	if left, _ := os.ReadDir(root); len(left) != 1 {
		t.Errorf("beside the folder: %v", left)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("in a folder that was refused: %v", left)
	}
}
