package soap

import (
	"fmt"
	"math"

	"github.com/wigner-md/wigner/potential"
)

// Environments gathers directions of power spectra to choose the kernel's points from.
type Environments struct {
	d   *Descriptor
	p   *Potential
	all [][]float64 // p̂ by element, [atom][Features]
}

// Environments begins with none.
func (d *Descriptor) Environments() *Environments {
	// A model of no coefficients finds neighbours as the fitted one will.
	m := &Model{Descriptor: d, first: make([]int, len(d.Elements)+1)}
	return &Environments{d: d, p: m.Potential(), all: make([][]float64, len(d.Elements))}
}

// Add takes every n-th atom of a frame, from atom first on.
func (e *Environments) Add(f *potential.Frame, first, n int) error {
	for i := first; i < f.N; i += n {
		e.p.environment(f, i)
		w := e.p.w
		if !(w.normalise() > 0) {
			return fmt.Errorf("soap: atom %d has no neighbours and no weight of its own: give the central atom a weight", f.ID[i])
		}
		e.all[w.centre] = append(e.all[w.centre], w.p...)
	}
	return nil
}

// Farthest chooses n environments of each element, or as many as there are apart: the
// first that was added, then always the one that is farthest from those chosen.
func (e *Environments) Farthest(n int) [][]float64 {
	out := make([][]float64, len(e.all))
	nf := e.d.Features()
	for z, all := range e.all {
		count := len(all) / nf
		apart := make([]float64, count) // 1 − p̂·q̂ of the nearest that is chosen
		for i := range apart {
			apart[i] = math.Inf(1)
		}
		next := 0
		for len(out[z]) < n*nf && count > 0 {
			q := all[next*nf:][:nf]
			out[z] = append(out[z], q...)
			far := -1.0
			for i := range apart {
				dot := 0.0
				for k, v := range all[i*nf:][:nf] {
					dot += v * q[k]
				}
				if apart[i] = min(apart[i], 1-dot); apart[i] > far {
					far, next = apart[i], i
				}
			}
			if far < 1e-12 { // the rest are copies of those chosen
				break
			}
		}
	}
	return out
}
