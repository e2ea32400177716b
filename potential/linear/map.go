package linear

import (
	"slices"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/kernel"
)

const block = domain.Block

// Map is a linear map between two records, packed for products with blocks of rows, in
// both directions.
type Map[T kernel.Float] struct {
	In, Out Record
	species bool
	pairs   []packed[T]
	noIn    []kernel.Block // output blocks without input: Forward clears them
	noOut   []kernel.Block // input blocks without output: Backward clears them
	bias    []biased[T]
}

type packed[T kernel.Float] struct {
	in, out kernel.Block
	w, wt   []kernel.Matrix[T] // one, or one for each species
	addTo   bool               // not the first into its output block
	addFrom bool               // not the first out of its input block
}

// biased are the numbers that are added to a block of scalars.
type biased[T kernel.Float] struct {
	at kernel.Block
	x  []T
}

// Pack places m's blocks as in and out say; nil is packed as nil. As long as no species
// is too many times in memory, a map of species is packed for all of them.
func Pack[T kernel.Float](m *Maps, in, out Record) *Map[T] {
	if m == nil {
		return nil
	}
	l := &Map[T]{In: in, Out: out}
	seenIn, seenOut := map[int]bool{}, map[int]bool{}
	for _, p := range m.Pairs {
		q := packed[T]{in: in.Where[p.In], out: out.Where[p.Out], addTo: seenOut[p.Out], addFrom: seenIn[p.In]}
		for _, s := range p.Species {
			q.w = append(q.w, kernel.Pack[T](s.W, s.K, s.N, 1))
			q.wt = append(q.wt, kernel.PackT[T](s.W, s.N, s.K, 1))
		}
		l.species = l.species || len(p.Species) > 1
		l.pairs = append(l.pairs, q)
		seenIn[p.In], seenOut[p.Out] = true, true
	}
	for k, b := range out.Where {
		if !seenOut[k] {
			l.noIn = append(l.noIn, b)
		}
	}
	for k, b := range in.Where {
		if !seenIn[k] {
			l.noOut = append(l.noOut, b)
		}
	}
	for k, x := range m.Bias {
		if x != nil {
			b := biased[T]{at: out.Where[k]}
			for _, v := range x {
				b.x = append(b.x, T(v))
			}
			l.bias = append(l.bias, b)
		}
	}
	return l
}

// PackBlocks is Pack for what is not learned: of a matrix that is zero but for blocks, as
// those of a committee are, the blocks alone are multiplied.
func PackBlocks[T kernel.Float](m *Maps, in, out Record) *Map[T] {
	l := Pack[T](m, in, out)
	if m == nil {
		return nil
	}
	pairs := l.pairs
	l.pairs = nil
	for k, p := range m.Pairs {
		q := pairs[k]
		var blocks []tile
		if len(p.Species) == 1 {
			blocks = blocksOf(&p.Species[0])
		}
		if blocks == nil {
			l.pairs = append(l.pairs, q)
			continue
		}
		// The blocks do not fill input and output: the first to come finds them cleared.
		if !q.addTo {
			l.noIn = append(l.noIn, q.out)
		}
		if !q.addFrom {
			l.noOut = append(l.noOut, q.in)
		}
		for _, b := range blocks {
			w := b.of(&p.Species[0])
			r := packed[T]{in: q.in, out: q.out, addTo: true, addFrom: true}
			r.in.Offset += b.u // a part of the channels of every component
			r.out.Offset += b.v
			r.w = []kernel.Matrix[T]{kernel.Pack[T](w, b.k, b.n, 1)}
			r.wt = []kernel.Matrix[T]{kernel.PackT[T](w, b.n, b.k, 1)}
			l.pairs = append(l.pairs, r)
		}
	}
	return l
}

// tile is a part of a matrix: rows u … u+k and columns v … v+n of a matrix.
type tile struct{ u, k, v, n int }

// of are the numbers of the block.
func (b tile) of(m *Matrix) (w []float64) {
	for u := range b.k {
		w = append(w, m.W[(b.u+u)*m.N+b.v:][:b.n]...)
	}
	return w
}

// leastBlock is how many rows and columns a block must have to be worth a product of its own.
const leastBlock = 8

// blocksOf are the blocks outside which a matrix is zero: neighbouring rows whose numbers
// stand in the same columns, for each run of such columns. It is nil where one product for
// all costs no more than twice theirs.
func blocksOf(m *Matrix) (blocks []tile) {
	var runs [][2]int // columns of the present rows: from, to
	size := 0
	for u := range m.K {
		var now [][2]int
		row := m.W[u*m.N:][:m.N]
		for v := 0; v < m.N; v++ {
			if row[v] == 0 {
				continue
			}
			from := v
			for v < m.N && row[v] != 0 {
				v++
			}
			now = append(now, [2]int{from, v})
			size += v - from
		}
		if u > 0 && slices.Equal(now, runs) {
			for k := range runs {
				blocks[len(blocks)-1-k].k++
			}
			continue
		}
		runs = now
		for _, r := range runs {
			blocks = append(blocks, tile{u, 1, r[0], r[1] - r[0]})
		}
	}
	small := func(b tile) bool { return b.k < leastBlock || b.n < leastBlock }
	if len(blocks) == 0 || 2*size > m.K*m.N || slices.ContainsFunc(blocks, small) {
		return nil
	}
	return blocks
}

// Repack writes the matrices of m, as many and as large as those packed, anew.
func (l *Map[T]) Repack(m *Maps) {
	for k, p := range m.Pairs {
		for s, q := range p.Species {
			l.pairs[k].w[s].Repack(q.W)
			l.pairs[k].wt[s].RepackT(q.W)
		}
	}
}

// View is rows of records: row i begins at X[i·Step].
type View[T kernel.Float] struct {
	X    []T
	Step int
}

// Rows are the rows that begin where x begins.
func Rows[T kernel.Float](x []T, step int) View[T] { return View[T]{x, step} }

// From are the rows from row b on.
func (v View[T]) From(b int) View[T] { return View[T]{v.X[b*v.Step:], v.Step} }

// Row is the first n numbers of row i.
func (v View[T]) Row(i, n int) []T { return v.X[i*v.Step:][:n] }

// Forward sets y = L(x), or adds it, for a block of rows. A map of the species reads
// which rows are of which.
func (l *Map[T]) Forward(g *Groups[T], x, y View[T], add bool) {
	if !add {
		clearBlocks(l.noIn, y)
	}
	for k := range l.pairs {
		p := &l.pairs[k]
		l.each(g, x, p.in, p.w, y, p.out, add || p.addTo)
	}
	for k := range l.bias {
		b := &l.bias[k]
		for i := range block {
			kernel.Accumulate(b.x, y.X[i*y.Step+b.at.Offset:])
		}
	}
}

// Backward sets gx = Lᵀ(gy), or adds it.
func (l *Map[T]) Backward(g *Groups[T], gy, gx View[T], add bool) {
	if !add {
		clearBlocks(l.noOut, gx)
	}
	for k := range l.pairs {
		p := &l.pairs[k]
		l.each(g, gy, p.out, p.wt, gx, p.in, add || p.addFrom)
	}
}

// each maps block a of the rows of x to block b of those of y.
func (l *Map[T]) each(g *Groups[T], x View[T], a kernel.Block, m []kernel.Matrix[T], y View[T], b kernel.Block, add bool) {
	if !l.species {
		gemm(block, x, 0, a, m[0], y, 0, b, add)
		return
	}
	for from := 0; from < block; {
		s, to := g.species[g.order[from]], from+1
		for to < block && g.species[g.order[to]] == s {
			to++
		}
		g.gemm(g.order[from:to], x, a, m[s], y, b, add)
		from = to
	}
}

// gemm maps block a of n rows of x to block b of those of y.
func gemm[T kernel.Float](n int, x View[T], fromX int, a kernel.Block, m kernel.Matrix[T], y View[T], fromY int, b kernel.Block, add bool) {
	p, q := x.X[fromX*x.Step:], y.X[fromY*y.Step:]
	for c := range 2*a.L + 1 {
		kernel.Gemm(n, p[a.Offset+c*a.Mul:], x.Step, m, q[b.Offset+c*b.Mul:], y.Step, add)
	}
}

func clearBlocks[T kernel.Float](blocks []kernel.Block, v View[T]) {
	for i := range block {
		for _, b := range blocks {
			clear(v.X[i*v.Step+b.Offset:][:b.Width()])
		}
	}
}

// Flops is the number of operations for one row, one way; none for nil.
func (l *Map[T]) Flops() (n float64) {
	if l == nil {
		return 0
	}
	for _, p := range l.pairs {
		n += 2 * float64((2*p.in.L+1)*p.w[0].K*p.w[0].N)
	}
	return n
}

// Groups are the rows of a block by species, in the order in which products take them,
// with scratch: one for each goroutine.
type Groups[T kernel.Float] struct {
	species []int32
	order   [block]int
	a, b    []T
}

// Sort takes the species of a block one after another. Products with few rows are slow,
// so rows of a species that lie apart are copied together; of what is added to such a
// row, the sum is made first.
func (g *Groups[T]) Sort(species []int32) *Groups[T] {
	g.species = species[:block]
	for i := range g.order {
		k := i
		for ; k > 0 && species[g.order[k-1]] > species[i]; k-- {
			g.order[k] = g.order[k-1]
		}
		g.order[k] = i
	}
	return g
}

func (g *Groups[T]) gemm(rows []int, x View[T], a kernel.Block, m kernel.Matrix[T], y View[T], b kernel.Block, add bool) {
	n, first := len(rows), rows[0]
	if rows[n-1]-first == n-1 {
		gemm(n, x, first, a, m, y, first, b, add)
		return
	}
	wa, wb := a.Width(), b.Width()
	g.a, g.b = kernel.Room(g.a, block*wa), kernel.Room(g.b, block*wb)
	for i, r := range rows {
		copy(g.a[i*wa:][:wa], x.X[r*x.Step+a.Offset:])
	}
	gemm(n, Rows(g.a, wa), 0, kernel.Block{L: a.L, Mul: a.Mul}, m, Rows(g.b, wb), 0, kernel.Block{L: b.L, Mul: b.Mul}, false)
	for i, r := range rows {
		to := y.X[r*y.Step+b.Offset:][:wb]
		if add {
			kernel.Accumulate(g.b[i*wb:][:wb], to)
		} else {
			copy(to, g.b[i*wb:])
		}
	}
}
