// Package eam holds the embedded-atom method, eam/alloy and Finnis–Sinclair:
//
//	E_i = F_a(ρ_i) + ½ Σ_j φ_ab(r_ij),   ρ_i = Σ_j f_ba(r_ij)
//
// for atom i of element a and neighbours j of element b. With directed edges the
// gradient needs F′ of the centre alone,
//
//	∂E/∂r_ij = [F_a′(ρ_i) f_ba′(r) + ½ φ_ab′(r)] r̂
//
// so that no rank needs another's densities: the potential is local to one cutoff.
//
// References: M. S. Daw and M. I. Baskes, Phys. Rev. B 29, 6443 (1984),
// doi:10.1103/PhysRevB.29.6443; M. W. Finnis and J. E. Sinclair, Philos. Mag. A
// 50, 45 (1984), doi:10.1080/01418618408244210.
package eam

import (
	"math"

	"github.com/wigner-md/wigner/potential"
)

// Evaluator is one rank's evaluation of a Potential.
type Evaluator struct {
	*Potential
	j    []int32
	r, g [][3]float64
	edge []slopes
}

// slopes of an edge: f′/r and ½φ′/r.
type slopes struct{ f, phi float64 }

// Evaluator makes one for a rank.
func (p *Potential) Evaluator() *Evaluator { return &Evaluator{Potential: p} }

// Compute evaluates one frame. Distances of zero are the neighbour list's to
// refuse, elements the caller's, by Supports.
func (e *Evaluator) Compute(f *potential.Frame, res *potential.Result) error {
	p, rc2 := e.Potential, e.cutoff*e.cutoff
	for i := range f.N {
		js := f.List.J[f.List.Row[i]:f.List.Row[i+1]]
		if len(js) > cap(e.j) {
			n := len(js) + len(js)/4
			e.j, e.r, e.g, e.edge = make([]int32, n), make([][3]float64, n), make([][3]float64, n), make([]slopes, n)
		}
		x, a := f.X[i], p.index[f.Species[i]]
		tables := p.pair[int(a)*p.n : int(a+1)*p.n]
		j, r, edge := e.j[:len(js)], e.r[:len(js)], e.edge[:len(js)]
		n, rho, phi := 0, 0.0, 0.0
		for _, k := range js {
			d := f.X[k]
			d2 := 0.0
			for c := range d {
				d[c] -= x[c]
				d2 += d[c] * d[c]
			}
			if d2 >= rc2 { // NaN goes on, to the energy
				continue
			}
			dist := math.Sqrt(d2)
			table := tables[p.index[f.Species[k]]]
			m, q := interval(dist*p.rdr, len(table))
			t := &table[m]
			rho += t.f[0] + q*(t.f[1]+q*(t.f[2]+q*t.f[3]))
			df := (t.f[1] + q*(2*t.f[2]+q*3*t.f[3])) * p.rdr
			inv := 1 / dist
			u := (t.z[0] + q*(t.z[1]+q*(t.z[2]+q*t.z[3]))) * inv
			du := ((t.z[1]+q*(2*t.z[2]+q*3*t.z[3]))*p.rdr - u) * inv
			phi += u
			j[n], r[n], edge[n] = f.Home[k], d, slopes{df * inv, du * inv / 2}
			n++
		}
		energy, slope := p.embedding(int(a), rho)
		res.Energy[i] = energy + phi/2
		g := e.g[:n]
		for k := range g {
			s := slope*edge[k].f + edge[k].phi
			for c, y := range r[k] {
				g[k][c] = s * y
			}
		}
		res.Bonds.Add(int32(i), j[:n], r[:n], g)
	}
	return nil
}

// interval is the interval of n of a point x in units of the step, and where in it
// the point lies; behind the last the function stays what it was at its end.
func interval(x float64, n int) (int, float64) {
	m := max(int(min(x, float64(n-1))), 0) // NaN has any
	if q := x - float64(m); !(q > 1) {
		return m, q
	}
	return m, 1
}

// embedding is F(ρ) and its slope. Beyond the table the energy goes on along its
// last slope.
func (p *Potential) embedding(a int, rho float64) (energy, slope float64) {
	table := p.embed[a]
	m, q := interval(rho*p.rdrho, len(table))
	t := &table[m]
	energy = t[0] + q*(t[1]+q*(t[2]+q*t[3]))
	slope = (t[1] + q*(2*t[2]+q*3*t[3])) * p.rdrho
	if rho > p.rhomax {
		energy += slope * (rho - p.rhomax)
	}
	return energy, slope
}
