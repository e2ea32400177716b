package main

import (
	"bytes"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/io/torch"
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
			against(t, out, in, 1e-11, 1e-10, 1e-10, 1e-10)
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
	for _, name := range []string{"nequip-natural", "nequip-readout", "nequip-untouched"} {
		in := filepath.Join(dir, name+".extxyz")
		mustRun(t, "convert", filepath.Join(dir, name+".ckpt"), own)
		for _, m := range []string{filepath.Join(dir, name+".ckpt"), own} {
			mustRun(t, "eval", in, "-m", m, "-o", out, "--precision", "float64", "--ranks", "3")
			against(t, out, in, 1e-11, 1e-10, 1e-10, 1e-10)
		}
		if name != "nequip-untouched" {
			mustRun(t, "eval", in, "-m", filepath.Join(dir, name+".nequip.zip"), "-o", out, "--precision", "float64")
			against(t, out, in, 1e-9, 1e-8, 1e-7, 1e-8)
		}
		mustRun(t, "eval", in, "-m", own, "-o", out)
		against(t, out, in, 1e-5, 2e-5, 2e-4, 5e-5)
	}
	// A package is told by what is in it, under any name.
	other := write(t, filepath.Join(t.TempDir(), "x.zip"), read(t, filepath.Join(dir, "nequip-natural.nequip.zip")))
	if r := mustRun(t, "info", other); !strings.Contains(r.out, "NequIP, written by version 0.19.1") || !strings.Contains(r.out, "ZBL") {
		t.Errorf("info:\n%s", r.out)
	}
	// Of a package too a file of wigner's own is made; it gives the same to the last bit.
	a, b := filepath.Join(t.TempDir(), "a.extxyz"), filepath.Join(t.TempDir(), "b.extxyz")
	in := filepath.Join(dir, "nequip-natural.extxyz")
	natural := filepath.Join(t.TempDir(), "natural.wigner")
	mustRun(t, "convert", other, natural)
	mustRun(t, "eval", in, "-m", other, "-o", a, "--precision", "float64")
	mustRun(t, "eval", in, "-m", natural, "-o", b, "--precision", "float64")
	against(t, b, in, 1e-9, 1e-8, 1e-7, 1e-8)
	if read(t, a) != read(t, b) {
		t.Error("the package and what was converted from it give other results")
	}
	// Checkpoints of Lightning that have no info_dict are NequIP's before 0.7, or others'.
	var old bytes.Buffer
	if err := torch.Save(&old, map[any]any{"state_dict": map[any]any{}, "hyper_parameters": map[any]any{"model": map[any]any{}}}); err != nil {
		t.Fatal(err)
	}
	refuse(t, 2, []string{"no info_dict", "NequIP", "nequip-package build"}, "info", write(t, filepath.Join(t.TempDir(), "old.ckpt"), old.String()))
	refuse(t, 2, []string{"SevenNet cannot load"}, "convert", own, filepath.Join(t.TempDir(), "x.pth"))
}
