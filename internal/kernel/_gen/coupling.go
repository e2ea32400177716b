package main

import (
	"math"
	"math/cmplx"
	"sort"
)

// coupling is the real coupling tensor C(l1,l2,l3)[i][j][k] times √(2l3+1):
// Clebsch–Gordan coefficients by Racah's sum, taken to the real basis, with
// e3nn's sign. The generated code depends on its pattern and on the ratios of
// its elements; a factor of a whole path, the sign for one, is put into the
// radial table when a shape is recognised.
func coupling(l1, l2, l3 int) [][][]float64 {
	d1, d2, d3 := 2*l1+1, 2*l2+1, 2*l3+1
	c := make([][][]float64, d1)
	norm := 0.0
	phase := cmplx.Pow(-1i, complex(float64(l1+l2-l3), 0))
	for i := range c {
		c[i] = make([][]float64, d2)
		for j := range c[i] {
			c[i][j] = make([]float64, d3)
			for k := range c[i][j] {
				var s complex128
				for m1 := -l1; m1 <= l1; m1++ {
					for m2 := -l2; m2 <= l2; m2++ {
						if m3 := m1 + m2; m3 >= -l3 && m3 <= l3 {
							s += real2complex(m1, i-l1) * real2complex(m2, j-l2) * cmplx.Conj(real2complex(m3, k-l3)) *
								complex(clebschGordan(l1, l2, l3, m1, m2, m3), 0)
						}
					}
				}
				v := real(s * phase)
				if math.Abs(v) < 1e-12 {
					v = 0
				}
				c[i][j][k] = v
				norm += v * v
			}
		}
	}
	f := math.Sqrt(float64(d3) / norm)
	if l := []int{l1, l2, l3}; true {
		sort.Ints(l)
		if l[0] == 1 && l[1] == l[2] && l[1] >= 2 {
			f = -f
		}
	}
	for i := range c {
		for j := range c[i] {
			for k := range c[i][j] {
				c[i][j][k] *= f
			}
		}
	}
	return c
}

// real2complex is the part of the complex component m in the real component r.
func real2complex(m, r int) complex128 {
	const h = 1 / math.Sqrt2
	switch sign := float64(1 - (r*r)%2*2); {
	case m == 0 && r == 0:
		return 1
	case r > 0 && m == r:
		return complex(sign*h, 0)
	case r > 0 && m == -r:
		return complex(h, 0)
	case r < 0 && m == -r:
		return complex(0, sign*h)
	case r < 0 && m == r:
		return complex(0, -h)
	}
	return 0
}

func clebschGordan(l1, l2, l3, m1, m2, m3 int) float64 {
	f := func(n int) float64 { return math.Gamma(float64(n) + 1) }
	sum := 0.0
sum:
	for k := range l1 + l2 + 1 {
		q := 1.0
		for _, n := range []int{k, l1 + l2 - l3 - k, l1 - m1 - k, l2 + m2 - k, l3 - l2 + m1 + k, l3 - l1 - m2 + k} {
			if n < 0 {
				continue sum
			}
			q *= f(n)
		}
		sum += float64(1-k%2*2) / q
	}
	return sum * math.Sqrt(float64(2*l3+1)*f(l1+l2-l3)*f(l1-l2+l3)*f(-l1+l2+l3)/f(l1+l2+l3+1)*
		f(l1+m1)*f(l1-m1)*f(l2+m2)*f(l2-m2)*f(l3+m3)*f(l3-m3))
}
