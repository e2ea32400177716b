package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/comm/mpitest"
)

// pressed is argon under pressure, in a cell that shears, with a frozen group.
var pressed = strings.Replace(strings.Replace(argon, `ensemble = "langevin"`, `ensemble = "npt"`, 1), "friction_time_fs = 500\n", "", 1) + `
[thermostat]
type = "nose-hoover"
[barostat]
coupling = "triclinic"
pressure_GPa = 0.2
pressure_end_GPa = 0.4
damping_fs = 400
[[group]]
name = "wall"
from = [0, 0, 0]
to = [1, 1, 0.1]
frozen = ["z"]
`

// A run under pressure that was broken off leaves the files of one that was not,
// the columns of the cell among them.
func TestPressure(t *testing.T) {
	for _, kind := range [][]string{nil, {"thermostat.type=csvr", "barostat.type=c-rescale"}, {"thermostat.type=langevin"}} {
		one, two := t.TempDir(), t.TempDir()
		cfg := config(t, one, pressed)
		mustRun(t, append([]string{"run", cfg, "--ranks", "3"}, kind...)...)
		rows := strings.Split(strings.TrimSpace(read(t, filepath.Join(one, "run", thermoName))), "\n")
		if !strings.HasSuffix(rows[0], ",conserved_eV"+cellColumns) || strings.Count(rows[9], ",") != strings.Count(rows[0], ",") {
			t.Errorf("%s\n%s", rows[0], rows[9])
		}
		first, last := strings.Split(rows[1], ","), strings.Split(rows[9], ",")
		if first[len(first)-1] == last[len(last)-1] {
			t.Errorf("the cell has not moved: %s", rows[9])
		}
		cfg = config(t, two, pressed)
		mustRun(t, append([]string{"run", cfg, "--ranks", "3", "barostat.pressure_end_GPa=0.4", "restart.every=40"}, kind...)...)
		// As if killed after step 40: the restart of step 60 is gone.
		gs, err := os.ReadDir(filepath.Join(two, "run", restartName))
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range gs[1:] {
			os.RemoveAll(filepath.Join(two, "run", restartName, g.Name()))
		}
		mustRun(t, append([]string{"run", cfg, "--resume", "restart.every=40"}, kind...)...)
		same(t, filepath.Join(two, "run"), filepath.Join(one, "run"))
	}
}

func TestBadEnsembles(t *testing.T) {
	dir := t.TempDir()
	cfg := config(t, dir, pressed)
	for _, c := range []struct {
		parts []string
		args  []string
	}{
		{[]string{"not periodic along lattice vector c", `coupling = "axes"`}, []string{"structure.pbc=[true,true,false]", "structure.vacuum_A=[0,0,20]"}},
		{[]string{"thermostat.group", "did you mean \"wall\""}, []string{"thermostat.type=langevin", "thermostat.group=wal"}},
		{[]string{`group "wall"`, "no atom 109", "108"}, []string{`group=[{name="wall", ids=["100-109"]}]`}},
		{[]string{`group "wall" has no atoms`}, []string{`group=[{name="wall", elements=["Kr"]}]`}},
		{[]string{"deform", `"axes"`}, []string{"deform.rate_per_ps=[[0,0,0],[0,0,0],[0,0,0.1]]"}},
	} {
		refuse(t, exitUsage, c.parts, append([]string{"run", cfg}, c.args...)...)
	}
	// A cell that collapses: the run ends, and the last sound frame is there.
	refuse(t, exitFailed, []string{"last sound frame", lastName}, "run", cfg, "barostat.pressure_GPa=5000", "barostat.pressure_end_GPa=5000", "barostat.damping_fs=30", "--ranks", "2")
	if f := frames(t, filepath.Join(dir, "run", lastName)); len(f) != 1 || f[0].N != 108 {
		t.Error("no last sound frame")
	}
	// A slab may breathe in its plane.
	mustRun(t, "run", cfg, "--force", "structure.pbc=[true,true,false]", "structure.vacuum_A=[0,0,20]", "barostat.coupling=axes", `barostat.axes=["x","y"]`)
}

// The same bricks under pressure give the same files in one process, under both
// MPIs, and in several processes of several ranks; so does a run that one MPI broke
// off and the other went on with.
func TestPressureMPI(t *testing.T) {
	launchers := mpitest.Launchers(t)
	one := t.TempDir()
	mustRun(t, "run", config(t, one, pressed), "--ranks", "4")
	for i, launcher := range launchers {
		dir := t.TempDir()
		cfg := config(t, dir, pressed)
		if r := mpirun(t, launcher, 2, "run", cfg, "parallel.bricks=4"); r.code != 0 {
			t.Fatalf("%s: %s%s", launcher, r.out, r.err)
		}
		same(t, filepath.Join(dir, "run"), filepath.Join(one, "run"))
		gs, err := os.ReadDir(filepath.Join(dir, "run", restartName))
		if err != nil {
			t.Fatal(err)
		}
		os.RemoveAll(filepath.Join(dir, "run", restartName, gs[len(gs)-1].Name()))
		if r := mpirun(t, launchers[len(launchers)-1-i], 4, "run", cfg, "parallel.bricks=4", "--resume"); r.code != 0 {
			t.Fatalf("%s: %s%s", launcher, r.out, r.err)
		}
		same(t, filepath.Join(dir, "run"), filepath.Join(one, "run"))
	}
}

// A run that goes on with another ensemble begins its bath and barostat anew, and
// says so.
func TestOtherEnsembleOnResume(t *testing.T) {
	dir := t.TempDir()
	cfg := config(t, dir, pressed)
	mustRun(t, "run", cfg, "dynamics.steps=20")
	plain := strings.NewReplacer(`ensemble = "langevin"`, `ensemble = "nve"`, "friction_time_fs = 500\n", "").Replace(argon) +
		pressed[strings.Index(pressed, "[[group]]"):] // the atoms of the restart are in it
	refuse(t, 2, []string{"group (was", "is none"}, "run", cfg, "--resume", "dynamics.steps=40", "group=[]")
	for i, c := range []struct{ text, set string }{{pressed, "thermostat.type=csvr"}, {plain, "dynamics.seed=3"}, {pressed, "dynamics.seed=3"}} {
		cfg := config(t, dir, c.text)
		r := mustRun(t, "run", cfg, "--resume", fmt.Sprintf("dynamics.steps=%d", 40+20*i), c.set)
		if !strings.Contains(r.err, "other physics") {
			t.Errorf("%s: %s", c.set, r.err)
		}
		if n := lastStep(t, filepath.Join(dir, "run")); n <= 20*(i+1) { // every 7th is written
			t.Errorf("it ended with step %d", n)
		}
	}
}
