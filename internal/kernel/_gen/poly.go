package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// polys writes the evaluation of nested polynomials (Poly) for 32 and for 16
// channels, and its adjoint. They read a program: for each row
//
//	leaves, inner, flags, place, coefficients; leaves × (x); inner × (x, slot)
//
// all offsets in bytes; place is that of the row's value, or gradient: in the results
// with flag 2, else among the slots. With flag 1 the first coefficient stands alone.
func polys(c *build.Context) {
	data := map[string]operand.Mem{}
	for _, lanes := range []int{16, 8} {
		for _, panel := range []int{32, 16} {
			a := &asm{Context: c, lanes: lanes, label: 10000*lanes + 100*panel, data: data}
			a.polyValues(panel)
			a.polyGradients(panel)
		}
	}
}

// header of a row, in numbers of 4 bytes.
const polyHeader = 5

// polyRow reads a row's header and moves on behind it.
func (a *asm) polyRow(p reg.GPVirtual) (leaves, inner, flags, place, coef reg.GPVirtual) {
	r := make([]reg.GPVirtual, polyHeader)
	for i := range r {
		r[i] = a.GP64()
		a.MOVLQSX(at(p, 4*i), r[i])
	}
	a.ADDQ(imm(4*polyHeader), p)
	return r[0], r[1], r[2], r[3], r[4]
}

// polyLoop writes a loop over n ≥ 0 steps.
func (a *asm) polyLoop(n reg.GPVirtual, name string, body func()) {
	a.TESTQ(n, n)
	a.JZ(a.ref(name + "End"))
	a.Label(a.lab(name))
	body()
	a.DECQ(n)
	a.JNZ(a.ref(name))
	a.Label(a.lab(name + "End"))
}

func (a *asm) polyValues(panel int) {
	a.function(fmt.Sprintf("polyValues%d", panel), "(prog *int32, rows int, x, coef, slots, y *float32)",
		"evaluates the rows of nested polynomials.")
	p, rows, x, coef, slots, y := a.arg("prog"), a.arg("rows"), a.arg("x"), a.arg("coef"), a.arg("slots"), a.arg("y")
	w := panel / a.lanes
	v, c := a.vecs(w), a.vecs(w)
	a.Label(a.lab("row"))
	leaves, inner, flags, place, k := a.polyRow(p)
	a.ADDQ(coef, k)
	for i := range v {
		a.zero(v[i])
	}
	a.TESTQ(operand.U32(1), flags)
	a.JZ(a.ref("bound"))
	for i := range v {
		a.load(at(k, i*a.size()), v[i])
	}
	a.ADDQ(imm(4*panel), k)
	a.Label(a.lab("bound"))
	q, s := a.GP64(), a.GP64()
	a.polyLoop(leaves, "leaf", func() {
		a.MOVLQSX(at(p, 0), q)
		a.ADDQ(imm(4), p)
		for i := range v {
			a.load(at(k, i*a.size()), c[i])
			a.fma(v[i], c[i], operand.Mem{Base: x, Index: q, Scale: 1, Disp: i * a.size()})
		}
		a.ADDQ(imm(4*panel), k)
	})
	a.polyLoop(inner, "inner", func() {
		a.MOVLQSX(at(p, 0), q)
		a.MOVLQSX(at(p, 4), s)
		a.ADDQ(imm(8), p)
		for i := range v {
			a.load(operand.Mem{Base: slots, Index: s, Scale: 1, Disp: i * a.size()}, c[i])
			a.fma(v[i], c[i], operand.Mem{Base: x, Index: q, Scale: 1, Disp: i * a.size()})
		}
	})
	to := a.GP64()
	a.MOVQ(slots, to)
	a.TESTQ(operand.U32(2), flags)
	a.CMOVQNE(y, to)
	a.ADDQ(place, to)
	for i := range v {
		a.store(v[i], at(to, i*a.size()))
	}
	a.DECQ(rows)
	a.JNZ(a.ref("row"))
	a.ret()
}

func (a *asm) polyGradients(panel int) {
	a.function(fmt.Sprintf("polyGradients%d", panel), "(prog *int32, rows int, x, coef, slots, gslots, gy, gx *float32)",
		"takes the gradients gy back to gx, to which it adds; the rows stand in reverse.")
	p, rows, x, coef, slots := a.arg("prog"), a.arg("rows"), a.arg("x"), a.arg("coef"), a.arg("slots")
	gslots, gy, gx := a.arg("gslots"), a.arg("gy"), a.arg("gx")
	w := panel / a.lanes
	g, c := a.vecs(w), a.vecs(w)
	a.Label(a.lab("row"))
	leaves, inner, flags, place, k := a.polyRow(p)
	a.ADDQ(coef, k)
	from := a.GP64()
	a.MOVQ(gslots, from)
	a.TESTQ(operand.U32(2), flags)
	a.CMOVQNE(gy, from)
	a.ADDQ(place, from)
	for i := range g {
		a.load(at(from, i*a.size()), g[i])
	}
	a.TESTQ(operand.U32(1), flags)
	a.JZ(a.ref("bound"))
	a.ADDQ(imm(4*panel), k)
	a.Label(a.lab("bound"))
	q, s := a.GP64(), a.GP64()
	a.polyLoop(leaves, "leaf", func() {
		a.MOVLQSX(at(p, 0), q)
		a.ADDQ(imm(4), p)
		for i := range g {
			m := operand.Mem{Base: gx, Index: q, Scale: 1, Disp: i * a.size()}
			a.load(m, c[i])
			a.fma(c[i], g[i], at(k, i*a.size()))
			a.store(c[i], m)
		}
		a.ADDQ(imm(4*panel), k)
	})
	a.polyLoop(inner, "inner", func() {
		a.MOVLQSX(at(p, 0), q)
		a.MOVLQSX(at(p, 4), s)
		a.ADDQ(imm(8), p)
		for i := range g {
			m := operand.Mem{Base: gx, Index: q, Scale: 1, Disp: i * a.size()}
			a.load(m, c[i])
			a.fma(c[i], g[i], operand.Mem{Base: slots, Index: s, Scale: 1, Disp: i * a.size()})
			a.store(c[i], m)
			a.VMULPS(operand.Mem{Base: x, Index: q, Scale: 1, Disp: i * a.size()}, g[i], c[i])
			a.store(c[i], operand.Mem{Base: gslots, Index: s, Scale: 1, Disp: i * a.size()})
		}
	})
	a.DECQ(rows)
	a.JNZ(a.ref("row"))
	a.ret()
}
