package mace

import (
	"math"

	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/o3"
)

// matrix is row-major [K][N].
type matrix struct {
	K, N int
	w    []float64
}

// maps are the matrices of an equivariant linear map, one for each pair of an input and
// an output block of the same irrep, and, in a species-wise map, one for each species.
type maps struct {
	in, out o3.Irreps
	pairs   []mapPair
}

type mapPair struct {
	in, out int
	species []matrix // one, or one for each species
}

// linear reads e3nn's o3.Linear (species = 0): for each input block in order, for each
// output block of the same irrep, a matrix [mul_in][mul_out], divided by √(all the channels that
// enter the output block). With species > 0 it reads a FullyConnectedTensorProduct with
// the one-hot species: blocks [mul_in][species][mul_out], the divisor √(those channels · species).
func (t *tree) linear(name string, in, out o3.Irreps, species int) *maps {
	class := "Linear"
	if species > 0 {
		class = "FullyConnectedTensorProduct"
	}
	t.layout(name, class)
	m := &maps{in: in, out: out}
	n, total := max(species, 1), 0
	for i, a := range in {
		for o, b := range out {
			if a.Irrep == b.Irrep {
				m.pairs = append(m.pairs, mapPair{in: i, out: o})
				if total += a.Mul * n * b.Mul; total > maxTensor {
					fail("%s: %s → %s is too large", name, in, out)
				}
			}
		}
	}
	w := t.get(name+".weight", in.String()+" → "+out.String(), total)
	for k := range m.pairs {
		p := &m.pairs[k]
		a, b := in[p.in].Mul, out[p.out].Mul
		f := 1 / math.Sqrt(float64(in.Count(out[p.out].Irrep)*n))
		for s := range n {
			q := matrix{a, b, make([]float64, a*b)}
			for u := range a {
				for v := range b {
					q.w[u*b+v] = f * w[(u*n+s)*b+v]
				}
			}
			p.species = append(p.species, q)
		}
		w = w[a*n*b:]
	}
	return m
}

// scale multiplies every matrix by f.
func (m *maps) scale(f float64) *maps {
	for _, p := range m.pairs {
		for _, q := range p.species {
			for k := range q.w {
				q.w[k] *= f
			}
		}
	}
	return m
}

// only leaves out all output blocks but the first n.
func (m *maps) only(n int) *maps {
	q := &maps{in: m.in, out: m.out[:n]}
	for _, p := range m.pairs {
		if p.out < n {
			q.pairs = append(q.pairs, p)
		}
	}
	return q
}

// apply is the map of one record [block][component][channel] in double precision.
func (m *maps) apply(species int, x []float64) []float64 {
	from, to := place(m.in), place(m.out)
	y := make([]float64, to.width)
	for _, p := range m.pairs {
		q := p.species[min(species, len(p.species)-1)]
		a, b := from.where[p.in], to.where[p.out]
		for c := range 2*a.L + 1 {
			for u := range q.K {
				for v := range q.N {
					y[b.Offset+c*b.Mul+v] += x[a.Offset+c*a.Mul+u] * q.w[u*q.N+v]
				}
			}
		}
	}
	return y
}

// record places irreps in a record [component][channel]: where[k] is the block of
// irreps[k].
type record struct {
	width int
	where []kernel.Block
}

// place puts blocks one after another.
func place(irreps o3.Irreps) record {
	r := record{}
	for _, m := range irreps {
		r.where = append(r.where, kernel.Block{L: m.L, Mul: m.Mul, Offset: r.width})
		r.width += m.Dim()
	}
	return r
}

// linear is a linear map between two records, packed for products with blocks of rows,
// in both directions.
type linear[T kernel.Float] struct {
	in, out record
	species bool
	pairs   []packed[T]
	noIn    []kernel.Block // output blocks without input: forward clears them
	noOut   []kernel.Block // input blocks without output: backward clears them
}

type packed[T kernel.Float] struct {
	in, out kernel.Block
	w, wt   []kernel.Matrix[T] // one, or one for each species
	addTo   bool               // not the first into its output block
	addFrom bool               // not the first out of its input block
}

// pack places m's blocks as in and out say. As long as no species is too many times in
// memory, a map of species is packed for all of them.
func pack[T kernel.Float](m *maps, in, out record) *linear[T] {
	if m == nil {
		return nil
	}
	l := &linear[T]{in: in, out: out}
	seenIn, seenOut := map[int]bool{}, map[int]bool{}
	for _, p := range m.pairs {
		q := packed[T]{in: in.where[p.in], out: out.where[p.out], addTo: seenOut[p.out], addFrom: seenIn[p.in]}
		for _, s := range p.species {
			q.w = append(q.w, kernel.Pack[T](s.w, s.K, s.N, 1))
			q.wt = append(q.wt, kernel.PackT[T](s.w, s.N, s.K, 1))
		}
		l.species = l.species || len(p.species) > 1
		l.pairs = append(l.pairs, q)
		seenIn[p.in], seenOut[p.out] = true, true
	}
	for k, b := range out.where {
		if !seenOut[k] {
			l.noIn = append(l.noIn, b)
		}
	}
	for k, b := range in.where {
		if !seenIn[k] {
			l.noOut = append(l.noOut, b)
		}
	}
	return l
}

// view is rows of records: row i begins at x[at + i·step].
type view[T kernel.Float] struct {
	x        []T
	at, step int
}

func (v view[T]) row(i, n int) []T { return v.x[v.at+i*v.step:][:n] }

// forward sets y = L(x), or adds it, for a block of rows. A map of the species reads
// which rows are of which.
func (l *linear[T]) forward(g *groups[T], x, y view[T], add bool) {
	if !add {
		clearBlocks(l.noIn, y)
	}
	for k := range l.pairs {
		p := &l.pairs[k]
		l.each(g, x, p.in, p.w, y, p.out, add || p.addTo)
	}
}

// backward sets gx = Lᵀ(gy), or adds it.
func (l *linear[T]) backward(g *groups[T], gy, gx view[T], add bool) {
	if !add {
		clearBlocks(l.noOut, gx)
	}
	for k := range l.pairs {
		p := &l.pairs[k]
		l.each(g, gy, p.out, p.wt, gx, p.in, add || p.addFrom)
	}
}

// each maps block a of the rows of x to block b of those of y.
func (l *linear[T]) each(g *groups[T], x view[T], a kernel.Block, m []kernel.Matrix[T], y view[T], b kernel.Block, add bool) {
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
func gemm[T kernel.Float](n int, x view[T], fromX int, a kernel.Block, m kernel.Matrix[T], y view[T], fromY int, b kernel.Block, add bool) {
	p, q := x.x[x.at+fromX*x.step:], y.x[y.at+fromY*y.step:]
	for c := range 2*a.L + 1 {
		kernel.Gemm(n, p[a.Offset+c*a.Mul:], x.step, m, q[b.Offset+c*b.Mul:], y.step, add)
	}
}

// groups are the rows of a block by species: order has those of one after another.
// Products with few rows are slow, so rows of a species that lie apart are copied together.
type groups[T kernel.Float] struct {
	species []int32
	order   [block]int
	a, b    []T
}

// set takes the species of a block.
func (g *groups[T]) set(species []int32) *groups[T] {
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

func (g *groups[T]) gemm(rows []int, x view[T], a kernel.Block, m kernel.Matrix[T], y view[T], b kernel.Block, add bool) {
	n, first := len(rows), rows[0]
	if rows[n-1]-first == n-1 {
		gemm(n, x, first, a, m, y, first, b, add)
		return
	}
	wa, wb := a.Width(), b.Width()
	g.a, g.b = room(g.a, block*wa), room(g.b, block*wb)
	for i, r := range rows {
		copy(g.a[i*wa:][:wa], x.x[x.at+r*x.step+a.Offset:])
	}
	gemm(n, view[T]{g.a, 0, wa}, 0, kernel.Block{L: a.L, Mul: a.Mul}, m, view[T]{g.b, 0, wb}, 0, kernel.Block{L: b.L, Mul: b.Mul}, false)
	for i, r := range rows {
		to := y.x[y.at+r*y.step+b.Offset:][:wb]
		if add {
			accumulate(g.b[i*wb:][:wb], to)
		} else {
			copy(to, g.b[i*wb:])
		}
	}
}

func clearBlocks[T kernel.Float](blocks []kernel.Block, v view[T]) {
	for i := range block {
		for _, b := range blocks {
			clear(v.x[v.at+i*v.step+b.Offset:][:b.Width()])
		}
	}
}

// flops is the number of operations for one row.
func (l *linear[T]) flops() (n float64) {
	if l == nil {
		return 0
	}
	for _, p := range l.pairs {
		n += 2 * float64((2*p.in.L+1)*p.in.Mul*p.out.Mul)
	}
	return n
}
