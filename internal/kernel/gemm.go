package kernel

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
		return 4
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

// gemmLoops is Gemm in plain loops: tiles of two rows and four columns, sums in
// registers.
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
		for ; i+2 <= M; i += 2 {
			a0, a1 := a[i*lda:][:b.K], a[(i+1)*lda:][:b.K]
			c0, c1 := c[i*ldc+n:][:w], c[(i+1)*ldc+n:][:w]
			j := 0
			for ; j+4 <= w; j += 4 {
				tile2x4(a0, a1, panel[j:], w, (*[4]T)(c0[j:]), (*[4]T)(c1[j:]))
			}
			for ; j < w; j++ {
				c0[j] += column(a0, panel[j:], w)
				c1[j] += column(a1, panel[j:], w)
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

// tile2x4 adds two rows of A times four columns of a panel of width w.
func tile2x4[T Float](a0, a1, p []T, w int, c0, c1 *[4]T) {
	a1 = a1[:len(a0)]
	var s00, s01, s02, s03, s10, s11, s12, s13 T
	at := 0
	for k, x0 := range a0 {
		q := (*[4]T)(p[at:])
		at += w
		x1 := a1[k]
		v := q[0]
		s00 += x0 * v
		s10 += x1 * v
		v = q[1]
		s01 += x0 * v
		s11 += x1 * v
		v = q[2]
		s02 += x0 * v
		s12 += x1 * v
		v = q[3]
		s03 += x0 * v
		s13 += x1 * v
	}
	c0[0] += s00
	c0[1] += s01
	c0[2] += s02
	c0[3] += s03
	c1[0] += s10
	c1[1] += s11
	c1[2] += s12
	c1[3] += s13
}

// column is a row of A times one column of a panel of width w.
func column[T Float](a, p []T, w int) (s T) {
	at := 0
	for _, x := range a {
		s += x * p[at]
		at += w
	}
	return s
}
