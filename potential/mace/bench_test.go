package mace_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/wigner-md/wigner/potential/mace"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// Energy and forces of 512 silicon atoms, the list given, on one core.
func BenchmarkSilicon(b *testing.B) {
	for _, name := range []string{"mace-medium-random", "mace-small-random"} {
		b.Run(name, func(b *testing.B) {
			m := open(b, speedModel(b, name), "")
			b.Run("float32", func(b *testing.B) { potentialtest.BenchmarkNetwork(b, mace.New32(m)) })
			b.Run("float64", func(b *testing.B) { potentialtest.BenchmarkNetwork(b, mace.New64(m)) })
		})
	}
}

// speedModel is a file of tools/golden/mace_speed.py, which is not committed.
func speedModel(t testing.TB, name string) string {
	t.Helper()
	dir := os.Getenv("WIGNER_MODELS")
	if dir == "" {
		dir = filepath.Join("..", "..", "models")
	}
	path := filepath.Join(dir, name+".model")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%v (tools/golden/mace_speed.py models)", err)
	}
	return path
}
