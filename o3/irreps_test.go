package o3

import (
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestIrrepsStringBothWays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(0, 6).Draw(t, "terms")
		want := Irreps{}
		for range n {
			want = append(want, MulIrrep{rapid.IntRange(0, 300).Draw(t, "mul"),
				Irrep{rapid.IntRange(0, 12).Draw(t, "l"), 1 - 2*rapid.IntRange(0, 1).Draw(t, "p")}})
		}
		got, err := ParseIrreps(want.String())
		if err != nil {
			t.Fatal(err)
		}
		if got.String() != want.String() || got.Dim() != want.Dim() || len(got) != len(want) {
			t.Fatalf("%v became %v", want, got)
		}
	})
}

func TestParseIrrepsErrors(t *testing.T) {
	for in, part := range map[string]string{
		"64x1":         "parity",
		"64x":          "no irrep",
		"x1o":          "multiplicity",
		"-1x1o":        "multiplicity",
		"+":            "no irrep",
		"1o++2e":       "no irrep",
		"2xe":          "order",
		"2x-1e":        "order",
		"2x99999999e":  "order",
		"9999999999x0": "multiplicity",
		"1O":           "parity",
		"1 x0e":        "multiplicity",
	} {
		if got, err := ParseIrreps(in); err == nil {
			t.Errorf("%q read as %v", in, got)
		} else if !strings.Contains(err.Error(), part) || !strings.Contains(err.Error(), "o3: ") {
			t.Errorf("%q: error %q does not mention %q", in, err, part)
		}
	}
}

func FuzzParseIrreps(f *testing.F) {
	for _, s := range []string{"", "128x0e+64x1e+32x2e", " 1o + 2x3e ", "x", "0x0e", "1048577x0e", "1e1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := ParseIrreps(s)
		if err != nil {
			return
		}
		b, err := ParseIrreps(a.String())
		if err != nil || a.String() != b.String() {
			t.Fatalf("%q → %q → %v, %v", s, a, b, err)
		}
	})
}

func TestSortSimplifyCount(t *testing.T) {
	s, err := ParseIrreps("2x1e+3x0e+0x5e+4x1o+1x1e+2x1e")
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Sort().Simplify().String(); got != "3x0e+4x1o+5x1e" {
		t.Errorf("sorted and simplified: %s", got)
	}
	if n := s.Count(Irrep{1, 1}); n != 5 {
		t.Errorf("1e occurs %d times, want 5", n)
	}
	if s.LMax() != 5 || s.Channels() != 12 || s.Dim() != 3*9+3 {
		t.Errorf("lmax %d, channels %d, dim %d", s.LMax(), s.Channels(), s.Dim())
	}
	if got := SphericalIrreps(3, true).String(); got != "1x0e+1x1o+1x2e+1x3o" {
		t.Errorf("harmonics are %s", got)
	}
}

func ExampleIrreps() {
	x, _ := ParseIrreps("128x0e+64x1e+32x2e")
	fmt.Println(x, "has", x.Dim(), "components in", x.Channels(), "channels")

	// The messages of a layer of SevenNet-0: 15 paths, sorted by their output.
	paths, out := Paths(x, SphericalIrreps(2, false), func(r Irrep) bool { return r.L <= 2 })
	fmt.Println(len(paths), "paths give", out)
	// Output:
	// 128x0e+64x1e+32x2e has 480 components in 224 channels
	// 15 paths give 224x0e+384x1e+352x2e
}
