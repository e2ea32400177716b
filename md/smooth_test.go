package md

import (
	"math"

	"github.com/wigner-md/wigner/potential"
)

// smooth is argon whose
// force goes to zero at the cutoff, so that the integrator alone makes errors.
// u(r) = 4ε[(σ/r)¹² − (σ/r)⁶] s(r), s = (1 − (r/r_c)²)³.
type smooth struct{ potential.Potential }

func (p smooth) Compute(f *potential.Frame, res *potential.Result) error {
	const eps, sigma = 119.8 * KB, 3.405
	rc := p.Cutoff()
	for i := range f.N {
		js := f.List.J[f.List.Row[i]:f.List.Row[i+1]]
		var j []int32
		var rs, gs [][3]float64
		for _, k := range js {
			var r [3]float64
			d2 := 0.0
			for c := range r {
				r[c] = f.X[k][c] - f.X[i][c]
				d2 += r[c] * r[c]
			}
			if d2 >= rc*rc {
				continue
			}
			q := 1 - d2/(rc*rc)
			s6 := math.Pow(sigma*sigma/d2, 3)
			lj, s := 4*eps*(s6*s6-s6), q*q*q
			// du/dr / r
			du := 4*eps*(-12*s6*s6+6*s6)/d2*s - lj*6*q*q/(rc*rc)
			res.Energy[i] += lj * s / 2
			j, rs = append(j, f.Home[k]), append(rs, r)
			gs = append(gs, [3]float64{du * r[0] / 2, du * r[1] / 2, du * r[2] / 2})
		}
		res.Bonds.Add(int32(i), j, rs, gs)
	}
	return nil
}
