package train

import (
	"fmt"
	"math"

	"github.com/wigner-md/wigner/internal/philox"
)

// Turned is the augmentation of training data by rotations: after the structures as they
// are, copies−1 of each, turned about the mean of its positions by rotations that are
// uniform over SO(3) and a function of seed, structure and copy. Cells, forces and
// stresses turn along, and a target of three numbers; a vector or tensor of which a component is missing is missing in
// the copies.
func Turned(list []*Structure, copies int, seed uint64) []*Structure {
	out := append([]*Structure(nil), list...)
	for c := 1; c < copies; c++ {
		for k, s := range list {
			t := s.turned(rotation(seed, uint64(k), uint64(c)))
			t.Source = fmt.Sprintf("%s, turned copy %d", s.Source, c)
			out = append(out, t)
		}
	}
	return out
}

// rotation is of a unit quaternion whose components are normal numbers.
func rotation(seed, i, j uint64) [3][3]float64 {
	a, b := philox.Normal(seed, philox.Turns, i, 2*j), philox.Normal(seed, philox.Turns, i, 2*j+1)
	q := [4]float64{a[0], a[1], a[2], b[0]}
	n := math.Sqrt(q[0]*q[0] + q[1]*q[1] + q[2]*q[2] + q[3]*q[3])
	for k := range q {
		q[k] /= n
	}
	w, x, y, z := q[0], q[1], q[2], q[3]
	return [3][3]float64{
		{1 - 2*(y*y+z*z), 2 * (x*y - w*z), 2 * (x*z + w*y)},
		{2 * (x*y + w*z), 1 - 2*(x*x+z*z), 2 * (y*z - w*x)},
		{2 * (x*z - w*y), 2 * (y*z + w*x), 1 - 2*(x*x+y*y)},
	}
}

// turned is the structure with each vector v replaced by R·v.
func (s *Structure) turned(r [3][3]float64) *Structure {
	apply := func(v [3]float64) (w [3]float64) {
		for k := range w {
			for l := range v {
				w[k] += r[k][l] * v[l]
			}
		}
		return w
	}
	t := s.Clone()
	if len(s.Target) == 3 {
		v := apply([3]float64(s.Target))
		t.Target = v[:]
	}
	for k, v := range s.Cell {
		t.Cell[k] = apply(v)
	}
	var mean [3]float64
	for _, x := range s.X {
		for k := range mean {
			mean[k] += x[k] / float64(len(s.X))
		}
	}
	t.X = make([][3]float64, len(s.X))
	for i, x := range s.X {
		for k := range x {
			x[k] -= mean[k]
		}
		x = apply(x)
		for k := range x {
			t.X[i][k] = x[k] + mean[k]
		}
	}
	if s.Forces != nil {
		t.Forces = make([][3]float64, len(s.Forces))
		for i, f := range s.Forces {
			t.Forces[i] = apply(f)
		}
	}
	t.Stress = [3][3]float64{}
	for k := range 3 {
		for l := range 3 {
			for m := range 3 {
				for n := range 3 {
					t.Stress[k][l] += r[k][m] * r[l][n] * s.Stress[m][n]
				}
			}
		}
	}
	return t
}
