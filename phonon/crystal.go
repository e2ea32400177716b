package phonon

import (
	"errors"
	"fmt"
	"math"
)

// Crystal is a unit cell and what is made of it.
type Crystal struct {
	Cell [3][3]float64 // lattice vectors of the unit cell as rows, Å
	Z    []int32
	X    [][3]float64 // Å
	Mass []float64    // amu
	// Repeat is how many unit cells the supercell has along each vector.
	Repeat [3]int
	// Primitive has the vectors of the primitive cell as rows, in units of those of
	// the unit cell; zero: the unit cell itself.
	Primitive [3][3]float64
}

// Supercell is a crystal ready for force constants.
type Supercell struct {
	Crystal
	Vectors [3][3]float64 // of the supercell, Å
	SX      [][3]float64  // positions of its atoms, Å
	From    []int         // the atom of the unit cell that each is a copy of
	Prim    [3][3]float64 // vectors of the primitive cell, Å
	Basis   []int         // atoms of the supercell that stand for those of the primitive cell
	Kind    []int         // which of Basis each is a translation of

	partner [][]int          // by basis atom and atom j: where the translation from j to its basis atom takes the basis atom
	images  [][][][3]float64 // by basis atom and atom j: x_j − x_i to the nearest images, in primitive vectors
}

// near is how well positions agree, Å.
const near = 1e-3

// New makes the supercell, and finds the atoms of the primitive cell among its own.
func New(c Crystal) (*Supercell, error) {
	s := &Supercell{Crystal: c}
	if c.Primitive == [3][3]float64{} {
		s.Primitive = [3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}
	}
	s.Prim = times(s.Primitive, c.Cell)
	for k, n := range c.Repeat {
		if n < 1 {
			return nil, fmt.Errorf("phonon: a supercell of %v unit cells", c.Repeat)
		}
		for l := range 3 {
			s.Vectors[k][l] = float64(n) * c.Cell[k][l]
		}
	}
	for i, x := range c.X {
		for n := range c.Repeat[0] * c.Repeat[1] * c.Repeat[2] {
			at := [3]float64{float64(n % c.Repeat[0]), float64(n / c.Repeat[0] % c.Repeat[1]), float64(n / c.Repeat[0] / c.Repeat[1])}
			d := row(at, c.Cell)
			s.SX = append(s.SX, [3]float64{x[0] + d[0], x[1] + d[1], x[2] + d[2]})
			s.From = append(s.From, i)
		}
	}
	if err := s.classes(); err != nil {
		return nil, err
	}
	if err := s.partners(); err != nil {
		return nil, err
	}
	s.nearest()
	return s, nil
}

// Shortest is the length of the shortest vector by which the supercell repeats itself, Å, among
// those of up to three of each lattice vector.
func (s *Supercell) Shortest() float64 {
	const most = 3
	least := math.Inf(1)
	for a := -most; a <= most; a++ {
		for b := -most; b <= most; b++ {
			for c := -most; c <= most; c++ {
				if a != 0 || b != 0 || c != 0 {
					least = min(least, length(row([3]float64{float64(a), float64(b), float64(c)}, s.Vectors)))
				}
			}
		}
	}
	return least
}

// classes finds which atoms are translations of each other by the primitive cell.
func (s *Supercell) classes() error {
	inv, err := inverse(s.Prim)
	if err != nil {
		return err
	}
	s.Kind = make([]int, len(s.SX))
	var count []int
next:
	for j, x := range s.SX {
		for k, b := range s.Basis {
			if s.apart(x, s.SX[b], inv, s.Prim) < near {
				if s.Z[s.From[j]] != s.Z[s.From[b]] {
					return fmt.Errorf("phonon: the primitive cell takes atom %d of the unit cell to atom %d, of another element", s.From[b]+1, s.From[j]+1)
				}
				s.Kind[j] = k
				count[k]++
				continue next
			}
		}
		s.Kind[j] = len(s.Basis)
		s.Basis = append(s.Basis, j)
		count = append(count, 1)
	}
	want := math.Abs(det(s.Vectors) / det(s.Prim))
	if math.Abs(want-math.Round(want)) > 1e-6 {
		return errors.New("phonon: the supercell is no whole number of primitive cells")
	}
	for k, n := range count {
		if n != int(math.Round(want)) {
			return fmt.Errorf("phonon: the primitive cell is none of this crystal: atom %d of the unit cell has %d copies where %.0f primitive cells are", s.From[s.Basis[k]]+1, n, want)
		}
	}
	return nil
}

// apart is the distance of two points modulo a lattice.
func (s *Supercell) apart(x, y [3]float64, inv, lattice [3][3]float64) float64 {
	f := row([3]float64{x[0] - y[0], x[1] - y[1], x[2] - y[2]}, inv)
	for k := range f {
		f[k] -= math.Round(f[k])
	}
	return length(row(f, lattice))
}

// partners fills partner.
func (s *Supercell) partners() error {
	inv, err := inverse(s.Vectors)
	if err != nil {
		return err
	}
	of := make([][]int, len(s.Basis))
	for j, k := range s.Kind {
		of[k] = append(of[k], j)
	}
	s.partner = make([][]int, len(s.Basis))
	for i, b := range s.Basis {
		s.partner[i] = make([]int, len(s.SX))
		for j, x := range s.SX {
			var at [3]float64
			for c := range at {
				at[c] = s.SX[b][c] + s.SX[s.Basis[s.Kind[j]]][c] - x[c]
			}
			found := -1
			for _, m := range of[i] {
				if s.apart(at, s.SX[m], inv, s.Vectors) < near {
					found = m
					break
				}
			}
			if found < 0 {
				return errors.New("phonon: the supercell is not periodic by the primitive cell")
			}
			s.partner[i][j] = found
		}
	}
	return nil
}

// nearest fills images.
func (s *Supercell) nearest() {
	inv, _ := inverse(s.Vectors)
	prim, _ := inverse(s.Prim)
	// Images of a wrapped vector that can be nearest: within its own longest length,
	// half the sum of the vectors.
	reach := 0.0
	for _, v := range s.Vectors {
		reach += length(v) / 2
	}
	var most [3]int
	for k := range most {
		height := 1 / length([3]float64{inv[0][k], inv[1][k], inv[2][k]})
		most[k] = int(math.Ceil(reach/height + 0.5))
	}
	s.images = make([][][][3]float64, len(s.Basis))
	for i, b := range s.Basis {
		s.images[i] = make([][][3]float64, len(s.SX))
		for j, x := range s.SX {
			d := row([3]float64{x[0] - s.SX[b][0], x[1] - s.SX[b][1], x[2] - s.SX[b][2]}, inv)
			for k := range d {
				d[k] -= math.Round(d[k])
			}
			best := math.Inf(1)
			var list [][3]float64
			for n0 := -most[0]; n0 <= most[0]; n0++ {
				for n1 := -most[1]; n1 <= most[1]; n1++ {
					for n2 := -most[2]; n2 <= most[2]; n2++ {
						v := row([3]float64{d[0] + float64(n0), d[1] + float64(n1), d[2] + float64(n2)}, s.Vectors)
						switch r := length(v); {
						case r < best-near:
							best, list = r, append(list[:0], row(v, prim))
						case r < best+near:
							list = append(list, row(v, prim))
						}
					}
				}
			}
			s.images[i][j] = append([][3]float64(nil), list...)
		}
	}
}

func length(v [3]float64) float64 { return math.Sqrt(v[0]*v[0] + v[1]*v[1] + v[2]*v[2]) }

// row is the row vector x·m.
func row(x [3]float64, m [3][3]float64) (y [3]float64) {
	for k := range x {
		for l := range y {
			y[l] += x[k] * m[k][l]
		}
	}
	return y
}

func times(a, b [3][3]float64) (c [3][3]float64) {
	for k := range a {
		c[k] = row(a[k], b)
	}
	return c
}

func transposed(m [3][3]float64) (t [3][3]float64) {
	for k := range m {
		for l := range m[k] {
			t[l][k] = m[k][l]
		}
	}
	return t
}

func det(m [3][3]float64) float64 {
	return m[0][0]*(m[1][1]*m[2][2]-m[1][2]*m[2][1]) - m[0][1]*(m[1][0]*m[2][2]-m[1][2]*m[2][0]) + m[0][2]*(m[1][0]*m[2][1]-m[1][1]*m[2][0])
}

func inverse(m [3][3]float64) (v [3][3]float64, err error) {
	d := det(m)
	if !(math.Abs(d) > 1e-12) {
		return v, errors.New("phonon: vectors of a cell lie in a plane")
	}
	for k := range 3 {
		for l := range 3 {
			a, b, c, e := (k+1)%3, (k+2)%3, (l+1)%3, (l+2)%3
			v[l][k] = (m[a][c]*m[b][e] - m[a][e]*m[b][c]) / d
		}
	}
	return v, nil
}
