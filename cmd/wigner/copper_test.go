package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Embedded atoms' copper has LAMMPS's lattice constant (1e-5 Å), elastic constants
// (0.1 GPa) and vacancy energy (1e-5 eV), and its mean volume at 300 K within two standard
// errors of the difference (testdata/golden/copper-lammps.json;
// tools/golden/lammps_copper.py).
func TestCopperAgainstLAMMPS(t *testing.T) {
	var golden struct {
		A       float64       `json:"a_A"`
		Energy  float64       `json:"energy_eV_atom"`
		C       [6][6]float64 `json:"C_GPa"`
		Vacancy float64       `json:"vacancy_eV"`
		NPT     struct {
			Volume      float64 `json:"volume_A3"`
			VolumeError float64 `json:"volume_error_A3"`
			U           float64 `json:"potential_eV"`
			UError      float64 `json:"potential_error_eV"`
		} `json:"npt"`
	}
	if err := json.Unmarshal([]byte(read(t, filepath.Join(repo, "testdata/golden/copper-lammps.json"))), &golden); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cu := fmt.Sprintf("[potential]\ntype = \"eam\"\nfile = %q\n", filepath.Join(repo, "configs/copper.eam.alloy"))
	cell := "[structure]\nprototype = \"fcc\"\nelements = [\"Cu\"]\na_A = 3.615\nrepeat = [3, 3, 3]\n"

	var e elasticResult
	mustRun(t, "elastic", write(t, filepath.Join(dir, "elastic.toml"), cell+cu+"[relax]\nforce_eV_A = 1e-6\nstress_GPa = 1e-5\n"), "output.dir="+filepath.Join(dir, "elastic"), "--ranks", "2")
	if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, "elastic", "elastic.json"))), &e); err != nil {
		t.Fatal(err)
	}
	if a := e.Cell[0][0] / 3; math.Abs(a-golden.A) > 1e-5 || math.Abs(e.Energy/float64(e.Atoms)-golden.Energy) > 1e-6 {
		t.Errorf("a = %.6f Å, E = %.7f eV per atom; LAMMPS has %.6f, %.7f", a, e.Energy/float64(e.Atoms), golden.A, golden.Energy)
	}
	worst := 0.0
	for i := range e.C {
		for j := range e.C {
			worst = max(worst, math.Abs(e.C[i][j]-(golden.C[i][j]+golden.C[j][i])/2))
		}
	}
	if !(worst <= 0.1) {
		t.Errorf("elastic constants off by %.3f GPa:\n%v\n%v", worst, e.C, golden.C)
	}

	const n = 4
	l := n * golden.A
	var text strings.Builder
	fmt.Fprintf(&text, "%d\nLattice=\"%v 0 0 0 %v 0 0 0 %v\" pbc=\"T T T\"\n", 4*n*n*n-1, l, l, l)
	for id := 1; id < 4*n*n*n; id++ {
		b := [4][3]float64{{}, {0, .5, .5}, {.5, 0, .5}, {.5, .5, 0}}[id%4]
		fmt.Fprintf(&text, "Cu %v %v %v\n", golden.A*(float64(id/4%n)+b[0]), golden.A*(float64(id/4/n%n)+b[1]), golden.A*(float64(id/4/n/n)+b[2]))
	}
	x := write(t, filepath.Join(dir, "vacancy.xyz"), text.String())
	mustRun(t, "relax", write(t, filepath.Join(dir, "vacancy.toml"), fmt.Sprintf("[structure]\nfile = %q\n", x)+cu+"[relax]\nforce_eV_A = 1e-5\n"), "output.dir="+filepath.Join(dir, "vacancy"), "--ranks", "2")
	table, err := readTable(filepath.Join(dir, "vacancy", relaxName))
	if err != nil {
		t.Fatal(err)
	}
	u := table.column("energy_eV")
	vacancy := u[len(u)-1] - (4*n*n*n-1)*golden.Energy
	if math.Abs(vacancy-golden.Vacancy) > 1e-5 {
		t.Errorf("the vacancy costs %.6f eV; LAMMPS has %.6f", vacancy, golden.Vacancy)
	}

	steps := 12000
	if os.Getenv("WIGNER_LONG") == "1" {
		steps = 60000
	}
	out := filepath.Join(dir, "npt")
	mustRun(t, "run", write(t, filepath.Join(dir, "npt.toml"), fmt.Sprintf(`[structure]
prototype = "fcc"
elements = ["Cu"]
a_A = 3.63
repeat = [4, 4, 4]
%s[dynamics]
ensemble = "npt"
temperature_K = 300
timestep_fs = 4
steps = %d
[barostat]
pressure_GPa = 0
[observe]
from_ps = 8
[output]
thermo_every = 25
dir = %q
`, cu, steps, out)), "-q", "--ranks", "2")
	rows := map[string][2]float64{}
	for _, line := range strings.Split(read(t, filepath.Join(out, "averages.csv")), "\n") {
		w := strings.Split(line, ",")
		var x [2]float64
		if len(w) == 5 {
			fmt.Sscan(w[1], &x[0])
			fmt.Sscan(w[2], &x[1])
			rows[w[0]] = x
		}
	}
	for name, want := range map[string][2]float64{"volume_A3": {golden.NPT.Volume, golden.NPT.VolumeError}, "potential_eV": {golden.NPT.U, golden.NPT.UError}} {
		got := rows[name]
		off := (got[0] - want[0]) / math.Hypot(got[1], want[1])
		t.Logf("%s: %.4f ± %.4f, LAMMPS %.4f ± %.4f: %+.2f standard errors", name, got[0], got[1], want[0], want[1], off)
		if !(math.Abs(off) <= 2) {
			t.Errorf("%s is %+.2f standard errors off LAMMPS's", name, off)
		}
	}
	t.Logf("a = %.6f Å; C11 %.3f, C12 %.3f, C44 %.3f GPa, off by %.4f; vacancy %.6f eV", e.Cell[0][0]/3, e.C[0][0], e.C[0][1], e.C[3][3], worst, vacancy)
}

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
