// Package mpitest finds the MPIs of this machine and starts programs under them: what the
// tests of all that runs on processes have in common.
package mpitest

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

	"github.com/wigner-md/wigner/comm/mpi"
)

// Install gets the MPIs that the tests want.
const Install = "apt-get install openmpi-bin mpich"

// Launcher is an mpirun.
type Launcher struct {
	Path   string
	Args   []string // before all others
	Family mpi.Family
}

func (l Launcher) String() string { return filepath.Base(l.Path) }

// With are the launcher's own arguments and these.
func (l Launcher) With(args ...string) []string {
	return append(append([]string{}, l.Args...), args...)
}

// found are mpirun.openmpi and mpirun.mpich (Debian's names), else mpirun, and those of
// WIGNER_TEST_MPIRUN (a list of paths, as in PATH).
var found = sync.OnceValue(func() (all []Launcher) {
	names := filepath.SplitList(os.Getenv("WIGNER_TEST_MPIRUN"))
	for _, n := range []string{"mpirun.openmpi", "mpirun.mpich"} {
		if _, err := exec.LookPath(n); err == nil {
			names = append(names, n)
		}
	}
	if len(names) == 0 {
		names = append(names, "mpirun")
	}
	for _, n := range names {
		path, err := exec.LookPath(n)
		if err != nil {
			continue
		}
		text, _ := exec.Command(path, "--version").CombinedOutput()
		l := Launcher{Path: path, Family: mpi.MPICH}
		if bytes.Contains(text, []byte("Open")) { // "(Open MPI)", "(OpenRTE)"
			l.Family, l.Args = mpi.OpenMPI, []string{"--oversubscribe"}
		}
		all = append(all, l)
	}
	return all
})

// Launchers are those of this machine. The test is skipped where there is none, and fails
// where WIGNER_REQUIRE_MPI=1 wants both families.
func Launchers(t testing.TB) []Launcher {
	t.Helper()
	families := map[mpi.Family]bool{}
	for _, l := range found() {
		families[l.Family] = true
	}
	if os.Getenv("WIGNER_REQUIRE_MPI") == "1" && !(families[mpi.OpenMPI] && families[mpi.MPICH]) {
		t.Fatalf("WIGNER_REQUIRE_MPI=1 but not both Open MPI and MPICH are here: %s", Install)
	}
	if len(found()) == 0 {
		t.Skipf("no mpirun: %s", Install)
	}
	return found()
}

// Environment is that of a launch: root may start it, and it has a folder of its own, as
// Open MPI's launchers that start and end at the same moment fight over the one that they
// share. Its name is short, as that of a socket must be.
func Environment(t testing.TB, more ...string) []string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "w")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return append(append(os.Environ(), "OMPI_ALLOW_RUN_AS_ROOT=1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1", "TMPDIR="+dir), more...)
}

// Result is how a command ended.
type Result struct {
	Out, Err string
	Code     int // -1: by a signal
	Took     time.Duration
}

func (r Result) String() string {
	return fmt.Sprintf("exit status %d after %v\n%s%s", r.Code, r.Took, r.Out, r.Err)
}

// Run runs a command to its end, which must come by itself, within five minutes.
func Run(t testing.TB, env []string, name string, args ...string) Result {
	t.Helper()
	return RunFor(t, 5*time.Minute, env, name, args...)
}

// RunFor is Run for a command that may take longer.
func RunFor(t testing.TB, most time.Duration, env []string, name string, args ...string) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), most)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = Environment(t, env...)
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	start := time.Now()
	err := cmd.Run()
	r := Result{out.String(), stderr.String(), 0, time.Since(start)}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		t.Fatalf("%s hangs\n%s%s", strings.Join(append(append(env, name), args...), " "), r.Out, r.Err)
	case errors.As(err, &exit):
		r.Code = exit.ExitCode()
	case err != nil:
		t.Fatal(err)
	}
	return r
}
