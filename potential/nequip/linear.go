package nequip

import (
	"fmt"
	"math"

	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/o3"
)

// maps are the matrices of an equivariant linear map, one for each pair of an
// input and an output block of the same irrep, and, in a species-wise map, one
// for each species. The divisors are folded in.
type maps struct {
	in, out o3.Irreps
	pairs   []mapPair
	bias    [][]float64 // by output block, nil where there is none
}

// extra is what a linear map may have beside its matrices. It enters the even scalars
// only, and of one modality it is a bias.
type extra struct {
	bias          bool
	modals, modal int // one-hot inputs behind the others, and which of them is 1
}

type mapPair struct {
	in, out int
	species []matrix // one, or one per species
}

// readMaps reads e3nn's o3.Linear (species = 0): for each input block in order,
// for each output block of the same irrep, a matrix [mul_in][mul_out], divided
// by √(all the channels that enter the output block). With species > 0 it
// reads a FullyConnectedTensorProduct with the one-hot species: blocks
// [mul_in][species][mul_out], the divisor √(those channels · species).
func readMaps(t *tensors, name string, in, out o3.Irreps, species int, more extra) *maps {
	part := ".linear.weight"
	if species > 0 {
		part = ".fc_tensor_product.weight"
	}
	return readNamed(t, name+part, name+".linear.bias", in, out, species, more)
}

// readNamed is readMaps for tensors of these names.
func readNamed(t *tensors, weight, bias string, in, out o3.Irreps, species int, more extra) *maps {
	m := &maps{in: in, out: out}
	total, n := 0, max(species, 1)
	for i, a := range in {
		for o, b := range out {
			if a.Irrep == b.Irrep {
				m.pairs = append(m.pairs, mapPair{in: i, out: o})
				total += a.Mul * n * b.Mul
			}
		}
	}
	why := fmt.Sprintf("%s → %s", in, out)
	if species > 0 {
		why += fmt.Sprintf(" for %d species", species)
	}
	even := o3.Irrep{L: 0, P: 1}
	if more.modals > 0 {
		why += fmt.Sprintf(" with %d modalities", more.modals)
		total += more.modals * out.Count(even)
	}
	w := t.get(weight, why, total)
	for k := range m.pairs {
		p := &m.pairs[k]
		a, b := in[p.in].Mul, out[p.out].Mul
		enter := in.Count(out[p.out].Irrep)
		if out[p.out].Irrep == even {
			enter += more.modals
		}
		f := 1 / math.Sqrt(float64(enter*n))
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
	m.readBias(t, bias, w, more)
	return m
}

// readBias reads what is added to the even scalars; w are the weights of the modalities.
func (m *maps) readBias(t *tensors, name string, w []float64, more extra) {
	even := o3.Irrep{L: 0, P: 1}
	if !more.bias && more.modals == 0 {
		return
	}
	m.bias = make([][]float64, len(m.out))
	var b []float64
	if more.bias {
		b = t.get(name, fmt.Sprintf("even scalars of %s", m.out), m.out.Count(even))
	}
	for o, r := range m.out {
		if r.Irrep != even {
			continue
		}
		x := make([]float64, r.Mul)
		m.bias[o] = x
		if more.bias {
			copy(x, b)
			b = b[r.Mul:]
		}
		if more.modals > 0 {
			for u := range x {
				x[u] += w[more.modal*r.Mul+u] / math.Sqrt(float64(m.in.Count(even)+more.modals))
			}
			w = w[more.modals*r.Mul:]
		}
	}
}

// scale multiplies every matrix by f.
func (m *maps) scale(f float64) {
	for _, p := range m.pairs {
		for _, q := range p.species {
			for k := range q.w {
				q.w[k] *= f
			}
		}
	}
}

// record places irreps in a record [component][channel]: where[k] is the block
// of irreps[k].
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

// linear is a linear map between two records, packed for products with blocks
// of rows, in both directions.
type linear[T kernel.Float] struct {
	in, out record
	bySpec  bool
	pairs   []packed[T]
	noIn    []kernel.Block // output blocks without input: forward clears them
	noOut   []kernel.Block // input blocks without output: backward clears them
	addTo   []bool         // pair is not the first into its output block
	addFrom []bool         // pair is not the first out of its input block
	bias    []biased[T]
}

// biased are the numbers that are added to a block of scalars.
type biased[T kernel.Float] struct {
	at kernel.Block
	x  []T
}

type packed[T kernel.Float] struct {
	in, out kernel.Block
	w, wt   []kernel.Matrix[T] // one, or one per species
}

func pack[T kernel.Float](m *maps, in, out record) *linear[T] {
	l := &linear[T]{in: in, out: out}
	seenIn, seenOut := map[int]bool{}, map[int]bool{}
	for _, p := range m.pairs {
		q := packed[T]{in: in.where[p.in], out: out.where[p.out]}
		for _, s := range p.species {
			q.w = append(q.w, kernel.Pack[T](s.w, s.K, s.N, 1))
			q.wt = append(q.wt, kernel.PackT[T](s.w, s.N, s.K, 1))
		}
		l.bySpec = l.bySpec || len(p.species) > 1
		l.pairs = append(l.pairs, q)
		l.addTo = append(l.addTo, seenOut[p.out])
		l.addFrom = append(l.addFrom, seenIn[p.in])
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
	for k, x := range m.bias {
		if x != nil {
			b := biased[T]{at: out.where[k]}
			for _, v := range x {
				b.x = append(b.x, T(v))
			}
			l.bias = append(l.bias, b)
		}
	}
	return l
}

// forward sets y = L(x), or adds it, for n rows; species has one index per row
// and is read by species-wise maps only.
func (l *linear[T]) forward(n int, species []int32, x, y []T, add bool) {
	if !add {
		clearBlocks(n, l.noIn, y, l.out.width)
	}
	for k := range l.pairs {
		p := &l.pairs[k]
		l.each(n, species, func(from, to, s int) {
			a, c := x[from*l.in.width:], y[from*l.out.width:]
			for m := range 2*p.in.L + 1 {
				kernel.Gemm(to-from, a[p.in.Offset+m*p.in.Mul:], l.in.width, p.w[s],
					c[p.out.Offset+m*p.out.Mul:], l.out.width, add || l.addTo[k])
			}
		})
	}
	for _, b := range l.bias {
		for i := range n {
			axpy(b.x, y[i*l.out.width+b.at.Offset:])
		}
	}
}

// backward sets gx = Lᵀ(gy), or adds it.
func (l *linear[T]) backward(n int, species []int32, gy, gx []T, add bool) {
	if !add {
		clearBlocks(n, l.noOut, gx, l.in.width)
	}
	for k := range l.pairs {
		p := &l.pairs[k]
		l.each(n, species, func(from, to, s int) {
			a, c := gy[from*l.out.width:], gx[from*l.in.width:]
			for m := range 2*p.in.L + 1 {
				kernel.Gemm(to-from, a[p.out.Offset+m*p.out.Mul:], l.out.width, p.wt[s],
					c[p.in.Offset+m*p.in.Mul:], l.in.width, add || l.addFrom[k])
			}
		})
	}
}

// each calls f for runs of rows that share a matrix.
func (l *linear[T]) each(n int, species []int32, f func(from, to, s int)) {
	if !l.bySpec {
		f(0, n, 0)
		return
	}
	for from := 0; from < n; {
		to := from + 1
		for to < n && species[to] == species[from] {
			to++
		}
		f(from, to, int(species[from]))
		from = to
	}
}

func clearBlocks[T kernel.Float](n int, blocks []kernel.Block, x []T, width int) {
	for i := range n {
		for _, b := range blocks {
			clear(x[i*width+b.Offset:][:b.Width()])
		}
	}
}
