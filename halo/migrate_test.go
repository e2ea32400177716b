package halo

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
)

// box is a world of n atoms at random in a skew cell, periodic as given.
func box(n int, grid [3]int, periodic [3]bool) *world {
	cell, err := domain.NewCell([3][3]float64{{20, 0, 0}, {4, 18, 0}, {-3, 5, 22}}, periodic)
	if err != nil {
		panic(err)
	}
	w := &world{cell: cell, depth: 3}
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	for range n {
		w.x = append(w.x, cell.Cart([3]float64{rng.Float64(), rng.Float64(), rng.Float64()}))
	}
	w.part = domain.NewGrid(cell, grid, [3]float64{}, [3]float64{1, 1, 1})
	return w
}

// Atoms that move about for many steps, now and then far across the cell, are
// never lost, doubled or mixed up, and are always in the brick of their rank.
// The unwrapped position, of a sum of the same moves, shows the image counts.
func TestMigrateConservesAtoms(t *testing.T) {
	for _, grid := range [][3]int{{1, 1, 1}, {2, 1, 1}, {3, 2, 2}, {5, 1, 1}} {
		for _, periodic := range [][3]bool{{true, true, true}, {true, false, true}, {}} {
			w := box(200, grid, periodic)
			err := w.settled(func(c comm.Comm, a *domain.Atoms, p *Plan) error {
				for step := range int64(60) {
					for i := range a.N {
						for k := range 3 {
							a.X[i][k] += move(a.ID[i], step, k)
						}
					}
					if err := p.Migrate(w.part, w.cell, a); err != nil {
						return err
					}
					if err := w.settledWell(c, a, step+1); err != nil {
						return fmt.Errorf("grid %v, periodic %v, step %d: %w", grid, periodic, step, err)
					}
					if err := p.Rebuild(w.part, w.cell, a, w.depth); err != nil {
						return err
					}
				}
				if s := p.Stats(); c.Size() > 1 && s.Migrate.Calls != 61 {
					return fmt.Errorf("%d migrations counted", s.Migrate.Calls)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// move is how far an atom goes in a step: a little, or far in every 20th step.
func move(id, step int64, k int) float64 {
	d := hash(id, step, int64(k))
	if step%20 == 19 {
		d *= 50
	}
	return d
}

func (w *world) settledWell(c comm.Comm, a *domain.Atoms, moves int64) error {
	n := []int64{int64(a.N), 0, 0}
	for i := range a.N {
		n[1] += a.ID[i]
		n[2] += a.ID[i] * a.ID[i]
		if r := w.part.Owner(w.cell.Frac(a.X[i])); r != c.Rank() {
			return fmt.Errorf("atom %d belongs to rank %d, not %d", a.ID[i], r, c.Rank())
		}
		if a.V[i] != velocity(a.ID[i]) || a.Species[i] != int32(a.ID[i]%100) {
			return fmt.Errorf("atom %d has velocity %v, species %d", a.ID[i], a.V[i], a.Species[i])
		}
		x, shift := w.x[a.ID[i]-1], w.cell.Shift(a.Image[i])
		for k := range x {
			for s := range moves {
				x[k] += move(a.ID[i], s, k)
			}
			if math.Abs(a.X[i][k]+shift[k]-x[k]) > 1e-9 {
				return fmt.Errorf("atom %d at %v, image %v; unwrapped it is at %v", a.ID[i], a.X[i], a.Image[i], x)
			}
		}
	}
	if err := c.AllreduceInt(n, comm.Sum); err != nil {
		return err
	}
	N := int64(len(w.x))
	if n[0] != N || n[1] != N*(N+1)/2 || n[2] != N*(N+1)*(2*N+1)/6 {
		return fmt.Errorf("%d atoms of %d, sum of IDs %d, of squares %d", n[0], N, n[1], n[2])
	}
	return nil
}

// The rows depend on the set of atoms only, not on who held them before, and
// migrating again changes nothing: a restart relies on it.
func TestOrderOfRows(t *testing.T) {
	w := box(300, [3]int{3, 2, 1}, [3]bool{true, true, true})
	w.x[10] = w.x[200] // same cell of the ordering grid for certain: the ID decides
	rows := make([][]int64, w.part.N())
	for _, start := range []int{0, 1, 2} {
		err := inproc.Run(w.part.N(), func(c comm.Comm) error {
			a := &domain.Atoms{}
			for i := range w.x {
				if (start == 0 && c.Rank() == 0) || (start > 0 && i*start%w.part.N() == c.Rank()) {
					a.ID, a.Species, a.X = append(a.ID, int64(i+1)), append(a.Species, 1), append(a.X, w.x[i])
				}
			}
			a.N = len(a.X)
			if err := Migrate(c, w.part, w.cell, a); err != nil {
				return err
			}
			if start == 0 {
				rows[c.Rank()] = slices.Clone(a.ID[:a.N])
			} else if !slices.Equal(rows[c.Rank()], a.ID[:a.N]) {
				return fmt.Errorf("rank %d has rows %v, had %v", c.Rank(), a.ID[:a.N], rows[c.Rank()])
			}
			x := slices.Clone(a.X)
			if err := Migrate(c, w.part, w.cell, a); err != nil {
				return err
			}
			if !slices.Equal(rows[c.Rank()], a.ID[:a.N]) || !slices.Equal(x, a.X) {
				return fmt.Errorf("rank %d: migrating again changes the rows", c.Rank())
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, ids := range rows {
		if i, j := slices.Index(ids, 11), slices.Index(ids, 201); i >= 0 && i >= j {
			t.Errorf("atoms 11 and 201, on one place, are in rows %d and %d", i, j)
		}
	}
}

// A Hilbert curve visits every cell of a cube once, and goes from each cell to
// one that shares a face with it.
func TestHilbert(t *testing.T) {
	const bits = 3
	at := map[uint64][3]uint32{}
	for x := range uint32(1 << bits) {
		for y := range uint32(1 << bits) {
			for z := range uint32(1 << bits) {
				at[hilbert([3]uint32{x, y, z}, bits)] = [3]uint32{x, y, z}
			}
		}
	}
	if len(at) != 1<<(3*bits) {
		t.Fatalf("%d different positions", len(at))
	}
	for h := uint64(1); h < 1<<(3*bits); h++ {
		p, ok := at[h-1]
		q, ok2 := at[h]
		d := 0.0
		for k := range p {
			d += math.Abs(float64(p[k]) - float64(q[k]))
		}
		if !ok || !ok2 || d != 1 {
			t.Fatalf("from %v to %v", p, q)
		}
	}
}

// An atom without a finite position is the same error on all ranks.
func TestMigrateRefusesLostAtoms(t *testing.T) {
	for _, bad := range []float64{math.NaN(), math.Inf(1), -1e300, 1e13} {
		w := box(50, [3]int{2, 2, 1}, [3]bool{true, true, true})
		errs := make([]error, 4)
		_ = inproc.Run(4, func(c comm.Comm) error {
			a := w.share(c)
			if c.Rank() == 2 {
				a.X[5][1] = bad // atom 2 + 5·4 + 1
			}
			errs[c.Rank()] = Migrate(c, w.part, w.cell, a)
			return comm.AnyError(c, errs[c.Rank()]) // keep all ranks alive until all have returned
		})
		for r, err := range errs {
			var system *SystemError
			if !errors.As(err, &system) || system.ID != 23 || err.Error() != errs[0].Error() || !strings.Contains(err.Error(), "atom 23 ") {
				t.Errorf("%v: rank %d: %v", bad, r, err)
			}
		}
	}
}

func TestWrongNumberOfRanks(t *testing.T) {
	w := box(5, [3]int{2, 1, 1}, [3]bool{})
	err := inproc.Run(1, func(c comm.Comm) error {
		a := w.share(c)
		if err := Migrate(c, w.part, w.cell, a); err == nil || err.Error() != "halo: 2 bricks on 1 ranks" {
			return fmt.Errorf("Migrate: %v", err)
		}
		if _, err := Borders(c, w.part, w.cell, a, 1); err == nil || err.Error() != "halo: 2 bricks on 1 ranks" {
			return fmt.Errorf("Borders: %v", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A depth of very many cells is refused by all ranks, not counted for ever.
func TestDepthBeyondReason(t *testing.T) {
	cell, err := domain.NewCell([3][3]float64{{1e-3, 0, 0}, {0, 1e-3, 0}, {0, 0, 1e-3}}, [3]bool{true, true, true})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{cell: cell, x: [][3]float64{{}}, part: domain.NewPartition(cell, 3, [3]float64{}, [3]float64{}), depth: 5}
	err = w.settled(func(comm.Comm, *domain.Atoms, *Plan) error { return nil })
	var thin *SystemError
	if !errors.As(err, &thin) || !strings.Contains(err.Error(), "too thin for a depth of 5 Å") {
		t.Error(err)
	}
}

// In the loop only near ranks talk: on 9 thin bricks each has 2 × 2 of them
// within the depth, and an atom that jumps farther makes all talk once.
func TestMigrateTalksToNeighboursOnly(t *testing.T) {
	w := box(400, [3]int{1, 1, 9}, [3]bool{true, true, true}) // bricks 2.1 Å thick, depth 3 Å
	err := w.settled(func(c comm.Comm, a *domain.Atoms, p *Plan) error {
		if n := p.Peers(); n != 4 {
			return fmt.Errorf("%d peers", n)
		}
		before := p.Stats().Migrate
		for i := range a.N {
			a.X[i][2] += 0.1
		}
		if err := p.Migrate(w.part, w.cell, a); err != nil {
			return err
		}
		after := p.Stats().Migrate
		if n := after.Messages - before.Messages; n < 4 || n > 8 {
			return fmt.Errorf("%d messages for 4 peers", n)
		}
		if c.Rank() == 3 && a.N > 0 {
			a.X[0][2] += 9
		}
		before = p.Stats().Migrate
		if err := p.Migrate(w.part, w.cell, a); err != nil {
			return err
		}
		if n := p.Stats().Migrate.Messages - before.Messages; n < 8 {
			return fmt.Errorf("%d messages after an atom has jumped", n)
		}
		n := []int64{int64(a.N)}
		if err := c.AllreduceInt(n, comm.Sum); err != nil || n[0] != 400 {
			return fmt.Errorf("%d atoms, %v", n[0], err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The first memory of a buffer has headroom: what Alloc gives is never returned,
// so a number that rises a little must not take it twice.
func TestBufferHeadroom(t *testing.T) {
	err := inproc.Run(1, func(c comm.Comm) error {
		var b comm.Buffer
		first := b.Bytes(c, 1<<20)
		if again := b.Bytes(c, 1<<20+1<<16); &again[0] != &first[0] {
			return errors.New("6 % more rows take new memory")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// Too many rows on one rank are an error on all, with its text.
func TestTooManyRows(t *testing.T) {
	_ = inproc.Run(3, func(c comm.Comm) error {
		p := New(c)
		if err := p.bounded(math.MaxInt32); err != nil {
			t.Error(err)
		}
		if err := p.bounded(math.MaxInt32 + c.Rank()/2); err == nil || !strings.Contains(err.Error(), "more than 2³¹") {
			t.Errorf("rank %d: %v", c.Rank(), err)
		}
		return nil
	})
}
