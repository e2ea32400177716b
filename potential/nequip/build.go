package nequip

import (
	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/potential/linear"
	"github.com/wigner-md/wigner/potential/mpnn"
)

// weights are one layer's weights in one precision, in the layouts of the
// kernels; all ranks of a process share them.
type weights[T kernel.Float] struct {
	shape *kernel.Shape
	conv  func() (conv, near kernel.Conv[T])
	lin2  *linear.Map[T]
	gate  gate
	// The next layer's maps of this one's output.
	lin1, skip *linear.Map[T]
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
	pack := linear.PackBlocks[T]
	if see != nil { // what is learned need not stay zero
		pack = linear.Pack[T]
	}
	all := make([]*weights[T], len(m.layer))
	for t := range all {
		l := &m.layer[t]
		w := &weights[T]{shape: linear.Shape(l.in, l.message, l.paths, m.cfg.lmaxEdge), gate: newGate(m.cfg.irreps[t+1])}
		w.lin2 = pack(l.lin2, linear.Place(l.message), w.gate.in)
		rad := newRadialWeights[T](m, t)
		w.conv = func() (kernel.Conv[T], kernel.Conv[T]) { return conv(t, w.shape, &radial[T]{radialWeights: rad}) }
		if t > 0 {
			before := all[t-1]
			before.lin1 = pack(l.lin1, before.gate.out, linear.Place(l.in))
			before.skip = pack(l.skip, before.gate.out, w.gate.in)
		} else {
			w.x0 = bySpecies[T](m, l.lin1, linear.Place(l.in))
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
func bySpecies[T kernel.Float](m *Model, l *linear.Maps, to linear.Record) []T {
	from := linear.Place(l.In)
	lin, groups := linear.Pack[float64](l, from, to), &linear.Groups[float64]{}
	x, y := make([]float64, block*from.Width), make([]float64, block*to.Width)
	species := make([]int32, block)
	var out []T
	for s := 0; s < len(m.embed); s += block {
		n := min(block, len(m.embed)-s)
		for i := range n {
			copy(x[i*from.Width:][:from.Width], m.embed[s+i])
			species[i] = int32(s + i)
		}
		lin.Forward(groups.Sort(species), linear.Rows(x, from.Width), linear.Rows(y, to.Width), false)
		for _, v := range y[:n*to.Width] {
			out = append(out, T(v))
		}
	}
	return out
}
