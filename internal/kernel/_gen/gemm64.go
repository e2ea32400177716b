package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// gemm64 writes the tiles of products in double precision: like those of gemm,
// two vectors of columns wide, for one tile of rows.
func gemm64(c *build.Context) {
	a := &asm{Context: c, lanes: 16, label: 2000}
	for _, rows := range []int{12, 4, 1} {
		a.gemmTile64(rows)
	}
	a = &asm{Context: c, lanes: 8, label: 3000}
	for _, rows := range []int{6, 2, 1} {
		a.gemmTile64(rows)
	}
}

func (a *asm) gemmTile64(rows int) {
	a.function(fmt.Sprintf("gemm64x%d", rows), "(k int, a *float64, lda int, b *float64, ldb int, c *float64, ldc int, add bool, mask *int64)",
		fmt.Sprintf("is C (+)= A·B for %d rows and the columns, at most %d, whose elements of mask are −1;\nlda, ldb, ldc in bytes; the rows of B are whole.", rows, a.lanes))
	A, lda, B, ldb := a.arg("a"), a.arg("lda"), a.arg("b"), a.arg("ldb")
	k, C, ldc := a.arg("k"), a.arg("c"), a.arg("ldc")
	acc := make([][2]val, rows)
	for i := range acc {
		for j := range acc[i] {
			acc[i][j] = a.vec()
			a.VXORPD(acc[i][j], acc[i][j], acc[i][j])
		}
	}
	// Rows 3g, 3g+1, 3g+2 are reached from one base with the index ld.
	bases := func(p, ld reg.GPVirtual) (b []reg.GPVirtual) {
		step := a.GP64()
		a.LEAQ(operand.Mem{Base: ld, Index: ld, Scale: 2}, step)
		b = append(b, p)
		for g := 1; 3*g < rows; g++ {
			q := a.GP64()
			a.LEAQ(operand.Mem{Base: b[g-1], Index: step, Scale: 1}, q)
			b = append(b, q)
		}
		return b
	}
	row := func(p []reg.GPVirtual, ld reg.GPVirtual, i, disp int) operand.Mem {
		m := operand.Mem{Base: p[i/3], Disp: disp}
		if i%3 != 0 {
			m.Index, m.Scale = ld, uint8(i%3)
		}
		return m
	}
	pa := bases(A, lda)
	b := [2]val{a.vec(), a.vec()}
	a.Label(a.lab("k"))
	for j := range b {
		a.VMOVUPD(at(B, j*a.size()), b[j])
	}
	for i := range rows {
		x := a.vec()
		a.VBROADCASTSD(row(pa, lda, i, 0), x)
		for j := range b {
			a.VFMADD231PD(b[j], x, acc[i][j])
		}
	}
	for _, p := range pa {
		a.ADDQ(imm(8), p)
	}
	a.ADDQ(ldb, B)
	a.DECQ(k)
	a.JNZ(a.ref("k"))

	pc := bases(C, ldc)
	mask, add := a.arg("mask"), a.GP8()
	var m [2]val
	var km [2]reg.OpmaskVirtual
	for j := range m {
		m[j] = b[j]
		a.VMOVUPD(at(mask, j*a.size()), m[j])
		if a.lanes == 16 {
			km[j] = a.K()
			a.VPMOVQ2M(m[j], km[j])
		}
	}
	a.Load(a.Param("add"), add)
	a.TESTB(add, add)
	a.JZ(a.ref("store"))
	old := a.vec()
	for i := range rows {
		for j := range m {
			c := row(pc, ldc, i, j*a.size())
			if a.lanes == 16 {
				a.VMOVUPD_Z(c, km[j], old)
			} else {
				a.VMASKMOVPD(c, m[j], old)
			}
			a.VADDPD(old, acc[i][j], acc[i][j])
		}
	}
	a.Label(a.lab("store"))
	for i := range rows {
		for j := range m {
			c := row(pc, ldc, i, j*a.size())
			if a.lanes == 16 {
				a.VMOVUPD(acc[i][j], km[j], c)
			} else {
				a.VMASKMOVPD(acc[i][j], m[j], c)
			}
		}
	}
	a.ret()
}
