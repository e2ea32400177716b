package nequip_test

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/wigner-md/wigner/io/torch"
	"github.com/wigner-md/wigner/potential/nequip"
)

// The state of a checkpoint that is written has the names, shapes and numbers of the one
// that sevenn 0.10.4 itself wrote (testdata/sevennet-tiny, README there): what sevenn asks
// for when it loads one.
func TestCheckpoint(t *testing.T) {
	for _, path := range tiny(t) {
		ck, err := torch.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer ck.Close()
		w := ck.Weights()
		cfg, out, err := nequip.Checkpoint(ck.Config, w)
		if err != nil {
			t.Fatal(err)
		}
		base := filepath.Base(path)
		if base == "old-names.pth" || base == "new-no-couplings.pth" {
			continue // its tensors are called by their present names; the couplings are added
		}
		names := w.Names()
		for _, n := range out.Names() {
			if !slices.Contains(names, n) {
				t.Errorf("%s: %s is not in sevenn's file", base, n)
			}
		}
		for _, n := range names {
			shape, data, _ := w.Tensor(n)
			s, d, ok := out.Tensor(n)
			if !ok || !slices.Equal(s, shape) || !slices.Equal(d, data) {
				t.Errorf("%s: %s: %v of shape %v, want shape %v (equal numbers: %v)", base, n, ok, s, shape, slices.Equal(d, data))
			}
		}
		for _, key := range []string{"conv_denominator", "shift", "scale", "_type_map", "irreps_manual", "train_denominator"} {
			if _, ok := cfg[key]; !ok && key != "irreps_manual" {
				t.Errorf("%s: the configuration lacks %s", base, key)
			}
		}
	}
}
