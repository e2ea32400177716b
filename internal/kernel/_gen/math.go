package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/attr"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// val is a vector in a register; the functions below write straight-line
// arithmetic on such vectors into new registers.
type val = reg.VecVirtual

// constant returns a float32 in memory, one datum for each value in a file.
func (a *asm) datum(x float64) operand.Mem {
	bits := math.Float32bits(float32(x))
	name := fmt.Sprintf("f%08x", bits)
	if m, ok := a.data[name]; ok {
		return m
	}
	m := a.ConstData(name, operand.U32(bits))
	a.data[name] = m
	return m
}

func (a *asm) num(x float64) val {
	v := a.vec()
	a.bcast(a.datum(x), v)
	return v
}

func (a *asm) get(m operand.Mem) val {
	v := a.vec()
	a.load(m, v)
	return v
}

func (a *asm) spread(m operand.Mem) val {
	v := a.vec()
	a.bcast(m, v)
	return v
}

func (a *asm) mul(x val, y operand.Op) val {
	v := a.vec()
	a.VMULPS(y, x, v)
	return v
}

func (a *asm) add(x val, y operand.Op) val {
	v := a.vec()
	a.VADDPS(y, x, v)
	return v
}

func (a *asm) sub(x val, y operand.Op) val {
	v := a.vec()
	a.VSUBPS(y, x, v)
	return v
}

func (a *asm) div(x, y val) val {
	v := a.vec()
	a.VDIVPS(y, x, v)
	return v
}

func (a *asm) scale(c float64, x val) val { return a.mul(x, a.num(c)) }

// muladd is x·y + z in a new register, mulsub x·y − z, submul z − x·y.
func (a *asm) muladd(x, y, z val) val {
	v := a.vec()
	a.VMOVAPS(z, v)
	a.VFMADD231PS(y, x, v)
	return v
}

func (a *asm) submul(z, x, y val) val {
	v := a.vec()
	a.VMOVAPS(z, v)
	a.VFNMADD231PS(y, x, v)
	return v
}

// poly is Horner's rule, highest coefficient first.
func (a *asm) poly(x val, c ...float64) val {
	p := a.num(c[0])
	for _, q := range c[1:] {
		a.VFMADD213PS(a.num(q), x, p)
	}
	return p
}

// round to the nearest integer.
func (a *asm) round(x val, mode int) val {
	v := a.vec()
	if a.lanes == 16 {
		a.VRNDSCALEPS(operand.U8(mode), x, v)
	} else {
		a.VROUNDPS(operand.U8(mode), x, v)
	}
	return v
}

const (
	nearest = 8 // inexact suppressed
	down    = 9
)

// exp is e^x to 1e-7: x = n ln 2 + r, a polynomial of degree 6 in |r| ≤ ln 2/2
// and 2ⁿ put into the exponent. Arguments beyond ±87 are taken as ±87.
func (a *asm) exp(x val) val {
	y := a.vec()
	a.VMINPS(a.num(87), x, y)
	a.VMAXPS(a.num(-87), y, y)
	n := a.round(a.scale(math.Log2E, y), nearest)
	const hi = 0.693359375 // ln 2 in two parts, the first with few bits
	r := a.submul(y, n, a.num(hi))
	a.VFNMADD231PS(a.num(math.Ln2-hi), n, r)
	// Taylor's series with the last terms economised (least squares, relative).
	p := a.poly(r, expPoly...)
	a.VCVTPS2DQ(n, n)
	a.VPSLLD(operand.U8(23), n, n)
	a.VPADDD(n, p, p)
	return p
}

// expPoly approximates e^r on |r| ≤ 0.35: interpolation at Chebyshev nodes.
var expPoly = chebyshev(math.Exp, 0.3470, 6)

// chebyshev interpolates f by a polynomial of that degree on [−h, h] and
// returns its coefficients, highest first.
func chebyshev(f func(float64) float64, h float64, degree int) []float64 {
	n := degree + 1
	m := make([][]float64, n)
	for i := range m {
		x := h * math.Cos(math.Pi*(float64(i)+0.5)/float64(n))
		m[i] = make([]float64, n+1)
		for k := range n {
			m[i][k] = math.Pow(x, float64(degree-k))
		}
		m[i][n] = f(x)
	}
	for c := range n {
		p := c
		for i := c; i < n; i++ {
			if math.Abs(m[i][c]) > math.Abs(m[p][c]) {
				p = i
			}
		}
		m[c], m[p] = m[p], m[c]
		for i := range n {
			if i != c {
				q := m[i][c] / m[c][c]
				for k := c; k <= n; k++ {
					m[i][k] -= q * m[c][k]
				}
			}
		}
	}
	out := make([]float64, n)
	for k := range out {
		out[k] = m[k][n] / m[k][k]
	}
	return out
}

// sigmoid is 1/(1+e^−x).
func (a *asm) sigmoid(x val) val {
	z := a.vec()
	a.zero(z)
	e := a.exp(a.sub(z, x))
	one := a.num(1)
	return a.div(one, a.add(one, e))
}

// tail is the mask of lanes that remain.
type tail struct {
	full bool // all of them: no mask
	k    reg.OpmaskVirtual
	v    val
}

// inChunks writes body twice: for as many whole vectors of left numbers as there
// are, and for what remains. The body ends by moving its pointers on. Masked
// stores are slow on some processors.
func (a *asm) inChunks(left reg.GPVirtual, name string, body func(t tail, suffix string)) {
	a.CMPQ(left, imm(a.lanes))
	a.JLT(a.ref(name + "Tail"))
	a.Label(a.lab(name))
	body(tail{full: true}, "F")
	a.SUBQ(imm(a.lanes), left)
	a.CMPQ(left, imm(a.lanes))
	a.JGE(a.ref(name))
	a.Label(a.lab(name + "Tail"))
	a.TESTQ(left, left)
	a.JZ(a.ref(name + "End"))
	body(a.remaining(left), "T")
	a.Label(a.lab(name + "End"))
}

// remaining makes the mask of min(n, lanes) lanes from a counter n > 0.
func (a *asm) remaining(n reg.GPVirtual) tail {
	if a.lanes == 16 {
		m, c := a.GP32(), a.GP32()
		a.MOVL(operand.U32(0xffffffff), m)
		a.MOVL(n.As32(), c)
		over := a.GP32()
		a.MOVL(operand.U32(16), over)
		a.CMPL(c, operand.U8(16))
		a.CMOVLGT(over, c)
		a.BZHIL(c, m, m)
		k := a.K()
		a.KMOVW(m, k)
		return tail{k: k}
	}
	v, x := a.vec(), a.XMM()
	a.VMOVQ(n, x) // not MOVQ: mixing in SSE instructions costs some hundred cycles
	a.VPBROADCASTD(x, v)
	if _, ok := a.data["iota"]; !ok {
		g := a.StaticGlobal("iota8")
		a.DataAttributes(attr.RODATA | attr.NOPTR)
		for i := range 8 {
			a.AppendDatum(operand.U32(i))
		}
		a.data["iota"] = g
	}
	m := a.vec()
	a.VPCMPGTD(a.data["iota"], v, m)
	return tail{v: m}
}

func (a *asm) loadTail(m operand.Mem, t tail) val {
	v := a.vec()
	switch {
	case t.full:
		a.load(m, v)
	case a.lanes == 16:
		a.VMOVUPS_Z(m, t.k, v)
	default:
		a.VMASKMOVPS(m, t.v, v)
	}
	return v
}

func (a *asm) storeTail(v val, m operand.Mem, t tail) {
	switch {
	case t.full:
		a.store(v, m)
	case a.lanes == 16:
		a.VMOVUPS(v, t.k, m)
	default:
		a.VMASKMOVPS(v, t.v, m)
	}
}
