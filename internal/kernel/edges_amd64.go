//go:build amd64 && !noasm

package kernel

// geometry32 is Geometry by vectors over the edges.
func geometry32(p path, e *Edges[float32]) bool {
	if p == generic || e.LMax > 3 {
		return false
	}
	f := geometryAVX512
	if p == avx2 {
		f = geometryAVX2
	}
	f(e.Stride, e.LMax, e.Unit, &e.D[0][0], &e.D[1][0], &e.D[2][0], &e.U[0][0], &e.U[1][0], &e.U[2][0], &e.R[0], &e.Y[0])
	return true
}

// gradient32 leaves the gradient by axes in e.g.
func gradient32(p path, e *Edges[float32]) bool {
	if p == generic || e.LMax > 3 {
		return false
	}
	f := gradientAVX512
	if p == avx2 {
		f = gradientAVX2
	}
	v := &e.D
	if e.Unit {
		v = &e.U
	}
	f(e.Stride, e.LMax, e.Unit, &v[0][0], &v[1][0], &v[2][0], &e.U[0][0], &e.U[1][0], &e.U[2][0], &e.R[0], &e.GR[0], &e.GY[0], &e.g[0])
	return true
}

// edgeSums32 makes the sums that Gradient returns.
func edgeSums32(p path, e *Edges[float32], sum *[3]float64, virial *[3][3]float64) bool {
	if p < avx512 {
		return false
	}
	edgeSumsAVX512(e.N, &e.D[0][0], &e.D[1][0], &e.D[2][0], &e.G[0][0], &e.G[1][0], &e.G[2][0], &sum[0], &virial[0][0])
	return true
}
