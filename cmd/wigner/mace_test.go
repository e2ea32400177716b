package main

import (
	"encoding/csv"
	"fmt"
	"math"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/comm/mpitest"
)

// A .model file through the verbs: described, evaluated by head and on several ranks,
// converted, checked, and refused with the reason. The reference values are those of
// mace-torch (testdata/mace).
func TestMACE(t *testing.T) {
	dir := filepath.Join("..", "..", "testdata", "mace", "tiny-density")
	m, in := filepath.Join(dir, "tiny-density.model"), filepath.Join(dir, "structures-extra.extxyz")
	own := filepath.Join(t.TempDir(), "tiny.wigner")
	out := filepath.Join(t.TempDir(), "out.extxyz")
	mustRun(t, "convert", m, own)
	for _, model := range []string{m, own} {
		r := mustRun(t, "info", model)
		for _, w := range []string{"RealAgnosticDensityResidualInteractionBlock", "pt_head, extra", "Agnesi", "ZBL", "H O"} {
			if !strings.Contains(r.out, w) {
				t.Errorf("info: no %q in %s", w, r.out)
			}
		}
		r = mustRun(t, "info", model, "--pairs", "O,H")
		for _, w := range []string{"3 pairs", "H-H ", "H-O ", "O-O "} { // two layers each
			if strings.Count(r.out, w) != map[bool]int{true: 1, false: 2}[w == "3 pairs"] {
				t.Errorf("info --pairs: no %q, or too many, in %s", w, r.out)
			}
		}
		if all := mustRun(t, "info", model, "--pairs", "all"); all.out != r.out {
			t.Errorf("info --pairs all: %s", all.out)
		}
		refuse(t, 2, []string{"does not know Si"}, "info", model, "--pairs", "Si")
		refuse(t, 2, []string{`"Xx"`, "symbol"}, "info", model, "--pairs", "H,Xx")
		mustRun(t, "eval", in, "-m", model, "-o", out, "--head", "extra", "--precision", "float64", "--ranks", "3")
		frames, err := readFrames(out)
		if err != nil {
			t.Fatal(err)
		}
		if len(frames) != 12 { // of structures-extra.extxyz
			t.Errorf("%d frames", len(frames))
		}
		for k, f := range frames {
			e, _ := f.Get("energy")
			ref, _ := f.Get("REF_energy")
			got, _ := e.Reals()
			want, _ := ref.Reals()
			if len(got) != 1 || len(want) != 1 {
				t.Fatalf("frame %d: energies %v, reference %v", k+1, got, want)
			}
			if d := math.Abs(got[0]-want[0]) / float64(f.N); !(d <= 1e-9) {
				t.Errorf("%s, frame %d: off by %g eV/atom", model, k+1, d)
			}
		}
		refuse(t, 2, []string{"several heads", "pt_head, extra"}, "eval", in, "-m", model, "-o", out)
		refuse(t, 2, []string{`no head "other"`, "pt_head, extra"}, "eval", in, "-m", model, "-o", out, "--head", "other")
	}
	refuse(t, 2, []string{"--pairs", "MACE"}, "info", "cu-fast", "--pairs", "Cu")
	cfg := write(t, filepath.Join(t.TempDir(), "run.toml"), `
[structure]
file = "`+in+`"
frame = 2
[potential]
model = "`+m+`"
head = "extra"
[dynamics]
ensemble = "nve"
temperature_K = 300.0
timestep_fs = 0.5
steps = 5
[output]
dir = "`+filepath.Join(t.TempDir(), "run")+`"
`)
	mustRun(t, "run", cfg, "--ranks", "2")
	mustRun(t, "check", "-m", filepath.Join("..", "..", "testdata", "mace", "tiny-c2", "tiny-c2.model"), in)
	single := filepath.Join("..", "..", "testdata", "mace", "tiny-c3-f32", "tiny-c3-f32.model")
	if r := mustRun(t, "check", "-m", single, in); !strings.Contains(r.out, "couplings are stored in single precision") {
		t.Errorf("check of a model in single precision: %s", r.out)
	}
	sevenn := filepath.Join("..", "..", "testdata", "sevennet-tiny", "linear-l2.pth")
	refuse(t, 2, []string{`head "x"`, "has no heads"}, "eval", in, "-m", sevenn, "-o", out, "--head", "x")
}

// TestMPIMACE: under both MPIs energies, forces and stresses are those of mace-torch in
// double precision, for blocks with density and for the non-linear ones.
func TestMPIMACE(t *testing.T) {
	variants := filepath.Join("..", "..", "potential", "mace", "testdata")
	density := filepath.Join("..", "..", "testdata", "mace", "tiny-density")
	for _, l := range mpitest.Launchers(t) {
		t.Run(l.String(), func(t *testing.T) {
			for _, c := range []struct{ model, head, in string }{
				{filepath.Join(density, "tiny-density.model"), "extra", filepath.Join(density, "structures-extra.extxyz")},
				{filepath.Join(variants, "non-linear.model"), "b", filepath.Join(variants, "non-linear-b.extxyz")},
			} {
				want := len(frames(t, c.in))
				for _, n := range []int{2, 3} {
					out := filepath.Join(t.TempDir(), "out.extxyz")
					r := mpirun(t, l, n, "eval", c.in, "-m", c.model, "-o", out, "--head", c.head, "--precision", "float64", "--ranks", "1")
					if r.code != 0 {
						t.Fatalf("exit status %d\n%s%s", r.code, r.out, r.err)
					}
					if got := len(frames(t, out)); got != want || want < 4 {
						t.Errorf("%d processes: %d frames of %d", n, got, want)
					}
					against(t, out, c.in, 1e-9, 1e-8, 1e-7, 1e-8) // the bounds of potential/mace
				}
			}
		})
	}
}

// In an NVE run the error of the total energy is that of velocity Verlet: of second order in
// the step (measured 0.0395, 0.0095, 0.0024 eV at 0.4, 0.2, 0.1 fs while 2.5 eV become motion).
func TestMACEEnergyKept(t *testing.T) {
	folder := filepath.Join("..", "..", "testdata", "mace", "small-f32")
	worst := func(step string, steps, every int) (off float64) {
		dir := filepath.Join(t.TempDir(), "run")
		cfg := write(t, filepath.Join(t.TempDir(), "run.toml"), fmt.Sprintf(`
[structure]
file = "%s"
frame = 3
[potential]
model = "%s"
[dynamics]
ensemble = "nve"
temperature_K = 300.0
timestep_fs = %s
steps = %d
[output]
dir = "%s"
thermo_every = %d
`, filepath.Join(folder, "structures.extxyz"), filepath.Join(folder, "small-f32.model"), step, steps, dir, every))
		mustRun(t, "run", cfg, "-q", "--ranks", "2")
		rows, err := csv.NewReader(strings.NewReader(read(t, filepath.Join(dir, "thermo.csv")))).ReadAll()
		if err != nil || len(rows) != 12 || rows[0][5] != "total_eV" {
			t.Fatalf("%d rows of thermo.csv, %v", len(rows), err)
		}
		var first float64
		for k, row := range rows[1:] {
			e, err := strconv.ParseFloat(row[5], 64)
			if err != nil {
				t.Fatal(err)
			}
			if k == 0 {
				first = e
			}
			off = max(off, math.Abs(e-first))
		}
		return off
	}
	long, short := worst("0.4", 100, 10), worst("0.1", 400, 40)
	if ratio := long / short; !(ratio > 12 && ratio < 20) || !(short < 0.003) {
		t.Errorf("the total energy is off by %.4f eV with 0.4 fs and by %.4f eV with 0.1 fs", long, short)
	}
	t.Logf("off by %.4f and %.4f eV", long, short)
}
