package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const argonTask = `
[structure]
prototype = "fcc"
elements = ["Ar"]
a_A = 5.4
repeat = [2, 2, 2]
rattle_A = 0.2
[potential]
type = "lennard-jones"
elements = ["Ar"]
epsilon_eV = 0.0103
sigma_A = 3.4
cutoff_A = 8.5
[relax]
cell = "full"
force_eV_A = 1e-5
stress_GPa = 1e-5
[elastic]
strain = 0.001
[eos]
range = 0.01
[output]
`

func TestRelax(t *testing.T) {
	for _, method := range []string{"lbfgs", "fire"} {
		dir := t.TempDir()
		cfg, out := config(t, dir, argonTask), filepath.Join(dir, "run")
		mustRun(t, "relax", cfg, "relax.method="+method, "--ranks", "3")
		f := frames(t, filepath.Join(out, relaxedName))
		if len(f) != 1 || f[0].N != 32 || !strings.Contains(read(t, filepath.Join(out, relaxedName)), "converged=T") {
			t.Fatal("no structure at rest")
		}
		for _, v := range f[0].Column("forces").Vectors() {
			if math.Hypot(math.Hypot(v[0], v[1]), v[2]) > 1e-5 {
				t.Errorf("force %v", v)
			}
		}
		// The relaxed cell is fcc again: a³ = 8 V/64, and all faces at right angles.
		a := math.Cbrt(math.Abs(det(f[0].Cell))) / 2
		for k, v := range f[0].Cell {
			if math.Abs(math.Sqrt(v[0]*v[0]+v[1]*v[1]+v[2]*v[2])-2*a) > 1e-3 {
				t.Errorf("vector %d is %v, a = %v", k, v, a)
			}
		}
		rows := strings.Split(strings.TrimSpace(read(t, filepath.Join(out, relaxName))), "\n")
		if rows[0] != relaxColumns || !strings.HasPrefix(rows[1], "0,") {
			t.Errorf("relax.csv: %s\n%s", rows[0], rows[1])
		}
		refuse(t, exitUsage, []string{"--force"}, "relax", cfg)
		// What eval says of it.
		mustRun(t, "relax", cfg, "--force", "structure.file="+filepath.Join(out, "copy.extxyz"), `structure.prototype=`, "structure.elements=[]", "structure.a_A=0", "structure.repeat=[]", "structure.rattle_A=0", "output.dir="+filepath.Join(dir, "again"), "relax.steps=1", "relax.force_eV_A=1.01e-5", "relax.stress_GPa=1.01e-5", copied(t, out))
	}
}

// copied gives the relaxed structure another name; it returns a setting that
// changes nothing.
func copied(t *testing.T, dir string) string {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "copy.extxyz"), []byte(read(t, filepath.Join(dir, relaxedName))), 0o644); err != nil {
		t.Fatal(err)
	}
	return "relax.memory=20"
}

func det(a [3][3]float64) float64 {
	return a[0][0]*(a[1][1]*a[2][2]-a[1][2]*a[2][1]) - a[0][1]*(a[1][0]*a[2][2]-a[1][2]*a[2][0]) + a[0][2]*(a[1][0]*a[2][1]-a[1][1]*a[2][0])
}

func TestElasticAndEOS(t *testing.T) {
	dir := t.TempDir()
	cfg := config(t, dir, argonTask)
	one, two := filepath.Join(dir, "elastic"), filepath.Join(dir, "eos")
	r := mustRun(t, "elastic", cfg, "output.dir="+one, "--ranks", "2")
	for _, s := range []string{"Elastic constants/GPa", "stable (Born)", "bulk modulus", "Poisson"} {
		if !strings.Contains(r.out, s) {
			t.Errorf("the output lacks %q:\n%s", s, r.out)
		}
	}
	var e elasticResult
	if err := json.Unmarshal([]byte(read(t, filepath.Join(one, "elastic.json"))), &e); err != nil {
		t.Fatal(err)
	}
	mustRun(t, "eos", cfg, "output.dir="+two, "--ranks", "2")
	var s eosResult
	if err := json.Unmarshal([]byte(read(t, filepath.Join(two, "eos.json"))), &s); err != nil {
		t.Fatal(err)
	}
	// Pairs alone at no pressure: Cauchy's C12 = C44; and one bulk modulus.
	if math.Abs(e.C[0][1]-e.C[3][3]) > 2e-3*e.C[0][0] || math.Abs(e.Averages.Bulk-s.Bulk) > 5e-3*s.Bulk {
		t.Errorf("C12 %v, C44 %v, bulk moduli %v and %v GPa", e.C[0][1], e.C[3][3], e.Averages.Bulk, s.Bulk)
	}
	for _, f := range []string{filepath.Join(one, "elastic.svg"), filepath.Join(two, "eos.svg"), filepath.Join(one, "elastic.csv"), filepath.Join(one, "elastic-points.csv"), filepath.Join(two, "eos.csv"), filepath.Join(one, relaxedName)} {
		if info, err := os.Stat(f); err != nil || info.Size() < 100 {
			t.Errorf("%s: %v", f, err)
		}
	}
}

func TestBadTasks(t *testing.T) {
	dir := t.TempDir()
	cfg := config(t, dir, argonTask)
	for _, c := range []struct {
		code  int
		parts []string
		args  []string
	}{
		{exitUsage, []string{"not periodic along lattice vector c"}, []string{"relax", cfg, "structure.pbc=[true,true,false]"}},
		{exitUsage, []string{"not periodic in all directions"}, []string{"elastic", cfg, "structure.pbc=[true,true,false]"}},
		{exitUsage, []string{"does not know a pressure"}, []string{"relax", cfg, "relax.cell=fixed", "relax.pressure_GPa=1"}},
		{exitUsage, []string{"relax.method", "lbfgs"}, []string{"relax", cfg, "relax.method=lbgfs"}},
		{exitFailed, []string{"not at rest after 2 steps", relaxedName, "relax.steps"}, []string{"relax", cfg, "relax.steps=2", "--force"}},
		{exitFailed, []string{"does not come to rest", relaxedName}, []string{"elastic", cfg, "relax.steps=2", "--force"}},
		{exitFailed, []string{"strain xx", "breaks the crystal", relaxedName}, []string{"elastic", cfg, "elastic.strain=0.1", "structure.vacancies=0.2", "relax.cell=fixed", "relax.force_eV_A=1e-3", "relax.steps=150", "--force"}},
	} {
		refuse(t, c.code, c.parts, c.args...)
	}
	if f := frames(t, filepath.Join(dir, "run", relaxedName)); len(f) != 1 {
		t.Error("the crystal without strain is not there")
	}
}

// From the same start wigner needs no more than 1.2 times the steps of ASE's
// optimisers, and finds the same minimum (testdata/golden/argon-relax.extxyz has
// ASE's; tools/golden/ase_argon_relax.py).
func TestRelaxAgainstASE(t *testing.T) {
	start := filepath.Join(repo, "testdata/golden/argon-relax.extxyz")
	golden := frames(t, start)[0]
	text := strings.Replace(argonTask, argonTask[:strings.Index(argonTask, "[potential]")], "[structure]\nfile = \""+start+"\"\n", 1)
	for _, method := range []string{"LBFGS", "FIRE"} {
		dir := t.TempDir()
		mustRun(t, "relax", config(t, dir, text), "relax.cell=fixed", "relax.force_eV_A=1e-3", "potential.shift=true", "relax.method="+strings.ToLower(method))
		rows := strings.Split(strings.TrimSpace(read(t, filepath.Join(dir, "run", relaxName))), "\n")
		steps, theirs := float64(len(rows)-2), reals(t, golden, method+"_steps")[0]
		t.Logf("%s: %.0f steps, ASE %.0f", method, steps, theirs)
		if steps > 1.2*theirs {
			t.Errorf("%s: %v steps, ASE needs %v", method, steps, theirs)
		}
		e := reals(t, frames(t, filepath.Join(dir, "run", relaxedName))[0], "energy")[0]
		if math.Abs(e-reals(t, golden, method+"_energy")[0]) > 2e-4 {
			t.Errorf("%s: %v eV, ASE %v eV", method, e, reals(t, golden, method+"_energy"))
		}
	}
}
