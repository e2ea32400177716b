package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gemm writes the register tiles of matrix products: R rows and two vectors of
// columns held in registers while k runs.
func gemm(c *build.Context) {
	a := &asm{Context: c, lanes: 16}
	for _, rows := range []int{12, 6, 4, 2, 1} {
		a.gemmTile(rows, false)
		a.gemmTile(rows, true)
	}
	a.peak(24)
	a = &asm{Context: c, lanes: 8, label: 1000}
	for _, rows := range []int{6, 4, 2, 1} {
		a.gemmTile(rows, false)
		a.gemmTile(rows, true)
	}
	a.peak(12)
}

func (a *asm) gemmTile(rows int, masked bool) {
	name := fmt.Sprintf("gemm%d", rows)
	doc := fmt.Sprintf("is C (+)= A·B for tiles·%d rows and %d columns; lda, ldb, ldc in bytes.", rows, 2*a.lanes)
	sig := "(tiles, k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, add bool)"
	if masked {
		name += "Mask"
		doc = fmt.Sprintf("is C (+)= A·B for tiles·%d rows and the columns whose bits are set in mask.", rows)
		sig = "(tiles, k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, add bool, mask *int32)"
		if a.lanes == 16 {
			sig = "(tiles, k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, add bool, mask uint32)"
		}
	}
	a.function(name, sig, doc)
	tiles, A, lda, ldb := a.arg("tiles"), a.arg("a"), a.arg("lda"), a.arg("ldb")
	C, ldc := a.arg("c"), a.arg("ldc")
	var k1, k2 reg.OpmaskVirtual
	var m1, m2 reg.VecVirtual
	if masked {
		if a.lanes == 16 {
			k1, k2 = a.K(), a.K()
			m := a.GP32()
			a.Load(a.Param("mask"), m)
			a.KMOVW(m, k1)
			a.SHRL(operand.U8(16), m)
			a.KMOVW(m, k2)
		} else {
			p := a.arg("mask")
			m1, m2 = a.vec(), a.vec()
			a.VMOVDQU(at(p, 0), m1)
			a.VMOVDQU(at(p, 32), m2)
		}
	}
	tile := a.unique("tile")
	a.Label(tile)
	acc := make([][2]reg.VecVirtual, rows)
	for i := range acc {
		for j := range 2 {
			acc[i][j] = a.vec()
			a.zero(acc[i][j])
		}
	}
	// Rows 3g, 3g+1, 3g+2 are reached from one base with the index lda.
	groups := (rows + 2) / 3
	step := a.GP64() // 3·lda
	a.LEAQ(operand.Mem{Base: lda, Index: lda, Scale: 2}, step)
	base := make([]reg.GPVirtual, groups)
	for g := range base {
		base[g] = a.GP64()
		if g == 0 {
			a.MOVQ(A, base[g])
		} else {
			a.LEAQ(operand.Mem{Base: base[g-1], Index: step, Scale: 1}, base[g])
		}
	}
	row := func(p []reg.GPVirtual, ld reg.Register, i, disp int) operand.Mem {
		m := operand.Mem{Base: p[i/3], Disp: disp}
		if i%3 != 0 {
			m.Index, m.Scale = ld, uint8(i%3)
		}
		return m
	}
	if !masked && rows >= 6 { // the rows of C will be wanted when k has run
		cp := a.GP64()
		a.MOVQ(C, cp)
		for i := range rows {
			a.PREFETCHT0(at(cp, 0))
			if a.lanes == 16 {
				a.PREFETCHT0(at(cp, 64))
			}
			if i < rows-1 {
				a.ADDQ(ldc, cp)
			}
		}
	}
	B, k := a.arg("b"), a.arg("k")
	b0, b1 := a.vec(), a.vec()
	one := func(u int) {
		switch {
		case !masked:
			a.load(at(B, 0), b0)
			a.load(at(B, a.size()), b1)
		case a.lanes == 16:
			a.VMOVUPS_Z(at(B, 0), k1, b0)
			a.VMOVUPS_Z(at(B, 64), k2, b1)
		default:
			a.VMASKMOVPS(at(B, 0), m1, b0)
			a.VMASKMOVPS(at(B, 32), m2, b1)
		}
		a.ADDQ(ldb, B)
		for i := range rows {
			x := a.vec()
			a.bcast(row(base, lda, i, 4*u), x)
			a.fma(acc[i][0], b0, x)
			a.fma(acc[i][1], b1, x)
		}
	}
	loop, rest, done := a.unique("k4_"), a.unique("k1_"), a.unique("end")
	a.SUBQ(imm(4), k)
	a.JLT(operand.LabelRef(rest))
	a.Label(loop)
	for u := range 4 {
		one(u)
	}
	if !masked && rows*16 >= 12*a.lanes { // what comes next in the rows of A: they are far apart
		for i := range rows {
			a.PREFETCHT0(row(base, lda, i, 128))
		}
	}
	for _, p := range base {
		a.ADDQ(imm(16), p)
	}
	a.SUBQ(imm(4), k)
	a.JGE(operand.LabelRef(loop))
	a.Label(rest)
	a.ADDQ(imm(4), k)
	a.JZ(operand.LabelRef(done))
	single := a.unique("single")
	a.Label(single)
	one(0)
	for _, p := range base {
		a.ADDQ(imm(4), p)
	}
	a.DECQ(k)
	a.JNZ(operand.LabelRef(single))
	a.Label(done)

	cstep := a.GP64()
	a.LEAQ(operand.Mem{Base: ldc, Index: ldc, Scale: 2}, cstep)
	cbase := make([]reg.GPVirtual, groups)
	for g := range cbase {
		cbase[g] = a.GP64()
		if g == 0 {
			a.MOVQ(C, cbase[g])
		} else {
			a.LEAQ(operand.Mem{Base: cbase[g-1], Index: cstep, Scale: 1}, cbase[g])
		}
	}
	add := a.GP8()
	a.Load(a.Param("add"), add)
	store := a.unique("store")
	a.TESTB(add, add)
	a.JZ(operand.LabelRef(store))
	for i := range rows {
		for j := range 2 {
			m := row(cbase, ldc, i, j*a.size())
			switch {
			case !masked:
				a.VADDPS(m, acc[i][j], acc[i][j])
			case a.lanes == 16:
				a.VMOVUPS_Z(m, []reg.OpmaskVirtual{k1, k2}[j], b0)
				a.VADDPS(b0, acc[i][j], acc[i][j])
			default:
				a.VMASKMOVPS(m, []reg.VecVirtual{m1, m2}[j], b0)
				a.VADDPS(b0, acc[i][j], acc[i][j])
			}
		}
	}
	a.Label(store)
	for i := range rows {
		for j := range 2 {
			m := row(cbase, ldc, i, j*a.size())
			switch {
			case !masked:
				a.store(acc[i][j], m)
			case a.lanes == 16:
				a.VMOVUPS(acc[i][j], []reg.OpmaskVirtual{k1, k2}[j], m)
			default:
				a.VMASKMOVPS(acc[i][j], []reg.VecVirtual{m1, m2}[j], m)
			}
		}
	}
	// The next tile.
	for range rows / 3 {
		a.ADDQ(step, A)
		a.ADDQ(cstep, C)
	}
	for range rows % 3 {
		a.ADDQ(lda, A)
		a.ADDQ(ldc, C)
	}
	a.DECQ(tiles)
	a.JNZ(operand.LabelRef(tile))
	a.ret()
}

// peak writes a loop of independent multiply-adds in registers.
func (a *asm) peak(n int) {
	a.function("peak", "(rounds int)", fmt.Sprintf("does %d multiply-adds of vectors in each round.", n))
	r := a.arg("rounds")
	x := a.vec()
	a.zero(x)
	acc := a.vecs(n)
	for _, v := range acc {
		a.zero(v)
	}
	a.Label("loop")
	for _, v := range acc {
		a.fma(v, x, x)
	}
	a.DECQ(r)
	a.JNZ(operand.LabelRef("loop"))
	a.ret()
}
