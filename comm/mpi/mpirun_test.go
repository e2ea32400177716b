//go:build linux && (amd64 || arm64)

package mpi_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/comm/mpi"
)

const install = "apt-get install openmpi-bin mpich"

// launcher is an mpirun.
type launcher struct {
	path   string
	args   []string
	family mpi.Family
}

// launchers finds mpirun.openmpi and mpirun.mpich (Debian's names), else
// mpirun, and those of WIGNER_TEST_MPIRUN (a list of paths, as in PATH).
var launchers = sync.OnceValue(func() []launcher {
	names := filepath.SplitList(os.Getenv("WIGNER_TEST_MPIRUN"))
	for _, n := range []string{"mpirun.openmpi", "mpirun.mpich"} {
		if _, err := exec.LookPath(n); err == nil {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		names = append(names, "mpirun")
	}
	var all []launcher
	for _, n := range names {
		path, err := exec.LookPath(n)
		if err != nil {
			continue
		}
		text, _ := exec.Command(path, "--version").CombinedOutput()
		l := launcher{path: path, family: mpi.MPICH}
		if bytes.Contains(text, []byte("Open")) { // "(Open MPI)", "(OpenRTE)"
			l.family, l.args = mpi.OpenMPI, []string{"--oversubscribe"}
		}
		all = append(all, l)
	}
	return all
})

// binary is this test without cgo, as wigner is built.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "wigner-mpi")
	if err != nil {
		return "", err
	}
	cleanUp = append(cleanUp, dir)
	name := filepath.Join(dir, "mpi.test")
	cmd := exec.Command("go", "test", "-c", "-o", name, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return name, nil
})

var cleanUp []string

// eachLauncher skips, or fails where WIGNER_REQUIRE_MPI=1 wants both families.
func eachLauncher(t *testing.T, f func(t *testing.T, l launcher)) {
	t.Helper()
	all := launchers()
	found := map[mpi.Family]bool{}
	for _, l := range all {
		found[l.family] = true
	}
	if os.Getenv("WIGNER_REQUIRE_MPI") == "1" && !(found[mpi.OpenMPI] && found[mpi.MPICH]) {
		t.Fatalf("WIGNER_REQUIRE_MPI=1 but not both Open MPI and MPICH are here: %s", install)
	}
	if len(all) == 0 {
		t.Skipf("no mpirun: %s", install)
	}
	for _, l := range all {
		t.Run(filepath.Base(l.path), func(t *testing.T) { f(t, l) })
	}
}

type result struct {
	out, err string
	code     int
	took     time.Duration
}

// sessionDir is a folder of its own for each launch: Open MPI's launchers that
// start and end at the same moment fight over the one that they share. Its name is
// short, as that of a socket must be.
func sessionDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "w")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

// launch runs a program of rank_test.go on n ranks. It must end by itself. Where
// ranks end at once, MPICH's mpiexec is now and then killed by a signal of its own
// before it has shown anything (seen once in some hundred starts): it is started again.
func (l launcher) launch(t *testing.T, n int, program string, env ...string) result {
	t.Helper()
	for range 2 {
		if r := l.once(t, n, program, env...); r.code >= 0 || r.out+r.err != "" {
			return r
		}
	}
	return l.once(t, n, program, env...)
}

func (l launcher) once(t *testing.T, n int, program string, env ...string) result {
	t.Helper()
	name, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, l.path, append(append([]string{}, l.args...), "-n", fmt.Sprint(n), name)...)
	cmd.Env = append(os.Environ(), programVariable+"="+program,
		"OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "TMPDIR="+sessionDir(t))
	cmd.Env = append(cmd.Env, env...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	start := time.Now()
	err = cmd.Run()
	r := result{out.String(), stderr.String(), 0, time.Since(start)}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		t.Fatalf("%s on %d ranks hangs\n%s%s", program, n, r.out, r.err)
	case errors.As(err, &exit):
		r.code = exit.ExitCode()
	case err != nil:
		t.Fatal(err)
	}
	return r
}

func (r result) String() string {
	return fmt.Sprintf("exit status %d after %v\n%s%s", r.code, r.took, r.out, r.err)
}

// good runs a program that must succeed on every rank of one world of n.
func (l launcher) good(t *testing.T, n int, program string, env ...string) {
	t.Helper()
	r := l.launch(t, n, program, env...)
	for k := range n {
		if strings.Count(r.out, fmt.Sprintf("rank %d of %d under", k, n)) != 1 || r.code != 0 {
			t.Fatalf("%s on %d ranks: nothing, or too much, from rank %d\n%v", program, n, k, r)
		}
	}
}

func TestConformance(t *testing.T) {
	eachLauncher(t, func(t *testing.T, l launcher) {
		for _, n := range []int{1, 2, 3, 4, 7} {
			l.good(t, n, "check")
		}
	})
}

func TestSplitMessages(t *testing.T) {
	eachLauncher(t, func(t *testing.T, l launcher) { l.good(t, 3, "split") })
}

func TestGarbageCollection(t *testing.T) {
	eachLauncher(t, func(t *testing.T, l launcher) { l.good(t, 3, "gc") })
}

// TestExchanges: no byte is wrong in many exchanges under forced collections.
func TestExchanges(t *testing.T) {
	eachLauncher(t, func(t *testing.T, l launcher) {
		r := l.launch(t, 2, "exchanges", manyExchanges())
		if r.code != 0 || strings.Count(r.out, " exchanges, ") != 2 {
			t.Fatal(r)
		}
		t.Log(r.took, r.out)
	})
}

// manyExchanges is 10,000, or a million where there is time.
func manyExchanges() string {
	if os.Getenv("WIGNER_LONG") == "1" {
		return "WIGNER_EXCHANGES=1000000"
	}
	return "WIGNER_EXCHANGES=10000"
}

func TestBuffersOfTheHeap(t *testing.T) {
	eachLauncher(t, func(t *testing.T, l launcher) { l.good(t, 3, "heap") })
}

// TestEarlyReturn: a rank that is done waits for the others.
func TestEarlyReturn(t *testing.T) {
	eachLauncher(t, func(t *testing.T, l launcher) { l.good(t, 3, "early return") })
}

// TestFailures: each of these ends the whole job soon, says why, and is not a
// success.
func TestFailures(t *testing.T) {
	ended := "rank 2 of 3 ends the job: "
	for _, k := range []struct{ program, says string }{
		{"one fails", ended + errTest.Error()},
		{"exchange", ended + errTest.Error()},
		{"panic", ended + "rank 2: panic: " + errTest.Error()},
		{"abort", ended + errTest.Error()},
		{"all fail", "Run returned: " + errTest.Error()},
		{"any error", errTest.Error()},
		{"short", "rank 2 expects 200 bytes from rank 0 (tag 4) but 100 were sent"},
		{"long", "rank 2 expects 100 bytes from rank 0 (tag 4) but more bytes were sent"},
		{"brick fails", ended + errTest.Error()},
		{"bricks receive", "ends the job: " + errTest.Error()},
		{"bricks send", "ends the job: " + errTest.Error()},
		{"under way", ended + errTest.Error()},
		{"returns", ended + "mpi: rank 2 has returned before the Wait"},
		{"bricks under way", ended + errTest.Error()},
		{"bricks return", ended + "hybrid: rank 11 has returned before the Wait"},
		{"long, large", "rank 2 expects 1048576 bytes from rank 0 (tag 4) but more bytes were sent"},
	} {
		t.Run(k.program, func(t *testing.T) {
			t.Parallel() // they mostly wait
			eachLauncher(t, func(t *testing.T, l launcher) {
				r := l.launch(t, 3, k.program)
				if r.code == 0 || !strings.Contains(r.err, k.says) {
					t.Errorf("want %q\n%v", k.says, r)
				}
				if limit := 20 * time.Second; r.took > limit {
					t.Errorf("took %v", r.took)
				}
			})
		})
	}
}

func TestHybrid(t *testing.T) {
	var want uint64
	if err := inproc.Run(12, func(c comm.Comm) error {
		bits, err := testSum(c)
		if c.Rank() == 0 {
			want = bits
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	eachLauncher(t, func(t *testing.T, l launcher) {
		for _, n := range []int{1, 2, 4} {
			l.good(t, n, "hybrid")
		}
		for _, n := range []int{1, 3} {
			r := l.launch(t, n, "hybrid bits")
			for _, brick := range []int{0, 11} {
				if says := fmt.Sprintf("brick %d has %x\n", brick, want); !strings.Contains(r.out, says) {
					t.Errorf("%d processes: want %q\n%v", n, says, r)
				}
			}
		}
	})
}

// TestMismatch: the other family's library sees a world of one rank, N times.
func TestMismatch(t *testing.T) {
	var library = map[mpi.Family]string{}
	eachLauncher(t, func(t *testing.T, l launcher) {
		r := l.launch(t, 2, "info")
		for line := range strings.Lines(r.out) {
			if path, ok := strings.CutPrefix(line, "library "); ok && library[l.family] == "" {
				library[l.family] = strings.TrimSpace(path)
			}
		}
		if library[l.family] == "" {
			t.Errorf("no library in the report\n%v", r)
		}
	})
	eachLauncher(t, func(t *testing.T, l launcher) {
		other := map[mpi.Family]mpi.Family{mpi.OpenMPI: mpi.MPICH, mpi.MPICH: mpi.OpenMPI}[l.family]
		if library[other] == "" {
			t.Skipf("the library of %s is not here: %s", other, install)
		}
		r := l.launch(t, 3, "check", "WIGNER_MPI="+library[other])
		says := []string{"_SIZE=3", library[other], string(other), "belong to different MPIs", "WIGNER_MPI"}
		if !strings.Contains(r.err, "Fatal error in internal_Init") { // MPICH ≥ 5 ends the process there
			says = append(says, "announced 3 ranks", "sees 1")
		}
		for _, text := range says {
			if r.code == 0 || !strings.Contains(r.err, text) || strings.Contains(r.out, "checked") {
				t.Errorf("want an error with %q\n%v", text, r)
			}
		}
	})
	// A PMIx launcher that announces no size (prun), and a library that does not
	// know it: it starts as a world of one, as would all other processes.
	direct := launcher{path: "/bin/sh", args: []string{"-c", `exec "$3"`, "sh"}}
	for family, path := range library {
		for _, rank := range []string{"0", "1"} {
			r := direct.launch(t, 1, "check", "WIGNER_MPI="+path, "PMIX_RANK="+rank)
			if r.code == 0 || strings.Contains(r.out, "checked") || family == mpi.MPICH && !strings.Contains(r.err, "PMIX_RANK="+rank) {
				t.Errorf("%s as PMIX_RANK=%s: %v", path, rank, r)
			}
		}
	}
}

// TestNoLibrary: a launcher without a usable library is an error.
func TestNoLibrary(t *testing.T) {
	eachLauncher(t, func(t *testing.T, l launcher) {
		for _, path := range []string{"/nowhere/libmpi.so.40", os.Args[0]} {
			r := l.launch(t, 2, "check", "WIGNER_MPI="+path)
			if r.code == 0 || !strings.Contains(r.err, "no usable MPI library") || !strings.Contains(r.err, path) {
				t.Errorf("%s: %v", path, r)
			}
		}
	})
}

// TestReport: what `wigner mpi` prints names all of this.
func TestReport(t *testing.T) {
	eachLauncher(t, func(t *testing.T, l launcher) {
		r := l.launch(t, 2, "info")
		for _, says := range []string{"launcher ", "_SIZE=2", "looked at ", "in use", "libmp", "family ", "version ", "MPI_THREAD_", "ranks      2"} {
			if !strings.Contains(r.out, says) {
				t.Errorf("no %q\n%v", says, r)
			}
		}
		t.Log(l.launch(t, 2, "latency").out)
	})
}
