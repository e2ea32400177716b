package phonon

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Displaced is a supercell in which one atom is displaced.
type Displaced struct {
	Atom int          // of the supercell
	U    [3]float64   // Å
	F    [][3]float64 // forces on all atoms, eV/Å
}

// Displacements are those that force constants need: each atom of the basis, in
// both directions along x, y and z.
func (s *Supercell) Displacements(u float64) []Displaced {
	var out []Displaced
	for _, b := range s.Basis {
		for k := range 3 {
			for _, sign := range []float64{1, -1} {
				d := Displaced{Atom: b}
				d.U[k] = sign * u
				out = append(out, d)
			}
		}
	}
	return out
}

// Constants are the force constants Φ_iα,jβ by basis atom i and atom j of the
// supercell, eV/Å².
type Constants [][][3][3]float64

// Constants are the force constants of these forces, by least squares: the
// displacements of each atom of the basis must have all directions.
func (s *Supercell) Constants(list []Displaced) (Constants, error) {
	n := len(s.SX)
	out := make(Constants, len(s.Basis))
	for i, b := range s.Basis {
		var mine []*Displaced
		for k := range list {
			if list[k].Atom == b {
				if len(list[k].F) != n {
					return nil, fmt.Errorf("phonon: forces on %d atoms; the supercell has %d", len(list[k].F), n)
				}
				mine = append(mine, &list[k])
			}
		}
		if len(mine) < 3 {
			return nil, fmt.Errorf("phonon: atom %d of the supercell has %d displacements; without use of the crystal's symmetry it needs all three directions", b+1, len(mine))
		}
		u, f := mat.NewDense(len(mine), 3, nil), mat.NewDense(len(mine), 3*n, nil)
		for k, d := range mine {
			for c, x := range d.U {
				u.Set(k, c, x)
			}
			for j, v := range d.F {
				for c, x := range v {
					f.Set(k, 3*j+c, -x)
				}
			}
		}
		var phi mat.Dense
		if err := phi.Solve(u, f); err != nil {
			return nil, fmt.Errorf("phonon: the displacements of atom %d of the supercell do not have all three directions: %w", b+1, err)
		}
		out[i] = make([][3][3]float64, n)
		for j := range out[i] {
			for a := range 3 {
				for c := range 3 {
					out[i][j][a][c] = phi.At(a, 3*j+c)
				}
			}
		}
	}
	return out, nil
}

// Symmetrise imposes Φ_ij = Φ_jiᵀ, and that a translation of all atoms makes no
// force, by the constant of each atom with itself. drift is the largest force constant of
// translation before, eV/Å².
func (s *Supercell) Symmetrise(phi Constants) (drift float64) {
	for i := range phi {
		sum := s.sum(phi, i)
		for a := range sum {
			for c := range sum[a] {
				drift = math.Max(drift, math.Abs(sum[a][c]))
			}
		}
	}
	even := make(Constants, len(phi))
	for i := range phi {
		even[i] = make([][3][3]float64, len(phi[i]))
		for j := range phi[i] {
			other := transposed(phi[s.Kind[j]][s.partner[i][j]])
			for a := range 3 {
				for c := range 3 {
					even[i][j][a][c] = (phi[i][j][a][c] + other[a][c]) / 2
				}
			}
		}
	}
	for i, b := range s.Basis {
		copy(phi[i], even[i])
		sum := s.sum(phi, i)
		for a := range 3 {
			for c := range 3 {
				phi[i][b][a][c] -= (sum[a][c] + sum[c][a]) / 2
			}
		}
	}
	return drift
}

func (s *Supercell) sum(phi Constants, i int) (sum [3][3]float64) {
	for _, m := range phi[i] {
		for a := range 3 {
			for c := range 3 {
				sum[a][c] += m[a][c]
			}
		}
	}
	return sum
}
