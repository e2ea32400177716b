package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// backward holds the registers of a backward kernel.
type backward struct {
	*asm
	p      *pass
	gx     bool
	reload bool // the differences of the table's rows do not fit: read them twice
	x, g   []operand.Op
	z      reg.GPVirtual
	Z      map[int]val // by number of the harmonic
	S      [3]val      // Σ gw (c1 − c_q), q = 0, 2, 3
	beta   []val       // spline weights in registers
	Y      map[int]val // harmonics in registers, by number
	t, b   reg.GPVirtual
	B      reg.GPVirtual
}

// differences are the rows of the table that are taken from row 1.
var differences = []int{0, 2, 3}

// fusedContract writes B [chunk][B][16] from the gradient of the aggregate.
func (a *asm) fusedContract(p *pass) {
	left, off, B, outs := a.movq("mul"), a.movq("out"), a.movq("bb"), a.movq("outs")
	a.Label(a.lab("contract"))
	for ip, q := range p.paths {
		o, oc := a.GP64(), a.GP64()
		a.MOVQ(at(outs, 16*ip), o)
		a.ADDQ(off, o)
		if q.d3() > 1 {
			a.MOVQ(at(outs, 16*ip+8), oc)
		}
		G := make([]val, q.d3())
		for k := range G {
			G[k] = a.get(at(o, 0))
			if k < len(G)-1 {
				a.ADDQ(oc, o)
			}
		}
		for i, f := range p.bs {
			if f.path != ip {
				continue
			}
			v := a.vec()
			first := true
			for k, c := range f.c {
				switch {
				case c == 0:
					continue
				case first && math.Abs(c-1) < 1e-12:
					a.VMOVAPS(G[k], v)
				case first:
					a.spreadMul(v, G[k], a.datum(c))
				default:
					a.spreadAdd(1, v, G[k], a.datum(c))
				}
				first = false
			}
			a.store(v, at(B, a.size()*i))
		}
	}
	a.ADDQ(imm(a.size()), off)
	a.ADDQ(imm(a.size()*len(p.bs)), B)
	a.SUBQ(imm(a.lanes), left)
	a.JGT(a.ref("contract"))
}

// fusedBackward: for every edge, over the chunks, the sums for ∂/∂Y (Z) and
// ∂/∂r (S) in registers.
func (a *asm) fusedBackward(p *pass, gx bool) {
	np, d1 := len(p.paths), p.d1()
	nz := 0
	last := -1
	for ip, q := range p.paths {
		if q.l2 > 0 && q.l2 != last {
			nz += q.d2()
		}
		last = q.l2
		for i := range d1 {
			for m := range q.d2() {
				p.contract(ip, i, m)
			}
		}
	}
	k := &backward{asm: a, p: p, gx: gx, Z: map[int]val{}}
	name, doc := "fusedBackward", ""
	comps := d1
	if gx {
		comps = 2 * d1
	} else {
		name, doc = "fusedSlopes", ", without that of x"
	}
	k.reload = nz+3+comps+8 > 31
	free := 31 - (nz + 3 + comps + 8)
	if k.reload {
		free += 3
	}
	trio, together := p.trio()
	together = together && gx && nz+3+comps+14 <= 32
	if together {
		free = 0
	}
	a.begin(name+p.name(), fmt.Sprintf("adds the gradients of %d paths with l1 = %d%s.", np, p.l1, doc))
	a.fusedContract(p)
	e, z := a.GP64(), a.movq("z")
	k.z = z
	k.b = a.movq("b")
	a.XORQ(e, e)
	comp := a.movq("xcomp")
	a.Label(a.lab("edge"))
	for _, q := range p.paths {
		for m := q.y0(); q.l2 > 0 && m < q.y0()+q.d2(); m++ {
			if _, ok := k.Z[m]; !ok {
				k.Z[m] = a.vec()
			}
		}
	}
	r0 := a.vec()
	a.zero(r0)
	for m := range 64 {
		if v, ok := k.Z[m]; ok {
			a.zero(v)
		}
	}
	a.CMPQ(a.field("set"), imm(0))
	a.JNE(a.ref("fresh"))
	a.load(at(z, 0), r0)
	for m := range 64 {
		if v, ok := k.Z[m]; ok {
			a.load(at(z, 64*m), v)
		}
	}
	a.Label(a.lab("fresh"))
	a.store(r0, at(z, 0))
	for i := range k.S {
		k.S[i] = a.vec()
		a.zero(k.S[i])
	}
	splines := differences
	if k.reload {
		splines = a.splines()
	}
	k.beta = a.betas(k.b, splines, min(3, free))
	k.Y = map[int]val{}
	for m := range 64 {
		if _, ok := k.Z[m]; ok && free-3-len(k.Y) > 0 {
			k.Y[m] = a.spread(at(k.b, 64*(8+m)))
		}
	}
	ahead := gx
	x, x2, g, g2, f, fw, ed := a.GP64(), a.GP64(), a.GP64(), a.GP64(), a.GP64(), a.GP64(), a.GP64()
	a.MOVQ(a.field("edges"), ed)
	a.MOVQ(at(ed, 0), x)
	if gx {
		a.MOVQ(a.field("gx"), g)
		a.ADDQ(x, g)
		if ahead {
			a.MOVQ(at(ed, 8), f)
			a.ADDQ(a.field("x"), f)
		}
	}
	a.ADDQ(a.field("x"), x)
	k.t = a.GP64()
	a.IMUL3Q(imm(np), at(ed, 16), k.t)
	a.ADDQ(a.field("coef"), k.t)
	a.ADDQ(imm(sizeOfEdge), a.field("edges"))
	k.B = a.movq("bb")
	left := a.movq("mul")
	a.Label(a.lab("chunk"))
	if d1 > 1 {
		a.LEAQ(operand.Mem{Base: x, Index: comp, Scale: 1}, x2)
		if gx {
			a.LEAQ(operand.Mem{Base: g, Index: comp, Scale: 1}, g2)
		}
	}
	k.x, k.g = make([]operand.Op, d1), make([]operand.Op, d1)
	for i := range d1 {
		k.x[i] = a.component(x, x2, comp, i)
		if gx {
			k.g[i] = a.component(g, g2, comp, i)
		}
		k.x[i] = a.get(k.x[i].(operand.Mem))
		if gx {
			k.g[i] = a.get(k.g[i].(operand.Mem))
		}
	}
	if ahead {
		a.MOVQ(f, fw)
		for i := range 2 * d1 {
			if i == d1 {
				a.MOVQ(f, fw)
				a.ADDQ(a.field("gdelta"), fw)
			}
			a.PREFETCHT1(at(fw, 0))
			if i%d1 < d1-1 {
				a.ADDQ(comp, fw)
			}
		}
	}
	for ip, q := range p.paths {
		if together && q.l2 == 1 {
			if q.l3 == 0 {
				k.pairsBackward(trio)
			}
			continue
		}
		k.path(ip)
	}
	if gx {
		for i, v := range k.g {
			if v, ok := v.(val); ok {
				a.store(v, a.component(g, g2, comp, i))
			}
		}
		a.ADDQ(imm(a.size()), g)
		if ahead {
			a.ADDQ(imm(a.size()), f)
		}
	}
	a.ADDQ(imm(a.size()), x)
	a.ADDQ(a.field("group"), k.t)
	a.ADDQ(imm(a.size()*len(p.bs)), k.B)
	a.SUBQ(imm(a.lanes), left)
	a.JGT(a.ref("chunk"))
	R := a.get(at(z, 0))
	for i, q := range differences {
		a.spreadAdd(-1, R, k.S[i], at(k.b, 256+64*q))
	}
	a.store(R, at(z, 0))
	for m := range 64 {
		if v, ok := k.Z[m]; ok {
			a.store(v, at(z, 64*m))
		}
	}
	a.ADDQ(a.field("zrow"), z)
	a.ADDQ(imm(4), k.b)
	a.INCQ(e)
	a.TESTQ(imm(15), e)
	a.JNZ(a.ref("same"))
	a.ADDQ(a.field("ystep"), k.b)
	a.Label(a.lab("same"))
	a.CMPQ(e, a.field("n"))
	a.JLT(a.ref("edge"))
	a.ret()
}

// component i of a row: base + i·comp; odd ones from base2 = base + comp. The
// seventh wants an address of its own.
func (a *asm) component(base, base2, comp reg.GPVirtual, i int) operand.Mem {
	switch i {
	case 0:
		return at(base, 0)
	case 1:
		return at(base2, 0)
	case 6:
		r := a.GP64()
		a.LEAQ(operand.Mem{Base: base, Index: comp, Scale: 2}, r)
		return operand.Mem{Base: r, Index: comp, Scale: 4}
	}
	if i%2 == 1 {
		return operand.Mem{Base: base2, Index: comp, Scale: uint8(i - 1)}
	}
	return operand.Mem{Base: base, Index: comp, Scale: uint8(i)}
}

// weight is W of a path; the differences go along unless they are read again.
func (k *backward) weight(ip int) (W val, d [3]val) {
	np := len(k.p.paths)
	if k.reload {
		return k.fusedWeight(np, ip, k.t, k.b, k.beta), [3]val{}
	}
	c1 := k.get(at(k.t, k.size()*(np+ip)))
	for i, r := range differences {
		d[i] = k.sub(c1, at(k.t, k.size()*(r*np+ip)))
	}
	for i, r := range differences {
		if i < len(k.beta) {
			k.VFNMADD231PS(k.beta[i], d[i], c1)
		} else {
			k.spreadAdd(-1, c1, d[i], at(k.b, 64*r))
		}
	}
	return c1, d
}

// slopes adds to the sums for the slope.
func (k *backward) slopes(ip int, gw val, d [3]val) {
	np := len(k.p.paths)
	if k.reload {
		c1, v := k.get(at(k.t, k.size()*(np+ip))), k.vec()
		for i, r := range differences {
			k.VSUBPS(at(k.t, k.size()*(r*np+ip)), c1, v)
			k.fma(k.S[i], gw, v)
		}
		return
	}
	for i := range d {
		k.fma(k.S[i], gw, d[i])
	}
}

// sfma is acc += s·x·y; y may be in memory.
func (k *backward) sfma(s float64, acc, x val, y operand.Op) {
	if s < 0 {
		k.VFNMADD231PS(y, x, acc)
	} else {
		k.VFMADD231PS(y, x, acc)
	}
}

// gadd is g_i += s·x·y, if the gradient of x is wanted.
func (k *backward) gadd(i int, s float64, x, y val) {
	if !k.gx {
		return
	}
	if m, ok := k.g[i].(operand.Mem); ok {
		v := k.get(m)
		k.sfma(s, v, x, y)
		k.store(v, m)
		return
	}
	k.sfma(s, k.g[i].(val), x, y)
}

// zadd is Z_m += x·y.
func (k *backward) zadd(m int, x val, y operand.Op) {
	if v, ok := k.Z[m]; ok {
		k.sfma(1, v, x, y)
		return
	}
	v := k.get(at(k.z, k.size()*m))
	k.sfma(1, v, x, y)
	k.store(v, at(k.z, k.size()*m))
}

// yset is v = x·Y_m, yadd v += s·x·Y_m.
func (k *backward) yset(m int, x operand.Op, v val) {
	if y, ok := k.Y[m]; ok {
		k.VMULPS(y, x, v)
	} else {
		k.spreadMul(v, x, at(k.b, 64*(8+m)))
	}
}

func (k *backward) yadd(s float64, m int, x operand.Op, v val) {
	if y, ok := k.Y[m]; ok {
		k.sfma(s, v, y, x)
	} else {
		k.spreadAdd(s, v, x, at(k.b, 64*(8+m)))
	}
}

// dot is gw = x·y or gw += x·y; x may be in memory.
func (k *backward) dot(first bool, gw val, x operand.Op, y val) {
	if first {
		k.VMULPS(x, y, gw)
	} else {
		k.VFMADD231PS(x, y, gw)
	}
}

// path writes one path of a chunk.
func (k *backward) path(ip int) {
	p := k.p
	q, d1 := p.paths[ip], p.d1()
	W, d := k.weight(ip)
	gw := k.vec()
	switch {
	case q.l2 == 0: // h_a = B_a
		for i := range d1 {
			_, n := p.contract(ip, i, 0)
			v := k.get(at(k.B, k.size()*n))
			k.dot(i == 0, gw, k.x[i], v)
			k.gadd(i, 1, W, v)
		}
		k.slopes(ip, gw, d)
	case q.l3 == 0:
		k.scalar(ip, W, gw, d)
	case q.d2() < d1:
		k.byHarmonic(ip, W, gw, d)
	default:
		k.byComponent(ip, W, gw, d)
	}
}

// scalar is l3 = 0: one vector B for all a = b.
func (k *backward) scalar(ip int, W, gw val, d [3]val) {
	q, d1 := k.p.paths[ip], k.p.d1()
	s, n := k.p.contract(ip, 0, 0)
	if s < 0 {
		panic("sign of (l,l,0)")
	}
	for i := range d1 {
		if i == 0 {
			k.yset(q.y0(), k.x[i], gw)
		} else {
			k.yadd(1, q.y0()+i, k.x[i], gw)
		}
	}
	v := k.get(at(k.B, k.size()*n))
	k.VMULPS(v, gw, gw)
	k.slopes(ip, gw, d)
	k.VMULPS(v, W, W)
	for i := range d1 {
		k.zadd(q.y0()+i, W, k.x[i])
		if !k.gx {
			continue
		}
		if m, ok := k.g[i].(operand.Mem); ok {
			v := k.get(m)
			k.yadd(1, q.y0()+i, W, v)
			k.store(v, m)
		} else {
			k.yadd(1, q.y0()+i, W, k.g[i].(val))
		}
	}
}

// byHarmonic takes T_b = Σ_a B x_a first and everything from it.
func (k *backward) byHarmonic(ip int, W, gw val, d [3]val) {
	q := k.p.paths[ip]
	for m := range q.d2() {
		T, wy := k.vec(), k.vec()
		k.yset(q.y0()+m, W, wy)
		first := true
		for i := range k.p.d1() {
			s, n := k.p.contract(ip, i, m)
			if s == 0 {
				continue
			}
			v := k.get(at(k.B, k.size()*n))
			if first && s > 0 {
				k.VMULPS(k.x[i], v, T)
			} else {
				if first {
					k.zero(T)
				}
				k.sfma(s, T, v, k.x[i])
			}
			first = false
			k.gadd(i, s, v, wy)
		}
		if m == 0 {
			k.yset(q.y0()+m, T, gw)
		} else {
			k.yadd(1, q.y0()+m, T, gw)
		}
		k.zadd(q.y0()+m, W, T)
	}
	k.slopes(ip, gw, d)
}

// byComponent takes h_a = Σ_b B Y_b first.
func (k *backward) byComponent(ip int, W, gw val, d [3]val) {
	q := k.p.paths[ip]
	Z := make([]val, q.d2())
	for m := range Z {
		Z[m] = k.Z[q.y0()+m]
	}
	for i := range k.p.d1() {
		wx, h := k.mul(W, k.x[i]), k.vec()
		first := true
		for m := range Z {
			s, n := k.p.contract(ip, i, m)
			if s == 0 {
				continue
			}
			v := k.get(at(k.B, k.size()*n))
			if first && s > 0 {
				k.yset(q.y0()+m, v, h)
			} else {
				if first {
					k.zero(h)
				}
				k.yadd(s, q.y0()+m, v, h)
			}
			first = false
			k.sfma(s, Z[m], v, wx)
		}
		k.dot(i == 0, gw, k.x[i], h)
		k.gadd(i, 1, W, h)
	}
	k.slopes(ip, gw, d)
}
