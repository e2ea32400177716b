package main

import (
	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
)

// gates writes the activation of one block of channels for many records, and
// its adjoint.
func gates(c *build.Context) {
	data := map[string]operand.Mem{}
	for _, lanes := range []int{16, 8} {
		a := &asm{Context: c, lanes: lanes, label: 1000 * lanes, data: data}
		a.gateForward()
		a.gateBackward()
	}
}

// gateForward: for every record and channel s = Aφ(gate); out = s when comps
// is 0, else out[m] = s·in[m].
func (a *asm) gateForward() {
	a.function("gateForward", "(n, mul, comps int, gate, in *float32, wy int, out *float32, wx int, A float32)",
		"activates mul channels of n records; wy and wx are the records' widths in bytes.")
	n, gate, in, out := a.arg("n"), a.arg("gate"), a.arg("in"), a.arg("out")
	wy, wx, row := a.arg("wy"), a.arg("wx"), a.arg("mul")
	a.SHLQ(operand.U8(2), row)
	A := a.vec()
	scale, _ := a.Param("A").Resolve()
	a.bcast(scale.Addr, A)
	a.Label(a.lab("record"))
	off, left := a.GP64(), a.arg("mul")
	a.XORQ(off, off)
	a.inChunks(left, "chunk", func(t tail, sx string) {
		v := a.loadTail(operand.Mem{Base: gate, Index: off, Scale: 1}, t)
		s := a.mul(a.mul(v, a.sigmoid(v)), A)
		comps := a.arg("comps")
		a.TESTQ(comps, comps)
		a.JNZ(a.ref("gated" + sx))
		a.storeTail(s, operand.Mem{Base: out, Index: off, Scale: 1}, t)
		a.JMP(a.ref("next" + sx))
		a.Label(a.lab("gated" + sx))
		p, q := a.GP64(), a.GP64()
		a.LEAQ(operand.Mem{Base: in, Index: off, Scale: 1}, p)
		a.LEAQ(operand.Mem{Base: out, Index: off, Scale: 1}, q)
		a.Label(a.lab("component" + sx))
		a.PREFETCHT0(operand.Mem{Base: p, Index: wy, Scale: 4}) // some records ahead
		a.storeTail(a.mul(s, a.loadTail(at(p, 0), t)), at(q, 0), t)
		a.ADDQ(row, p)
		a.ADDQ(row, q)
		a.DECQ(comps)
		a.JNZ(a.ref("component" + sx))
		a.Label(a.lab("next" + sx))
		a.ADDQ(imm(a.size()), off)
	})
	a.ADDQ(wy, gate)
	a.ADDQ(wy, in)
	a.ADDQ(wx, out)
	a.DECQ(n)
	a.JNZ(a.ref("record"))
	a.ret()
}

// gateBackward replaces gate and in by the gradients: with q = sigmoid(v) and
// d = Aq(1+v(1−q)), gate = d·gx when comps is 0, else gate = d·Σ gx[m] in[m] and
// in[m] = gx[m]·Avq.
func (a *asm) gateBackward() {
	a.function("gateBackward", "(n, mul, comps int, gate, in *float32, wy int, gx *float32, wx int, A float32)",
		"replaces the inputs of mul channels of n records by their gradients.")
	n, gate, in, gx := a.arg("n"), a.arg("gate"), a.arg("in"), a.arg("gx")
	wy, wx, row := a.arg("wy"), a.arg("wx"), a.arg("mul")
	a.SHLQ(operand.U8(2), row)
	A := a.vec()
	scale, _ := a.Param("A").Resolve()
	a.bcast(scale.Addr, A)
	a.Label(a.lab("record"))
	off, left := a.GP64(), a.arg("mul")
	a.XORQ(off, off)
	a.inChunks(left, "chunk", func(t tail, sx string) {
		v := a.loadTail(operand.Mem{Base: gate, Index: off, Scale: 1}, t)
		q := a.sigmoid(v)
		one := a.num(1)
		Aq := a.mul(q, A)
		d := a.mul(Aq, a.muladd(v, a.sub(one, q), one))
		s := a.mul(Aq, v)
		comps := a.arg("comps")
		a.TESTQ(comps, comps)
		a.JNZ(a.ref("gated" + sx))
		a.storeTail(a.mul(d, a.loadTail(operand.Mem{Base: gx, Index: off, Scale: 1}, t)), operand.Mem{Base: gate, Index: off, Scale: 1}, t)
		a.JMP(a.ref("next" + sx))
		a.Label(a.lab("gated" + sx))
		p, g := a.GP64(), a.GP64()
		a.LEAQ(operand.Mem{Base: in, Index: off, Scale: 1}, p)
		a.LEAQ(operand.Mem{Base: gx, Index: off, Scale: 1}, g)
		sum := a.vec()
		a.zero(sum)
		a.Label(a.lab("component" + sx))
		a.PREFETCHT0(operand.Mem{Base: p, Index: wy, Scale: 4}) // some records ahead
		gm := a.loadTail(at(g, 0), t)
		a.fma(sum, gm, a.loadTail(at(p, 0), t))
		a.storeTail(a.mul(gm, s), at(p, 0), t)
		a.ADDQ(row, p)
		a.ADDQ(row, g)
		a.DECQ(comps)
		a.JNZ(a.ref("component" + sx))
		a.storeTail(a.mul(d, sum), operand.Mem{Base: gate, Index: off, Scale: 1}, t)
		a.Label(a.lab("next" + sx))
		a.ADDQ(imm(a.size()), off)
	})
	a.ADDQ(wy, gate)
	a.ADDQ(wy, in)
	a.ADDQ(wx, gx)
	a.DECQ(n)
	a.JNZ(a.ref("record"))
	a.ret()
}
