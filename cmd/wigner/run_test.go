package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/wigner-md/wigner/internal/input"
)

// argon is a quick run: 108 atoms, Lennard-Jones.
const argon = `
[structure]
prototype = "fcc"
elements = ["Ar"]
a_A = 5.3
repeat = [3, 3, 3]
[potential]
type = "lennard-jones"
elements = ["Ar"]
epsilon_eV = 0.0103
sigma_A = 3.4
cutoff_A = 7.0
[dynamics]
ensemble = "langevin"
temperature_K = 90
friction_time_fs = 500
timestep_fs = 4.0
steps = 60
seed = 3
[output]
thermo_every = 7
[[output.dump]]
every = 10
file = "a.extxyz"
properties = ["id", "momenta", "forces", "energies"]
[[output.dump]]
every = 25
file = "b.extxyz"
unwrapped = true
[restart]
every = 20
[parallel]
skin_A = 0.3
`

// config writes a config whose run folder is dir/run.
func config(t testing.TB, dir, text string) string {
	t.Helper()
	text = strings.Replace(text, "[output]", fmt.Sprintf("[output]\ndir = %q", filepath.Join(dir, "run")), 1)
	return write(t, filepath.Join(dir, "in.toml"), text)
}

// same compares the files that a run leaves, byte for byte.
func same(t testing.TB, dir, with string) {
	t.Helper()
	for _, name := range []string{thermoName, "a.extxyz", "b.extxyz"} {
		if a, b := read(t, filepath.Join(with, name)), read(t, filepath.Join(dir, name)); a != b {
			t.Errorf("%s is not that of the undisturbed run: %d and %d bytes", name, len(b), len(a))
		}
	}
}

func TestRun(t *testing.T) {
	dir := t.TempDir()
	cfg, out := config(t, dir, argon), filepath.Join(dir, "run")
	r := mustRun(t, "run", cfg, "--ranks", "2")
	for _, line := range []string{"Loop time of ", " on 2 procs for 60 steps with 108 atoms", "Performance: ", " ns/day, ", " timesteps/s", "% CPU use with 1 MPI tasks x 2 threads", "Pair    | ", "Nlocal: ", "Nghost: ", "Neighs: ", "Histogram: "} {
		if !strings.Contains(r.out, line) {
			t.Errorf("the last lines lack %q:\n%s", line, r.out)
		}
	}
	if strings.Contains(r.out+r.err, "\x1b") {
		t.Error("escape codes where there is no terminal")
	}
	rows := strings.Split(strings.TrimSpace(read(t, filepath.Join(out, thermoName))), "\n")
	if !strings.HasPrefix(rows[0], "step,time_ps,temperature_K,potential_eV,kinetic_eV,total_eV,pressure_bar,pxx_bar,") {
		t.Errorf("header of thermo.csv: %s", rows[0])
	}
	if len(rows) != 1+60/7+1+1 { // the last is of step 60
		t.Errorf("thermo.csv has %d rows", len(rows))
	}
	for _, row := range rows[1:] {
		if strings.Count(row, ",") != strings.Count(rows[0], ",") {
			t.Errorf("row %s", row)
		}
	}
	f := frames(t, filepath.Join(out, "a.extxyz"))
	if len(f) != 7 || f[6].N != 108 || f[6].Column("id").Int[107] != 108 {
		t.Errorf("the trajectory has %d frames", len(f))
	}
	// The energy of a frame is that of thermo.csv and the sum of its column.
	sum := 0.0
	for _, e := range f[0].Column("energies").Real {
		sum += e
	}
	e0, _ := strconv.ParseFloat(strings.Split(rows[1], ",")[3], 64)
	near(t, "energy", []float64{reals(t, f[0], "energy")[0], sum}, []float64{e0, e0}, 1e-12)
	for _, line := range strings.Split(strings.TrimSpace(read(t, filepath.Join(out, logName))), "\n") {
		var x map[string]any
		if err := json.Unmarshal([]byte(line), &x); err != nil || x["msg"] == nil || x["time"] == nil {
			t.Errorf("log line %s: %v", line, err)
		}
	}
	if r := mustRun(t, "info", out); !strings.Contains(r.out, "step         60") {
		t.Errorf("info of a run:\n%s", r.out)
	}

	refuse(t, 2, []string{"holds a run already", "--resume", "--force"}, "run", cfg)
	if r := mustRun(t, "run", cfg, "--resume", "--ranks", "2"); !strings.Contains(r.err, "is finished") {
		t.Errorf("resuming a finished run says %q", r.err)
	}
	if r := mustRun(t, "run", cfg, "--resume", "--ranks", "2", "dynamics.steps=20"); !strings.Contains(r.err, "beyond dynamics.steps = 20") || !strings.Contains(r.err, "step 60") {
		t.Errorf("resuming below the step reached says %q", r.err)
	}
	refuse(t, 2, []string{"exclude"}, "run", cfg, "--resume", "--force")

	// The effective config gives the same run.
	again := filepath.Join(dir, "again")
	mustRun(t, "run", filepath.Join(out, configName), "output.dir="+again, "--ranks", "2", "-q")
	same(t, again, out)
	// Over the old one, with fewer rows than before.
	mustRun(t, "run", cfg, "--force", "--ranks", "2", "-q", "dynamics.steps=20")
	if n := strings.Count(read(t, filepath.Join(out, thermoName)), "\n"); n != 5 {
		t.Errorf("after --force thermo.csv has %d lines", n)
	}
	// A finished run goes on when its end is moved.
	mustRun(t, "run", cfg, "--resume", "-q", "--ranks", "2")
	same(t, out, again)
}

// TestResume: a run that is stopped at any place goes on to the same bytes,
// whatever the processes' ranks.
func TestResume(t *testing.T) {
	dir := t.TempDir()
	cfg := config(t, dir, argon)
	whole := filepath.Join(dir, "whole")
	mustRun(t, "run", cfg, "output.dir="+whole, "--ranks", "3", "-q")
	for _, stop := range []string{"20", "33", "49"} {
		part := filepath.Join(dir, "part"+stop)
		// The rows behind the last restart are as a crash leaves them.
		mustRun(t, "run", cfg, "output.dir="+part, "--ranks", "3", "-q", "dynamics.steps="+stop)
		last := fmt.Sprintf("%s/%06d", filepath.Join(part, restartName), newest(t, part))
		if stop != "20" {
			if err := os.RemoveAll(last); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range []string{thermoName, "a.extxyz"} { // and half a line more
			f, err := os.OpenFile(filepath.Join(part, name), os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(f, "56,0.2")
			f.Close()
		}
		r := mustRun(t, "run", cfg, "output.dir="+part, "--ranks", "1", "--resume")
		if !strings.Contains(r.err, "to the last bit") {
			t.Errorf("resumed from %s: %s", stop, r.err)
		}
		same(t, part, whole)
	}
	part := filepath.Join(dir, "other")
	mustRun(t, "run", cfg, "output.dir="+part, "--ranks", "2", "-q", "dynamics.steps=20")
	if r := mustRun(t, "run", cfg, "output.dir="+part, "--resume", "parallel.bricks=3"); !strings.Contains(r.err, "within rounding") {
		t.Errorf("resumed on other bricks: %s", r.err)
	}
	fresh := filepath.Join(dir, "fresh")
	if r := mustRun(t, "run", cfg, "output.dir="+fresh, "--ranks", "3", "--resume"); !strings.Contains(r.err, "no restart") || !strings.Contains(r.err, "step 0") {
		t.Errorf("resumed without a restart: %s", r.err)
	}
	same(t, fresh, whole)
}

// TestAutoSkin: a skin that the program chooses is that of the same run with the
// number, whatever the ranks, and a resumed run keeps it.
func TestAutoSkin(t *testing.T) {
	dir := t.TempDir()
	cfg := config(t, dir, argon)
	whole, named, part := filepath.Join(dir, "whole"), filepath.Join(dir, "named"), filepath.Join(dir, "part")
	auto := func(out string, args ...string) result {
		return mustRun(t, append([]string{"run", cfg, "output.dir=" + out, "parallel.skin_A=auto", "parallel.bricks=3"}, args...)...)
	}
	r := auto(whole, "--ranks", "1")
	_, rest, ok := strings.Cut(r.err, "skin of the neighbour list: ")
	if !ok {
		t.Fatalf("the skin is not said:\n%s", r.err)
	}
	skin := strings.Fields(rest)[0]
	mustRun(t, "run", cfg, "output.dir="+named, "parallel.skin_A="+skin, "parallel.bricks=3", "-q")
	same(t, named, whole)
	auto(part, "dynamics.steps=20", "-q")
	// Temperature is not asked again: the lists go on as they are.
	if r := auto(part, "--resume"); !strings.Contains(r.err, "to the last bit") {
		t.Errorf("resumed: %s", r.err)
	}
	same(t, part, whole)
	if r := mustRun(t, "run", cfg, "parallel.skin_A=auto", "--dry-run", "--ranks", "1"); !strings.Contains(r.out, skin+" Å: a list lives") {
		t.Errorf("the dry run foresees another skin than %s Å:\n%s", skin, r.out)
	}
}

// TestResumeClaims: a resumed run says what differs from the one that wrote the
// restart, and claims the last bit only where nothing does.
func TestResumeClaims(t *testing.T) {
	dir := t.TempDir()
	cfg, out := config(t, dir, argon), filepath.Join(dir, "run")
	mustRun(t, "run", cfg, "--ranks", "2", "-q", "dynamics.steps=4")
	steps := 4
	resume := func(parts []string, args ...string) {
		t.Helper()
		steps++
		r := mustRun(t, append([]string{"run", cfg, "--resume", fmt.Sprint("dynamics.steps=", steps)}, args...)...)
		for _, p := range parts {
			if !strings.Contains(r.err, p) {
				t.Errorf("%v: the message lacks %q:\n%s", args, p, r.err)
			}
		}
		if said := strings.Contains(r.err, "to the last bit"); said != (len(parts) > 0 && parts[0] == "to the last bit") {
			t.Errorf("%v: the last bit is claimed: %v\n%s", args, said, r.err)
		}
	}
	resume([]string{"to the last bit"})
	resume([]string{"to the last bit"}, "dynamics.max_force_eV_A=900", "restart.every=3", "--ranks", "2")
	// Each setting, and back again, which is another change.
	for _, c := range []struct{ set, how, was string }{
		{"potential.epsilon_eV=0.0104", "other physics", "potential.epsilon_eV (was 0.0103, is 0.0104)"},
		{"dynamics.timestep_fs=3.5", "other physics", "dynamics.timestep_fs (was 4, is 3.5)"},
		{"dynamics.temperature_K=80", "other physics", "dynamics.temperature_K"},
		{"dynamics.friction_time_fs=400", "other physics", "dynamics.friction_time_fs"},
		{"dynamics.seed=4", "other physics", "dynamics.seed"},
		{"parallel.skin_A=0.4", "within rounding", "parallel.skin_A (was 0.3, is 0.4)"},
		{"parallel.grid=[1, 2, 1]", "within rounding", "parallel.grid"},
		{"parallel.bricks=3", "within rounding", "number of bricks"},
	} {
		at := filepath.Join(dir, "at")
		if err := os.CopyFS(at, os.DirFS(out)); err != nil {
			t.Fatal(err)
		}
		resume([]string{c.how, c.was}, c.set, "output.dir="+at)
		if err := os.RemoveAll(at); err != nil {
			t.Fatal(err)
		}
	}
	grid := filepath.Join(dir, "grid")
	if err := os.CopyFS(grid, os.DirFS(out)); err != nil {
		t.Fatal(err)
	}
	resume([]string{"within rounding", "parallel.grid"}, "output.dir="+grid, "parallel.grid=[2, 1, 1]")
	if r := mustRun(t, "info", grid); !strings.Contains(r.out, "2 × 1 × 1") || strings.Contains(r.out, "sigma") {
		t.Errorf("a grid that was asked for is not used:\n%s", r.out)
	}
	// The bricks of the restart stay, whatever --ranks says, which is said.
	resume([]string{"to the last bit", "--ranks asks for 3 ranks; 2 run", "parallel.bricks=3"}, "--ranks", "3")
}

// TestModelDigest: a model is known by its content, not by its name.
func TestModelDigest(t *testing.T) {
	dir := t.TempDir()
	a, b := write(t, filepath.Join(dir, "a"), "abc"), write(t, filepath.Join(dir, "b"), "abc")
	c := write(t, filepath.Join(dir, "c"), "abd")
	of := func(path string) settings {
		cfg := input.Default()
		cfg.Potential.Model = path
		s, err := settingsOf(&cfg, []string{path}, "")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	notes := map[string]string{settingsKey: of(a).encode()}
	if which, physics := of(b).differ(notes); len(which) != 0 || physics {
		t.Errorf("the same model under another name differs in %v", which)
	}
	// FIPS 180-2, appendix B.1: SHA-256 of "abc".
	if which, physics := of(c).differ(notes); len(which) != 1 || !physics || !strings.Contains(which[0], "was a, sha256 ba7816bf") || !strings.Contains(which[0], "is c, ") {
		t.Errorf("another model differs in %v", which)
	}
	other := of(a)
	other[cpuKey] = "generic"
	notes[settingsKey] = other.encode()
	if of(a)[cpuKey] == "generic" {
		t.Skip("this is the generic processor")
	}
	if which, physics := of(a).differ(notes); len(which) != 1 || physics {
		t.Errorf("on another processor %v differ", which)
	}
}

// newest is the number of the newest restart of a run.
func newest(t testing.TB, run string) int {
	t.Helper()
	all := strings.Fields(left(t, filepath.Join(run, restartName)))
	n, err := strconv.Atoi(all[len(all)-1])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestBricks: the same bricks give the same bits on any ranks that hold them.
func TestBricks(t *testing.T) {
	dir := t.TempDir()
	cfg := config(t, dir, argon)
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	mustRun(t, "run", cfg, "-q", "output.dir="+a, "parallel.bricks=4", "parallel.balance=none")
	mustRun(t, "run", cfg, "-q", "output.dir="+b, "parallel.grid=[1, 2, 2]", "parallel.balance=none", "--ranks", "1")
	if g := read(t, filepath.Join(a, configName)); !strings.Contains(g, "bricks = 4") {
		t.Errorf("the effective config:\n%s", g)
	}
	same(t, b, a)
}

// TestWallTime: a run whose time is over ends with 75 and goes on later.
func TestWallTime(t *testing.T) {
	dir := t.TempDir()
	cfg, out := config(t, dir, argon), filepath.Join(dir, "run")
	r := wigner(t, "run", cfg, "restart.wall_time_h=1e-9", "dynamics.steps=100000000", "--ranks", "2")
	if r.code != 75 || !strings.Contains(r.err, "wall time") {
		t.Fatalf("exit status %d\n%s", r.code, r.err)
	}
	mustRun(t, "run", cfg, "--resume", "-q", "--ranks", "2", "dynamics.steps="+strconv.Itoa(max(60, lastStep(t, out)+5)))
}

// lastStep is the last step in thermo.csv.
func lastStep(t testing.TB, run string) int {
	t.Helper()
	rows := strings.Split(strings.TrimSpace(read(t, filepath.Join(run, thermoName))), "\n")
	n, err := strconv.Atoi(strings.Split(rows[len(rows)-1], ",")[0])
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestRunInUse(t *testing.T) {
	dir := t.TempDir()
	cfg, out := config(t, dir, argon), filepath.Join(dir, "run")
	if err := os.Mkdir(out, 0o777); err != nil {
		t.Fatal(err)
	}
	lock, err := os.Create(filepath.Join(out, lockName))
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	fmt.Fprintln(lock, "process 7 on somewhere")
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		t.Skip("no locks here:", err)
	}
	for _, flag := range []string{"--quiet", "--force", "--resume"} {
		refuse(t, 2, []string{"in use", "process 7 on somewhere"}, "run", cfg, flag)
	}
}

// TestNoSpace: a full disk ends the run with an error, and the restart before
// it is good.
func TestNoSpace(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full")
	}
	dir := t.TempDir()
	cfg, out := config(t, dir, argon), filepath.Join(dir, "run")
	mustRun(t, "run", cfg, "--ranks", "2", "-q", "dynamics.steps=20")
	// From here on the trajectory that is due at step 25 finds no room.
	name, aside := filepath.Join(out, "b.extxyz"), filepath.Join(dir, "aside")
	if err := os.Rename(name, aside); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/full", name); err != nil {
		t.Fatal(err)
	}
	refuse(t, 1, []string{"no space left", "b.extxyz"}, "run", cfg, "--resume", "--ranks", "2")
	if err := os.Rename(aside, name); err != nil {
		t.Fatal(err)
	}
	if r := mustRun(t, "run", cfg, "--resume", "--ranks", "2"); !strings.Contains(r.err, "resumed from step 20") {
		t.Errorf("%s", r.err)
	}
	whole := filepath.Join(dir, "whole")
	mustRun(t, "run", cfg, "output.dir="+whole, "--ranks", "2", "-q")
	same(t, out, whole)
}

// TestTrouble: atoms that fly apart end the run with their numbers and the
// last sound frame.
func TestTrouble(t *testing.T) {
	dir := t.TempDir()
	cfg, out := config(t, dir, argon), filepath.Join(dir, "run")
	r := refuse(t, 1, []string{"absurd force", "step", "eV/Å on atom", "the limit is 5", "dynamics.max_force_eV_A", "dynamics.timestep_fs", "last-good.extxyz"}, "run", cfg, "--ranks", "2",
		"dynamics.timestep_fs=60", "dynamics.temperature_K=20000", "dynamics.max_force_eV_A=5", "dynamics.steps=1000")
	f := frames(t, filepath.Join(out, lastName))
	if len(f) != 1 || f[0].N != 108 {
		t.Errorf("%d last frames\n%s", len(f), r.err)
	}
	if !strings.Contains(read(t, filepath.Join(out, logName)), "absurd force") {
		t.Error("the log does not say why the run ended")
	}
}

// TestRunBad: input that cannot be run ends with status 2 and makes no folder.
func TestRunBad(t *testing.T) {
	dir := t.TempDir()
	cfg, out := config(t, dir, argon), filepath.Join(dir, "run")
	structure := func(text string) string {
		return "structure.file=" + write(t, filepath.Join(dir, "s.extxyz"), text)
	}
	file := []string{"structure.prototype=", "structure.elements=[]", "structure.a_A=0", "structure.repeat=[]", structure("2\nLattice=\"9 0 0 0 9 0 0 0 9\" Properties=species:S:1:pos:R:3\nAr 0 0 0\nXe 4 0 0\n")}
	for _, c := range []struct {
		parts []string
		sets  []string
	}{
		{[]string{`did you mean "dynamics.steps"?`}, []string{"dynamics.step=3"}},
		{[]string{"the unit is part of the key"}, []string{"dynamics.timestep_ps=0.001"}},
		{[]string{"out of range"}, []string{"dynamics.temperature_K=-3"}},
		{[]string{"Ne"}, []string{`structure.elements=["Ne"]`}},
		{[]string{"Qq"}, []string{`structure.elements=["Qq"]`}},
		{[]string{"no-such"}, []string{"structure.prototype=", "structure.elements=[]", "structure.a_A=0", "structure.repeat=[]", "structure.file=no-such.xyz"}},
		{[]string{"s.extxyz:1", "Xe"}, file},
		{[]string{"frame 7"}, append(file, "structure.frame=7")},
		{[]string{"2 bricks", "grid"}, []string{"parallel.grid=[1,1,2]", "parallel.bricks=3"}},
		{[]string{"no momenta"}, []string{"dynamics.velocities=file"}},
	} {
		refuse(t, 2, c.parts, append([]string{"run", cfg}, c.sets...)...)
		if c.parts[0] != "no momenta" {
			if _, err := os.Stat(out); err == nil {
				t.Fatalf("%v made a run folder", c.sets)
			}
		}
	}
	refuse(t, 2, []string{"no-such.toml"}, "run", filepath.Join(dir, "no-such.toml"))
}

// TestSparesInput: no run deletes or writes over what it reads.
func TestSparesInput(t *testing.T) {
	dir := t.TempDir()
	text := strings.Replace("# mine\n"+argon, "[output]", fmt.Sprintf("[output]\ndir = %q", dir), 1)
	cfg := write(t, filepath.Join(dir, configName), text)
	for _, flag := range []string{"--force", "--resume", "-q"} {
		refuse(t, 2, []string{"write over", configName, "output.dir"}, "run", cfg, flag, "--ranks", "1")
	}
	if left(t, dir) != configName || read(t, cfg) != text {
		t.Fatalf("the folder holds %s, the config is\n%s", left(t, dir), read(t, cfg))
	}
	out := filepath.Join(dir, "run")
	mustRun(t, "run", cfg, "-q", "--ranks", "1", "output.dir="+out, "dynamics.steps=20")
	traj := read(t, filepath.Join(out, "a.extxyz"))
	again := []string{"run", cfg, "-q", "--ranks", "1", "structure.prototype=", "structure.elements=[]", "structure.a_A=0", "structure.repeat=[]", "structure.file=" + filepath.Join(out, "a.extxyz"), "output.dir=" + out}
	refuse(t, 2, []string{"write over", "a.extxyz"}, append(again, "--force")...)
	refuse(t, 2, []string{"write over", "a.extxyz"}, append(again, "--force", "output.dump=[]")...) // the earlier run's
	two := t.TempDir()
	other := write(t, filepath.Join(two, "other.extxyz"), traj)
	refuse(t, 2, []string{"write over", "other.extxyz"}, "run", cfg, "-q", "--ranks", "1", "structure.prototype=", "structure.elements=[]", "structure.a_A=0", "structure.repeat=[]", "structure.file="+other,
		"output.dir="+two, `output.dump=[{ every = 1, file = "other.extxyz" }]`)
	if read(t, filepath.Join(out, "a.extxyz")) != traj || read(t, other) != traj {
		t.Error("a structure was changed")
	}
	// The effective config is the run's own: it may be read to go on.
	mustRun(t, "run", filepath.Join(out, configName), "-q", "--ranks", "1", "--resume", "dynamics.steps=25")
}

// TestNoTemperature: without a temperature nothing starts at rest unasked.
func TestNoTemperature(t *testing.T) {
	dir := t.TempDir()
	none := strings.Replace(argon, "temperature_K = 90\n", "", 1)
	cfg := config(t, dir, none)
	refuse(t, 2, []string{"in.toml", "dynamics.temperature_K: missing"}, "run", cfg)
	in := write(t, filepath.Join(dir, "s.xyz"), "1\nLattice=\"20 0 0 0 20 0 0 0 20\" Properties=species:S:1:pos:R:3\nAr 0 0 0\n")
	file := []string{"run", cfg, "-q", "--force", "--ranks", "1", "structure.prototype=", "structure.elements=[]", "structure.a_A=0", "structure.repeat=[]", "structure.file=" + in, "dynamics.ensemble=nve", "dynamics.friction_time_fs=0", "dynamics.steps=1"}
	refuse(t, 2, []string{"temperature_K is missing", "no momenta"}, file...)
	mustRun(t, append(file, "dynamics.velocities=zero")...)
	mustRun(t, append(file, "dynamics.temperature_K=0")...)
}

// TestFromFile: momenta of a file are the first velocities, and the output can
// be read as input.
func TestFromFile(t *testing.T) {
	dir := t.TempDir()
	cfg, out := config(t, dir, argon), filepath.Join(dir, "run")
	mustRun(t, "run", cfg, "-q", "dynamics.steps=20", "--ranks", "2", "dynamics.ensemble=nve", "dynamics.friction_time_fs=0")
	next := filepath.Join(dir, "next")
	mustRun(t, "run", cfg, "-q", "dynamics.steps=0", "output.dir="+next, "structure.prototype=", "structure.elements=[]", "structure.a_A=0", "structure.repeat=[]", "dynamics.ensemble=nve", "dynamics.friction_time_fs=0",
		"structure.file="+filepath.Join(out, "a.extxyz"), "structure.frame=-1")
	a, b := frames(t, filepath.Join(out, "a.extxyz")), frames(t, filepath.Join(next, "a.extxyz"))
	near(t, "momenta", b[0].Column("momenta").Real, a[2].Column("momenta").Real, 1e-13)
	near(t, "energy", reals(t, b[0], "energy"), reals(t, a[2], "energy"), 1e-10)
}

// TestOpenCells: a slab, a wire and a molecule whose missing vectors are zero
// keep in trajectories and last-good frames the Lattice that the file gave, so
// that info shows them and a run goes on from them.
func TestOpenCells(t *testing.T) {
	for name, c := range map[string]struct{ lattice, pbc string }{
		"slab":     {"8 0 0 1 8 0 0 0 0", "T T F"},
		"wire":     {"0 0 0 0 8 0 0 0 0", "F T F"},
		"molecule": {"", "F F F"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			cfg, out := config(t, dir, argon), filepath.Join(dir, "run")
			head := fmt.Sprintf("Lattice=%q pbc=%q ", c.lattice, c.pbc)
			if c.lattice == "" {
				head = fmt.Sprintf("pbc=%q ", c.pbc)
			}
			in := write(t, filepath.Join(dir, "in.xyz"), "2\n"+head+"Properties=species:S:1:pos:R:3\nAr 0 0 0\nAr 0 0 5\n")
			want := frames(t, in)[0]
			check := func(path string) {
				t.Helper()
				f := frames(t, path)
				if last := f[len(f)-1]; last.Cell != want.Cell || last.HasCell != want.HasCell || last.PBC != want.PBC {
					t.Errorf("%s: Lattice %v (%v), pbc %v; want %v (%v), %v", path, last.Cell, last.HasCell, last.PBC, want.Cell, want.HasCell, want.PBC)
				}
				mustRun(t, "info", path)
			}
			small := []string{"run", cfg, "-q", "--ranks", "2", "structure.prototype=", "structure.elements=[]", "structure.a_A=0", "structure.repeat=[]", "dynamics.ensemble=nve", "dynamics.friction_time_fs=0"}
			mustRun(t, append(small, "structure.file="+in, "dynamics.steps=20")...)
			traj, next := filepath.Join(out, "a.extxyz"), filepath.Join(dir, "next")
			check(traj)
			check(filepath.Join(out, "b.extxyz"))
			mustRun(t, append(small, "structure.file="+traj, "structure.frame=-1", "output.dir="+next, "dynamics.steps=20")...)
			check(filepath.Join(next, "a.extxyz"))
			bad := filepath.Join(dir, "bad")
			// One rank has no atom. From rest at 5 Å the pair meets at 3.4 Å, where it repels with some 0.1 eV/Å.
			refuse(t, 1, []string{"absurd force", lastName}, append(small, "structure.file="+in, "output.dir="+bad, "dynamics.steps=5000",
				"dynamics.velocities=zero", "dynamics.max_force_eV_A=0.03")...)
			check(filepath.Join(bad, lastName))
		})
	}
}

func TestDryRun(t *testing.T) {
	dir := t.TempDir()
	cfg := config(t, dir, argon)
	r := mustRun(t, "run", cfg, "--dry-run", "--ranks", "4")
	for _, line := range []string{"atoms per rank", "ghosts per rank", "memory per rank", "time per step", "4 ranks"} {
		if !strings.Contains(r.out, line) {
			t.Errorf("the dry run lacks %q:\n%s", line, r.out)
		}
	}
	if got := left(t, dir); got != "in.toml" {
		t.Errorf("a dry run left %s", got)
	}
	// Ten million atoms are counted, not made.
	// So are the bricks of a thousand ranks, here with less than an atom in each.
	if r := mustRun(t, "run", cfg, "--dry-run", "--ranks", "1000"); !strings.Contains(r.out, "1000 ranks") {
		t.Errorf("many ranks:\n%s", r.out)
	}
	mustRun(t, "run", cfg, "--dry-run", "--ranks", "64", "structure.repeat=[136,136,136]")
	if r := mustRun(t, "run", cfg, "--dry-run", "--ranks", "2", "dynamics.temperature_K=0"); !strings.Contains(r.out, "Å: a list lives as long as the atoms do not move\n") {
		t.Errorf("at rest:\n%s", r.out)
	}
	refuse(t, 2, []string{"structure.elements: the model does not know these elements: Kr"}, "run", cfg, "--dry-run", `structure.elements=["Kr"]`)
}

// The distance of the closest atoms is shown, and one that no bond has is warned of.
func TestDryRunClosest(t *testing.T) {
	dir := t.TempDir()
	cfg := config(t, dir, argon)
	// 5.3 Å / √2 in the crystal.
	if r := mustRun(t, "run", cfg, "--dry-run", "--ranks", "3"); !strings.Contains(r.out, "closest atoms      3.748 Å\n") || strings.Contains(r.err, "any bond") {
		t.Errorf("%s%s", r.out, r.err)
	}
	// Lengths in nm.
	in := write(t, filepath.Join(dir, "nm.xyz"), "3\n\nAr 0 0 0\nAr 0.4 0 0\nAr 0.9 0 0\n")
	r := mustRun(t, "run", cfg, "--dry-run", "--ranks", "3", "structure.prototype=", "structure.elements=[]", "structure.a_A=0", "structure.repeat=[]", "structure.file="+in)
	if !strings.Contains(r.out, "closest atoms      0.4 Å\n") || !strings.Contains(r.err, "two atoms are 0.4 Å apart, closer than any bond") {
		t.Errorf("%s%s", r.out, r.err)
	}
}

// TestConfigs: every example makes three steps.
func TestConfigs(t *testing.T) {
	all, err := filepath.Glob(filepath.Join(repo, "configs/*.toml"))
	if err != nil || len(all) < 5 {
		t.Fatal("no configs", err)
	}
	for _, path := range all {
		t.Run(filepath.Base(path), func(t *testing.T) {
			if strings.Contains(read(t, path), `"sevennet-0"`) {
				t.Setenv("WIGNER_MODELS", filepath.Dir(published(t, "sevennet-0")))
			}
			out := filepath.Join(t.TempDir(), "run")
			if verb, _, task := strings.Cut(filepath.Base(path), "-"); task && (verb == "relax" || verb == "elastic" || verb == "eos" || verb == "phonon") {
				// They end by themselves; three steps are enough to see that they run.
				if r := wigner(t, verb, path, "relax.steps=3", "output.dir="+out, "--ranks", "2"); r.code == exitUsage || !strings.Contains(read(t, filepath.Join(out, relaxName)), "\n0,") {
					t.Errorf("%s%s", r.out, r.err)
				}
				return
			}
			mustRun(t, "run", path, "dynamics.steps=3", "output.thermo_every=1", "output.dir="+out, "--ranks", "2")
			if n := lastStep(t, out); n != 3 {
				t.Errorf("it made %d steps", n)
			}
		})
	}
}
