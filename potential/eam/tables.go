package eam

import (
	"fmt"
	"math"
	"slices"
)

// Tables are the functions of a potential, as values on even grids. Functions of
// ρ have NRho values at 0, DRho, 2·DRho …; those of r have NR at 0, DR …
type Tables struct {
	Z      []int   // atomic numbers
	DRho   float64 // in the table's own unit of density
	DR     float64 // Å
	Cutoff float64 // Å
	Embed  [][]float64
	// Density[a][b] is what an atom of element a gives to a site of element b;
	// one entry holds for all b.
	Density [][][]float64
	Pair    [][][]float64 // r·φ(r) for b ≤ a, eV·Å
}

// knot is the cubics of one interval of r, in powers of the interval's fraction:
// the density and r·φ. Both are needed for every edge, and are one cache line.
type knot struct{ f, z [4]float64 }

// Potential is a table ready to be evaluated: immutable, shared by the ranks.
type Potential struct {
	n      int
	cutoff float64
	index  []int32 // atomic number → element of the table, or −1
	rdr    float64
	rdrho  float64
	rhomax float64
	embed  [][][4]float64
	pair   [][]knot // by receiver·n + donor
}

// New prepares tables. Between their points functions are the piecewise cubics of
// LAMMPS, with five-point slopes at the points, so that energies agree with it.
func New(t *Tables) (*Potential, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	n := len(t.Z)
	p := &Potential{n: n, cutoff: t.Cutoff, rdr: 1 / t.DR, rdrho: 1 / t.DRho, rhomax: float64(len(t.Embed[0])-1) * t.DRho}
	p.index = make([]int32, slices.Max(t.Z)+1)
	for z := range p.index {
		p.index[z] = int32(slices.Index(t.Z, z))
	}
	for a := range n {
		p.embed = append(p.embed, cubics(t.Embed[a]))
	}
	p.pair = make([][]knot, n*n)
	for a := range n {
		for b := range n {
			f := t.Density[b][0]
			if len(t.Density[b]) > 1 {
				f = t.Density[b][a]
			}
			fc, zc := cubics(f), cubics(t.Pair[max(a, b)][min(a, b)])
			row := make([]knot, len(fc))
			for k := range row {
				row[k] = knot{fc[k], zc[k]}
			}
			p.pair[a*n+b] = row
		}
	}
	return p, nil
}

func (t *Tables) check() error {
	n := len(t.Z)
	if n == 0 || len(t.Embed) != n || len(t.Density) != n || len(t.Pair) != n {
		return fmt.Errorf("eam: %d elements with %d embedding energies, %d densities and %d rows of pair energies", n, len(t.Embed), len(t.Density), len(t.Pair))
	}
	for a, z := range t.Z {
		if z < 1 || z > 200 || slices.Index(t.Z, z) != a {
			return fmt.Errorf("eam: %d is no atomic number, or is there twice", z)
		}
		if k := len(t.Density[a]); k != 1 && k != n {
			return fmt.Errorf("eam: element %d has %d densities; it needs one, or one for each of %d elements", z, k, n)
		}
		if len(t.Pair[a]) != a+1 {
			return fmt.Errorf("eam: row %d has %d pair energies; it needs %d", a, len(t.Pair[a]), a+1)
		}
		for _, f := range slices.Concat(t.Density[a], t.Pair[a]) {
			if len(f) != len(t.Density[0][0]) || len(f) < 5 {
				return fmt.Errorf("eam: element %d: functions of r with %d and %d values; all need the same number, at least 5", z, len(f), len(t.Density[0][0]))
			}
		}
		if len(t.Embed[a]) != len(t.Embed[0]) || len(t.Embed[a]) < 5 {
			return fmt.Errorf("eam: element %d: embedding energy with %d values; all need the same number, at least 5", z, len(t.Embed[a]))
		}
	}
	for _, x := range []float64{t.DRho, t.DR, t.Cutoff} {
		if !(x > 0) || math.IsInf(x, 0) {
			return fmt.Errorf("eam: steps %g and %g and cutoff %g must be positive numbers", t.DRho, t.DR, t.Cutoff)
		}
	}
	return nil
}

// cubics are the polynomials of the intervals k … k+1 in p = (x − k), Hermite's
// with the slopes (f[k−2] − 8f[k−1] + 8f[k+1] − f[k+2])/12, and simpler ones at
// the two points at either end.
func cubics(f []float64) [][4]float64 {
	n := len(f)
	d := make([]float64, n)
	d[0], d[n-1] = f[1]-f[0], f[n-1]-f[n-2]
	d[1], d[n-2] = (f[2]-f[0])/2, (f[n-1]-f[n-3])/2
	for k := 2; k < n-2; k++ {
		d[k] = (f[k-2] - f[k+2] + 8*(f[k+1]-f[k-1])) / 12
	}
	out := make([][4]float64, n-1)
	for k := range out {
		s := f[k+1] - f[k]
		out[k] = [4]float64{f[k], d[k], 3*s - 2*d[k] - d[k+1], d[k] + d[k+1] - 2*s}
	}
	return out
}

// Cutoff in Å.
func (p *Potential) Cutoff() float64 { return p.cutoff }

// Supports is whether the table holds element z.
func (p *Potential) Supports(z int) bool {
	return z >= 0 && z < len(p.index) && p.index[z] >= 0
}

// Elements are the atomic numbers, rising.
func (p *Potential) Elements() (zs []int) {
	for z, k := range p.index {
		if k >= 0 {
			zs = append(zs, z)
		}
	}
	return zs
}
