package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// backward8 holds the registers of a backward kernel with 8 lanes. What an edge
// has one number of (spline weights, harmonics) is spread over vectors in memory
// once per edge, so that every product takes it from there.
type backward8 struct {
	*asm
	p    *pass
	gx   bool
	x, g []operand.Op
	Z    map[int]val // by number of the harmonic
	R    val
	t, B reg.GPVirtual
	s    reg.GPVirtual // what was spread
}

// spline and y are vectors of what was spread: β_q and β'_q, q = 0, 2, 3; Y_m.
func (k *backward8) spline(i int, slope bool) operand.Mem {
	if slope {
		i += 3
	}
	return at(k.s, 32*i)
}

func (k *backward8) y(m int) operand.Mem { return at(k.s, 32*(5+m)) } // m > 0

// backward8 is fusedBackward: for every edge, over the chunks, the sums for ∂/∂Y
// (Z) and ∂/∂r (R) in registers.
func (a *asm) backward8(p *pass, gx bool) {
	np, d1 := len(p.paths), p.d1()
	for ip, q := range p.paths {
		for i := range d1 {
			for m := range q.d2() {
				p.contract(ip, i, m)
			}
		}
	}
	k := &backward8{asm: a, p: p, gx: gx, Z: map[int]val{}}
	name, doc := "fusedBackward", ""
	if !gx {
		name, doc = "fusedSlopes", ", without that of x"
	}
	a.begin(name+p.name(), fmt.Sprintf("adds the gradients of %d paths with l1 = %d%s.", np, p.l1, doc))
	a.fusedContract(p)
	z, b, rec := a.movq("z"), a.movq("b"), a.movq("edges")
	k.s = a.movq("spread")
	comp := a.comps8(d1)
	var ms []int
	for _, q := range p.paths {
		for m := q.y0(); q.l2 > 0 && m < q.y0()+q.d2(); m++ {
			if _, ok := k.Z[m]; !ok {
				k.Z[m] = a.vec()
				ms = append(ms, m)
			}
		}
	}
	a.Label(a.lab("edge"))
	for i, q := range []int{0, 2, 3} {
		a.store(a.spread(at(b, 64*q)), k.spline(i, false))
		a.store(a.spread(at(b, 256+64*q)), k.spline(i, true))
	}
	for _, m := range ms {
		a.store(a.spread(at(b, 64*(8+m))), k.y(m))
		a.load(at(z, 32*m), k.Z[m])
	}
	k.R = a.get(at(z, 0))
	x, x2, g, g2, ahead, left := a.GP64(), a.GP64(), a.GP64(), a.GP64(), a.GP64(), a.GP64()
	a.MOVQ(at(rec, 0), x)
	if gx {
		a.MOVQ(x, g)
		a.ADDQ(a.field("gx"), g)
		a.MOVQ(at(rec, 8), ahead)
		a.ADDQ(a.field("x"), ahead)
	}
	a.ADDQ(a.field("x"), x)
	k.t = a.GP64()
	a.IMUL3Q(imm(np), at(rec, 16), k.t)
	a.ADDQ(a.field("coef"), k.t)
	a.ADDQ(imm(sizeOfEdge), rec)
	k.B = a.movq("bb")
	a.MOVQ(a.field("mul"), left)
	a.Label(a.lab("chunk"))
	if gx { // every second chunk begins a cache line
		a.TESTQ(imm(8), left)
		a.JNZ(a.ref("fetched"))
		to := a.GP64()
		a.MOVQ(ahead, to)
		for i := range 2 * d1 {
			if i == d1 {
				a.MOVQ(ahead, to)
				a.ADDQ(a.field("gdelta"), to)
			}
			a.PREFETCHT1(at(to, 0))
			if i%d1 < d1-1 {
				a.ADDQ(comp[0], to)
			}
		}
		a.ADDQ(imm(64), ahead)
		a.Label(a.lab("fetched"))
	}
	if d1 > 1 {
		a.LEAQ(operand.Mem{Base: x, Index: comp[0], Scale: 1}, x2)
		if gx {
			a.LEAQ(operand.Mem{Base: g, Index: comp[0], Scale: 1}, g2)
		}
	}
	k.x, k.g = make([]operand.Op, d1), make([]operand.Op, d1)
	for i := range d1 {
		k.x[i] = component8(x, x2, comp, i)
		if gx {
			k.g[i] = component8(g, g2, comp, i)
		}
	}
	if d1 == 1 {
		k.x[0] = a.get(k.x[0].(operand.Mem))
		if gx {
			k.g[0] = a.get(k.g[0].(operand.Mem))
		}
	}
	for ip := range p.paths {
		k.path(ip)
	}
	if v, ok := k.g[0].(val); ok {
		a.store(v, at(g, 0))
	}
	if gx {
		a.ADDQ(imm(32), g)
	}
	a.ADDQ(imm(32), x)
	a.ADDQ(a.field("group"), k.t)
	a.ADDQ(imm(32*len(p.bs)), k.B)
	a.SUBQ(imm(8), left)
	a.JGT(a.ref("chunk"))
	a.store(k.R, at(z, 0))
	for _, m := range ms {
		a.store(k.Z[m], at(z, 32*m))
	}
	a.ADDQ(a.field("zrow"), z)
	a.ADDQ(imm(4), b)
	a.TESTQ(imm(63), b) // blocks begin at whole cache lines
	a.JNZ(a.ref("same"))
	a.ADDQ(a.field("ystep"), b)
	a.Label(a.lab("same"))
	a.CMPQ(rec, a.field("end"))
	a.JNE(a.ref("edge"))
	a.ret()
}

// weight is W of a path and D = −∂W/∂r, from the differences of the table's rows.
func (k *backward8) weight(ip int) (W, D val) {
	np := len(k.p.paths)
	row := func(q int) operand.Mem { return at(k.t, 32*(q*np+ip)) }
	c1 := k.get(row(1))
	W = k.sub(c1, row(0))
	D = k.mul(W, k.spline(0, true))
	k.VFNMADD132PS(k.spline(0, false), c1, W)
	for i, q := range []int{2, 3} {
		d := k.sub(c1, row(q))
		k.VFMADD231PS(k.spline(i+1, true), d, D)
		k.VFNMADD231PS(k.spline(i+1, false), d, W)
	}
	return W, D
}

// gadd is g_i += s·x·y, if the gradient of x is wanted; it may use x up.
func (k *backward8) gadd(i int, s float64, x val, y operand.Op) {
	if !k.gx {
		return
	}
	g, ok := k.g[i].(val)
	if !ok {
		g = k.get(k.g[i].(operand.Mem))
	}
	if s < 0 {
		k.VFNMADD231PS(y, x, g)
	} else {
		k.VFMADD231PS(y, x, g)
	}
	if !ok {
		k.store(g, k.g[i].(operand.Mem))
	}
}

func (k *backward8) sfma(s float64, acc, x val, y operand.Op) {
	if s < 0 {
		k.VFNMADD231PS(y, x, acc)
	} else {
		k.VFMADD231PS(y, x, acc)
	}
}

// dot is gw = y·x or gw += y·x.
func (k *backward8) dot(first bool, gw, y val, x operand.Op) {
	if first {
		k.VMULPS(x, y, gw)
	} else {
		k.VFMADD231PS(x, y, gw)
	}
}

// path writes one path of a chunk.
func (k *backward8) path(ip int) {
	q, d1 := k.p.paths[ip], k.p.d1()
	W, D := k.weight(ip)
	gw := k.vec()
	switch {
	case q.l2 == 0: // h_a = B_a
		for i := range d1 {
			_, n := k.p.contract(ip, i, 0)
			v := k.get(at(k.B, 32*n))
			k.dot(i == 0, gw, v, k.x[i])
			k.gadd(i, 1, v, W)
		}
	case q.l3 == 0:
		k.scalar(ip, W, gw)
	default:
		k.byComponent(ip, W, gw)
	}
	k.VFNMADD231PS(gw, D, k.R)
}

// scalar is l3 = 0: one vector B for all a = b.
func (k *backward8) scalar(ip int, W, gw val) {
	q := k.p.paths[ip]
	s, n := k.p.contract(ip, 0, 0)
	if s < 0 {
		panic("sign of (l,l,0)")
	}
	v := k.vec()
	for i := range k.p.d1() {
		k.load(k.y(q.y0()+i), v)
		k.dot(i == 0, gw, v, k.x[i])
	}
	k.load(at(k.B, 32*n), v)
	k.VMULPS(v, gw, gw)
	k.VMULPS(v, W, W)
	for i := range k.p.d1() {
		k.VFMADD231PS(k.x[i], W, k.Z[q.y0()+i])
		k.gadd(i, 1, W, k.y(q.y0()+i))
	}
}

// byComponent takes h_a = Σ_b B Y_b.
func (k *backward8) byComponent(ip int, W, gw val) {
	q := k.p.paths[ip]
	for i := range k.p.d1() {
		wx, h := k.mul(W, k.x[i]), k.vec()
		first := true
		for m := range q.d2() {
			s, n := k.p.contract(ip, i, m)
			if s == 0 {
				continue
			}
			v := k.get(at(k.B, 32*n))
			k.sfma(s, k.Z[q.y0()+m], wx, v)
			switch {
			case !first:
				k.sfma(s, h, v, k.y(q.y0()+m))
			case s > 0:
				k.VMULPS(k.y(q.y0()+m), v, h)
			default:
				k.zero(h)
				k.sfma(s, h, v, k.y(q.y0()+m))
			}
			first = false
		}
		k.dot(i == 0, gw, h, k.x[i])
		k.gadd(i, 1, h, W)
	}
}
