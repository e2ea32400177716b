package main

import (
	"math"

	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// The paths (1,1,0), (1,1,1) and (1,1,2) together: they need the products
// x_a Y_b only as trace, differences and sums, which adders make beside the
// multipliers.

// trio returns the places of the three paths in the pass.
func (p *pass) trio() (ip [3]int, ok bool) {
	n := 0
	for i, q := range p.paths {
		if p.l1 == 1 && q.l2 == 1 {
			ip[q.l3] = i
			n++
		}
	}
	return ip, n == 3 && p.lanes == 16 && !p.shared
}

// standard is the coupling as kernels use it. With l1 = l2 = 1 it is scaled so
// that its elements with a ≠ b are ±1, those of (1,1,0) 1.
func standard(l1, l2, l3 int) [][][]float64 {
	c := coupling(l1, l2, l3)
	if l1 != 1 || l2 != 1 {
		return c
	}
	f := c[0][0][0]
	if l3 > 0 {
		f = 0
		for _, v := range c[0][1] {
			f = max(f, math.Abs(v))
		}
	}
	for i := range c {
		for j := range c[i] {
			for k, v := range c[i][j] {
				c[i][j][k] = v / f
				if r := math.Round(v / f); math.Abs(v/f-r) < 1e-12 {
					c[i][j][k] = r
				}
			}
		}
	}
	return c
}

// only is the one non-zero element k of C[a][b] and its sign.
func only(c []float64) (k int, s float64) {
	k = -1
	for i, v := range c {
		if v != 0 {
			if k >= 0 || math.Abs(v) != 1 {
				panic("coupling (1,1,l) is not as expected")
			}
			k, s = i, v
		}
	}
	return k, s
}

var offDiagonal = [3][2]int{{0, 1}, {0, 2}, {1, 2}}

// pairsForward adds the three paths' messages; acc are their sums.
func (r *forward) pairsForward(ip [3]int, x []val, acc [3][]val, t, b reg.GPVirtual, beta []val) {
	a, np := r.asm, len(r.p.paths)
	weight := func(l3 int) val { return a.fusedWeight(np, ip[l3], t, b, beta) }
	product := func(i, j int) val {
		v := a.vec()
		a.spreadMul(v, x[i], at(b, 64*(8+1+j)))
		return v
	}
	var D [3]val
	for i := range D {
		D[i] = product(i, i)
	}
	outer := a.add(D[0], D[2])
	W := weight(0)
	a.fma(acc[0][0], W, a.add(outer, D[1]))
	// (1,1,2): component 2 is (2D_1 − D_0 − D_2)/√3, component 4 is D_2 − D_0.
	c := r.p.paths[ip[2]].c
	for i, want := range [][2]float64{{-1 / math.Sqrt(3), -1}, {2 / math.Sqrt(3), 0}, {-1 / math.Sqrt(3), 1}} {
		if math.Abs(c[i][i][2]-want[0]) > 1e-12 || c[i][i][4] != want[1] {
			panic("coupling (1,1,2) is not as expected")
		}
	}
	W2 := weight(2)
	a.fma(acc[2][4], W2, a.sub(D[2], D[0]))
	v := a.sub(a.add(D[1], D[1]), outer)
	a.VMULPS_BCST(a.datum(1/math.Sqrt(3)), v, v)
	a.fma(acc[2][2], W2, v)
	W1 := weight(1)
	for _, ij := range offDiagonal {
		i, j := ij[0], ij[1]
		p, q := product(i, j), product(j, i)
		k, s := only(r.p.paths[ip[2]].c[i][j])
		if s < 0 {
			panic("coupling (1,1,2) is not as expected")
		}
		a.fma(acc[2][k], W2, a.add(p, q))
		if k, s = only(r.p.paths[ip[1]].c[i][j]); s > 0 {
			a.fma(acc[1][k], W1, a.sub(p, q))
		} else {
			a.fma(acc[1][k], W1, a.sub(q, p))
		}
	}
}

// weightAndSlopes is W of a path whose gw is known, and adds to the sums for the
// slope.
func (k *backward) weightAndSlopes(ip int, gw val) val {
	np := len(k.p.paths)
	c1, W, d := k.get(at(k.t, k.size()*(np+ip))), k.vec(), k.vec()
	k.VMOVAPS(c1, W)
	for i, r := range []int{0, 2, 3} {
		k.VSUBPS(at(k.t, k.size()*(r*np+ip)), c1, d)
		k.fma(k.S[i], gw, d)
		k.spreadAdd(-1, W, d, at(k.b, 64*r))
	}
	return W
}

// pairsBackward adds the three paths' gradients: V[a,b] = Σ_p W_p B_p[a,b] serves
// both g_a += V[a,b] Y_b and Z_b += V[a,b] x_a.
func (k *backward) pairsBackward(ip [3]int) {
	p := k.p
	x := make([]val, 3)
	for i := range x {
		x[i] = k.x[i].(val)
	}
	// B is the place of B[a,b] of (1,1,l3), and its sign.
	B := func(l3, i, j int) (operand.Mem, float64) {
		s, n := p.contract(ip[l3], i, j)
		return at(k.B, k.size()*n), s
	}
	var D, P, M [3]val // x_i Y_i, x_i Y_j ± x_j Y_i
	for i := range D {
		D[i] = k.vec()
		k.yset(1+i, x[i], D[i])
	}
	for n, ij := range offDiagonal {
		u, v := k.vec(), k.vec()
		k.yset(1+ij[1], x[ij[0]], u)
		k.yset(1+ij[0], x[ij[1]], v)
		P[n], M[n] = k.add(u, v), k.sub(u, v)
	}
	gw := k.add(k.add(D[0], D[1]), D[2])
	b, _ := B(0, 0, 0)
	k.VMULPS(b, gw, gw)
	T := k.weightAndSlopes(ip[0], gw)
	k.VMULPS(b, T, T)

	gw = k.vec()
	var s1 [3]float64
	for n, ij := range offDiagonal {
		b, s := B(1, ij[0], ij[1])
		s1[n] = s
		switch {
		case n > 0:
			k.sfma(s, gw, M[n], b)
		case s > 0:
			k.VMULPS(b, M[n], gw)
		default:
			k.zero(gw)
			k.sfma(s, gw, M[n], b)
		}
	}
	W := k.weightAndSlopes(ip[1], gw)
	for n, ij := range offDiagonal {
		b, _ := B(1, ij[0], ij[1])
		M[n] = k.mul(W, b)
	}

	gw = k.vec()
	var s2 [3]float64
	for n, ij := range offDiagonal {
		b, s := B(2, ij[0], ij[1])
		if s2[n] = s; s < 0 {
			panic("coupling (1,1,2) is not as expected")
		}
		if n == 0 {
			k.VMULPS(b, P[n], gw)
		} else {
			k.fmaOp(gw, P[n], b)
		}
	}
	for i := range D {
		b, s := B(2, i, i)
		k.sfma(s, gw, D[i], b)
	}
	W = k.weightAndSlopes(ip[2], gw)
	for i := range D {
		b, s := B(2, i, i)
		V := k.vec()
		k.VMOVAPS(T, V)
		k.sfma(s, V, W, b)
		k.yadd(1, 1+i, V, k.g[i].(val))
		k.fma(k.Z[1+i], V, x[i])
	}
	for n, ij := range offDiagonal {
		i, j := ij[0], ij[1]
		b, _ := B(2, i, j)
		v := k.mul(W, b)
		up, down := k.add(v, M[n]), k.sub(v, M[n])
		if s1[n] < 0 {
			up, down = down, up
		}
		k.yadd(1, 1+j, up, k.g[i].(val))
		k.yadd(1, 1+i, down, k.g[j].(val))
		k.fma(k.Z[1+j], up, x[i])
		k.fma(k.Z[1+i], down, x[j])
	}
}

func (k *backward) fmaOp(acc, x val, y operand.Op) { k.VFMADD231PS(y, x, acc) }
