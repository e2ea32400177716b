package nequip

import (
	"math"

	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential/linear"
)

// gate is the non-linearity at the end of a layer. Its input record has the
// even scalars, the gate scalars, the odd scalars, then the gated blocks; its
// output record is the same without the gate scalars.
type gate struct {
	kernel.Gate
	in, out  linear.Record
	odd      int // odd scalars, Aφ with φ = tanh
	inO, oOO int // where they stand in the input and the output
}

// newGate makes the gate whose output has these irreps. in.where follows
// gateInput(out), out.where follows out.
func newGate(out o3.Irreps) gate {
	g := gate{Gate: kernel.Gate{A: actSilu}}
	even := out.Count(o3.Irrep{L: 0, P: 1})
	gates := 0
	for _, r := range out {
		if r.L > 0 {
			gates += r.Mul
		}
	}
	g.odd = out.Count(o3.Irrep{L: 0, P: -1})
	g.Scalars, g.inO, g.oOO = even, even+gates, even
	g.in.Width, g.out.Width = even+gates+g.odd, even+g.odd
	next := even // gate scalar
	blocks := map[o3.Irrep]kernel.Block{}
	for _, r := range out {
		switch {
		case r.L > 0:
			p := kernel.Gated{Gate: next,
				In:  kernel.Block{L: r.L, Mul: r.Mul, Offset: g.in.Width},
				Out: kernel.Block{L: r.L, Mul: r.Mul, Offset: g.out.Width}}
			g.Gated = append(g.Gated, p)
			blocks[r.Irrep] = p.In
			g.out.Where = append(g.out.Where, p.Out)
			next += r.Mul
			g.in.Width += r.Dim()
			g.out.Width += r.Dim()
		case r.P > 0:
			g.out.Where = append(g.out.Where, kernel.Block{Mul: even})
		default:
			g.out.Where = append(g.out.Where, kernel.Block{Mul: g.odd, Offset: g.oOO})
		}
	}
	for _, r := range gateInput(out) {
		b := kernel.Block{Mul: r.Mul} // even scalars, then gates
		switch {
		case r.L > 0:
			b = blocks[r.Irrep]
		case r.P < 0:
			b.Offset = g.inO
		}
		g.in.Where = append(g.in.Where, b)
	}
	return g
}

// gateForward sets h from y for a block of rows.
func gateForward[T kernel.Float](g *gate, y, h []T) {
	kernel.GateForward(&g.Gate, block, y, g.in.Width, h, g.out.Width)
	if g.odd == 0 {
		return
	}
	for i := range block {
		a, c := y[i*g.in.Width+g.inO:][:g.odd], h[i*g.out.Width+g.oOO:][:g.odd]
		for u, v := range a {
			c[u] = T(actTanh * math.Tanh(float64(v)))
		}
	}
}

// gateBackward replaces y by its gradient, gh being that of h.
func gateBackward[T kernel.Float](g *gate, y, gh []T) {
	kernel.GateBackward(&g.Gate, block, y, g.in.Width, gh, g.out.Width)
	if g.odd == 0 {
		return
	}
	for i := range block {
		a, c := y[i*g.in.Width+g.inO:][:g.odd], gh[i*g.out.Width+g.oOO:][:g.odd]
		for u, v := range a {
			q := math.Tanh(float64(v))
			a[u] = T(actTanh*(1-q*q)) * c[u]
		}
	}
}
