package halo

import (
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/philox"
)

// Masks and towed vectors go where their atoms go, over ranks and in the order of
// the rows, also to ranks that have had none.
func TestMaskAndTow(t *testing.T) {
	err := inproc.Run(5, func(c comm.Comm) error {
		cell, err := domain.NewCell([3][3]float64{{20, 0, 0}, {3, 20, 0}, {0, -2, 20}}, [3]bool{true, true, false})
		if err != nil {
			return err
		}
		part := domain.NewPartition(cell, c.Size(), [3]float64{}, [3]float64{1, 1, 1})
		a := &domain.Atoms{}
		if c.Rank() == 3 { // all of them
			for id := range int64(500) {
				u := philox.Normal(1, philox.Rattle, uint64(id), 0)
				a.ID, a.Species, a.Mask = append(a.ID, id+1), append(a.Species, 18), append(a.Mask, uint32(id*7))
				a.X = append(a.X, [3]float64{10 + 9*u[0], 10 + 9*u[1], 10 + 4*u[2]})
			}
			a.N = 500
		}
		a.Tow = [][][3]float64{make([][3]float64, a.N), make([][3]float64, a.N)}
		for i := range a.N {
			a.Tow[0][i], a.Tow[1][i] = [3]float64{float64(a.ID[i])}, [3]float64{0, 0, -float64(a.ID[i])}
		}
		p := New(c)
		for round := range 3 {
			if err := p.Migrate(part, cell, a); err != nil {
				return err
			}
			if err := p.Rebuild(part, cell, a, 3); err != nil {
				return err
			}
			for i, id := range a.ID[:a.N] {
				if a.Mask[i] != uint32((id-1)*7) || a.Tow[0][i] != [3]float64{float64(id)} || a.Tow[1][i] != [3]float64{0, 0, -float64(id)} {
					t.Errorf("round %d: atom %d has mask %d, vectors %v, %v", round, id, a.Mask[i], a.Tow[0][i], a.Tow[1][i])
				}
			}
			n := []int64{int64(a.N)}
			if err := c.AllreduceInt(n, comm.Sum); err != nil {
				return err
			}
			if n[0] != 500 || len(a.Mask) != a.N || len(a.Tow[1]) != a.N {
				t.Errorf("round %d: %d atoms in all; %d here, %d masks, %d vectors", round, n[0], a.N, len(a.Mask), len(a.Tow[1]))
			}
			for i := range a.N {
				u := philox.Normal(2, philox.Rattle, uint64(a.ID[i]), uint64(round))
				for k := range u {
					a.X[i][k] += 4 * u[k]
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
