package nequip_test

import (
	"testing"

	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// Energy and forces of 512 silicon atoms, the list given, on one core.
func BenchmarkSilicon(b *testing.B) {
	for _, name := range []string{"sevennet-0", "sevennet-l3i5"} {
		b.Run(name, func(b *testing.B) {
			m := open(b, name)
			b.Run("float32", func(b *testing.B) { potentialtest.BenchmarkNetwork(b, nequip.New32(m)) })
			b.Run("float64", func(b *testing.B) { potentialtest.BenchmarkNetwork(b, nequip.New64(m)) })
		})
	}
}
