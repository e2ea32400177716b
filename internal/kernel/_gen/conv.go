package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// conv writes the parts of the convolution that serve any shape.
func conv(c *build.Context) {
	data := map[string]operand.Mem{}
	for _, lanes := range []int{16, 8} {
		a := &asm{Context: c, lanes: lanes, label: 1000 * lanes, data: data}
		a.locate()
		a.combine()
		for l := range 4 {
			a.pathForward(2*l + 1)
			a.pathBackward(2*l + 1)
			a.pathLearn(2*l + 1)
		}
		if lanes == 16 {
			a.laneSums()
		} else {
			a.laneSums8()
		}
	}
}

// begin starts a kernel whose arguments are in a convArgs.
func (a *asm) begin(name, doc string) {
	a.function(name, "(a *byte)", doc)
	a.args = a.arg("a")
}

func (a *asm) movq(field string) reg.GPVirtual {
	r := a.GP64()
	a.MOVQ(a.field(field), r)
	return r
}

// locate: coefficient row and spline weights of edges, and their harmonics
// copied to blocks.
func (a *asm) locate() {
	a.function("locate", "(n int, r *float32, segs *byte, nsegs int, row *int32, b *float32, y *float32, ystride, ny int, step int)",
		"finds rows; of each block of 16 edges it writes to b, step bytes apart,\n"+
			"eight rows of 16 spline weights, four for the value and four for the slope, then the ny harmonics.\n"+
			"Of every block of 16 edges it does the first vector.")
	n, r, row, b, y, yb := a.arg("n"), a.arg("r"), a.arg("row"), a.arg("b"), a.arg("y"), a.GP64()
	ystride := a.arg("ystride")
	a.Label(a.lab("block"))
	t := tail{full: true} // entries behind the last edge may be read
	if a.lanes == 16 {
		t = a.remaining(n)
	}
	R := a.loadTail(at(r, 0), t)
	// the segment
	seg, left := a.arg("segs"), a.arg("nsegs")
	A, ih, first, last := a.vec(), a.vec(), a.vec(), a.vec()
	a.bcast(at(seg, 0), A)
	a.bcast(at(seg, 4), ih)
	a.bcast(at(seg, 8), first)
	a.bcast(at(seg, 12), last)
	a.Label(a.lab("segment"))
	a.DECQ(left)
	a.JZ(a.ref("found"))
	a.ADDQ(imm(16), seg)
	A2 := a.spread(at(seg, 0))
	if a.lanes == 16 {
		k := a.K()
		a.VCMPPS(operand.U8(13), A2, R, k) // R ≥ A
		a.VBLENDMPS(A2, A, k, A)
		a.VBLENDMPS(a.spread(at(seg, 4)), ih, k, ih)
		a.VBLENDMPS(a.spread(at(seg, 8)), first, k, first)
		a.VBLENDMPS(a.spread(at(seg, 12)), last, k, last)
	} else {
		k := a.vec()
		a.VCMPPS(operand.U8(13), A2, R, k)
		a.VBLENDVPS(k, A2, A, A)
		a.VBLENDVPS(k, a.spread(at(seg, 4)), ih, ih)
		a.VBLENDVPS(k, a.spread(at(seg, 8)), first, first)
		a.VBLENDVPS(k, a.spread(at(seg, 12)), last, last)
	}
	a.JMP(a.ref("segment"))
	a.Label(a.lab("found"))
	s := a.sub(R, A)
	k := a.round(a.mul(s, ih), down)
	a.VMINPS(last, k, k)
	zero := a.vec()
	a.zero(zero)
	a.VMAXPS(zero, k, k)
	u := a.vec()
	a.VMOVAPS(k, u)
	a.VFMSUB231PS(ih, s, u) // (r − A)·N/(B−A) − k with one rounding
	a.VADDPS(first, k, k)
	a.VCVTPS2DQ(k, k)
	a.VMOVDQUop(k, at(row, 0))
	sixth, half, one := a.num(1./6), a.num(0.5), a.num(1)
	v := a.sub(one, u)
	u2, v2 := a.mul(u, u), a.mul(v, v)
	a.store(a.mul(a.mul(v2, v), sixth), at(b, 0))
	a.store(a.muladd(a.mul(u2, sixth), a.sub(a.scale(3, u), a.num(6)), a.num(4./6)), at(b, 64))
	a.store(a.mul(a.poly(u, -3, 3, 3, 1), sixth), at(b, 128))
	a.store(a.mul(a.mul(u2, u), sixth), at(b, 192))
	h := a.mul(ih, half)
	a.store(a.sub(zero, a.mul(v2, h)), at(b, 256))
	a.store(a.mul(a.mul(a.sub(a.scale(3, u), a.num(4)), u), h), at(b, 320))
	a.store(a.mul(a.poly(u, -3, 2, 1), h), at(b, 384))
	a.store(a.mul(u2, h), at(b, 448))
	// harmonics
	p, c := a.GP64(), a.arg("ny")
	a.MOVQ(y, p)
	a.LEAQ(at(b, 512), yb)
	a.Label(a.lab("copy"))
	a.store(a.loadTail(at(p, 0), t), at(yb, 0))
	a.ADDQ(ystride, p)
	a.ADDQ(imm(64), yb)
	a.DECQ(c)
	a.JNZ(a.ref("copy"))
	a.ADDQ(imm(64), y)
	a.ADDQ(imm(64), r)
	a.ADDQ(imm(64), row)
	a.ADDQ(a.arg("step"), b)
	a.SUBQ(imm(16), n)
	a.JGT(a.ref("block"))
	a.ret()
}

func (a *asm) VMOVDQUop(v val, m operand.Mem) {
	if a.lanes == 16 {
		a.VMOVDQU32(v, m)
	} else {
		a.VMOVDQU(v, m)
	}
}

// combine: linear combinations of rows of vectors. The program is a list of
// int32: for each result the number of terms, then (offset in bytes, float32
// coefficient) of each; it ends with −1.
func (a *asm) combine() {
	a.function("combine", "(blocks int, dst *float32, dstep int, src *float32, sstep int, prog *int32, step, n int)",
		"sets result after result (step bytes apart) of each block to a linear combination of rows of src; rows hold n numbers in all.")
	blocks, dst, src, step := a.arg("blocks"), a.arg("dst"), a.arg("src"), a.arg("step")
	n := a.arg("n")
	a.Label(a.lab("block"))
	t := a.remaining(n)
	prog, out := a.arg("prog"), a.GP64()
	a.MOVQ(dst, out)
	cnt, off := a.GP64(), a.GP64()
	acc := a.vec()
	a.Label(a.lab("result"))
	a.MOVLQSX(at(prog, 0), cnt)
	a.ADDQ(imm(4), prog)
	a.zero(acc)
	a.TESTQ(cnt, cnt)
	a.JLT(a.ref("done"))
	a.JZ(a.ref("store"))
	a.Label(a.lab("term"))
	a.MOVLQSX(at(prog, 0), off)
	c := a.spread(at(prog, 4))
	a.ADDQ(imm(8), prog)
	a.fma(acc, c, a.loadTail(operand.Mem{Base: src, Index: off, Scale: 1}, t))
	a.DECQ(cnt)
	a.JNZ(a.ref("term"))
	a.Label(a.lab("store"))
	a.store(acc, at(out, 0))
	a.ADDQ(step, out)
	a.JMP(a.ref("result"))
	a.Label(a.lab("done"))
	ds, ss := a.arg("dstep"), a.arg("sstep")
	a.ADDQ(ds, dst)
	a.ADDQ(ss, src)
	a.SHRQ(operand.U8(2), ss)
	a.SUBQ(ss, n)
	a.DECQ(blocks)
	a.JNZ(a.ref("block"))
	a.ret()
}

// pathForward: one path with d3 components of the result held in registers.
// Dense in (a, k): M[block][a][k][16].
func (a *asm) pathForward(d3 int) {
	a.begin(fmt.Sprintf("pathForward%d", d3), fmt.Sprintf("adds one path's messages to the %d rows of out.", d3))
	off, left := a.GP64(), a.movq("mul")
	a.XORQ(off, off)
	a.inChunks(left, "chunk", func(t tail, sx string) {
		acc := a.vecs(d3)
		for _, v := range acc {
			a.zero(v)
		}
		e, b, m := a.GP64(), a.movq("b"), a.movq("m")
		a.XORQ(e, e)
		a.Label(a.lab("edge" + sx))
		x, c, crow := a.GP64(), a.GP64(), a.movq("crow")
		q := a.movq("j")
		a.MOVLQSX(operand.Mem{Base: q, Index: e, Scale: 4}, x)
		a.IMULQ(a.field("xrow"), x)
		a.ADDQ(a.field("x"), x)
		a.ADDQ(off, x)
		q = a.movq("row")
		a.MOVLQSX(operand.Mem{Base: q, Index: e, Scale: 4}, c)
		a.IMULQ(crow, c)
		a.ADDQ(a.field("coef"), c)
		a.ADDQ(off, c)
		W := a.vec()
		for q := range 4 {
			v, s := a.loadTail(at(c, 0), t), a.spread(at(b, 64*q))
			if q == 0 {
				a.VMULPS(v, s, W)
			} else {
				a.fma(W, v, s)
			}
			if q < 3 {
				a.ADDQ(crow, c)
			}
		}
		k, p := a.movq("d1"), a.GP64()
		a.MOVQ(m, p)
		a.Label(a.lab("component" + sx))
		xa := a.loadTail(at(x, 0), t)
		xa = a.mul(xa, W)
		for k := range d3 {
			a.fmaSpread(acc[k], xa, at(p, 64*k))
		}
		a.ADDQ(imm(64*d3), p)
		a.ADDQ(a.field("xcomp"), x)
		a.DECQ(k)
		a.JNZ(a.ref("component" + sx))
		a.ADDQ(imm(4), m)
		a.ADDQ(imm(4), b)
		a.INCQ(e)
		a.TESTQ(imm(15), e)
		a.JNZ(a.ref("same" + sx))
		a.LEAQ(at(p, 4-64), m) // p is at the next block, its lane 15
		a.ADDQ(a.field("ystep"), b)
		a.Label(a.lab("same" + sx))
		a.CMPQ(e, a.field("n"))
		a.JLT(a.ref("edge" + sx))
		out := a.movq("out")
		a.ADDQ(off, out)
		for k := range d3 {
			v := a.loadTail(at(out, 0), t)
			a.storeTail(a.add(v, acc[k]), at(out, 0), t)
			if k < d3-1 {
				a.ADDQ(a.field("ocomp"), out)
			}
		}
		a.ADDQ(imm(a.size()), off)
	})
	a.ret()
}

// fmaSpread is acc += x·(a number in memory).
func (a *asm) fmaSpread(acc, x val, m operand.Mem) {
	if a.lanes == 16 {
		a.VFMADD231PS_BCST(m, x, acc)
	} else {
		a.fma(acc, x, a.spread(m))
	}
}

func (a *asm) mulSpread(x val, m operand.Mem) val {
	v := a.vec()
	if a.lanes == 16 {
		a.VMULPS_BCST(m, x, v)
	} else {
		a.VMULPS(a.spread(m), x, v)
	}
	return v
}

// pathBackward: one path with d2 harmonics. Dense: B[chunk][a][b][lanes].
func (a *asm) pathBackward(d2 int) {
	a.begin(fmt.Sprintf("pathBackward%d", d2), fmt.Sprintf("adds one path's part of the gradients: %d harmonics.", d2))
	e, b, y, z := a.GP64(), a.movq("b"), a.movq("y"), a.movq("z")
	a.XORQ(e, e)
	a.Label(a.lab("edge"))
	R := a.vec()
	a.load(at(z, 0), R)
	var Z []val
	zm := a.movq("zm")
	if d2 > 1 {
		Z = a.vecs(d2)
		for m, v := range Z {
			a.load(operand.Mem{Base: z, Index: zm, Scale: 1, Disp: a.size() * m}, v)
		}
	}
	x, off := a.GP64(), a.GP64()
	q := a.movq("j")
	a.MOVLQSX(operand.Mem{Base: q, Index: e, Scale: 4}, off)
	a.IMULQ(a.field("xrow"), off)
	c := a.GP64()
	q = a.movq("row")
	a.MOVLQSX(operand.Mem{Base: q, Index: e, Scale: 4}, c)
	a.IMULQ(a.field("crow"), c)
	a.ADDQ(a.field("coef"), c)
	B, left := a.movq("bb"), a.movq("mul")
	a.inChunks(left, "chunk", func(t tail, sx string) {
		W, D := a.vec(), a.vec()
		p := a.GP64()
		a.MOVQ(c, p)
		for q := range 4 {
			v := a.loadTail(at(p, 0), t)
			if q == 0 {
				W, D = a.mulSpread(v, at(b, 0)), a.mulSpread(v, at(b, 256))
			} else {
				a.fmaSpread(W, v, at(b, 64*q))
				a.fmaSpread(D, v, at(b, 256+64*q))
			}
			if q < 3 {
				a.ADDQ(a.field("crow"), p)
			}
		}
		k := a.movq("d1")
		g := a.GP64()
		a.MOVQ(off, x)
		a.Label(a.lab("component" + sx))
		a.MOVQ(a.field("x"), p)
		xa := a.loadTail(operand.Mem{Base: p, Index: x, Scale: 1}, t)
		wx := a.mul(xa, W)
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
			if d2 > 1 {
				a.fma(Z[m], v, wx)
			}
		}
		a.VMULPS(xa, D, xa)
		a.fma(R, xa, h)
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
		a.ADDQ(imm(a.size()), off)
		a.ADDQ(imm(a.size()), c)
	})
	a.store(R, at(z, 0))
	for m, v := range Z {
		a.store(v, operand.Mem{Base: z, Index: zm, Scale: 1, Disp: a.size() * m})
	}
	a.ADDQ(a.field("zrow"), z)
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

// laneSums: the sums over lanes of z [edge][m] go to gr (m = 0) and gy. As many
// edges as lanes are summed together by a transposing tree.
func (a *asm) laneSums() {
	a.function("laneSums", "(n, ny int, z *float32, gr, gy *float32, stride int)",
		"adds the sums over the lanes of z [edge][ny][lanes] to gr (first row) and gy[m·stride+e].\n"+
			"It reads the rows of whole blocks of edges.")
	n, z, gr, gy, row := a.arg("n"), a.arg("z"), a.arg("gr"), a.arg("gy"), a.arg("ny")
	if a.lanes == 16 {
		a.SHLQ(operand.U8(6), row)
	} else {
		a.SHLQ(operand.U8(5), row)
	}
	a.Label(a.lab("block"))
	t := a.remaining(n)
	left, to, from, p := a.arg("ny"), a.GP64(), a.GP64(), a.GP64()
	a.MOVQ(gr, to)
	a.MOVQ(z, from)
	a.MOVQ(gy, p)
	a.Label(a.lab("harmonic"))
	in := a.GP64()
	a.MOVQ(from, in)
	v := make([]val, a.lanes)
	for e := range v {
		// the slot that the tree brings to place e
		slot := []int{0, 2, 1, 3}[e%4]
		if a.lanes == 16 {
			slot += []int{0, 8, 4, 12}[e/4]
		} else {
			slot += e / 4 * 4
		}
		v[slot] = a.get(at(in, 0))
		if e < a.lanes-1 {
			a.ADDQ(row, in)
		}
	}
	sum := a.tree(v)
	a.storeTail(a.add(sum, a.loadTail(at(to, 0), t)), at(to, 0), t)
	a.ADDQ(a.arg("stride"), p)
	a.MOVQ(p, to)
	a.ADDQ(imm(a.size()), from)
	a.DECQ(left)
	a.JNZ(a.ref("harmonic"))
	a.ADDQ(imm(a.size()), gr)
	a.ADDQ(imm(a.size()), gy)
	for range a.lanes {
		a.ADDQ(row, z)
	}
	a.SUBQ(imm(a.lanes), n)
	a.JGT(a.ref("block"))
	a.ret()
}

// tree sums the lanes of each of as many vectors as a vector has lanes; place
// 4i+k of the result belongs to vector {0, 8, 4, 12}[i] + {0, 2, 1, 3}[k], with 8
// lanes to 4i + {0, 2, 1, 3}[k].
func (a *asm) tree(v []val) val {
	halve := func(join func(x, y val, lo, hi val)) {
		h := len(v) / 2
		for i := range h {
			lo, hi := a.vec(), a.vec()
			join(v[i], v[i+h], lo, hi)
			v[i] = a.add(lo, hi)
		}
		v = v[:h]
	}
	if a.lanes == 16 {
		halve(func(x, y, lo, hi val) {
			a.VSHUFF32X4(operand.U8(0x44), y, x, lo)
			a.VSHUFF32X4(operand.U8(0xee), y, x, hi)
		})
		halve(func(x, y, lo, hi val) {
			a.VSHUFF32X4(operand.U8(0x88), y, x, lo)
			a.VSHUFF32X4(operand.U8(0xdd), y, x, hi)
		})
	} else {
		halve(func(x, y, lo, hi val) {
			a.VPERM2F128(operand.U8(0x20), y, x, lo)
			a.VPERM2F128(operand.U8(0x31), y, x, hi)
		})
	}
	halve(func(x, y, lo, hi val) {
		a.VUNPCKLPS(y, x, lo)
		a.VUNPCKHPS(y, x, hi)
	})
	halve(func(x, y, lo, hi val) {
		a.VSHUFPS(operand.U8(0x44), y, x, lo)
		a.VSHUFPS(operand.U8(0xee), y, x, hi)
	})
	return v[0]
}
