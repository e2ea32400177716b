package soap

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"
)

// golden is testdata/golden.json, made by tools/golden/soap.py.
type golden struct {
	Cases []struct {
		Program   string
		Elements  []int
		Positions [][3]float64
		Settings  Settings
		Values    [][]float64 // of the first atoms
	}
}

// DScribe's numbers are ours; the bound is relative to the largest. Those of featomic have
// Gaussians of another norm, (πσ²)^{−3/4}, no π√8, the sign (−1)^l, and √2 where the
// elements of a pair differ.
func TestGolden(t *testing.T) {
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var all golden
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for _, c := range all.Cases {
		c.Settings.Elements = []int{8, 14}
		d, err := NewDescriptor(c.Settings)
		if err != nil {
			t.Fatal(err)
		}
		scale, worst := 0.0, 0.0
		for i, want := range c.Values {
			var near []Edge
			for j, x := range c.Positions {
				if j == i {
					continue
				}
				for k := range x {
					x[k] -= c.Positions[i][k]
				}
				near = append(near, Edge{int(d.species[c.Elements[j]]), x})
			}
			got := make([]float64, d.Features())
			d.Spectrum(int(d.species[c.Elements[i]]), near, got)
			if len(got) != len(want) {
				t.Fatalf("%s: %d numbers of %d", c.Program, len(want), len(got))
			}
			if strings.HasPrefix(c.Program, "featomic") {
				at, size := 0, 2*d.N
				for a := range size {
					for b := a; b < size; b++ {
						f := math.Pi * math.Sqrt(8) * math.Pow(math.Pi*d.Sigma*d.Sigma, 1.5)
						if a/d.N != b/d.N {
							f /= math.Sqrt2
						}
						for range d.L + 1 {
							want[at] *= f
							f = -f
							at++
						}
					}
				}
			}
			for k, v := range want {
				scale, worst = max(scale, math.Abs(v)), max(worst, math.Abs(v-got[k]))
			}
		}
		t.Logf("%s, %s: off by %.1e of %.3g", c.Program, d.Basis, worst, scale)
		if !(worst < 1e-8*scale) {
			t.Errorf("%s, %+v: off by %g of %g", c.Program, c.Settings, worst, scale)
		}
	}
}
