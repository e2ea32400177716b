//go:build !amd64 || noasm

package kernel

func detected() path { return generic }

func gemm32(p path, M int, a []float32, lda int, b *Matrix[float32], c []float32, ldc int, add bool) bool {
	return false
}

func gemm64(p path, M int, a []float64, lda int, b *Matrix[float64], c []float64, ldc int, add bool) bool {
	return false
}

func peak32(path, int) (flops int) { return 0 }

func gateForward32(p path, g *Gate, n int, y []float32, wy int, x []float32, wx int) bool {
	return false
}

func gateBackward32(p path, g *Gate, n int, y []float32, wy int, gx []float32, wx int) bool {
	return false
}

func geometry32(path, *Edges[float32]) bool { return false }

func gradient32(path, *Edges[float32]) bool { return false }

func edgeSums32(path, *Edges[float32], *[3]float64, *[3][3]float64) bool { return false }

func newConv32(_ path, s *Shape, t *Table) Conv[float32] { return NewLoops[float32](s, t) }

func newLearner32(path, *Shape, *Table) Learner[float32] { return nil }

func mulRows(path, []float64, []float64, []float64) int { return 0 }

func axpyRows(path, float64, []float64, []float64) int { return 0 }

func axpyRows32(path, float32, []float32, []float32) int { return 0 }

func dotRows(path, []float64, []float64) (float64, int) { return 0, 0 }

func bellRows(p path, eta, shift float64, r, fc, dfc, f, df []float64) int { return 0 }

func cosineRows(p path, cutoff float64, r, fc, dfc []float64) int { return 0 }
