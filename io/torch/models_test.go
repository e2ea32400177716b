package torch

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// open opens one of the published checkpoints. Where `make models` has not been run the test is skipped,
// unless WIGNER_REQUIRE_MODELS says that it must not be.
func open(t *testing.T, name string) *Checkpoint {
	t.Helper()
	dir := os.Getenv("WIGNER_MODELS")
	if dir == "" {
		dir = "../../models"
	}
	ck, err := Open(filepath.Join(dir, name))
	if errors.Is(err, os.ErrNotExist) && os.Getenv("WIGNER_REQUIRE_MODELS") == "" {
		t.Skip("no models; run make models")
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ck.Close() })
	return ck
}

// The shapes and numbers below were read in Python with torch 2.15:
// torch.load(file, map_location="cpu", weights_only=False).
func TestPublishedModels(t *testing.T) {
	for _, c := range []struct {
		file, version   string
		tensors         int
		denominator     float64
		denominatorName string
		lmax, epoch     int64
	}{
		{"sevennet-0.pth", "0.9.1", 121, 35.98957443237305, "0_convolution.denominator", 2, 600},
		{"sevennet-0-22may2024.pth", "0.9.1", 121, 36.99629592895508, "0 convolution.denumerator", 2, 493},
		{"sevennet-l3i5.pth", "0.9.2", 169, 35.984718322753906, "0_convolution.denominator", 3, 600},
	} {
		t.Run(c.file, func(t *testing.T) {
			ck := open(t, c.file)
			w := ck.Weights()
			shape, data, ok := w.Tensor64(c.denominatorName)
			if !ok || len(shape) != 1 || shape[0] != 1 || data[0] != c.denominator {
				t.Errorf("denominator: shape %v, data %v, ok %v; want [1], %v", shape, data, ok, c.denominator)
			}
			if n := len(w.Names()); n != c.tensors {
				t.Errorf("%d tensors, want %d", n, c.tensors)
			}
			if ck.Config["version"] != c.version || ck.Config["lmax"] != c.lmax || ck.Config["cutoff"] != 5.0 {
				t.Errorf("config: version %v, lmax %v, cutoff %v", ck.Config["version"], ck.Config["lmax"], ck.Config["cutoff"])
			}
			if m, ok := ck.Config["_type_map"].(map[any]any); !ok || m[int64(8)] != int64(51) || len(m) != 89 {
				t.Errorf("_type_map: %v", ck.Config["_type_map"])
			}
			if ck.Top["epoch"] != c.epoch {
				t.Errorf("epoch: %v, want %d", ck.Top["epoch"], c.epoch)
			}
			if _, _, ok := w.Tensor("no such tensor"); ok {
				t.Error("a tensor that is not there is found")
			}
		})
	}
}

// The stored coupling tensors are not contiguous: strides must be honoured. Its first element that is not
// zero, the norm and the count come from Condon–Shortley tables (Frobenius norm 1).
func TestStrides(t *testing.T) {
	ck := open(t, "sevennet-0.pth")
	shape, c, ok := ck.Weights().Tensor64("1_convolution.convolution._compiled_main_left_right._w3j_1_2_2")
	if !ok || len(shape) != 3 || shape[0] != 3 || shape[1] != 5 || shape[2] != 5 {
		t.Fatalf("shape %v, ok %v", shape, ok)
	}
	var sum float64
	var count int
	for _, x := range c {
		sum += x * x
		if x != 0 {
			count++
		}
	}
	if math.Abs(sum-1) > 1e-6 || count != 16 || math.Abs(c[1]-0.182574185835055) > 1e-8 {
		t.Errorf("norm² %v, %d non-zero, [0,0,1] = %v; want 1, 16, 0.18257…", sum, count, c[1])
	}
}
