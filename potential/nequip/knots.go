package nequip

import (
	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/potential/linear"
)

// knots is a layer's radial network evaluated at the knots of its spline, forward and
// backward.
type knots[T kernel.Float] struct {
	spline *kernel.Spline[T]
	rows   int
	w, wt  []kernel.Matrix[T]
	h      [][]T  // input of each matrix, [knot][K]
	z      [][]T  // output of each matrix, [knot][N]
	g      [3][]T // scratch: gradients of outputs
	out    []T    // scratch: that of a matrix
	outer  kernel.Outer[T]
}

func newKnots[T kernel.Float](m *Model, layer, weights int) *knots[T] {
	k := &knots[T]{spline: kernel.NewSpline[T](m.segments(m.cfg.cutoff*step), weights)}
	k.rows = len(k.spline.Knots)
	r := &radial[T]{radialWeights: &radialWeights[T]{coeffs: m.coeffs, rc: m.cfg.cutoff, f: m.cfg.envelope}}
	nb := len(m.coeffs)
	basis, at := kernel.Make[T](k.rows*nb), 0
	for _, s := range k.spline.Segs {
		p := m.cfg.envelope.piece((s.A + s.B) / 2)
		for range s.N + 1 {
			r.basis(k.spline.Knots[at], p, basis[at*nb:], nil)
			at++
		}
	}
	k.h = append(k.h, basis)
	most, size := 0, 0
	for n, q := range m.layer[layer].mlp {
		k.w = append(k.w, kernel.Pack[T](q.W, q.K, q.N, 1))
		k.wt = append(k.wt, kernel.PackT[T](q.W, q.N, q.K, 1))
		k.z = append(k.z, kernel.Make[T](k.rows*q.N))
		if n > 0 {
			k.h = append(k.h, kernel.Make[T](k.rows*q.K))
		}
		most, size = max(most, q.N), max(size, q.K*q.N)
	}
	for n := range k.g {
		k.g[n] = kernel.Make[T](k.rows * most)
	}
	k.out = make([]T, size)
	return k
}

// forward evaluates the network with these weights and sets the spline.
func (k *knots[T]) forward(mlp []linear.Matrix) {
	last := len(mlp) - 1
	for n, q := range mlp {
		k.w[n].Repack(q.W)
		k.wt[n].RepackT(q.W)
		kernel.Gemm(k.rows, k.h[n], q.K, k.w[n], k.z[n], q.N, false)
		if n < last {
			kernel.GateForward(&kernel.Gate{A: actSilu, Scalars: q.N}, k.rows, k.z[n], q.N, k.h[n+1], q.N)
		}
	}
	k.spline.Set(k.z[last])
}

// backward adds the gradients of the matrices to grad, given that of the spline's
// coefficients, which it overwrites.
func (k *knots[T]) backward(coef []T, grad [][]float64) {
	last := len(k.w) - 1
	g, next, slope := k.g[0], k.g[1], k.g[2]
	clear(g[:k.rows*k.w[last].N])
	k.spline.Transpose(coef, g[:k.rows*k.w[last].N])
	for n := last; n >= 0; n-- {
		K, N := k.w[n].K, k.w[n].N
		out := k.out[:K*N]
		clear(out)
		k.outer.Add(k.rows, 1, k.h[n], K, 0, K, g, N, 0, N, out)
		widen(out, grad[n])
		if n == 0 {
			return
		}
		kernel.Gemm(k.rows, g, N, k.wt[n], next, K, false)
		copy(slope, k.z[n-1])
		kernel.GateBackward(&kernel.Gate{A: actSilu, Scalars: K}, k.rows, slope, K, next, K)
		g, next, slope = slope, g, next
	}
}
