package nequip_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

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

var (
	bars64 = potentialtest.Bars{Energy: 1e-9, Atomic: 1e-8, Force: 1e-7, Stress: 1e-8}
	bars32 = potentialtest.Bars{Energy: 4e-6, Force: 5e-5, Stress: 1e-6}
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

// precisions are the ways to evaluate a model, each with its bars.
func precisions(m *nequip.Model) []potentialtest.Precision {
	return []potentialtest.Precision{
		{Name: "float64", Make: func() potential.Potential { return nequip.New64(m) }, Bars: bars64},
		{Name: "float32", Make: func() potential.Potential { return nequip.New32(m) }, Bars: bars32},
		{Name: "float32 exact", Make: func() potential.Potential { return nequip.New32Exact(m) }, Bars: bars32},
	}
}

func TestReference(t *testing.T) {
	for _, ref := range references {
		t.Run(ref.model, func(t *testing.T) {
			m := open(t, ref.model)
			frames := potentialtest.ReadReferences(t, ref.file)
			for _, p := range precisions(m) {
				if testing.Short() && p.Name == "float32 exact" {
					continue
				}
				t.Run(p.Name, func(t *testing.T) { p.Compare(t, frames, 1) })
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
				frames := potentialtest.ReadReferences(t, answers)
				for _, p := range precisions(m) {
					if p.Bars == bars32 {
						p.Relative = 1e-5
					}
					t.Run(p.Name, func(t *testing.T) { p.Compare(t, frames, 1) })
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
		for _, r := range potentialtest.ReadReferences(t, answers+".extxyz") {
			d := ranks64(t, m, &r)
			t.Logf("%s %s: %v", filepath.Base(path), r.Name, d)
		}
	}
}
