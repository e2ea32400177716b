package nequip_test

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
	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// Reference energies, forces and stress: torch, e3nn and sevenn 0.10.4 in
// double precision (testdata/reference/README.md, printed to 11 decimals; testdata/README.md here).
var references = []struct{ model, file string }{
	{"sevennet-0", "../../testdata/reference/sevennet-0.extxyz"},
	{"sevennet-l3i5", "../../testdata/reference/sevennet-l3i5.extxyz"},
	{"sevennet-0-22may2024", "testdata/sevennet-0-22may2024.extxyz"},
}

// bars are the largest deviations allowed: energy (eV/atom), atomic energy (eV;
// 0: not asked), force (eV/Å), stress (eV/Å³).
type bars struct{ energy, atomic, force, stress float64 }

var (
	bars64 = bars{1e-9, 1e-8, 1e-7, 1e-8}
	bars32 = bars{4e-6, 0, 5e-5, 1e-6}
)

// open reads a published model, or skips the test where `make models` was not run.
func open(t testing.TB, name string) *nequip.Model {
	t.Helper()
	dir := os.Getenv("WIGNER_MODELS")
	if dir == "" {
		dir = filepath.Join("..", "..", "models")
	}
	return openFile(t, filepath.Join(dir, name+".pth"))
}

// openFile reads a checkpoint, of a multi-fidelity one the first modality.
func openFile(t testing.TB, path string) *nequip.Model {
	t.Helper()
	return openModal(t, path, modals(t, path)[0])
}

// modals are the modalities of a checkpoint, or one empty name.
func modals(t testing.TB, path string) []string {
	t.Helper()
	ck, err := torch.Open(path)
	if err != nil {
		return []string{""}
	}
	defer ck.Close()
	if names := nequip.Modals(ck.Config); len(names) > 0 {
		return names
	}
	return []string{""}
}

func openModal(t testing.TB, path, modal string) *nequip.Model {
	t.Helper()
	if _, err := os.Stat(path); err != nil {
		if os.Getenv("WIGNER_REQUIRE_MODELS") != "" {
			t.Fatal(err)
		}
		t.Skipf("%v (make models)", err)
	}
	ck, err := torch.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	m, err := nequip.ReadModal(ck.Config, ck.Weights(), modal)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// reference is one frame with its answers.
type reference struct {
	name     string
	sys      potentialtest.System
	energy   float64
	energies []float64
	forces   [][3]float64
	stress   []float64 // 9, nil without a cell
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

// largest is the largest component.
func largest(f [][3]float64) float64 {
	m := 0.0
	for _, v := range f {
		for _, x := range v {
			m = worse(m, math.Abs(x))
		}
	}
	return m
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

// precisions are the ways to evaluate a model, each with its bars.
func precisions(m *nequip.Model) []precision {
	return []precision{
		{"float64", func() potential.Potential { return nequip.New64(m) }, bars64},
		{"float32", func() potential.Potential { return nequip.New32(m) }, bars32},
		{"float32 exact", func() potential.Potential { return nequip.New32Exact(m) }, bars32},
	}
}

type precision struct {
	name string
	mk   func() potential.Potential
	bars bars
}

// compare evaluates frames on one rank and compares them with their
// references; to the bars of force and stress it adds rel of the largest
// component in the frame.
func compare(t *testing.T, frames []reference, p precision, rel float64) {
	t.Helper()
	var worst bars
	n := 0
	for k := range frames {
		r := &frames[k]
		if testing.Short() && len(r.sys.X) > 12 {
			continue
		}
		o, err := potentialtest.Evaluate(r.sys, potentialtest.Setup{}, p.mk)
		if err != nil {
			t.Fatalf("%s: %v", r.name, err)
		}
		d := r.deviation(o)
		limit := p.bars
		limit.force += rel * largest(r.forces)
		for _, x := range r.stress {
			limit.stress = max(limit.stress, p.bars.stress+rel*math.Abs(x))
		}
		if d.exceeds(limit) {
			t.Errorf("%s: %v; wanted %v", r.name, d, limit)
		}
		worst.collect(d)
		n++
	}
	t.Logf("worst of %d frames: %v", n, worst)
}

func TestReference(t *testing.T) {
	for _, ref := range references {
		t.Run(ref.model, func(t *testing.T) {
			m := open(t, ref.model)
			frames := readReferences(t, ref.file)
			for _, p := range precisions(m) {
				if testing.Short() && p.name == "float32 exact" {
					continue
				}
				t.Run(p.name, func(t *testing.T) { compare(t, frames, p, 0) })
			}
		})
	}
}

// tiny lists the small checkpoints with random weights, made by SevenNet itself,
// of every variant that is supported.
func tiny(t testing.TB) []string {
	t.Helper()
	var files []string
	for _, dir := range []string{filepath.Join("..", "..", "testdata", "sevennet-tiny"), "testdata"} {
		more, err := filepath.Glob(filepath.Join(dir, "*.pth"))
		if err != nil || len(more) == 0 {
			t.Fatalf("no small checkpoints in %s (%v)", dir, err)
		}
		files = append(files, more...)
	}
	return files
}

// The stresses of the small models reach 2 eV/Å³ and their radial functions are
// rough, so single precision is judged relative to the frame's largest force
// and stress too.
func TestTinyCheckpoints(t *testing.T) {
	for _, path := range tiny(t) {
		for _, modal := range modals(t, path) {
			name := strings.TrimSuffix(filepath.Base(path), ".pth")
			answers := strings.TrimSuffix(path, ".pth") + ".extxyz"
			if modal != "" {
				name, answers = name+"."+modal, strings.TrimSuffix(path, ".pth")+"."+modal+".extxyz"
			}
			t.Run(name, func(t *testing.T) {
				m := openModal(t, path, modal)
				frames := readReferences(t, answers)
				for _, p := range precisions(m) {
					rel := 0.0
					if p.bars == bars32 {
						rel = 1e-5
					}
					t.Run(p.name, func(t *testing.T) { compare(t, frames, p, rel) })
				}
			})
		}
	}
}

// Checkpoints of version 0.11 and later, one modality of each, on several ranks.
func TestNewOnRanks(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "new-*.pth"))
	if err != nil || len(files) < 8 {
		t.Fatalf("%d checkpoints (%v)", len(files), err)
	}
	for _, path := range files {
		names := modals(t, path)
		modal := names[len(names)-1]
		m := openModal(t, path, modal)
		answers := strings.TrimSuffix(path, ".pth")
		if modal != "" {
			answers += "." + modal
		}
		for _, r := range readReferences(t, answers+".extxyz") {
			d := ranks64(t, m, &r)
			t.Logf("%s %s: %v", filepath.Base(path), r.name, d)
		}
	}
}
