package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
)

// waters are n molecules of water with harmonic bonds of 0.9572 Å and an H–H distance of
// 1.5139 Å (Benedict, Gailar, Plyler, J. Chem. Phys. 24, 1139 (1956)), k = 20 eV/Å², in
// any orientation.
func waters(t *testing.T, n int, seed uint64) string {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 2))
	var b strings.Builder
	pairs := [][3]float64{{0, 1, 0.9572}, {0, 2, 0.9572}, {1, 2, 1.5139}}
	for range n {
		x := [3][3]float64{{}, {0.9572, 0, 0}, {-0.2400, 0.9266, 0}}
		for i := range x {
			for k := range 3 {
				x[i][k] += 0.05 * rng.NormFloat64()
			}
		}
		e, f := 0.0, [3][3]float64{}
		for _, p := range pairs {
			i, j := int(p[0]), int(p[1])
			d, r := [3]float64{}, 0.0
			for k := range d {
				d[k] = x[j][k] - x[i][k]
				r += d[k] * d[k]
			}
			r = math.Sqrt(r)
			e += 10 * (r - p[2]) * (r - p[2])
			for k := range d {
				g := 20 * (r - p[2]) * d[k] / r
				f[i][k] += g
				f[j][k] -= g
			}
		}
		fmt.Fprintf(&b, "3\nProperties=species:S:1:pos:R:3:forces:R:3 energy=%.12g pbc=\"F F F\"\n", e-76)
		for i, s := range []string{"O", "H", "H"} {
			fmt.Fprintf(&b, "%s %.10f %.10f %.10f %.10f %.10f %.10f\n", s, x[i][0], x[i][1], x[i][2], f[i][0], f[i][1], f[i][2])
		}
	}
	return write(t, filepath.Join(t.TempDir(), "water.extxyz"), b.String())
}

// The controls are trained, saved, evaluated, described and checked like any model; what
// they cannot serve is refused with the reason.
func TestNaive(t *testing.T) {
	data, root := waters(t, 40, 1), t.TempDir()
	cfg := write(t, filepath.Join(t.TempDir(), "train.toml"), `
[data]
train = ["`+data+`"]
valid_fraction = 0.1
[model]
kind = "distances"
hidden = [12]
[optimizer]
rate = 0.02
[training]
epochs = 200
batch = 8
`)
	for _, kind := range [][]string{
		{"model.kind=distances", "model.sorted=true"}, {"model.kind=distances"}, {"model.kind=raw", "data.turned_copies=4", "training.epochs=3"}, {"model.kind=raw", "model.centred=true", "training.epochs=3"},
	} {
		dir := filepath.Join(root, strings.Join(kind, "-"))
		mustRun(t, append([]string{"train", cfg, "output.dir=" + dir, "--ranks", "2"}, kind...)...)
		m := filepath.Join(dir, "model.wigner")
		out := filepath.Join(dir, "out.extxyz")
		mustRun(t, "eval", data, "-m", m, "-o", out) // one rank, whatever the machine has
		frames, err := readFrames(out)
		if err != nil {
			t.Fatal(err)
		}
		labels, err := readFrames(data)
		if err != nil {
			t.Fatal(err)
		}
		square, all := 0.0, 0.0
		for n, f := range frames {
			for i, v := range f.Column("forces").Vectors() {
				for k := range v {
					d := v[k] - labels[n].Column("forces").Vectors()[i][k]
					square, all = square+d*d/360, all+v[k]*v[k]/360
				}
			}
		}
		if strings.Contains(kind[0], "distances") && square > all/50 {
			t.Errorf("%v: error of forces %g eV/Å, of %g", kind, math.Sqrt(square), math.Sqrt(all))
		}
		if r := mustRun(t, "info", m); !strings.Contains(r.out, "a control for one molecule") || !strings.Contains(r.out, "O H H") {
			t.Errorf("info: %s", r.out)
		}
		refuse(t, 2, []string{"2 ranks", "--ranks 1"}, "eval", data, "-m", m, "-o", out, "--ranks", "2")
	}

	one := filepath.Join(root, "model.kind=distances-model.sorted=true", "model.wigner")
	if r := mustRun(t, "check", "-m", one, data); !strings.Contains(r.out, "left out") {
		t.Errorf("check: %s", r.out)
	}
	r2 := wigner(t, "check", "-m", filepath.Join(root, "model.kind=raw-data.turned_copies=4-training.epochs=3", "model.wigner"), data)
	if !strings.Contains(r2.out, "rotation") || r2.code != 1 {
		t.Errorf("check of raw coordinates: %d %s %s", r2.code, r2.out, r2.err)
	}
	// A dry run has the one rank that the run would have, whatever the machine has.
	move := write(t, filepath.Join(root, "move.toml"), fmt.Sprintf("[structure]\nfile = %q\n[potential]\nmodel = %q\n[dynamics]\ntemperature_K = 10\ntimestep_fs = 0.5\nsteps = 2\n[output]\ndir = %q\n", data, one, filepath.Join(root, "move")))
	if r := mustRun(t, "run", move, "--dry-run"); !strings.Contains(r.out, "(1 × 1 × 1): 1 rank\n") {
		t.Errorf("dry run: %s", r.out)
	}
	out := "-o=" + filepath.Join(root, "x.extxyz")
	box := write(t, filepath.Join(root, "box.extxyz"), "3\nLattice=\"30 0 0 0 30 0 0 0 30\" Properties=species:S:1:pos:R:3 pbc=\"T T T\" energy=1\nO 0 0 0\nH 1 0 0\nH 0 1 0\n")
	refuse(t, 2, []string{"frame 0", "periodic system"}, "eval", box, "-m", one, out)
	two := write(t, filepath.Join(root, "two.extxyz"), "2\nProperties=species:S:1:pos:R:3\nO 0 0 0\nH 1 0 0\n")
	refuse(t, 2, []string{"frame 0", "molecule of 3 atoms whole"}, "eval", two, "-m", one, out)
	to := "output.dir=" + filepath.Join(root, "x")
	refuse(t, 2, []string{"periodic system"}, "train", cfg, to, `data.test=["`+box+`"]`)
	refuse(t, 2, []string{"model.features", `kind nequip, not to kind "distances"`}, "train", cfg, to, "model.features=4x0e")
	refuse(t, 2, []string{"model.centred", "kind raw"}, "train", cfg, to, "model.centred=true")
	refuse(t, 2, []string{"training.precision", "float64"}, "train", cfg, to, "training.precision=float32")
	refuse(t, 2, []string{"data.reference"}, "train", cfg, to, "data.reference=explicit", "data.reference_eV.O=1", "data.reference_eV.H=1")
}
