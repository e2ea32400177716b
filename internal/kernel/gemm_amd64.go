//go:build amd64 && !noasm

package kernel

// gemm32 is Gemm by register tiles: all panels, each with the tiles of as many
// rows as fit.
func gemm32(p path, M int, a []float32, lda int, b *Matrix[float32], c []float32, ldc int, add bool) bool {
	if p == generic || M == 0 || b.K == 0 || b.panel != panelWidth[float32](p) {
		return false
	}
	_, _ = a[(M-1)*lda+b.K-1], c[(M-1)*ldc+b.N-1]
	at := 0
	for n := 0; n < b.N; n += b.panel {
		w := min(b.panel, b.N-n)
		if p >= avx512 {
			panel512(M, b.K, a, lda, b.b[at:], w, c[n:], ldc, add)
		} else {
			panel256(M, b.K, a, lda, b.b[at:], w, c[n:], ldc, add)
		}
		at += b.K * w
	}
	return true
}

// panel512 multiplies with one panel of w ≤ 32 columns.
func panel512(M, K int, a []float32, lda int, b []float32, w int, c []float32, ldc int, add bool) {
	i := 0
	for _, R := range [...]int{12, 6, 4, 2, 1} {
		t := (M - i) / R
		if t == 0 {
			continue
		}
		a, b, c, la, lb, lc := &a[i*lda], &b[0], &c[i*ldc], 4*lda, 4*w, 4*ldc
		if w == 32 {
			switch R {
			case 12:
				gemm12AVX512(t, K, a, la, b, lb, c, lc, add)
			case 6:
				gemm6AVX512(t, K, a, la, b, lb, c, lc, add)
			case 4:
				gemm4AVX512(t, K, a, la, b, lb, c, lc, add)
			case 2:
				gemm2AVX512(t, K, a, la, b, lb, c, lc, add)
			case 1:
				gemm1AVX512(t, K, a, la, b, lb, c, lc, add)
			}
		} else {
			m := uint32(1)<<w - 1
			switch R {
			case 12:
				gemm12MaskAVX512(t, K, a, la, b, lb, c, lc, add, m)
			case 6:
				gemm6MaskAVX512(t, K, a, la, b, lb, c, lc, add, m)
			case 4:
				gemm4MaskAVX512(t, K, a, la, b, lb, c, lc, add, m)
			case 2:
				gemm2MaskAVX512(t, K, a, la, b, lb, c, lc, add, m)
			case 1:
				gemm1MaskAVX512(t, K, a, la, b, lb, c, lc, add, m)
			}
		}
		i += t * R
	}
}

// panel256 multiplies with one panel of w ≤ 16 columns.
func panel256(M, K int, a []float32, lda int, b []float32, w int, c []float32, ldc int, add bool) {
	i := 0
	for _, R := range [...]int{6, 4, 2, 1} {
		t := (M - i) / R
		if t == 0 {
			continue
		}
		a, b, c, la, lb, lc := &a[i*lda], &b[0], &c[i*ldc], 4*lda, 4*w, 4*ldc
		if w == 16 {
			switch R {
			case 6:
				gemm6AVX2(t, K, a, la, b, lb, c, lc, add)
			case 4:
				gemm4AVX2(t, K, a, la, b, lb, c, lc, add)
			case 2:
				gemm2AVX2(t, K, a, la, b, lb, c, lc, add)
			case 1:
				gemm1AVX2(t, K, a, la, b, lb, c, lc, add)
			}
		} else {
			m := &laneMask[16-w]
			switch R {
			case 6:
				gemm6MaskAVX2(t, K, a, la, b, lb, c, lc, add, m)
			case 4:
				gemm4MaskAVX2(t, K, a, la, b, lb, c, lc, add, m)
			case 2:
				gemm2MaskAVX2(t, K, a, la, b, lb, c, lc, add, m)
			case 1:
				gemm1MaskAVX2(t, K, a, la, b, lb, c, lc, add, m)
			}
		}
		i += t * R
	}
}

// laneMask[16−n:] begins with n lanes that are on.
var laneMask = [32]int32{-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}

// gemm64 is Gemm in double precision by register tiles.
func gemm64(p path, M int, a []float64, lda int, b *Matrix[float64], c []float64, ldc int, add bool) bool {
	if p == generic || M == 0 || b.K == 0 || b.panel != panelWidth[float64](p) || cap(b.b) < b.K*b.N+b.panel {
		return false
	}
	_, _ = a[(M-1)*lda+b.K-1], c[(M-1)*ldc+b.N-1]
	at := 0
	for n := 0; n < b.N; n += b.panel {
		w := min(b.panel, b.N-n)
		m, pb := &laneMask64[len(laneMask64)/2-w], &b.b[at]
		for i := 0; i < M; {
			pa, pc := &a[i*lda], &c[i*ldc+n]
			r := M - i
			switch {
			case p >= avx512 && r >= 12:
				r = 12
				gemm64x12AVX512(b.K, pa, 8*lda, pb, 8*w, pc, 8*ldc, add, m)
			case p >= avx512 && r >= 4:
				r = 4
				gemm64x4AVX512(b.K, pa, 8*lda, pb, 8*w, pc, 8*ldc, add, m)
			case p >= avx512:
				r = 1
				gemm64x1AVX512(b.K, pa, 8*lda, pb, 8*w, pc, 8*ldc, add, m)
			case r >= 6:
				r = 6
				gemm64x6AVX2(b.K, pa, 8*lda, pb, 8*w, pc, 8*ldc, add, m)
			case r >= 2:
				r = 2
				gemm64x2AVX2(b.K, pa, 8*lda, pb, 8*w, pc, 8*ldc, add, m)
			default:
				r = 1
				gemm64x1AVX2(b.K, pa, 8*lda, pb, 8*w, pc, 8*ldc, add, m)
			}
			i += r
		}
		at += b.K * w
	}
	return true
}

// laneMask64[16−n:] begins with n lanes that are on.
var laneMask64 = [32]int64{-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1}

// peak32 does rounds of register-only multiply-adds and returns their number
// of operations.
func peak32(p path, rounds int) (flops int) {
	switch p {
	case avx512, avx512fma:
		peakAVX512(rounds)
		return rounds * 24 * 16 * 2
	case avx2:
		peakAVX2(rounds)
		return rounds * 12 * 8 * 2
	}
	return 0
}
