//go:build !amd64 || noasm

package kernel

func polyForward32(path, *Contraction[float32], int, []float32, []float32, []float32) bool {
	return false
}

func polyBackward32(path, *Contraction[float32], int, []float32, []float32, []float32, []float32) bool {
	return false
}
