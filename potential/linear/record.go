package linear

import (
	"math"

	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/o3"
)

// Record places irreps in a record [component][channel]: Where[k] is the block of
// irreps[k].
type Record struct {
	Width int
	Where []kernel.Block
}

// Place puts blocks one after another.
func Place(irreps o3.Irreps) Record {
	r := Record{}
	for _, m := range irreps {
		r.Where = append(r.Where, kernel.Block{L: m.L, Mul: m.Mul, Offset: r.Width})
		r.Width += m.Dim()
	}
	return r
}

// Shape is the convolution of features x with harmonics up to lmax into sums of messages,
// for the kernels: the couplings of the paths times √(2l₃+1).
func Shape(x, message o3.Irreps, paths []o3.Path, lmax int) *kernel.Shape {
	from, to := Place(x), Place(message)
	s := &kernel.Shape{X: from.Where, XWidth: from.Width, Agg: to.Where, AggWidth: to.Width,
		LMax: lmax, Weights: o3.Weights(paths)}
	for _, p := range paths {
		k := kernel.Path{X: p.In, L2: p.L2, Col: p.Channel, W: p.Weight}
		for n, r := range message {
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
