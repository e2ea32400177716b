package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// rows writes loops over rows: whole vectors, of double precision where the name has no 32.
func rows(c *build.Context) {
	a := &asm{Context: c, lanes: 16, label: 4000, data: map[string]operand.Mem{}}
	a.rows()
	data := a.data
	a = &asm{Context: c, lanes: 8, label: 5000, data: data}
	a.rows()
}

func (a *asm) rows() {
	a.mulRows()
	a.axpyRows()
	a.axpyRows32()
	a.dotRows()
	a.bellRows()
	a.cosineRows()
}

// datum64 is a float64 in memory.
func (a *asm) datum64(x float64) operand.Mem {
	bits := math.Float64bits(x)
	name := fmt.Sprintf("d%016x", bits)
	if m, ok := a.data[name]; ok {
		return m
	}
	m := a.ConstData(name, operand.U64(bits))
	a.data[name] = m
	return m
}

func (a *asm) num64(x float64) val {
	v := a.vec()
	a.VBROADCASTSD(a.datum64(x), v)
	return v
}

func (a *asm) get64(p reg.GPVirtual) val {
	v := a.vec()
	a.VMOVUPD(at(p, 0), v)
	return v
}

func (a *asm) mul64(x val, y operand.Op) val {
	v := a.vec()
	a.VMULPD(y, x, v)
	return v
}

// poly64 is Horner's rule, highest coefficient first.
func (a *asm) poly64(x val, c []float64) val {
	p := a.num64(c[0])
	for _, q := range c[1:] {
		a.VFMADD213PD(a.num64(q), x, p)
	}
	return p
}

// param is a float64 argument in all lanes.
func (a *asm) param(name string) val {
	x, v := a.XMM(), a.vec()
	a.Load(a.Param(name), x)
	a.VBROADCASTSD(x, v)
	return v
}

// loop runs body for n vectors, and moves the pointers on.
func (a *asm) loop(n reg.GPVirtual, pointers []reg.GPVirtual, body func()) {
	a.Label(a.lab("vector"))
	body()
	for _, p := range pointers {
		a.ADDQ(imm(a.size()), p)
	}
	a.DECQ(n)
	a.JNZ(a.ref("vector"))
}

func (a *asm) mulRows() {
	a.function("mulRows", "(n int, to, x, y *float64)", "is to = x·y for n vectors, at least one.")
	n, to, x, y := a.arg("n"), a.arg("to"), a.arg("x"), a.arg("y")
	a.loop(n, []reg.GPVirtual{to, x, y}, func() {
		a.VMOVUPD(a.mul64(a.get64(x), at(y, 0)), at(to, 0))
	})
	a.ret()
}

func (a *asm) axpyRows() {
	a.function("axpyRows", "(n int, c float64, x, y *float64)", "is y += c·x for n vectors, at least one.")
	n, x, y, c := a.arg("n"), a.arg("x"), a.arg("y"), a.param("c")
	a.loop(n, []reg.GPVirtual{x, y}, func() {
		v := a.get64(y)
		a.VFMADD231PD(at(x, 0), c, v)
		a.VMOVUPD(v, at(y, 0))
	})
	a.ret()
}

func (a *asm) axpyRows32() {
	a.function("axpyRows32", "(n int, c float32, x, y *float32)", "is y += c·x for n vectors, at least one.")
	n, x, y := a.arg("n"), a.arg("x"), a.arg("y")
	one, c := a.XMM(), a.vec()
	a.Load(a.Param("c"), one)
	a.VBROADCASTSS(one, c)
	a.loop(n, []reg.GPVirtual{x, y}, func() {
		v := a.get(at(y, 0))
		a.fma(v, c, at(x, 0))
		a.store(v, at(y, 0))
	})
	a.ret()
}

func (a *asm) dotRows() {
	a.function("dotRows", "(n int, x, y, sums *float64)", "writes the sums over n vectors, at least one, of x·y to the lanes of sums.")
	n, x, y, to := a.arg("n"), a.arg("x"), a.arg("y"), a.arg("sums")
	// Two sums, so that they do not wait for each other.
	s, t := a.vec(), a.vec()
	a.VXORPD(s, s, s)
	a.VXORPD(t, t, t)
	a.Label(a.lab("pair"))
	a.VFMADD231PD(at(y, 0), a.get64(x), s)
	a.DECQ(n)
	a.JZ(a.ref("end"))
	v := a.vec()
	a.VMOVUPD(at(x, a.size()), v)
	a.VFMADD231PD(at(y, a.size()), v, t)
	a.ADDQ(imm(2*a.size()), x)
	a.ADDQ(imm(2*a.size()), y)
	a.DECQ(n)
	a.JNZ(a.ref("pair"))
	a.Label(a.lab("end"))
	a.VADDPD(t, s, s)
	a.VMOVUPD(s, at(to, 0))
	a.ret()
}

// exp64 is e^x for x ≤ 0 to rounding: x = k ln 2 + r, a polynomial of degree 13 in
// |r| ≤ ln 2/2. Below −708 it is e^−708.
func (a *asm) exp64(x val) val {
	y, k := a.vec(), a.vec()
	a.VMAXPD(x, a.num64(-708), y) // NaN stays
	t := a.mul64(y, a.num64(math.Log2E))
	if a.lanes == 16 {
		a.VRNDSCALEPD(operand.U8(nearest), t, k)
	} else {
		a.VROUNDPD(operand.U8(nearest), t, k)
	}
	a.VFNMADD231PD(a.num64(6.93147180369123816490e-01), k, y) // ln 2 in two parts
	a.VFNMADD231PD(a.num64(1.90821492927058770002e-10), k, y)
	var c []float64
	f := 1.0
	for n := range 14 {
		if n > 0 {
			f *= float64(n)
		}
		c = append([]float64{1 / f}, c...)
	}
	p := a.poly64(y, c)
	if a.lanes == 16 {
		out := a.vec()
		a.VSCALEFPD(k, p, out)
		return out
	}
	i, e := a.XMM(), a.vec()
	a.VCVTPD2DQY(k, i)
	a.VPMOVSXDQ(i, e)
	bias := a.vec()
	a.VPBROADCASTQ(a.bias(), bias)
	a.VPADDQ(bias, e, e)
	a.VPSLLQ(operand.U8(52), e, e)
	return a.mul64(p, e)
}

// bias is that of the exponent, as an integer.
func (a *asm) bias() operand.Mem {
	const name = "bias"
	if m, ok := a.data[name]; ok {
		return m
	}
	m := a.ConstData(name, operand.U64(1023))
	a.data[name] = m
	return m
}

func (a *asm) bellRows() {
	a.function("bellRows", "(n int, eta, shift float64, r, fc, dfc, f, df *float64)",
		"is f = e·fc and df = e·(dfc − 2η(r−shift)·fc), e = exp(−η(r−shift)²), for n vectors, at least one.")
	n, r, fc, dfc, f, df := a.arg("n"), a.arg("r"), a.arg("fc"), a.arg("dfc"), a.arg("f"), a.arg("df")
	eta, shift := a.param("eta"), a.param("shift")
	a.loop(n, []reg.GPVirtual{r, fc, dfc, f, df}, func() {
		d := a.get64(r)
		a.VSUBPD(shift, d, d)
		g := a.mul64(eta, d) // η d
		x := a.vec()
		a.VXORPD(x, x, x)
		a.VFNMADD231PD(g, d, x) // −η d²
		e := a.exp64(x)
		v := a.get64(fc)
		w := a.get64(dfc)
		a.VADDPD(g, g, g)
		a.VFNMADD231PD(g, v, w)
		a.VMOVUPD(a.mul64(e, v), at(f, 0))
		a.VMOVUPD(a.mul64(e, w), at(df, 0))
	})
	a.ret()
}

// series are the coefficients of sin πy / y, or with even of cos πy, in y², highest
// first: Taylor's, to rounding for |y| ≤ ½.
func series(even bool) (c []float64) {
	t := math.Pi
	if even {
		t = 1
	}
	for n := range 12 {
		c = append([]float64{t}, c...)
		k := float64(2 * n)
		if even {
			t *= -math.Pi * math.Pi / ((k + 1) * (k + 2))
		} else {
			t *= -math.Pi * math.Pi / ((k + 2) * (k + 3))
		}
	}
	return c
}

func (a *asm) cosineRows() {
	a.function("cosineRows", "(n int, cutoff, inverse float64, r, fc, dfc *float64)",
		"is fc = ½(cos(π r/cutoff) + 1) and its slope, for n vectors, at least one; both are 0 from the cutoff on.")
	n, r, fc, dfc := a.arg("n"), a.arg("r"), a.arg("fc"), a.arg("dfc")
	cutoff, inv := a.param("cutoff"), a.param("inverse")
	a.loop(n, []reg.GPVirtual{r, fc, dfc}, func() {
		x := a.get64(r)
		y, half := a.vec(), a.num64(0.5)
		a.VMOVAPD(half, y)
		a.VFMSUB231PD(inv, x, y) // y = x/r_c − ½
		q := a.mul64(y, y)
		s := a.mul64(a.poly64(q, series(false)), y) // cos πx = −sin πy
		c := a.poly64(q, series(true))              // sin πx = cos πy
		v := a.vec()
		a.VMOVAPD(half, v)
		a.VFNMADD231PD(half, s, v)
		w := a.mul64(c, inv)
		w = a.mul64(w, a.num64(-math.Pi/2))
		const notBelow = 13 // r ≥ cutoff; not for NaN, which stays
		if a.lanes == 16 {
			zero, outside := a.vec(), a.K()
			a.VXORPD(zero, zero, zero)
			a.VCMPPD(operand.U8(notBelow), cutoff, x, outside)
			a.VMOVAPD(zero, outside, v)
			a.VMOVAPD(zero, outside, w)
		} else {
			outside := a.vec()
			a.VCMPPD(operand.U8(notBelow), cutoff, x, outside)
			a.VANDNPD(v, outside, v)
			a.VANDNPD(w, outside, w)
		}
		a.VMOVUPD(v, at(fc, 0))
		a.VMOVUPD(w, at(dfc, 0))
	})
	a.ret()
}
