//go:build linux && (amd64 || arm64)

package mpi

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wigner-md/wigner/comm"
)

func TestLaunched(t *testing.T) {
	for _, k := range []struct {
		env  map[string]string
		want Launch
		ok   bool
	}{
		{nil, Launch{}, false},
		{map[string]string{"SLURM_NTASKS": "8", "SLURM_PROCID": "0"}, Launch{}, false}, // a batch script
		{map[string]string{"SLURM_STEP_NUM_TASKS": "8", "SLURM_PROCID": "5", "SLURM_NTASKS": "8"},
			Launch{"SLURM_STEP_NUM_TASKS=8", 8, 5, "", ""}, true},
		{map[string]string{"SLURM_STEP_NUM_TASKS": "1", "SLURM_PROCID": "0"}, Launch{}, false}, // srun -n 1 --mpi=none
		{map[string]string{"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "3", "PMIX_RANK": "3", "SLURM_STEP_NUM_TASKS": "1"},
			Launch{"OMPI_COMM_WORLD_SIZE=4", 4, 3, OpenMPI, OpenMPI}, true},
		{map[string]string{"PMI_SIZE": "4", "PMI_RANK": "1", "HYDI_CONTROL_FD": "7", "SLURM_STEP_NUM_TASKS": "1"},
			Launch{"PMI_SIZE=4", 4, 1, MPICH, MPICH}, true},
		{map[string]string{"PMI_SIZE": "4", "PMI_RANK": "1"}, Launch{"PMI_SIZE=4", 4, 1, "", MPICH}, true}, // srun --mpi=pmi2
		{map[string]string{"PMIX_RANK": "2"}, Launch{"PMIX_RANK=2", 0, 2, "", ""}, true},
		{map[string]string{"PMIX_RANK": "2", "SLURM_STEP_NUM_TASKS": "6"}, Launch{"PMIX_RANK=2", 6, 2, "", ""}, true},
		{map[string]string{"PMI_SIZE": "many"}, Launch{}, false},
	} {
		got, ok := launched(func(name string) string { return k.env[name] })
		if got != k.want || ok != k.ok {
			t.Errorf("%v: got %+v, %v; want %+v, %v", k.env, got, ok, k.want, k.ok)
		}
	}
}

func TestCandidates(t *testing.T) {
	dir := t.TempDir()
	touch := func(names ...string) {
		for _, n := range names {
			p := filepath.Join(dir, n)
			if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(p, nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	touch("own/libmpi.so.12", "opt/bin/orterun", "opt/lib/libmpi.so.40", "cray/lib/libmpich.so.12",
		"cray/lib-abi-mpich/libmpi.so.12", "intel/lib/release/libmpi.so.12", "home/lib64/libmpi_abi.so.1")
	for _, k := range []struct {
		env      map[string]string
		launcher string
		family   Family
		want     []string // the first ones, below dir where relative
	}{
		{nil, "", "", []string{"=libmpi.so.40", "=libmpi.so.12", "=libmpich.so.12", "=libmpi_abi.so.1"}},
		{nil, "/usr/bin/hydra_pmi_proxy", MPICH, []string{"=libmpi.so.12", "=libmpich.so.12"}},
		{map[string]string{"WIGNER_MPI": "x.so", "MPI_HOME": "home"}, "", "", []string{"=x.so"}},
		{map[string]string{"WIGNER_MPI": dir + "/own"}, "", "", []string{"own/libmpi.so.12"}},
		{map[string]string{"MPI_HOME": dir + "/home"}, dir + "/opt/bin/orterun", OpenMPI,
			[]string{"opt/lib/libmpi.so.40", "home/lib64/libmpi_abi.so.1", "=libmpi.so.40"}},
		{map[string]string{"CRAY_MPICH_DIR": dir + "/cray"}, "", "", []string{"cray/lib-abi-mpich/libmpi.so.12", "cray/lib/libmpich.so.12"}},
		{map[string]string{"I_MPI_ROOT": dir + "/intel"}, "", MPICH, []string{"intel/lib/release/libmpi.so.12", "=libmpi.so.12"}},
	} {
		var got []string
		for _, c := range candidates(func(name string) string { return k.env[name] }, Launch{Family: k.family, Likely: k.family}, k.launcher) {
			if rel, ok := strings.CutPrefix(c.path, dir+"/"); ok {
				got = append(got, rel)
			} else {
				got = append(got, "="+c.path)
			}
		}
		if len(got) < len(k.want) || !slices.Equal(got[:len(k.want)], k.want) {
			t.Errorf("%v, %s: got %v, want %v first", k.env, k.launcher, got, k.want)
		}
		if k.env["WIGNER_MPI"] != "" && len(got) != len(k.want) {
			t.Errorf("%v: also %v", k.env, got)
		}
	}
}

func TestCrowded(t *testing.T) {
	at := func(machine uint64, cores uint64) seat { return seat{machine, [maskWords]uint64{cores}} }
	for _, k := range []struct {
		seats []seat
		want  bool
	}{
		{[]seat{at(1, 1)}, false},
		{[]seat{at(1, 1), at(1, 2)}, false},           // bound to a core each
		{[]seat{at(1, 1), at(1, 1)}, true},            // to the same
		{[]seat{at(1, 3), at(1, 3), at(2, 3)}, false}, // two machines
		{[]seat{at(2, 15), at(1, 1), at(1, 1)}, true}, // one of them is crowded
		{[]seat{{machine: 1}, {machine: 1}}, false},   // unknown cores
		{[]seat{at(1, 3), at(1, 3), at(1, 3)}, true},  // unbound, two cores
		{[]seat{at(1, 7), at(1, 7), at(1, 1)}, false}, // overlapping masks
	} {
		if got := machines(k.seats); slices.ContainsFunc(got, crowded) != k.want {
			t.Errorf("%v: %v", k.seats, got)
		}
	}
	// The order is that of the first processes; cores that two may use count once.
	got := machines([]seat{at(5, 3), at(2, 12), at(5, 6)})
	if want := []Machine{{[]int{0, 2}, 3}, {[]int{1}, 2}}; !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if s := mySeat(); s.machine == 0 || s.cores == [maskWords]uint64{} {
		t.Errorf("my seat is %v", s)
	}
}

func TestArena(t *testing.T) {
	a := &arena{}
	var all [][]byte
	for _, n := range []int{0, 1, 64, 65, chunkBytes / 2, chunkBytes, 3*chunkBytes + 1, 100} {
		b := a.alloc(n)
		if len(b) != n || cap(b) != n || n > 0 && address(b)%comm.Line != 0 || n > 0 && !a.has(b) {
			t.Errorf("alloc(%d): length %d, capacity %d, at %#x", n, len(b), cap(b), address(b))
		}
		for i := range b {
			if b[i] != 0 {
				t.Fatalf("alloc(%d) is not zero", n)
			}
			b[i] = 1
		}
		all = append(all, b)
	}
	if a.has(make([]byte, 10)) {
		t.Error("memory of the heap is said to be in the arena")
	}
	if last := all[2]; a.has(last[:1]) != true {
		t.Error("a part of an allocation is not in the arena")
	}
}

// TestRestoreSignals replaces a handler of Go's as a library would.
func TestRestoreSignals(t *testing.T) {
	before := readSignals()
	foreign := before[unix.SIGUSR2]
	foreign.handler = before[unix.SIGSEGV].handler + 64 // never called
	setSignal(int(unix.SIGUSR2), &foreign)
	if names := before.restore(); !slices.Equal(names, []string{"SIGUSR2"}) {
		t.Errorf("restored %v", names)
	}
	if *readSignals() != *before {
		t.Error("the handlers differ from before")
	}
}

// TestWatched: what hangs is told of, what ends in time is not.
func TestWatched(t *testing.T) {
	late := make(chan bool, 1)
	_ = watched(time.Millisecond, func() { late <- true }, func() error { // until told
		<-late
		return nil
	})
	if err := watched(time.Hour, func() { late <- true }, func() error { return os.ErrInvalid }); err != os.ErrInvalid || len(late) > 0 {
		t.Error(err, len(late))
	}
}

// TestWorldChecked: no process runs as a world of its own beside others. PMIx
// launchers without a step of Slurm announce no size.
func TestWorldChecked(t *testing.T) {
	pmix := func(rank int) Launch { return Launch{fmt.Sprintf("PMIX_RANK=%d", rank), 0, rank, "", ""} }
	for _, k := range []struct {
		launch Launch
		size   int
		says   string // "" for no error
	}{
		{Launch{"PMI_SIZE=3", 3, 1, MPICH, MPICH}, 3, ""},
		{Launch{"PMI_SIZE=3", 3, 1, MPICH, MPICH}, 1, "announced 3 ranks"},
		{Launch{"PMI_SIZE=1", 1, 0, MPICH, MPICH}, 1, ""},
		{pmix(1), 2, ""},
		{pmix(0), 2, ""},
		{pmix(1), 1, "as rank 1"},
		{pmix(3), 3, "as rank 3"},
		{pmix(0), 1, "does not say how many"},
	} {
		err := (&Info{Launch: k.launch, Launched: true, Library: "/x/libmpi.so", Size: k.size}).check()
		if (err == nil) != (k.says == "") || err != nil && !(strings.Contains(err.Error(), k.says) && strings.Contains(err.Error(), "WIGNER_MPI")) {
			t.Errorf("%+v, a world of %d: %v", k.launch, k.size, err)
		}
	}
	if err := (&Info{Size: 1}).check(); err != nil {
		t.Errorf("no launcher: %v", err)
	}
}

func TestTextsOfMismatch(t *testing.T) {
	info := Info{Launch: Launch{Launcher: "PMI_SIZE=3", Size: 3}, Launched: true, Library: "/x/libmpi.so.40",
		Family: OpenMPI, Version: "Open MPI v4\nmore", Size: 1}
	for _, says := range []string{"PMI_SIZE=3", "/x/libmpi.so.40", "Open MPI v4", "WIGNER_MPI"} {
		if text := info.mismatch().Error(); !strings.Contains(text, says) || strings.Contains(text, "more") {
			t.Errorf("%q has no %q", text, says)
		}
	}
	if text := (&Info{}).String(); !strings.Contains(text, "none recognised") || !strings.Contains(text, "none found") {
		t.Error(text)
	}
}
