// Package pair holds potentials that are sums over pairs of atoms: Lennard-Jones,
// Morse, and the screened repulsion of nuclei (ZBL). Each can be made to vanish
// smoothly at its cutoff, see tail.
//
// References: J. E. Jones, Proc. R. Soc. Lond. A 106, 463 (1924),
// doi:10.1098/rspa.1924.0082; P. M. Morse, Phys. Rev. 34, 57 (1929),
// doi:10.1103/PhysRev.34.57; J. F. Ziegler, J. P. Biersack, U. Littmark, The
// Stopping and Range of Ions in Matter, vol. 1 (Pergamon, 1985).
package pair

import (
	"fmt"
	"math"

	"github.com/wigner-md/wigner/potential"
)

// Parameters are those of one pair of elements.
type Parameters struct {
	Z       [2]int  // atomic numbers; their order does not matter
	Epsilon float64 // depth of the well, eV
	Sigma   float64 // distance at which u is zero, Å
	Cutoff  float64 // Å; from it on u is zero
	Switch  float64 // Å; where the smooth way to zero begins; 0: there is none
}

// LennardJones is the 12-6 potential
//
//	u(r) = 4ε[(σ/r)¹² − (σ/r)⁶] − u_c     for r < r_c, else 0
//	E_i  = ½ Σ_j u(r_ij)
//
// with ε, σ and r_c by pair of elements, and u_c = 4ε[(σ/r_c)¹² − (σ/r_c)⁶]
// where the energy is shifted to be continuous at the cutoff, else 0. The force
// jumps at the cutoff either way, save with a switch. An edge's gradient is ∂E/∂r_ij = ½ u′(r) r̂,
// since each pair has two edges.
type LennardJones struct {
	square[terms]
	cutoff float64
	j      []int32
	r, g   [][3]float64
}

// terms of u = a/r¹² − b/r⁶ − c for r² < rc2, and the tail from r² = r12 on.
type terms struct {
	a, b, c, rc2, r12 float64
	tail              tail
}

// NewLennardJones makes the potential of an explicit table, which must hold
// every pair among its elements once: nothing is mixed. shift makes the energy
// continuous at the cutoff; Parameters.Switch makes more so, and excludes it.
func NewLennardJones(table []Parameters, shift bool) (*LennardJones, error) {
	list := make([]entry[terms], len(table))
	l := &LennardJones{}
	for i, p := range table {
		t, err := p.terms(shift)
		if err != nil {
			return nil, err
		}
		list[i] = entry[terms]{p.Z, t}
		l.cutoff = max(l.cutoff, p.Cutoff)
	}
	var err error
	l.square, err = newSquare("Lennard-Jones", list)
	if err != nil {
		return nil, err
	}
	return l, nil
}

func (p Parameters) terms(shift bool) (terms, error) {
	if err := positive("Lennard-Jones", p.Z, named{"epsilon", p.Epsilon}, named{"sigma", p.Sigma}, named{"cutoff", p.Cutoff}); err != nil {
		return terms{}, err
	}
	s6 := math.Pow(p.Sigma, 6)
	t := terms{a: 4 * p.Epsilon * s6 * s6, b: 4 * p.Epsilon * s6, rc2: p.Cutoff * p.Cutoff, r12: math.Inf(1)}
	switch c6 := 1 / (t.rc2 * t.rc2 * t.rc2); {
	case p.Switch != 0 && shift:
		return terms{}, fmt.Errorf("pair: Lennard-Jones: shift and a switch exclude each other (elements %d and %d)", p.Z[0], p.Z[1])
	case p.Switch != 0:
		if err := checkSwitch("Lennard-Jones", p.Z, p.Switch, p.Cutoff); err != nil {
			return terms{}, err
		}
		r := p.Cutoff
		t.tail = newTail(p.Switch, r, (t.a*c6-t.b)*c6, (6*t.b-12*t.a*c6)*c6/r, (156*t.a*c6-42*t.b)*c6/t.rc2)
		t.c, t.r12 = -t.tail.c, p.Switch*p.Switch
	case shift:
		t.c = (t.a*c6 - t.b) * c6
	}
	return t, nil
}

// Cutoff is the largest cutoff of the table, Å.
func (l *LennardJones) Cutoff() float64 { return l.cutoff }

// Compute evaluates one frame. Distances of zero are the neighbour list's to
// refuse, elements the caller's, by Supports.
func (l *LennardJones) Compute(f *potential.Frame, res *potential.Result) error {
	for i := range f.N {
		js := f.List.J[f.List.Row[i]:f.List.Row[i+1]]
		if len(js) > cap(l.j) {
			n := len(js) + len(js)/4
			l.j, l.r, l.g = make([]int32, n), make([][3]float64, n), make([][3]float64, n)
		}
		x := f.X[i]
		row := l.table[int(l.index[f.Species[i]])*l.n:]
		j, r, g := l.j[:len(js)], l.r[:len(js)], l.g[:len(js)]
		n, e := 0, 0.0
		for _, k := range js {
			d := f.X[k]
			d2 := 0.0
			for c := range d {
				d[c] -= x[c]
				d2 += d[c] * d[c]
			}
			t := &row[l.index[f.Species[k]]]
			if d2 >= t.rc2 {
				continue
			}
			q := 1 / d2
			q6 := q * q * q
			e += (t.a*q6-t.b)*q6 - t.c
			half := (3*t.b - 6*t.a*q6) * q6 * q // ½ u′/r, u′ = (6b − 12a/r⁶)/r⁷
			if d2 > t.r12 {
				dist := math.Sqrt(d2)
				u, du := t.tail.at(dist)
				e += u
				half += du / (2 * dist)
			}
			j[n], r[n] = f.Home[k], d
			for c := range d {
				g[n][c] = half * d[c]
			}
			n++
		}
		res.Energy[i] = e / 2
		res.Bonds.Add(int32(i), j[:n], r[:n], g[:n])
	}
	return nil
}
