package mace

import (
	"math"

	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential/linear"
)

// gate is the non-linearity of the non-linear block. Its input has the scalars, then a
// gate scalar for each channel of the other blocks, then these; its output is the input
// without the gate scalars.
type gate struct {
	irreps  o3.Irreps // of the input
	in, out linear.Record
	scalars int
	cs, cg  float64 // factors of silu and of the sigmoid
}

// newGate makes the gate with this output, whose first block is the scalars.
func newGate(out o3.Irreps) *gate {
	if out[0].L != 0 || out[0].P != 1 {
		fail("the non-linear block's irreps %s do not begin with even scalars", out)
	}
	g := &gate{scalars: out[0].Mul, out: linear.Place(out)}
	n := 0
	for _, b := range out {
		n += b.Mul
	}
	g.irreps = append(o3.Irreps{{Mul: n, Irrep: out[0].Irrep}}, out[1:]...)
	for _, b := range out[1:] {
		if b.L == 0 {
			fail("the non-linear block's irreps %s have scalars twice", out)
		}
	}
	g.in = linear.Place(g.irreps)
	return g
}

// gateForward sets h from y, one atom's records.
func gateForward[T kernel.Float](g *gate, y, h []T) {
	for u, v := range y[:g.scalars] {
		x := float64(v)
		h[u] = T(g.cs * x / (1 + math.Exp(-x)))
	}
	at := g.scalars
	for k, b := range g.out.Where[1:] {
		in := g.in.Where[k+1]
		for u := range b.Mul {
			s := T(g.cg / (1 + math.Exp(-float64(y[at+u]))))
			for c := range 2*b.L + 1 {
				h[b.Offset+c*b.Mul+u] = s * y[in.Offset+c*in.Mul+u]
			}
		}
		at += b.Mul
	}
}

// gateBackward replaces y by its gradient, gh being that of h.
func gateBackward[T kernel.Float](g *gate, y, gh []T) {
	for u, v := range y[:g.scalars] {
		x := float64(v)
		s := 1 / (1 + math.Exp(-x))
		y[u] = T(g.cs*s*(1+x*(1-s))) * gh[u]
	}
	at := g.scalars
	for k, b := range g.out.Where[1:] {
		in := g.in.Where[k+1]
		for u := range b.Mul {
			s := 1 / (1 + math.Exp(-float64(y[at+u])))
			f := T(g.cg * s)
			var sum T
			for c := range 2*b.L + 1 {
				q := &y[in.Offset+c*in.Mul+u]
				gv := gh[b.Offset+c*b.Mul+u]
				sum += *q * gv
				*q = f * gv
			}
			y[at+u] = T(g.cg*s*(1-s)) * sum
		}
		at += b.Mul
	}
}
