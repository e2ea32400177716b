package main

import (
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/io/extxyz"
)

var eamTables = filepath.Join(repo, "potential/eam/testdata")

// crystalOfCopper is one cell of fcc, a = 3.615 Å.
const crystalOfCopper = `4
Lattice="3.615 0 0 0 3.615 0 0 0 3.615" Properties=species:S:1:pos:R:3 pbc="T T T"
Cu 0 0 0
Cu 0 1.8075 1.8075
Cu 1.8075 0 1.8075
Cu 1.8075 1.8075 0
`

// The cohesive energy of Cleri and Rosato's copper at its lattice constant is the
// 3.544 eV that it was fitted to (Phys. Rev. B 48, 22, Table I); forces vanish, and
// so does the pressure within what the smooth cutoff changes.
func TestEAMEval(t *testing.T) {
	dir := t.TempDir()
	in, out := write(t, filepath.Join(dir, "in.extxyz"), crystalOfCopper), filepath.Join(dir, "out.extxyz")
	mustRun(t, "eval", in, "-m", filepath.Join(repo, "configs/copper.eam.alloy"), "-o", out, "--ranks", "2")
	f, err := extxyz.NewReader(strings.NewReader(read(t, out)), out).Next()
	if err != nil {
		t.Fatal(err)
	}
	e, _ := f.Get("energy")
	if x, _ := strconv.ParseFloat(e.Value, 64); math.Abs(x/4+3.544) > 0.005 {
		t.Errorf("energy per atom %v eV", x/4)
	}
	for _, x := range f.Column("forces").Real {
		if math.Abs(x) > 1e-10 {
			t.Errorf("force %v", x)
		}
	}
	refuse(t, 2, []string{"belong to a network"}, "eval", in, "-m", filepath.Join(repo, "configs/copper.eam.alloy"), "-o", out, "--memory", "low")
	bad := write(t, filepath.Join(dir, "x.eam.alloy"), "copper\n")
	refuse(t, 2, []string{"x.eam.alloy:2", "neither setfl"}, "eval", in, "-m", bad, "-o", out)
	refuse(t, 2, []string{"does not know these elements: Cu"}, "eval", in, "-m", filepath.Join(eamTables, "a.eam"), "-o", out)
	mustRun(t, "check", in, "-m", filepath.Join(eamTables, "ab.eam.fs"))
	r := mustRun(t, "info", filepath.Join(eamTables, "ab.eam.fs"))
	if !strings.Contains(r.out, "Finnis–Sinclair") || !strings.Contains(r.out, "Al, mass 26.98") {
		t.Errorf("info of tables:\n%s", r.out)
	}
	if r := mustRun(t, "bench", "-m", filepath.Join(repo, "configs/copper.eam.alloy"), "--structure", "cu", "--atoms", "32", "--steps", "2"); !strings.Contains(r.out, "float64") {
		t.Errorf("bench:\n%s", r.out)
	}
}

// A sum of a network, tables and pair potentials: check finds nothing wrong, and a
// run goes on to the last bit.
func TestSumOfPotentials(t *testing.T) {
	dir := t.TempDir()
	in := write(t, filepath.Join(dir, "in.extxyz"), crystalOfCopper)
	cfg := write(t, filepath.Join(dir, "sum.toml"), `
[structure]
file = "in.extxyz"
[potential]
model = "`+filepath.Join(tiny, "linear-l2.pth")+`"
[[potential.add]]
type = "eam"
files = ["`+filepath.Join(eamTables, "ab.eam.fs")+`"]
[[potential.add]]
type = "zbl"
switch_A = 1.0
cutoff_A = 2.7
[[potential.add]]
type = "morse"
elements = ["Cu"]
depth_eV = 0.1
alpha_per_A = 1.4
r0_A = 2.6
cutoff_A = 5.0
switch_A = 4.0
[dynamics]
temperature_K = 300
steps = 6
[output]
dir = "`+filepath.Join(dir, "a")+`"
thermo_every = 1
[restart]
every = 3
`)
	_ = in
	r := mustRun(t, "check", cfg)
	if strings.Contains(r.out, "FAIL") || !strings.Contains(r.out, "linear-l2.pth + ab.eam.fs + zbl + morse") || !strings.Contains(r.out, "float32") {
		t.Errorf("check:\n%s", r.out)
	}
	mustRun(t, "run", cfg, "--ranks", "2")
	other := "output.dir=" + filepath.Join(dir, "b")
	mustRun(t, "run", cfg, "--ranks", "2", "dynamics.steps=3", other)
	if r := mustRun(t, "run", cfg, "--ranks", "2", "--resume", other); !strings.Contains(r.err, "to the last bit") {
		t.Errorf("the run goes on, but not to the last bit:\n%s", r.err)
	}
	if a, b := read(t, filepath.Join(dir, "a/thermo.csv")), read(t, filepath.Join(dir, "b/thermo.csv")); a != b {
		t.Errorf("a resumed run differs:\n%s\n%s", a, b)
	}
}
