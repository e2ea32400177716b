package nequip

import (
	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/potential/mpnn"
)

// work counts the useful operations of the network's convolutions and node maps.
// Each map is applied once forward and its transpose once backward; gates, harmonics
// and the readout, less than a hundredth, are left out.
func work[T kernel.Float](all []*weights[T]) (w mpnn.Work) {
	last := len(all) - 1
	for t, l := range all {
		f, b := l.shape.Work(t == 0)
		if t == last {
			w.Head = mpnn.Flops{Atom: 2 * l.lin2.Flops(), Edge: f + b}
			break
		}
		maps := l.lin2.Flops() + l.lin1.Flops() + l.skip.Flops()
		w.Forward.Atom += maps
		w.Forward.Edge += f
		w.Backward.Atom += maps
		w.Backward.Edge += b
	}
	return w
}
