package domain

import (
	"fmt"
	"math"
	"slices"
)

// Partition cuts space into bricks, one per rank, by planes of constant
// fractional coordinate: the bricks follow the cell. It is a tree of cuts, of
// which a grid of bricks is one; a rank finds the owner of a point, or the box
// of a rank, in O(log n) steps. It is immutable, and must have the same bits
// on all ranks.
//
// Bricks are numbered in the order of the tree, whose cuts go across the longest
// side first: bricks with neighbouring numbers, as one process holds them, lie
// together in a compact block.
type Partition struct {
	n        int
	grid     [3]int     // zero where the tree is no grid
	fixed    bool       // the grid was asked for: Cutter moves its cuts only
	equal    bool       // bricks of one size: Grid and Bounds make them again
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
	p := NewGrid(cell, best, lo, hi)
	p.fixed = false
	return p
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

// NewGrid cuts the cell into grid[0]·grid[1]·grid[2] bricks of equal size. For
// lo and hi see NewPartition.
func NewGrid(cell Cell, grid [3]int, lo, hi [3]float64) Partition {
	for _, g := range grid {
		if g < 1 {
			panic(fmt.Sprintf("domain: NewGrid: grid %v", grid))
		}
	}
	lo, hi = bounds(cell, lo, hi)
	p := Partition{n: grid[0] * grid[1] * grid[2], grid: grid, fixed: true, equal: true, lo: lo, hi: hi, periodic: cell.periodic}
	var side [3]float64 // of a brick, Å
	for k := range side {
		side[k] = (hi[k] - lo[k]) / float64(grid[k]) * cell.height[k]
	}
	p.root = p.halve(side, [3]int{}, grid, 0)
	return p
}

// halve makes the tree over the bricks from ≤ index < to of the grid, which are
// numbered from first on without gap.
func (p *Partition) halve(side [3]float64, from, to [3]int, first int) int32 {
	n, axis, longest := 1, -1, 0.0
	for k := range from {
		c := to[k] - from[k]
		n *= c
		// The margin makes the choice independent of rounding.
		if l := float64(c) * side[k]; c > 1 && l > longest*(1+1e-9) {
			axis, longest = k, l
		}
	}
	if axis < 0 {
		return ^int32(first)
	}
	c := to[axis] - from[axis]
	mid := from[axis] + c/2
	// A crystal's plane of atoms on the cut belongs to the upper brick as a
	// whole, whatever the rounding, as Wrap has it at the faces of the cell.
	at := p.lo[axis] + (p.hi[axis]-p.lo[axis])*float64(mid)/float64(p.grid[axis]) - wrapSlack
	below, above := to, from
	below[axis], above[axis] = mid, mid
	node, second := len(p.cuts), first+n/c*(c/2)
	p.cuts = append(p.cuts, cut{axis: axis, at: at, first: int32(second)})
	b := p.halve(side, from, below, first)
	a := p.halve(side, above, to, second)
	p.cuts[node].below, p.cuts[node].above = b, a
	return int32(node)
}

// N is the number of bricks.
func (p *Partition) N() int { return p.n }

// Grid is the number of bricks along each direction, zero where the bricks are
// no grid. Cuts of a grid that were moved stay one: each brick along a direction
// has its own cuts along the next.
func (p *Partition) Grid() [3]int { return p.grid }

// Equal is whether all bricks are of one size, as NewGrid makes them.
func (p *Partition) Equal() bool { return p.equal }

// Bounds are the fractional bounds between which the cuts were laid: 0 and 1 in
// periodic directions. Where Equal, NewGrid with Grid and Bounds gives the same
// bricks again, to the last bit.
func (p *Partition) Bounds() (lo, hi [3]float64) { return p.lo, p.hi }

// Cut is a plane between two sets of bricks: those with fractional coordinates
// below At along the axis, of which there are Below, and the others.
type Cut struct {
	Axis  int
	At    float64
	Below int
}

// Cuts are all cuts: the first, then those below it, then those above it, each
// side in the same way. With the periodic directions, Grid, Fixed and Bounds
// they are all there is to know of a Partition.
func (p *Partition) Cuts() []Cut {
	return p.listed(make([]Cut, 0, p.n-1), p.root, 0)
}

func (p *Partition) listed(dst []Cut, n int32, first int) []Cut {
	if n < 0 {
		return dst
	}
	c := &p.cuts[n]
	dst = append(dst, Cut{c.axis, c.at, int(c.first) - first})
	dst = p.listed(dst, c.below, first)
	return p.listed(dst, c.above, int(c.first))
}

// Same is whether p and q cut space in the same places.
func (p *Partition) Same(q *Partition) bool {
	return p.n == q.n && p.root == q.root && p.periodic == q.periodic && slices.Equal(p.cuts, q.cuts)
}

// Fixed is whether the grid was asked for, so that only its cuts may move.
func (p *Partition) Fixed() bool { return p.fixed }

// FromCuts makes the partition into n bricks that had these cuts, grid and
// bounds. The error says what makes no sense about them.
func FromCuts(cell Cell, n int, cuts []Cut, grid [3]int, fixed bool, lo, hi [3]float64) (Partition, error) {
	p := Partition{n: n, grid: grid, fixed: fixed, lo: lo, hi: hi, periodic: cell.periodic}
	if n < 1 || len(cuts) != n-1 {
		return p, fmt.Errorf("domain: %d bricks have %d cuts, not %d", n, n-1, len(cuts))
	}
	if grid != ([3]int{}) && grid[0]*grid[1]*grid[2] != n || fixed && grid == ([3]int{}) {
		return p, fmt.Errorf("domain: a grid of %v has not %d bricks", grid, n)
	}
	root, rest, err := p.planted(cuts, 0, n)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("domain: %d cuts too many", len(rest))
	}
	p.root = root
	return p, err
}

func (p *Partition) planted(cuts []Cut, first, n int) (int32, []Cut, error) {
	if n == 1 {
		return ^int32(first), cuts, nil
	}
	if len(cuts) == 0 {
		return 0, nil, fmt.Errorf("domain: a cut is missing")
	}
	c := cuts[0]
	if c.Axis < 0 || c.Axis > 2 || c.Below < 1 || c.Below >= n || math.IsNaN(c.At) || math.IsInf(c.At, 0) {
		return 0, nil, fmt.Errorf("domain: %d bricks cut into %d and the rest at %v along axis %d", n, c.Below, c.At, c.Axis)
	}
	node := len(p.cuts)
	p.cuts = append(p.cuts, cut{axis: c.Axis, at: c.At, first: int32(first + c.Below)})
	b, rest, err := p.planted(cuts[1:], first, c.Below)
	if err != nil {
		return 0, nil, err
	}
	a, rest, err := p.planted(rest, first+c.Below, n-c.Below)
	p.cuts[node].below, p.cuts[node].above = b, a
	return int32(node), rest, err
}

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
