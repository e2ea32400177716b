package main

import (
	"fmt"
	"math"
	"path/filepath"
	"testing"
)

// Virials of the atoms in a dump are those of LAMMPS's compute stress/atom NULL virial
// (testdata/golden/copper-stress.dump; tools/golden/lammps_stress.py), on any ranks.
func TestAtomVirialsAgainstLAMMPS(t *testing.T) {
	path := filepath.Join(repo, "testdata/golden/copper-stress.dump")
	frame := func(path string) map[string][]float64 {
		r, err := openFrames(path, asDump, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer r.close()
		f, err := r.next()
		if err != nil {
			t.Fatal(err)
		}
		out := map[string][]float64{}
		for k := range 6 {
			for _, prefix := range []string{"c_s_", "c_stress_"} {
				if c := f.Column(fmt.Sprint(prefix, k+1)); c != nil {
					out[fmt.Sprint(k)] = c.Real
				}
			}
		}
		return out
	}
	want := frame(path)
	for _, ranks := range []string{"1", "4"} {
		out := filepath.Join(t.TempDir(), "run")
		mustRun(t, "run", write(t, filepath.Join(t.TempDir(), "in.toml"), fmt.Sprintf(`[structure]
file = %q
[potential]
type = "eam"
file = %q
[dynamics]
velocities = "zero"
timestep_fs = 1e-6
steps = 1
[output]
dir = %q
dump = [{ every = 1, file = "a.dump", properties = ["virials"] }]
`, path, filepath.Join(repo, "configs/copper.eam.alloy"), out)), "-q", "--ranks", ranks)
		got := frame(filepath.Join(out, "a.dump"))
		for k := range 6 {
			x, y := got[fmt.Sprint(k)], want[fmt.Sprint(k)]
			if len(x) != 32 || len(y) != 32 {
				t.Fatalf("%d and %d atoms", len(x), len(y))
			}
			for i := range x {
				if math.Abs(x[i]-y[i]) > 1e-6*(1e5+math.Abs(y[i])) { // 1e5 bar·Å³ is 0.06 eV
					t.Errorf("%s ranks, atom %d, component %d: %v, LAMMPS has %v bar·Å³", ranks, i+1, k, x[i], y[i])
				}
			}
		}
	}
}
