package main

import (
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"
)

// heldPOSCAR is a cell of copper whose second atom does not move, and the third only along x.
const heldPOSCAR = `held
1.0
3.7 0 0
0 3.7 0
0 0 3.7
Cu
4
Selective dynamics
Cartesian
0.05 0 0.02 T T T
0 1.85 1.85 F F F
1.85 0.03 1.85 T F F
1.85 1.85 0 T T T
`

const heldRun = `
[structure]
file = "POSCAR"
repeat = [2, 2, 2]
[potential]
type = "eam"
file = "EAM"
[dynamics]
temperature_K = 300
steps = 10
[[output.dump]]
every = 5
file = "t.extxyz"
properties = ["move_mask", "stress", "momenta", "id"]
`

// Atoms that a file freezes do not move, in runs and relaxations, on any ranks; what is
// written says so, and a run that begins with it holds them again.
func TestFrozenByFile(t *testing.T) {
	dir := t.TempDir()
	eam := filepath.Join(repo, "configs/copper.eam.alloy")
	write(t, filepath.Join(dir, "POSCAR"), heldPOSCAR)
	cfg := write(t, filepath.Join(dir, "a.toml"), strings.Replace(heldRun, "EAM", eam, 1))
	for _, ranks := range []string{"1", "3"} {
		out := filepath.Join(dir, "run"+ranks)
		r := mustRun(t, "run", cfg, "--ranks", ranks, "output.dir="+out)
		if !strings.Contains(r.err, "16 atoms are frozen") || !strings.Contains(r.err, "structure.all_move") {
			t.Errorf("%s ranks: it is not said:\n%s", ranks, r.err)
		}
		f := readAll(t, filepath.Join(out, "t.extxyz"))
		first, last := f[0], f[len(f)-1]
		mask, p := last.Column("move_mask"), last.Column("momenta").Vectors()
		for i := range last.N {
			for k := range 3 {
				held := i%4 == 1 || i%4 == 2 && k > 0
				if mask.Logical[3*i+k] == held || (p[i][k] == 0) != held || held && math.Abs(last.X[i][k]-first.X[i][k]) > 1e-12 {
					t.Errorf("%s ranks: atom %d along %d: free %v, momentum %v, moved by %v", ranks, i+1, k, mask.Logical[3*i+k], p[i][k], last.X[i][k]-first.X[i][k])
				}
			}
		}
		// The stress is that of eval.
		in, again := filepath.Join(out, "t.extxyz"), filepath.Join(out, "eval.extxyz")
		mustRun(t, "eval", in, "-m", eam, "-o", again, "--ranks", "1")
		for n, e := range readAll(t, again) {
			a, _ := f[n].Get("stress")
			b, _ := e.Get("stress")
			x, err := a.Reals()
			y, _ := b.Reals()
			if err != nil || len(x) != 9 {
				t.Fatalf("stress %q: %v", a.Value, err)
			}
			for k := range x {
				if math.Abs(x[k]-y[k]) > 1e-12 {
					t.Errorf("frame %d: stress %v, eval has %v", n, x, y)
				}
			}
		}
		next := filepath.Join(dir, "next"+ranks)
		if r := mustRun(t, "run", cfg, "--ranks", ranks, "structure.file="+in, "structure.frame=-1", "structure.repeat=[1,1,1]", "output.dir="+next); !strings.Contains(r.err, "16 atoms are frozen") {
			t.Errorf("a run from the trajectory moves them:\n%s", r.err)
		}
	}
	out := filepath.Join(dir, "free")
	if r := mustRun(t, "run", cfg, "--ranks", "2", "structure.all_move=true", "output.dir="+out); strings.Contains(r.err, "frozen") {
		t.Errorf("all_move: %s", r.err)
	}
	relaxed := strings.NewReplacer("[dynamics]\ntemperature_K = 300\nsteps = 10", "[relax]\nsteps = 300", "[[output.dump]]\nevery = 5\nfile = \"t.extxyz\"\nproperties = [\"move_mask\", \"stress\", \"momenta\", \"id\"]\n", "").Replace(read(t, cfg))
	job := write(t, filepath.Join(dir, "r.toml"), relaxed)
	out = filepath.Join(dir, "relax")
	if r := mustRun(t, "relax", job, "--ranks", "2", "output.dir="+out); !strings.Contains(r.err, "16 atoms are frozen") {
		t.Errorf("relax: %s", r.err)
	}
	f := readAll(t, filepath.Join(out, relaxedName))[0]
	if f.X[1] != [3]float64{0, 1.85, 1.85} || f.X[2][1] != 0.03 || f.Column("move_mask") == nil || f.X[0] == [3]float64{0.05, 0, 0.02} {
		t.Errorf("relaxed: %v", f.X[:4])
	}
	// Single directions are lattice vectors, which are not always axes.
	write(t, filepath.Join(dir, "POSCAR"), strings.Replace(heldPOSCAR, "0 3.7 0", "0.4 3.7 0", 1))
	refuse(t, 2, []string{"POSCAR", "atom 3 may move along single lattice vectors", "all_move"}, "run", cfg, "output.dir="+filepath.Join(dir, "x"))
}

// What is periodic can be said of a file whose format does not say it.
func TestPBCOfFile(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "POSCAR"), heldPOSCAR)
	cfg := write(t, filepath.Join(dir, "a.toml"), strings.Replace(heldRun, "EAM", filepath.Join(repo, "configs/copper.eam.alloy"), 1))
	out := filepath.Join(dir, "slab")
	mustRun(t, "run", cfg, "structure.pbc=[true, true, false]", "dynamics.steps=0", "--ranks", "1", "output.dir="+out)
	if f := readAll(t, filepath.Join(out, "t.extxyz"))[0]; f.PBC != [3]bool{true, true, false} {
		t.Errorf("pbc %v", f.PBC)
	}
	refuse(t, 2, []string{"structure.pbc"}, "run", cfg, "structure.pbc=[true]")
}

// Input that cannot go well is refused before anything is done.
func TestBadLaboratory(t *testing.T) {
	dir := t.TempDir()
	argon := filepath.Join(repo, "configs/argon.toml")
	nvt := []string{"run", argon, "structure.repeat=[2,2,2]", "dynamics.ensemble=nvt", "dynamics.steps=50", "--ranks", "1", "--force", "output.dir=" + filepath.Join(dir, "a")}
	with := func(more ...string) []string { return append(append([]string(nil), nvt...), more...) }
	refuse(t, 2, []string{"all atoms are at rest", "nose-hoover", "langevin"}, with("dynamics.temperature_K=0", "dynamics.temperature_end_K=50")...)
	mustRun(t, with("dynamics.temperature_K=0", "dynamics.temperature_end_K=50", "structure.rattle_A=0.05")...)
	mustRun(t, with("dynamics.temperature_K=0", "dynamics.temperature_end_K=50", "structure.rattle_A=0.05", "dynamics.ensemble=npt")...)
	refuse(t, 2, []string{"mtk is none at 0 K"}, with("dynamics.temperature_K=0", "structure.rattle_A=0.05", "dynamics.ensemble=npt")...)
	mustRun(t, with("dynamics.temperature_K=0", "dynamics.temperature_end_K=50", "thermostat.type=langevin")...)
	// 1 + L t has no volume after 1/8 ps, of 0.2 ps.
	refuse(t, 2, []string{"deform.rate_per_ps", "collapses after 0.125 ps", "50 steps"}, with("deform.rate_per_ps=[[0,0,0],[0,-8,0],[0,0,0]]")...)
	mustRun(t, with("deform.rate_per_ps=[[0,0,0],[0,-0.5,0],[0,0,0]]")...)
	refuse(t, 2, []string{`unknown key "relax": [relax] belongs to the files of wigner relax`}, "run", filepath.Join(repo, "configs/relax-silicon.toml"))
	refuse(t, 2, []string{"[dynamics] belongs to the files of wigner run"}, "relax", argon)
	refuse(t, 2, []string{"[training] belongs to the files of wigner train"}, "relax", filepath.Join(repo, "configs/relax-silicon.toml"), "training.epochs=3")
	for _, name := range []string{"a.cif", "b.traj", "XDATCAR", "c.pdb.gz"} {
		in := write(t, filepath.Join(dir, name), "data_x\n")
		refuse(t, 2, []string{"is not read", "ase convert"}, "info", in)
		refuse(t, 2, []string{"is not read"}, "convert", in, filepath.Join(dir, "x.extxyz"))
	}
}

// A tension that the crystal does not bear pulls it apart: the end says so, and the last
// state is there. Volumes over which the equation of state does not hold are told of.
func TestTornAndWide(t *testing.T) {
	dir := t.TempDir()
	cfg := config(t, dir, argonTask)
	r := refuse(t, exitFailed, []string{"the cell breaks", "more than the crystal bears", lastName}, "elastic", cfg, "relax.pressure_GPa=-0.3", "--ranks", "2", "--force")
	if strings.Contains(r.err, "max_step_A") || strings.Contains(r.out, "1000 ") {
		t.Errorf("not told at once:\n%s%s", r.out, r.err)
	}
	if f := readAll(t, filepath.Join(dir, "run", lastName)); len(f) != 1 || f[0].N != 32 {
		t.Error("the last state is not there")
	}
	if r := mustRun(t, "eos", cfg, "--force", "--ranks", "1", "eos.range=0.5"); !strings.Contains(r.err, "smaller eos.range") {
		t.Errorf("no warning:\n%s%s", r.out, r.err)
	}
	if r := mustRun(t, "eos", cfg, "--force", "--ranks", "1"); strings.Contains(r.err, "smaller eos.range") {
		t.Errorf("a warning:\n%s", r.err)
	}
}

// The page of a job shows what it has found.
func TestReportOfJobs(t *testing.T) {
	dir := t.TempDir()
	cfg := config(t, dir, argonTask)
	for verb, want := range map[string][]string{
		"relax":   {"at rest", "yes", "On the way to rest: largest force", "On the way to rest: volume"},
		"elastic": {"Elastic constants / GPa", "stable (Born)", "bulk modulus", "Strained cells", "elastic.svg", "universal anisotropy"},
		"eos":     {"bulk modulus B₀", "volume V₀", "Volumes", "eos.svg"},
		"phonon":  {"Special points", "zero-point energy", "phonon-bands.svg", "Thermal properties"},
	} {
		out := filepath.Join(dir, verb)
		args := []string{verb, cfg, "output.dir=" + out, "--ranks", "1"}
		if verb == "phonon" {
			args = append(args, "structure.repeat=[1,1,1]", "structure.rattle_A=0", "phonon.mesh=[4,4,4]")
		}
		mustRun(t, args...)
		mustRun(t, "report", out)
		page := read(t, filepath.Join(out, reportName))
		for _, w := range want {
			if !strings.Contains(page, w) {
				t.Errorf("%s: the page lacks %q", verb, w)
			}
		}
		for _, never := range []string{"relax.csv", "elastic-points.csv", ">elastic.csv", ">NaN<"} {
			if strings.Contains(page, never) {
				t.Errorf("%s: the page holds %q", verb, never)
			}
		}
	}
	var e elasticResult
	if !found(filepath.Join(dir, "elastic"), "elastic.json", &e) {
		t.Fatal("no result")
	}
	if c := fmt.Sprintf("<td>xx</td><td>%.3f</td>", e.C[0][0]); !strings.Contains(read(t, filepath.Join(dir, "elastic", reportName)), c) {
		t.Errorf("the page lacks C11 = %v", e.C[0][0])
	}
}
