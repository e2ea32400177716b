package mace_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/io/torch"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/mace"
	"github.com/wigner-md/wigner/potential/mpnn"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// Reference energies, forces and stress: mace-torch 0.3.16 in double precision
// (README.md beside each model), of small models with random weights.
var references = []struct{ model, head, file string }{
	{"tiny-c2", "", "structures"},
	{"tiny-c3-f32", "", "structures"},
	{"tiny-density", "pt_head", "structures-pt_head"},
	{"tiny-density", "extra", "structures-extra"},
	{"small-f32", "", "structures"},
}

const folder = "../../testdata/mace"

var (
	bars64 = potentialtest.Bars{Energy: 1e-9, Atomic: 1e-8, Force: 1e-7, Stress: 1e-8}
	bars32 = potentialtest.Bars{Energy: 4e-6, Force: 1e-4, Stress: 1e-5}
	// Without tables the radial network's own rounding is added: 4.1e-6 is met.
	barsExact = potentialtest.Bars{Energy: 6e-6, Force: 1e-4, Stress: 1e-5}
)

func open(t testing.TB, path, head string) *mace.Model {
	t.Helper()
	f, err := torch.OpenModule(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := mace.Read(f.Config, f.Weights(), head)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func openReference(t testing.TB, model, head string) *mace.Model {
	t.Helper()
	return open(t, filepath.Join(folder, model, model+".model"), head)
}

// precisions are the ways to evaluate a model, each with its bars.
func precisions(m *mace.Model) []potentialtest.Precision {
	return []potentialtest.Precision{
		{Name: "float64", Make: func() potential.Potential { return mace.New64(m) }, Bars: bars64},
		{Name: "float32", Make: func() potential.Potential { return mace.New32(m) }, Bars: bars32},
		{Name: "float32 exact", Make: func() potential.Potential { return mace.New32Exact(m) }, Bars: barsExact},
	}
}

func TestReference(t *testing.T) {
	for _, ref := range references {
		t.Run(ref.model+ref.head, func(t *testing.T) {
			m := openReference(t, ref.model, ref.head)
			frames := potentialtest.ReadReferences(t, filepath.Join(folder, ref.model, ref.file+".extxyz"))
			for _, p := range precisions(m) {
				t.Run(p.Name, func(t *testing.T) { p.Compare(t, frames, 1) })
			}
		})
	}
}

// The same on any number of ranks; large frames on all of them with WIGNER_LONG=1.
func TestRanks(t *testing.T) {
	for _, ref := range references {
		t.Run(ref.model+ref.head, func(t *testing.T) {
			m := openReference(t, ref.model, ref.head)
			var frames []potentialtest.Reference
			for _, r := range potentialtest.ReadReferences(t, filepath.Join(folder, ref.model, ref.file+".extxyz")) {
				if len(r.System.X) <= 12 && ref.model != "small-f32" || len(r.System.X) <= 3 || os.Getenv("WIGNER_LONG") != "" {
					frames = append(frames, r)
				}
			}
			for _, p := range precisions(m)[:2] {
				t.Run(p.Name, func(t *testing.T) {
					for _, n := range []int{2, 3, 4, 6, 8, 12, 27} {
						p.Compare(t, frames, n)
					}
				})
			}
		})
	}
}

// The suite that every potential must pass; all models with WIGNER_LONG=1.
func TestSuite(t *testing.T) {
	models := map[string]*mace.Model{
		"three-layers": open(t, "testdata/three-layers.model", ""), "non-linear": open(t, "testdata/non-linear.model", "b"),
	}
	for _, ref := range references[:4] {
		models[ref.model+ref.head] = openReference(t, ref.model, ref.head)
	}
	for name, m := range models {
		if os.Getenv("WIGNER_LONG") == "" && name != "non-linear" && name != "tiny-densityextra" && name != "tiny-c2" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Run("float64", func(t *testing.T) {
				potentialtest.Run(t, func() potential.Potential { return mace.New64(m) },
					potentialtest.Options{Elements: m.Elements()})
			})
			t.Run("float32", func(t *testing.T) {
				potentialtest.Run(t, func() potential.Potential { return mace.New32(m) },
					potentialtest.Options{Elements: m.Elements(), Precision: 32})
			})
		})
	}
}

// variants are small models of what the references do not have, by tools/golden/mace_small.py.
func variants(t *testing.T) (out []struct{ path, head, frames string }) {
	t.Helper()
	files, err := filepath.Glob("testdata/*.extxyz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no models in testdata (%v)", err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(f, ".extxyz")
		v := struct{ path, head, frames string }{name + ".model", "", f}
		if _, err := os.Stat(v.path); err != nil { // one of several heads
			k := strings.LastIndexByte(name, '-')
			v.path, v.head = name[:k]+".model", name[k+1:]
		}
		out = append(out, v)
	}
	return out
}

func TestVariants(t *testing.T) {
	for _, v := range variants(t) {
		t.Run(filepath.Base(v.frames), func(t *testing.T) {
			m := open(t, v.path, v.head)
			frames := potentialtest.ReadReferences(t, v.frames)
			for _, p := range precisions(m) {
				t.Run(p.Name, func(t *testing.T) {
					for _, n := range []int{1, 4} {
						p.Compare(t, frames, n)
					}
				})
			}
		})
	}
}

// With less memory the results are the same bits: layers are run again by the same
// operations.
func TestMemory(t *testing.T) {
	for _, name := range []string{"three-layers", "non-linear", "unshifted", "later-plain", "one-layer"} {
		head := map[string]string{"non-linear": "a"}[name]
		m := open(t, "testdata/"+name+".model", head)
		file := "testdata/" + name
		if head != "" {
			file += "-" + head
		}
		for _, r := range potentialtest.ReadReferences(t, file+".extxyz") {
			potentialtest.SameInEachMode(t, r.System, potentialtest.Setup{Ranks: 3}, func(mode mpnn.Memory) *mpnn.Network[float32] {
				if mode == mpnn.Normal {
					return mace.New32(m)
				}
				return mace.Lean32(m)
			})
		}
	}
}
