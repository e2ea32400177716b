package relax

import (
	"math"

	"github.com/wigner-md/wigner/comm"
)

// longest is collective: the longest displacement of an atom in a column.
func (r *run) longest(t int) (float64, error) {
	top := []float64{0}
	for _, u := range r.e.Atoms.Tow[t][:r.e.Atoms.N] {
		top[0] = max(top[0], u[0]*u[0]+u[1]*u[1]+u[2]*u[2])
	}
	err := r.e.Comm.Allreduce(top, comm.Max)
	return math.Sqrt(top[0]), err
}

// largest is collective: the largest component of columns, in magnitude.
func (r *run) largest(columns ...int) ([]float64, error) {
	top := make([]float64, len(columns))
	for j, t := range columns {
		for _, u := range r.e.Atoms.Tow[t][:r.e.Atoms.N] {
			for _, x := range u {
				top[j] = max(top[j], math.Abs(x))
			}
		}
		for _, row := range r.cell[t] {
			for _, x := range row {
				top[j] = max(top[j], math.Abs(x))
			}
		}
	}
	return top, r.e.Comm.Allreduce(top, comm.Max)
}

// product is one that is asked for; scale is about the product of the largest
// components: its terms are divided by it before they are summed in fixed point.
type product struct {
	a, b  int
	scale float64
}

// dots is collective: the products, in one reduction.
func (r *run) dots(pairs []product) ([]float64, error) {
	sums, out := make([]comm.Fixed, len(pairs)), make([]float64, len(pairs))
	tow, n := r.e.Atoms.Tow, r.e.Atoms.N
	for j := range pairs {
		p := &pairs[j]
		if p.scale = power(p.scale); p.scale == 0 {
			continue
		}
		b := tow[p.b][:n]
		for i, u := range tow[p.a][:n] {
			sums[j].Add((u[0]*b[i][0] + u[1]*b[i][1] + u[2]*b[i][2]) / p.scale)
		}
	}
	if err := comm.SumFixed(r.e.Comm, sums); err != nil {
		return nil, err
	}
	for j, p := range pairs {
		out[j] = sums[j].Value() * p.scale
		for k := range 3 {
			for l := range 3 {
				out[j] += r.cell[p.a][k][l] * r.cell[p.b][k][l]
			}
		}
	}
	return out, nil
}

// power is the power of two at or below x > 0: dividing by it rounds nothing.
func power(x float64) float64 {
	if !(x > 0) || math.IsInf(x, 0) {
		return 0
	}
	_, e := math.Frexp(x)
	return math.Ldexp(1, max(e-1, -1000))
}

// scale multiplies a column.
func (r *run) scale(t int, s float64) {
	for i := range r.e.Atoms.Tow[t][:r.e.Atoms.N] {
		for k := range 3 {
			r.e.Atoms.Tow[t][i][k] *= s
		}
	}
	for k := range 3 {
		for l := range 3 {
			r.cell[t][k][l] *= s
		}
	}
}

// axpy adds s times column a to column t.
func (r *run) axpy(t int, s float64, a int) {
	y, x := r.e.Atoms.Tow[t], r.e.Atoms.Tow[a]
	for i := range r.e.Atoms.N {
		for k := range 3 {
			y[i][k] += s * x[i][k]
		}
	}
	for k := range 3 {
		for l := range 3 {
			r.cell[t][k][l] += s * r.cell[a][k][l]
		}
	}
}

// set copies s times column a into column t.
func (r *run) set(t int, s float64, a int) {
	clear(r.e.Atoms.Tow[t])
	r.cell[t] = [3][3]float64{}
	r.axpy(t, s, a)
}
