//go:build amd64 && !noasm

package kernel

// gateForward32 is GateForward, block by block of channels.
func gateForward32(p path, g *Gate, n int, y []float32, wy int, x []float32, wx int) bool {
	if p == generic || n == 0 {
		return false
	}
	_, _ = y[n*wy-1], x[n*wx-1]
	f := gateForwardAVX512
	if p == avx2 {
		f = gateForwardAVX2
	}
	A := float32(g.A)
	if g.Scalars > 0 {
		f(n, g.Scalars, 0, &y[0], &y[0], 4*wy, &x[0], 4*wx, A)
	}
	for _, b := range g.Gated {
		f(n, b.In.Mul, 2*b.In.L+1, &y[b.Gate], &y[b.In.Offset], 4*wy, &x[b.Out.Offset], 4*wx, A)
	}
	return true
}

// gateBackward32 is GateBackward, block by block of channels.
func gateBackward32(p path, g *Gate, n int, y []float32, wy int, gx []float32, wx int) bool {
	if p == generic || n == 0 {
		return false
	}
	_, _ = y[n*wy-1], gx[n*wx-1]
	f := gateBackwardAVX512
	if p == avx2 {
		f = gateBackwardAVX2
	}
	A := float32(g.A)
	if g.Scalars > 0 {
		f(n, g.Scalars, 0, &y[0], &y[0], 4*wy, &gx[0], 4*wx, A)
	}
	for _, b := range g.Gated {
		f(n, b.In.Mul, 2*b.In.L+1, &y[b.Gate], &y[b.In.Offset], 4*wy, &gx[b.Out.Offset], 4*wx, A)
	}
	return true
}
