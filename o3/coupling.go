package o3

import (
	"math"
	"math/big"
)

// Tensor3 is a real tensor of three indices, row-major.
type Tensor3 struct {
	Dim  [3]int
	Data []float64
}

// At is element [i,j,k].
func (t *Tensor3) At(i, j, k int) float64 {
	return t.Data[(i*t.Dim[1]+j)*t.Dim[2]+k]
}

// Coupling is the real coupling tensor C(l1,l2,l3) [2l1+1, 2l2+1, 2l3+1] of
// Frobenius norm 1, with the sign that e3nn 0.4.4 gives it: Clebsch–Gordan
// coefficients (Condon–Shortley) taken to the real basis, times
// (−i)^(l1+l2−l3), and negated when the sorted orders are (1,d,d) with d ≥ 2.
// That sign rule was checked against e3nn for all orders up to 4; beyond 4 it
// is only the continuation of the rule. Elements below 1e-14 are set to zero.
//
// It panics when the orders violate the triangle inequality.
func Coupling(l1, l2, l3 int) *Tensor3 {
	if l1 < 0 || l2 < 0 || l3 < abs(l1-l2) || l3 > l1+l2 {
		panic("o3: orders of a coupling violate the triangle inequality")
	}
	d := [3]int{2*l1 + 1, 2*l2 + 1, 2*l3 + 1}
	c := make([]complex128, d[0]*d[1]*d[2])
	for m1 := -l1; m1 <= l1; m1++ {
		for m2 := -l2; m2 <= l2; m2++ {
			m3 := m1 + m2
			if abs(m3) > l3 {
				continue
			}
			addReal(c, d, [3]int{l1, l2, l3}, [3]int{m1, m2, m3}, ClebschGordan(l1, m1, l2, m2, l3, m3))
		}
	}
	phase := [4]complex128{1, -1i, -1, 1i}[((l1+l2-l3)%4+4)%4]
	t := &Tensor3{Dim: d, Data: make([]float64, len(c))}
	sum := 0.0
	for k, q := range c {
		t.Data[k] = real(q * phase)
		sum += t.Data[k] * t.Data[k]
	}
	sign := 1 / math.Sqrt(sum)
	if flipped(l1, l2, l3) {
		sign = -sign
	}
	for k := range t.Data {
		if t.Data[k] *= sign; math.Abs(t.Data[k]) < 1e-14 {
			t.Data[k] = 0
		}
	}
	return t
}

// flipped: sorted orders are (1,d,d), d ≥ 2.
func flipped(l1, l2, l3 int) bool {
	a, b, c := l1, l2, l3
	if a > b {
		a, b = b, a
	}
	if b > c {
		b, c = c, b
	}
	if a > b {
		a, b = b, a
	}
	return a == 1 && b == c && b >= 2
}

// addReal adds cg·U1[m1,i] U2[m2,j] conj(U3[m3,k]) for the at most two real
// components of each order that the complex component m has a part in.
func addReal(c []complex128, d, l, m [3]int, cg float64) {
	var col [3][2]int
	var u [3][2]complex128
	var n [3]int
	for a := range l {
		col[a], u[a], n[a] = realColumns(m[a])
	}
	for i := range n[0] {
		for j := range n[1] {
			for k := range n[2] {
				p := (l[0]+col[0][i])*d[1] + l[1] + col[1][j]
				q := u[2][k]
				c[p*d[2]+l[2]+col[2][k]] += complex(cg, 0) * u[0][i] * u[1][j] * complex(real(q), -imag(q))
			}
		}
	}
}

// realColumns gives the columns (real components) of the change of basis U
// that row m (a complex component) touches, and the elements there:
// U[0,0] = 1, and for μ > 0: U[μ,μ] = (−1)^μ/√2, U[−μ,μ] = 1/√2,
// U[μ,−μ] = i(−1)^μ/√2, U[−μ,−μ] = −i/√2.
func realColumns(m int) (col [2]int, u [2]complex128, n int) {
	if m == 0 {
		return col, [2]complex128{1}, 1
	}
	mu := abs(m)
	s := complex(math.Sqrt(0.5), 0)
	if m > 0 && mu%2 == 1 {
		s = -s
	}
	im := s * 1i
	if m < 0 {
		im = -im
	}
	return [2]int{mu, -mu}, [2]complex128{s, im}, 2
}

// ClebschGordan is ⟨j1 m1 j2 m2 | j3 m3⟩ for whole spins, Condon–Shortley
// phases, by Racah's sum in exact integers (Varshalovich 8.2.1 eq. 3). It is 0
// where a selection rule forbids it.
func ClebschGordan(j1, m1, j2, m2, j3, m3 int) float64 {
	if m1+m2 != m3 || j3 < abs(j1-j2) || j3 > j1+j2 || abs(m1) > j1 || abs(m2) > j2 || abs(m3) > j3 {
		return 0
	}
	f := func(n int) *big.Int { return new(big.Int).MulRange(1, int64(n)) } // n!; MulRange(1,0) = 1
	mul := func(a ...*big.Int) *big.Int {
		p := big.NewInt(1)
		for _, x := range a {
			p.Mul(p, x)
		}
		return p
	}
	pre := new(big.Rat).SetFrac(
		mul(big.NewInt(int64(2*j3+1)), f(j1+j2-j3), f(j1-j2+j3), f(-j1+j2+j3),
			f(j1+m1), f(j1-m1), f(j2+m2), f(j2-m2), f(j3+m3), f(j3-m3)),
		f(j1+j2+j3+1))
	sum := new(big.Rat)
	for k := 0; k <= j1+j2-j3; k++ {
		den := []int{k, j1 + j2 - j3 - k, j1 - m1 - k, j2 + m2 - k, j3 - j2 + m1 + k, j3 - j1 - m2 + k}
		p, ok := big.NewInt(1), true
		for _, n := range den {
			if n < 0 {
				ok = false
				break
			}
			p.Mul(p, f(n))
		}
		if !ok {
			continue
		}
		if k%2 == 1 {
			p.Neg(p)
		}
		sum.Add(sum, new(big.Rat).SetFrac(big.NewInt(1), p))
	}
	sign := float64(sum.Sign())
	v, _ := pre.Mul(pre, sum.Mul(sum, sum)).Float64()
	return sign * math.Sqrt(v)
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
