package nequip_test

import (
	"math"
	"testing"

	"github.com/wigner-md/wigner/potential/nequip"
)

// The straight-line code that the generator of another program, in C, wrote for
// SevenNet-0 has these operations on vectors of 16 channels for an edge: first layer
// 88 + 96 (couplings, radial weights) forward and 176 + 192 backward, the three
// middle ones 506 + 240 and 1174 + 480, the last 42 + 56 and 108 + 112; its matrices
// make 1.87 MFLOP for an atom each way.
func TestWork(t *testing.T) {
	w := nequip.New32(open(t, "sevennet-0")).Work()
	near := func(name string, got, want, tol float64) {
		if !(math.Abs(got/want-1) <= tol) {
			t.Errorf("%s: %.0f operations, want %.0f", name, got, want)
		}
	}
	const lanes = 32 // a multiply-add of 16
	near("forward", w.Forward.Edge, lanes*(88+96+3*(506+240)), 1e-12)
	near("backward", w.Backward.Edge, lanes*(176+192+3*(1174+480)), 1e-12)
	near("head", w.Head.Edge, lanes*(42+56+108+112), 0.02) // the generator has some products with W more
	near("matrices", w.Forward.Atom+w.Head.Atom+w.Backward.Atom, 2*1.87e6, 0.005)
}
