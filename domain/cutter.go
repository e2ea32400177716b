package domain

import (
	"math"
	"slices"
)

// Ranks are the reductions over all ranks that Cutter needs: each replaces x by
// the element-wise sum or maximum, the same on all ranks.
type Ranks interface {
	Sum(x []int64) error
	Max(x []float64) error
}

// Cutter cuts space so that all bricks get about the same weight, by recursive
// bisection at weighted quantiles (M. J. Berger and S. H. Bokhari, IEEE Trans.
// Comput. C-36, 570 (1987)). No rank knows the points of another: the quantiles
// come from histograms of integers, so that the cuts have the same bits however
// the points are spread over ranks. The zero value is ready, and keeps its memory.
type Cutter struct {
	// Weight is, after Cut, the weight of each brick.
	Weight []int64

	part  Partition
	cell  Cell
	s     [][3]float64
	w     []int64
	ranks Ranks

	node   []int32 // by point: its node of this level, or ^brick
	live   []bool  // by point: it is in the bin that is looked into next
	level  []knot
	next   []knot
	extent []float64
	length [][3]float64 // by knot: of what is occupied, Å
	hist   []int64
}

// knot is a set of bricks that is still to be cut.
type knot struct {
	lo, hi   [3]float64 // the box; finite also where bricks reach to infinity
	first, n int        // bricks
	parent   int32      // the cut that it hangs from; −1 for the root
	above    bool       // of that cut
	model    int32      // node of the tree whose cuts are moved
	axis     int
	below    int // bricks below its cut

	weight, target int64 // of all its points; wanted below the cut
	base           int64 // of the points below from
	from, to       float64
	gapBelow       float64 // no point lies between gapBelow and from,
	gapAbove       float64 // nor between to and gapAbove
	inside         int64   // weight between from and to
	done           bool
	at             float64
}

// The histograms. A cut is good enough when what lies in its bin is less than
// 1/enough of the weight that is cut.
const (
	mostBins, leastBins = 256, 16
	allBins             = 1 << 19 // of all knots of a level together
	narrowest           = 1.0 / (1 << 26)
	mostSlices          = 256
	thinnest            = 4.0 // Å
	enough              = 4000
)

// Cut is collective over the ranks: it cuts anew the space that p cuts, into as
// many bricks, of about equal weight. s are this rank's points in fractional
// coordinates (inside the cell, as Wrap has it), w their weights, none negative;
// the sum over all ranks is below 2⁶². Where p is a grid that was asked for, its
// cuts move and the grid remains; else each set of bricks is cut across the
// longest side of what its points fill. Between planes of a crystal a cut
// lies in the middle.
func (c *Cutter) Cut(p Partition, cell Cell, s [][3]float64, w []int64, ranks Ranks) (Partition, error) {
	c.part = Partition{n: p.n, grid: p.grid, fixed: p.fixed, lo: p.lo, hi: p.hi, periodic: p.periodic, cuts: make([]cut, 0, p.n-1)}
	if !p.fixed {
		c.part.grid = [3]int{}
	}
	c.cell, c.s, c.w, c.ranks = cell, s, w, ranks
	c.node, c.live = slices.Grow(c.node[:0], len(s))[:len(s)], slices.Grow(c.live[:0], len(s))[:len(s)]
	clear(c.node)
	c.level = append(c.level[:0], knot{lo: p.lo, hi: p.hi, n: p.n, parent: -1, model: p.root})
	if p.n == 1 {
		c.part.root = ^0
		for i := range c.node {
			c.node[i] = ^0
		}
		c.level = c.level[:0]
	}
	for len(c.level) > 0 {
		if err := c.bounds(); err != nil {
			return p, err
		}
		if err := c.lengths(); err != nil {
			return p, err
		}
		for i := range c.level {
			c.direct(i, &p)
		}
		if err := c.search(); err != nil {
			return p, err
		}
		c.divide(&p)
		c.level, c.next = c.next, c.level
	}
	c.Weight = slices.Grow(c.Weight[:0], p.n)[:p.n]
	clear(c.Weight)
	for i, n := range c.node {
		c.Weight[^n] += w[i]
	}
	return c.part, ranks.Sum(c.Weight)
}

// lengths finds how far the points of each knot reach along each axis, less the gaps
// between them: a slab that lies across the faces of the cell is no thicker than one
// in its middle.
func (c *Cutter) lengths() error {
	c.length = slices.Grow(c.length[:0], len(c.level))[:len(c.level)]
	if c.part.fixed {
		return nil
	}
	bins := min(mostSlices, max(leastBins, allBins/len(c.level)/3))
	c.hist = slices.Grow(c.hist[:0], 3*bins*len(c.level))[:3*bins*len(c.level)]
	clear(c.hist)
	// Slices are not so thin that the planes of a crystal count as gaps.
	grid := func(n int32, k int) (lo, width float64) {
		lo = -c.extent[6*int(n)+k]
		reach := (c.extent[6*int(n)+3+k] - lo) * c.cell.height[k]
		return lo, reach / float64(min(bins, int(min(reach/thinnest, 1e6))+1)) / c.cell.height[k]
	}
	for i, n := range c.node {
		if n < 0 {
			continue
		}
		for k, x := range c.s[i] {
			if lo, width := grid(n, k); width > 0 {
				c.hist[(3*int(n)+k)*bins+min(max(int((x-lo)/width), 0), bins-1)] = 1
			}
		}
	}
	if err := c.ranks.Sum(c.hist); err != nil {
		return err
	}
	for n := range c.level {
		for k := range 3 {
			_, width := grid(int32(n), k)
			filled := 0
			for _, h := range c.hist[(3*n+k)*bins : (3*n+k+1)*bins] {
				if h > 0 {
					filled++
				}
			}
			c.length[n][k] = 0
			if filled > 0 {
				c.length[n][k] = float64(filled) * width * c.cell.height[k]
			}
		}
	}
	return nil
}

// bounds finds the box around the points of each knot.
func (c *Cutter) bounds() error {
	c.extent = slices.Grow(c.extent[:0], 6*len(c.level))[:6*len(c.level)]
	for i := range c.extent {
		c.extent[i] = math.Inf(-1)
	}
	for i, n := range c.node {
		if n < 0 {
			continue
		}
		e := c.extent[6*n : 6*n+6]
		for k, x := range c.s[i] {
			e[k], e[3+k] = max(e[k], -x), max(e[3+k], x)
		}
	}
	return c.ranks.Max(c.extent)
}

// direct chooses the axis of a knot's cut, and where to look for it.
func (c *Cutter) direct(i int, p *Partition) {
	k, e := &c.level[i], c.extent[6*i:6*i+6]
	lo, hi := [3]float64{-e[0], -e[1], -e[2]}, [3]float64(e[3:])
	empty := lo[0] > hi[0]
	if k.parent < 0 && !empty { // bricks reach to infinity, points may have gone on
		lo, hi := bounds(c.cell, lo, hi)
		c.part.lo, c.part.hi, k.lo, k.hi = lo, hi, lo, hi
	}
	switch {
	case p.fixed:
		m := &p.cuts[k.model]
		k.axis, k.below = m.axis, int(m.first)-k.first
	default:
		k.axis, k.below = -1, k.n/2
		if !empty {
			k.axis = longest(c.length[i])
		}
		if k.axis < 0 { // no points, or all at one place
			var side [3]float64
			for l := range side {
				side[l] = (k.hi[l] - k.lo[l]) * c.cell.height[l]
			}
			k.axis, empty = max(0, longest(side)), true
		}
	}
	a := k.axis
	k.from, k.to, k.done = lo[a], hi[a], false
	if empty || !(k.to > k.from) {
		// Nothing to be found: parts as large as the numbers of their bricks.
		k.done, k.at = true, k.lo[a]+(k.hi[a]-k.lo[a])*float64(k.below)/float64(k.n)
		return
	}
	k.gapBelow, k.gapAbove = min(k.lo[a], k.from), max(k.hi[a], k.to)
	k.base, k.weight = 0, -1
}

// longest is the axis along which a box is longest, −1 where it has no length.
func longest(side [3]float64) int {
	axis, most := -1, 1e-6
	for k, s := range side {
		// The margin makes the choice independent of rounding.
		if s > most*(1+1e-9) {
			axis, most = k, s
		}
	}
	return axis
}

// search narrows down the cuts of all knots of a level.
func (c *Cutter) search() error {
	bins := min(mostBins, max(leastBins, allBins/len(c.level)))
	for i, n := range c.node {
		c.live[i] = n >= 0 && !c.level[n].done
	}
	for width := 1.0; width > narrowest; width /= float64(bins) {
		if !slices.ContainsFunc(c.level, func(k knot) bool { return !k.done }) {
			return nil
		}
		c.hist = slices.Grow(c.hist[:0], bins*len(c.level))[:bins*len(c.level)]
		clear(c.hist)
		for i, live := range c.live {
			if live {
				n := c.node[i]
				k := &c.level[n]
				c.hist[int(n)*bins+k.bin(c.s[i][k.axis], bins)] += c.w[i]
			}
		}
		if err := c.ranks.Sum(c.hist); err != nil {
			return err
		}
		chosen := c.node[:0:0] // of each knot, the bin that is looked into next
		for n := range c.level {
			chosen = append(chosen, c.level[n].choose(c.hist[n*bins:(n+1)*bins]))
		}
		for i, live := range c.live {
			if live {
				n := c.node[i]
				k := &c.level[n]
				c.live[i] = !k.done && k.bin(c.s[i][k.axis], bins) == int(chosen[n])
			}
		}
		for n := range c.level {
			if k := &c.level[n]; !k.done {
				k.zoom(int(chosen[n]), bins)
			}
		}
	}
	for n := range c.level {
		c.level[n].settle()
	}
	return nil
}

// bin is where x falls when from … to is divided into bins.
func (k *knot) bin(x float64, bins int) int {
	return min(max(int((x-k.from)/(k.to-k.from)*float64(bins)), 0), bins-1)
}

// edge is the lower end of a bin.
func (k *knot) edge(bin, bins int) float64 {
	if bin == bins {
		return k.to
	}
	return k.from + (k.to-k.from)*float64(bin)/float64(bins)
}

// choose finds the bin in which the target is reached. It ends the search where a
// cut beside that bin is as good as one in it, and where there is no weight.
func (k *knot) choose(hist []int64) int32 {
	if k.done {
		return 0
	}
	if k.weight < 0 {
		k.weight = 0
		for _, h := range hist {
			k.weight += h
		}
		n, b := int64(k.n), int64(k.below)
		k.target = k.weight/n*b + k.weight%n*b/n
		if k.weight == 0 {
			k.done, k.at = true, (k.from+k.to)/2
			return 0
		}
	}
	bin, bins := 0, len(hist)
	for k.base+hist[bin] <= k.target && bin < bins-1 {
		k.base += hist[bin]
		bin++
	}
	k.inside = hist[bin]
	// Empty bins beside this one widen the gap in which a cut may lie.
	below, above := bin, bin+1
	for below > 0 && hist[below-1] == 0 {
		below--
	}
	for above < bins && hist[above] == 0 {
		above++
	}
	if below > 0 {
		k.gapBelow = k.edge(below, bins)
	}
	if above < bins {
		k.gapAbove = k.edge(above, bins)
	}
	if k.target == k.base || k.inside*enough <= k.weight {
		from, to := k.edge(bin, bins), k.edge(bin+1, bins)
		k.from, k.to = from, to
		k.settle()
	}
	return int32(bin)
}

// zoom makes a bin the range of the next histogram.
func (k *knot) zoom(bin, bins int) {
	k.from, k.to = k.edge(bin, bins), k.edge(bin+1, bins)
	if !(k.to > k.from) {
		k.settle()
	}
}

// settle cuts beside the range, where the weight below comes nearer the target,
// and in the middle of the gap there.
func (k *knot) settle() {
	if k.done {
		return
	}
	k.done = true
	if short, long := k.target-k.base, k.base+k.inside-k.target; short <= long {
		k.at = k.gapBelow + (k.from-k.gapBelow)/2
	} else {
		k.at = k.to + (k.gapAbove-k.to)/2
	}
}

// divide makes the cuts, and the knots of the next level.
func (c *Cutter) divide(p *Partition) {
	c.next = c.next[:0]
	for i := range c.level {
		k := &c.level[i]
		// Points may lie beside the cell by rounding; boxes do not.
		k.at = min(max(k.at, k.lo[k.axis]), k.hi[k.axis])
		me := int32(len(c.part.cuts))
		c.part.cuts = append(c.part.cuts, cut{axis: k.axis, at: k.at, first: int32(k.first + k.below)})
		c.hang(k, me)
		lower := knot{lo: k.lo, hi: k.hi, first: k.first, n: k.below, parent: me}
		upper := knot{lo: k.lo, hi: k.hi, first: k.first + k.below, n: k.n - k.below, parent: me, above: true}
		lower.hi[k.axis], upper.lo[k.axis] = k.at, k.at
		if p.fixed {
			lower.model, upper.model = p.cuts[k.model].below, p.cuts[k.model].above
		}
		k.model = int32(len(c.next)) // where its parts are in the next level
		for _, part := range []*knot{&lower, &upper} {
			if part.n > 1 {
				c.next = append(c.next, *part)
				continue
			}
			c.hang(part, ^int32(part.first))
		}
	}
	for i, n := range c.node {
		if n < 0 {
			continue
		}
		k := &c.level[n]
		at := k.model
		if c.s[i][k.axis] < k.at {
			if c.node[i] = at; k.below == 1 {
				c.node[i] = ^int32(k.first)
			}
			continue
		}
		if k.below > 1 {
			at++
		}
		if c.node[i] = at; k.n-k.below == 1 {
			c.node[i] = ^int32(k.first + k.below)
		}
	}
}

// hang puts a node under the cut that its knot hangs from.
func (c *Cutter) hang(k *knot, node int32) {
	switch {
	case k.parent < 0:
		c.part.root = node
	case k.above:
		c.part.cuts[k.parent].above = node
	default:
		c.part.cuts[k.parent].below = node
	}
}
