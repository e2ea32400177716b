package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// Lattice constants (1e-4 Å) and elastic constants (0.5 GPa) of SevenNet-0 are those
// that ASE finds by the same procedure with sevenn's own network in float64
// (testdata/golden/sevennet-elastic.json; tools/golden/sevennet_elastic.py). In
// single precision; under WIGNER_LONG=1 in double.
func TestSevenNetElastic(t *testing.T) {
	t.Setenv("WIGNER_MODELS", filepath.Dir(published(t, "sevennet-0")))
	var golden struct {
		Crystals map[string]map[string]struct {
			A float64       `json:"a_A"`
			C [6][6]float64 `json:"C_GPa"`
		} `json:"crystals"`
	}
	if err := json.Unmarshal([]byte(read(t, filepath.Join(repo, "testdata/golden/sevennet-elastic.json"))), &golden); err != nil {
		t.Fatal(err)
	}
	precision := "float32"
	if os.Getenv("WIGNER_LONG") == "1" {
		precision = "float64"
	}
	for name, structure := range map[string][]string{
		"Si":   {"structure.prototype=diamond", `structure.elements=["Si"]`, "structure.a_A=5.43"},
		"Cu":   {"structure.prototype=fcc", `structure.elements=["Cu"]`, "structure.a_A=3.61"},
		"NaCl": {"structure.prototype=rocksalt", `structure.elements=["Na","Cl"]`, "structure.a_A=5.64"},
		"MgO":  {"structure.prototype=rocksalt", `structure.elements=["Mg","O"]`, "structure.a_A=4.21"},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "run")
			mustRun(t, append([]string{"elastic", filepath.Join(repo, "configs/elastic-silicon.toml"), "output.dir=" + out, "--ranks", "2",
				"potential.precision=" + precision, "relax.force_eV_A=2e-4", "relax.stress_GPa=8e-4"}, structure...)...)
			var e elasticResult
			if err := json.Unmarshal([]byte(read(t, filepath.Join(out, "elastic.json"))), &e); err != nil {
				t.Fatal(err)
			}
			want := golden.Crystals[name]["float64"]
			a := 0.0 // the conventional cell's vectors
			for _, v := range e.Cell {
				a += math.Sqrt(v[0]*v[0]+v[1]*v[1]+v[2]*v[2]) / 3
			}
			worst := 0.0
			for i := range e.C {
				for j := range e.C {
					worst = max(worst, math.Abs(e.C[i][j]-want.C[i][j]))
				}
			}
			t.Logf("a = %.6f Å, %+.1e; C off by %.4f GPa", a, a-want.A, worst)
			if math.Abs(a-want.A) > 1e-4 || worst > 0.5 {
				t.Errorf("a = %.6f Å, want %.6f; C off by %.3f GPa", a, want.A, worst)
			}
		})
	}
}
