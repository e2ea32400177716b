package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wigner-md/wigner/comm/mpi"
	"github.com/wigner-md/wigner/comm/mpitest"
)

// The faults that a long run meets, each at random moments: what --resume makes of
// what is left is the run without a fault, byte for byte, and nothing hangs.
// WIGNER_LONG=1 tries each often enough for docs/faults.md.

// hang is the longest that a run may take to end after a fault.
const hang = 30 * time.Second

// faultTimes is how often each fault is tried.
func faultTimes() int {
	if os.Getenv("WIGNER_LONG") == "1" {
		return 24
	}
	return 2
}

// faulty is a run under MPI to which something happens.
type faulty struct {
	t      testing.TB
	dir    string
	cfg    string
	out    string // the run folder
	mark   string // in the environment of its ranks
	cmd    *exec.Cmd
	stderr bytes.Buffer
	ended  chan error
}

var marks atomic.Int64

// layouts of four bricks: processes, ranks in each.
var faultLayouts = []struct{ processes, ranks int }{{2, 2}, {4, 1}, {3, 0}}

// faultRun writes the input of a run that goes on for ever, with restarts all the time.
func faultRun(t testing.TB, dir string) *faulty {
	t.Helper()
	text := strings.Replace(argon, "every = 7", "every = 50", 1)
	text = strings.Replace(text, "every = 10\n", "every = 100\n", 1)
	text = strings.Replace(text, "every = 25", "every = 250", 1)
	text = strings.Replace(text, "every = 20", "every = 0\nevery_min = 0.004", 1)
	text = strings.Replace(text, "skin_A = 0.3", "skin_A = 0.5\nbricks = 4", 1)
	f := &faulty{t: t, dir: dir, cfg: config(t, dir, text), out: filepath.Join(dir, "run")}
	f.mark = fmt.Sprintf("WIGNER_FAULT_TEST=%d.%d", os.Getpid(), marks.Add(1))
	return f
}

const endless = "dynamics.steps=1000000000"

// start launches k-th of the layouts under one of the MPIs.
func (f *faulty) start(launcher mpitest.Launcher, k int, args ...string) {
	f.t.Helper()
	l := faultLayouts[k%len(faultLayouts)]
	all := []string{"-n", fmt.Sprint(l.processes), binary(f.t), "run", f.cfg, "--log-level", "info"}
	if l.ranks > 0 {
		all = append(all, "--ranks", fmt.Sprint(l.ranks))
	}
	f.command(launcher.Path, launcher.With(append(all, args...)...)...)
}

func (f *faulty) command(name string, args ...string) {
	f.t.Helper()
	f.stderr.Reset()
	f.cmd = exec.Command(name, args...)
	f.cmd.Stderr = &f.stderr
	f.cmd.Env = mpitest.Environment(f.t, f.mark)
	f.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	f.cmd.WaitDelay = 5 * time.Second
	if err := f.cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	f.ended = make(chan error, 1)
	cmd := f.cmd
	go func() { f.ended <- cmd.Wait() }()
	f.t.Cleanup(f.killAll)
}

// pids are the processes of the ranks.
func (f *faulty) pids() (pids []int) {
	all, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, name := range all {
		env, err := os.ReadFile(name)
		if err != nil || !bytes.Contains(env, []byte(f.mark+"\x00")) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
		if exe, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); exe == binary(f.t) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func (f *faulty) killAll() {
	_ = syscall.Kill(-f.cmd.Process.Pid, syscall.SIGKILL)
	for _, pid := range f.pids() {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
}

// generations waits for that many restarts, and then for some moment.
func (f *faulty) generations(n int) {
	f.t.Helper()
	until(f.t, "no restart", func() bool {
		all, _ := filepath.Glob(filepath.Join(f.out, restartName, "*", "manifest.bin"))
		return len(all) >= min(n, 2)
	})
	time.Sleep(rand.N(700 * time.Millisecond))
}

// over waits for the end, which must come soon, and not well.
func (f *faulty) over() time.Duration {
	f.t.Helper()
	begin := time.Now()
	select {
	case err := <-f.ended:
		if err == nil {
			f.t.Errorf("the run ended as if nothing had happened\n%s", f.stderr.String())
		}
	case <-time.After(hang):
		f.killAll()
		f.t.Fatalf("the run hangs\n%s", f.stderr.String())
	}
	took := time.Since(begin)
	// A process that is ending has lost its program before its files and their locks.
	for len(f.pids()) > 0 || !f.unlocked() {
		if time.Since(begin) > hang {
			f.t.Fatalf("processes are left: %v", f.pids())
		}
		time.Sleep(20 * time.Millisecond)
	}
	return took
}

// unlocked reports whether nobody uses the run folder.
func (f *faulty) unlocked() bool {
	lock, err := os.Open(filepath.Join(f.out, lockName))
	if err != nil {
		return os.IsNotExist(err)
	}
	defer lock.Close()
	return syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil
}

// goOn resumes the run in this process, some steps beyond what it had reached, and
// compares it with the run without a fault. It returns what the resumed run said.
func (f *faulty) goOn() string {
	f.t.Helper()
	steps := fmt.Sprintf("dynamics.steps=%d", (lastStep(f.t, f.out)/500+1)*500)
	r := mustRun(f.t, "run", f.cfg, "--resume", "--ranks", "2", steps)
	if !strings.Contains(r.err, "to the last bit") {
		f.t.Errorf("%s", r.err)
	}
	whole := filepath.Join(f.dir, "whole")
	mustRun(f.t, "run", f.cfg, "-q", "output.dir="+whole, steps)
	same(f.t, f.out, whole)
	return r.err
}

// eachFault tries a fault several times under each MPI, and tells how long ends took.
func eachFault(t *testing.T, try func(t *testing.T, l mpitest.Launcher, k int) time.Duration) {
	t.Helper()
	launchers := mpitest.Launchers(t)
	var worst, sum time.Duration
	n := 0
	for k := range faultTimes() {
		l := launchers[k%len(launchers)]
		t.Run(fmt.Sprintf("%d %s", k, l), func(t *testing.T) {
			d := try(t, l, k/len(launchers))
			worst, sum, n = max(worst, d), sum+d, n+1
		})
	}
	if n > 0 {
		t.Logf("%d times; the end came after %v on average, %v at most", n, (sum / time.Duration(n)).Round(time.Millisecond), worst.Round(time.Millisecond))
	}
}

func TestFaultKillOne(t *testing.T) {
	eachFault(t, func(t *testing.T, l mpitest.Launcher, k int) time.Duration {
		f := faultRun(t, t.TempDir())
		f.start(l, k, endless)
		f.generations(1)
		p := f.pids()
		_ = syscall.Kill(p[rand.N(len(p))], syscall.SIGKILL)
		took := f.over()
		f.goOn()
		return took
	})
}

func TestFaultKillAll(t *testing.T) {
	eachFault(t, func(t *testing.T, l mpitest.Launcher, k int) time.Duration {
		f := faultRun(t, t.TempDir())
		f.start(l, k, endless)
		f.generations(1)
		f.killAll()
		took := f.over()
		f.goOn()
		return took
	})
}

// TestFaultDamage: a restart that was cut off or has a wrong bit is not used: the one
// before is, which is said.
func TestFaultDamage(t *testing.T) {
	eachFault(t, func(t *testing.T, l mpitest.Launcher, k int) time.Duration {
		f := faultRun(t, t.TempDir())
		f.start(l, k, endless)
		f.generations(2)
		f.killAll()
		took := f.over()
		damage(t, filepath.Join(f.out, restartName))
		said := f.goOn()
		if !strings.Contains(said, "a newer restart is damaged and passed over: restart: ") || !strings.Contains(read(t, filepath.Join(f.out, statusName)), "is damaged and passed over") {
			t.Errorf("nobody says that the newest restart is damaged:\n%s", said)
		}
		return took
	})
}

// damage spoils a file of the newest restart that has a manifest.
func damage(t *testing.T, dir string) {
	t.Helper()
	all, _ := filepath.Glob(filepath.Join(dir, "*", "manifest.bin"))
	if len(all) < 2 {
		t.Fatalf("restarts: %v", all)
	}
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(all[len(all)-1]), "*.bin"))
	name := files[rand.N(len(files))]
	b := []byte(read(t, name))
	if rand.N(2) == 0 {
		n := rand.N(len(b))
		t.Logf("%s cut off after %d of %d bytes", name, n, len(b))
		b = b[:n]
	} else {
		n := rand.N(8 * len(b))
		t.Logf("bit %d of %s changed", n, name)
		b[n/8] ^= 1 << (n % 8)
	}
	if err := os.WriteFile(name, b, 0o666); err != nil {
		t.Fatal(err)
	}
}

// TestFaultDiskFull: a full disk ends the run, whatever is being written, and when
// there is room again it goes on.
func TestFaultDiskFull(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("a small disk of one's own needs root")
	}
	what := map[string]int{}
	eachFault(t, func(t *testing.T, l mpitest.Launcher, k int) time.Duration {
		dir := t.TempDir()
		if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64m"); err != nil {
			t.Skip("no tmpfs can be mounted here: ", err)
		}
		t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
		f := faultRun(t, dir)
		f.start(l, k, endless)
		f.generations(1)
		filler := filepath.Join(dir, "filler")
		fill(t, filler, rand.N(int64(64<<10)))
		took := f.over()
		said := f.stderr.String()
		if !strings.Contains(said, "no space left") {
			t.Errorf("the full disk is not named:\n%s", said)
		}
		for _, name := range []string{"a.extxyz", "b.extxyz", thermoName, restartName} {
			if strings.Contains(said, name) {
				what[name]++
			}
		}
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
		f.goOn()
		return took
	})
	t.Logf("what could not be written: %v", what)
}

// fill takes all of the disk but some bytes.
func fill(t *testing.T, name string, but int64) {
	t.Helper()
	w, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	block := make([]byte, 1<<16)
	for err == nil {
		_, err = w.Write(block)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	if n, err := w.Seek(0, 1); err == nil {
		_ = w.Truncate(max(0, n-but))
	}
}

// TestFaultModel: a rank that cannot read the model, or finds another, ends all
// before anything is written; the run that is to be resumed stays as it is.
func TestFaultModel(t *testing.T) {
	whole := read(t, filepath.Join(tiny, "linear-l2.pth"))
	eachFault(t, func(t *testing.T, l mpitest.Launcher, k int) time.Duration {
		f := faultRun(t, t.TempDir())
		good, bad := filepath.Join(f.dir, "good"), filepath.Join(f.dir, "bad")
		for _, d := range []string{good, bad} {
			if err := os.Mkdir(d, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		write(t, filepath.Join(good, "m.pth"), whole)
		if n := rand.N(len(whole)); k > 0 { // the first time there is none at all
			write(t, filepath.Join(bad, "m.pth"), whole[:n])
		}
		text := strings.Replace(read(t, f.cfg), `type = "lennard-jones"`, `model = "m"`, 1)
		text = strings.NewReplacer(`"Ar"`, `"Si"`, "a_A = 5.3", "a_A = 5.4", "repeat = [3, 3, 3]", "repeat = [2, 1, 1]", `"fcc"`, `"diamond"`,
			"elements = [\"Si\"]\nepsilon_eV = 0.0103\nsigma_A = 3.4\ncutoff_A = 7.0\n", "", "timestep_fs = 4.0", "timestep_fs = 1.0").Replace(
			strings.Replace(text, "elements = [\"Ar\"]\nepsilon_eV = 0.0103\nsigma_A = 3.4\ncutoff_A = 7.0\n", "", 1))
		write(t, f.cfg, text)
		t.Setenv("WIGNER_MODELS", good)
		mustRun(t, "run", f.cfg, "-q", "dynamics.steps=20")
		before := snapshot(t, f.out)
		rank := func(models string, n int) []string {
			return []string{"-n", fmt.Sprint(n), "env", "WIGNER_MODELS=" + models, binary(t), "run", f.cfg, "--resume", "dynamics.steps=40"}
		}
		args := append(append(rank(good, 1+k%2), ":"), rank(bad, 1)...)
		args = append(append(args, ":"), rank(good, 1)...)
		f.command(l.Path, l.With(args...)...)
		took := f.over()
		if said := f.stderr.String(); !strings.Contains(said, "m.pth") && !strings.Contains(said, `"m"`) && !strings.Contains(said, "model") {
			t.Errorf("the model is not named:\n%s", said)
		}
		if after := snapshot(t, f.out); after != before {
			t.Errorf("the run folder was changed:\n%s\n%s", before, after)
		}
		f.goOn()
		return took
	})
}

// snapshot is what a run folder holds, but who has it.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != lockName {
			info, e := d.Info()
			if e != nil {
				return e
			}
			fmt.Fprintln(&b, p, info.Size(), info.ModTime().UnixNano())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestFaultSlow: a rank that stands still for a while holds the others up; the run
// ends as it would have, and names the process.
func TestFaultSlow(t *testing.T) {
	eachFault(t, func(t *testing.T, l mpitest.Launcher, k int) time.Duration {
		f := faultRun(t, t.TempDir())
		f.start(l, k, endless)
		f.generations(1)
		p := f.pids()
		pid := p[rand.N(len(p))]
		process := processOf(t, pid)
		_ = syscall.Kill(pid, syscall.SIGSTOP)
		time.Sleep(1500*time.Millisecond + rand.N(time.Second))
		_ = syscall.Kill(pid, syscall.SIGCONT)
		time.Sleep(rand.N(500 * time.Millisecond))
		for _, pid := range p {
			_ = syscall.Kill(pid, syscall.SIGUSR1)
		}
		took := f.over()
		if said := f.stderr.String(); !strings.Contains(said, fmt.Sprintf("(process %d on ", process)) || !strings.Contains(said, "stood still for ") || !strings.Contains(said, "a restart is written") {
			t.Errorf("%s", said)
		}
		f.goOn()
		return took
	})
}

// processOf is the number that the launcher gave a process.
func processOf(t *testing.T, pid int) int {
	t.Helper()
	for _, v := range strings.Split(read(t, fmt.Sprintf("/proc/%d/environ", pid)), "\x00") {
		k, n, _ := strings.Cut(v, "=")
		if k == "OMPI_COMM_WORLD_RANK" || k == "PMI_RANK" {
			rank, err := strconv.Atoi(n)
			if err != nil {
				t.Fatal(err)
			}
			return rank
		}
	}
	t.Fatalf("process %d is no rank", pid)
	return 0
}

// TestPinned: the goroutine ranks of a process stay on the cores that its launcher
// has bound it to, which is said where they are too few.
func TestPinned(t *testing.T) {
	if _, err := exec.LookPath("taskset"); err != nil {
		t.Skip("no taskset")
	}
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		t.Fatal(err)
	}
	core := 0
	for !set.IsSet(core) {
		core++
	}
	for _, l := range mpitest.Launchers(t) {
		f := faultRun(t, t.TempDir())
		each := []string{"-n", "2", "taskset", "-c", fmt.Sprint(core), binary(t), "run", f.cfg, "dynamics.steps=5", "parallel.bricks=2", "output.dir=" + filepath.Join(f.dir, "each")}
		if l.Family == mpi.OpenMPI {
			each = append([]string{"--bind-to", "none"}, each...)
		}
		if r := start(t, nil, l.Path, l.With(each...)...); r.code != 0 || strings.Count(r.err, "2 processes share 1 cores on ") != 1 {
			t.Errorf("%s: exit status %d\n%s", l, r.code, r.err)
		}
		args := []string{"-n", "2", "taskset", "-c", fmt.Sprint(core), binary(t), "run", f.cfg, "--ranks", "2", endless}
		if l.Family == mpi.OpenMPI {
			args = append([]string{"--bind-to", "none"}, args...)
		}
		f.command(l.Path, l.With(args...)...)
		f.generations(1)
		pids := f.pids()
		for _, pid := range pids {
			tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
			if len(tasks) < 3 {
				t.Errorf("process %d has the threads %v", pid, tasks)
			}
			for _, name := range tasks {
				if b, err := os.ReadFile(name); err == nil && !strings.Contains(string(b), fmt.Sprintf("Cpus_allowed_list:\t%d\n", core)) {
					t.Errorf("%s: a thread is not bound as its process is:\n%s", l, b)
				}
			}
			_ = syscall.Kill(pid, syscall.SIGUSR1)
		}
		f.over()
		if said := f.stderr.String(); !strings.Contains(said, "has 2 ranks on 1 cores") || !strings.Contains(said, "signal SIGUSR1") {
			t.Errorf("%s: %s", l, said)
		}
	}
}

// TestFaultHang: a process that hangs for good does not keep those that are asked to
// end.
func TestFaultHang(t *testing.T) {
	if os.Getenv("WIGNER_LONG") != "1" {
		t.Skip("WIGNER_LONG=1: each end takes a quarter of a minute; slurm's tests have killed ranks under srun")
	}
	eachFault(t, func(t *testing.T, l mpitest.Launcher, k int) time.Duration {
		f := faultRun(t, t.TempDir())
		f.start(l, k, endless)
		f.generations(1)
		p := f.pids()
		n := rand.N(len(p))
		_ = syscall.Kill(p[n], syscall.SIGSTOP)
		for i, pid := range p {
			if i != n {
				_ = syscall.Kill(pid, syscall.SIGTERM)
			}
		}
		took := f.over()
		if said := f.stderr.String(); !strings.Contains(said, "no step has ended for") {
			t.Errorf("%s", said)
		}
		f.goOn()
		return took
	})
}
