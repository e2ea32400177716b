package mace_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/io/extxyz"
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

// bars are the largest deviations allowed: energy (eV/atom), atomic energy (eV;
// 0: not asked), force (eV/Å), stress (eV/Å³).
type bars struct{ energy, atomic, force, stress float64 }

var (
	bars64 = bars{1e-9, 1e-8, 1e-7, 1e-8}
	bars32 = bars{4e-6, 0, 1e-4, 1e-5}
	// Without tables the radial network's own rounding is added: 4.1e-6 is met.
	barsExact = bars{6e-6, 0, 1e-4, 1e-5}
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

// reference is one frame with its answers.
type reference struct {
	name     string
	sys      potentialtest.System
	energy   float64
	energies []float64
	forces   [][3]float64
	stress   []float64 // 9, nil without
	volume   float64
}

func readReferences(t testing.TB, file string) []reference {
	t.Helper()
	frames, err := extxyz.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]reference, len(frames))
	for k, f := range frames {
		r := &out[k]
		if name, ok := f.Get("name"); ok {
			r.name = name.Value
		}
		r.sys = potentialtest.System{Cell: f.Cell, Periodic: f.PBC, X: f.X}
		for _, z := range f.Z {
			r.sys.Z = append(r.sys.Z, int(z))
		}
		e, ok := f.Get("REF_energy")
		v, err := e.Reals()
		if !ok || err != nil || len(v) != 1 {
			t.Fatalf("%s, line %d: no REF_energy", file, f.Line)
		}
		r.energy = v[0]
		if s, ok := f.Get("REF_stress"); ok {
			if r.stress, err = s.Reals(); err != nil || len(r.stress) != 9 {
				t.Fatalf("%s, line %d: REF_stress: %v", file, f.Line, err)
			}
			a := f.Cell
			r.volume = math.Abs(a[0][0]*(a[1][1]*a[2][2]-a[1][2]*a[2][1]) -
				a[0][1]*(a[1][0]*a[2][2]-a[1][2]*a[2][0]) + a[0][2]*(a[1][0]*a[2][1]-a[1][1]*a[2][0]))
		}
		c, d := f.Column("REF_energies"), f.Column("REF_forces")
		if c == nil || d == nil {
			t.Fatalf("%s, line %d: no REF_energies or REF_forces", file, f.Line)
		}
		r.energies, r.forces = c.Real, d.Vectors()
	}
	return out
}

// deviation of an outcome from a reference, in the measures of bars.
func (r *reference) deviation(o *potentialtest.Outcome) (d bars) {
	d.energy = math.Abs(o.Energy-r.energy) / float64(len(r.sys.X))
	for i, e := range r.energies {
		d.atomic = worse(d.atomic, math.Abs(o.Energies[i]-e))
		for k := range 3 {
			d.force = worse(d.force, math.Abs(o.Forces[i][k]-r.forces[i][k]))
		}
	}
	for k, s := range r.stress {
		d.stress = worse(d.stress, math.Abs(-o.Virial[k/3][k%3]/r.volume-s))
	}
	return d
}

// worse is the larger one; NaN is worst.
func worse(a, b float64) float64 {
	if !(b <= a) {
		return b
	}
	return a
}

func (d *bars) collect(e bars) {
	d.energy, d.atomic = worse(d.energy, e.energy), worse(d.atomic, e.atomic)
	d.force, d.stress = worse(d.force, e.force), worse(d.stress, e.stress)
}

func (d bars) exceeds(b bars) bool {
	return !(d.energy <= b.energy) || b.atomic > 0 && !(d.atomic <= b.atomic) || !(d.force <= b.force) || !(d.stress <= b.stress)
}

func (d bars) String() string {
	return fmt.Sprintf("%.1e eV/atom, atomic %.1e eV, %.1e eV/Å, %.1e eV/Å³", d.energy, d.atomic, d.force, d.stress)
}

// precision is a way to evaluate a model, with its bars.
type precision struct {
	name string
	mk   func() potential.Potential
	bars bars
}

func precisions(m *mace.Model) []precision {
	return []precision{
		{"float64", func() potential.Potential { return mace.New64(m) }, bars64},
		{"float32", func() potential.Potential { return mace.New32(m) }, bars32},
		{"float32 exact", func() potential.Potential { return mace.New32Exact(m) }, barsExact},
	}
}

// compare evaluates frames on so many ranks and compares them with their references.
func compare(t *testing.T, frames []reference, p precision, ranks int) {
	t.Helper()
	var worst bars
	for k := range frames {
		r := &frames[k]
		if testing.Short() && len(r.sys.X) > 12 {
			continue
		}
		o, err := potentialtest.Evaluate(r.sys, potentialtest.Setup{Ranks: ranks}, p.mk)
		if err != nil {
			t.Fatalf("%s: %v", r.name, err)
		}
		d := r.deviation(o)
		if d.exceeds(p.bars) {
			t.Errorf("%s on %d ranks: %v; wanted %v", r.name, ranks, d, p.bars)
		}
		worst.collect(d)
	}
	t.Logf("%d ranks, worst of %d frames: %v", ranks, len(frames), worst)
}

func TestReference(t *testing.T) {
	for _, ref := range references {
		t.Run(ref.model+ref.head, func(t *testing.T) {
			m := openReference(t, ref.model, ref.head)
			frames := readReferences(t, filepath.Join(folder, ref.model, ref.file+".extxyz"))
			for _, p := range precisions(m) {
				t.Run(p.name, func(t *testing.T) { compare(t, frames, p, 1) })
			}
		})
	}
}

// The same on any number of ranks; large frames on all of them with WIGNER_LONG=1.
func TestRanks(t *testing.T) {
	for _, ref := range references {
		t.Run(ref.model+ref.head, func(t *testing.T) {
			m := openReference(t, ref.model, ref.head)
			var frames []reference
			for _, r := range readReferences(t, filepath.Join(folder, ref.model, ref.file+".extxyz")) {
				if len(r.sys.X) <= 12 && ref.model != "small-f32" || len(r.sys.X) <= 3 || os.Getenv("WIGNER_LONG") != "" {
					frames = append(frames, r)
				}
			}
			for _, p := range precisions(m)[:2] {
				t.Run(p.name, func(t *testing.T) {
					for _, n := range []int{2, 3, 4, 6, 8, 12, 27} {
						compare(t, frames, p, n)
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
			frames := readReferences(t, v.frames)
			for _, p := range precisions(m) {
				t.Run(p.name, func(t *testing.T) {
					for _, n := range []int{1, 4} {
						compare(t, frames, p, n)
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
		for _, r := range readReferences(t, file+".extxyz") {
			var first *potentialtest.Outcome
			for _, mode := range []mpnn.Memory{mpnn.Normal, mpnn.Lean, mpnn.Low} {
				o, err := potentialtest.Evaluate(r.sys, potentialtest.Setup{Ranks: 3}, func() potential.Potential {
					n := mace.New32(m)
					if mode != mpnn.Normal {
						n = mace.Lean32(m)
					}
					n.Memory = mode
					return n
				})
				if err != nil {
					t.Fatal(err)
				}
				if first == nil {
					first = o
				}
				if e, ei, f, w := potentialtest.Deviation(o, first); e != 0 || ei != 0 || f != 0 || w != 0 {
					t.Errorf("%s, frame %s, memory %v: differs by %g eV, %g eV/Å", name, r.name, mode, e, f)
				}
			}
		}
	}
}
