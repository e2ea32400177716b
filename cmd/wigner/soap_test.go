package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/comm/mpitest"
	"github.com/wigner-md/wigner/internal/input"
)

// soapConfig is a fit of a second.
func soapConfig(t *testing.T, data string) string {
	t.Helper()
	return write(t, filepath.Join(t.TempDir(), "train.toml"), `
[data]
train = ["`+data+`"]
test = ["`+data+`"]
valid_fraction = 0.3
energy_key = "REF_energy"
force_key = "REF_forces"
stress_key = "REF_stress"
[model]
kind = "soap"
cutoff_A = 4
nmax = 3
lmax = 2
[loss]
stress = 1
`)
}

// A fit without epochs, its files, what it says, and what reads its model.
func TestSOAP(t *testing.T) {
	data := fewFrames(t, "Mo/train.extxyz.gz", 4)
	cfg, root := soapConfig(t, data), t.TempDir()
	for _, kind := range [][]string{nil, {"model.zeta=2", "model.sparse_points=10"}, {"model.zbl_cutoff_A=2.2", "model.zbl_switch_A=1"}} {
		dir := filepath.Join(root, strings.Join(append(kind, "x"), "-"))
		r := mustRun(t, append([]string{"train", cfg, "output.dir=" + dir, "--ranks", "1"}, kind...)...)
		for _, want := range []string{"regularisation", " *", "fitted in", "model: "} {
			if !strings.Contains(r.out, want) {
				t.Errorf("the output lacks %q:\n%s", want, r.out)
			}
		}
		for _, name := range []string{"regularisation.csv", "regularisation.svg", "report.json", "parity-force.png", "parity-force.csv", "model.wigner"} {
			if !exists(filepath.Join(dir, name)) {
				t.Errorf("there is no %s", name)
			}
		}
		refuse(t, 2, []string{"holds a training already"}, "train", cfg, "output.dir="+dir)
		if r := mustRun(t, append([]string{"train", cfg, "output.dir=" + dir, "--ranks", "1", "--resume"}, kind...)...); !strings.Contains(r.err, "made again") {
			t.Errorf("--resume: %s", r.err)
		}
		m := filepath.Join(dir, "model.wigner")
		if r := mustRun(t, "info", m); !strings.Contains(r.out, "SOAP, ") || !strings.Contains(r.out, "least squares (λ") {
			t.Errorf("info:\n%s", r.out)
		}
		mustRun(t, "check", "-m", m, fewFrames(t, "Mo/train.extxyz.gz", 1))

		// On three ranks the same within rounding, as much of it as the solution keeps.
		three := dir + "three"
		mustRun(t, append([]string{"train", cfg, "output.dir=" + three, "--ranks", "3"}, kind...)...)
		if a, b := energiesOf(t, data, m), energiesOf(t, data, filepath.Join(three, "model.wigner")); !alike(a, b, 1e-5) {
			t.Errorf("three ranks: energies %v and %v", a, b)
		}
		if kind == nil { // go on with the same spectrum, on other data
			mustRun(t, "train", write(t, filepath.Join(root, "tune.toml"), `
[data]
train = ["`+data+`"]
energy_key = "REF_energy"
force_key = "REF_forces"
[model]
init = "`+m+`"
`), "output.dir="+filepath.Join(root, "tuned"), "--ranks", "2")
		}
	}
	to := "output.dir=" + filepath.Join(root, "no")
	refuse(t, 2, []string{"model.features", `kind nequip, not to kind "soap"`}, "train", cfg, to, "model.features=4x0e")
	refuse(t, 2, []string{"no epochs"}, "train", cfg, to, "--stop-after", "1")
	refuse(t, 2, []string{"loss.huber_force_eV_A", "least squares"}, "train", cfg, to, "loss.huber_force_eV_A=1")
	refuse(t, 2, []string{"model.sparse_points", "zeta"}, "train", cfg, to, "model.sparse_points=5")
	refuse(t, 2, []string{"not independent", "take fewer"}, "train", cfg, to, "model.nmax=25")
	refuse(t, 2, []string{"model.basis", "polynomial"}, "train", cfg, to, "model.basis=hermite")
	refuse(t, 2, []string{"central atom a weight"}, "train", cfg, to, "model.central_weight=0", "model.zeta=2")
	refuse(t, 2, []string{"no validation structures"}, "train", cfg, to, "data.valid_fraction=0")
	refuse(t, 2, []string{"training.precision", "always in float64"}, "train", cfg, to, "training.precision=float32")
}

// energiesOf evaluates a file.
func energiesOf(t *testing.T, data, m string) (out []float64) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "out.extxyz")
	mustRun(t, "eval", data, "-m", m, "-o", path, "--ranks", "2")
	frames, err := readFrames(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range frames {
		e, _ := f.Get("energy")
		x, err := labelNumbers(e.Value, 1)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, x...)
	}
	return out
}

// alike compares numbers to a deviation.
func alike(a, b []float64, tol float64) bool {
	if len(a) != len(b) {
		return false
	}
	for k, x := range a {
		if !(x-b[k] < tol && b[k]-x < tol) {
			return false
		}
	}
	return true
}

// The fit over processes of either MPI.
func TestSOAPOverMPI(t *testing.T) {
	data := fewFrames(t, "Mo/train.extxyz.gz", 4)
	cfg, root := soapConfig(t, data), t.TempDir()
	mustRun(t, "train", cfg, "output.dir="+filepath.Join(root, "one"), "--ranks", "1")
	want := energiesOf(t, data, filepath.Join(root, "one", "model.wigner"))
	for _, l := range mpitest.Launchers(t) {
		dir := filepath.Join(root, l.String())
		if r := mpirun(t, l, 2, "train", cfg, "output.dir="+dir); r.code != 0 || strings.Count(r.out, "fitted in") != 1 {
			t.Fatalf("%s: %d\n%s%s", l, r.code, r.out, r.err)
		}
		if got := energiesOf(t, data, filepath.Join(dir, "model.wigner")); !alike(got, want, 1e-5) {
			t.Errorf("%s: energies %v and %v", l, got, want)
		}
	}
}

// Every example of a training can be read, and its data are there.
func TestTrainConfigs(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(repo, "configs/train/*.toml"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	members, err := filepath.Glob(filepath.Join(repo, "configs/train/members/*.toml"))
	if err != nil || len(members) == 0 {
		t.Fatal(members, err)
	}
	files = append(files, members...)
	for _, f := range files {
		c, err := input.ReadTrainFile(f, nil)
		if err != nil {
			t.Error(err)
			continue
		}
		if from := c.Model.Init; from != "" && slices.Contains(members, f) {
			if before := filepath.Join(filepath.Dir(f), strings.TrimSuffix(filepath.Base(from), modelExt)+".toml"); !slices.Contains(members, before) {
				t.Errorf("%s goes on from %s, which has no recipe %s", f, from, before)
			}
		}
		for _, list := range [][]string{c.Data.Train, c.Data.Test, c.Data.Valid} {
			for _, name := range list {
				if !exists(name) && !exists(filepath.Join(filepath.Dir(f), name)) {
					t.Errorf("%s: there is no %s", f, name)
				}
			}
		}
	}
}

// Equal regularisations, whose plot has no length, and no epochs where there are none.
func TestTrainSOAPEdges(t *testing.T) {
	data := fewFrames(t, "Mo/train.extxyz.gz", 4)
	cfg, dir := soapConfig(t, data), filepath.Join(t.TempDir(), "same")
	mustRun(t, "train", cfg, "output.dir="+dir, "training.regularisation=[1e-6, 1e-6]")
	models, _ := filepath.Glob(filepath.Join(dir, "*.wigner"))
	again := write(t, filepath.Join(t.TempDir(), "again.toml"), "[data]\ntrain = [\""+data+"\"]\nenergy_key = \"REF_energy\"\nforce_key = \"REF_forces\"\n[model]\ninit = \""+models[0]+"\"\n[training]\nepochs = 0\n")
	refuse(t, 2, []string{"again.toml", "training.epochs", "soap"}, "train", again, "output.dir="+filepath.Join(t.TempDir(), "x"))
}
