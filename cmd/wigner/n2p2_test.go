package main

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/io/extxyz"
)

// goldenN2P2 are potentials of random weights in n2p2's files and what n2p2 2.3.0 says of a
// structure (tools/golden/n2p2.py): all types of functions, scalings, three cutoff functions.
var goldenN2P2 = filepath.Join(repo, "testdata/golden/n2p2")

// deviation is the largest difference between what was calculated and the labels
// NNP_energy, per atom, and NNP_forces.
func deviation(t *testing.T, frames []*extxyz.Frame) (de, df float64) {
	t.Helper()
	for _, f := range frames {
		number := func(key string) float64 {
			v, ok := f.Get(key)
			x, err := strconv.ParseFloat(v.Value, 64)
			if !ok || err != nil {
				t.Fatalf("%s: %v", key, v)
			}
			return x
		}
		de = worst(de, math.Abs(number("energy")-number("NNP_energy"))/float64(f.N))
		want := f.Column("NNP_forces").Vectors()
		for i, v := range f.Column("forces").Vectors() {
			for k := range v {
				df = worst(df, math.Abs(v[k]-want[i][k]))
			}
		}
	}
	return de, df
}

// n2p2's own numbers, to rounding, on one rank and on three.
func TestN2P2(t *testing.T) {
	for _, name := range []string{"narrow", "wide", "compact"} {
		dir := filepath.Join(goldenN2P2, name)
		for _, ranks := range []string{"1", "3"} {
			out := filepath.Join(t.TempDir(), "out.extxyz")
			mustRun(t, "eval", filepath.Join(dir, "golden.extxyz"), "-m", dir, "-o", out, "--ranks", ranks)
			frames, err := readFrames(out)
			if err != nil {
				t.Fatal(err)
			}
			de, df := deviation(t, frames)
			t.Logf("%s, %s ranks: %.1e eV/atom, %.1e eV/Å", name, ranks, de, df)
			if !(de <= 1e-12) || !(df <= 1e-11) { // units to 11 digits enter once; 16 digits were written
				t.Errorf("%s, %s ranks: %.1e eV/atom, %.1e eV/Å", name, ranks, de, df)
			}
		}
	}
}

// The published potentials, where a folder has them ($WIGNER_NNP/<El>/public.extxyz and the
// files of n2p2, of mlearn; the labels have ten digits).
func TestPublishedN2P2(t *testing.T) {
	root := os.Getenv("WIGNER_NNP")
	if root == "" {
		t.Skip("WIGNER_NNP names no folder")
	}
	found, err := filepath.Glob(filepath.Join(root, "*", "public.extxyz"))
	if err != nil || len(found) == 0 {
		t.Fatalf("%s has no */public.extxyz (%v)", root, err)
	}
	for _, in := range found {
		out := filepath.Join(t.TempDir(), "out.extxyz")
		mustRun(t, "eval", in, "-m", filepath.Dir(in), "-o", out, "--ranks", "2")
		frames, err := readFrames(out)
		if err != nil {
			t.Fatal(err)
		}
		de, df := deviation(t, frames)
		t.Logf("%s: %.1e eV/atom, %.1e eV/Å", filepath.Base(filepath.Dir(in)), de, df)
		if !(de <= 1e-9) || !(df <= 1e-7) {
			t.Errorf("%s: %.1e eV/atom, %.1e eV/Å", in, de, df)
		}
	}
}

// A folder is a model everywhere: info, check, run; units are said or refused.
func TestN2P2IsAModel(t *testing.T) {
	dir := filepath.Join(goldenN2P2, "narrow")
	in := filepath.Join(dir, "golden.extxyz")
	if r := mustRun(t, "info", dir); !strings.Contains(r.out, "Behler–Parrinello") || !strings.Contains(r.out, "24 of type 3") {
		t.Errorf("info:\n%s", r.out)
	}
	mustRun(t, "check", "-m", filepath.Join(dir, "input.nn"), in)
	out := filepath.Join(t.TempDir(), "out.extxyz")
	mustRun(t, "eval", in, "-m", dir, "-o", out, "--units", "angstrom-ev", "--ranks", "1")
	if frames, err := readFrames(out); err != nil {
		t.Fatal(err)
	} else if de, _ := deviation(t, frames); de < 1 {
		t.Errorf("other units change the energy by %g eV/atom", de)
	}
	refuse(t, 2, []string{"bohr-hartree, angstrom-ev"}, "eval", in, "-m", dir, "-o", out, "--units", "nm")
	refuse(t, 2, []string{"says its units itself"}, "eval", in, "-m", filepath.Join(tiny, "linear-l2.pth"), "-o", out, "--units", "angstrom-ev")
	refuse(t, 2, []string{"symmetry functions: radial, memory, head and modal"}, "eval", in, "-m", dir, "-o", out, "--radial", "exact")
	refuse(t, 2, []string{"no such file"}, "eval", in, "-m", filepath.Join(dir, "scaling"), "-o", out)
	// Dynamics, with the units in the file.
	cfg := config(t, t.TempDir(), "[structure]\nfile = \""+in+"\"\n[potential]\nmodel = \""+dir+"\"\nlength_unit = \"bohr\"\nenergy_unit = \"hartree\"\n"+
		"[dynamics]\nsteps = 20\nvelocities = \"zero\"\ntimestep_fs = 0.1\n[output]\nthermo_every = 20\n")
	r := mustRun(t, "run", cfg, "--ranks", "2")
	if !strings.Contains(r.out, "Loop time") {
		t.Errorf("run:\n%s", r.out)
	}
}
