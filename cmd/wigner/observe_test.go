package main

import (
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// everyMeasure is every measure, quickly.
var everyMeasure = []string{
	"observe.write_every=15", "observe.rdf={ every = 7, cutoff_A = 9.0 }", "observe.coordination={ every = 7, cutoff_A = 5.0 }",
	"observe.msd={ every = 2, window_ps = 0.04, origins = 3 }", "observe.vacf={ every = 1, window_ps = 0.04 }", "observe.stress={ every = 2, window_ps = 0.04 }",
	`output.dump=[{ every = 10, file = "t.extxyz", properties = ["id", "energies", "virials", "stresses"] }, { every = 10, file = "t.dump", properties = ["virials"] }]`,
}

// A run with every measure that is stopped and resumed, on the same bricks, leaves
// the same bytes; on others the same within rounding. The virials of the atoms add up
// to that of the crystal.
func TestObserve(t *testing.T) {
	whole, part := filepath.Join(t.TempDir(), "whole"), filepath.Join(t.TempDir(), "part")
	argonRun(t, whole, everyMeasure...)
	argonRun(t, part, append(everyMeasure, "dynamics.steps=23")...)
	r := mustRun(t, "run", filepath.Join(part, configName), "dynamics.steps=40", "--resume", "--ranks", "1")
	if !strings.Contains(r.err, "to the last bit") || strings.Contains(r.err, "begins anew") {
		t.Errorf("resumed: %s", r.err)
	}
	for _, name := range append(observedNames, "t.extxyz", "t.dump") {
		want := read(t, filepath.Join(whole, name))
		if got := read(t, filepath.Join(part, name)); got != want {
			t.Errorf("%s of the resumed run differs:\n%s\n%s", name, got, want)
		}
	}
	other := filepath.Join(t.TempDir(), "other")
	argonRun(t, other, append(everyMeasure, "parallel.bricks=5", "--ranks", "1")...)
	for _, name := range observedNames {
		x, y := cells(t, whole, name), cells(t, other, name)
		if len(x) != len(y) || len(x) < 3 {
			t.Errorf("%s: %d and %d cells", name, len(x), len(y))
			continue
		}
		for i := range x {
			// Rounding grows by the chaos of forty steps, and once a distance falls into the next bin.
			if d := math.Abs(x[i] - y[i]); d > 1e-6*(1+math.Abs(x[i])) {
				t.Errorf("%s: %v on two bricks, %v on five", name, x[i], y[i])
			}
		}
	}
	r = mustRun(t, "run", filepath.Join(part, configName), "dynamics.steps=50", "--resume", "observe.msd.origins=2")
	if !strings.Contains(r.err, "observe.msd: the restart has it with other settings") {
		t.Errorf("resumed with other settings: %s", r.err)
	}
	virials(t, whole)
	mustRun(t, "report", whole)
	page := read(t, filepath.Join(whole, reportName))
	for _, want := range []string{"Pair distribution, mean of the run", "Mean square displacement<", "Velocity autocorrelation", "Density of vibrational states",
		"Stress autocorrelation", "Viscosity", "<h2>Means of the run</h2>", "<h2>Diffusion</h2>", "<h2>Coordination numbers</h2>", "Ar-Ar"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	refuse(t, 2, []string{"observe.coordination", "no distance is given for Ar and Ar"}, "run", filepath.Join(repo, "configs/argon.toml"), "structure.repeat=[3,3,3]",
		`observe.coordination={ pair = [{ elements = ["Ar", "Kr"], cutoff_A = 3.0 }] }`, "output.dir="+filepath.Join(t.TempDir(), "x"))
	refuse(t, 2, []string{"cell of three lattice vectors"}, "run", filepath.Join(repo, "configs/argon.toml"), "structure.prototype=", "structure.elements=[]", "structure.a_A=0", "structure.repeat=[]",
		"structure.file="+write(t, filepath.Join(t.TempDir(), "two.xyz"), "2\n\nAr 0 0 0\nAr 4 0 0\n"), "observe.rdf={}", "output.dir="+filepath.Join(t.TempDir(), "x"))
}

// A run that ends before anything is looked at says so, as does its dry run; a longer one does not.
func TestObserveLate(t *testing.T) {
	const want = "observe.from_ps: 0.021 ps lie beyond the end of the run"
	out := filepath.Join(t.TempDir(), "run")
	set := []string{"run", filepath.Join(repo, "configs/argon.toml"), "structure.repeat=[3,3,3]", "dynamics.timestep_fs=2", "observe.from_ps=0.021", "output.dir=" + out, "--ranks", "2"}
	for _, c := range []struct {
		late bool
		more []string
	}{
		{true, []string{"dynamics.steps=10", "--dry-run"}},
		{false, []string{"dynamics.steps=11", "--dry-run"}}, // its last step is at 0.022 ps
		{true, []string{"dynamics.steps=10"}},
	} {
		if r := mustRun(t, append(set, c.more...)...); strings.Contains(r.err, want) != c.late {
			t.Errorf("%v: %s", c.more, r.err)
		}
	}
	if w := statusOfRun(t, out).Warnings; len(w) != 1 || !strings.Contains(w[0], want) {
		t.Errorf("the status warns of %q", w)
	}
}

// A cell that is too fast for the timestep is warned of.
func TestHastyBarostat(t *testing.T) {
	const want = "barostat.damping_fs: 150 fs are"
	for set, hasty := range map[string]bool{"barostat.damping_fs=150": true, "barostat.damping_fs=2000": false} {
		r := mustRun(t, "run", filepath.Join(repo, "configs/argon-npt.toml"), set, "structure.repeat=[3,3,3]", "output.dir="+filepath.Join(t.TempDir(), "run"), "--dry-run")
		if strings.Contains(r.err, want) != hasty {
			t.Errorf("%s: %s", set, r.err)
		}
	}
}

// cells are the numbers of a table.
func cells(t *testing.T, dir, name string) (out []float64) {
	t.Helper()
	for _, line := range strings.Split(read(t, filepath.Join(dir, name)), "\n")[1:] {
		for _, s := range strings.Split(line, ",") {
			if x, err := strconv.ParseFloat(s, 64); err == nil && !math.IsNaN(x) {
				out = append(out, x)
			}
		}
	}
	return out
}

// virials compares sums over the atoms of trajectories with the pressure of the thermo table.
func virials(t *testing.T, dir string) {
	t.Helper()
	r, err := openFrames(filepath.Join(dir, "t.extxyz"), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.close()
	d, err := openFrames(filepath.Join(dir, "t.dump"), "", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer d.close()
	table, err := readTable(filepath.Join(dir, thermoName))
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for row, step := range table.column("step") {
		if int(step)%10 != 0 {
			continue
		}
		f, err := r.next()
		if err != nil {
			t.Fatal(err)
		}
		g, err := d.next()
		if err != nil {
			t.Fatal(err)
		}
		w, s, l := f.Column("virials"), f.Column("stresses"), g.Column("c_stress_1")
		if w == nil || s == nil || l == nil {
			t.Fatalf("columns are missing")
		}
		volume := table.column("volume_A3")[row]
		var xx, ase, lmp float64
		for i := range f.N {
			xx += w.Real[9*i]
			ase += s.Real[6*i]
			lmp += l.Real[i]
		}
		// ΣW_xx/V and the kinetic part are the pressure.
		kinetic := table.column("kinetic_eV")[row]
		want := (table.column("pxx_bar")[row] + table.column("pyy_bar")[row] + table.column("pzz_bar")[row]) - 2*kinetic/volume*1602176.634
		var trace float64
		for i := range f.N {
			trace += w.Real[9*i] + w.Real[9*i+4] + w.Real[9*i+8]
		}
		if got := trace / volume * 1602176.634; math.Abs(got-want) > 1e-6*(1+math.Abs(want)) {
			t.Errorf("step %v: ΣW/V = %v bar, want %v", step, got, want)
		}
		if math.Abs(ase+xx/volume) > 1e-12 || math.Abs(lmp+xx*1602176.634) > 1e-6*(1+math.Abs(lmp)) {
			t.Errorf("step %v: ΣW_xx = %v eV; stresses %v eV/Å³, c_stress[1] %v bar·Å³", step, xx, ase, lmp)
		}
		n++
	}
	if n != 5 {
		t.Errorf("%d frames", n)
	}
}
