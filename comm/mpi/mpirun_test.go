//go:build linux && (amd64 || arm64)

package mpi_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/comm/mpi"
	"github.com/wigner-md/wigner/comm/mpitest"
)

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

// eachLauncher is a subtest for each.
func eachLauncher(t *testing.T, f func(t *testing.T, l mpitest.Launcher)) {
	t.Helper()
	for _, l := range mpitest.Launchers(t) {
		t.Run(l.String(), func(t *testing.T) { f(t, l) })
	}
}

// launch runs a program of rank_test.go on n ranks. It must end by itself. Where
// ranks end at once, MPICH's mpiexec is now and then killed by a signal of its own
// before it has shown anything (seen once in some hundred starts): it is started again.
func launch(t *testing.T, l mpitest.Launcher, n int, program string, env ...string) mpitest.Result {
	t.Helper()
	name, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	most := 5 * time.Minute
	if program == "exchanges" {
		most = time.Hour // a million, beside other work
	}
	once := func() mpitest.Result {
		return mpitest.RunFor(t, most, append([]string{programVariable + "=" + program}, env...), l.Path, l.With("-n", fmt.Sprint(n), name)...)
	}
	for range 2 {
		if r := once(); r.Code >= 0 || r.Out+r.Err != "" {
			return r
		}
	}
	return once()
}

// good runs a program that must succeed on every rank of one world of n.
func good(t *testing.T, l mpitest.Launcher, n int, program string, env ...string) {
	t.Helper()
	r := launch(t, l, n, program, env...)
	for k := range n {
		if strings.Count(r.Out, fmt.Sprintf("rank %d of %d under", k, n)) != 1 || r.Code != 0 {
			t.Fatalf("%s on %d ranks: nothing, or too much, from rank %d\n%v", program, n, k, r)
		}
	}
}

func TestConformance(t *testing.T) {
	eachLauncher(t, func(t *testing.T, l mpitest.Launcher) {
		for _, n := range []int{1, 2, 3, 4, 7} {
			good(t, l, n, "check")
		}
	})
}

func TestSplitMessages(t *testing.T) {
	eachLauncher(t, func(t *testing.T, l mpitest.Launcher) { good(t, l, 3, "split") })
}

func TestGarbageCollection(t *testing.T) {
	eachLauncher(t, func(t *testing.T, l mpitest.Launcher) { good(t, l, 3, "gc") })
}

// TestExchanges: no byte is wrong in many exchanges under forced collections.
func TestExchanges(t *testing.T) {
	eachLauncher(t, func(t *testing.T, l mpitest.Launcher) {
		r := launch(t, l, 2, "exchanges", manyExchanges())
		if r.Code != 0 || strings.Count(r.Out, " exchanges, ") != 2 {
			t.Fatal(r)
		}
		t.Log(r.Took, r.Out)
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
	eachLauncher(t, func(t *testing.T, l mpitest.Launcher) { good(t, l, 3, "heap") })
}

// TestEarlyReturn: a rank that is done waits for the others.
func TestEarlyReturn(t *testing.T) {
	eachLauncher(t, func(t *testing.T, l mpitest.Launcher) { good(t, l, 3, "early return") })
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
			eachLauncher(t, func(t *testing.T, l mpitest.Launcher) {
				r := launch(t, l, 3, k.program)
				if r.Code == 0 || !strings.Contains(r.Err, k.says) {
					t.Errorf("want %q\n%v", k.says, r)
				}
				if limit := 20 * time.Second; r.Took > limit {
					t.Errorf("took %v", r.Took)
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
	eachLauncher(t, func(t *testing.T, l mpitest.Launcher) {
		for _, n := range []int{1, 2, 4} {
			good(t, l, n, "hybrid")
		}
		for _, n := range []int{1, 3} {
			r := launch(t, l, n, "hybrid bits")
			for _, brick := range []int{0, 11} {
				if says := fmt.Sprintf("brick %d has %x\n", brick, want); !strings.Contains(r.Out, says) {
					t.Errorf("%d processes: want %q\n%v", n, says, r)
				}
			}
		}
	})
}

// TestMismatch: the other family's library sees a world of one rank, N times.
func TestMismatch(t *testing.T) {
	var library = map[mpi.Family]string{}
	eachLauncher(t, func(t *testing.T, l mpitest.Launcher) {
		r := launch(t, l, 2, "info")
		for line := range strings.Lines(r.Out) {
			if path, ok := strings.CutPrefix(line, "library "); ok && library[l.Family] == "" {
				library[l.Family] = strings.TrimSpace(path)
			}
		}
		if library[l.Family] == "" {
			t.Errorf("no library in the report\n%v", r)
		}
	})
	eachLauncher(t, func(t *testing.T, l mpitest.Launcher) {
		other := map[mpi.Family]mpi.Family{mpi.OpenMPI: mpi.MPICH, mpi.MPICH: mpi.OpenMPI}[l.Family]
		if library[other] == "" {
			t.Skipf("the library of %s is not here: %s", other, mpitest.Install)
		}
		r := launch(t, l, 3, "check", "WIGNER_MPI="+library[other])
		says := []string{"_SIZE=3", library[other], string(other), "belong to different MPIs", "WIGNER_MPI"}
		if !strings.Contains(r.Err, "Fatal error in internal_Init") { // MPICH ≥ 5 ends the process there
			says = append(says, "announced 3 ranks", "sees 1")
		}
		for _, text := range says {
			if r.Code == 0 || !strings.Contains(r.Err, text) || strings.Contains(r.Out, "checked") {
				t.Errorf("want an error with %q\n%v", text, r)
			}
		}
	})
	// A PMIx launcher that announces no size (prun), and a library that does not
	// know it: it starts as a world of one, as would all other processes.
	direct := mpitest.Launcher{Path: "/bin/sh", Args: []string{"-c", `exec "$3"`, "sh"}}
	for family, path := range library {
		for _, rank := range []string{"0", "1"} {
			r := launch(t, direct, 1, "check", "WIGNER_MPI="+path, "PMIX_RANK="+rank)
			if r.Code == 0 || strings.Contains(r.Out, "checked") || family == mpi.MPICH && !strings.Contains(r.Err, "PMIX_RANK="+rank) {
				t.Errorf("%s as PMIX_RANK=%s: %v", path, rank, r)
			}
		}
	}
}

// TestNoLibrary: a launcher without a usable library is an error.
func TestNoLibrary(t *testing.T) {
	eachLauncher(t, func(t *testing.T, l mpitest.Launcher) {
		for _, path := range []string{"/nowhere/libmpi.so.40", os.Args[0]} {
			r := launch(t, l, 2, "check", "WIGNER_MPI="+path)
			if r.Code == 0 || !strings.Contains(r.Err, "no usable MPI library") || !strings.Contains(r.Err, path) {
				t.Errorf("%s: %v", path, r)
			}
		}
	})
}

// TestReport: what `wigner mpi` prints names all of this.
func TestReport(t *testing.T) {
	eachLauncher(t, func(t *testing.T, l mpitest.Launcher) {
		r := launch(t, l, 2, "info")
		for _, says := range []string{"launcher ", "_SIZE=2", "looked at ", "in use", "libmp", "family ", "version ", "MPI_THREAD_", "ranks      2"} {
			if !strings.Contains(r.Out, says) {
				t.Errorf("no %q\n%v", says, r)
			}
		}
		t.Log(launch(t, l, 2, "latency").Out)
	})
}
