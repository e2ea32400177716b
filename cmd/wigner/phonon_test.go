package main

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// phonopyGolden is testdata/golden/phonopy.json (tools/golden/phonopy_frequencies.py):
// phonopy 4.10.0 with forces of wigner, which knows nothing of wigner's dynamical matrix.
type phonopyGolden struct {
	Q     [][3]float64 `json:"q"`
	Mesh  []int        `json:"mesh"`
	Cases map[string]struct {
		Config       string      `json:"config"`
		Set          []string    `json:"set"`
		Frequencies  [][]float64 `json:"frequencies_THz"`
		Temperatures []float64   `json:"temperatures_K"`
		Free         []float64   `json:"free_energy_kJ_mol"`
		Entropy      []float64   `json:"entropy_J_K_mol"`
		Heat         []float64   `json:"heat_capacity_J_K_mol"`
	} `json:"cases"`
}

// Frequencies at any q are phonopy's within 1e-3 THz, and so are free energy, entropy
// and heat capacity.
func TestPhonopy(t *testing.T) {
	var golden phonopyGolden
	if err := json.Unmarshal([]byte(read(t, filepath.Join(repo, "testdata/golden/phonopy.json"))), &golden); err != nil {
		t.Fatal(err)
	}
	var points, names []string
	for i, q := range golden.Q {
		points = append(points, fmt.Sprintf("{ name = \"P%d\", q = [%v, %v, %v] }", i, q[0], q[1], q[2]))
		names = append(names, fmt.Sprintf("P%d", i))
	}
	for name, c := range golden.Cases {
		t.Run(name, func(t *testing.T) {
			if slices.Contains(c.Set, "potential.precision=float64") && os.Getenv("WIGNER_LONG") != "1" {
				t.Skip("a network in double precision: WIGNER_LONG is not set")
			}
			path := filepath.Join(repo, "configs", c.Config)
			if strings.Contains(read(t, path), `"sevennet-0"`) {
				t.Setenv("WIGNER_MODELS", filepath.Dir(published(t, "sevennet-0")))
			}
			out := filepath.Join(t.TempDir(), "run")
			mustRun(t, append([]string{"phonon", path, "output.dir=" + out, "--ranks", "2", "phonon.points=[" + strings.Join(points, ", ") + "]", "phonon.path_steps=1",
				fmt.Sprintf("phonon.path=[%q]", strings.Join(names, "-")), "phonon.mesh=" + strings.ReplaceAll(fmt.Sprint(golden.Mesh), " ", ","),
				"phonon.temperature_max_K=300", "phonon.temperature_step_K=100"}, c.Set...)...)
			bands, err := readTable(filepath.Join(out, bandsName))
			if err != nil {
				t.Fatal(err)
			}
			worst := 0.0
			for i, want := range c.Frequencies {
				for m, f := range want {
					worst = max(worst, math.Abs(bands.column(fmt.Sprintf("mode%d_THz", m+1))[i]-f))
				}
			}
			heat, err := readTable(filepath.Join(out, thermalName))
			if err != nil {
				t.Fatal(err)
			}
			off := 0.0
			for i := range c.Temperatures {
				for column, want := range map[string]float64{"free_energy_kJ_mol": c.Free[i], "entropy_J_K_mol": c.Entropy[i], "heat_capacity_J_K_mol": c.Heat[i]} {
					off = max(off, math.Abs(heat.column(column)[i]-want)/(1+math.Abs(want)))
				}
			}
			t.Logf("frequencies off by %.2g THz, thermal properties by %.2g", worst, off)
			if !(worst <= 1e-3) || !(off <= 1e-3) {
				t.Errorf("frequencies off by %v THz, thermal properties by %v", worst, off)
			}
		})
	}
}

// What a job writes is read again with the same result, without the potential; files that do not
// fit are refused by name.
func TestPhononFiles(t *testing.T) {
	dir := t.TempDir()
	argon, first := filepath.Join(repo, "configs/phonon-argon.toml"), filepath.Join(dir, "first")
	common := []string{"phonon.mesh=[4,4,4]", "phonon.path_steps=5", "phonon.supercell=[2,2,2]", "phonon.primitive=F"}
	refuse(t, 2, []string{`phonon.path: there is no point "Y"; known are K, L, U, W, X, Γ`}, append([]string{"phonon", argon, "output.dir=" + first, `phonon.path=["Γ-Y"]`}, common...)...)
	if _, err := os.Stat(first); err == nil {
		t.Error("a path that is none is told after the folder was made")
	}
	// Two cubes of some 5.3 Å; between the copies of a face-centred one are 10.5 Å, and the cutoff is 8.5.
	const thin = "less than twice the cutoff of 8.5 Å"
	if r := mustRun(t, append([]string{"phonon", argon, "output.dir=" + first, "--ranks", "3"}, common...)...); strings.Count(r.err, thin) != 1 {
		t.Errorf("no warning of a small supercell: %s", r.err)
	}
	given := write(t, filepath.Join(dir, "given.toml"), fmt.Sprintf("[structure]\nfile = %q\n", filepath.Join(first, relaxedName)))
	again := func(out string, more ...string) []string {
		return append(append([]string{"phonon", given, "output.dir=" + filepath.Join(dir, out), "--ranks", "1", "phonon.path=[\"Γ-Q\"]",
			"phonon.points=[{ name = \"Q\", q = [0.5, 0.0, 0.5] }]"}, common...), more...)
	}
	var want, got phononResult
	if err := json.Unmarshal([]byte(read(t, filepath.Join(first, phononName))), &want); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"force_sets=" + filepath.Join(first, setsName), "force_constants=" + filepath.Join(first, constantsName)} {
		out, _, _ := strings.Cut(key, "=")
		mustRun(t, again(out, "phonon."+key)...)
		if err := json.Unmarshal([]byte(read(t, filepath.Join(dir, out, phononName))), &got); err != nil {
			t.Fatal(err)
		}
		if x, y := got.Special[1].THz, want.Special[1].THz; math.Abs(x[0]-y[0]) > 1e-6 || math.Abs(x[2]-y[2]) > 1e-6 || math.Abs(got.ZeroPoint-want.ZeroPoint) > 1e-9 {
			t.Errorf("%s: X has %v, want %v; zero-point energy %v, want %v", key, x, y, got.ZeroPoint, want.ZeroPoint)
		}
	}
	sets := strings.SplitN(read(t, filepath.Join(first, setsName)), "\n", 3)
	few := write(t, filepath.Join(dir, "few"), sets[0]+"\n1\n"+strings.Join(strings.Split(sets[2], "\n")[:35], "\n")+"\n")
	refuse(t, 2, []string{few, "has 1 displacements", "phonopy"}, again("fewer", "phonon.force_sets="+few)...)
	refuse(t, 2, []string{"forces on 32 atoms; the supercell has 4"}, append(again("small", "phonon.force_sets="+filepath.Join(first, setsName)), "phonon.supercell=[1,1,1]")...)
	refuse(t, 2, []string{"no row of 4 atoms"}, append(again("rows", "phonon.force_constants="+filepath.Join(first, constantsName)), "phonon.supercell=[1,1,1]")...)
	refuse(t, 2, []string{"is none of this crystal"}, append(again("hcp", "phonon.force_constants="+filepath.Join(first, constantsName)), "phonon.primitive=I")...)
	refuse(t, 2, []string{`phonon.path: there is no point "Y"; known are Q, Γ`}, append(again("path", "phonon.force_constants="+filepath.Join(first, constantsName)), `phonon.path=["Γ-Y"]`)...)
	for key, name := range map[string]string{"force_sets": setsName, "force_constants": constantsName} {
		own := filepath.Join(dir, key, name)
		text := read(t, filepath.Join(first, name))
		write(t, own, text) // in the folder of the job above
		refuse(t, 2, []string{"write over", name, "output.dir"}, append(again(key, "phonon."+key+"="+own), "--force")...)
		refuse(t, 2, []string{"write over", name}, append(again(key, "phonon."+key+"="+filepath.Join(key, name)), "--force")...) // beside the config
		if read(t, own) != text {
			t.Errorf("%s was changed", own)
		}
	}
	mustRun(t, "report", first)
	page := read(t, filepath.Join(first, reportName))
	for _, want := range []string{bandsPlot, dosPlot, "Thermal properties"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
}

// Simple cubic argon falls apart: its imaginary modes are named.
func TestImaginary(t *testing.T) {
	dir := t.TempDir()
	x := write(t, filepath.Join(dir, "sc.xyz"), "1\nLattice=\"3.7 0 0 0 3.7 0 0 0 3.7\" pbc=\"T T T\"\nAr 0 0 0\n")
	out := filepath.Join(dir, "out")
	r := mustRun(t, "phonon", filepath.Join(repo, "configs/phonon-argon.toml"), "structure.prototype=", "structure.elements=[]", "structure.a_A=0", "structure.file="+x,
		"relax.cell=volume", "phonon.supercell=[5,5,5]", "output.dir="+out, "--ranks", "1")
	if strings.Contains(r.err, "twice the cutoff") { // 5 × 3.7 Å against 2 × 8.5
		t.Errorf("a supercell that is large enough: %s", r.err)
	}
	if !strings.Contains(r.err, "imaginary modes: ") || !strings.Contains(r.err, "not stable") || !strings.Contains(r.err, "no bands") {
		t.Errorf("%s", r.err)
	}
	if _, err := os.Stat(filepath.Join(out, bandsName)); err == nil {
		t.Error("bands without a path")
	}
	// So does bcc argon (its C11 is less than C12), by a branch from Γ to N that a mesh of Γ does not meet.
	r = mustRun(t, "phonon", filepath.Join(repo, "configs/phonon-argon.toml"), "structure.prototype=bcc", "structure.a_A=4.2",
		"relax.cell=volume", "phonon.mesh=[1,1,1]", "output.dir="+filepath.Join(dir, "bcc"), "--ranks", "1")
	if !strings.Contains(r.err, "imaginary modes: 0 of 3 on the mesh; the lowest, ") {
		t.Errorf("%s", r.err)
	}
}
