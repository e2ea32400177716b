package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wigner-md/wigner/comm/mpitest"
	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/md"
)

// statusOfRun reads a run's status file.
func statusOfRun(t testing.TB, run string) (s statusReport) {
	t.Helper()
	if err := json.Unmarshal([]byte(read(t, filepath.Join(run, statusName))), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// sentBy are the messages that each rank sent, as ranks.csv has them.
func sentBy(t testing.TB, run string) (out []int) {
	t.Helper()
	rows := strings.Split(strings.TrimSpace(read(t, filepath.Join(run, ranksName))), "\n")
	at := slices.Index(strings.Split(rows[0], ","), "messages_sent")
	for _, row := range rows[1:] {
		n, err := strconv.Atoi(strings.Split(row, ",")[at])
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, n)
	}
	return out
}

// TestSentInLoop: what ranks.csv says to have been sent was sent in the loop, as its
// seconds are: without list builds twice the steps send twice as much.
func TestSentInLoop(t *testing.T) {
	dir := t.TempDir()
	cfg, out := config(t, dir, argon), filepath.Join(dir, "run")
	var sent [2][]int
	for k, steps := range []string{"4", "8"} {
		mustRun(t, "run", cfg, "--force", "--ranks", "2", "-q", "dynamics.temperature_K=1", "dynamics.steps="+steps)
		sent[k] = sentBy(t, out)
	}
	for r := range sent[0] {
		if sent[0][r] == 0 || sent[1][r] != 2*sent[0][r] {
			t.Errorf("rank %d sent %d messages in 4 steps and %d in 8", r, sent[0][r], sent[1][r])
		}
	}
}

// TestStatus: the status file says where a run is, and how it ended.
func TestStatus(t *testing.T) {
	dir := t.TempDir()
	cfg, out := config(t, dir, argon), filepath.Join(dir, "run")
	mustRun(t, "run", cfg, "--ranks", "2", "-q")
	s := statusOfRun(t, out)
	if s.State != stateFinished || s.Step != 60 || s.Steps != 60 || s.Atoms != 108 || s.Ranks != 2 || s.Restart == nil || s.Restart.Step != 60 ||
		s.ETA != 0 || s.PerStep <= 0 || s.Kernels != kernel.CPU() || s.PID != os.Getpid() {
		t.Errorf("%+v", s)
	}
	near(t, "time", []float64{s.TimePs}, []float64{0.24}, 1e-12) // 60 steps of 4 fs
	rows := strings.Split(strings.TrimSpace(read(t, filepath.Join(out, ranksName))), "\n")
	if len(rows) != 3 || strings.Count(rows[0], ",") != strings.Count(rows[1], ",") || !strings.HasPrefix(rows[2], "1,0,") {
		t.Errorf("ranks.csv:\n%s", strings.Join(rows, "\n"))
	}
	wigner(t, "run", cfg, "-q", "--resume", "dynamics.steps=100000000", "--max-hours", "1e-9")
	if s := statusOfRun(t, out); s.State != stateStopped || s.Step <= 60 || s.Restart.Step != s.Step || s.ETA <= 0 {
		t.Errorf("stopped: %+v", s)
	}
	refuse(t, 1, []string{"absurd force in step 0", "before the first step", "wigner relax"}, "run", cfg, "--force", "--ranks", "2", "-q", "dynamics.max_force_eV_A=1e-5", "structure.rattle_A=0.1")
	if s := statusOfRun(t, out); s.State != stateFailed || !strings.Contains(s.Error, "absurd force") {
		t.Errorf("failed: %+v", s)
	}
	refuse(t, 2, []string{"--max-hours"}, "run", cfg, "--force", "--max-hours", "0")
	// A file that cannot be written is no reason to end a run.
	if err := os.Mkdir(filepath.Join(out, statusName+".tmp"), 0o777); err != nil {
		t.Fatal(err)
	}
	if r := mustRun(t, "run", cfg, "--force", "--ranks", "2"); strings.Count(r.err, "status file cannot be written") != 1 {
		t.Errorf("%s", r.err)
	}
}

// running is the program at work, past its first line of thermo.csv.
type running struct {
	cmd *exec.Cmd
	err bytes.Buffer
}

func begin(t testing.TB, run string, args ...string) *running {
	t.Helper()
	r := &running{cmd: exec.Command(binary(t), args...)}
	r.cmd.Stderr = &r.err
	if err := r.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.cmd.Process.Kill() })
	until(t, "no step", func() bool {
		b, _ := os.ReadFile(filepath.Join(run, thermoName))
		return bytes.Count(b, []byte("\n")) > 2
	})
	return r
}

// until waits for what must come within a minute.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s within a minute", what)
		}
	}
}

// TestSaves: a restart can be asked for by SIGUSR2 and by wall time; the run goes on,
// and what a kill leaves continues to the bytes of an undisturbed run.
func TestSaves(t *testing.T) {
	long := strings.Replace(argon, "every = 7", "every = 50", 1)
	long = strings.Replace(long, "every = 10\n", "every = 500\n", 1)
	long = strings.Replace(long, "every = 20", "every = 0", 1)
	for name, minutes := range map[string]string{"signal": "0", "time": "0.001"} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			cfg, out := config(t, dir, long), filepath.Join(dir, "run")
			r := begin(t, out, "run", cfg, "--ranks", "2", "dynamics.steps=1000000000", "restart.every_min="+minutes)
			for n := range 3 {
				if minutes == "0" {
					if err := r.cmd.Process.Signal(syscall.SIGUSR2); err != nil {
						t.Fatal(err)
					}
				}
				until(t, fmt.Sprint("no restart ", n+1), func() bool {
					_, err := os.Stat(filepath.Join(out, restartName, fmt.Sprintf("%06d", n+1), "manifest.bin"))
					return err == nil
				})
			}
			_ = r.cmd.Process.Kill()
			_ = r.cmd.Wait()
			steps := fmt.Sprintf("dynamics.steps=%d", (lastStep(t, out)/500+1)*500)
			if r := mustRun(t, "run", cfg, "--resume", steps); !strings.Contains(r.err, "to the last bit") {
				t.Errorf("%s", r.err)
			}
			whole := filepath.Join(dir, "whole")
			mustRun(t, "run", cfg, "output.dir="+whole, "--ranks", "2", "-q", steps)
			same(t, out, whole)
		})
	}
}

// TestAdvice: each kind of trouble is named, with what to change.
func TestAdvice(t *testing.T) {
	base := assessment{ranks: 4, steps: 1000, wall: 100, rebuilds: 40, skin: 0.5, owned: 500, ghosts: 900, entries: 20000,
		slowest: culprit{value: 82, entries: 20000}, widest: culprit{entries: 20000, value: 20000}}
	base.stage[md.Pair], base.stage[md.Comm] = 80, 15
	for name, c := range map[string]struct {
		change func(a *assessment)
		says   []string
	}{
		"sound":   {func(*assessment) {}, nil},
		"every":   {func(a *assessment) { a.rebuilds = 950 }, []string{"rebuilt in every step", "parallel.skin_A"}},
		"often":   {func(a *assessment) { a.rebuilds = 300; a.stage[md.Neigh] = 25 }, []string{"every 3.3 steps", "25 %", "parallel.skin_A"}},
		"few":     {func(a *assessment) { a.stage[md.Pair], a.stage[md.Comm], a.slowest.value = 30, 65, 31 }, []string{"65 %", "fewer ranks"}},
		"slow":    {func(a *assessment) { a.slowest = culprit{2, 160, 20000, "process 1 on n2"} }, []string{"rank 2 (process 1 on n2)", "2.00 times", "core"}},
		"uneven":  {func(a *assessment) { a.slowest = culprit{1, 160, 40000, ""}; a.widest = culprit{1, 40000, 40000, ""} }, []string{"rank 1", "2.00 times", "parallel.bricks"}},
		"frozen":  {func(a *assessment) { a.frozen = culprit{3, 2.5, 0, "process 3 on n1"}; a.steps = 1 }, []string{"process 3 on n1", "2.5 s"}},
		"start":   {func(a *assessment) { a.steps, a.rebuilds = 20, 20 }, nil},
		"one":     {func(a *assessment) { a.ranks = 1; a.stage[md.Comm] = 70 }, nil},
		"no work": {func(a *assessment) { *a = assessment{ranks: 4} }, nil},
	} {
		a := base
		c.change(&a)
		got := a.advise()
		if len(got) > 1 || (len(got) == 0) != (len(c.says) == 0) {
			t.Errorf("%s: %v", name, got)
			continue
		}
		for _, s := range c.says {
			if !strings.Contains(got[0].text, s) {
				t.Errorf("%s: %q lacks %q", name, got[0].text, s)
			}
		}
	}
}

// TestFrozen: a process that was stopped says so, and its result is the same.
func TestFrozen(t *testing.T) {
	dir := t.TempDir()
	long := strings.Replace(argon, "every = 7", "every = 500", 1)
	cfg, out := config(t, dir, long), filepath.Join(dir, "run")
	r := begin(t, out, "run", cfg, "--ranks", "2", "dynamics.steps=1000000000", "restart.every=0")
	_ = r.cmd.Process.Signal(syscall.SIGSTOP)
	time.Sleep(1500 * time.Millisecond)
	_ = r.cmd.Process.Signal(syscall.SIGCONT)
	time.Sleep(300 * time.Millisecond)
	_ = r.cmd.Process.Signal(syscall.SIGTERM)
	_ = r.cmd.Wait()
	if !strings.Contains(r.err.String(), "stood still for ") || len(statusOfRun(t, out).Warnings) == 0 {
		t.Errorf("%s", r.err.String())
	}
}

// TestUnlikeMachines: processes with unlike processors use the instructions of the least.
func TestUnlikeMachines(t *testing.T) {
	if kernel.CPU() == "generic" {
		t.Skip("this is the generic processor")
	}
	for _, l := range mpitest.Launchers(t) {
		dir := t.TempDir()
		out := func(name string) string { return filepath.Join(dir, name+".extxyz") }
		args := func(name string) []string {
			return []string{binary(t), "eval", filepath.Join(tiny, "linear-l2.extxyz"), "-m", filepath.Join(tiny, "linear-l2.pth"), "-o", out(name)}
		}
		all := append([]string{"-n", "1", "env", "WIGNER_CPU=generic"}, args("unlike")...)
		all = append(append(all, ":", "-n", "1"), args("unlike")...)
		if r := start(t, nil, l.Path, l.With(all...)...); r.code != 0 {
			t.Fatalf("%s: exit status %d\n%s", l, r.code, r.err)
		}
		if r := start(t, []string{"WIGNER_CPU=generic"}, l.Path, l.With(append([]string{"-n", "2"}, args("least")...)...)...); r.code != 0 {
			t.Fatalf("%s: exit status %d\n%s", l, r.code, r.err)
		}
		if r := start(t, nil, l.Path, l.With(append([]string{"-n", "2"}, args("own")...)...)...); r.code != 0 {
			t.Fatalf("%s: exit status %d\n%s", l, r.code, r.err)
		}
		if read(t, out("unlike")) != read(t, out("least")) || read(t, out("unlike")) == read(t, out("own")) {
			t.Errorf("%s: unlike processors do not give the bits of the least of them", l)
		}
	}
}
