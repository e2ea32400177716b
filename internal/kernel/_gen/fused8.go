package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The fused kernels for 8 lanes and 16 registers. Where those for 16 lanes
// keep x, its gradient and all sums in registers, these go through the edges
// more often (groups8) and leave x in memory.

// groups8 divides the paths of one l1 into passes: those of one l2 together, so
// that the sums for ∂/∂Y stay in registers, and several l2 where the sums of
// both directions fit.
func groups8(l1 int, n *network) (out []*pass) {
	const most, mostZ = 13, 8
	type group struct {
		paths   []fpath
		sums, z int
		alone   bool
	}
	var all []group
	for l2 := range n.lmax + 1 {
		var gs []group
		for l3 := n.lout; l3 >= 0; l3-- { // the largest first
			if !n.has(l1, l2, l3) {
				continue
			}
			q := fpath{l2, l3, standard(l1, l2, l3)}
			placed := false
			for i := range gs {
				if g := &gs[i]; g.sums+q.d3() <= most {
					g.paths, g.sums, placed = append([]fpath{q}, g.paths...), g.sums+q.d3(), true
					break
				}
			}
			if !placed {
				g := group{paths: []fpath{q}, sums: q.d3()}
				if l2 > 0 {
					g.z = q.d2()
				}
				gs = append(gs, g)
			}
		}
		for i := range gs {
			gs[i].alone = l1 == 1 && l2 == 1 && len(gs[i].paths) == 3 // pairs8
		}
		all = append(all, gs...)
	}
	var merged []group
next:
	for _, g := range all {
		for i := range merged {
			if m := &merged[i]; !g.alone && !m.alone && m.sums+g.sums <= most && m.z+g.z <= mostZ {
				m.paths, m.sums, m.z = append(m.paths, g.paths...), m.sums+g.sums, m.z+g.z
				continue next
			}
		}
		merged = append(merged, g)
	}
	for _, g := range merged {
		out = append(out, newPass(l1, g.paths))
	}
	return out
}

// fused8 writes the kernels of all networks, each list of paths once.
func fused8(c *build.Context) {
	a := &asm{Context: c, lanes: 8, data: map[string]operand.Mem{}}
	seen := map[string]bool{}
	for _, n := range networks {
		for l1 := range n.lx + 1 {
			for _, p := range groups8(l1, &n) {
				p.lanes = 8
				if seen[p.name()] {
					continue
				}
				seen[p.name()] = true
				a.forward8(p)
				a.backward8(p, true)
				if l1 == 0 && n.lout > 0 {
					p.slopes = true
					a.backward8(p, false)
				}
				registry = append(registry, p)
			}
		}
	}
}

// trio8 says whether the pass is the three paths (1,1,l3).
func (p *pass) trio8() bool {
	return p.l1 == 1 && len(p.paths) == 3 && p.paths[2].l2 == 1 && p.paths[0].l2 == 1
}

// nacc is the number of sums of the forward kernel.
func (p *pass) nacc() (n int) {
	for _, q := range p.paths {
		n += q.d3()
	}
	return n
}

// sweep holds the registers of a loop over the edges: l is the edge within a
// block of 16, end their number, and left that of all from this block on.
type sweep struct {
	rec, b, m, l, end, left reg.GPVirtual
}

// forward8 is fusedForward: chunk by chunk of 8 channels, over the edges.
func (a *asm) forward8(p *pass) {
	direct := p.l1 == 0 || p.trio8() // couplings that are harmonics, or made of them
	if !direct {
		for ip, q := range p.paths {
			for i := range p.d1() {
				for k := range q.d3() {
					if q.l2 > 0 {
						p.fold(ip, i, k)
					}
				}
			}
		}
	}
	if len(p.forms) > 0 {
		a.fusedFold(p)
	}
	a.begin("fusedForward"+p.name(), fmt.Sprintf("makes the messages of %d paths with l1 = %d.", len(p.paths), p.l1))
	p.wide = 2 // the channels of a cache line
	f := &forward8{asm: a, p: p, coef: a.movq("coef"), out: a.movq("out"), x0: a.movq("x"), comp: a.comps8(p.d1())}
	a.Label(a.lab("pair"))
	f.chunk("A", true) // fetches the cache lines of both ahead
	f.chunk("B", false)
	a.SUBQ(imm(16), a.field("mul"))
	a.JGT(a.ref("pair"))
	a.ret()
}

type forward8 struct {
	*asm
	p             *pass
	coef, out, x0 reg.GPVirtual
	comp          [2]reg.GPVirtual
	acc           []val
	x             []operand.Op
	t             reg.GPVirtual
	s             sweep
}

// chunk writes the loop over the edges for one chunk.
func (f *forward8) chunk(suffix string, ahead bool) {
	a, p := f.asm, f.p
	np, d1 := len(p.paths), p.d1()
	f.acc = a.vecs(p.nacc())
	for _, v := range f.acc {
		a.zero(v)
	}
	s := sweep{a.movq("edges"), a.movq("b"), a.GP64(), a.GP64(), a.GP64(), a.movq("n")}
	if len(p.forms) > 0 {
		a.MOVQ(a.field("m"), s.m)
	}
	f.s = s
	a.Label(a.lab("block" + suffix))
	a.XORQ(s.l, s.l)
	a.MOVQ(imm(16), s.end)
	a.CMPQ(s.left, s.end)
	a.CMOVQLT(s.left, s.end)
	a.Label(a.lab("edge" + suffix))
	x, x2 := a.GP64(), a.GP64()
	f.t = a.GP64()
	if ahead {
		n := a.GP64()
		a.MOVQ(at(s.rec, 8), n)
		a.ADDQ(f.x0, n)
		for i := range d1 {
			a.PREFETCHT1(at(n, 0))
			if i < d1-1 {
				a.ADDQ(f.comp[0], n)
			}
		}
	}
	a.MOVQ(at(s.rec, 0), x)
	a.ADDQ(f.x0, x)
	a.IMUL3Q(imm(np), at(s.rec, 16), f.t)
	a.ADDQ(f.coef, f.t)
	a.ADDQ(imm(sizeOfEdge), s.rec)
	if d1 > 1 {
		a.LEAQ(operand.Mem{Base: x, Index: f.comp[0], Scale: 1}, x2)
	}
	f.x = make([]operand.Op, d1)
	for i := range f.x {
		f.x[i] = component8(x, x2, f.comp, i)
	}
	if d1 == 1 {
		f.x[0] = a.get(f.x[0].(operand.Mem))
	}
	switch {
	case p.trio8():
		f.pairs()
	default:
		beta := a.beta8(s, min(3, 13-len(f.acc)-d1%3%2))
		k0 := 0
		for ip, q := range p.paths {
			W := f.weight(ip, beta)
			f.message(ip, W, f.acc[k0:k0+q.d3()])
			k0 += q.d3()
		}
	}
	a.INCQ(s.l)
	a.CMPQ(s.l, s.end)
	a.JLT(a.ref("edge" + suffix))
	a.ADDQ(a.field("ystep"), s.b)
	a.ADDQ(imm(64), s.b)
	if len(p.forms) > 0 {
		a.ADDQ(imm(64*len(p.forms)), s.m)
	}
	a.SUBQ(imm(16), s.left)
	a.JGT(a.ref("block" + suffix))
	r := &forward{asm: a, p: p, out: f.out}
	outs := a.movq("outs")
	a.CMPQ(a.field("set"), imm(0))
	a.JNE(a.ref("set" + suffix))
	r.sums([][]val{f.acc}, outs, func(v val, m operand.Mem) { a.VADDPS(m, v, v) })
	a.Label(a.lab("set" + suffix))
	r.sums([][]val{f.acc}, outs, a.store)
	a.ADDQ(imm(32), f.x0)
	a.ADDQ(imm(32), f.out)
	a.ADDQ(a.field("group"), f.coef)
}

// comps8 are the distance of two components and, where there are seven, thrice it.
func (a *asm) comps8(d1 int) (c [2]reg.GPVirtual) {
	c[0] = a.movq("xcomp")
	if d1 > 6 {
		c[1] = a.GP64()
		a.LEAQ(operand.Mem{Base: c[0], Index: c[0], Scale: 2}, c[1])
	}
	return c
}

// component8 is component i of a row at base; base2 is component 1.
func component8(base, base2 reg.GPVirtual, comp [2]reg.GPVirtual, i int) operand.Mem {
	switch i {
	case 0:
		return at(base, 0)
	case 1:
		return at(base2, 0)
	case 2, 4:
		return operand.Mem{Base: base, Index: comp[0], Scale: uint8(i)}
	case 3, 5:
		return operand.Mem{Base: base2, Index: comp[0], Scale: uint8(i - 1)}
	case 6:
		return operand.Mem{Base: base, Index: comp[1], Scale: 2}
	}
	panic("too many components")
}

// lane is a number of the edge in an array [block][…][16].
func (s *sweep) lane(base reg.GPVirtual, row int) operand.Mem {
	return operand.Mem{Base: base, Disp: 64 * row, Index: s.l, Scale: 4}
}

// beta8 loads the first n of the spline weights 0, 2, 3.
func (a *asm) beta8(s sweep, n int) []val {
	v := make([]val, max(n, 0))
	for i := range v {
		v[i] = a.spread(s.lane(s.b, []int{0, 2, 3}[i]))
	}
	return v
}

// weight is W of a path: c1 − Σ_q β_q (c1 − c_q), q ≠ 1, whose differences use
// the adders; without registers for β the plain sum.
func (f *forward8) weight(ip int, beta []val) val {
	a, np := f.asm, len(f.p.paths)
	row := func(q int) operand.Mem { return at(f.t, 32*(q*np+ip)) }
	W := a.vec()
	if len(beta) == 0 {
		for q := range 4 {
			v := a.spread(f.s.lane(f.s.b, q))
			if q == 0 {
				a.VMULPS(row(q), v, W)
			} else {
				a.VFMADD231PS(row(q), v, W)
			}
		}
		return W
	}
	c1 := a.get(row(1))
	a.VSUBPS(row(0), c1, W)
	a.VFNMADD213PS(c1, beta[0], W)
	for i, q := range []int{2, 3} {
		d := a.sub(c1, row(q))
		if i+1 < len(beta) {
			a.VFNMADD231PS(beta[i+1], d, W)
		} else {
			a.VFNMADD231PS(a.spread(f.s.lane(f.s.b, q)), d, W)
		}
	}
	return W
}

// coupling8 is the folded coupling of element (i, k): sign, and where it is.
func (f *forward8) coupling(ip, i, k int) (float64, operand.Mem) {
	q := f.p.paths[ip]
	if f.p.l1 == 0 {
		return 1, f.s.lane(f.s.b, 8+q.y0()+k)
	}
	s, n := f.p.fold(ip, i, k)
	return s, f.s.lane(f.s.m, n)
}

// message adds W·Σ_a M[a,k] x_a to A[k], the shorter way round.
func (f *forward8) message(ip int, W val, A []val) {
	a, q, d1 := f.asm, f.p.paths[ip], f.p.d1()
	if q.l2 == 0 { // C is the unit matrix
		for k := range A {
			a.VFMADD231PS(f.x[k], W, A[k])
		}
		return
	}
	if d1 <= q.d3() {
		for i := range d1 {
			wx := a.mul(W, f.x[i])
			for k := range A {
				if s, m := f.coupling(ip, i, k); s != 0 {
					a.spreadAdd(s, A[k], wx, m)
				}
			}
		}
		return
	}
	for k := range A {
		v := a.vec()
		first, neg := true, 1.0
		for i := range d1 {
			s, m := f.coupling(ip, i, k)
			switch {
			case s == 0:
			case first:
				a.spreadMul(v, f.x[i], m)
				first, neg = false, s
			default:
				a.spreadAdd(s*neg, v, f.x[i], m)
			}
		}
		if neg < 0 {
			a.VFNMADD231PS(v, W, A[k])
		} else {
			a.fma(A[k], W, v)
		}
	}
}

// pairs adds the messages of the paths (1,1,0), (1,1,1) and (1,1,2): they need
// the products x_a Y_b only as trace, differences and sums, which adders make.
func (f *forward8) pairs() {
	a, p := f.asm, f.p
	acc := [3][]val{f.acc[:1], f.acc[1:4], f.acc[4:9]}
	product := func(i, j int) val {
		v := a.vec()
		a.VMULPS(f.x[i], a.spread(f.s.lane(f.s.b, 8+1+j)), v)
		return v
	}
	beta := a.beta8(f.s, 3)
	W1, W2 := f.weight(1, beta), f.weight(2, beta)
	for _, ij := range offDiagonal {
		i, j := ij[0], ij[1]
		u, v := product(i, j), product(j, i)
		k, s := only(p.paths[2].c[i][j])
		if s < 0 {
			panic("coupling (1,1,2) is not as expected")
		}
		a.fma(acc[2][k], W2, a.add(u, v))
		if k, s = only(p.paths[1].c[i][j]); s > 0 {
			a.fma(acc[1][k], W1, a.sub(u, v))
		} else {
			a.fma(acc[1][k], W1, a.sub(v, u))
		}
	}
	// (1,1,2): component 2 is (2D_1 − D_0 − D_2)/√3, component 4 is D_2 − D_0.
	for i, want := range [][2]float64{{-1 / math.Sqrt(3), -1}, {2 / math.Sqrt(3), 0}, {-1 / math.Sqrt(3), 1}} {
		if c := p.paths[2].c[i][i]; math.Abs(c[2]-want[0]) > 1e-12 || c[4] != want[1] {
			panic("coupling (1,1,2) is not as expected")
		}
	}
	d0, d2 := product(0, 0), product(2, 2)
	outer := a.add(d0, d2)
	a.fma(acc[2][4], W2, a.sub(d2, d0))
	d1 := product(1, 1)
	v := a.sub(a.add(d1, d1), outer)
	a.VMULPS(a.num(1/math.Sqrt(3)), W2, W2)
	a.fma(acc[2][2], W2, v)
	a.fma(acc[0][0], f.weight(0, a.beta8(f.s, 3)), a.add(outer, d1))
}
