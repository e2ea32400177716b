package nequip

import (
	"math"

	"github.com/wigner-md/wigner/internal/kernel"
)

// radialWeights is the radial network of one layer: basis, envelope and packed
// matrices.
type radialWeights[T kernel.Float] struct {
	coeffs []float64
	rc     float64
	f      envelope
	mlp    []kernel.Matrix[T]
}

func newRadialWeights[T kernel.Float](m *Model, t int) *radialWeights[T] {
	r := &radialWeights[T]{coeffs: m.coeffs, rc: m.cfg.cutoff, f: m.cfg.envelope}
	for _, q := range m.layer[t].mlp {
		r.mlp = append(r.mlp, kernel.Pack[T](q.W, q.K, q.N, 1))
	}
	return r
}

// radial evaluates a radial network for a batch of distances. It is a
// kernel.Radial and has scratch: one per goroutine.
type radial[T kernel.Float] struct {
	*radialWeights[T]
	h, z []T // rows of a layer's input and output: values, then slopes
}

// Weights is part of kernel.Radial.
func (r *radial[T]) Weights(e *kernel.Edges[T], from, to int, w, dw []T) {
	n := to - from
	rows := n
	if dw != nil {
		rows = 2 * n
	}
	nb := len(r.coeffs)
	r.h = kernel.Room(r.h, rows*nb)
	for k := range n {
		d := float64(e.R[from+k])
		p := r.f.piece(d)
		if dw == nil {
			r.basis(d, p, r.h[k*nb:], nil)
		} else {
			r.basis(d, p, r.h[k*nb:], r.h[(n+k)*nb:])
		}
	}
	r.network(n, w, dw)
}

// at evaluates one distance with the envelope's formula of a piece.
func (r *radial[T]) at(d float64, piece int, w, dw []T) {
	nb := len(r.coeffs)
	r.h = kernel.Room(r.h, 2*nb)
	r.basis(d, piece, r.h, r.h[nb:])
	r.network(1, w, dw)
}

// basis writes b_n(r) = (2/r_c) sin(c_n r)/r · f(r) and, unless db is nil, b_n′.
func (r *radial[T]) basis(d float64, piece int, b, db []T) {
	f, df := r.f.at(d, piece)
	for n, c := range r.coeffs {
		sin, cos := math.Sincos(c * d)
		q := 2 / r.rc * sin / d
		b[n] = T(q * f)
		if db != nil {
			dq := 2 / r.rc * (c*cos - sin/d) / d
			db[n] = T(dq*f + q*df)
		}
	}
}

// network takes the basis in h (n rows of values, then n of slopes unless dw is
// nil) through the layers; a slope is the tangent of the same maps.
func (r *radial[T]) network(n int, w, dw []T) {
	last := len(r.mlp) - 1
	for k, m := range r.mlp {
		if k == last {
			kernel.Gemm(n, r.h, m.K, m, w, m.N, false)
			if dw != nil {
				kernel.Gemm(n, r.h[n*m.K:], m.K, m, dw, m.N, false)
			}
			return
		}
		rows := n
		if dw != nil {
			rows = 2 * n
		}
		r.z = kernel.Room(r.z, rows*m.N)
		kernel.Gemm(rows, r.h, m.K, m, r.z, m.N, false)
		kernel.Silu(actSilu, r.z[:n*m.N], r.z[n*m.N:rows*m.N])
		r.h, r.z = r.z, r.h
	}
}
