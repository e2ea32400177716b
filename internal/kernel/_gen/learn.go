package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
)

// pathLearn: one path with d2 harmonics, for training: the gradient of the spline's
// coefficients and that of x. Dense: B[chunk][a][b][lanes].
func (a *asm) pathLearn(d2 int) {
	a.begin(fmt.Sprintf("pathLearn%d", d2), fmt.Sprintf("adds one path's part of the gradients of coefficients and records: %d harmonics.", d2))
	e, b, y := a.GP64(), a.movq("b"), a.movq("y")
	a.XORQ(e, e)
	a.Label(a.lab("edge"))
	x, off, c := a.GP64(), a.GP64(), a.GP64()
	q := a.movq("j")
	a.MOVLQSX(operand.Mem{Base: q, Index: e, Scale: 4}, off)
	a.IMULQ(a.field("xrow"), off)
	q = a.movq("row")
	a.MOVLQSX(operand.Mem{Base: q, Index: e, Scale: 4}, c)
	a.IMULQ(a.field("crow"), c)
	a.ADDQ(a.field("coef"), c)
	B, left := a.movq("bb"), a.movq("mul")
	a.inChunks(left, "chunk", func(t tail, sx string) {
		W, G, p := a.vec(), a.vec(), a.GP64()
		a.MOVQ(c, p)
		for q := range 4 {
			v := a.loadTail(at(p, 0), t)
			if q == 0 {
				W = a.mulSpread(v, at(b, 0))
			} else {
				a.fmaSpread(W, v, at(b, 64*q))
			}
			if q < 3 {
				a.ADDQ(a.field("crow"), p)
			}
		}
		a.zero(G)
		k, g := a.movq("d1"), a.GP64()
		a.MOVQ(off, x)
		a.Label(a.lab("component" + sx))
		h := a.vec()
		for m := range d2 {
			v := a.vec()
			a.load(at(B, a.size()*m), v)
			switch {
			case d2 == 1:
				h = v
			case m == 0:
				h = a.mulSpread(v, at(y, 0))
			default:
				a.fmaSpread(h, v, at(y, 64*m))
			}
		}
		a.MOVQ(a.field("x"), p)
		a.fma(G, a.loadTail(operand.Mem{Base: p, Index: x, Scale: 1}, t), h)
		a.MOVQ(a.field("gx"), g)
		a.TESTQ(g, g)
		a.JZ(a.ref("nogx" + sx))
		ga := a.loadTail(operand.Mem{Base: g, Index: x, Scale: 1}, t)
		a.fma(ga, W, h)
		a.storeTail(ga, operand.Mem{Base: g, Index: x, Scale: 1}, t)
		a.Label(a.lab("nogx" + sx))
		a.ADDQ(imm(a.size()*d2), B)
		a.ADDQ(a.field("xcomp"), x)
		a.DECQ(k)
		a.JNZ(a.ref("component" + sx))
		a.MOVQ(c, p)
		a.ADDQ(a.field("cdelta"), p)
		for q := range 4 {
			v := a.loadTail(at(p, 0), t)
			a.fmaSpread(v, G, at(b, 64*q))
			a.storeTail(v, at(p, 0), t)
			if q < 3 {
				a.ADDQ(a.field("crow"), p)
			}
		}
		a.ADDQ(imm(a.size()), off)
		a.ADDQ(imm(a.size()), c)
	})
	a.ADDQ(imm(4), b)
	a.ADDQ(imm(4), y)
	a.INCQ(e)
	a.TESTQ(imm(15), e)
	a.JNZ(a.ref("same"))
	a.ADDQ(a.field("ystep"), b)
	a.ADDQ(a.field("ystep"), y)
	a.Label(a.lab("same"))
	a.CMPQ(e, a.field("n"))
	a.JLT(a.ref("edge"))
	a.ret()
}
