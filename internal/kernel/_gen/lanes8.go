package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// laneSums8 is laneSums without masked loads and stores, which are slow and have
// to wait for what was just stored: beyond the last edge it adds zeros.
func (a *asm) laneSums8() {
	a.function("laneSums", "(n, ny int, z *float32, gr, gy *float32, stride int)",
		"adds the sums over the lanes of z [edge][ny][lanes] to gr (first row) and gy[m·stride+e].\n"+
			"It reads the rows of whole blocks of edges, and adds 0 to entries behind the last edge.")
	n, z, gr, gy, row := a.arg("n"), a.arg("z"), a.arg("gr"), a.arg("gy"), a.arg("ny")
	a.SHLQ(operand.U8(5), row)
	stride, ny := a.arg("stride"), a.arg("ny")
	a.Label(a.lab("block"))
	mask := a.remaining(n).v
	z3, z5, left, to, p := a.GP64(), a.GP64(), a.GP64(), a.GP64(), a.GP64()
	a.LEAQ(operand.Mem{Base: z, Index: row, Scale: 2}, z5)
	a.LEAQ(operand.Mem{Base: z5, Index: row, Scale: 1}, z3)
	a.LEAQ(operand.Mem{Base: z3, Index: row, Scale: 2}, z5)
	a.MOVQ(ny, left)
	a.MOVQ(gr, to)
	a.MOVQ(gy, p)
	edge := func(e, disp int) operand.Mem {
		base := []reg.GPVirtual{z, z, z, z3, z, z5, z5, z5}[e]
		m := operand.Mem{Base: base, Disp: disp}
		if k := []uint8{0, 1, 2, 0, 4, 0, 1, 2}[e]; k > 0 {
			m.Index, m.Scale = row, k
		}
		return m
	}
	a.Label(a.lab("harmonic"))
	v := make([]val, 4)
	for i := range v { // edges e and e+4, four partial sums of each
		e := []int{0, 2, 1, 3}[i] // the tree brings it to its place
		half := func(disp int) val {
			u := a.vec()
			a.VMOVUPS(edge(e, disp), u.AsX())
			a.VINSERTF128(operand.U8(1), edge(e+4, disp), u, u)
			return u
		}
		v[i] = a.add(half(0), half(16))
	}
	sum := a.quarters(v)
	a.VANDPS(mask, sum, sum)
	a.VADDPS(at(to, 0), sum, sum)
	a.store(sum, at(to, 0))
	a.ADDQ(stride, p)
	a.MOVQ(p, to)
	for _, q := range []reg.GPVirtual{z, z3, z5} {
		a.ADDQ(imm(32), q)
	}
	a.DECQ(left)
	a.JNZ(a.ref("harmonic"))
	a.ADDQ(imm(32), gr)
	a.ADDQ(imm(32), gy)
	a.MOVQ(row, left) // z is at the next edge: seven more
	a.NEGQ(left)
	a.LEAQ(operand.Mem{Base: z, Index: row, Scale: 8}, z)
	a.ADDQ(left, z)
	a.SUBQ(imm(8), n)
	a.JGT(a.ref("block"))
	a.ret()
}

// quarters sums groups of four lanes of four vectors; place k of either half of
// the result belongs to vector {0, 2, 1, 3}[k].
func (a *asm) quarters(v []val) val {
	for i := range 2 {
		lo, hi := a.vec(), a.vec()
		a.VUNPCKLPS(v[i+2], v[i], lo)
		a.VUNPCKHPS(v[i+2], v[i], hi)
		v[i] = a.add(lo, hi)
	}
	lo, hi := a.vec(), a.vec()
	a.VSHUFPS(operand.U8(0x44), v[1], v[0], lo)
	a.VSHUFPS(operand.U8(0xee), v[1], v[0], hi)
	return a.add(lo, hi)
}
