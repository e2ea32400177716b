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
			for k := range a0 {
				p := panel[k*w:][:w]
				x0, x1, x2, x3 := a0[k], a1[k], a2[k], a3[k]
				for j, v := range p {
					c0[j] += x0 * v
					c1[j] += x1 * v
					c2[j] += x2 * v
					c3[j] += x3 * v
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
