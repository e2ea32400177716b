package nequip_test

import (
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/wigner-md/wigner/potential"
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
				sameInEachMode(t, s, potentialtest.Setup{Ranks: ranks}, func() *mpnn.Network[float32] { return nequip.New32(m) })
				sameInEachMode(t, s, potentialtest.Setup{Ranks: ranks}, func() *mpnn.Network[float64] { return nequip.New64(m) })
			}
		})
	}
	t.Run("interior", func(t *testing.T) {
		m := openFile(t, tiny(t)[0])
		s := rattledCrystal(rng, m.Elements()).Repeat([3]int{4, 4, 5})
		setup := potentialtest.Setup{Border: 4}
		sameInEachMode(t, s, setup, func() *mpnn.Network[float32] { return nequip.New32(m) })
		sameInEachMode(t, s, setup, func() *mpnn.Network[float64] { return nequip.New64(m) })
	})
	t.Run("sevennet-0", func(t *testing.T) {
		m := open(t, "sevennet-0")
		for _, ranks := range []int{1, 3, 8} {
			sameInEachMode(t, diamond(2), potentialtest.Setup{Ranks: ranks}, func() *mpnn.Network[float32] { return nequip.New32(m) })
		}
		sameInEachMode(t, rattledCrystal(rng, []int{14, 8}), potentialtest.Setup{Ranks: 2}, func() *mpnn.Network[float64] { return nequip.New64(m) })
	})
}

func sameInEachMode[T mpnn.Float](t *testing.T, s potentialtest.System, setup potentialtest.Setup, open func() *mpnn.Network[T]) {
	t.Helper()
	var want *potentialtest.Outcome
	for _, mode := range []mpnn.Memory{mpnn.Normal, mpnn.Lean, mpnn.Low} {
		got, err := potentialtest.Evaluate(s, setup, func() potential.Potential {
			n := open()
			n.Memory = mode
			return n
		})
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
			continue
		}
		if !reflect.DeepEqual(got.Energies, want.Energies) || !reflect.DeepEqual(got.Forces, want.Forces) || got.Virial != want.Virial {
			t.Errorf("%+v: memory mode %d differs from the normal one", setup, mode)
		}
	}
}
