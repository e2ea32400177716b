package nequip_test

import (
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/wigner-md/wigner/potential/mpnn"
	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// The modes that keep less give the same bits, with every tiny checkpoint and with
// the published ones, in both precisions.
func TestMemory(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 9))
	for n, path := range tiny(t) {
		if testing.Short() && n%3 != 0 {
			continue
		}
		m := openFile(t, path)
		s := rattledCrystal(rng, m.Elements())
		t.Run(filepath.Base(path), func(t *testing.T) {
			for _, ranks := range []int{1, 2, 8} {
				potentialtest.SameInEachMode(t, s, potentialtest.Setup{Ranks: ranks}, func(mpnn.Memory) *mpnn.Network[float32] { return nequip.New32(m) })
				potentialtest.SameInEachMode(t, s, potentialtest.Setup{Ranks: ranks}, func(mpnn.Memory) *mpnn.Network[float64] { return nequip.New64(m) })
			}
		})
	}
	t.Run("interior", func(t *testing.T) {
		m := openFile(t, tiny(t)[0])
		s := rattledCrystal(rng, m.Elements()).Repeat([3]int{4, 4, 5})
		setup := potentialtest.Setup{Border: 4}
		potentialtest.SameInEachMode(t, s, setup, func(mpnn.Memory) *mpnn.Network[float32] { return nequip.New32(m) })
		potentialtest.SameInEachMode(t, s, setup, func(mpnn.Memory) *mpnn.Network[float64] { return nequip.New64(m) })
	})
	t.Run("sevennet-0", func(t *testing.T) {
		m := open(t, "sevennet-0")
		for _, ranks := range []int{1, 3, 8} {
			potentialtest.SameInEachMode(t, potentialtest.Silicon(2), potentialtest.Setup{Ranks: ranks}, func(mpnn.Memory) *mpnn.Network[float32] { return nequip.New32(m) })
		}
		potentialtest.SameInEachMode(t, rattledCrystal(rng, []int{14, 8}), potentialtest.Setup{Ranks: 2}, func(mpnn.Memory) *mpnn.Network[float64] { return nequip.New64(m) })
	})
}
