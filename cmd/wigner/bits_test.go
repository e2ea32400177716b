package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/comm/mpitest"
)

// silicon16 is a run of a small network: 16 atoms, so that of 64 bricks many are empty.
const silicon16 = `
[structure]
prototype = "diamond"
elements = ["Si"]
a_A = 5.43
repeat = [2, 1, 1]
rattle_A = 0.05
[potential]
model = %q
[dynamics]
temperature_K = 600
timestep_fs = 1.0
steps = 24
[output]
thermo_every = 3
[[output.dump]]
every = 2
file = "a.extxyz"
properties = ["id", "momenta", "forces", "energies"]
[[output.dump]]
every = 5
file = "b.extxyz"
unwrapped = true
[restart]
every = 5
[parallel]
bricks = 64
`

// TestSixtyFourBricks: a run of 64 bricks that begins on one process, goes on on three
// and ends on eight has the bytes of one that is never interrupted, under each MPI.
func TestSixtyFourBricks(t *testing.T) {
	for name, text := range map[string]string{
		"pairs":   strings.Replace(argon, "skin_A = 0.3", "skin_A = 0.3\nbricks = 64", 1),
		"network": fmt.Sprintf(silicon16, filepath.Join(tiny, "linear-l2.pth")),
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			cfg, whole := config(t, dir, text), filepath.Join(dir, "whole")
			mustRun(t, "run", cfg, "-q", "output.dir="+whole)
			for _, l := range mpitest.Launchers(t) {
				out := filepath.Join(dir, l.String())
				for i, part := range []struct {
					processes int
					set       string
				}{{1, "dynamics.steps=8"}, {3, "dynamics.steps=17"}, {8, "output.log_level=info"}} {
					args := []string{"run", cfg, "output.dir=" + out, part.set, "--resume"}
					r := mpirun(t, l, part.processes, args...)
					if r.code != 0 || strings.Contains(r.err, "to the last bit") != (i > 0) {
						t.Fatalf("%s, %d processes: exit status %d\n%s", l, part.processes, r.code, r.err)
					}
					if s := statusOfRun(t, out); s.Process != part.processes || s.Ranks != 64 {
						t.Errorf("%s: %+v", l, s)
					}
				}
				same(t, out, whole)
			}
		})
	}
}
