package domain

import (
	"fmt"
	"math"
)

// Partition cuts space into bricks, one per rank, by planes of constant
// fractional coordinate: the bricks follow the cell. It is a tree of cuts, of
// which a grid of bricks is one; a rank finds the owner of a point, or the box
// of a rank, in O(log n) steps. It is immutable, and must have the same bits
// on all ranks.
type Partition struct {
	n        int
	grid     [3]int
	lo, hi   [3]float64 // bounds of the atoms in non-periodic directions
	root     int32
	cuts     []cut
	periodic [3]bool
}

// cut is an inner node of the tree: points with s[axis] < at go to below, the
// others to above, whose bricks are numbered from first on. A child that is
// negative is the brick ^child.
type cut struct {
	axis         int
	at           float64
	below, above int32
	first        int32
}

// NewPartition cuts the cell into a grid of n bricks, choosing among the
// factorisations of n the one whose bricks have the least surface. lo and hi
// are the fractional bounds of the atoms; they matter only in directions that
// are not periodic, where the outermost bricks reach to infinity.
func NewPartition(cell Cell, n int, lo, hi [3]float64) Partition {
	if n < 1 {
		panic(fmt.Sprintf("domain: NewPartition: %d bricks", n))
	}
	lo, hi = bounds(cell, lo, hi)
	var area [3]float64 // of a plane right across the atoms, at constant s_k
	for k := range area {
		area[k] = cell.Volume() / cell.Height(k)
		for l := range area {
			if l != k {
				area[k] *= hi[l] - lo[l]
			}
		}
	}
	surface := func(grid [3]int) (s float64) {
		for k, g := range grid {
			if !cell.periodic[k] {
				g-- // the outer faces meet nothing
			}
			s += float64(g) * area[k]
		}
		return s
	}
	best, least := [3]int{}, math.Inf(1)
	for x := 1; x <= n; x++ {
		if n%x != 0 {
			continue
		}
		for y := 1; y <= n/x; y++ {
			if n/x%y != 0 {
				continue
			}
			grid := [3]int{x, y, n / x / y}
			// The margin makes the choice independent of rounding.
			if s := surface(grid); s < least*(1-1e-9) {
				best, least = grid, s
			}
		}
	}
	return NewGrid(cell, best, lo, hi)
}

// bounds fills in 0 and 1 in periodic directions, and widens what is empty.
func bounds(cell Cell, lo, hi [3]float64) ([3]float64, [3]float64) {
	for k, p := range cell.periodic {
		finite := !math.IsInf(hi[k]-lo[k], 0) && !math.IsNaN(hi[k]-lo[k])
		switch w := 1 / cell.height[k]; { // 1 Å
		case p || !finite:
			lo[k], hi[k] = 0, 1
		case hi[k]-lo[k] < w/2:
			m := (lo[k] + hi[k]) / 2
			lo[k], hi[k] = m-w/2, m+w/2
		}
	}
	return lo, hi
}

// NewGrid cuts the cell into grid[0]·grid[1]·grid[2] bricks of equal size;
// the last direction's number runs fastest. For lo and hi see NewPartition.
func NewGrid(cell Cell, grid [3]int, lo, hi [3]float64) Partition {
	for _, g := range grid {
		if g < 1 {
			panic(fmt.Sprintf("domain: NewGrid: grid %v", grid))
		}
	}
	lo, hi = bounds(cell, lo, hi)
	p := Partition{n: grid[0] * grid[1] * grid[2], grid: grid, lo: lo, hi: hi, periodic: cell.periodic}
	p.root = p.halve([3]int{}, grid)
	return p
}

// halve makes the tree over the bricks from ≤ index < to of the grid, first
// direction first, so that the bricks of every node are numbered without gap.
func (p *Partition) halve(from, to [3]int) int32 {
	for k := range from {
		if to[k]-from[k] < 2 {
			continue
		}
		mid := (from[k] + to[k]) / 2
		// A crystal's plane of atoms on the cut belongs to the upper brick as a
		// whole, whatever the rounding, as Wrap has it at the faces of the cell.
		at := p.lo[k] + (p.hi[k]-p.lo[k])*float64(mid)/float64(p.grid[k]) - wrapSlack
		below, above := to, from
		below[k], above[k] = mid, mid
		node := len(p.cuts)
		p.cuts = append(p.cuts, cut{axis: k, at: at, first: int32(p.number(above))})
		b := p.halve(from, below)
		a := p.halve(above, to)
		p.cuts[node].below, p.cuts[node].above = b, a
		return int32(node)
	}
	return ^int32(p.number(from))
}

func (p *Partition) number(i [3]int) int {
	return (i[0]*p.grid[1]+i[1])*p.grid[2] + i[2]
}

// N is the number of bricks.
func (p *Partition) N() int { return p.n }

// Grid is the number of bricks along each direction.
func (p *Partition) Grid() [3]int { return p.grid }

// Bounds are the fractional bounds between which the grid's cuts were laid: 0
// and 1 in periodic directions. NewGrid with Grid and Bounds gives the same
// bricks again, to the last bit.
func (p *Partition) Bounds() (lo, hi [3]float64) { return p.lo, p.hi }

// Owner is the brick that holds the fractional coordinate s. Every s has one:
// what is outside the cell by rounding belongs to the brick beside it.
func (p *Partition) Owner(s [3]float64) int {
	n := p.root
	for n >= 0 {
		if c := &p.cuts[n]; s[c.axis] < c.at {
			n = c.below
		} else {
			n = c.above
		}
	}
	return int(^n)
}

// Box is the brick of this number, in fractional coordinates: lo ≤ s < hi.
func (p *Partition) Box(rank int) (lo, hi [3]float64) {
	lo, hi = p.whole()
	n := p.root
	for n >= 0 {
		c := &p.cuts[n]
		if rank < int(c.first) {
			hi[c.axis], n = c.at, c.below
		} else {
			lo[c.axis], n = c.at, c.above
		}
	}
	return lo, hi
}

// whole is the box of all bricks together.
func (p *Partition) whole() (lo, hi [3]float64) {
	for k, periodic := range p.periodic {
		lo[k], hi[k] = math.Inf(-1), math.Inf(1)
		if periodic {
			lo[k], hi[k] = 0, 1
		}
	}
	return lo, hi
}

// Touching appends to dst, in rising order, the bricks that share a point with
// the closed box from lo to hi (fractional, inside the cell: no image is tried).
func (p *Partition) Touching(dst []int, lo, hi [3]float64) []int {
	l, h := p.whole()
	for k := range lo {
		if lo[k] > h[k] || hi[k] < l[k] {
			return dst
		}
	}
	return p.touching(dst, p.root, &lo, &hi)
}

func (p *Partition) touching(dst []int, n int32, lo, hi *[3]float64) []int {
	if n < 0 {
		return append(dst, int(^n))
	}
	c := &p.cuts[n]
	if lo[c.axis] <= c.at {
		dst = p.touching(dst, c.below, lo, hi)
	}
	if hi[c.axis] >= c.at {
		dst = p.touching(dst, c.above, lo, hi)
	}
	return dst
}
