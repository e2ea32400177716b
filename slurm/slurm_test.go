package slurm_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// argon is a quick run: 108 atoms, Lennard-Jones, four bricks. Nothing of it depends
// on where it runs.
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
steps = %d
seed = 3
[output]
dir = "run"
thermo_every = 50
[[output.dump]]
every = 100
file = "a.extxyz"
properties = ["id", "momenta"]
[restart]
every = 0
every_min = 0.02
[parallel]
skin_A = 0.5
bricks = 4
`

const forever = 1_000_000_000

// folder is a job's folder with its input.
func folder(t testing.TB, c *cluster, steps int) string {
	t.Helper()
	dir, err := os.MkdirTemp(c.dir, "job")
	if err != nil {
		t.Fatal(err)
	}
	input(t, dir, steps)
	return dir
}

func input(t testing.TB, dir string, steps int) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, "in.toml"), fmt.Appendf(nil, argon, steps), 0o666); err != nil {
		t.Fatal(err)
	}
}

// status is the run's own word.
type status struct {
	State     string
	Step      int64
	Atoms     int64
	Processes int
	Ranks     int
	Transport string
	Job       string               `json:"slurm_job"`
	Restart   struct{ Step int64 } `json:"last_restart"`
}

func statusIn(dir string) (s status) {
	b, _ := os.ReadFile(filepath.Join(dir, "run", "status.json"))
	_ = json.Unmarshal(b, &s)
	return s
}

// lines counts those of thermo.csv.
func lines(dir string) int {
	b, _ := os.ReadFile(filepath.Join(dir, "run", "thermo.csv"))
	return bytes.Count(b, []byte("\n"))
}

// beyond is a number of steps, at which a frame is due, that the run has not reached.
func beyond(t testing.TB, dir string, more int) int {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(dir, "run", "thermo.csv"))
	if err != nil {
		t.Fatal(err)
	}
	rows := strings.Split(strings.TrimSpace(string(b)), "\n")
	first, _, _ := strings.Cut(rows[len(rows)-1], ",")
	n, err := strconv.Atoi(first)
	if err != nil {
		t.Fatal(err)
	}
	return ((n+more)/100 + 1) * 100
}

// undisturbed compares a job's files with those of a run without SLURM, MPI and
// faults, byte for byte.
func undisturbed(t testing.TB, c *cluster, dir string, steps int) {
	t.Helper()
	whole := folder(t, c, steps)
	cmd := c.command(c.program, "run", "in.toml", "-q")
	cmd.Dir = whole
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range []string{"thermo.csv", "a.extxyz"} {
		a, err := os.ReadFile(filepath.Join(whole, "run", name))
		if err != nil {
			t.Fatal(err)
		}
		b, _ := os.ReadFile(filepath.Join(dir, "run", name))
		if !bytes.Equal(a, b) {
			t.Errorf("%s is not that of the undisturbed run: %d and %d bytes", name, len(b), len(a))
		}
	}
}

// kinds are SLURM's ways to start MPI, with the MPI that is behind each.
var kinds = []struct{ mpi, family string }{{"pmix", "Open MPI"}, {"pmi2", "MPICH"}}

// hybrid is the layout of the tests: two nodes, a process on each, two ranks in it.
var hybrid = []string{"--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=2", "--time=10"}

// TestSrun: srun's processes are one world, under both MPIs; one task alone needs none.
func TestSrun(t *testing.T) {
	c := slurm(t)
	for _, k := range kinds {
		out := c.do(t, "srun", "-N2", "-n2", "--time=5", "--mpi="+k.mpi, "--kill-on-bad-exit=1", c.program, "mpi")
		if !strings.Contains(out, "family     "+k.family) || !strings.Contains(out, "ranks      2") {
			t.Errorf("%s:\n%s", k.mpi, out)
		}
	}
	if out := c.do(t, "srun", "-n1", "--time=5", "--mpi=none", c.program, "mpi"); !strings.Contains(out, "No launcher") {
		t.Errorf("one task:\n%s", out)
	}
}

// TestScripts: the scripts give the bytes of a run without SLURM.
func TestScripts(t *testing.T) {
	c := slurm(t)
	const steps = 1000
	t.Run("single", func(t *testing.T) {
		t.Parallel()
		dir := folder(t, c, steps)
		j := c.submit(t, dir, "single.sbatch", []string{"--cpus-per-task=2", "--time=10"}, []string{"in.toml"})
		j.ends("COMPLETED", 2*time.Minute)
		if s := statusIn(dir); s.State != "finished" || s.Processes != 1 || s.Ranks != 4 || s.Job != j.id {
			t.Errorf("%+v\n%s", s, j.output())
		}
		undisturbed(t, c, dir, steps)
	})
	for _, k := range kinds {
		t.Run("nodes "+k.mpi, func(t *testing.T) {
			t.Parallel()
			dir := folder(t, c, steps)
			j := c.submit(t, dir, "nodes.sbatch", hybrid, []string{"in.toml"}, "WIGNER_SRUN_MPI="+k.mpi)
			j.ends("COMPLETED", 2*time.Minute)
			if s := statusIn(dir); s.State != "finished" || s.Processes != 2 || s.Ranks != 4 || s.Transport != "hybrid" {
				t.Errorf("%+v\n%s", s, j.output())
			}
			undisturbed(t, c, dir, steps)
		})
	}
}

// TestRequeue: SLURM's signal before the time limit ends the run with a restart, the
// job queues itself, and goes on to the bytes of an undisturbed run: all in one job.
func TestRequeue(t *testing.T) {
	c := slurm(t)
	for _, k := range kinds {
		t.Run(k.mpi, func(t *testing.T) {
			t.Parallel()
			dir := folder(t, c, forever)
			j := c.submit(t, dir, "requeue.sbatch", append([]string{"--signal=USR1@60"}, hybrid...), []string{"in.toml"}, "WIGNER_SRUN_MPI="+k.mpi)
			last := int64(0)
			for n := range 2 {
				before := lines(dir)
				j.until("step", time.Minute, func() bool { return lines(dir) > before+2 })
				if n == 0 {
					// A minute and a bit to go: at SLURM's next look the signal is due.
					j.update("EndTime=now+70")
				} else {
					c.do(t, "scancel", "--signal=USR1", j.id)
				}
				j.until("requeue", time.Minute, func() bool {
					return j.state("JobState") == "PENDING" && j.state("Restarts") == fmt.Sprint(n+1)
				})
				s := statusIn(dir)
				if s.State != "stopped" || s.Restart.Step != s.Step || s.Step <= last {
					t.Fatalf("after %d steps: %+v\n%s", last, s, j.output())
				}
				last = s.Step
				steps := forever
				if n == 1 {
					steps = beyond(t, dir, 200)
					input(t, dir, steps)
				}
				j.gone()
				j.update("TimeLimit=10")
				// SLURM would wait for two minutes. What starts within a second of the
				// end before is refused: credentials are revoked by whole seconds.
				time.Sleep(2500 * time.Millisecond)
				j.update("StartTime=now")
				if n == 1 {
					j.ends("COMPLETED", time.Minute)
					if out := j.output(); strings.Count(out, "to the last bit") != 2 || strings.Count(out, "the run goes on in job") != 2 {
						t.Errorf("%s", out)
					}
					undisturbed(t, c, dir, steps)
				}
			}
		})
	}
}

// million is 10⁶ atoms of silicon from 900 K, so that a list is built within ten steps.
const million = `
[structure]
prototype = "diamond"
elements = ["Si"]
a_A = 5.43
repeat = [50, 50, 50]
[potential]
model = %q
[dynamics]
ensemble = "nve"
temperature_K = 900
timestep_fs = 2.0
steps = %d
seed = 1
[output]
dir = "run"
thermo_every = 1
[restart]
every = 0
`

// TestMillion: a job of 1,000,000 atoms with SevenNet-0 on two nodes, a rank on each.
// It takes some ten minutes and 16 GB.
func TestMillion(t *testing.T) {
	if os.Getenv("WIGNER_LONG") != "1" {
		t.Skip("WIGNER_LONG is not set")
	}
	c := slurm(t)
	model, err := filepath.Abs("../models/sevennet-0.pth")
	if err != nil {
		t.Fatal(err)
	}
	const steps = 3
	dir := folder(t, c, 0)
	if err := os.WriteFile(filepath.Join(dir, "in.toml"), fmt.Appendf(nil, million, model, steps), 0o666); err != nil {
		t.Fatal(err)
	}
	j := c.submit(t, dir, "nodes.sbatch", []string{"--nodes=2", "--ntasks-per-node=1", "--cpus-per-task=1", "--time=60"}, []string{"in.toml"})
	j.ends("COMPLETED", time.Hour)
	s := statusIn(dir)
	if s.State != "finished" || s.Step != steps || s.Atoms != 1_000_000 || s.Processes != 2 || s.Job != j.id {
		t.Errorf("%+v", s)
	}
	t.Logf("%s", j.output())
}

// faults is how often each fault is tried.
func faults() int {
	if os.Getenv("WIGNER_LONG") == "1" {
		return 20
	}
	return 2
}

// TestTimeLimit: SLURM's SIGTERM at the time limit, at a random moment, leaves a
// restart of the step where the run was; the next job goes on from it.
func TestTimeLimit(t *testing.T) {
	c := slurm(t)
	several(t, faults(), func(t *testing.T, k int) {
		kind := kinds[k%2].mpi
		dir := folder(t, c, forever)
		j := c.submit(t, dir, "nodes.sbatch", hybrid, []string{"in.toml"}, "WIGNER_SRUN_MPI="+kind)
		j.until("step", time.Minute, func() bool { return lines(dir) > 2 })
		time.Sleep(rand.N(2 * time.Second))
		j.update("EndTime=now+2")
		j.ends("TIMEOUT", 75*time.Second)
		s := statusIn(dir)
		if s.State != "stopped" || s.Restart.Step != s.Step {
			t.Fatalf("%+v\n%s", s, j.output())
		}
		finish(t, c, dir, kind)
	})
}

// TestKilledTask: a rank that is killed at a random moment ends the job, soon, and the
// next job goes on from the last restart.
func TestKilledTask(t *testing.T) {
	c := slurm(t)
	several(t, faults(), func(t *testing.T, k int) {
		kind := kinds[k%2].mpi
		dir := folder(t, c, forever)
		j := c.submit(t, dir, "nodes.sbatch", hybrid, []string{"in.toml"}, "WIGNER_SRUN_MPI="+kind)
		j.until("restart", time.Minute, func() bool { return statusIn(dir).Restart.Step > 0 })
		time.Sleep(rand.N(2 * time.Second))
		pids := tasks(t, c, j)
		if err := syscall.Kill(pids[rand.N(len(pids))], syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		j.ends("FAILED", 45*time.Second) // 30 s, and room for a machine that is busy
		t.Logf("ended %v after the kill", time.Since(begin).Round(100*time.Millisecond))
		finish(t, c, dir, kind)
	})
}

// several runs a fault n times, four at a time.
func several(t *testing.T, n int, f func(t *testing.T, k int)) {
	for k := range n {
		t.Run(fmt.Sprint(k), func(t *testing.T) {
			t.Parallel()
			f(t, k)
		})
	}
}

// finish resumes a run in a further job and compares.
func finish(t *testing.T, c *cluster, dir, kind string) {
	t.Helper()
	steps := beyond(t, dir, 100)
	input(t, dir, steps)
	j := c.submit(t, dir, "nodes.sbatch", hybrid, []string{"in.toml"}, "WIGNER_SRUN_MPI="+kind)
	j.ends("COMPLETED", time.Minute)
	if !strings.Contains(j.output(), "to the last bit") {
		t.Errorf("%s", j.output())
	}
	undisturbed(t, c, dir, steps)
}

// tasks are the processes of a job's ranks.
func tasks(t *testing.T, c *cluster, j *job) (pids []int) {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/environ")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range all {
		env, err := os.ReadFile(name)
		if err != nil || !bytes.Contains(env, []byte("\x00SLURM_JOB_ID="+j.id+"\x00")) || !bytes.Contains(env, []byte("SLURM_CONF="+c.path("slurm.conf")+"\x00")) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); exe == c.program {
			pids = append(pids, pid)
		}
	}
	if len(pids) != 2 {
		t.Fatalf("job %s has the processes %v", j.id, pids)
	}
	return pids
}

// TestScriptsAreSound: bash finds no fault in the scripts.
func TestScriptsAreSound(t *testing.T) {
	all, err := filepath.Glob("*.s*h")
	if err != nil || len(all) < 3 {
		t.Fatal(all, err)
	}
	for _, name := range all {
		if out, err := exec.Command("bash", "-n", name).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// stubs are programs of these names that write what they are called with to calls, and end
// as the text says.
func stubs(t *testing.T, dir string, programs map[string]string) (env []string, calls func() string) {
	t.Helper()
	log := filepath.Join(dir, "calls")
	for name, text := range programs {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/bash\necho "+name+" \"$LAYOUT\" \"$@\" >>"+log+"\n"+text+"\n"), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return append(os.Environ(), "PATH="+dir+":"+os.Getenv("PATH"), "LAYOUT=", "OUT="+filepath.Join(dir, "out")), func() string {
		b, _ := os.ReadFile(log)
		return string(b)
	}
}

// TestScalingRefused: where sbatch does not take a layout, what was submitted is cancelled.
func TestScalingRefused(t *testing.T) {
	env, calls := stubs(t, t.TempDir(), map[string]string{
		"sbatch":  `[ "$LAYOUT" != 9x1x1 ] || exit 1; echo "$(wc -l <"$(dirname "$0")/calls");cluster"`,
		"scancel": "",
	})
	cmd := exec.Command("./scaling.sh", "strong", "m", "100", "1x1x1", "2x1x1", "9x1x1", "4x1x1")
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "sbatch does not take 9x1x1") {
		t.Errorf("%v\n%s", err, out)
	}
	if got := calls(); !strings.HasSuffix(got, "scancel 1 2\n") && !strings.HasSuffix(got, "scancel  1 2\n") || strings.Contains(got, "4x1x1") {
		t.Errorf("%s", got)
	}
}

// TestScalingIncomplete: a layout without a result is named, and the others are put together.
func TestScalingIncomplete(t *testing.T) {
	dir := t.TempDir()
	env, calls := stubs(t, dir, map[string]string{"wigner": ""})
	if err := errors.Join(os.Mkdir(filepath.Join(dir, "out"), 0o777), os.WriteFile(filepath.Join(dir, "out", "point-1x1x1.json"), nil, 0o666)); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("bash", "./scaling.sbatch")
	cmd.Env = append(env, "LAYOUT=collect", "LAYOUTS=1x1x1 2x1x1", "MODE=weak", "WIGNER=wigner")
	out, err := cmd.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "no result of 2x1x1: see") || strings.Contains(string(out), "of 1x1x1") {
		t.Errorf("%v\n%s", err, out)
	}
	if got := calls(); !strings.Contains(got, "--collect --weak") || !strings.Contains(got, "point-1x1x1.json") {
		t.Errorf("%s", got)
	}
}

// TestScaling: the driver submits one job for each layout, and the last one has the
// table, the numbers and the plot of all.
func TestScaling(t *testing.T) {
	c := slurm(t)
	weights, err := os.ReadFile("../testdata/sevennet-tiny/linear-l2.pth")
	if err != nil {
		t.Fatal(err)
	}
	driver, err := filepath.Abs("scaling.sh")
	if err != nil {
		t.Fatal(err)
	}
	for i, mode := range []string{"strong", "weak"} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			dir := folder(t, c, 0)
			model := filepath.Join(dir, "linear-l2.pth") // jobs have a /tmp of their own, where this repository may lie
			if err := os.WriteFile(model, weights, 0o666); err != nil {
				t.Fatal(err)
			}
			cmd := c.command(driver, mode, model, "64", "1x1x1", "1x1x2", "2x1x2", "--", "--time=5")
			cmd.Dir, cmd.Env = dir, append(cmd.Env, "STEPS=2", "WIGNER_SRUN_MPI="+kinds[i].mpi)
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			words := strings.Fields(string(out))
			for k, w := range words {
				if w == "results:" {
					j := &job{t, c, strings.TrimSuffix(words[k+2], ","), dir}
					j.ends("COMPLETED", 2*time.Minute)
				}
			}
			results := filepath.Join(dir, "scaling-"+mode)
			text, err := os.ReadFile(filepath.Join(results, "scaling.json"))
			if err != nil {
				t.Fatal(err)
			}
			var r struct {
				Scaling string
				Results []struct {
					Atoms, Ranks, Processes int
				}
			}
			if err := json.Unmarshal(text, &r); err != nil || r.Scaling != mode || len(r.Results) != 3 {
				t.Fatalf("%v: %s", err, text)
			}
			for _, x := range r.Results {
				if atoms := map[string]int{"strong": 64, "weak": 64 * x.Ranks}[mode]; x.Atoms != atoms || x.Processes != max(1, x.Ranks/2) {
					t.Errorf("%+v", x)
				}
			}
			for _, name := range []string{"scaling.csv", "scaling.svg", "scaling.out"} {
				if info, err := os.Stat(filepath.Join(results, name)); err != nil || info.Size() < 300 {
					t.Errorf("%s: %v %v", name, info, err)
				}
			}
		})
	}
}
