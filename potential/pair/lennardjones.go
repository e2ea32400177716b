// Package pair holds potentials that are sums over pairs of atoms.
//
// References: J. E. Jones, Proc. R. Soc. Lond. A 106, 463 (1924),
// doi:10.1098/rspa.1924.0082.
package pair

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/wigner-md/wigner/potential"
)

// Parameters are those of one pair of elements.
type Parameters struct {
	Z       [2]int  // atomic numbers; their order does not matter
	Epsilon float64 // depth of the well, eV
	Sigma   float64 // distance at which u is zero, Å
	Cutoff  float64 // Å; from it on u is zero
}

// LennardJones is the 12-6 potential
//
//	u(r) = 4ε[(σ/r)¹² − (σ/r)⁶] − u_c     for r < r_c, else 0
//	E_i  = ½ Σ_j u(r_ij)
//
// with ε, σ and r_c by pair of elements, and u_c = 4ε[(σ/r_c)¹² − (σ/r_c)⁶]
// where the energy is shifted to be continuous at the cutoff, else 0. The force
// jumps at the cutoff either way. An edge's gradient is ∂E/∂r_ij = ½ u′(r) r̂,
// since each pair has two edges.
type LennardJones struct {
	cutoff float64
	index  []int32 // atomic number → row of the table, or −1
	n      int
	table  []terms
	j      []int32
	r, g   [][3]float64
}

// terms of u = a/r¹² − b/r⁶ − c for r² < rc2.
type terms struct{ a, b, c, rc2 float64 }

// NewLennardJones makes the potential of an explicit table, which must hold
// every pair among its elements once: nothing is mixed. shift makes the energy
// continuous at the cutoff.
func NewLennardJones(table []Parameters, shift bool) (*LennardJones, error) {
	var zs []int
	for _, p := range table {
		for _, z := range p.Z {
			if z < 1 || z > 200 {
				return nil, fmt.Errorf("pair: Lennard-Jones: %d is no atomic number", z)
			}
			if !slices.Contains(zs, z) {
				zs = append(zs, z)
			}
		}
	}
	if len(zs) == 0 {
		return nil, fmt.Errorf("pair: Lennard-Jones: the table of parameters is empty")
	}
	slices.Sort(zs)
	n := len(zs)
	l := &LennardJones{n: n, table: make([]terms, n*n), index: make([]int32, zs[n-1]+1)}
	for z := range l.index {
		l.index[z] = int32(slices.Index(zs, z))
	}
	for _, p := range table {
		t, err := p.terms(shift)
		if err != nil {
			return nil, err
		}
		i, j := l.index[p.Z[0]], l.index[p.Z[1]]
		if l.table[int(i)*n+int(j)].rc2 > 0 {
			return nil, fmt.Errorf("pair: Lennard-Jones: the pair of elements %d and %d is given twice", p.Z[0], p.Z[1])
		}
		l.table[int(i)*n+int(j)], l.table[int(j)*n+int(i)] = t, t
		l.cutoff = max(l.cutoff, p.Cutoff)
	}
	var missing []string
	for i := range n {
		for j := i; j < n; j++ {
			if l.table[i*n+j].rc2 == 0 {
				missing = append(missing, fmt.Sprintf("%d-%d", zs[i], zs[j]))
			}
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("pair: Lennard-Jones: no parameters for the pairs of elements %s", strings.Join(missing, ", "))
	}
	return l, nil
}

func (p Parameters) terms(shift bool) (terms, error) {
	for _, v := range []struct {
		name string
		x    float64
	}{{"epsilon", p.Epsilon}, {"sigma", p.Sigma}, {"cutoff", p.Cutoff}} {
		if !(v.x > 0) || math.IsInf(v.x, 0) {
			return terms{}, fmt.Errorf("pair: Lennard-Jones: %s of elements %d and %d is %v, and should be a positive number", v.name, p.Z[0], p.Z[1], v.x)
		}
	}
	s6 := math.Pow(p.Sigma, 6)
	t := terms{a: 4 * p.Epsilon * s6 * s6, b: 4 * p.Epsilon * s6, rc2: p.Cutoff * p.Cutoff}
	if shift {
		c6 := 1 / (t.rc2 * t.rc2 * t.rc2)
		t.c = (t.a*c6 - t.b) * c6
	}
	return t, nil
}

// Cutoff is the largest cutoff of the table, Å.
func (l *LennardJones) Cutoff() float64 { return l.cutoff }

// Supports is whether the table holds element z.
func (l *LennardJones) Supports(z int) bool {
	return z >= 0 && z < len(l.index) && l.index[z] >= 0
}

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
