package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wigner-md/wigner/comm/mpi"
	"github.com/wigner-md/wigner/comm/mpitest"
)

// program is bin/wigner, built as users have it.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "wigner")
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, "wigner")
	cmd := exec.Command("go", "build", "-buildvcs=false", "-o", name, ".")
	cmd.Dir = filepath.Join(repo, "cmd/wigner")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return name, nil
})

func TestMain(m *testing.M) {
	code := m.Run()
	if name, err := program(); err == nil && built {
		os.RemoveAll(filepath.Dir(name))
	}
	os.Exit(code)
}

var built bool

func binary(t testing.TB) string {
	t.Helper()
	name, err := program()
	if err != nil {
		t.Fatal(err)
	}
	built = true
	return name
}

// start runs a command to its end, which must come by itself.
func start(t testing.TB, env []string, name string, args ...string) result {
	t.Helper()
	r := mpitest.Run(t, env, name, args...)
	return result{r.Out, r.Err, r.Code}
}

// mpirun starts wigner on n processes.
func mpirun(t *testing.T, l mpitest.Launcher, n int, args ...string) result {
	t.Helper()
	return start(t, nil, l.Path, l.With(append([]string{"-n", fmt.Sprint(n), binary(t)}, args...)...)...)
}

// TestMPI: under both MPIs the results, the trajectory's bytes and the exit
// statuses are those of one process.
func TestMPI(t *testing.T) {
	for _, l := range mpitest.Launchers(t) {
		t.Run(l.String(), func(t *testing.T) {
			dir := t.TempDir()
			model, in := filepath.Join(tiny, "linear-l2.pth"), filepath.Join(tiny, "linear-l2.extxyz")
			for n, perProcess := range map[int]string{2: "1", 3: "2"} {
				out, stats := filepath.Join(dir, "out.extxyz"), filepath.Join(dir, "stats.json")
				r := mpirun(t, l, n, "eval", in, "-m", model, "-o", out, "--precision", "float64", "--stats", stats, "--ranks", perProcess)
				if r.code != 0 {
					t.Fatalf("exit status %d\n%s%s", r.code, r.out, r.err)
				}
				against(t, out, in, 1e-11, 1e-10, 1e-10, 1e-10)
				var s struct {
					Transport        string
					Processes, Ranks int
				}
				if err := json.Unmarshal([]byte(read(t, stats)), &s); err != nil || s.Processes != n || s.Transport == "inproc" {
					t.Errorf("stats: %+v %v", s, err)
				}
				if strings.Count(r.err, "frames with") != 1 {
					t.Errorf("not only one process speaks:\n%s", r.err)
				}
			}

			cfg := config(t, dir, argon)
			one, many := filepath.Join(dir, "one"), filepath.Join(dir, "many")
			mustRun(t, "run", cfg, "-q", "output.dir="+one, "parallel.bricks=4")
			// Stopped on two processes, ended on three.
			if r := mpirun(t, l, 2, "run", cfg, "output.dir="+many, "parallel.bricks=4", "dynamics.steps=33"); r.code != 0 || strings.Count(r.out, "Loop time") != 1 {
				t.Fatalf("exit status %d\n%s%s", r.code, r.out, r.err)
			}
			if r := mpirun(t, l, 3, "run", cfg, "output.dir="+many, "--resume"); r.code != 0 || !strings.Contains(r.err, "to the last bit") {
				t.Fatalf("exit status %d\n%s%s", r.code, r.out, r.err)
			}
			same(t, many, one)

			bad := write(t, filepath.Join(dir, "bad.xyz"), "1\n\nSi 0 0 zero\n")
			if r := mpirun(t, l, 2, "eval", bad, "-m", model, "-o", filepath.Join(dir, "o")); r.code != 2 || strings.Count(r.err, "bad.xyz:3") != 1 {
				t.Errorf("bad input: exit status %d\n%s", r.code, r.err)
			}
			if r := mpirun(t, l, 2, "eval", in, "-m", "no-such", "-o", filepath.Join(dir, "o")); r.code != 2 || strings.Count(r.err, "no-such") != 1 {
				t.Errorf("unknown model: exit status %d\n%s", r.code, r.err)
			}
			if r := mpirun(t, l, 2, "mpi"); r.code != 0 || !strings.Contains(r.out, "1048576 B") {
				t.Errorf("mpi: exit status %d\n%s%s", r.code, r.out, r.err)
			}
			r := mpirun(t, l, 2, "bench", "-m", model, "--atoms", "64", "--steps", "2", "--ranks", "1,2", "--json")
			var b benchReport
			if err := json.Unmarshal([]byte(r.out), &b); err != nil || len(b.Results) != 2 || b.Results[1].Ranks != 4 || b.Results[1].Processes != 2 {
				t.Errorf("bench: %v\n%s%s", err, r.out, r.err)
			}
			if r := mpirun(t, l, 3, "run", cfg, "output.dir="+filepath.Join(dir, "few"), "parallel.bricks=2"); r.code != 2 || strings.Count(r.err, "2 bricks are fewer than the 3 processes") != 1 {
				t.Errorf("too few bricks: exit status %d\n%s", r.code, r.err)
			}
		})
	}
}

// TestMPIMismatch: a launcher of one family and a library of the other is an
// error, never two runs of the same job.
func TestMPIMismatch(t *testing.T) {
	found := mpitest.Launchers(t)
	if len(found) < 2 {
		t.Skip("it needs both MPIs")
	}
	library := func(name string) string {
		all, _ := filepath.Glob("/usr/lib/*/" + name + "*")
		if len(all) == 0 {
			t.Skip("no " + name)
		}
		return all[0]
	}
	other := map[mpi.Family]string{mpi.OpenMPI: library("libmpich.so.12"), mpi.MPICH: library("libmpi.so.40")}
	for _, l := range found {
		lib := other[l.Family]
		t.Setenv("WIGNER_MPI", lib)
		dir := t.TempDir()
		r := mpirun(t, l, 2, "run", config(t, dir, argon))
		if r.code == 0 || left(t, dir) != "in.toml" {
			t.Errorf("%s with %s: exit status %d, files %s\n%s", l, lib, r.code, left(t, dir), r.err)
		}
	}
}

// TestSignals: a signal ends a run with 75 after a restart, and it goes on to
// the same bytes.
func TestSignals(t *testing.T) {
	dir := t.TempDir()
	long := strings.Replace(argon, "every = 7", "every = 50", 1)
	long = strings.Replace(long, "every = 10\n", "every = 500\n", 1)
	cfg := config(t, dir, long)
	whole, part := filepath.Join(dir, "whole"), filepath.Join(dir, "part")
	for _, sig := range []os.Signal{syscall.SIGUSR1, syscall.SIGTERM, syscall.SIGHUP, os.Interrupt} {
		if signal.Ignored(sig) {
			continue // SIGHUP where the tests run under nohup: such runs are to go on
		}
		os.RemoveAll(part)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, binary(t), "run", cfg, "output.dir="+part, "--ranks", "2", "dynamics.steps=1000000000", "restart.every=0")
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
			if b, _ := os.ReadFile(filepath.Join(part, thermoName)); bytes.Count(b, []byte("\n")) > 2 {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("no step within a minute")
			}
		}
		if err := cmd.Process.Signal(sig); err != nil {
			t.Fatal(err)
		}
		var exit *exec.ExitError
		if err := cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 75 || !strings.Contains(stderr.String(), "a restart is written") {
			t.Fatalf("%v: %v\n%s", sig, err, stderr.String())
		}
	}
	steps := fmt.Sprintf("dynamics.steps=%d", int(math.Ceil(float64(lastStep(t, part))/500+1))*500)
	mustRun(t, "run", cfg, "output.dir="+part, "--resume", "-q", steps)
	mustRun(t, "run", cfg, "output.dir="+whole, "--ranks", "2", "-q", steps)
	same(t, part, whole)
}

// The first machine whose processes have more ranks than cores between them is found.
func TestCrowdedMachines(t *testing.T) {
	all := []mpi.Machine{{Processes: []int{0, 3}, Cores: 4}, {Processes: []int{1, 2}, Cores: 8}, {Processes: []int{4}}}
	for _, k := range []struct {
		bricks       []int
		first, ranks int
	}{{[]int{2, 4, 4, 2, 9}, 0, 0}, {[]int{2, 5, 4, 2, 9}, 1, 9}, {[]int{2, 9, 4, 3, 9}, 0, 5}} {
		at, n := crowded(all, k.bricks)
		if n != k.ranks || n > 0 && at.Processes[0] != k.first {
			t.Errorf("%v: %d ranks on %v", k.bricks, n, at)
		}
	}
}

// Several processes of more ranks than MPI's tags allow are refused with the limit and the
// remedy; one process may have any number.
func TestManyRanks(t *testing.T) {
	if _, err := layout(2, 182, 0, true); err == nil || statusOf(err) != 2 || !strings.Contains(err.Error(), "182 ranks in one process: where there are several, each may have 181: start more processes") {
		t.Errorf("two processes: %v", err)
	}
	for _, processes := range []int{1, 2} {
		if _, err := layout(processes, 181*(3-processes), 0, true); err != nil {
			t.Errorf("%d processes: %v", processes, err)
		}
	}
}

// TestUnsharedFolder: a run folder that another node does not see is refused before the first
// step, not at the first restart.
func TestUnsharedFolder(t *testing.T) {
	if err := exec.Command("unshare", "-m", "true").Run(); err != nil {
		t.Skip("a second machine's files need root: ", err)
	}
	for _, l := range mpitest.Launchers(t) {
		dir, here := t.TempDir(), t.TempDir()
		run := []string{binary(t), "run", config(t, dir, argon), "output.dir=" + filepath.Join(here, "run")}
		all := append([]string{"-n", "1"}, run...)
		all = append(all, ":", "-n", "1", "unshare", "-m", "sh", "-c", "mount -t tmpfs none "+here+` && exec "$0" "$@"`)
		r := start(t, nil, l.Path, l.With(append(all, run...)...)...)
		if r.code != 2 || strings.Count(r.err, "process 1 on ") != 1 || !strings.Contains(r.err, "file system that all nodes share") {
			t.Errorf("%s: exit status %d\n%s%s", l, r.code, r.out, r.err)
		}
		if files, _ := filepath.Glob(filepath.Join(here, "run", ".shared*")); len(files) > 0 {
			t.Errorf("%v is left", files)
		}
	}
}

// TestUnlikeCores: a dry run, and a projection, of processes that may use unlike numbers of
// cores on two machines.
func TestUnlikeCores(t *testing.T) {
	if err := exec.Command("unshare", "-u", "hostname", "nodeb").Run(); err != nil {
		t.Skip("a second machine's name needs root: ", err)
	}
	for _, l := range mpitest.Launchers(t) {
		cfg := config(t, t.TempDir(), argon)
		for _, args := range [][]string{
			{"run", cfg, "--dry-run", "--ranks", "2"},
			{"bench", "-m", filepath.Join(tiny, "linear-l2.pth"), "--atoms", "64", "--project", "2"},
		} {
			all := append([]string{"-n", "1", "env", "GOMAXPROCS=1", binary(t)}, args...)
			all = append(all, ":", "-n", "1", "unshare", "-u", "sh", "-c", `hostname nodeb; exec env GOMAXPROCS=2 "$0" "$@"`, binary(t))
			if r := start(t, nil, l.Path, l.With(append(all, args...)...)...); r.code != 0 || strings.Contains(r.err, "panic") || r.out == "" {
				t.Errorf("%s: %s: exit status %d\n%s%s", l, args[0], r.code, r.out, r.err)
			}
		}
	}
}
