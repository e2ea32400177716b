package mace

import (
	"math"

	"github.com/wigner-md/wigner/internal/kernel"
)

// network is a radial network in one precision; it is shared.
type network[T kernel.Float] struct {
	*mlp
	basis *radialBasis
	m     []kernel.Matrix[T]
	raw   bool // without the envelope, even where the basis has none
}

func newNetwork[T kernel.Float](m *mlp, b *radialBasis, raw bool) *network[T] {
	n := &network[T]{mlp: m, basis: b, raw: raw}
	for _, s := range m.stages {
		n.m = append(n.m, kernel.Pack[T](s.m.W, s.m.K, s.m.N, 1))
	}
	return n
}

// context tells of what species atoms are.
type context struct {
	centre int32   // of the atom whose edges are loaded
	rows   []int32 // by feature row
}

// radial evaluates a radial network for a batch of edges. It is a kernel.Radial and
// has scratch: one for each goroutine.
type radial[T kernel.Float] struct {
	*network[T]
	of   *context
	h, z []T // rows of a stage's input and output: values, then slopes
	pair []int
	f    [][2]float64 // envelope and slope
}

// Weights is part of kernel.Radial.
func (r *radial[T]) Weights(e *kernel.Edges[T], from, to int, w, dw []T) {
	n := to - from
	r.room(n)
	i := int(r.of.centre)
	for k := range n {
		j := int(r.of.rows[e.J[from+k]])
		r.load(k, n, float64(e.R[from+k]), i, j, dw != nil)
	}
	r.evaluate(n, w, dw)
}

// at evaluates one distance of a pair of species.
func (r *radial[T]) at(d float64, i, j int, w, dw []T) {
	r.room(1)
	r.load(0, 1, d, i, j, dw != nil)
	r.evaluate(1, w, dw)
}

func (r *radial[T]) room(n int) {
	r.h = kernel.Room(r.h, 2*n*len(r.basis.freq))
	r.pair, r.f = kernel.Room(r.pair, n), kernel.Room(r.f, n)
}

func (r *radial[T]) load(k, n int, d float64, i, j int, slopes bool) {
	nb := len(r.basis.freq)
	var dv []T
	if slopes {
		dv = r.h[(n+k)*nb:][:nb]
	}
	r.f[k][0], r.f[k][1] = set(r.basis, d, i, j, r.h[k*nb:][:nb], dv)
	r.pair[k] = j*r.n + i
}

// evaluate takes the basis in h (n rows of values, then n of slopes unless dw is nil)
// through the stages; a slope is the tangent of the same maps.
func (r *radial[T]) evaluate(n int, w, dw []T) {
	rows := n
	if dw != nil {
		rows = 2 * n
	}
	last := len(r.stages) - 1
	for k := range r.stages {
		s, m := &r.stages[k], r.m[k]
		r.z = kernel.Room(r.z, rows*m.N)
		kernel.Gemm(rows, r.h, m.K, m, r.z, m.N, false)
		for i := range n {
			z := r.z[i*m.N:][:m.N]
			add := s.bias
			if k == 0 && r.mlp.pair != nil {
				add = r.mlp.pair[r.pair[i]]
			}
			for v, b := range add {
				z[v] += T(b)
			}
			var dz []T
			if dw != nil {
				dz = r.z[(n+i)*m.N:][:m.N]
			}
			if s.norm != nil {
				normalise(s.norm, z, dz)
			}
			if s.silu != 0 {
				kernel.Silu(s.silu, z, dz)
			}
		}
		if k < last {
			r.h, r.z = r.z, r.h
		}
	}
	nw := r.m[last].N
	copy(w[:n*nw], r.z)
	if dw != nil {
		copy(dw[:n*nw], r.z[n*nw:])
	}
	if !r.basis.applied && !r.raw {
		r.envelope(n, nw, w, dw)
	}
}

// envelope multiplies the results by f.
func (r *radial[T]) envelope(n, nw int, w, dw []T) {
	for i := range n {
		f, df := T(r.f[i][0]), T(r.f[i][1])
		for v, x := range w[i*nw:][:nw] {
			if dw != nil {
				dw[i*nw+v] = dw[i*nw+v]*f + x*df
			}
			w[i*nw+v] = x * f
		}
	}
}

// normalise is LayerNorm over z, and its tangent over dz.
func normalise[T kernel.Float](q *norm, z, dz []T) {
	n := float64(len(z))
	mean, dmean := 0.0, 0.0
	for _, v := range z {
		mean += float64(v) / n
	}
	for _, v := range dz {
		dmean += float64(v) / n
	}
	variance, dvar := 0.0, 0.0
	for k, v := range z {
		d := float64(v) - mean
		variance += d * d / n
		if len(dz) > 0 {
			dvar += 2 * d * (float64(dz[k]) - dmean) / n
		}
	}
	s := 1 / math.Sqrt(variance+q.eps)
	ds := -0.5 * s * s * s * dvar
	for k, v := range z {
		d := float64(v) - mean
		z[k] = T(d*s*q.weight[k] + q.bias[k])
		if len(dz) > 0 {
			dz[k] = T(((float64(dz[k])-dmean)*s + d*ds) * q.weight[k])
		}
	}
}
