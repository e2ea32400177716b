//go:build !amd64 || noasm

package kernel

func detected() path { return generic }

func gemm32(p path, M int, a []float32, lda int, b *Matrix[float32], c []float32, ldc int, add bool) bool {
	return false
}

func peak32(path, int) (flops int) { return 0 }
