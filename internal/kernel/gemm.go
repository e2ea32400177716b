package kernel

// PanelWidth is the number of columns of a packed panel.
const PanelWidth = 32

// Matrix is a K×N matrix packed for Gemm: panels of PanelWidth columns, each
// [K][width], the last one narrower where N is not a multiple.
type Matrix[T Float] struct {
	K, N int
	b    []T
}

// Pack packs scale·w, w row-major [K][N].
func Pack[T Float](w []float64, K, N int, scale float64) Matrix[T] {
	m := Matrix[T]{K: K, N: N, b: Make[T](K * N)}
	at := 0
	for n := 0; n < N; n += PanelWidth {
		for k := range K {
			for j := n; j < min(n+PanelWidth, N); j++ {
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
	gemmLoops(M, a, lda, b, c, ldc, add)
}

// gemmLoops is Gemm in plain loops, four rows at a time.
func gemmLoops[T Float](M int, a []T, lda int, b Matrix[T], c []T, ldc int, add bool) {
	if !add {
		for i := range M {
			clear(c[i*ldc:][:b.N])
		}
	}
	at := 0
	for n := 0; n < b.N; n += PanelWidth {
		w := min(PanelWidth, b.N-n)
		panel := b.b[at : at+b.K*w]
		at += b.K * w
		i := 0
		for ; i+4 <= M; i += 4 {
			a0, a1 := a[i*lda:][:b.K], a[(i+1)*lda:][:b.K]
			a2, a3 := a[(i+2)*lda:][:b.K], a[(i+3)*lda:][:b.K]
			c0, c1 := c[i*ldc+n:][:w], c[(i+1)*ldc+n:][:w]
			c2, c3 := c[(i+2)*ldc+n:][:w], c[(i+3)*ldc+n:][:w]
			j := 0
			for ; j+2 <= w; j += 2 {
				tile4x2(a0, a1, a2, a3, panel[j:], w, c0[j:], c1[j:], c2[j:], c3[j:])
			}
			if j < w {
				p := panel[j:]
				for k := range a0 {
					v := p[k*w]
					c0[j] += a0[k] * v
					c1[j] += a1[k] * v
					c2[j] += a2[k] * v
					c3[j] += a3[k] * v
				}
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

// tile4x2 adds four rows of A times two columns of a panel of width w, sums in
// registers.
func tile4x2[T Float](a0, a1, a2, a3, p []T, w int, c0, c1, c2, c3 []T) {
	a1, a2, a3 = a1[:len(a0)], a2[:len(a0)], a3[:len(a0)]
	var s00, s01, s10, s11, s20, s21, s30, s31 T
	at := 0
	for k, x0 := range a0 {
		q := p[at : at+2]
		at += w
		v0, v1 := q[0], q[1]
		x1, x2, x3 := a1[k], a2[k], a3[k]
		s00 += x0 * v0
		s01 += x0 * v1
		s10 += x1 * v0
		s11 += x1 * v1
		s20 += x2 * v0
		s21 += x2 * v1
		s30 += x3 * v0
		s31 += x3 * v1
	}
	c0[0] += s00
	c0[1] += s01
	c1[0] += s10
	c1[1] += s11
	c2[0] += s20
	c2[1] += s21
	c3[0] += s30
	c3[1] += s31
}
