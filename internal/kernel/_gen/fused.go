package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// networks are the shapes that get kernels of their own: harmonics and features
// to lmax, all paths that lead to l3 ≤ lout. Multiplicities are not part of the
// code: any multiple of 16 will do.
var networks = []struct {
	name       string
	lmax, lout int
}{
	{"SevenNet-0, inner layers", 2, 2},
	{"SevenNet-0, last layer", 2, 0},
	{"SevenNet-l3i5, inner layers", 3, 3},
	{"SevenNet-l3i5, last layer", 3, 0},
}

// fused writes the kernels of all networks, each list of paths once.
func fused(lanes int) func(*build.Context) {
	return func(c *build.Context) {
		a := &asm{Context: c, lanes: lanes, data: map[string]operand.Mem{}}
		seen := map[string]bool{}
		for _, n := range networks {
			for l1 := range n.lmax + 1 {
				limit := 32 - (2*l1 + 1) - 3
				if lanes == 8 { // x is read from memory
					limit = 12
				}
				for _, p := range divide(l1, n.lmax, n.lout, limit) {
					p.lanes = lanes
					if seen[p.name()] {
						continue
					}
					seen[p.name()] = true
					a.fusedForward(p)
					a.fusedBackward(p, true)
					if l1 == 0 && n.lout > 0 {
						p.slopes = true
						a.fusedBackward(p, false)
					}
					registry = append(registry, p)
				}
			}
		}
	}
}

var registry []*pass

// fusedFold writes M [block][form][16] from the harmonics, for all edges.
func (a *asm) fusedFold(p *pass) {
	y, m, n := a.movq("b"), a.movq("m"), a.movq("n")
	a.Label(a.lab("fold"))
	for half := 0; half < 64; half += a.size() {
		for i, f := range p.forms {
			var v val
			first := true
			y0 := p.paths[f.path].y0()
			for b, c := range f.c {
				if c == 0 {
					continue
				}
				src := at(y, 64*(8+y0+b)+half)
				switch {
				case first && math.Abs(c-1) < 1e-12:
					v = a.get(src)
				case first:
					v = a.mul(a.num(c), src)
				default:
					a.fma(v, a.num(c), src)
				}
				first = false
			}
			a.store(v, at(m, 64*i+half))
		}
	}
	a.ADDQ(a.field("ystep"), y)
	a.ADDQ(imm(64), y)
	a.ADDQ(imm(64*len(p.forms)), m)
	a.SUBQ(imm(16), n)
	a.JGT(a.ref("fold"))
}

// fusedForward: for every chunk of 16 channels, over the edges, all sums of the
// pass in registers. The weight comes from the four rows c of the table as
// c1 − Σ_q β_q (c1 − c_q), q ≠ 1, for Σ β = 1: the differences use the adders.
func (a *asm) fusedForward(p *pass) {
	np, d1 := len(p.paths), p.d1()
	nacc := 0
	_, trio := p.trio()
	for ip, q := range p.paths {
		nacc += q.d3()
		if trio && q.l2 == 1 {
			continue
		}
		for i := range d1 {
			for k := range q.d3() {
				if q.l2 > 0 {
					p.fold(ip, i, k)
				}
			}
		}
	}
	a.begin("fusedForward"+p.name(), fmt.Sprintf("adds the messages of %d paths with l1 = %d.", np, p.l1))
	if len(p.forms) > 0 {
		a.fusedFold(p)
	}
	r := &forward{asm: a, p: p, nacc: nacc, x0: a.movq("x"), coef: a.movq("coef"), left: a.movq("mul"), out: a.movq("out")}
	// Several chunks at once where their sums fit: that saves loads of the
	// couplings and the addresses.
	wide := 1
	for _, w := range []int{2, 4, 8} {
		if a.lanes == 16 && w*(nacc+1)+8 <= 32 && w*16 <= mostChannels[p.l1] {
			wide = w
		}
	}
	if wide > 1 {
		a.CMPQ(r.left, imm(16*wide))
		a.JLT(a.ref("narrow"))
		a.Label(a.lab("wide"))
		r.chunks(wide, "W")
		a.SUBQ(imm(16*wide), r.left)
		a.JZ(a.ref("end"))
		a.CMPQ(r.left, imm(16*wide))
		a.JGE(a.ref("wide"))
	}
	a.Label(a.lab("narrow"))
	r.chunks(1, "N")
	a.SUBQ(imm(a.lanes), r.left)
	a.JGT(a.ref("narrow"))
	a.Label(a.lab("end"))
	a.ret()
}

// mostChannels of each l are expected: no wider code than that is made.
var mostChannels = []int{128, 64, 32, 32}

// forward holds the registers of a forward kernel.
type forward struct {
	*asm
	p                   *pass
	nacc                int
	x0, coef, left, out reg.GPVirtual
}

// chunks writes the loop over the edges for w chunks and moves on by them.
func (r *forward) chunks(w int, suffix string) {
	a, p := r.asm, r.p
	np, d1 := len(p.paths), p.d1()
	acc := make([][]val, w)
	for c := range acc {
		acc[c] = a.vecs(r.nacc)
		for _, v := range acc[c] {
			a.zero(v)
		}
	}
	e, b, m := a.GP64(), a.movq("b"), a.movq("m")
	a.XORQ(e, e)
	comp := a.movq("xcomp")
	a.Label(a.lab("edge" + suffix))
	x, t, f := a.GP64(), a.GP64(), a.GP64()
	element := func(list string, r reg.GPVirtual) {
		a.MOVQ(a.field(list), r)
		a.MOVLQSX(operand.Mem{Base: r, Index: e, Scale: 4}, r)
	}
	element("next", f)
	a.IMULQ(a.field("xrow"), f)
	a.ADDQ(r.x0, f)
	element("j", x)
	a.IMULQ(a.field("xrow"), x)
	a.ADDQ(r.x0, x)
	element("row", t)
	a.IMUL3Q(imm(a.size()*np), t, t)
	a.ADDQ(r.coef, t)
	if a.lanes == 8 {
		r.narrow(x, t, f, b, m, comp, acc[0])
		r.finish(acc, e, b, m, suffix)
		return
	}
	xs := make([][]val, w)
	for i := range d1 {
		for c := range w {
			// one chunk after the other needs the x of one only, unless d1 = 1
			if c == 0 || d1 == 1 {
				xs[c] = append(xs[c], a.get(at(x, 64*c)))
			}
			a.PREFETCHT1(at(f, 64*c))
		}
		if i < d1-1 {
			a.ADDQ(comp, x)
			a.ADDQ(comp, f)
		}
	}
	ip3, trio := p.trio()
	free := 32 - w*r.nacc - d1 - 3 - 2*(w-1)
	if trio {
		free -= 4
	}
	beta := a.betas(b, max(0, min(3, free)))
	if d1 == 1 {
		r.together(xs, acc, t, b, m, beta)
	} else {
		for c := range w {
			if c > 0 {
				for range d1 - 1 {
					a.SUBQ(comp, x)
				}
				a.ADDQ(imm(64), x)
				for i := range d1 {
					xs[c] = append(xs[c], a.get(at(x, 0)))
					if i < d1-1 {
						a.ADDQ(comp, x)
					}
				}
				a.ADDQ(a.field("group"), t)
			}
			k0 := 0
			var sums [3][]val
			for ip, q := range p.paths {
				if trio && q.l2 == 1 {
					sums[q.l3] = acc[c][k0 : k0+q.d3()]
					if k0 += q.d3(); ip == ip3[2] {
						r.pairsForward(ip3, xs[c], sums, t, b, beta)
					}
					continue
				}
				a.fusedMessage(p, ip, a.fusedWeight(np, ip, t, b, beta), ops(xs[c]), acc[c][k0:k0+q.d3()], m)
				k0 += q.d3()
			}
		}
	}
	r.finish(acc, e, b, m, suffix)
}

// narrow is one chunk with few registers: x stays in memory.
func (r *forward) narrow(x, t, f, b, m, comp reg.GPVirtual, acc []val) {
	a, p := r.asm, r.p
	d1 := p.d1()
	x2 := a.GP64()
	if d1 > 1 {
		a.LEAQ(operand.Mem{Base: x, Index: comp, Scale: 1}, x2)
	}
	xs := make([]operand.Op, d1)
	for i := range xs {
		xs[i] = a.component(x, x2, comp, i)
		a.PREFETCHT1(at(f, 0))
		if i < d1-1 {
			a.ADDQ(comp, f)
		}
	}
	k0 := 0
	for ip, q := range p.paths {
		a.fusedMessage(p, ip, a.fusedWeight(len(p.paths), ip, t, b, nil), xs, acc[k0:k0+q.d3()], m)
		k0 += q.d3()
	}
}

// finish ends the loop over the edges and adds the sums to the aggregate.
func (r *forward) finish(acc [][]val, e, b, m reg.GPVirtual, suffix string) {
	a, p, w := r.asm, r.p, len(acc)
	a.ADDQ(imm(4), b)
	if len(p.forms) > 0 {
		a.ADDQ(imm(4), m)
	}
	a.INCQ(e)
	a.TESTQ(imm(15), e)
	a.JNZ(a.ref("same" + suffix))
	a.ADDQ(a.field("ystep"), b)
	if len(p.forms) > 0 {
		a.ADDQ(imm(64*len(p.forms)-64), m)
	}
	a.Label(a.lab("same" + suffix))
	a.CMPQ(e, a.field("n"))
	a.JLT(a.ref("edge" + suffix))
	// the sums go to the aggregate
	outs := a.movq("outs")
	k0 := 0
	for ip, q := range p.paths {
		o, oc := a.GP64(), a.GP64()
		a.MOVQ(at(outs, 16*ip), o)
		a.ADDQ(r.out, o)
		if q.d3() > 1 {
			a.MOVQ(at(outs, 16*ip+8), oc)
		}
		for k := range q.d3() {
			for c := range w {
				v := acc[c][k0+k]
				a.VADDPS(at(o, a.size()*c), v, v)
				a.store(v, at(o, a.size()*c))
			}
			if k < q.d3()-1 {
				a.ADDQ(oc, o)
			}
		}
		k0 += q.d3()
	}
	a.ADDQ(imm(a.size()*w), r.x0)
	a.ADDQ(imm(a.size()*w), r.out)
	for range w {
		a.ADDQ(a.field("group"), r.coef)
	}
}

// together is l1 = 0 for several chunks: each coupling is loaded once.
func (r *forward) together(xs, acc [][]val, t, b, m reg.GPVirtual, beta []val) {
	a, p, w := r.asm, r.p, len(xs)
	np := len(p.paths)
	group := a.movq("group")
	k0 := 0
	for ip, q := range p.paths {
		tc := t
		wx := make([]val, w)
		for c := range w {
			if c > 0 {
				next := a.GP64()
				a.LEAQ(operand.Mem{Base: tc, Index: group, Scale: 1}, next)
				tc = next
			}
			W := a.fusedWeight(np, ip, tc, b, beta)
			if q.l2 == 0 {
				a.fma(acc[c][k0], W, xs[c][0])
			} else {
				wx[c] = a.mul(W, xs[c][0])
			}
		}
		if q.l2 > 0 {
			for k := range q.d3() {
				s, n := p.fold(ip, 0, k)
				if s < 0 {
					panic("sign of (0,l,l)")
				}
				if w == 1 {
					a.VFMADD231PS_BCST(at(m, 64*n), wx[0], acc[0][k0+k])
					continue
				}
				M := a.spread(at(m, 64*n))
				for c := range w {
					a.fma(acc[c][k0+k], M, wx[c])
				}
			}
		}
		k0 += q.d3()
	}
}

// betas loads the first n of the three spline weights that are needed.
func (a *asm) betas(b reg.GPVirtual, n int) []val {
	v := make([]val, max(n, 0))
	for i := range v {
		v[i] = a.spread(at(b, []int{0, 128, 192}[i]))
	}
	return v
}

// fusedWeight is W = c1 − Σ_q β_q (c1 − c_q).
func (a *asm) fusedWeight(np, ip int, t, b reg.GPVirtual, beta []val) val {
	c1, W, d := a.get(at(t, a.size()*(np+ip))), a.vec(), a.vec()
	a.VMOVAPS(c1, W)
	for i, r := range []int{0, 2, 3} {
		a.VSUBPS(at(t, a.size()*(r*np+ip)), c1, d)
		if i < len(beta) {
			a.VFNMADD231PS(beta[i], d, W)
		} else {
			a.spreadAdd(-1, W, d, at(b, 64*r))
		}
	}
	return W
}

// spreadAdd is acc += s·x·(a number in memory), s = ±1; with 8 lanes x may be
// in memory.
func (a *asm) spreadAdd(s float64, acc val, x operand.Op, m operand.Mem) {
	switch {
	case a.lanes == 16 && s < 0:
		a.VFNMADD231PS_BCST(m, x, acc)
	case a.lanes == 16:
		a.VFMADD231PS_BCST(m, x, acc)
	case s < 0:
		a.VFNMADD231PS(x, a.spread(m), acc)
	default:
		a.VFMADD231PS(x, a.spread(m), acc)
	}
}

// spreadMul is v = x·(a number in memory).
func (a *asm) spreadMul(v val, x operand.Op, m operand.Mem) {
	if a.lanes == 16 {
		a.VMULPS_BCST(m, x, v)
	} else {
		a.VMULPS(x, a.spread(m), v)
	}
}

func ops(v []val) []operand.Op {
	o := make([]operand.Op, len(v))
	for i := range v {
		o[i] = v[i]
	}
	return o
}

// fusedMessage adds W·Σ_a M[a,k] x_a to A[k], the shorter way round.
func (a *asm) fusedMessage(p *pass, ip int, W val, xs []operand.Op, A []val, m reg.GPVirtual) {
	q, d1 := p.paths[ip], p.d1()
	M := func(n int) operand.Mem { return at(m, 64*n) }
	if q.l2 == 0 { // C is the unit matrix
		for k := range A {
			a.VFMADD231PS(xs[k], W, A[k])
		}
		return
	}
	if d1 <= q.d3() {
		for i := range d1 {
			wx := a.mul(W, xs[i])
			for k := range A {
				if s, n := p.fold(ip, i, k); s != 0 {
					a.spreadAdd(s, A[k], wx, M(n))
				}
			}
		}
		return
	}
	for k := range A {
		v := a.vec()
		first, neg := true, 1.0
		for i := range d1 {
			s, n := p.fold(ip, i, k)
			switch {
			case s == 0:
			case first:
				a.spreadMul(v, xs[i], M(n))
				first, neg = false, s
			default:
				a.spreadAdd(s*neg, v, xs[i], M(n))
			}
		}
		if neg < 0 {
			a.VFNMADD231PS(v, W, A[k])
		} else {
			a.fma(A[k], W, v)
		}
	}
}
