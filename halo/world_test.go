package halo

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
)

// world is a structure cut into bricks, for tests.
type world struct {
	cell  domain.Cell
	part  domain.Partition
	x     [][3]float64
	depth float64
}

// draw makes a random world: triclinic of either handedness, periodic or not by
// direction, thin or tiny cells, any grid of up to 27 bricks.
func draw(t *rapid.T, atoms int) world {
	var w world
	var periodic [3]bool
	for k := range periodic {
		periodic[k] = rapid.IntRange(0, 3).Draw(t, "open") > 0
	}
	for {
		var a [3][3]float64
		for k := range a {
			size := rapid.SampledFrom([]float64{1, 3, 10}).Draw(t, "size")
			for l := range a[k] {
				a[k][l] = size * rapid.Float64Range(-1, 1).Draw(t, "a")
			}
		}
		var err error
		w.cell, err = domain.NewCell(a, periodic)
		if err == nil && min(w.cell.Height(0), w.cell.Height(1), w.cell.Height(2)) > 0.6 {
			break
		}
	}
	lo, hi := [3]float64{math.Inf(1), math.Inf(1), math.Inf(1)}, [3]float64{math.Inf(-1), math.Inf(-1), math.Inf(-1)}
	for range rapid.IntRange(0, atoms).Draw(t, "atoms") {
		var s [3]float64
		for k := range s {
			s[k] = rapid.Float64Range(-2, 2).Draw(t, "s")
			lo[k], hi[k] = min(lo[k], s[k]), max(hi[k], s[k])
		}
		w.x = append(w.x, w.cell.Cart(s))
	}
	switch rapid.IntRange(0, 3).Draw(t, "partition") {
	case 0:
		var grid [3]int
		for k := range grid {
			grid[k] = rapid.IntRange(1, 3).Draw(t, "n")
		}
		w.part = domain.NewGrid(w.cell, grid, lo, hi)
	case 1:
		w.part = domain.NewPartition(w.cell, rapid.IntRange(1, 13).Draw(t, "ranks"), lo, hi)
	default:
		w.part = drawCuts(t, w.cell, rapid.IntRange(1, 13).Draw(t, "ranks"))
	}
	w.depth = rapid.Float64Range(0.1, 3).Draw(t, "depth")
	return w
}

// drawCuts is any boxes: thick, thin, some without any thickness.
func drawCuts(t *rapid.T, cell domain.Cell, n int) domain.Partition {
	var cuts []domain.Cut
	var split func(lo, hi [3]float64, n int)
	split = func(lo, hi [3]float64, n int) {
		if n == 1 {
			return
		}
		k := rapid.IntRange(0, 2).Draw(t, "axis")
		c := domain.Cut{Axis: k, Below: rapid.IntRange(1, n-1).Draw(t, "below")}
		c.At = lo[k] + (hi[k]-lo[k])*rapid.SampledFrom([]float64{0, 0.01, 0.3, 0.5, 0.9, 1}).Draw(t, "at")
		cuts = append(cuts, c)
		below, above := hi, lo
		below[k], above[k] = c.At, c.At
		split(lo, below, c.Below)
		split(above, hi, n-c.Below)
	}
	lo, hi := [3]float64{}, [3]float64{1, 1, 1}
	for k, p := range cell.Periodic() {
		if !p {
			lo[k], hi[k] = -2, 2
		}
	}
	split(lo, hi, n)
	p, err := domain.FromCuts(cell, n, cuts, [3]int{}, false, lo, hi)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// share deals the atoms to a rank: every Size-th, with its ID, its species the
// ID modulo 100, its velocity a function of the ID.
func (w *world) share(c comm.Comm) *domain.Atoms {
	a := &domain.Atoms{}
	for i := c.Rank(); i < len(w.x); i += c.Size() {
		id := int64(i + 1)
		a.ID, a.Species = append(a.ID, id), append(a.Species, int32(id%100))
		a.X, a.V = append(a.X, w.x[i]), append(a.V, velocity(id))
	}
	a.N = len(a.X)
	return a
}

func velocity(id int64) [3]float64 { return [3]float64{float64(id), -float64(id), 0.5} }

// settled runs f on every rank with migrated atoms and a plan.
func (w *world) settled(f func(c comm.Comm, a *domain.Atoms, p *Plan) error) error {
	return inproc.Run(w.part.N(), func(c comm.Comm) error {
		a, p := w.share(c), New(c)
		if err := p.Migrate(w.part, w.cell, a); err != nil {
			return err
		}
		if err := p.Rebuild(w.part, w.cell, a, w.depth); err != nil {
			return err
		}
		return f(c, a, p)
	})
}

// ghost is an atom at a place.
type ghost struct {
	id int64
	x  [3]float64
}

// byGhost orders ghosts by ID, then roughly by place.
func byGhost(a, b ghost) int {
	return cmp.Or(cmp.Compare(a.id, b.id), slices.Compare(coarse(a.x), coarse(b.x)))
}

func coarse(x [3]float64) []float64 {
	y := make([]float64, 3)
	for k := range x {
		y[k] = math.Round(x[k] * 1e7)
	}
	return y
}

// direct is the geometric answer: every image of every atom that lies in the
// brick widened by depth, save the atoms of the brick themselves, found by trying
// all image shifts of all atoms. unsure are those within rounding of the border.
func (w *world) direct(rank int) (sure, unsure []ghost) {
	lo, hi := w.part.Box(rank)
	var most [3]int
	var d [3]float64
	for k, p := range w.cell.Periodic() {
		d[k] = w.depth / w.cell.Height(k)
		if p {
			most[k] = int(d[k]) + 2
		}
	}
	for i, x := range w.x {
		x, _ := w.cell.Wrap(x)
		s := w.cell.Frac(x)
		for a := -most[0]; a <= most[0]; a++ {
			for b := -most[1]; b <= most[1]; b++ {
				for c := -most[2]; c <= most[2]; c++ {
					m := [3]int32{int32(a), int32(b), int32(c)}
					if m == ([3]int32{}) && w.part.Owner(s) == rank {
						continue
					}
					out := math.Inf(-1) // how far outside the widened brick
					for k := range s {
						v := s[k] + float64(m[k])
						out = max(out, lo[k]-d[k]-v, v-hi[k]-d[k])
					}
					g := ghost{id: int64(i + 1), x: x}
					for l, t := range w.cell.Shift(m) {
						g.x[l] += t
					}
					switch {
					case out < -1e-10:
						sure = append(sure, g)
					case out < 1e-10:
						unsure = append(unsure, g)
					}
				}
			}
		}
	}
	return sure, unsure
}

// matches compares ghosts with the direct answer.
func matches(got, sure, unsure []ghost) error {
	for _, l := range [][]ghost{got, sure, unsure} {
		slices.SortFunc(l, byGhost)
	}
	for i := range got {
		if i > 0 && byGhost(got[i-1], got[i]) == 0 {
			return fmt.Errorf("ghost %v twice", got[i])
		}
	}
	find := func(l []ghost, g ghost) bool {
		for _, h := range l {
			if h.id == g.id && math.Abs(h.x[0]-g.x[0])+math.Abs(h.x[1]-g.x[1])+math.Abs(h.x[2]-g.x[2]) < 1e-9 {
				return true
			}
		}
		return false
	}
	for _, g := range sure {
		if !find(got, g) {
			return fmt.Errorf("ghost %v is missing", g)
		}
	}
	for _, g := range got {
		if !find(sure, g) && !find(unsure, g) {
			return fmt.Errorf("ghost %v should not be", g)
		}
	}
	return nil
}

// The ghosts of every rank equal a direct count over all images.
func TestGhostsEqualDirectCount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := draw(t, 12)
		owners := make([]int32, len(w.x)+1)
		first, moved := w.part, w.part
		if rapid.Bool().Draw(t, "the cuts move") {
			moved = drawCuts(t, w.cell, w.part.N())
		}
		err := w.settled(func(c comm.Comm, a *domain.Atoms, p *Plan) error {
			if !moved.Same(&first) {
				if err := p.Migrate(moved, w.cell, a); err != nil {
					return err
				}
				if err := p.Rebuild(moved, w.cell, a, w.depth); err != nil {
					return err
				}
			}
			if a.Ghost0 != domain.Padded(a.N) || len(a.X) != a.Positions() || len(a.ID) != a.Positions() || len(a.Species) != a.Positions() || len(p.Home) != a.Positions() || len(a.F) != a.Features() || len(a.V) != a.N || len(a.Image) != a.N {
				return fmt.Errorf("rows: %d + %d + %d + %d; X %d, ID %d, Species %d, Home %d, F %d, V %d", a.N, a.Ghost0, a.Remote, a.Images, len(a.X), len(a.ID), len(a.Species), len(p.Home), len(a.F), len(a.V))
			}
			for i := range a.N {
				owners[a.ID[i]]++ // each by one rank only, else this is a race
				if a.V[i] != velocity(a.ID[i]) || a.Species[i] != int32(a.ID[i]%100) {
					return fmt.Errorf("atom %d arrived with velocity %v, species %d", a.ID[i], a.V[i], a.Species[i])
				}
				t := w.cell.Shift(a.Image[i])
				for k := range t {
					if math.Abs(a.X[i][k]+t[k]-w.x[a.ID[i]-1][k]) > 1e-9 {
						return fmt.Errorf("atom %d at %v, image %v, was at %v", a.ID[i], a.X[i], a.Image[i], w.x[a.ID[i]-1])
					}
				}
			}
			var got []ghost
			rows := map[int64]int{} // with features, by atom
			for i := range a.Features() {
				if i < a.N || i >= a.Ghost0 {
					rows[a.ID[i]]++
				}
			}
			for id, n := range rows {
				if n != 1 {
					return fmt.Errorf("atom %d has %d feature rows on rank %d", id, n, c.Rank())
				}
			}
			for g := a.Ghost0; g < a.Positions(); g++ {
				got = append(got, ghost{a.ID[g], a.X[g]})
				home := int(p.Home[g])
				padding := home >= a.N && home < a.Ghost0
				if remote := g < a.Features(); remote != (home == g) || home >= a.Features() || padding || a.ID[home] != a.ID[g] {
					return fmt.Errorf("ghost row %d (atom %d) has its home in row %d", g, a.ID[g], home)
				}
				if a.Species[g] != int32(a.ID[g]%100) {
					return fmt.Errorf("ghost of atom %d has species %d", a.ID[g], a.Species[g])
				}
			}
			now := world{w.cell, moved, w.x, w.depth}
			sure, unsure := now.direct(c.Rank())
			if err := matches(got, sure, unsure); err != nil {
				return fmt.Errorf("rank %d of %v: %w", c.Rank(), w.part.Grid(), err)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for id, n := range owners[1:] {
			if n != 1 {
				t.Fatalf("atom %d has %d owners", id+1, n)
			}
		}
	})
}

// Every neighbour that an image sum over the crystal finds within the depth of
// an atom, less rounding, is a row of the atom's rank, once.
func TestNeighboursEqualImageSum(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := draw(t, 8)
		err := w.settled(func(c comm.Comm, a *domain.Atoms, p *Plan) error {
			for i := range a.N {
				var got []float64
				for j := range a.Positions() {
					if r := distance(a.X[i], a.X[j]); j != i && (j < a.N || j >= a.Ghost0) && r < w.depth-1e-9 {
						got = append(got, r)
					}
				}
				want := w.imageSum(int(a.ID[i] - 1))
				slices.Sort(got)
				slices.Sort(want)
				if len(got) != len(want) {
					return fmt.Errorf("atom %d has neighbours at %v, want %v", a.ID[i], got, want)
				}
				for k := range got {
					if math.Abs(got[k]-want[k]) > 1e-9 {
						return fmt.Errorf("atom %d has neighbours at %v, want %v", a.ID[i], got, want)
					}
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func distance(a, b [3]float64) float64 {
	return math.Sqrt((a[0]-b[0])*(a[0]-b[0]) + (a[1]-b[1])*(a[1]-b[1]) + (a[2]-b[2])*(a[2]-b[2]))
}

// imageSum is the distances within depth, less rounding, from atom i to all images of all atoms.
func (w *world) imageSum(i int) (r []float64) {
	var most [3]int
	for k, p := range w.cell.Periodic() {
		if p { // positions are up to 4 cells apart
			most[k] = int(w.depth/w.cell.Height(k)) + 5
		}
	}
	for j, x := range w.x {
		for a := -most[0]; a <= most[0]; a++ {
			for b := -most[1]; b <= most[1]; b++ {
				for c := -most[2]; c <= most[2]; c++ {
					m := [3]int32{int32(a), int32(b), int32(c)}
					y := x
					for l, t := range w.cell.Shift(m) {
						y[l] += t
					}
					if d := distance(w.x[i], y); d < w.depth-1e-9 && (j != i || m != [3]int32{}) {
						r = append(r, d)
					}
				}
			}
		}
	}
	return r
}

// hash is a number between −1 and 1 for a triple of integers.
func hash(a, b, c int64) float64 {
	h := uint64(a)*0x9e3779b97f4a7c15 ^ uint64(b)*0xbf58476d1ce4e5b9 ^ uint64(c)*0x94d049bb133111eb
	h ^= h >> 31
	h *= 0xd6e8feb86659fd93
	h ^= h >> 32
	return float64(int64(h)) / (1 << 63)
}

// Reverse is the transpose of Forward: ⟨Px, y⟩ = ⟨x, Pᵀy⟩ over all ranks.
func TestReverseIsTransposeOfForward(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := draw(t, 30)
		width := rapid.IntRange(1, 7).Draw(t, "width")
		single := rapid.Bool().Draw(t, "float32")
		err := w.settled(func(c comm.Comm, a *domain.Atoms, p *Plan) error {
			me := int64(c.Rank())
			x := make([]float64, a.Features()*width)
			y := make([]float64, len(x))
			for k := range x {
				row := k / width
				x[k], y[k] = math.NaN(), 0
				if row < a.N {
					x[k] = hash(a.ID[row], int64(k%width), 1)
				} else if row >= a.Ghost0 {
					y[k] = hash(me, int64(k), 2)
				}
			}
			px, pty := slices.Clone(x), slices.Clone(y)
			if err := carry(p, px, width, single, (*Plan).Forward); err != nil {
				return err
			}
			if err := carry(p, pty, width, single, (*Plan).Reverse); err != nil {
				return err
			}
			sums := make([]float64, 2)
			for k := range x {
				if row := k / width; row < a.N {
					sums[1] += x[k] * pty[k]
				} else if row >= a.Ghost0 {
					want := hash(a.ID[row], int64(k%width), 1)
					if single {
						want = float64(float32(want))
					}
					if px[k] != want {
						return fmt.Errorf("ghost of atom %d has %v, its owner %v", a.ID[row], px[k], want)
					}
					sums[0] += px[k] * y[k]
				}
			}
			if err := c.Allreduce(sums, comm.Sum); err != nil {
				return err
			}
			tolerance := 1e-12 * float64(1+len(w.x)*width)
			if single {
				tolerance *= 1e7
			}
			if math.Abs(sums[0]-sums[1]) > tolerance {
				return fmt.Errorf("⟨Px,y⟩ = %.15g, ⟨x,Pᵀy⟩ = %.15g", sums[0], sums[1])
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

// carry applies a map in double or in single precision.
func carry(p *Plan, x []float64, width int, single bool, f func(*Plan, domain.Rows) error) error {
	if !single {
		return f(p, domain.Rows{Width: width, F64: x})
	}
	s := make([]float32, len(x))
	for k := range x {
		s[k] = float32(x[k])
	}
	err := f(p, domain.Rows{Width: width, F32: s})
	for k := range x {
		x[k] = float64(s[k])
	}
	return err
}
