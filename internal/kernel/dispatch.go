package kernel

// The vector versions. Each returns false when there is none for this
// processor or these sizes, and the plain loops are used.

func gemm32(M int, a []float32, lda int, b Matrix[float32], c []float32, ldc int, add bool) bool {
	return false
}

func gateForward32[T Float](g *Gate, n int, y []T, wy int, x []T, wx int) bool { return false }

func gateBackward32[T Float](g *Gate, n int, y []T, wy int, gx []T, wx int) bool { return false }

// NewConv32 is the fastest Conv for a shape with a tabulated radial function.
func NewConv32(s *Shape, t *Table) Conv[float32] { return NewLoops[float32](s, t) }
