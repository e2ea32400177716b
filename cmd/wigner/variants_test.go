package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// Two atoms closer than the radial tables reach (0.5 Å) are named, once, with
// their distance and the step or frame; the exact network has nothing to say.
func TestNearIsTold(t *testing.T) {
	dir := t.TempDir()
	far := "2\nLattice=\"9 0 0 0 9 0 0 0 9\" Properties=species:S:1:pos:R:3\nSi 0 0 0\nSi 0 0 2.4\n"
	near := "3\nLattice=\"9 0 0 0 9 0 0 0 9\" Properties=species:S:1:pos:R:3\nSi 4 4 4\nSi 0 0 8.9\nSi 0 0.1 0.2\n"
	model, out := filepath.Join(tiny, "linear-l2.pth"), filepath.Join(dir, "out.extxyz")
	in := write(t, filepath.Join(dir, "in.extxyz"), far+near+near)
	for _, ranks := range []string{"1", "3"} {
		r := mustRun(t, "eval", in, "-m", model, "-o", out, "--ranks", ranks)
		if !strings.Contains(r.err, "frame 1 (from 0): atoms 2 and 3 are 0.3162 Å apart") || strings.Count(r.err, "apart") != 1 {
			t.Errorf("eval on %s ranks: %s", ranks, r.err)
		}
	}
	if r := mustRun(t, "eval", in, "-m", model, "-o", out, "--radial", "exact"); strings.Contains(r.err, "apart") {
		t.Errorf("exact: %s", r.err)
	}
	// They fly apart from rest: the first step is the one that is told.
	write(t, in, near)
	cfg := config(t, dir, fmt.Sprintf("[structure]\nfile = %q\n[potential]\nmodel = %q\n[dynamics]\nsteps = 5\nvelocities = \"zero\"\nmax_force_eV_A = 1e9\ntimestep_fs = 0.001\n[output]\nthermo_every = 2\n", in, model))
	r := mustRun(t, "run", cfg, "--ranks", "2")
	if !strings.Contains(r.err, "step 0: atoms 2 and 3 are 0.3162 Å apart") || strings.Count(r.err, "apart") != 1 {
		t.Errorf("run: %s", r.err)
	}
}

// The radial network evaluated for every edge, and the modes of memory: the first
// differs from the tables by rounding, the second in nothing.
func TestVariants(t *testing.T) {
	dir := t.TempDir()
	in := write(t, filepath.Join(dir, "in.extxyz"), "2\nLattice=\"0 2.7 2.7 2.7 0 2.7 2.7 2.7 0\" Properties=species:S:1:pos:R:3\nSi 0 0 0\nSi 1.3 1.3 1.5\n")
	model := filepath.Join(tiny, "linear-l2.pth")
	eval := func(flags ...string) string {
		out := filepath.Join(dir, "out.extxyz")
		mustRun(t, append([]string{"eval", in, "-m", model, "-o", out}, flags...)...)
		return read(t, out)
	}
	table := eval()
	if eval("--radial", "table") != table || eval("--memory", "low") != table || eval("--memory", "lean", "--ranks", "3") != eval("--ranks", "3") {
		t.Error("memory, or naming the default, changes results")
	}
	if eval("--radial", "exact") == table {
		t.Error("--radial exact changes nothing")
	}
	double := eval("--precision", "float64")
	if eval("--precision", "float64", "--radial", "exact") != double {
		t.Error("float64 is not exact by default")
	}
	for msg, flags := range map[string][]string{
		`radial "spline" is not known; it may be table, exact`: {"--radial", "spline"},
		`memory "tiny" is not known`:                           {"--memory", "tiny"},
		"there are no tables in float64":                       {"--radial", "table", "--precision", "float64"},
	} {
		refuse(t, 2, []string{msg}, append([]string{"eval", in, "-m", model, "-o", filepath.Join(dir, "no.extxyz")}, flags...)...)
	}
}
