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
	if a, b := mustRun(t, "info", dir), mustRun(t, "info", dir, "--units", "angstrom-ev"); a.out == b.out {
		t.Errorf("info knows no units:\n%s", b.out)
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

// A folder goes to wigner's format and back to a folder, in other units, and gives the
// same numbers; what the files cannot hold is refused.
func TestConvertN2P2(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"narrow", "wide", "compact"} {
		dir := filepath.Join(goldenN2P2, name)
		in, own, back, out := filepath.Join(dir, "golden.extxyz"), filepath.Join(root, name+".wigner"), filepath.Join(root, name), filepath.Join(root, "out.extxyz")
		mustRun(t, "convert", dir, own)
		mustRun(t, "convert", own, back, "--units", "angstrom-ev")
		for _, args := range [][]string{{"-m", own}, {"-m", back, "--units", "angstrom-ev"}} {
			mustRun(t, append([]string{"eval", in, "-o", out, "--ranks", "1"}, args...)...)
			frames, err := readFrames(out)
			if err != nil {
				t.Fatal(err)
			}
			if de, df := deviation(t, frames); !(de <= 2e-12) || !(df <= 1e-11) {
				t.Errorf("%s: %.1e eV/atom, %.1e eV/Å", args[1], de, df)
			}
		}
		refuse(t, 2, []string{"exists already"}, "convert", own, back)
		refuse(t, 2, []string{"a model of the family bp is written as"}, "convert", own, filepath.Join(root, "x.pth"))
	}
	refuse(t, 2, []string{"is written as .wigner; a name without an ending"}, "convert", filepath.Join(tiny, "linear-l2.pth"), filepath.Join(root, "folder"))
}

// Training: the loss falls, the model is as good as the report says in every verb, goes
// on from a state to the last bit, and from a folder of n2p2's files.
func TestTrainBP(t *testing.T) {
	data, root := fewFrames(t, "Mo/train.extxyz.gz", 4), t.TempDir()
	cfg := write(t, filepath.Join(root, "train.toml"), `
[data]
train = ["`+data+`"]
valid_fraction = 0
energy_key = "REF_energy"
force_key = "REF_forces"
stress_key = "REF_stress"
[model]
kind = "bp"
cutoff_A = 4
radial_functions = 4
angular_functions = 1
hidden = [6]
[loss]
stress = 1
[optimizer]
rate = 0.03
schedule = "constant"
[training]
epochs = 20
batch = 2
`)
	whole, cut := filepath.Join(root, "whole"), filepath.Join(root, "cut")
	mustRun(t, "train", cfg, "output.dir="+whole, "--ranks", "2")
	rows := epochsOf(t, whole)
	first, _ := strconv.ParseFloat(rows[1][2], 64)
	last, _ := strconv.ParseFloat(rows[20][2], 64)
	if !(last < 0.95*first) {
		t.Errorf("the loss goes from %g to %g", first, last)
	}
	refuse(t, 75, []string{"stopped"}, "train", cfg, "output.dir="+cut, "--ranks", "2", "--stop-after", "3")
	mustRun(t, "train", cfg, "output.dir="+cut, "--ranks", "2", "--resume")
	path := filepath.Join(whole, "model.wigner")
	// But for the last column of the notes, the hours, the files are the same: their states.
	if read(t, filepath.Join(whole, stateName)) != read(t, filepath.Join(cut, stateName)) {
		t.Error("going on is another training")
	}
	if r := mustRun(t, "info", path); !strings.Contains(r.out, "Behler–Parrinello") || !strings.Contains(r.out, "trained by wigner") {
		t.Errorf("info:\n%s", r.out)
	}
	mustRun(t, "check", "-m", path, data)
	folder := filepath.Join(root, "files")
	mustRun(t, "convert", path, folder)
	tuned := filepath.Join(root, "tuned")
	mustRun(t, "train", write(t, filepath.Join(root, "tune.toml"), `
[data]
train = ["`+data+`"]
valid_fraction = 0
energy_key = "REF_energy"
force_key = "REF_forces"
[model]
init = "`+folder+`"
frozen = ["*.2.*"]
[training]
epochs = 1
`), "output.dir="+tuned, "--ranks", "1")
	given := strings.Replace(read(t, cfg), "cutoff_A = 4\nradial_functions = 4\nangular_functions = 1", `symmetry_functions = ["Mo 2 Mo 0.5 2 4", "Mo 9 Mo Mo 0.1 1 4 4"]`, 1)
	mustRun(t, "train", write(t, filepath.Join(root, "given.toml"), given), "output.dir="+filepath.Join(root, "given"), "training.epochs=1", "--ranks", "1")
	to := "output.dir=" + filepath.Join(root, "x")
	refuse(t, 2, []string{"given.toml", "W is not one of the elements"}, "train", filepath.Join(root, "given.toml"), to, `model.symmetry_functions=["Mo 2 W 0.5 2 4"]`)
	refuse(t, 2, []string{"model.cutoff_A", "symmetry_functions say it"}, "train", filepath.Join(root, "given.toml"), to, "model.cutoff_A=3")
	refuse(t, 2, []string{"model.features", "belongs to a model of kind nequip"}, "train", cfg, to, "model.features=4x0e")
	refuse(t, 2, []string{"training.precision"}, "train", cfg, to, "training.precision=float32")
}
