package potentialtest

import (
	"fmt"
	"math"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
)

// onRanks compares all numbers of ranks with one rank.
func (s *suite) onRanks(t *testing.T, what string, sys System) {
	t.Helper()
	want := s.evaluate(t, sys, Setup{})
	worst := 0.0
	for _, n := range s.Options.Ranks {
		got := s.evaluate(t, sys, Setup{Ranks: n})
		owned := 0
		for _, r := range got.Ranks {
			owned += r.Owned
		}
		if owned != len(sys.X) {
			t.Errorf("%s: %d ranks own %d atoms of %d", what, n, owned, len(sys.X))
		}
		worst = max(worst, s.same(t, fmt.Sprintf("%s, %d atoms, %d ranks (%v)", what, len(sys.X), n, got.Grid), got, want))
	}
	t.Logf("%s, %d atoms: worst relative deviation over %v ranks %.2g", what, len(sys.X), s.Options.Ranks, worst)
}

// ranks: any decomposition gives the same, in a cell, in a larger one whose
// bricks are thin slices, and in a left-handed one.
func (s *suite) ranks(t *testing.T) {
	s.onRanks(t, "crystal", s.random(3*s.Atoms, crystal))
	s.onRanks(t, "column", s.random(s.Atoms, crystal).Repeat([3]int{1, 1, 3}))
	left := s.random(s.Atoms, crystal)
	left.Cell[0], left.Cell[1] = left.Cell[1], left.Cell[0]
	s.onRanks(t, "left-handed cell", left)
	sys := s.random(s.Atoms, crystal)
	want := s.evaluate(t, sys, Setup{})
	for _, grid := range [][3]int{{5, 1, 1}, {1, 7, 1}, {1, 1, 9}, {4, 3, 1}} {
		s.same(t, fmt.Sprint("grid ", grid), s.evaluate(t, sys, Setup{Grid: grid}), want)
	}
}

func (s *suite) moreRanks(t *testing.T) {
	for n := 1; n <= 3; n++ {
		s.onRanks(t, "few atoms", s.random(n, crystal))
	}
}

// open: slabs, wires and molecules, with a far-away atom too.
func (s *suite) open(t *testing.T) {
	s.onRanks(t, "slab", s.random(2*s.Atoms, slab))
	s.onRanks(t, "wire", s.random(2*s.Atoms, wire))
	sys := s.random(2*s.Atoms, molecule)
	s.onRanks(t, "molecule", sys)
	want := s.evaluate(t, sys, Setup{})
	boxed := sys.copy()
	boxed.Periodic = crystal
	for k := range boxed.Cell { // room for the molecule and the cutoff around it
		boxed.Cell[k] = [3]float64{}
		boxed.Cell[k][k] = 3*s.Spacing*float64(s.Atoms) + s.cutoff
	}
	s.same(t, "molecule in a large box", s.evaluate(t, boxed, Setup{Ranks: 4}), want)
	bare := sys.copy()
	bare.Cell = [3][3]float64{}
	s.same(t, "molecule without a cell", s.evaluate(t, bare, Setup{Ranks: 4}), want)
	bare.X, bare.Z = append(bare.X, [3]float64{1e5, -1e5, 1e5}), append(bare.Z, s.Elements[0])
	s.onRanks(t, "molecule and an atom far away", bare)
}

// skin: list entries beyond the cutoff change nothing.
func (s *suite) skin(t *testing.T) {
	sys := s.random(s.Atoms, crystal)
	want := s.evaluate(t, sys, Setup{})
	s.same(t, "skin of 1 Å", s.evaluate(t, sys, Setup{Skin: 1}), want)
	s.same(t, "skin of 1 Å, 4 ranks", s.evaluate(t, sys, Setup{Skin: 1, Ranks: 4}), want)
}

// interior: which rows are computed while features travel changes no bit of the energies,
// and the forces by rounding only. Blocks of the border are every second, and every fourth:
// runs of three blocks, between which and in which messages are looked after.
func (s *suite) interior(t *testing.T) {
	sys := s.random(s.Atoms, crystal)
	n := int(math.Ceil(math.Cbrt(24*domain.Block/float64(s.Atoms) - 0.5)))
	sys = sys.Repeat([3]int{n, n, n})
	for i := range sys.X { // no two are alike
		sys.X[i][i%3] += 0.02 * s.rng.Float64()
	}
	want := s.evaluate(t, sys, Setup{})
	for _, border := range []int{4, 2} {
		if border == 2 && testing.Short() {
			continue
		}
		got := s.evaluate(t, sys, Setup{Border: border})
		if got.Ranks[0].Interior < 10*domain.Block {
			t.Fatalf("%d rows of %d are interior", got.Ranks[0].Interior, len(sys.X))
		}
		for i, e := range got.Energies {
			if e != want.Energies[i] {
				t.Fatalf("one block in %d is border: energy %d is %v, without an interior %v", border, i, e, want.Energies[i])
			}
		}
		s.same(t, fmt.Sprintf("one block in %d is border", border), got, want)
		t.Logf("%d atoms, %d rows interior, %d polls", len(sys.X), got.Ranks[0].Interior, got.Ranks[0].Polls)
		if got.Ranks[0].Polls == 0 { // nothing travels
			return
		}
	}
}

// allocations: Compute reuses its memory, and gives the same bits again.
func (s *suite) allocations(t *testing.T) {
	if s.Allocates {
		t.Skip("Options.Allocates")
	}
	sys := s.random(s.Atoms, crystal)
	cell, err := domain.NewCell(sys.Cell, sys.Periodic)
	if err != nil {
		t.Fatal(err)
	}
	err = inproc.Run(1, func(c comm.Comm) error {
		p := s.mk()
		r := rank{c: c, cell: cell, part: domain.NewPartition(cell, 1, [3]float64{}, [3]float64{})}
		if err := r.deal(&sys, p); err != nil {
			return err
		}
		if err := r.compute(p); err != nil {
			return err
		}
		first := append([]float64(nil), r.res.Energy...)
		if n := testing.AllocsPerRun(5, func() { err = r.compute(p) }); n > 0 {
			t.Errorf("Compute allocates %v times when called again", n)
		}
		for i, e := range r.res.Energy {
			if e != first[i] {
				t.Errorf("atom %d: energy %v at the first call, %v later", i, first[i], e)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
