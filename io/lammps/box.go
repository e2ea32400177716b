package lammps

import (
	"errors"
	"fmt"
	"math"

	"github.com/wigner-md/wigner/domain"
)

// Box is the periodic cell: a corner and three vectors (rows, Å).
type Box struct {
	Origin   [3]float64
	Vectors  [3][3]float64
	Periodic [3]bool
}

// restricted is whether the vectors are LAMMPS's: a along x, b in the xy plane,
// and a positive diagonal.
func restricted(v [3][3]float64) bool {
	return v[0][1] == 0 && v[0][2] == 0 && v[1][2] == 0 && v[0][0] > 0 && v[1][1] > 0 && v[2][2] > 0
}

// Turn is a rotation: the rows are the new axes in old coordinates.
type Turn [3][3]float64

// Identity turns nothing.
func (t *Turn) Identity() bool { return *t == Turn{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}} }

// Apply is a vector in the new axes.
func (t *Turn) Apply(x [3]float64) (y [3]float64) {
	for k := range y {
		y[k] = dot(t[k], x)
	}
	return y
}

// Orient gives the rotation after which lattice vectors are as LAMMPS wants them,
// and these vectors. Vectors that are so already stay as they are, to the last bit.
// Left-handed ones cannot be turned so.
func Orient(v [3][3]float64) (Turn, [3][3]float64, error) {
	t := Turn{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}
	if restricted(v) {
		return t, v, nil
	}
	n := domain.Cross(v[0], v[1])
	switch det := dot(n, v[2]); {
	case det < 0:
		return t, v, errors.New("the lattice vectors are left-handed, which LAMMPS does not allow: exchange two of them")
	case !(det > 0):
		return t, v, fmt.Errorf("the lattice vectors %v span no volume", v)
	}
	t[0], t[2] = unit(v[0]), unit(n)
	t[1] = domain.Cross(t[2], t[0])
	out := [3][3]float64{t.Apply(v[0]), t.Apply(v[1]), t.Apply(v[2])}
	out[0][1], out[0][2], out[1][2] = 0, 0, 0 // but for rounding they are
	return t, out, nil
}

// boxOf makes vectors of the lengths and tilts of a restricted box.
func boxOf(lo, hi, tilt [3]float64) Box {
	b := Box{Origin: lo}
	for k := range lo {
		b.Vectors[k][k] = hi[k] - lo[k]
	}
	b.Vectors[1][0], b.Vectors[2][0], b.Vectors[2][1] = tilt[0], tilt[1], tilt[2]
	return b
}

// bounds are lo, hi and the tilts xy, xz, yz of a box with restricted vectors.
func (b *Box) bounds() (lo, hi, tilt [3]float64) {
	lo = b.Origin
	for k := range lo {
		hi[k] = lo[k] + b.Vectors[k][k]
	}
	return lo, hi, [3]float64{b.Vectors[1][0], b.Vectors[2][0], b.Vectors[2][1]}
}

func (b *Box) check() error {
	for k, v := range b.Vectors {
		for _, x := range append(v[:], b.Origin[k]) {
			if math.IsNaN(x) || math.IsInf(x, 0) {
				return errors.New("the box is not finite")
			}
		}
	}
	if !(math.Abs(dot(domain.Cross(b.Vectors[0], b.Vectors[1]), b.Vectors[2])) > 0) {
		return errors.New("the box has no volume")
	}
	return nil
}

func dot(a, b [3]float64) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

func unit(a [3]float64) [3]float64 {
	n := math.Sqrt(dot(a, a))
	for k := range a {
		a[k] /= n
	}
	return a
}
