package main

import (
	"math"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// edges writes geometry and harmonics of a batch of edges, and the gradient.
func edges(c *build.Context) {
	data := map[string]operand.Mem{}
	for _, lanes := range []int{16, 8} {
		a := &asm{Context: c, lanes: lanes, label: 1000 * lanes, data: data}
		a.geometry()
		a.gradient()
		if lanes == 16 {
			a.edgeSums()
		}
	}
}

const s3, s5, s15 = 1.7320508075688772, 2.2360679774997896, 3.872983346207417

var (
	c9  = math.Sqrt(7 * 5. / 8)
	c10 = math.Sqrt(7 * 15.)
	c11 = math.Sqrt(7 * 3. / 8)
	c12 = math.Sqrt(7.) / 2
	c14 = math.Sqrt(7*15.) / 2
)

// geometry: lengths, unit vectors and harmonics to l = 3 of n edges.
func (a *asm) geometry() {
	a.function("geometry", "(n, lmax int, unit bool, dx, dy, dz, ux, uy, uz, r, y *float32)",
		"fills ux…, r and the harmonics y[m·n+e], m < (lmax+1)², from dx…; n is a multiple of 16, lmax at most 3.")
	n, stride := a.arg("n"), a.GP64()
	a.MOVQ(n, stride)
	a.SHLQ(operand.U8(2), stride)
	off := a.GP64()
	a.XORQ(off, off)
	ptr := func(s string) operand.Mem {
		return operand.Mem{Base: a.arg(s), Index: off, Scale: 1}
	}
	lmax := a.arg("lmax")
	unit := a.GP8()
	a.Load(a.Param("unit"), unit)
	a.Label(a.lab("loop"))
	x, y, z := a.get(ptr("dx")), a.get(ptr("dy")), a.get(ptr("dz"))
	q := a.mul(x, x)
	a.fma(q, y, y)
	a.fma(q, z, z)
	r := a.vec()
	a.VSQRTPS(q, r)
	a.store(r, ptr("r"))
	inv := a.div(a.num(1), r)
	for k, v := range []val{x, y, z} {
		u := a.mul(v, inv)
		a.store(u, ptr([]string{"ux", "uy", "uz"}[k]))
	}
	a.TESTB(unit, unit)
	a.JZ(a.ref("raw"))
	for _, v := range []val{x, y, z} {
		a.VMULPS(inv, v, v)
	}
	a.Label(a.lab("raw"))
	Y := a.GP64()
	a.LEAQ(ptr("y"), Y)
	out := func(v val) {
		a.store(v, at(Y, 0))
		a.ADDQ(stride, Y)
	}
	out(a.num(1))
	a.CMPQ(lmax, operand.U8(1))
	a.JLT(a.ref("next"))
	out(a.scale(s3, x))
	out(a.scale(s3, y))
	out(a.scale(s3, z))
	a.CMPQ(lmax, operand.U8(2))
	a.JLT(a.ref("next"))
	xz, x2, z2 := a.mul(x, z), a.mul(x, x), a.mul(z, z)
	y2 := a.mul(y, y)
	h := a.add(x2, z2)
	out(a.scale(s15, xz))
	out(a.scale(s15, a.mul(x, y)))
	out(a.scale(s5, a.submul(y2, h, a.num(0.5))))
	out(a.scale(s15, a.mul(y, z)))
	d := a.sub(z2, x2)
	out(a.scale(s15/2, d))
	a.CMPQ(lmax, operand.U8(3))
	a.JLT(a.ref("next"))
	three, two := a.num(3), a.num(2)
	out(a.scale(c9, a.mul(x, a.sub(a.mul(three, z2), x2))))
	out(a.scale(c10, a.mul(xz, y)))
	f := a.sub(a.mul(y2, a.num(4)), h)
	out(a.scale(c11, a.mul(x, f)))
	out(a.scale(c12, a.mul(y, a.sub(a.mul(two, y2), a.mul(three, h)))))
	out(a.scale(c11, a.mul(z, f)))
	out(a.scale(c14, a.mul(y, d)))
	out(a.scale(c9, a.mul(z, a.sub(z2, a.mul(three, x2)))))
	a.Label(a.lab("next"))
	a.ADDQ(imm(a.size()), off)
	a.CMPQ(off, stride)
	a.JLT(a.ref("loop"))
	a.ret()
}

// gradient: ∂E/∂r_ij from ∂E/∂r and ∂E/∂Y.
func (a *asm) gradient() {
	a.function("gradient", "(n, lmax int, unit bool, x, y, z, ux, uy, uz, r, gr, gy, out *float32)",
		"sets out[k·n+e] from gr and gy[m·n+e]; x, y, z is what the harmonics were taken of.")
	stride := a.arg("n")
	a.SHLQ(operand.U8(2), stride)
	off := a.GP64()
	a.XORQ(off, off)
	ptr := func(s string) operand.Mem {
		return operand.Mem{Base: a.arg(s), Index: off, Scale: 1}
	}
	a.Label(a.lab("loop"))
	x, y, z := a.get(ptr("x")), a.get(ptr("y")), a.get(ptr("z"))
	A, B, C := a.vec(), a.vec(), a.vec()
	for _, v := range []val{A, B, C} {
		a.zero(v)
	}
	lmax := a.arg("lmax")
	G := a.GP64()
	a.LEAQ(ptr("gy"), G)
	next := func() val {
		a.ADDQ(stride, G)
		return a.get(at(G, 0))
	}
	// term adds c·p·g to an axis.
	term := func(axis val, c float64, p, g val) { a.fma(axis, a.scale(c, p), g) }
	a.CMPQ(lmax, operand.U8(1))
	a.JLT(a.ref("join"))
	k3 := a.num(s3)
	a.fma(A, k3, next())
	a.fma(B, k3, next())
	a.fma(C, k3, next())
	a.CMPQ(lmax, operand.U8(2))
	a.JLT(a.ref("join"))
	g := next()
	term(A, s15, z, g)
	term(C, s15, x, g)
	g = next()
	term(A, s15, y, g)
	term(B, s15, x, g)
	g = next()
	term(A, -s5, x, g)
	term(B, 2*s5, y, g)
	term(C, -s5, z, g)
	g = next()
	term(B, s15, z, g)
	term(C, s15, y, g)
	g = next()
	term(A, -s15, x, g)
	term(C, s15, z, g)
	a.CMPQ(lmax, operand.U8(3))
	a.JLT(a.ref("join"))
	x2, y2, z2 := a.mul(x, x), a.mul(y, y), a.mul(z, z)
	xy, xz, yz := a.mul(x, y), a.mul(x, z), a.mul(y, z)
	three, four := a.num(3), a.num(4)
	g = next() // c9 (3xz² − x³)
	term(A, 3*c9, a.sub(z2, x2), g)
	term(C, 6*c9, xz, g)
	g = next() // c10 xyz
	term(A, c10, yz, g)
	term(B, c10, xz, g)
	term(C, c10, xy, g)
	g = next() // c11 (4xy² − x³ − xz²)
	term(A, c11, a.sub(a.submul(a.mul(four, y2), three, x2), z2), g)
	term(B, 8*c11, xy, g)
	term(C, -2*c11, xz, g)
	g = next() // c12 (2y³ − 3yx² − 3yz²)
	term(A, -6*c12, xy, g)
	term(B, 3*c12, a.sub(a.add(y2, y2), a.add(x2, z2)), g)
	term(C, -6*c12, yz, g)
	g = next() // c11 (4zy² − zx² − z³)
	term(A, -2*c11, xz, g)
	term(B, 8*c11, yz, g)
	term(C, c11, a.sub(a.submul(a.mul(four, y2), three, z2), x2), g)
	g = next() // c14 (yz² − yx²)
	term(A, -2*c14, xy, g)
	term(B, c14, a.sub(z2, x2), g)
	term(C, 2*c14, yz, g)
	g = next() // c9 (z³ − 3x²z)
	term(A, -6*c9, xz, g)
	term(C, 3*c9, a.sub(z2, x2), g)
	a.Label(a.lab("join"))
	unit := a.GP8()
	a.Load(a.Param("unit"), unit)
	a.TESTB(unit, unit)
	a.JZ(a.ref("raw"))
	// (I − u uᵀ)/r of the harmonics' part
	q := a.mul(A, x)
	a.fma(q, B, y)
	a.fma(q, C, z)
	inv := a.div(a.num(1), a.get(ptr("r")))
	for k, v := range []val{A, B, C} {
		a.VFNMADD231PS([]val{x, y, z}[k], q, v)
		a.VMULPS(inv, v, v)
	}
	a.Label(a.lab("raw"))
	gr := a.get(ptr("gr"))
	out := a.GP64()
	a.LEAQ(ptr("out"), out)
	for k, v := range []reg.VecVirtual{A, B, C} {
		a.fma(v, gr, a.get(ptr([]string{"ux", "uy", "uz"}[k])))
		a.store(v, at(out, 0))
		a.ADDQ(stride, out)
	}
	a.ADDQ(imm(a.size()), off)
	a.CMPQ(off, stride)
	a.JLT(a.ref("loop"))
	a.ret()
}

// edgeSums: Σ g and Σ r ⊗ g in double precision, eight edges at a time.
func (a *asm) edgeSums() {
	a.function("edgeSums", "(n int, dx, dy, dz, gx, gy, gz *float32, sum, virial *float64)", "sets the three sums and the nine.")
	n, off := a.arg("n"), a.GP64()
	a.XORQ(off, off)
	var sum [3]val
	var w [3][3]val
	for k := range sum {
		sum[k] = a.vec()
		a.zero(sum[k])
		for l := range sum {
			w[k][l] = a.vec()
			a.zero(w[k][l])
		}
	}
	var p [6]reg.GPVirtual
	for k, s := range []string{"dx", "dy", "dz", "gx", "gy", "gz"} {
		p[k] = a.arg(s)
	}
	mask, bits, c := a.K(), a.GP64(), a.GP64()
	a.Label(a.lab("loop"))
	a.MOVQ(n, c)
	a.MOVQ(operand.U32(8), bits)
	a.CMPQ(c, bits)
	a.CMOVQGT(bits, c)
	a.MOVQ(operand.U32(0xff), bits)
	a.BZHIQ(c, bits, bits)
	a.KMOVB(bits.As32(), mask)
	var v [6]val
	for k := range v {
		v[k] = a.vec()
		a.VCVTPS2PD_Z(operand.Mem{Base: p[k], Index: off, Scale: 1}, mask, v[k])
	}
	for l := range sum {
		a.VADDPD(v[3+l], sum[l], sum[l])
		for k := range sum {
			a.VFMADD231PD(v[3+l], v[k], w[k][l])
		}
	}
	a.ADDQ(imm(32), off)
	a.SUBQ(imm(8), n)
	a.JGT(a.ref("loop"))
	total := func(v val, m operand.Mem) {
		y, x := a.YMM(), a.XMM()
		z := v
		a.VEXTRACTF64X4(operand.U8(1), z, y)
		a.VADDPD(y, z.AsY(), y)
		a.VEXTRACTF64X2(operand.U8(1), y, x)
		a.VADDPD(x, y.AsX(), x)
		s := a.XMM()
		a.VPERMILPD(operand.U8(1), x, s)
		a.VADDSD(s, x, x)
		a.VMOVSD(x, m)
	}
	out := a.arg("sum")
	for k := range sum {
		total(sum[k], at(out, 8*k))
	}
	out = a.arg("virial")
	for k := range sum {
		for l := range sum {
			total(w[k][l], at(out, 8*(3*k+l)))
		}
	}
	a.ret()
}
