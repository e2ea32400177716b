package domain

import (
	"errors"
	"fmt"
	"math"
)

// wrapSlack is how far below 0, in fractional coordinates, Wrap lets an atom
// stay. Without it an atom on a face, whose coordinate is 0 within rounding,
// would be sent to the far side and back.
const wrapSlack = 1e-12

// Cell is a parallelepiped of three lattice vectors, repeated along those
// directions that are periodic. Its vectors may be of either handedness. The
// zero Cell is not valid: use NewCell.
type Cell struct {
	a        [3][3]float64 // rows: lattice vectors, Å
	b        [3][3]float64 // rows: reciprocal vectors without 2π, s_k = x·b_k
	periodic [3]bool
	given    [3]bool
	volume   float64
	height   [3]float64
}

// NewCell makes a cell of the lattice vectors that are the rows of a (Å). A
// vector of a direction that is not periodic may be missing, which is to say
// zero: it is then completed by a unit vector at right angles to the others.
// The error says which vectors are at fault.
func NewCell(a [3][3]float64, periodic [3]bool) (Cell, error) {
	var given [3]bool
	for k, v := range a {
		for _, x := range v {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return Cell{}, fmt.Errorf("domain: cell: lattice vector %s is not finite: %v", name(k), v)
			}
		}
		if v == ([3]float64{}) {
			if periodic[k] {
				return Cell{}, fmt.Errorf("domain: cell: lattice vector %s is zero, but the cell is periodic along it; give the vector or make this direction non-periodic", name(k))
			}
			continue
		}
		given[k] = true
	}
	complete(&a, given)
	n := Cross(a[1], a[2])
	det := dot(a[0], n)
	if !(math.Abs(det) > 1e-9*norm(a[0])*norm(a[1])*norm(a[2])) {
		return Cell{}, singular(a, det)
	}
	c := Cell{a: a, periodic: periodic, given: given, volume: math.Abs(det)}
	for k := range a {
		b := Cross(a[(k+1)%3], a[(k+2)%3])
		for l := range b {
			b[l] /= det
		}
		c.b[k], c.height[k] = b, 1/norm(b)
	}
	return c, nil
}

// singular says why the vectors span no volume.
func singular(a [3][3]float64, det float64) error {
	for k := range a {
		l := (k + 1) % 3
		if norm(Cross(a[k], a[l])) <= 1e-9*norm(a[k])*norm(a[l]) {
			return fmt.Errorf("domain: cell is singular: lattice vectors %s and %s are parallel: %v, %v", name(min(k, l)), name(max(k, l)), a[min(k, l)], a[max(k, l)])
		}
	}
	return fmt.Errorf("domain: cell is singular: its three lattice vectors lie in one plane (volume %.3g Å³): %v, %v, %v", math.Abs(det), a[0], a[1], a[2])
}

// complete replaces the missing vectors by unit vectors at right angles to all
// others, right-handed where one has the choice.
func complete(a *[3][3]float64, given [3]bool) {
	n := 0
	for _, g := range given {
		if !g {
			n++
		}
	}
	if n == 3 {
		*a = [3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}
		return
	}
	for k := range a {
		i, j := (k+1)%3, (k+2)%3
		switch {
		case n == 1 && !given[k]:
			a[k] = unit(Cross(a[i], a[j]))
		case n == 2 && given[k]:
			u := unit(a[k])
			e := i // the axis that a wire along axis k leaves free
			if math.Abs(u[e]) > 0.9 {
				e = j
			}
			var v [3]float64
			v[e] = 1
			for l := range v {
				v[l] -= u[e] * u[l]
			}
			a[i] = unit(v)
			a[j] = Cross(u, a[i])
		}
	}
}

// Vectors are the lattice vectors, as rows (Å).
func (c *Cell) Vectors() [3][3]float64 { return c.a }

// Periodic says along which lattice vectors the cell is repeated.
func (c *Cell) Periodic() [3]bool { return c.periodic }

// Given is whether all three lattice vectors were given to NewCell; where one
// was completed, the volume has no meaning.
func (c *Cell) Given() bool { return c.given == [3]bool{true, true, true} }

// AsGiven are the lattice vectors as rows (Å), zero where none was given to
// NewCell: what a file shall say, and what NewCell makes the same cell of, to
// the last bit.
func (c *Cell) AsGiven() [3][3]float64 {
	a := c.a
	for k, given := range c.given {
		if !given {
			a[k] = [3]float64{}
		}
	}
	return a
}

// Volume is |det A|, Å³.
func (c *Cell) Volume() float64 { return c.volume }

// Height is the distance between the two faces that vector k leads across, Å.
func (c *Cell) Height(k int) float64 { return c.height[k] }

// Frac is the fractional coordinate s of the position x (Å): x = s·A.
func (c *Cell) Frac(x [3]float64) (s [3]float64) {
	for k := range s {
		s[k] = dot(x, c.b[k])
	}
	return s
}

// Bounds are the least and the largest fractional coordinates of positions, which
// NewPartition asks for; zero without any.
func (c *Cell) Bounds(x [][3]float64) (lo, hi [3]float64) {
	for i, v := range x {
		for k, f := range c.Frac(v) {
			if i == 0 || f < lo[k] {
				lo[k] = f
			}
			if i == 0 || f > hi[k] {
				hi[k] = f
			}
		}
	}
	return lo, hi
}

// Cart is the position x = s·A in Å of the fractional coordinate s.
func (c *Cell) Cart(s [3]float64) (x [3]float64) {
	for k := range s {
		for l := range x {
			x[l] += s[k] * c.a[k][l]
		}
	}
	return x
}

// Shift is the translation m·A in Å of an integer image shift m.
func (c *Cell) Shift(m [3]int32) [3]float64 {
	return c.Cart([3]float64{float64(m[0]), float64(m[1]), float64(m[2])})
}

// Wrap moves x into the cell along the periodic directions. It returns the
// position there and the number of lattice vectors that were subtracted: x is
// wrapped + shift·A. Fractional coordinates are then in [−1e-12, 1−1e-12), so
// that an atom on a face stays where it is. A coordinate that is not finite, or
// beyond 2³⁰ cells, is returned as it came; Migrate rejects such atoms.
func (c *Cell) Wrap(x [3]float64) (wrapped [3]float64, shift [3]int32) {
	s := c.Frac(x)
	for k, p := range c.periodic {
		if !p {
			continue
		}
		f := math.Floor(s[k])
		if s[k]-f >= 1-wrapSlack {
			f++
		}
		if !(math.Abs(f) < 1<<30) {
			return x, [3]int32{}
		}
		shift[k] = int32(f)
	}
	if shift == ([3]int32{}) {
		return x, shift
	}
	t := c.Shift(shift)
	for l := range x {
		x[l] -= t[l]
	}
	return x, shift
}

// Unwrap is where an atom at x has gone to across the faces of the cell, when Wrap has
// subtracted shift so far: x + shift·A.
func (c *Cell) Unwrap(x [3]float64, shift [3]int32) [3]float64 {
	t := c.Shift(shift)
	for k := range x {
		x[k] += t[k]
	}
	return x
}

// WithVectors is the cell with other lattice vectors (Å) and the same
// periodicity, as a barostat needs it. Those that were not given to NewCell are
// completed again.
func (c *Cell) WithVectors(a [3][3]float64) (Cell, error) {
	if c.volume == 0 {
		return Cell{}, errors.New("domain: WithVectors of a zero Cell")
	}
	for k, given := range c.given {
		if !given {
			a[k] = [3]float64{}
		}
	}
	return NewCell(a, c.periodic)
}

func name(k int) string { return "abc"[k : k+1] }

func dot(a, b [3]float64) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

func norm(a [3]float64) float64 { return math.Sqrt(dot(a, a)) }

// Cross is the vector product a × b.
func Cross(a, b [3]float64) (c [3]float64) {
	for k := range c {
		i, j := (k+1)%3, (k+2)%3
		c[k] = a[i]*b[j] - a[j]*b[i]
	}
	return c
}

func unit(a [3]float64) [3]float64 {
	n := norm(a)
	for k := range a {
		a[k] /= n
	}
	return a
}
