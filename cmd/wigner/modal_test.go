package main

import (
	"path/filepath"
	"strings"
	"testing"
)

// Multi-fidelity models from the command line, with the answers of SevenNet 0.13
// (potential/nequip/testdata, README there), converted to both formats too.
func TestModal(t *testing.T) {
	dir := filepath.Join(repo, "potential/nequip/testdata")
	model := filepath.Join(dir, "new-modal.pth")
	tmp := t.TempDir()
	in := filepath.Join(dir, "new-modal.omat24.extxyz")
	out := filepath.Join(tmp, "out.extxyz")
	for _, bad := range []string{"", "pbe"} {
		refuse(t, 2, []string{"mpa, omat24, r2scan"}, "eval", in, "-m", model, "-o", out, "--modal", bad)
	}
	refuse(t, 2, []string{"no modalities"}, "eval", in, "-m", filepath.Join(dir, "new-order.pth"), "-o", out, "--modal", "mpa")
	if r := mustRun(t, "info", model); !strings.Contains(r.out, "mpa omat24 r2scan") || !strings.Contains(r.out, "version 0.13") {
		t.Errorf("info:\n%s", r.out)
	}
	own, again := filepath.Join(tmp, "m.wigner"), filepath.Join(tmp, "again.pth")
	mustRun(t, "convert", model, own)
	mustRun(t, "convert", own, again)
	for _, m := range []string{model, own, again} {
		for _, modal := range []string{"mpa", "omat24", "r2scan"} {
			in := filepath.Join(dir, "new-modal."+modal+".extxyz")
			mustRun(t, "eval", in, "-m", m, "-o", out, "--modal", modal, "--precision", "float64", "--ranks", "3")
			against(t, out, 1e-11, 1e-10, 1e-10, 1e-10)
		}
	}
	text := `[structure]
file = "` + in + `"
[potential]
model = "` + model + `"
modal = "omat24"
[dynamics]
temperature_K = 300
steps = 2
[output]
dir = "` + filepath.Join(tmp, "run") + `"
`
	cfg := write(t, filepath.Join(tmp, "run.toml"), text)
	mustRun(t, "run", cfg, "-q")
	refuse(t, 2, []string{"mpa, omat24, r2scan"}, "run", cfg, "-q", "--force", `potential.modal=""`)
}

// NequIP's own files, one of them with a repulsion, against nequip (potential/nequip/testdata,
// README there), also in wigner's own format; a package in single precision has rounded 1/√N.
func TestNequIP(t *testing.T) {
	dir := filepath.Join(repo, "potential/nequip/testdata")
	out, own := filepath.Join(t.TempDir(), "out.extxyz"), filepath.Join(t.TempDir(), "m.wigner")
	for _, name := range []string{"nequip-natural", "nequip-readout"} {
		in := filepath.Join(dir, name+".extxyz")
		mustRun(t, "convert", filepath.Join(dir, name+".ckpt"), own)
		for _, m := range []string{filepath.Join(dir, name+".ckpt"), own} {
			mustRun(t, "eval", in, "-m", m, "-o", out, "--precision", "float64", "--ranks", "3")
			against(t, out, 1e-11, 1e-10, 1e-10, 1e-10)
		}
		mustRun(t, "eval", in, "-m", filepath.Join(dir, name+".nequip.zip"), "-o", out, "--precision", "float64")
		against(t, out, 1e-9, 1e-8, 1e-7, 1e-8)
		mustRun(t, "eval", in, "-m", own, "-o", out)
		against(t, out, 1e-5, 2e-5, 2e-4, 5e-5)
	}
	if r := mustRun(t, "info", filepath.Join(dir, "nequip-natural.nequip.zip")); !strings.Contains(r.out, "NequIP") || !strings.Contains(r.out, "ZBL") {
		t.Errorf("info:\n%s", r.out)
	}
	refuse(t, 2, []string{"SevenNet cannot load"}, "convert", own, filepath.Join(t.TempDir(), "x.pth"))
}
