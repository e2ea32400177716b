package domain_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/wigner-md/wigner/domain"
)

// alone is the reductions of one rank.
type alone struct{}

func (alone) Sum([]int64) error   { return nil }
func (alone) Max([]float64) error { return nil }

// inBox is whether a box of p holds s, where the outer boxes along periodic
// directions hold what Wrap leaves beside the cell.
func inBox(p *domain.Partition, cell domain.Cell, brick int, s [3]float64) bool {
	lo, hi := p.Box(brick)
	for k, periodic := range cell.Periodic() {
		if periodic && lo[k] == 0 {
			lo[k] = math.Inf(-1)
		}
		if periodic && hi[k] == 1 {
			hi[k] = math.Inf(1)
		}
		if !(s[k] >= lo[k] && s[k] < hi[k]) {
			return false
		}
	}
	return true
}

// tiles checks that the boxes of p fill the cell and do not overlap: each of some
// points, corners of boxes among them, lies in one box, its owner's.
func tiles(t *rapid.T, p *domain.Partition, cell domain.Cell, points [][3]float64) {
	volume := 0.0
	for r := range p.N() {
		lo, hi := p.Box(r)
		v := 1.0
		for k, periodic := range cell.Periodic() {
			if !(lo[k] <= hi[k]) {
				t.Fatalf("box %d: %v to %v", r, lo, hi)
			}
			if periodic {
				v *= hi[k] - lo[k]
			} else { // infinity tamed: the measure of a Cauchy distribution
				v *= (math.Atan(hi[k]) - math.Atan(lo[k])) / math.Pi
			}
		}
		volume += v
		if c := lo; !math.IsInf(c[0]+c[1]+c[2], 0) {
			points = append(points, c)
		}
	}
	if math.Abs(volume-1) > 1e-9 {
		t.Fatalf("the boxes fill %v of the cell", volume)
	}
	for _, s := range points {
		owner := p.Owner(s)
		for r := range p.N() {
			if inBox(p, cell, r, s) != (r == owner) {
				t.Fatalf("%v belongs to %d, box %d holds it: %v", s, owner, r, inBox(p, cell, r, s))
			}
		}
	}
}

// drawPoints are points as an interesting system has them: anywhere, in a ball,
// on planes, all at one place, or none.
func drawPoints(t *rapid.T, cell domain.Cell) (s [][3]float64, w []int64) {
	kind := rapid.SampledFrom([]string{"anywhere", "ball", "planes", "one place"}).Draw(t, "kind")
	rng := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
	for range rapid.SampledFrom([]int{0, 1, 7, 300}).Draw(t, "points") {
		x := [3]float64{rng.Float64(), rng.Float64(), rng.Float64()}
		for k := range x {
			switch kind {
			case "ball":
				x[k] = 0.5 + 0.05*rng.NormFloat64()
			case "planes":
				x[k] = math.Floor(8*x[k]) / 8
			case "one place":
				x[k] = 0.25
			}
		}
		x, _ = cell.Wrap(cell.Cart(x))
		s, w = append(s, cell.Frac(x)), append(w, rng.Int64N(100))
	}
	return s, w
}

// Any weights, cells and numbers of bricks: the boxes tile the cell, each brick
// has the weight that Cutter says, grids stay grids, and FromCuts of Cuts is the
// same partition.
func TestCutterTiles(t *testing.T) {
	var c domain.Cutter // its memory is used again
	rapid.Check(t, func(t *rapid.T) {
		cell := drawCell(t, drawPeriodic(t))
		s, w := drawPoints(t, cell)
		lo, hi := [3]float64{0, 0, 0}, [3]float64{1, 1, 1}
		p := domain.NewPartition(cell, rapid.IntRange(1, 40).Draw(t, "bricks"), lo, hi)
		if rapid.Bool().Draw(t, "grid") {
			p = domain.NewGrid(cell, [3]int{rapid.IntRange(1, 4).Draw(t, "nx"), rapid.IntRange(1, 4).Draw(t, "ny"), rapid.IntRange(1, 4).Draw(t, "nz")}, lo, hi)
		}
		before := p
		tiles(t, &p, cell, s)
		for range 2 { // what was cut can be cut again
			grid, fixed := p.Grid(), p.Fixed()
			q, err := c.Cut(p, cell, s, w, alone{})
			if err != nil {
				t.Fatal(err)
			}
			if q.N() != p.N() || q.Fixed() != fixed || fixed && q.Grid() != grid || !fixed && q.Grid() != ([3]int{}) || q.Equal() {
				t.Fatalf("%d bricks, grid %v, fixed %v, equal %v of %d, %v, %v", q.N(), q.Grid(), q.Fixed(), q.Equal(), p.N(), grid, fixed)
			}
			p = q
		}
		tiles(t, &p, cell, s)
		got := make([]int64, p.N())
		for i, x := range s {
			got[p.Owner(x)] += w[i]
		}
		if !slices.Equal(got, c.Weight) {
			t.Fatalf("weights %v, Cutter says %v", got, c.Weight)
		}
		plo, phi := p.Bounds()
		again, err := domain.FromCuts(cell, p.N(), p.Cuts(), p.Grid(), p.Fixed(), plo, phi)
		if err != nil {
			t.Fatal(err)
		}
		for r := range p.N() {
			l, h := p.Box(r)
			if l2, h2 := again.Box(r); l != l2 || h != h2 {
				t.Fatalf("brick %d is %v %v, and %v %v when made again", r, l, h, l2, h2)
			}
		}
		if before.Fixed() {
			sameGrid(t, &before, &p)
		}
	})
}

// sameGrid checks that two partitions have the same tree but for the places.
func sameGrid(t *rapid.T, p, q *domain.Partition) {
	a, b := p.Cuts(), q.Cuts()
	for i := range a {
		if a[i].Axis != b[i].Axis || a[i].Below != b[i].Below {
			t.Fatalf("cut %d: %v became %v", i, a[i], b[i])
		}
	}
}

// The weights are balanced as well as they can be: where no two points have the
// same coordinate, each cut is off by no more than half the heaviest point and
// the width of a histogram's last bin.
func TestCutterBalances(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	cell, err := domain.NewCell([3][3]float64{{30, 0, 0}, {3, 40, 0}, {-2, 5, 80}}, [3]bool{true, true, true})
	if err != nil {
		t.Fatal(err)
	}
	for name, place := range map[string]func() [3]float64{
		"everywhere": func() [3]float64 { return [3]float64{rng.Float64(), rng.Float64(), rng.Float64()} },
		"half empty": func() [3]float64 { return [3]float64{rng.Float64(), rng.Float64(), rng.Float64() / 2} },
		"two densities": func() [3]float64 {
			if rng.IntN(10) > 0 {
				return [3]float64{rng.Float64(), rng.Float64() / 4, rng.Float64()}
			}
			return [3]float64{rng.Float64(), 0.25 + 0.75*rng.Float64(), rng.Float64()}
		},
		"ball": func() [3]float64 {
			for {
				x, r := [3]float64{}, 0.0
				for k := range x {
					x[k] = 2*rng.Float64() - 1
					r += x[k] * x[k]
					x[k] = 0.5 + 0.2*x[k]
				}
				if r < 1 {
					return x
				}
			}
		},
	} {
		const n = 20000
		s, w := make([][3]float64, n), make([]int64, n)
		for i := range s {
			s[i], w[i] = place(), 30+rng.Int64N(40)
		}
		for _, bricks := range []int{2, 3, 8, 13, 64} {
			for _, fixed := range []bool{false, true} {
				var c domain.Cutter
				p := domain.NewPartition(cell, bricks, [3]float64{}, [3]float64{})
				if fixed {
					p = domain.NewGrid(cell, p.Grid(), [3]float64{}, [3]float64{})
				}
				if p, err = c.Cut(p, cell, s, w, alone{}); err != nil {
					t.Fatal(err)
				}
				var sum int64
				for _, x := range c.Weight {
					sum += x
				}
				mean := float64(sum) / float64(bricks)
				// Up to log2(64) + 1 cuts above a brick, each off by half of 70 and 1/4000.
				most, allow := float64(slices.Max(c.Weight)), 7*(35+mean*float64(bricks)/4000/2)
				if bricks <= 8 {
					allow = 7 * 35
				}
				allow += 7 * mean / 4000 * 2
				if most > mean+allow {
					t.Errorf("%s, %d bricks, fixed %v: the heaviest has %v, the mean is %v", name, bricks, fixed, most, mean)
				}
			}
		}
	}
}

// shared is the reductions of several ranks whose points are cut in turn: it
// plays back what the sums over all are, as found by a first pass.
type shared struct {
	sums [][]int64
	maxs [][]float64
}

func (r *shared) Sum(x []int64) error {
	copy(x, r.sums[0])
	r.sums = r.sums[1:]
	return nil
}

func (r *shared) Max(x []float64) error {
	copy(x, r.maxs[0])
	r.maxs = r.maxs[1:]
	return nil
}

// recording notes the results of reductions.
type recording struct{ shared }

func (r *recording) Sum(x []int64) error   { r.sums = append(r.sums, slices.Clone(x)); return nil }
func (r *recording) Max(x []float64) error { r.maxs = append(r.maxs, slices.Clone(x)); return nil }

// A rank that holds only some points, or none, makes the same cuts to the bit as
// the one that holds all.
func TestCutterOnSomePoints(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		cell := drawCell(t, drawPeriodic(t))
		s, w := drawPoints(t, cell)
		p := domain.NewPartition(cell, rapid.IntRange(1, 20).Draw(t, "bricks"), [3]float64{}, [3]float64{1, 1, 1})
		var c domain.Cutter
		var all recording
		want, err := c.Cut(p, cell, s, w, &all)
		if err != nil {
			t.Fatal(err)
		}
		n := rapid.IntRange(0, len(s)).Draw(t, "of this rank")
		got, err := c.Cut(p, cell, s[:n], w[:n], &all.shared)
		if err != nil {
			t.Fatal(err)
		}
		if len(all.sums)+len(all.maxs) > 0 {
			t.Fatal("fewer reductions on a rank with fewer points")
		}
		if !slices.Equal(got.Cuts(), want.Cuts()) {
			t.Fatalf("cuts %v, on one rank %v", got.Cuts(), want.Cuts())
		}
	})
}

// Cuts of a crystal lie between its planes, and share them out evenly.
func TestCutterBetweenPlanes(t *testing.T) {
	cell, err := domain.NewCell([3][3]float64{{24, 0, 0}, {0, 12, 0}, {0, 0, 12}}, [3]bool{true, true, true})
	if err != nil {
		t.Fatal(err)
	}
	var s [][3]float64
	var w []int64
	for i := range 6 { // planes at 0, 1/12 … 5/12: the rest is vacuum
		for j := range 16 {
			s, w = append(s, [3]float64{float64(i) / 12, float64(j%4) / 4, float64(j/4) / 4}), append(w, 3)
		}
	}
	var c domain.Cutter
	p, err := c.Cut(domain.NewGrid(cell, [3]int{3, 1, 1}, [3]float64{}, [3]float64{}), cell, s, w, alone{})
	if err != nil {
		t.Fatal(err)
	}
	cuts := p.Cuts()
	// One brick of three below the first cut, half of the rest below the second.
	for i, want := range []float64{1.5 / 12, 3.5 / 12} {
		if math.Abs(cuts[i].At-want) > 1.0/512 {
			t.Errorf("cut at %v, want %v", cuts[i].At, want)
		}
	}
	if !slices.Equal(c.Weight, []int64{96, 96, 96}) {
		t.Errorf("weights %v", c.Weight)
	}
}

func TestFromCutsRefuses(t *testing.T) {
	cell, err := domain.NewCell([3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, all)
	if err != nil {
		t.Fatal(err)
	}
	for i, cuts := range [][]domain.Cut{
		{{Axis: 0, At: 0.5, Below: 1}},
		{{Axis: 0, At: 0.5, Below: 1}, {Axis: 3, At: 0.5, Below: 1}},
		{{Axis: 0, At: 0.5, Below: 3}, {Axis: 0, At: 0.5, Below: 1}},
		{{Axis: 0, At: 0.5, Below: 0}, {Axis: 0, At: 0.5, Below: 1}},
		{{Axis: 0, At: math.NaN(), Below: 1}, {Axis: 0, At: 0.5, Below: 1}},
	} {
		if _, err := domain.FromCuts(cell, 3, cuts, [3]int{}, false, [3]float64{}, [3]float64{1, 1, 1}); err == nil {
			t.Errorf("cuts %d were taken", i)
		}
	}
	good := []domain.Cut{{Axis: 0, At: 0.5, Below: 1}, {Axis: 1, At: 0.5, Below: 1}}
	if _, err := domain.FromCuts(cell, 3, good, [3]int{2, 2, 1}, false, [3]float64{}, [3]float64{1, 1, 1}); err == nil {
		t.Error("three bricks as a grid of four were taken")
	}
	if _, err := domain.FromCuts(cell, 3, good, [3]int{}, false, [3]float64{}, [3]float64{1, 1, 1}); err != nil {
		t.Error(err)
	}
}

// The bricks of a process, with neighbouring numbers, lie together: of 64 bricks
// of a cube on 8 processes each process's are a cube.
func TestBricksOfAProcessAreCompact(t *testing.T) {
	cell, err := domain.NewCell([3][3]float64{{8, 0, 0}, {0, 8, 0}, {0, 0, 8}}, all)
	if err != nil {
		t.Fatal(err)
	}
	p := domain.NewPartition(cell, 64, [3]float64{}, [3]float64{})
	for process := range 8 {
		lo, hi := [3]float64{1, 1, 1}, [3]float64{}
		for r := 8 * process; r < 8*process+8; r++ {
			l, h := p.Box(r)
			for k := range l {
				lo[k], hi[k] = min(lo[k], l[k]), max(hi[k], h[k])
			}
		}
		for k := range lo {
			if math.Abs(hi[k]-lo[k]-0.5) > 1e-9 {
				t.Errorf("process %d holds %v to %v", process, lo, hi)
				break
			}
		}
	}
}

func BenchmarkOwner(b *testing.B) {
	cell, err := domain.NewCell([3][3]float64{{8, 0, 0}, {0, 8, 0}, {0, 0, 8}}, all)
	if err != nil {
		b.Fatal(err)
	}
	p := domain.NewPartition(cell, 16384, [3]float64{}, [3]float64{})
	rng := rand.New(rand.NewPCG(1, 2))
	s := make([][3]float64, 4096)
	for i := range s {
		s[i] = [3]float64{rng.Float64(), rng.Float64(), rng.Float64()}
	}
	i, sum := 0, 0
	for b.Loop() {
		sum += p.Owner(s[i&4095])
		i++
	}
	_ = sum
}

// A slab that lies across the faces of the cell is cut like one in the middle: not
// across its thickness because of the atoms on the far side of the vacuum.
func TestCutterAcrossFaces(t *testing.T) {
	cell, err := domain.NewCell([3][3]float64{{30, 0, 0}, {0, 30, 0}, {0, 0, 60}}, all)
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	var s [][3]float64
	var w []int64
	for range 4000 {
		x, _ := cell.Wrap([3]float64{30 * rng.Float64(), 30 * rng.Float64(), 20*rng.Float64() - 1})
		s, w = append(s, cell.Frac(x)), append(w, 1)
	}
	var c domain.Cutter
	p, err := c.Cut(domain.NewPartition(cell, 4, [3]float64{}, [3]float64{}), cell, s, w, alone{})
	if err != nil {
		t.Fatal(err)
	}
	for _, cut := range p.Cuts() {
		if cut.Axis == 2 {
			t.Errorf("a slab of 20 Å is cut across its thickness: %v", p.Cuts())
		}
	}
}
