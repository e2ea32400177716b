package neighbor

import (
	"cmp"
	"math"
	"slices"
	"sort"
)

// grid is a sorting of points into cells. Cells along z follow each other, so
// that the cells of one column between two heights hold one run of points. Where
// there are few cells it keeps the start of each; where space is mostly empty,
// the sorted numbers of the cells, which are searched.
type grid struct {
	lo    [3]float64
	edge  float64 // Å, of every cell
	n     [3]int  // cells
	dense bool
	start []int32  // dense: first point of each cell, and the end
	cells []uint64 // sparse: cell of each point, in order
	keys  []cellKey
	at    []int32 // cell of each row (dense)

	x   [][3]float64 // positions, by cell
	row []int32      // and their rows

	sorter sorter
}

type cellKey struct {
	cell uint64
	row  int32
}

// maxCells is the number of cells along one direction that sparse numbers hold.
const maxCells = 1 << 21

// fill sorts the rows from both ranges, [0, n) and [ghost0, len(x)), into cells.
// reach is the radius of the searches to come.
func (g *grid) fill(x [][3]float64, n, ghost0 int, lo, hi [3]float64, reach float64) {
	points := n + len(x) - ghost0
	g.x, g.row = resize(g.x, points), resize(g.row, points)
	g.lo = lo
	g.dense = false
	// Half the reach gives the fewest candidates; where that makes more cells
	// than points, as in a gas, the whole reach.
	for _, f := range []float64{2, 1} {
		if g.divide(lo, hi, reach/f) <= 2*float64(points)+64 {
			g.dense = true
			break
		}
	}
	if g.dense {
		g.count(x, n, ghost0)
		return
	}
	g.divide(lo, hi, reach)
	g.keys = g.keys[:0]
	for i := range x {
		if i < n || i >= ghost0 {
			c := g.cell(x[i])
			g.keys = append(g.keys, cellKey{g.sparse(c), int32(i)})
		}
	}
	slices.SortFunc(g.keys, func(a, b cellKey) int {
		return cmp.Or(cmp.Compare(a.cell, b.cell), cmp.Compare(a.row, b.row))
	})
	g.cells = resize(g.cells, points)
	for k, c := range g.keys {
		g.cells[k], g.row[k], g.x[k] = c.cell, c.row, x[c.row]
	}
}

// divide sets the cells' edge, at least the one given, and returns their number.
func (g *grid) divide(lo, hi [3]float64, edge float64) float64 {
	for k := range lo {
		edge = max(edge, (hi[k]-lo[k])/(maxCells-2))
	}
	g.edge = edge
	total := 1.0
	for k := range lo {
		g.n[k] = int((hi[k]-lo[k])/edge) + 1
		total *= float64(g.n[k])
	}
	return total
}

func (g *grid) cell(x [3]float64) (c [3]int) {
	for k := range c {
		c[k] = min(int((x[k]-g.lo[k])/g.edge), g.n[k]-1)
	}
	return c
}

func (g *grid) sparse(c [3]int) uint64 {
	return uint64(c[0])<<42 | uint64(c[1])<<21 | uint64(c[2])
}

// count is a counting sort by cell.
func (g *grid) count(x [][3]float64, n, ghost0 int) {
	cells := g.n[0] * g.n[1] * g.n[2]
	g.start, g.at = resize(g.start, cells+2), resize(g.at, len(x))
	clear(g.start)
	for i := range x {
		if i >= n && i < ghost0 {
			continue
		}
		c := g.cell(x[i])
		k := (c[0]*g.n[1]+c[1])*g.n[2] + c[2]
		g.at[i] = int32(k)
		g.start[k+2]++
	}
	for k := 2; k < len(g.start); k++ {
		g.start[k] += g.start[k-1]
	}
	for i := range x {
		if i >= n && i < ghost0 {
			continue
		}
		s := &g.start[g.at[i]+1]
		g.x[*s], g.row[*s] = x[i], int32(i)
		*s++
	}
}

// run is the range of points in the cells (cx, cy, z) with z0 ≤ z ≤ z1.
func (g *grid) run(cx, cy, z0, z1 int) (from, to int) {
	if g.dense {
		k := (cx*g.n[1] + cy) * g.n[2]
		return int(g.start[k+z0]), int(g.start[k+z1+1])
	}
	lo, hi := g.sparse([3]int{cx, cy, z0}), g.sparse([3]int{cx, cy, z1})
	from = sort.Search(len(g.cells), func(i int) bool { return g.cells[i] >= lo })
	to = from
	for to < len(g.cells) && g.cells[to] <= hi {
		to++
	}
	return from, to
}

// span is the range of cells along direction k between the coordinates a and b.
func (g *grid) span(k int, a, b float64) (from, to int) {
	a, b = (a-g.lo[k])/g.edge, (b-g.lo[k])/g.edge
	return max(0, int(math.Floor(a))), min(g.n[k]-1, int(math.Floor(b)))
}

// gap is the distance along direction k from the coordinate x to cell c.
func (g *grid) gap(k, c int, x float64) float64 {
	lo := g.lo[k] + float64(c)*g.edge
	return max(lo-x, x-(lo+g.edge), 0)
}
