package domain_test

import (
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wigner-md/wigner/domain"
)

var all = [3]bool{true, true, true}

// drawCell is a random cell that is not too flat, of either handedness.
func drawCell(t *rapid.T, periodic [3]bool) domain.Cell {
	for {
		var a [3][3]float64
		for k := range a {
			for l := range a[k] {
				a[k][l] = rapid.Float64Range(-10, 10).Draw(t, "a")
			}
		}
		c, err := domain.NewCell(a, periodic)
		if err == nil && min(c.Height(0), c.Height(1), c.Height(2)) > 0.1 {
			return c
		}
	}
}

func drawPoint(t *rapid.T, size float64) (x [3]float64) {
	for k := range x {
		x[k] = rapid.Float64Range(-size, size).Draw(t, "x")
	}
	return x
}

func drawPeriodic(t *rapid.T) (p [3]bool) {
	for k := range p {
		p[k] = rapid.Bool().Draw(t, "periodic")
	}
	return p
}

func TestFracInvertsCart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCell(t, all)
		s := drawPoint(t, 3)
		for k, f := range c.Frac(c.Cart(s)) {
			// Heights of 0.1 Å under vectors of 17 Å lose two to three digits.
			if math.Abs(f-s[k]) > 1e-11 {
				t.Fatalf("s = %v came back as %v", s, c.Frac(c.Cart(s)))
			}
		}
	})
}

// A cell of known volume and heights: a = 2x, b = x + 3y, c = −y + 4z. Its
// volume is 24; the faces have areas |b×c| = |(12, −4, −1)| = √161,
// |c×a| = |(0, 8, 2)| = √68 and |a×b| = 6.
func TestBounds(t *testing.T) {
	c, err := domain.NewCell([3][3]float64{{2, 0, 0}, {0, 4, 0}, {0, 0, 8}}, [3]bool{})
	if err != nil {
		t.Fatal(err)
	}
	lo, hi := c.Bounds([][3]float64{{1, 5, -2}, {-1, 1, 4}})
	if lo != [3]float64{-0.5, 0.25, -0.25} || hi != [3]float64{0.5, 1.25, 0.5} {
		t.Errorf("%v to %v", lo, hi)
	}
	if lo, hi := c.Bounds(nil); lo != hi || lo != [3]float64{} {
		t.Errorf("without positions %v to %v", lo, hi)
	}
}

func TestCellByHand(t *testing.T) {
	a := [3][3]float64{{2, 0, 0}, {1, 3, 0}, {0, -1, 4}}
	for _, left := range []bool{false, true} {
		if left { // the mirror image
			for k := range a {
				a[k][2] = -a[k][2]
			}
		}
		c, err := domain.NewCell(a, all)
		if err != nil {
			t.Fatal(err)
		}
		if math.Abs(c.Volume()-24) > 1e-12 {
			t.Errorf("volume %v", c.Volume())
		}
		for k, area := range []float64{math.Sqrt(161), math.Sqrt(68), 6} {
			if math.Abs(c.Height(k)-24/area) > 1e-12 {
				t.Errorf("height %d is %v, want %v", k, c.Height(k), 24/area)
			}
		}
	}
}

func TestMissingVectors(t *testing.T) {
	z := [3]float64{}
	for name, c := range map[string]struct {
		a        [3][3]float64
		periodic [3]bool
	}{
		"molecule":      {[3][3]float64{}, [3]bool{}},
		"wire along a":  {[3][3]float64{{3, 0, 0}, z, z}, [3]bool{true, false, false}},
		"wire along b":  {[3][3]float64{z, {1, 2, 3}, z}, [3]bool{false, true, false}},
		"wire along c":  {[3][3]float64{z, z, {0, -5, 0}}, [3]bool{false, false, true}},
		"slab":          {[3][3]float64{{3, 0, 0}, {1, 4, 0}, z}, [3]bool{true, true, false}},
		"slab, a open":  {[3][3]float64{z, {1, 2, 3}, {-2, 1, 0}}, [3]bool{false, true, true}},
		"open but full": {[3][3]float64{z, {1, 2, 3}, {-2, 1, 5}}, [3]bool{false, false, false}},
	} {
		cell, err := domain.NewCell(c.a, c.periodic)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if cell.Given() {
			t.Errorf("%s: counts as given", name)
		}
		if cell.AsGiven() != c.a {
			t.Errorf("%s: %v was given, not %v", name, c.a, cell.AsGiven())
		}
		if again, err := domain.NewCell(cell.AsGiven(), c.periodic); err != nil || again != cell {
			t.Errorf("%s: the vectors given make another cell: %v, %v", name, again, err)
		}
		if same, err := cell.WithVectors(cell.Vectors()); err != nil || same != cell {
			t.Errorf("%s: WithVectors of its own makes another cell: %v, %v", name, same, err)
		}
		v := cell.Vectors()
		for k := range v {
			if c.a[k] != z {
				if v[k] != c.a[k] {
					t.Errorf("%s: vector %d was changed to %v", name, k, v[k])
				}
				continue
			}
			for l := range v {
				want := 0.0
				if l == k {
					want = 1
				}
				if d := v[k][0]*v[l][0] + v[k][1]*v[l][1] + v[k][2]*v[l][2]; math.Abs(d-want) > 1e-14 {
					t.Errorf("%s: completed vector %d times vector %d is %v", name, k, l, d)
				}
			}
		}
		if det(v) < 0 {
			t.Errorf("%s: completed to a left-handed cell", name)
		}
	}
}

func det(a [3][3]float64) (d float64) {
	for k := range 3 {
		d += a[0][k]*a[1][(k+1)%3]*a[2][(k+2)%3] - a[0][k]*a[1][(k+2)%3]*a[2][(k+1)%3]
	}
	return d
}

func TestBadCells(t *testing.T) {
	for _, c := range []struct {
		a        [3][3]float64
		periodic [3]bool
		want     string
	}{
		{[3][3]float64{{1, 0, 0}, {0, 1, 0}, {}}, all, "lattice vector c is zero"},
		{[3][3]float64{{1, 0, 0}, {2, 0, 0}, {0, 0, 1}}, all, "lattice vectors a and b are parallel"},
		{[3][3]float64{{1, 1, 0}, {0, 1, 0}, {-2, -2, 0}}, all, "lattice vectors a and c are parallel"},
		{[3][3]float64{{1, 0, 0}, {0, 1, 0}, {1, 1, 0}}, all, "lie in one plane"},
		{[3][3]float64{{1, 0, 0}, {0, math.NaN(), 0}, {1, 1, 0}}, all, "lattice vector b is not finite"},
		{[3][3]float64{{1, 0, 0}, {0, 1, 0}, {math.Inf(1), 1, 0}}, all, "lattice vector c is not finite"},
		{[3][3]float64{{1, 0, 0}, {2, 0, 0}, {}}, [3]bool{true, true, false}, "parallel"},
	} {
		if _, err := domain.NewCell(c.a, c.periodic); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: error %v, want one with %q", c.a, err, c.want)
		}
	}
}

func TestWrap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawCell(t, drawPeriodic(t))
		x := drawPoint(t, 100)
		if rapid.Bool().Draw(t, "on a face") { // within rounding
			var s [3]float64
			for k := range s {
				s[k] = float64(rapid.IntRange(-3, 3).Draw(t, "s")) + rapid.Float64Range(-4e-16, 4e-16).Draw(t, "e")
			}
			x = c.Cart(s)
		}
		w, m := c.Wrap(x)
		back := c.Unwrap(w, m)
		for k, s := range c.Frac(w) {
			if math.Abs(back[k]-x[k]) > 1e-12 {
				t.Fatalf("%v wrapped to %v with shift %v", x, w, m)
			}
			switch {
			case !c.Periodic()[k] && m[k] != 0:
				t.Fatalf("shift %v in a direction that is not periodic", m)
			case c.Periodic()[k] && !(s >= -1.1e-12 && s < 1-0.9e-12):
				t.Fatalf("%v wrapped to fractional coordinates %v", x, c.Frac(w))
			}
		}
		if again, none := c.Wrap(w); again != w || none != [3]int32{} {
			t.Fatalf("wrapping %v again moves it to %v", w, again)
		}
	})
}

func TestWrapLeavesTheHopeless(t *testing.T) {
	c, err := domain.NewCell([3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}, all)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range []float64{math.Inf(1), math.NaN(), 1e300, -1e12} {
		if x, m := c.Wrap([3]float64{0, v, 0}); m != [3]int32{} || x[1] != v && v == v {
			t.Errorf("%v was wrapped to %v by %v", v, x, m)
		}
	}
}

// Every point has one owner, whose box holds it; the boxes of a grid follow
// from its definition; Touching finds what a search over all boxes finds.
func TestPartition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		periodic := drawPeriodic(t)
		cell := drawCell(t, periodic)
		grid := [3]int{rapid.IntRange(1, 5).Draw(t, "nx"), rapid.IntRange(1, 5).Draw(t, "ny"), rapid.IntRange(1, 5).Draw(t, "nz")}
		lo, hi := [3]float64{-1, 0.3, 2}, [3]float64{4, 0.9, 2.5}
		for k, p := range periodic {
			if p {
				lo[k], hi[k] = 0, 1
			}
		}
		p := domain.NewGrid(cell, grid, lo, hi)
		if p.N() != grid[0]*grid[1]*grid[2] {
			t.Fatalf("%d bricks in the grid %v", p.N(), grid)
		}
		if l, h := p.Bounds(); cell.Height(0) > 1 && cell.Height(1) > 4 && cell.Height(2) > 4 && (l != lo || h != hi) {
			t.Fatalf("bounds %v %v, given %v %v", l, h, lo, hi)
		}
		lo, hi = p.Bounds()
		s := drawPoint(t, 1.5)
		owner := p.Owner(s)
		var index [3]int
		for k := range s {
			f := (s[k] - lo[k]) / (hi[k] - lo[k]) * float64(grid[k])
			index[k] = min(max(int(math.Floor(f)), 0), grid[k]-1)
			if math.Abs(f-math.Round(f)) < 1e-9 {
				return // on a cut: either side
			}
		}
		blo, bhi := p.Box(owner)
		for k, i := range index {
			l, h := lo[k]+(hi[k]-lo[k])*float64(i)/float64(grid[k]), lo[k]+(hi[k]-lo[k])*float64(i+1)/float64(grid[k])
			if i == 0 && !periodic[k] {
				l = math.Inf(-1)
			}
			if i == grid[k]-1 && !periodic[k] {
				h = math.Inf(1)
			}
			if !(math.Abs(blo[k]-l) < 1e-9 || blo[k] == l) || !(math.Abs(bhi[k]-h) < 1e-9 || bhi[k] == h) {
				t.Fatalf("%v belongs to %d, %v to %v, want %v of the grid %v", s, owner, blo, bhi, index, grid)
			}
		}
		for r := range p.N() {
			l, h := p.Box(r)
			in := true
			for k := range s {
				if periodic[k] { // points beside the cell belong to the outer bricks
					if l[k] == 0 {
						l[k] = math.Inf(-1)
					}
					if h[k] == 1 {
						h[k] = math.Inf(1)
					}
				}
				in = in && s[k] >= l[k] && s[k] < h[k]
			}
			if in != (r == owner) {
				t.Fatalf("%v belongs to %d, but box %d is %v to %v", s, owner, r, l, h)
			}
		}
		a, b := drawPoint(t, 1.5), drawPoint(t, 1.5)
		for k := range a {
			a[k], b[k] = min(a[k], b[k]), max(a[k], b[k])
		}
		var want []int
		for r := range p.N() {
			l, h := p.Box(r)
			if l[0] <= b[0] && h[0] >= a[0] && l[1] <= b[1] && h[1] >= a[1] && l[2] <= b[2] && h[2] >= a[2] {
				want = append(want, r)
			}
		}
		got := p.Touching(nil, a, b)
		if len(got) != len(want) {
			t.Fatalf("Touching %v to %v: %v, want %v", a, b, got, want)
		}
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("Touching %v to %v: %v, want %v", a, b, got, want)
			}
		}
	})
}

// The factorisation with the least surface, for cells where it is plain.
func TestNewPartition(t *testing.T) {
	box := func(a, b, c float64) [3][3]float64 { return [3][3]float64{{a, 0, 0}, {0, b, 0}, {0, 0, c}} }
	for _, c := range []struct {
		a        [3][3]float64
		periodic [3]bool
		hi       [3]float64
		n        int
		want     [3]int
	}{
		{box(10, 10, 10), all, [3]float64{}, 8, [3]int{2, 2, 2}},
		{box(10, 10, 10), all, [3]float64{}, 27, [3]int{3, 3, 3}},
		{box(20, 10, 10), all, [3]float64{}, 2, [3]int{2, 1, 1}},
		{box(10, 10, 40), all, [3]float64{}, 4, [3]int{1, 1, 4}},
		{box(10, 40, 10), all, [3]float64{}, 32, [3]int{2, 8, 2}},
		{box(30, 20, 10), all, [3]float64{}, 6, [3]int{3, 2, 1}},
		{box(10, 10, 10), all, [3]float64{}, 13, [3]int{1, 1, 13}},
		// A slab 10 Å thick in a cell 100 Å high is not cut across its thickness.
		{box(30, 30, 100), [3]bool{true, true, false}, [3]float64{1, 1, 0.1}, 4, [3]int{2, 2, 1}},
		// A molecule: only inner cuts cost.
		{[3][3]float64{}, [3]bool{}, [3]float64{40, 10, 10}, 4, [3]int{4, 1, 1}},
	} {
		cell, err := domain.NewCell(c.a, c.periodic)
		if err != nil {
			t.Fatal(err)
		}
		p := domain.NewPartition(cell, c.n, [3]float64{}, c.hi)
		if p.Grid() != c.want {
			t.Errorf("%v, %d bricks: %v, want %v", c.a, c.n, p.Grid(), c.want)
		}
		lo, hi := p.Bounds()
		again := domain.NewGrid(cell, p.Grid(), lo, hi)
		for r := range p.N() {
			l, h := p.Box(r)
			if l2, h2 := again.Box(r); l != l2 || h != h2 {
				t.Errorf("brick %d is %v %v, and %v %v when made again", r, l, h, l2, h2)
			}
		}
	}
}

// The planes of a crystal that lie on cuts go to one side as a whole: bricks of
// a perfect crystal hold equal numbers of atoms.
func TestCrystalIsSharedEvenly(t *testing.T) {
	const n, a = 12, 4.05
	l := n * a
	cell, err := domain.NewCell([3][3]float64{{l, 0, 0}, {0.3 * l, l, 0}, {0, -0.1 * l, l}}, all)
	if err != nil {
		t.Fatal(err)
	}
	for _, bricks := range []int{2, 3, 4, 6, 8, 12, 27} {
		p := domain.NewPartition(cell, bricks, [3]float64{}, [3]float64{})
		count := make([]int, bricks)
		for i := range n * n * n {
			x, _ := cell.Wrap(cell.Cart([3]float64{float64(i/n/n) / n, float64(i/n%n) / n, float64(i%n) / n}))
			count[p.Owner(cell.Frac(x))]++
		}
		for r, c := range count {
			if c != n*n*n/bricks {
				t.Errorf("%d bricks: brick %d of the grid %v holds %d atoms of %d", bricks, r, p.Grid(), c, n*n*n)
			}
		}
	}
}

func TestWithVectors(t *testing.T) {
	c, err := domain.NewCell([3][3]float64{{3, 0, 0}, {0, 3, 0}}, [3]bool{true, true, false})
	if err != nil {
		t.Fatal(err)
	}
	v := c.Vectors()
	v[0][0] = 3.5
	d, err := c.WithVectors(v)
	if err != nil {
		t.Fatal(err)
	}
	if d.Vectors() != v || d.Given() || d.Periodic() != c.Periodic() {
		t.Errorf("%v, given %v, periodic %v", d.Vectors(), d.Given(), d.Periodic())
	}
}
