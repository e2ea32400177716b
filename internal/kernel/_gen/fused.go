package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// networks are the shapes that get kernels of their own: features to lx, harmonics
// to lmax, all paths that lead to l3 ≤ lout, or, in natural networks, whose features
// all have the parity (−1)^l, those with l1+l2+l3 even. Multiplicities are not part of
// the code: any multiple of 16 will do.
var networks = []network{
	{"SevenNet-0, inner layers", 2, 2, 2, false},
	{"SevenNet-0, last layer", 2, 2, 0, false},
	{"SevenNet-l3i5, inner layers", 3, 3, 3, false},
	{"SevenNet-l3i5, last layer", 3, 3, 0, false},
	{"0e+1o+2e, inner layers", 2, 2, 2, true},
	{"0e+1o+2e+3o, inner layers", 3, 3, 3, true},
	{"MACE, to 2e", 2, 3, 3, true},
}

type network struct {
	name           string
	lx, lmax, lout int
	natural        bool
}

// has is whether l1 and l2 lead to l3.
func (n *network) has(l1, l2, l3 int) bool {
	return l3 >= max(l1-l2, l2-l1) && l3 <= min(l1+l2, n.lout) && !(n.natural && (l1+l2+l3)%2 == 1)
}

// fused writes the kernels of all networks, each list of paths once.
func fused(lanes int, shared bool) func(*build.Context) {
	return func(c *build.Context) {
		a := &asm{Context: c, lanes: lanes, shared: shared, data: map[string]operand.Mem{}}
		seen := map[string]bool{}
		for _, n := range networks {
			for l1 := range n.lx + 1 {
				limit := 32 - (2*l1 + 1) - 3
				for _, p := range divide(l1, &n, limit) {
					p.lanes, p.shared = lanes, shared
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
	a.begin("fusedFold"+p.name(), "folds the couplings of fusedForward"+p.name()+" with the harmonics.")
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
	a.ret()
}

// fusedForward: for every chunk of 16 channels, over the edges, all sums of the
// pass in registers.
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
	if len(p.forms) > 0 {
		a.fusedFold(p)
	}
	a.begin("fusedForward"+p.name(), fmt.Sprintf("makes the messages of %d paths with l1 = %d.", np, p.l1))
	r := &forward{asm: a, p: p, nacc: nacc, x0: a.movq("x"), coef: a.movq("coef"), left: a.movq("mul"), out: a.movq("out")}
	// Several chunks at once where their sums fit: that saves loads of the
	// couplings and the addresses.
	p.wide = 1
	for _, w := range []int{2, 4, 8} {
		if w*(nacc+1)+8 <= 32 && w*16 <= mostChannels[p.l1] {
			p.wide = w
		}
	}
	if wide := p.wide; wide > 1 {
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

// sizeOfEdge is that of an edgeArg.
const sizeOfEdge = 24

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
	e, b, m, ed := a.GP64(), a.movq("b"), a.movq("m"), a.movq("edges")
	a.XORQ(e, e)
	comp := a.movq("xcomp")
	a.Label(a.lab("edge" + suffix))
	x, t, f := a.GP64(), a.GP64(), a.GP64()
	a.MOVQ(r.x0, f)
	a.ADDQ(at(ed, 8), f)
	a.MOVQ(r.x0, x)
	a.ADDQ(at(ed, 0), x)
	a.IMUL3Q(imm(np), at(ed, 16), t)
	a.ADDQ(r.coef, t)
	a.ADDQ(imm(sizeOfEdge), ed)
	if d1 > 1 {
		f2 := a.GP64()
		a.LEAQ(operand.Mem{Base: f, Index: comp, Scale: 1}, f2)
		for i := range d1 {
			for c := range w {
				o := a.component(f, f2, comp, i)
				o.Disp += 64 * c
				a.PREFETCHT1(o)
			}
		}
	} else {
		for c := range w {
			a.PREFETCHT1(at(f, 64*c))
		}
	}
	free := 32 - w*r.nacc - d1 - 3 - 2*(w-1)
	ip3, trio := p.trio()
	if trio {
		free -= 4
	}
	if a.shared && w == 1 {
		free++
	}
	beta := a.betas(b, a.splines(), free)
	xs := make([]val, d1)
	if d1 == 1 {
		xs = nil
		for c := range w {
			xs = append(xs, a.get(at(x, 64*c)))
		}
		r.together(xs, acc, t, b, m, beta)
		r.finish(acc, e, b, m, suffix)
		return
	}
	x2 := a.GP64()
	a.LEAQ(operand.Mem{Base: x, Index: comp, Scale: 1}, x2)
	for c := range w {
		for i := range xs {
			o := a.component(x, x2, comp, i)
			o.Disp += 64 * c
			xs[i] = a.get(o)
		}
		if c > 0 {
			a.ADDQ(a.field("group"), t)
		}
		k0 := 0
		var sums [3][]val
		for ip, q := range p.paths {
			if trio && q.l2 == 1 {
				sums[q.l3] = acc[c][k0 : k0+q.d3()]
				if k0 += q.d3(); ip == ip3[2] {
					r.pairsForward(ip3, xs, sums, t, b, beta)
				}
				continue
			}
			a.fusedMessage(p, ip, a.fusedWeight(np, ip, t, b, beta), ops(xs), acc[c][k0:k0+q.d3()], m)
			k0 += q.d3()
		}
	}
	r.finish(acc, e, b, m, suffix)
}

// finish ends the loop over the edges and gives the sums to the aggregate.
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
	outs := a.movq("outs")
	a.CMPQ(a.field("set"), imm(0))
	a.JNE(a.ref("set" + suffix))
	r.sums(acc, outs, func(v val, m operand.Mem) { a.VADDPS(m, v, v) })
	a.Label(a.lab("set" + suffix))
	r.sums(acc, outs, a.store)
	a.ADDQ(imm(a.size()*w), r.x0)
	a.ADDQ(imm(a.size()*w), r.out)
	for range w {
		a.ADDQ(a.field("group"), r.coef)
	}
}

// sums calls f with every sum and its place in the aggregate.
func (r *forward) sums(acc [][]val, outs reg.GPVirtual, f func(val, operand.Mem)) {
	a, k0 := r.asm, 0
	for ip, q := range r.p.paths {
		o, oc := a.GP64(), a.GP64()
		a.MOVQ(at(outs, 16*ip), o)
		a.ADDQ(r.out, o)
		if q.d3() > 1 {
			a.MOVQ(at(outs, 16*ip+8), oc)
		}
		for k := range q.d3() {
			for c := range acc {
				f(acc[c][k0+k], at(o, a.size()*c))
			}
			if k < q.d3()-1 {
				a.ADDQ(oc, o)
			}
		}
		k0 += q.d3()
	}
}

// together is l1 = 0 for several chunks: each coupling is loaded once.
func (r *forward) together(xs []val, acc [][]val, t, b, m reg.GPVirtual, beta []val) {
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
				a.fma(acc[c][k0], W, xs[c])
			} else {
				wx[c] = a.mul(W, xs[c])
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

// splines are the rows of spline weights that a weight is made with.
func (a *asm) splines() []int {
	if a.shared {
		return []int{0, 1, 2, 3}
	}
	return differences
}

// betas loads the first n of these spline weights.
func (a *asm) betas(b reg.GPVirtual, q []int, n int) []val {
	v := make([]val, max(0, min(n, len(q))))
	for i := range v {
		v[i] = a.spread(at(b, 64*q[i]))
	}
	return v
}

// fusedWeight is W = Σ_q β_q c_q from the four rows c of the table. Where adders
// work beside the multipliers it is c1 − Σ_q β_q (c1 − c_q), q ≠ 1, for Σ β = 1.
func (a *asm) fusedWeight(np, ip int, t, b reg.GPVirtual, beta []val) val {
	row := func(r int) operand.Mem { return at(t, a.size()*(r*np+ip)) }
	if a.shared {
		var W val
		for q := range 4 {
			switch {
			case q == 0 && len(beta) > 0:
				W = a.mul(beta[0], row(0))
			case q == 0:
				W = a.get(row(0))
				a.spreadMul(W, W, at(b, 0))
			case q < len(beta):
				a.VFMADD231PS(row(q), beta[q], W)
			default:
				a.spreadAdd(1, W, a.get(row(q)), at(b, 64*q))
			}
		}
		return W
	}
	c1, W, d := a.get(row(1)), a.vec(), a.vec()
	a.VMOVAPS(c1, W)
	for i, r := range a.splines() {
		a.VSUBPS(row(r), c1, d)
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
