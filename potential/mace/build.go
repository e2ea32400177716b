package mace

import (
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/linear"
	"github.com/wigner-md/wigner/potential/mpnn"
)

const block = domain.Block

// weights are one layer's weights in one precision, in the layouts of the kernels; all
// ranks of a process share them.
type weights[T kernel.Float] struct {
	*layerWeights
	number      int
	shape       *kernel.Shape
	net, rho    *network[T]
	lin         *linear.Map[T]
	lin2        *linear.Map[T]
	skipAfter   *linear.Map[T]
	product     *linear.Map[T]
	contraction *kernel.Contraction[T]
	repel       *repulsion // in the first layer
	tables      *pairTables
	// The next layer's maps of this one's output, and its layout.
	up, skip, res *linear.Map[T]
	next          *layout
	// First layer only: records of each species.
	x0, sc0, r0 []T
	layout
	energies []float64 // the last layer's constants of each species
}

// layout says where the parts of a layer's state stand; −1: not there.
type layout struct {
	y, r, sc, density int
	width             int
	yWidth, scWidth   int
}

// stateful lays out the state: y is the contraction's (or the gate's) input, r what is
// added to it (gated), sc the self connection, density the divisor's inverse and the
// gradient of the density. Where brief, y and density are kept for one block only.
func (l *layerWeights) stateful(first, brief bool) layout {
	s := layout{y: -1, r: -1, sc: -1, density: -1, scWidth: l.out.Dim(), yWidth: l.target.Dim()}
	if l.gate != nil {
		s.yWidth = l.gate.in.Width
	}
	put := func(at *int, n int) {
		*at = s.width
		s.width += n
	}
	if !brief {
		put(&s.y, s.yWidth)
	}
	if l.kind.gated && !first {
		put(&s.r, s.yWidth)
	}
	if l.selfConnection && !first {
		put(&s.sc, s.scWidth)
	}
	if l.density && !brief {
		put(&s.density, 2)
	}
	s.width = (s.width + 15) / 16 * 16
	return s
}

// build makes the weights of one precision. With tables, radial weights are splines;
// lean, the first layer keeps no state.
func build[T kernel.Float](m *Model, tabulated, lean bool) *mpnn.Model[T] {
	c := m.cfg
	out := &mpnn.Model[T]{Cutoff: c.cutoff, LMax: c.lmax, Unit: true, Group: potential.O3}
	out.Species = make([]int32, 120)
	for z := range out.Species {
		out.Species[z] = -1
		if s, ok := c.species[z]; ok {
			out.Species[z] = int32(s)
		}
	}
	if tabulated {
		if m.tables == nil {
			m.tables = newPairTables(m)
		}
		if tabulated = m.tables.good(); tabulated {
			out.Near = m.tables.min
		}
	}
	all := make([]*weights[T], len(m.layer))
	last := len(all) - 1
	for t := range all {
		l := &m.layer[t]
		w := &weights[T]{layerWeights: l, number: t, layout: l.stateful(t == 0, t == last || lean && t == 0), shape: l.shape(c.lmax)}
		w.net = newNetwork[T](l.mlp, &m.radial, false)
		if l.density {
			w.rho = newNetwork[T](l.rho, &m.radial, true)
		}
		if tabulated {
			w.tables = m.tables
		}
		target, message := linear.Place(l.target), linear.Place(l.message)
		w.lin = linear.Pack[T](l.lin, message, linear.Place(l.lin.Out))
		w.lin2, w.skipAfter = linear.Pack[T](l.lin2, target, target), linear.Pack[T](l.skipAfter, target, target)
		w.product = linear.Pack[T](l.product, linear.Place(l.product.In), linear.Place(l.out))
		w.contraction = packContraction[T](l.poly, len(c.numbers))
		if t == 0 {
			w.repel = m.repel
			w.bySpecies(c)
		} else {
			before := all[t-1]
			x := linear.Place(before.out)
			before.up, before.next = linear.Pack[T](l.up, x, linear.Place(l.h)), &w.layout
			if l.selfConnection {
				before.skip = linear.Pack[T](l.skip, x, linear.Place(l.out))
			}
			if l.kind.gated {
				before.res = linear.Pack[T](l.res, linear.Place(l.h), l.gate.in)
			}
		}
		all[t] = w
	}
	all[last].energies = c.energies
	out.Work = work(all)
	out.New = func() ([]mpnn.Layer[T], mpnn.Head[T]) {
		layers := make([]mpnn.Layer[T], last)
		for t := range layers {
			layers[t] = newLayer(all[t])
			if lean && t == 0 {
				layers[t] = newLean(all[t])
			}
		}
		return layers, newHead(all[last])
	}
	return out
}

// bySpecies makes the records of the first layer, which depend on the species only.
func (w *weights[T]) bySpecies(c *config) {
	add := func(to *[]T, x []float64) {
		for _, v := range x {
			*to = append(*to, T(v))
		}
	}
	for s, x := range c.embedding {
		h := w.layerWeights.up.Apply(0, x)
		add(&w.x0, h)
		if w.selfConnection {
			add(&w.sc0, w.layerWeights.skip.Apply(s, x))
		}
		if w.kind.gated {
			add(&w.r0, w.layerWeights.res.Apply(0, h))
		}
	}
}

// shape is the convolution of a layer for the kernels. Edges point from the centre to the
// neighbour here and the other way round in the model, which is a sign for odd l2.
func (l *layerWeights) shape(lmax int) *kernel.Shape {
	s := linear.Shape(l.h, l.message, l.paths, lmax)
	for _, p := range s.Paths {
		for k := range p.Terms {
			p.Terms[k].C *= float64(1 - p.L2%2*2)
		}
	}
	return s
}

// work counts the useful operations of convolutions, contractions and node maps.
func work[T kernel.Float](all []*weights[T]) (w mpnn.Work) {
	for t, l := range all {
		f, b := l.shape.Work(t == 0)
		maps := l.lin.Flops() + l.lin2.Flops() + l.skipAfter.Flops() + l.product.Flops() + l.up.Flops() + l.skip.Flops() + l.res.Flops()
		cf, cb := l.contraction.Flops()
		if t == len(all)-1 {
			w.Head = mpnn.Flops{Atom: 2*maps + cf + cb, Edge: f + b}
			break
		}
		w.Forward.Atom += maps + cf
		w.Forward.Edge += f
		w.Backward.Atom += maps + cb
		w.Backward.Edge += b
	}
	return w
}
