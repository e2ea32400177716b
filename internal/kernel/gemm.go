package kernel

import "unsafe"

// Matrix is a K×N matrix packed for Gemm: panels of so many columns as the tiles
// of the path in use have, each [K][width], the last one narrower where N is not
// a multiple.
type Matrix[T Float] struct {
	K, N  int
	panel int // columns of a panel
	b     []T
}

// panelWidth is two vectors of the path.
func panelWidth[T Float](p path) int {
	var t T
	_, single := any(t).(float32)
	switch {
	case p == generic:
		return 2
	case p >= avx512 && single:
		return 32
	case p == avx2 && !single:
		return 8
	}
	return 16
}

// Pack packs scale·w, w row-major [K][N].
func Pack[T Float](w []float64, K, N int, scale float64) Matrix[T] {
	return pack[T](choice, w, K, N, scale)
}

func pack[T Float](p path, w []float64, K, N int, scale float64) Matrix[T] {
	m := Matrix[T]{K: K, N: N, panel: panelWidth[T](p)}
	m.b = Make[T](K*N + m.panel)[:K*N] // tiles may read behind the last row
	at := 0
	for n := 0; n < N; n += m.panel {
		for k := range K {
			for j := n; j < min(n+m.panel, N); j++ {
				m.b[at] = T(scale * w[k*N+j])
				at++
			}
		}
	}
	return m
}

// PackT packs scale·wᵀ, w row-major [N][K]: the map back.
func PackT[T Float](w []float64, K, N int, scale float64) Matrix[T] {
	t := make([]float64, len(w))
	for n := range N {
		for k := range K {
			t[k*N+n] = w[n*K+k]
		}
	}
	return Pack[T](t, K, N, scale)
}

// Gemm is C = A·B, or C += A·B with add, for M rows: row i of A begins at
// a[i·lda] and has B.K numbers, row i of C at c[i·ldc] and has B.N.
func Gemm[T Float](M int, a []T, lda int, b Matrix[T], c []T, ldc int, add bool) {
	if f, ok := any(&b).(*Matrix[float32]); ok && gemm32(choice, M, any(a).([]float32), lda, f, any(c).([]float32), ldc, add) {
		return
	}
	if f, ok := any(&b).(*Matrix[float64]); ok && gemm64(choice, M, any(a).([]float64), lda, f, any(c).([]float64), ldc, add) {
		return
	}
	gemmLoops(M, a, lda, b, c, ldc, add)
}

// gemmLoops is Gemm in plain loops: tiles of three rows and two columns, whose
// sums and products have a register each.
func gemmLoops[T Float](M int, a []T, lda int, b Matrix[T], c []T, ldc int, add bool) {
	if !add {
		for i := range M {
			clear(c[i*ldc:][:b.N])
		}
	}
	at := 0
	for n := 0; n < b.N; n += b.panel {
		w := min(b.panel, b.N-n)
		panel := b.b[at : at+b.K*w]
		at += b.K * w
		i := 0
		if w == 2 && b.K > 0 {
			pairs := unsafe.Slice((*[2]T)(unsafe.Pointer(&panel[0])), b.K)
			for ; i+3 <= M; i += 3 {
				tile3x2(a[i*lda:], a[(i+1)*lda:], a[(i+2)*lda:], pairs, (*[2]T)(c[i*ldc+n:]), (*[2]T)(c[(i+1)*ldc+n:]), (*[2]T)(c[(i+2)*ldc+n:]))
			}
		}
		for ; i < M; i++ {
			ai, ci := a[i*lda:][:b.K], c[i*ldc+n:][:w]
			for k, x := range ai {
				axpy(x, panel[k*w:][:w], ci)
			}
		}
	}
}

// tile3x2 adds three rows of A times two columns.
func tile3x2[T Float](a0, a1, a2 []T, p [][2]T, c0, c1, c2 *[2]T) {
	a0, a1, a2 = a0[:len(p)], a1[:len(p)], a2[:len(p)]
	var s00, s01, s10, s11, s20, s21 T
	for k := range p {
		v0, v1 := p[k][0], p[k][1]
		x := a0[k]
		s00 += x * v0
		s01 += x * v1
		x = a1[k]
		s10 += x * v0
		s11 += x * v1
		x = a2[k]
		s20 += x * v0
		s21 += x * v1
	}
	c0[0] += s00
	c0[1] += s01
	c1[0] += s10
	c1[1] += s11
	c2[0] += s20
	c2[1] += s21
}
