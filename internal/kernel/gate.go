package kernel

import "math"

// Gate is NequIP's gated non-linearity. The input record y has the scalars,
// then the gate scalars, then the gated blocks; the output record x has the
// activated scalars and the gated blocks without their gates:
//
//	x_0[u] = A φ(y_0[u]),   x_l[m,u] = y_l[m,u] · A φ(y_gate[u])
//
// with φ = silu, A its second-moment constant.
type Gate struct {
	A       float64 // 1.6791767923989418 for e3nn's silu
	Scalars int     // channels at offset 0 of both records
	Gated   []Gated
}

// Gated is one block l > 0.
type Gated struct {
	Gate    int   // offset of its gate scalars in y
	In, Out Block // in y and in x; equal L and Mul
}

func sigmoid[T Float](x T) T { return T(1 / (1 + math.Exp(-float64(x)))) }

// Silu replaces z by A z σ(z), and the slopes dz, unless there are none, by theirs.
func Silu[T Float](A float64, z, dz []T) {
	for k, v := range z {
		x := float64(v)
		s := 1 / (1 + math.Exp(-x))
		z[k] = T(A * x * s)
		if len(dz) > 0 {
			dz[k] *= T(A * s * (1 + x*(1-s)))
		}
	}
}

// GateForward sets x from y for n records of widths wy and wx.
func GateForward[T Float](g *Gate, n int, y []T, wy int, x []T, wx int) {
	if f, ok := any(y).([]float32); ok && gateForward32(choice, g, n, f, wy, any(x).([]float32), wx) {
		return
	}
	gateForwardLoops(g, n, y, wy, x, wx)
}

func gateForwardLoops[T Float](g *Gate, n int, y []T, wy int, x []T, wx int) {
	A := T(g.A)
	for i := range n {
		y, x := y[i*wy:][:wy], x[i*wx:][:wx]
		for u, v := range y[:g.Scalars] {
			x[u] = A * v * sigmoid(v)
		}
		for _, b := range g.Gated {
			mul := b.In.Mul
			for u, v := range y[b.Gate:][:mul] {
				s := A * v * sigmoid(v)
				for m := range 2*b.In.L + 1 {
					x[b.Out.Offset+m*mul+u] = s * y[b.In.Offset+m*mul+u]
				}
			}
		}
	}
}

// GateBackward replaces y by ∂E/∂y, given gx = ∂E/∂x, for n records.
func GateBackward[T Float](g *Gate, n int, y []T, wy int, gx []T, wx int) {
	if f, ok := any(y).([]float32); ok && gateBackward32(choice, g, n, f, wy, any(gx).([]float32), wx) {
		return
	}
	gateBackwardLoops(g, n, y, wy, gx, wx)
}

func gateBackwardLoops[T Float](g *Gate, n int, y []T, wy int, gx []T, wx int) {
	A := T(g.A)
	for i := range n {
		y, gx := y[i*wy:][:wy], gx[i*wx:][:wx]
		for u, v := range y[:g.Scalars] {
			q := sigmoid(v)
			y[u] = A * q * (1 + v*(1-q)) * gx[u]
		}
		for _, b := range g.Gated {
			mul := b.In.Mul
			for u, v := range y[b.Gate:][:mul] {
				q := sigmoid(v)
				s := A * v * q
				var sum T
				for m := range 2*b.In.L + 1 {
					yl, gl := &y[b.In.Offset+m*mul+u], gx[b.Out.Offset+m*mul+u]
					sum += gl * *yl
					*yl = gl * s
				}
				y[b.Gate+u] = A * q * (1 + v*(1-q)) * sum
			}
		}
	}
}
