package main

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// stepsOf are the steps that thermo.csv has rows of.
func stepsOf(t testing.TB, run string) (out []int) {
	t.Helper()
	for _, row := range strings.Split(strings.TrimSpace(read(t, filepath.Join(run, thermoName))), "\n")[1:] {
		n, err := strconv.Atoi(strings.Split(row, ",")[0])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

// TestLastRow: the last step has a row, as in LAMMPS, also where a restart of it was
// written before; a run that goes on behind it has none there.
func TestLastRow(t *testing.T) {
	dir := t.TempDir()
	cfg := config(t, dir, argon)
	whole, part := filepath.Join(dir, "whole"), filepath.Join(dir, "part")
	mustRun(t, "run", cfg, "output.dir="+whole, "--ranks", "2", "-q")
	if got := fmt.Sprint(stepsOf(t, whole)); got != "[0 7 14 21 28 35 42 49 56 60]" {
		t.Errorf("rows of steps %s", got)
	}
	for i, end := range []string{"33", "40", "42", "60"} { // 40 is a restart's step, 42 a row's
		args := []string{"run", cfg, "output.dir=" + part, "--ranks", "2", "-q", "dynamics.steps=" + end}
		if i > 0 {
			args = append(args, "--resume")
		}
		mustRun(t, args...)
		if got := stepsOf(t, part); strconv.Itoa(got[len(got)-1]) != end {
			t.Errorf("to step %s: the last row is of step %d", end, got[len(got)-1])
		}
		if log := read(t, filepath.Join(part, tableName)); !strings.Contains(log, "\n"+fmt.Sprintf("%*s ", width(0), end)) {
			t.Errorf("log.lammps has no step %s:\n%s", end, log)
		}
	}
	same(t, part, whole)
	// A stop is no end: the row of an undisturbed run follows.
	stopped := filepath.Join(dir, "stopped")
	wigner(t, "run", cfg, "output.dir="+stopped, "--ranks", "2", "restart.wall_time_h=1e-9", "-q")
	mustRun(t, "run", cfg, "output.dir="+stopped, "--resume", "-q")
	same(t, stopped, whole)
}

// TestResumeStructure: a resumed run has its atoms from the restart, and another
// structure is not taken for them.
func TestResumeStructure(t *testing.T) {
	dir := t.TempDir()
	cfg, out := config(t, dir, argon), filepath.Join(dir, "run")
	mustRun(t, "run", cfg, "-q", "--ranks", "1", "dynamics.steps=20")
	again := []string{"run", cfg, "--resume", "--ranks", "1", "dynamics.steps=21"}
	for set, was := range map[string]string{
		"structure.a_A=5.4":                        "structure.a_A (was 5.3, is 5.4)",
		"structure.repeat=[3, 3, 4]":               "structure.repeat (was [3 3 3], is [3 3 4])",
		"structure.rattle_A=0.1":                   "structure.rattle_A (was none, is 0.1). Set",
		`group=[{ name = "left", ids = ["1-5"] }]`: "group (was none",
		`structure.vacuum_A=[0.0, 0.0, 10.0]`:      "structure.vacuum_A",
	} {
		refuse(t, 2, []string{was, "--force"}, append(again, set)...)
	}
	mustRun(t, again...)

	in := write(t, filepath.Join(dir, "s.xyz"), "1\nLattice=\"20 0 0 0 20 0 0 0 20\" Properties=species:S:1:pos:R:3\nAr 0 0 0\n")
	file := []string{"run", cfg, "--ranks", "1", "structure.prototype=", "structure.elements=[]", "structure.a_A=0", "structure.repeat=[]", "structure.file=" + in, "output.dir=" + out + "-file"}
	mustRun(t, append(file, "dynamics.steps=20", "-q")...)
	moved := filepath.Join(dir, "moved.xyz")
	if err := os.Rename(in, moved); err != nil {
		t.Fatal(err)
	}
	file[len(file)-2] = "structure.file=" + moved
	if r := mustRun(t, append(file, "--resume", "dynamics.steps=21")...); !strings.Contains(r.err, "to the last bit") || strings.Contains(r.err, "moved.xyz") {
		t.Errorf("the same structure under another name: %s", r.err)
	}
	write(t, moved, strings.Replace(read(t, moved), "Ar 0 0 0", "Ar 0 0 1", 1))
	r := mustRun(t, append(file, "--resume", "dynamics.steps=22")...)
	if !strings.Contains(r.err, "moved.xyz is not what it was") || len(statusOfRun(t, out+"-file").Warnings) != 1 {
		t.Errorf("a file that was changed: %s", r.err)
	}
}

// fccFile is the unit cell of argon, as argon has it.
const fccFile = "4\nLattice=\"5.3 0 0 0 5.3 0 0 0 5.3\" Properties=species:S:1:pos:R:3\nAr 0 0 0\nAr 0 2.65 2.65\nAr 2.65 0 2.65\nAr 2.65 2.65 0\n"

// TestFileSupercell: the cell of a file is repeated and its atoms are displaced, as those
// of a prototype are.
func TestFileSupercell(t *testing.T) {
	dir := t.TempDir()
	cfg := config(t, dir, argon)
	in := write(t, filepath.Join(dir, "unit.xyz"), fccFile)
	run := func(name string, sets ...string) string {
		out := filepath.Join(dir, name)
		mustRun(t, append([]string{"run", cfg, "-q", "output.dir=" + out, "dynamics.steps=0", "dynamics.velocities=zero"}, sets...)...)
		return filepath.Join(out, "a.extxyz")
	}
	of := []string{"structure.prototype=", "structure.elements=[]", "structure.a_A=0"}
	file := append(of, "structure.file="+in)
	whole, mine := frames(t, run("prototype", "--ranks", "1"))[0], frames(t, run("file", append(file, "--ranks", "2")...))[0]
	if mine.N != 108 || mine.Cell != whole.Cell {
		t.Fatalf("%d atoms in %v, want %d in %v", mine.N, mine.Cell, whole.N, whole.Cell)
	}
	near(t, "energy", reals(t, mine, "energy"), reals(t, whole, "energy"), 1e-10)

	rattled := append(file, "structure.rattle_A=0.05")
	one, two := run("one", append(rattled, "--ranks", "1")...), run("two", append(rattled, "--ranks", "3")...)
	near(t, "energy on other ranks", reals(t, frames(t, one)[0], "energy"), reals(t, frames(t, two)[0], "energy"), 1e-10)
	sum, n := 0.0, 0
	for i, x := range frames(t, one)[0].X {
		for k := range x {
			d := x[k] - mine.X[i][k]
			d -= 15.9 * math.Round(d/15.9)
			sum += d * d
			n++
		}
	}
	// The standard deviation of the estimate from 324 numbers is 1/√648, 4 %.
	if got := math.Sqrt(sum / float64(n)); math.Abs(got/0.05-1) > 0.16 {
		t.Errorf("atoms are displaced by %g Å, want 0.05", got)
	}

	molecule := write(t, filepath.Join(dir, "open.xyz"), "1\npbc=\"F F F\" Properties=species:S:1:pos:R:3\nAr 0 0 0\n")
	refuse(t, 2, []string{"open.xyz", "structure.repeat", "lattice vector a"}, append([]string{"run", cfg, "--ranks", "1", "structure.file=" + molecule}, of...)...)

	// A dry run sees the same atoms, of other formats too.
	data := filepath.Join(dir, "unit.txt")
	mustRun(t, "convert", in, data, "--to", "lammps-data")
	sets := append([]string{"run", cfg, "--dry-run", "--ranks", "2", "structure.file=" + data, "structure.format=lammps-data", `structure.species=["Ar"]`}, of...)
	for _, ranks := range []string{"2", "300"} { // of many, weighed by their atoms alone
		if r := mustRun(t, append(sets, "--ranks", ranks)...); !strings.Contains(r.out, "atoms              108\n") {
			t.Errorf("%s ranks: a dry run counts other atoms:\n%s", ranks, r.out)
		}
	}
	if r := mustRun(t, append(sets, "parallel.skin_A=auto")...); !strings.Contains(r.out, "atoms              108\n") {
		t.Errorf("a dry run counts other atoms:\n%s", r.out)
	}
}

// TestNoSteps: a run without its number of steps is refused; none may be asked for.
func TestNoSteps(t *testing.T) {
	dir := t.TempDir()
	cfg := config(t, dir, strings.Replace(argon, "steps = 60\n", "", 1))
	refuse(t, 2, []string{"in.toml", "dynamics.steps: missing"}, "run", cfg)
	mustRun(t, "run", cfg, "-q", "--ranks", "1", "dynamics.steps=0")
}

// TestMomentaBeforeTemperature: a temperature that nothing uses, because the file has
// momenta, is said.
func TestMomentaBeforeTemperature(t *testing.T) {
	dir := t.TempDir()
	cfg := config(t, dir, strings.Replace(argon, "\"langevin\"", "\"nve\"", 1))
	in := write(t, filepath.Join(dir, "s.xyz"), "1\nLattice=\"20 0 0 0 20 0 0 0 20\" Properties=species:S:1:pos:R:3:momenta:R:3\nAr 0 0 0 1 2 3\n")
	file := []string{"run", cfg, "--force", "--ranks", "1", "structure.prototype=", "structure.elements=[]", "structure.a_A=0", "structure.repeat=[]", "structure.file=" + in, "dynamics.friction_time_fs=0", "dynamics.steps=1"}
	const said = "dynamics.temperature_K = 90 is not used: the first velocities are the momenta of structure.file"
	if r := mustRun(t, file...); !strings.Contains(r.err, said) {
		t.Errorf("it says %q", r.err)
	}
	for _, set := range []string{"dynamics.velocities=file", "dynamics.velocities=maxwell", "dynamics.ensemble=langevin"} {
		if r := mustRun(t, append(file, set)...); strings.Contains(r.err, "is not used") {
			t.Errorf("%s: it says %q", set, r.err)
		}
	}
}

// A restart without its manifest is passed over, which is said.
func TestResumeWithoutManifest(t *testing.T) {
	dir := t.TempDir()
	cfg, out := config(t, dir, argon), filepath.Join(dir, "run")
	mustRun(t, "run", cfg, "-q", "--ranks", "1")
	for _, says := range []string{"resumed from step 40", "no restart, only "} { // a restart every 20 of 60 steps
		code := 0
		if says != "resumed from step 40" {
			code = exitUsage
		}
		all, _ := filepath.Glob(filepath.Join(out, restartName, "*", "manifest.bin"))
		if len(all) == 0 {
			t.Fatal("no restarts")
		}
		for i, name := range all {
			if i == len(all)-1 || says != "resumed from step 40" {
				os.Remove(name)
			}
		}
		r := wigner(t, "run", cfg, "--resume", "--ranks", "1")
		if r.code != code || !strings.Contains(r.err, says) || !strings.Contains(r.err, "manifest") || !strings.Contains(r.err, filepath.Dir(all[len(all)-1])) {
			t.Errorf("want %q:\n%s", says, r.err)
		}
	}
}

// TestResumeLost: a run whose restarts are gone is not begun anew over its results; one
// that was ended before its first restart is.
func TestResumeLost(t *testing.T) {
	dir := t.TempDir()
	cfg, out := config(t, dir, argon), filepath.Join(dir, "run")
	again := []string{"run", cfg, "--resume", "--ranks", "1"}
	mustRun(t, "run", cfg, "-q", "--ranks", "1")
	want := map[string]string{}
	for _, name := range []string{thermoName, "a.extxyz", configName} {
		want[name] = read(t, filepath.Join(out, name))
	}
	if err := os.RemoveAll(filepath.Join(out, restartName)); err != nil {
		t.Fatal(err)
	}
	refuse(t, 2, []string{"a restart of step 60", "no restart", filepath.Join(out, restartName), "--force"}, again...)
	status := filepath.Join(out, statusName)
	text := read(t, status)
	if err := os.Remove(status); err != nil {
		t.Fatal(err)
	}
	refuse(t, 2, []string{thermoName, "no restart", "--force"}, again...)
	for name, text := range want {
		if read(t, filepath.Join(out, name)) != text {
			t.Errorf("%s was changed", name)
		}
	}
	begin, rest, _ := strings.Cut(text, `"last_restart": {`)
	_, rest, ok := strings.Cut(rest, "}")
	if !ok {
		t.Fatalf("status.json:\n%s", text)
	}
	write(t, status, begin+`"last_restart": null`+rest)
	if r := mustRun(t, again...); !strings.Contains(r.err, "starts from step 0") {
		t.Errorf("no restart had been written: %s", r.err)
	}

	relaxed := filepath.Join(dir, "relaxed")
	if err := os.Mkdir(relaxed, 0o777); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(relaxed, relaxName), "kept")
	refuse(t, 2, []string{relaxName, "--force"}, append(again, "output.dir="+relaxed)...)
}

// TestResumeFiles: a run whose files are not as the restart counts on is not continued, and
// loses nothing; a trajectory goes on in another file where that is asked for.
func TestResumeFiles(t *testing.T) {
	dir := t.TempDir()
	cfg, out := config(t, dir, argon), filepath.Join(dir, "run")
	mustRun(t, "run", cfg, "-q", "--ranks", "1")
	thermo, frames := filepath.Join(out, thermoName), filepath.Join(out, "a.extxyz")
	all, _ := filepath.Glob(filepath.Join(out, restartName, "*"))
	if r := mustRun(t, "info", all[0]); !strings.Contains(r.out, "step         40 ") || strings.Contains(r.out, "step         60 ") {
		t.Errorf("info of one restart: %s", r.out)
	}
	lines, traj := read(t, thermo), read(t, frames)
	write(t, thermo, lines+"61,of a killed run\n")
	again := []string{"run", cfg, "--resume", "--ranks", "1", "dynamics.steps=80"}
	kept := func() {
		t.Helper()
		if got := read(t, thermo); got != lines+"61,of a killed run\n" {
			t.Errorf("%s was changed: %d bytes", thermo, len(got))
		}
	}

	if err := os.Remove(frames); err != nil {
		t.Fatal(err)
	}
	refuse(t, 2, []string{frames, fmt.Sprint(len(traj)), "put it back, or give the dump another file"}, again...)
	kept()
	if exists(frames) {
		t.Error("an empty trajectory stands for the lost one")
	}
	write(t, frames, traj[:len(traj)-1])
	refuse(t, 2, []string{frames, fmt.Sprint(len(traj) - 1), fmt.Sprint(len(traj))}, again...)
	kept()
	write(t, frames, traj)

	// The dump is left out for some steps, and then wanted again.
	mustRun(t, append(again, "-q", "output.dump=[]")...)
	again[len(again)-1] = "dynamics.steps=100"
	refuse(t, 2, []string{frames, "the restart knows nothing"}, again...)
	if read(t, frames) != traj {
		t.Error("frames are lost")
	}
	other := filepath.Join(out, "other.extxyz")
	more := append(again, "-q", `output.dump=[{every = 10, file = "other.extxyz"}]`)
	for range 2 { // the second as if the first had been killed before it wrote a restart
		mustRun(t, more...)
		if n := strings.Count(read(t, other), "Lattice="); n != 2 { // of steps 90 and 100
			t.Errorf("%d frames", n)
		}
		all, _ := filepath.Glob(filepath.Join(out, restartName, "*"))
		if err := os.RemoveAll(all[len(all)-1]); err != nil {
			t.Fatal(err)
		}
	}
}
