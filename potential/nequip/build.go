package nequip

import (
	"math"

	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential/mpnn"
)

// weights are one layer's weights in one precision, in the layouts of the
// kernels; all ranks of a process share them.
type weights[T kernel.Float] struct {
	shape *kernel.Shape
	conv  func() (conv, near kernel.Conv[T])
	lin2  *linear[T]
	gate  gate
	// The next layer's maps of this one's output.
	lin1, skip *linear[T]
	// First layer only: records x and s of each species.
	x0, s0 []T
	// Only where the network is trained, by one rank: gradients; of the readout
	// in the last layer.
	learning *learning[T]
	reading  *reading
}

// convMaker makes one rank's convolutions of layer t: for most edges, and for
// those shorter than the model's Near (nil where there are none).
type convMaker[T kernel.Float] func(t int, s *kernel.Shape, r kernel.Radial[T]) (conv, near kernel.Conv[T])

// everyEdge evaluates the radial network for every edge.
func everyEdge[T kernel.Float](_ int, s *kernel.Shape, r kernel.Radial[T]) (conv, near kernel.Conv[T]) {
	return kernel.NewLoops(s, r), nil
}

// build makes the weights of one precision; edges shorter than near (Å) use
// the second convolution that conv makes. The layers' weights are shown to see, unless
// it is nil, before any rank uses them.
func build[T kernel.Float](m *Model, near float64, conv convMaker[T], see func([]*weights[T])) *mpnn.Model[T] {
	out := &mpnn.Model[T]{Cutoff: m.cfg.cutoff, Near: near, LMax: m.cfg.lmaxEdge, Unit: m.cfg.unit, Group: m.Group()}
	if m.cfg.output != nil {
		out.Components = m.components()
	}
	out.Species = make([]int32, 120)
	for z := range out.Species {
		out.Species[z] = -1
		if s, ok := m.cfg.species[z]; ok {
			out.Species[z] = int32(s)
		}
	}
	all := make([]*weights[T], len(m.layer))
	for t := range all {
		l := &m.layer[t]
		w := &weights[T]{shape: l.shape(m.cfg.lmaxEdge), gate: newGate(m.cfg.irreps[t+1])}
		w.lin2 = pack[T](l.lin2, place(l.message), w.gate.in)
		rad := newRadialWeights[T](m, t)
		w.conv = func() (kernel.Conv[T], kernel.Conv[T]) { return conv(t, w.shape, &radial[T]{radialWeights: rad}) }
		if t > 0 {
			before := all[t-1]
			before.lin1 = pack[T](l.lin1, before.gate.out, place(l.in))
			before.skip = pack[T](l.skip, before.gate.out, w.gate.in)
		} else {
			w.x0 = bySpecies[T](m, l.lin1, place(l.in))
			w.s0 = bySpecies[T](m, l.skip, w.gate.in)
		}
		all[t] = w
	}
	out.Work = work(all)
	if see != nil {
		see(all)
	}
	out.New = func() ([]mpnn.Layer[T], mpnn.Head[T]) {
		last := len(all) - 1
		layers := make([]mpnn.Layer[T], last)
		for t := range layers {
			layers[t] = newLayer(all[t])
		}
		return layers, newHead(all[last], m)
	}
	return out
}

// bySpecies applies a map to the embedding of each species.
func bySpecies[T kernel.Float](m *Model, l *maps, to record) []T {
	from := place(l.in)
	lin := pack[float64](l, from, to)
	y := make([]float64, to.width)
	var out []T
	for s, x := range m.embed {
		lin.forward(1, []int32{int32(s)}, x, y, false)
		for _, v := range y {
			out = append(out, T(v))
		}
	}
	return out
}

// shape is the convolution of a layer for the kernels.
func (l *layerWeights) shape(lmax int) *kernel.Shape {
	x, agg := place(l.in), place(l.message)
	s := &kernel.Shape{X: x.where, XWidth: x.width, Agg: agg.where, AggWidth: agg.width,
		LMax: lmax, Weights: o3.Weights(l.paths)}
	for _, p := range l.paths {
		k := kernel.Path{X: p.In, L2: p.L2, Col: p.Channel, W: p.Weight}
		for n, r := range l.message {
			if r.Irrep == p.Out {
				k.Agg = n
			}
		}
		c := o3.Coupling(p.L1, p.L2, p.L3)
		f := math.Sqrt(float64(2*p.L3 + 1))
		for i := range c.Dim[0] {
			for j := range c.Dim[1] {
				for q := range c.Dim[2] {
					if v := c.At(i, j, q); v != 0 {
						k.Terms = append(k.Terms, kernel.Term{I: i, J: j, K: q, C: f * v})
					}
				}
			}
		}
		s.Paths = append(s.Paths, k)
	}
	return s
}
