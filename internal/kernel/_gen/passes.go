package main

import (
	"fmt"
	"math"
)

// fpath is one coupling (l1, l2, l3) of a kernel.
type fpath struct {
	l2, l3 int
	c      [][][]float64
}

func (p fpath) d2() int { return 2*p.l2 + 1 }
func (p fpath) d3() int { return 2*p.l3 + 1 }
func (p fpath) y0() int { return p.l2 * p.l2 }

// pass is one sweep over the edges: the paths of one l1 whose sums fit the
// registers.
type pass struct {
	lanes  int
	shared bool // see asm
	l1     int
	wide   int // chunks in one sweep of the forward kernel
	paths  []fpath

	forms  []form          // distinct folded couplings Σ_b C[a,b,k] Y_b, up to sign
	index  map[formKey]int // where a form is
	slopes bool            // also without the gradient of x
	bs     []form          // distinct Σ_k C[a,b,k] g_k, up to sign
	bidx   map[formKey]int
}

type form struct {
	path int
	c    []float64
}

type formKey struct {
	base int
	c    string
}

func (p *pass) d1() int { return 2*p.l1 + 1 }

// name is unique for the list of paths.
func (p *pass) name() string {
	s := fmt.Sprintf("%d", p.l1)
	for _, q := range p.paths {
		s += fmt.Sprintf("_%d%d", q.l2, q.l3)
	}
	return s
}

// canon returns the sign of the first non-zero element and a key of c times it.
func canon(base int, c []float64) (sign float64, k formKey) {
	for _, v := range c {
		if v != 0 {
			sign = math.Copysign(1, v)
			break
		}
	}
	k.base = base
	for _, v := range c {
		k.c += fmt.Sprintf("%.10f ", sign*v+0)
	}
	return sign, k
}

// fold returns the sign and the number of the form of element (a, k).
func (p *pass) fold(ip, a, k int) (sign float64, n int) {
	q := p.paths[ip]
	c := make([]float64, q.d2())
	for b := range c {
		c[b] = q.c[a][b][k]
	}
	sign, key := canon(q.l2, c)
	if sign == 0 {
		return 0, 0
	}
	n, ok := p.index[key]
	if !ok {
		for b := range c {
			c[b] *= sign
		}
		n = len(p.forms)
		p.index[key] = n
		p.forms = append(p.forms, form{ip, c})
	}
	return sign, n
}

// contract is the same for B[a,b].
func (p *pass) contract(ip, a, b int) (sign float64, n int) {
	c := append([]float64(nil), p.paths[ip].c[a][b]...)
	sign, key := canon(ip, c)
	if sign == 0 {
		return 0, 0
	}
	n, ok := p.bidx[key]
	if !ok {
		for k := range c {
			c[k] *= sign
		}
		n = len(p.bs)
		p.bidx[key] = n
		p.bs = append(p.bs, form{ip, c})
	}
	return sign, n
}

// divide puts the paths of l1 by l2 into as few passes as the registers
// allow, and then as equal ones as can be.
func divide(l1 int, net *network, limit int) []*pass {
	var byL2 [][]fpath
	for l2 := range net.lmax + 1 {
		var ps []fpath
		for l3 := range net.lout + 1 {
			if net.has(l1, l2, l3) {
				ps = append(ps, fpath{l2, l3, standard(l1, l2, l3)})
			}
		}
		if ps != nil {
			byL2 = append(byL2, ps)
		}
	}
	sums := func(ps []fpath) (n int) {
		for _, p := range ps {
			n += p.d3()
		}
		return n
	}
	for n := 1; ; n++ {
		var best [][]fpath
		least := limit + 1
		total := 1
		for range byL2 {
			total *= n
		}
		for code := range total {
			parts := make([][]fpath, n)
			for i, c := 0, code; i < len(byL2); i, c = i+1, c/n {
				parts[c%n] = append(parts[c%n], byL2[i]...)
			}
			most := 0
			for _, p := range parts {
				most = max(most, sums(p))
				if len(p) == 0 {
					most = math.MaxInt
				}
			}
			if most < least {
				best, least = parts, most
			}
		}
		if best == nil {
			if n > 20 {
				panic("no division into passes")
			}
			continue
		}
		var out []*pass
		for _, ps := range best {
			out = append(out, newPass(l1, ps))
		}
		return out
	}
}

func newPass(l1 int, ps []fpath) *pass {
	return &pass{l1: l1, paths: ps, index: map[formKey]int{}, bidx: map[formKey]int{}}
}
