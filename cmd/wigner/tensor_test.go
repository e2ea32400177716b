package main

import (
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/io/extxyz"
)

// moleculesOf are the first n frames of a file of data/molecules.
func moleculesOf(t *testing.T, name string, n int) string {
	t.Helper()
	frames, err := readFrames(filepath.Join(repo, "data/molecules", name+".extxyz.gz"))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	w := extxyz.NewWriter(&b)
	for _, f := range frames[:n] {
		if err := w.Write(f); err != nil {
			t.Fatal(err)
		}
	}
	return write(t, filepath.Join(t.TempDir(), name+".extxyz"), b.String())
}

// A dipole and a pseudoscalar are trained, evaluated on any ranks, and refused where an
// energy is wanted; what the report says of the test set is what eval gives.
func TestTrainTensors(t *testing.T) {
	for _, c := range []struct{ output, data, key, features string }{
		{"dipole", "dichloroethane", "dipole_key=REF_dipole", "4x0e+4x1o+2x2e"},
		{"pseudoscalar", "chfclbr", "pseudoscalar_key=handedness", "4x0e+2x0o+4x1o+4x1e"},
	} {
		data := moleculesOf(t, c.data, 8)
		cfg := write(t, filepath.Join(t.TempDir(), "train.toml"), `
[data]
train = ["`+data+`"]
test = ["`+data+`"]
valid_fraction = 0.25
[model]
output = "`+c.output+`"
features = "`+c.features+`"
layers = 3
cutoff_A = 4
radial_hidden = [8]
[training]
epochs = 6
batch = 2
`)
		dir := filepath.Join(t.TempDir(), "out")
		args := []string{"train", cfg, "output.dir=" + dir, "--ranks", "2"}
		refuse(t, 2, []string{"no frame of", c.output, "data.dipole_key"}, args...)
		args = append(args, "data."+c.key)
		r := mustRun(t, args...)
		if !strings.Contains(r.out, c.output) || strings.Contains(r.out, "meV/atom") {
			t.Errorf("the output:\n%s", r.out)
		}
		rows := epochsOf(t, dir)
		if len(rows) != 7 || rows[0][12] != "target_mae" || rows[3][12] == "" || rows[3][3] != "" {
			t.Errorf("epochs.csv: %v", rows)
		}
		model := filepath.Join(dir, "model.wigner")
		if r := mustRun(t, "info", model); !strings.Contains(r.out, "gives        "+c.output) {
			t.Errorf("info: %s", r.out)
		}
		var both [2][]float64
		for n, ranks := range []string{"1", "3"} {
			out := filepath.Join(t.TempDir(), "out.extxyz")
			mustRun(t, "eval", data, "-m", model, "-o", out, "--precision", "float64", "--ranks", ranks)
			frames, err := readFrames(out)
			if err != nil || len(frames) != 8 {
				t.Fatal(len(frames), err)
			}
			for _, f := range frames {
				v, ok := f.Get(c.output)
				if _, has := f.Get("energy"); has || !ok || f.Column("forces") != nil {
					t.Fatalf("%s: a frame with %v", c.output, f.Info)
				}
				for _, w := range strings.Fields(v.Value) {
					x, err := strconv.ParseFloat(w, 64)
					if err != nil {
						t.Fatal(err)
					}
					both[n] = append(both[n], x)
				}
			}
		}
		parity := strings.Split(strings.TrimSpace(read(t, filepath.Join(dir, "parity-target.csv"))), "\n")[1:]
		if len(parity) != len(both[0]) {
			t.Fatalf("%d lines of parity, %d numbers", len(parity), len(both[0]))
		}
		for k, x := range both[0] {
			if d := math.Abs(x - both[1][k]); d > 1e-12*max(1, math.Abs(x)) {
				t.Errorf("%s: %g on one rank, %g on three", c.output, x, both[1][k])
			}
			cols := strings.Split(parity[k], ",")
			y, err := strconv.ParseFloat(cols[len(cols)-1], 64)
			// the training was in single precision and through splines
			if err != nil || math.Abs(x-y) > 1e-4*max(1, math.Abs(x)) {
				t.Errorf("%s: eval gives %g, the report %s", c.output, x, parity[k])
			}
		}
		no := []string{"gives a " + c.output + " and no energy"}
		refuse(t, 2, no, "check", "-m", model, data)
		refuse(t, 2, no, "bench", "-m", model)
		refuse(t, 2, []string{"SevenNet has no networks"}, "convert", model, filepath.Join(dir, "m.pth"))
		// Going on from it as an energy is refused, as what it is not.
		on := write(t, filepath.Join(t.TempDir(), "on.toml"), `
[data]
train = ["`+data+`"]
energy_key = "REF_energy"
[model]
init = "`+model+`"
[training]
epochs = 1
`)
		refuse(t, 2, []string{"model.output", c.output, "energy"}, "train", on, "output.dir="+dir+"2")
		mustRun(t, "train", on, "output.dir="+dir+"3", "model.output="+c.output, "data."+c.key)
	}
}

// The example trains, and its network's dipole of the anti form, the first of the test set,
// is zero after any training.
func TestDipoleExample(t *testing.T) {
	x := exampleAnswers(t, "dipole", 1, "dichloroethane-torsion", "dipole", 3)[0]
	for _, c := range x {
		if math.Abs(c) > 1e-7 { // positions of nine decimals; 1e-6 D is 2e-7 e·Å
			t.Errorf("the dipole of anti: %v e·Å", x)
		}
	}
}

// The example of a pseudoscalar tells hands apart after two epochs, in the mirror by the sign.
func TestHandednessExample(t *testing.T) {
	all := exampleAnswers(t, "handedness", 2, "chfclbr", "pseudoscalar", 1)
	left, right := all[0][0], all[1][0]                          // the first two are the relaxed mirror images
	if left == 0 || math.Abs(left+right) > 1e-6*math.Abs(left) { // positions of nine decimals
		t.Errorf("left and right give %v and %v", left, right)
	}
}

// exampleAnswers are the n components of key that an example of configs/train gives for molecules
// after some epochs.
func exampleAnswers(t *testing.T, example string, epochs int, molecules, key string, n int) (out [][]float64) {
	t.Helper()
	dir := t.TempDir()
	mustRun(t, "train", filepath.Join(repo, "configs/train", example+".toml"), "output.dir="+dir, fmt.Sprintf("training.epochs=%d", epochs), "--ranks", "2")
	to := filepath.Join(dir, "out.extxyz")
	mustRun(t, "eval", filepath.Join(repo, "data/molecules", molecules+".extxyz.gz"), "-m", filepath.Join(dir, example+".wigner"), "-o", to, "--precision", "float64")
	frames, err := readFrames(to)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		v, _ := f.Get(key)
		x, err := labelNumbers(v.Value, n)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, x)
	}
	return out
}
