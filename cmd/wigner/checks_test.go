package main

import (
	"bytes"
	"encoding/json"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/potential"
)

// TestCheck: the checks pass for potentials that are right, and tell the
// groups apart: parity-nequip was built with parity, linear-l2 without.
func TestCheck(t *testing.T) {
	for name, mirror := range map[string]string{"parity-nequip": "pass", "linear-l2": "note"} {
		r := mustRun(t, "check", "-m", filepath.Join(tiny, name+".pth"), filepath.Join(tiny, name+".extxyz"), "--frame", "1", "--json")
		var got struct {
			Passed bool
			Checks []verdict
		}
		if err := json.Unmarshal([]byte(r.out), &got); err != nil {
			t.Fatal(err)
		}
		if !got.Passed || len(got.Checks) < 15 {
			t.Errorf("%s: %s", name, r.out)
		}
		for _, v := range got.Checks {
			if strings.HasPrefix(v.Check, "mirror") && v.Status != mirror {
				t.Errorf("%s: %s is a %s, want %s", name, v.Check, v.Status, mirror)
			}
		}
	}
	// A cutoff that cuts the potential off hard, in a crystal with atoms near
	// it: the energy jumps, and its derivatives are not the forces.
	cfg := config(t, t.TempDir(), argon)
	mustRun(t, "check", cfg)
	r := refuse(t, 1, []string{"checks failed"}, "check", config(t, t.TempDir(), strings.Replace(argon, "cutoff_A = 7.0", "cutoff_A = 3.7476659402887016", 1)))
	if !strings.Contains(r.out, "FAIL") {
		t.Errorf("nothing fails:\n%s", r.out)
	}
	for _, in := range []string{filepath.Join(tiny, "linear-l2.extxyz"), "POSCAR", "data/in.extxyz.gz"} {
		refuse(t, 2, []string{"is a structure: give a model with -m"}, "check", in)
	}
}

// Atoms are moved through the cutoff: a potential that goes smoothly to zero passes, one
// that is cut off on purpose is told, one that should not jump and does fails.
func TestSmoothness(t *testing.T) {
	s := &system{Vectors: [3][3]float64{{10, 0, 0}, {0, 10, 0}, {0, 0, 10}}, PBC: [3]bool{true, true, true},
		Z: []int32{18, 18, 18}, X: [][3]float64{{0, 0, 0}, {4, 4, 0.3}, {7.1, 0, 1}}}
	p := input.Part{Type: "lennard-jones", Elements: []string{"Ar"}, Epsilon: 0.0104, Sigma: 3.4, Cutoff: 5.6}
	for _, x := range []struct {
		inner  float64
		hidden bool
		status string
	}{{4, false, "pass"}, {0, false, "note"}, {0, true, "fail"}} {
		p.Switch = x.inner
		src, err := lennardJones(p)
		if err != nil {
			t.Fatal(err)
		}
		if x.hidden {
			src.Cut = false
		}
		zbl, err := zbl(input.Part{Type: "zbl", Switch: 3, Cutoff: 4})
		if err != nil {
			t.Fatal(err)
		}
		c := checker{src: sumOf([]*source{src, zbl}), sys: s}
		aboutCutoff(t, &c, x.inner, x.status)
	}
}

// aboutCutoff makes all checks; the two lines about the cutoff of 5.6 Å must have this status.
func aboutCutoff(t *testing.T, c *checker, inner float64, status string) {
	t.Helper()
	if err := c.all(); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, v := range c.out {
		if strings.HasPrefix(v.Check, "cutoff 5.6") {
			n++
			if v.Status != status {
				t.Errorf("switch %g: %s: %g is a %s, want %s", inner, v.Check, v.Figure, v.Status, status)
			}
		}
	}
	if n != 2 {
		t.Errorf("%d lines about the cutoff: %+v", n, c.out)
	}
}

// An atom of a molecule that is smaller than the cutoff is moved out to it.
func TestSmoothnessOfMolecule(t *testing.T) {
	s := &system{Z: []int32{18, 18, 18}, X: [][3]float64{{0, 0, 0}, {3.5, 0, 0}, {1.7, 3, 0}}}
	for _, x := range []struct {
		inner  float64
		hidden bool
		status string
	}{{4, false, "pass"}, {0, true, "fail"}} {
		src, err := lennardJones(input.Part{Type: "lennard-jones", Elements: []string{"Ar"}, Epsilon: 0.0104, Sigma: 3.4, Cutoff: 5.6, Switch: x.inner})
		if err != nil {
			t.Fatal(err)
		}
		src.Cut = false
		c := checker{src: src, sys: s}
		aboutCutoff(t, &c, x.inner, x.status)
	}
}

// unturned is a potential with an energy that depends on the orientation and has no force,
// which the derivatives of the energy must show.
type unturned struct{ potential.Potential }

func (u unturned) Compute(f *potential.Frame, r *potential.Result) error {
	err := u.Potential.Compute(f, r)
	for i := range f.N {
		r.Energy[i] += 0.1 * math.Sin(f.X[0][0]-f.X[f.N-1][0])
	}
	return err
}

// Without a symmetry the bound on the virial stays: what turning changes is no rounding.
func TestVirialOfUnturned(t *testing.T) {
	s := &system{Z: []int32{18, 18}, X: [][3]float64{{0, 0, 0}, {3.5, 1, 0}}}
	src, err := lennardJones(input.Part{Type: "lennard-jones", Elements: []string{"Ar"}, Epsilon: 0.0104, Sigma: 3.4, Cutoff: 5.6, Switch: 4})
	if err != nil {
		t.Fatal(err)
	}
	plain := src.New
	src.New = func() (potential.Potential, error) {
		p, err := plain()
		return unturned{p}, err
	}
	src.Whole = true // its frame is all atoms, in order
	c := checker{src: src, sys: s}
	if err := c.all(); err != nil {
		t.Fatal(err)
	}
	for _, v := range c.out {
		if strings.HasPrefix(v.Check, "virial") && (v.Status != "fail" || v.Bound > 0.01) || strings.HasPrefix(v.Check, "rotation: atomic") && v.Status != "fail" {
			t.Errorf("%+v", v)
		}
	}
}

// offset is a potential with another zero of energy.
type offset struct {
	potential.Potential
	by float64
}

func (o offset) Compute(f *potential.Frame, r *potential.Result) error {
	err := o.Potential.Compute(f, r)
	for i := range r.Energy {
		r.Energy[i] += o.by
	}
	return err
}

// The bound on the virial knows no zero of energy: total energies of all electrons are a
// thousand times those of bonds, and would hide any error.
func TestVirialBound(t *testing.T) {
	s := &system{Vectors: [3][3]float64{{10, 0, 0}, {0, 10, 0}, {0, 0, 10}}, PBC: [3]bool{true, true, true},
		Z: []int32{18, 18, 18}, X: [][3]float64{{0, 0, 0}, {4, 4, 0.3}, {7.1, 0, 1}}}
	var bounds []float64
	for _, by := range []float64{0, -14000} {
		src, err := lennardJones(input.Part{Type: "lennard-jones", Elements: []string{"Ar"}, Epsilon: 0.0104, Sigma: 3.4, Cutoff: 5.6, Switch: 4})
		if err != nil {
			t.Fatal(err)
		}
		plain := src.New
		src.New = func() (potential.Potential, error) {
			p, err := plain()
			return offset{p, by}, err
		}
		c := checker{src: src, sys: s}
		if err := c.all(); err != nil {
			t.Fatal(err)
		}
		for _, v := range c.out {
			if strings.HasPrefix(v.Check, "virial") {
				bounds = append(bounds, v.Bound)
				if v.Status != "pass" {
					t.Errorf("from %g eV: %+v", by, v)
				}
			}
		}
	}
	// What rounding 14 keV makes of it is in the bound, two digits of 2⁻³⁹ eV by 1e-5 for each
	// of three atoms; 14 keV is not.
	if len(bounds) != 2 || bounds[1]-bounds[0] > 2*3*math.Ldexp(1, -39)/1e-5 {
		t.Errorf("bounds %v", bounds)
	}
}

// TestCheckNaN: a figure that is NaN or infinite fails, and is null in JSON.
func TestCheckNaN(t *testing.T) {
	var c checker
	c.expect("a", "eV", math.NaN(), 1, "")
	c.expect("b", "eV", math.Inf(1), 1, "")
	c.report("c", "eV", 0.5, "")
	var out bytes.Buffer
	a := app{out: &out}
	if err := a.verdicts("m", 2, c.out, true); err == nil || err.Error() != "2 of 3 checks failed" {
		t.Error(err)
	}
	var got struct {
		Passed bool
		Checks []struct {
			Figure *float64
			Status string
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || len(got.Checks) != 3 {
		t.Fatalf("%v: %s", err, out.String())
	}
	if x := got.Checks; got.Passed || x[0].Figure != nil || x[1].Figure != nil || x[0].Status != "fail" || *x[2].Figure != 0.5 {
		t.Errorf("%s", out.String())
	}
}

func TestBench(t *testing.T) {
	r := mustRun(t, "bench", "-m", filepath.Join(tiny, "linear-l2.pth"), "--atoms", "60,100", "--ranks", "1,2", "--steps", "3", "--json")
	var got struct {
		Machine   map[string]any
		Model     string
		Precision string
		Results   []map[string]any
	}
	if err := json.Unmarshal([]byte(r.out), &got); err != nil {
		t.Fatal(err)
	}
	if got.Precision != "float32" || got.Model != "linear-l2.pth" || len(got.Results) != 4 || got.Machine["peak_gflops"] == nil {
		t.Fatalf("%s", r.out)
	}
	// Diamond: 64 atoms are 2×2×2 cubes, 216 the next cube; the issue's
	// supercell is the most nearly cubic one of at least that many atoms.
	for i, atoms := range []float64{64, 64, 216, 216} {
		x := got.Results[i]
		if x["atoms"] != atoms || x["ranks"] != float64(1+i%2) {
			t.Errorf("result %d: %v atoms on %v ranks", i, x["atoms"], x["ranks"])
		}
		for _, key := range []string{"neighbors_mean", "us_per_atom_step", "us_min", "us_median", "max_force", "rss_bytes", "ghosts_per_atom"} {
			if v, ok := x[key].(float64); !ok || !(v > 0) {
				t.Errorf("result %d: %s is %v", i, key, x[key])
			}
		}
		for _, key := range []string{"energy_eV_per_atom", "bytes_per_atom", "comm_bytes_per_step"} {
			if _, ok := x[key].(float64); !ok {
				t.Errorf("result %d: no %s", i, key)
			}
		}
		if len(x["breakdown"].(map[string]any)) == 0 {
			t.Errorf("result %d: no breakdown", i)
		}
		// The sizes are 64 and 216: the second has its time beside the first's.
		ratio := x["us_median"].(float64) / got.Results[i%2]["us_median"].(float64)
		if v, ok := x["linearity"].(float64); ok != (i >= 2) || ok && v != ratio {
			t.Errorf("result %d: linearity %v, want %g", i, x["linearity"], ratio)
		}
		if v, ok := x["useful_gflops"].(float64); !ok || !(v > 0) {
			t.Errorf("result %d: useful_gflops is %v", i, x["useful_gflops"])
		}
		if of, ok := x["peak_fraction"].(map[string]any); got.Machine["peak_gflops"].(float64) > 0 {
			for _, stage := range []string{"forward", "head", "backward", "pair"} {
				if v, _ := of[stage].(float64); !(v > 0 && v <= 1) {
					t.Errorf("result %d: %s at %v of the peak", i, stage, of[stage])
				}
			}
		} else if ok {
			t.Errorf("result %d: fractions of no peak", i)
		}
	}
	if a, b := got.Results[0]["energy_eV_per_atom"].(float64), got.Results[1]["energy_eV_per_atom"].(float64); a-b > 1e-6 || b-a > 1e-6 {
		t.Errorf("1 and 2 ranks have %v and %v eV per atom", a, b)
	}
	file := filepath.Join(tiny, "linear-l2.extxyz")
	if r := mustRun(t, "bench", "-m", filepath.Join(tiny, "linear-l2.pth"), "--structure", file, "--atoms", "20", "--steps", "1", "--ranks", "1"); !strings.Contains(r.out, "µs/a/step") {
		t.Errorf("%s", r.out)
	}
	refuse(t, 2, []string{"neither si nor cu nor a file"}, "bench", "-m", filepath.Join(tiny, "linear-l2.pth"), "--structure", "xx")
}
