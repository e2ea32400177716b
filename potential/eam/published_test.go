package eam_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// published are potentials that come with LAMMPS, and the pair style that reads
// them.
var published = []struct {
	file, style string
	symbols     []string
	a           float64 // Å, of an fcc crystal
}{
	{"Cu_mishin1.eam.alloy", "eam/alloy", []string{"Cu"}, 3.615},
	{"Cu_u3.eam", "eam", []string{"Cu"}, 3.615},
	{"Cu_zhou.eam.alloy", "eam/alloy", []string{"Cu"}, 3.615},
	{"CuNi.eam.alloy", "eam/alloy", []string{"Ni", "Cu"}, 3.57},
	{"NiAlH_jea.eam.alloy", "eam/alloy", []string{"Ni", "Al", "H"}, 3.7},
	{"AlFe_mm.eam.fs", "eam/fs", []string{"Al", "Fe"}, 3.9},
	{"CuZr_mm.eam.fs", "eam/fs", []string{"Cu", "Zr"}, 4.2},
	{"Fe_mm.eam.fs", "eam/fs", []string{"Fe"}, 3.6},
	{"NiAlH_jea.eam.fs", "eam/fs", []string{"Ni", "Al", "H"}, 3.7},
}

// Published potentials against the LAMMPS that is installed, on displaced crystals
// of all their elements: energy, forces and pressure to 1e-9.
func TestPublished(t *testing.T) {
	if os.Getenv("WIGNER_LONG") == "" {
		t.Skip("WIGNER_LONG is not set")
	}
	lmp, err := exec.LookPath("lmp")
	if err != nil {
		t.Skip("no lmp: apt-get install lammps lammps-data")
	}
	for _, p := range published {
		path := filepath.Join("/usr/share/lammps/potentials", p.file)
		if _, err := os.Stat(path); err != nil {
			t.Skip("no potentials: apt-get install lammps-data")
		}
		t.Run(p.file, func(t *testing.T) {
			sys := shaken(p.symbols, p.a)
			o, err := potentialtest.Evaluate(sys, potentialtest.Setup{Ranks: 2}, makes(load(t, path)))
			if err != nil {
				t.Fatal(err)
			}
			coeff := "* * " + path + " " + strings.Join(p.symbols, " ")
			if p.style == "eam" {
				coeff = "1 1 " + path
			}
			energy, press, forces := byLAMMPS(t, lmp, sys, p.symbols, "pair_style "+p.style+"\npair_coeff "+coeff)
			volume := sys.Cell[0][0] * sys.Cell[1][1] * sys.Cell[2][2]
			got := (o.Virial[0][0] + o.Virial[1][1] + o.Virial[2][2]) / 3 / volume * 1.6021765e6
			big, worst := 0.0, 0.0
			for i, f := range forces {
				for k := range f {
					big, worst = max(big, math.Abs(f[k])), max(worst, math.Abs(f[k]-o.Forces[i][k]))
				}
			}
			t.Logf("energy %.6f eV (%.1g), pressure %.1f bar (%.1g), largest force %.3f eV/Å (%.1g)",
				o.Energy, o.Energy/energy-1, got, got/press-1, big, worst/big)
			if !(math.Abs(o.Energy/energy-1) < 1e-9 && math.Abs(got/press-1) < 1e-9 && worst < 1e-9*big) {
				t.Errorf("LAMMPS: energy %.12g eV, pressure %.12g bar", energy, press)
			}
		})
	}
}

// shaken is 3×3×3 cells of fcc with the elements in turn, displaced.
func shaken(symbols []string, a float64) potentialtest.System {
	rng := rand.New(rand.NewPCG(1, 2))
	sys := potentialtest.System{Periodic: [3]bool{true, true, true}, Cell: [3][3]float64{{3 * a, 0, 0}, {0, 3 * a, 0}, {0, 0, 3 * a}}}
	for n := range 27 {
		for k, b := range [][3]float64{{0, 0, 0}, {0, .5, .5}, {.5, 0, .5}, {.5, .5, 0}} {
			x := [3]float64{float64(n / 9), float64(n / 3 % 3), float64(n % 3)}
			for l := range x {
				x[l] = math.Round(((x[l]+b[l])*a+0.1*rng.NormFloat64()+1)*1e9) / 1e9
			}
			z, _ := element.Number(symbols[(n+k)%len(symbols)])
			sys.X, sys.Z = append(sys.X, x), append(sys.Z, z)
		}
	}
	return sys
}

// byLAMMPS gives energy (eV), pressure (bar) and forces of a structure at rest.
func byLAMMPS(t *testing.T, lmp string, sys potentialtest.System, symbols []string, style string) (energy, press float64, forces [][3]float64) {
	t.Helper()
	dir := t.TempDir()
	var b strings.Builder
	fmt.Fprintf(&b, "x\n\n%d atoms\n%d atom types\n\n", len(sys.X), len(symbols))
	for k, n := range []string{"x", "y", "z"} {
		fmt.Fprintf(&b, "0 %.17g %slo %shi\n", sys.Cell[k][k], n, n)
	}
	b.WriteString("\nMasses\n\n")
	for k := range symbols {
		fmt.Fprintf(&b, "%d 1.0\n", k+1)
	}
	b.WriteString("\nAtoms # atomic\n\n")
	for i, x := range sys.X {
		for k, s := range symbols {
			if z, _ := element.Number(s); z == sys.Z[i] {
				fmt.Fprintf(&b, "%d %d %.17g %.17g %.17g\n", i+1, k+1, x[0], x[1], x[2])
			}
		}
	}
	in := "units metal\nboundary p p p\nread_data start.data\n" + style + `
thermo_style custom step pe press
thermo_modify norm no
variable e equal pe
variable p equal press
dump 1 all custom 1 out.dump id fx fy fz
dump_modify 1 sort id format float %20.15g
run 0
print "RESULT $(v_e:%20.15g) $(v_p:%20.15g)"
`
	for name, text := range map[string]string{"start.data": b.String(), "in": in} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(lmp, "-in", "in", "-log", "none")
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == "RESULT" {
			energy, _ = strconv.ParseFloat(f[1], 64)
			press, _ = strconv.ParseFloat(f[2], 64)
		}
	}
	dump, err := os.ReadFile(filepath.Join(dir, "out.dump"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(dump)), "\n")[9:] {
		var id int
		var f [3]float64
		if _, err := fmt.Sscan(line, &id, &f[0], &f[1], &f[2]); err != nil {
			t.Fatal(err)
		}
		forces = append(forces, f)
	}
	return energy, press, forces
}
