package md

import (
	"github.com/wigner-md/wigner/potential"
)

// tether binds each atom to a place by a spring, k eV/Å². It is no function of
// distances, so it adds to the forces directly.
type tether struct {
	k  float64
	at [][3]float64 // by ID − 1; nil for none
}

func (p *tether) Cutoff() float64   { return 3 }
func (p *tether) Supports(int) bool { return true }

func (p *tether) Compute(f *potential.Frame, r *potential.Result) error {
	for i := range f.N {
		if p.at == nil {
			continue
		}
		for k, x := range f.X[i] {
			d := x - p.at[f.ID[i]-1][k]
			r.Energy[i] += p.k / 2 * d * d
			r.Bonds.F[i][k] -= p.k * d
		}
	}
	return nil
}
