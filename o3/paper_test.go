package o3

// One test per property that defines the objects of this package.

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

const lTest = 8

func randomVector(rng *rand.Rand) [3]float64 {
	return [3]float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}
}

func apply(R [3][3]float64, v [3]float64) (w [3]float64) {
	for i := range w {
		for j := range v {
			w[i] += R[i][j] * v[j]
		}
	}
	return w
}

// The explicit polynomials of orders 0 to 3 in e3nn's order and normalisation.
func TestHarmonicsExplicit(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	h := NewHarmonics(3)
	Y := make([]float64, h.Len())
	s := math.Sqrt
	for range 20 {
		v := randomVector(rng)
		x, y, z := v[0], v[1], v[2]
		q := x*x + z*z
		want := []float64{1,
			s(3) * x, s(3) * y, s(3) * z,
			s(15) * x * z, s(15) * x * y, s(5) * (y*y - q/2), s(15) * y * z, s(15) / 2 * (z*z - x*x),
			s(7) * s(5./8) * x * (3*z*z - x*x), s(7) * s(15) * x * y * z, s(7) * s(3./8) * x * (4*y*y - q),
			s(7) * y * (2*y*y - 3*q) / 2, s(7) * s(3./8) * z * (4*y*y - q),
			s(7) * s(15) / 2 * y * (z*z - x*x), s(7) * s(5./8) * z * (z*z - 3*x*x)}
		h.Raw(v, Y, nil)
		for k := range want {
			if math.Abs(Y[k]-want[k]) > 1e-13*(1+math.Abs(want[k])) {
				t.Fatalf("component %d at %v: %.17g, want %.17g", k, v, Y[k], want[k])
			}
		}
	}
}

// Y(Rx) = D(R) Y(x); under inversion Y_l is (−1)^l.
func TestHarmonicsTurn(t *testing.T) {
	h := NewHarmonics(lTest)
	f := func(x []float64) []float64 {
		Y := make([]float64, h.Len())
		h.Raw([3]float64(x), Y, nil)
		return Y
	}
	d := AssertEquivariant(t, f, Irreps{{1, Irrep{1, -1}}}, SphericalIrreps(lTest, true), RotationsAndInversion, 1e-12)
	t.Logf("largest deviation to l = %d: %.1e", lTest, d)
}

// A helper that cannot fail proves nothing.
func TestAssertEquivariantFails(t *testing.T) {
	for name, f := range map[string]func(x []float64) []float64{
		"one component":  func(x []float64) []float64 { x[1] *= 1 + 1e-9; return x },
		"wrong length":   func(x []float64) []float64 { return x[:2] },
		"not a number":   func(x []float64) []float64 { x[0] = math.NaN(); return x },
		"handed (cross)": func(x []float64) []float64 { return []float64{x[0], x[1], -x[2]} },
	} {
		r := &recorder{}
		v := Irreps{{1, Irrep{1, -1}}}
		AssertEquivariant(r, f, v, v, Rotations, 1e-12)
		if !r.failed {
			t.Errorf("%s: not noticed", name)
		}
	}
	// A pseudovector passes rotations and fails inversion.
	cross := func(x []float64) []float64 {
		return []float64{x[1]*x[5] - x[2]*x[4], x[2]*x[3] - x[0]*x[5], x[0]*x[4] - x[1]*x[3]}
	}
	two, one := Irreps{{2, Irrep{1, -1}}}, Irreps{{1, Irrep{1, -1}}}
	AssertEquivariant(t, cross, two, one, Rotations, 1e-12)
	r := &recorder{}
	AssertEquivariant(r, cross, two, one, RotationsAndInversion, 1e-12)
	if !r.failed {
		t.Error("the cross product passed as a true vector")
	}
	AssertEquivariant(t, cross, two, Irreps{{1, Irrep{1, 1}}}, RotationsAndInversion, 1e-12)
}

type recorder struct{ failed bool }

func (r *recorder) Helper()               {}
func (r *recorder) Errorf(string, ...any) { r.failed = true }

// Norm: ‖Y_l(n)‖² = 2l+1, and orthogonality: the mean of Y_lm Y_l'm' over the
// sphere is δ. The mean is exact by Gauss–Legendre in y and a uniform angle.
func TestHarmonicsOrthonormal(t *testing.T) {
	h := NewHarmonics(lTest)
	n := h.Len()
	nodes, weights := gaussLegendre(2*lTest + 2)
	sum := make([]float64, n*n)
	Y := make([]float64, n)
	const na = 4*lTest + 4
	for a, y := range nodes {
		for b := range na {
			p, s := 2*math.Pi*float64(b)/na, math.Sqrt(1-y*y)
			h.Unit([3]float64{3 * s * math.Sin(p), 3 * y, 3 * s * math.Cos(p)}, Y, nil)
			for l := 0; l <= lTest; l++ {
				q := 0.0
				for _, c := range Y[l*l : (l+1)*(l+1)] {
					q += c * c
				}
				if math.Abs(q-float64(2*l+1)) > 1e-11 {
					t.Fatalf("‖Y_%d‖² = %.15g", l, q)
				}
			}
			for i := range n {
				for j := range n {
					sum[i*n+j] += weights[a] / 2 / na * Y[i] * Y[j]
				}
			}
		}
	}
	for i := range n {
		for j := range n {
			want := 0.0
			if i == j {
				want = 1
			}
			if math.Abs(sum[i*n+j]-want) > 1e-12 {
				t.Fatalf("⟨Y_%d Y_%d⟩ = %.15g", i, j, sum[i*n+j])
			}
		}
	}
}

// gaussLegendre gives nodes and weights on [−1,1] by Newton's method.
func gaussLegendre(n int) (x, w []float64) {
	x, w = make([]float64, n), make([]float64, n)
	for i := range x {
		z := math.Cos(math.Pi * (float64(i) + 0.75) / (float64(n) + 0.5))
		var dp float64
		for range 100 {
			p0, p1 := 1.0, z
			for l := 2; l <= n; l++ {
				p0, p1 = p1, (float64(2*l-1)*z*p1-float64(l-1)*p0)/float64(l)
			}
			dp = float64(n) * (z*p1 - p0) / (z*z - 1)
			d := p1 / dp
			z -= d
			if math.Abs(d) < 1e-16 {
				break
			}
		}
		x[i], w[i] = z, 2/((1-z*z)*dp*dp)
	}
	return x, w
}

// Gradients against central differences, raw and of the unit vector.
func TestHarmonicsGradient(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 7))
	h := NewHarmonics(lTest)
	n := h.Len()
	Yp, Ym, Y, dY := make([]float64, n), make([]float64, n), make([]float64, n), make([][3]float64, n)
	for name, f := range map[string]func([3]float64, []float64, [][3]float64){"raw": h.Raw, "unit": h.Unit} {
		worst := 0.0
		for range 10 {
			v := randomVector(rng)
			f(v, Y, dY)
			for a := range v {
				const step = 1e-5
				p, m := v, v
				p[a] += step
				m[a] -= step
				f(p, Yp, nil)
				f(m, Ym, nil)
				for k := range n {
					d := math.Abs((Yp[k]-Ym[k])/(2*step)-dY[k][a]) / (1 + math.Abs(dY[k][a]))
					worst = math.Max(worst, d)
				}
			}
		}
		if !(worst < 2e-7) { // truncation l³·step² at small |v|, and rounding 1e-11·|Y|
			t.Errorf("%s: gradient differs by %.1e", name, worst)
		}
	}
}

// On the polar axis and at zero nothing is singular.
func TestHarmonicsPole(t *testing.T) {
	h := NewHarmonics(lTest)
	Y, dY := make([]float64, h.Len()), make([][3]float64, h.Len())
	h.Unit([3]float64{0, -2, 0}, Y, dY)
	for l := 0; l <= lTest; l++ {
		want := math.Sqrt(float64(2*l + 1))
		if l%2 == 1 {
			want = -want
		}
		if math.Abs(Y[l*l+l]-want) > 1e-13 {
			t.Errorf("Y_%d at the pole is %g, want %g", l, Y[l*l+l], want)
		}
	}
	h.Raw([3]float64{}, Y, dY)
	if Y[0] != 1 || Y[1] != 0 || math.Abs(dY[1][0]-math.Sqrt(3)) > 1e-15 {
		t.Errorf("at zero: %v %v", Y[:4], dY[:4])
	}
}

// Values of e3nn 0.4.4: first non-zero element in row-major order, number of
// non-zero elements.
func TestCouplingAnchors(t *testing.T) {
	for _, c := range []struct {
		l     [3]int
		at    [3]int
		value float64
		count int
	}{
		{[3]int{1, 1, 1}, [3]int{0, 1, 2}, 0.408248290463863, 6},
		{[3]int{1, 1, 2}, [3]int{0, 0, 2}, -0.182574185835055, 11},
		{[3]int{1, 2, 2}, [3]int{0, 0, 1}, 0.182574185835055, 16},
		{[3]int{1, 2, 3}, [3]int{0, 0, 4}, -0.069006555934235, 21},
		{[3]int{1, 3, 3}, [3]int{0, 0, 1}, 0.133630620956212, 26},
		{[3]int{2, 2, 2}, [3]int{0, 0, 2}, -0.239045721866879, 25},
		{[3]int{2, 2, 3}, [3]int{0, 1, 0}, 0.188982236504614, 28},
		{[3]int{2, 3, 3}, [3]int{0, 0, 4}, -0.109108945117996, 41},
		{[3]int{3, 3, 3}, [3]int{0, 1, 2}, 0.154303349962092, 42},
	} {
		w := Coupling(c.l[0], c.l[1], c.l[2])
		first, count := -1, 0
		for k, x := range w.Data {
			if x != 0 {
				if count++; first < 0 {
					first = k
				}
			}
		}
		if k := (c.at[0]*w.Dim[1]+c.at[1])*w.Dim[2] + c.at[2]; k != first {
			t.Errorf("C%v: first non-zero element is number %d, want %d", c.l, first, k)
		}
		if count != c.count || math.Abs(w.Data[first]-c.value) > 1e-15 {
			t.Errorf("C%v: %d elements, first %.15f; want %d, %.15f", c.l, count, w.Data[first], c.count, c.value)
		}
	}
}

// C(0,l,l), C(l,0,l), C(l,l,0) are δ/√(2l+1) with a positive sign.
func TestCouplingWithScalar(t *testing.T) {
	for l := 0; l <= lTest; l++ {
		for slot := range 3 {
			o := [3]int{l, l, l}
			o[slot] = 0
			w := Coupling(o[0], o[1], o[2])
			for a := range 2*l + 1 {
				for b := range 2*l + 1 {
					k := [][3]int{{0, a, b}, {a, 0, b}, {a, b, 0}}[slot]
					want := 0.0
					if a == b {
						want = 1 / math.Sqrt(float64(2*l+1))
					}
					if math.Abs(w.At(k[0], k[1], k[2])-want) > 1e-15 {
						t.Fatalf("C%v[%v] = %g, want %g", o, k, w.At(k[0], k[1], k[2]), want)
					}
				}
			}
		}
	}
}

// Norm 1; permuting arguments permutes axes, with (−1)^(l1+l2+l3) if odd.
func TestCouplingSymmetry(t *testing.T) {
	for l1 := 0; l1 <= 4; l1++ {
		for l2 := 0; l2 <= 4; l2++ {
			for l3 := abs(l1 - l2); l3 <= min(4, l1+l2); l3++ {
				a, b, c := Coupling(l1, l2, l3), Coupling(l2, l1, l3), Coupling(l2, l3, l1)
				s := 1.0
				if (l1+l2+l3)%2 == 1 {
					s = -1
				}
				sum := 0.0
				for i := range a.Dim[0] {
					for j := range a.Dim[1] {
						for k := range a.Dim[2] {
							x := a.At(i, j, k)
							sum += x * x
							if math.Abs(x-s*b.At(j, i, k)) > 1e-14 || math.Abs(x-c.At(j, k, i)) > 1e-14 {
								t.Fatalf("C(%d,%d,%d)[%d,%d,%d] = %g, swapped %g, cyclic %g",
									l1, l2, l3, i, j, k, x, b.At(j, i, k), c.At(j, k, i))
							}
						}
					}
				}
				if math.Abs(sum-1) > 1e-14 {
					t.Fatalf("‖C(%d,%d,%d)‖² = %g", l1, l2, l3, sum)
				}
			}
		}
	}
}

// Σ C x y is equivariant, up to l = 8 and with inversion.
func TestCouplingEquivariant(t *testing.T) {
	worst := 0.0
	for _, l := range [][3]int{{1, 1, 1}, {1, 2, 2}, {2, 2, 3}, {3, 3, 3}, {4, 3, 6}, {5, 1, 5}, {8, 8, 8}, {8, 7, 1}} {
		w := Coupling(l[0], l[1], l[2])
		f := func(x []float64) []float64 {
			x, y := x[:w.Dim[0]], x[w.Dim[0]:]
			z := make([]float64, w.Dim[2])
			for i := range x {
				for j := range y {
					for k := range z {
						z[k] += w.At(i, j, k) * x[i] * y[j]
					}
				}
			}
			return z
		}
		a, b := Irrep{l[0], -1}, Irrep{l[1], 1}
		d := AssertEquivariant(t, f, Irreps{{1, a}, {1, b}}, Irreps{{1, Irrep{l[2], -1}}}, RotationsAndInversion, 1e-12)
		worst = math.Max(worst, d)
	}
	t.Logf("largest deviation %.1e", worst)
}

// Closure: Y_l1 ⊗ Y_l2 contracted with C(l1,l2,l3) is a multiple of Y_l3.
func TestHarmonicsClosure(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	h := NewHarmonics(lTest)
	Y := make([]float64, h.Len())
	for _, l := range [][3]int{{1, 1, 2}, {1, 2, 3}, {2, 2, 2}, {2, 2, 4}, {3, 3, 2}, {4, 4, 8}, {3, 5, 6}, {1, 1, 1}, {2, 2, 3}} {
		w := Coupling(l[0], l[1], l[2])
		for range 5 {
			h.Unit(randomVector(rng), Y, nil)
			y := func(l, m int) float64 { return Y[l*l+m] }
			z := make([]float64, 2*l[2]+1)
			for i := range w.Dim[0] {
				for j := range w.Dim[1] {
					for k := range z {
						z[k] += w.At(i, j, k) * y(l[0], i) * y(l[1], j)
					}
				}
			}
			c := 0.0
			for k := range z {
				c += z[k] * y(l[2], k) / float64(2*l[2]+1)
			}
			if odd := (l[0]+l[1]+l[2])%2 == 1; odd != (math.Abs(c) < 1e-12) {
				t.Fatalf("%v: factor %g", l, c)
			}
			for k := range z {
				if math.Abs(z[k]-c*y(l[2], k)) > 1e-12 {
					t.Fatalf("%v: component %d is %g, want %g", l, k, z[k], c*y(l[2], k))
				}
			}
		}
	}
}

// D is a representation, D(RS) = D(R)D(S), and orthogonal.
func TestWignerDRepresentation(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 2))
	R, S := RandomRotation(rng), RandomRotation(rng)
	var RS [3][3]float64
	for i := range 3 {
		for j := range 3 {
			for k := range 3 {
				RS[i][j] += R[i][k] * S[k][j]
			}
		}
	}
	for l := 0; l <= lTest; l++ {
		n := 2*l + 1
		a, b, c := WignerD(l, R), WignerD(l, S), WignerD(l, RS)
		for i := range n {
			for j := range n {
				p, o := 0.0, 0.0
				for k := range n {
					p += a[i*n+k] * b[k*n+j]
					o += a[i*n+k] * a[j*n+k]
				}
				if i == j {
					o--
				}
				if math.Abs(p-c[i*n+j]) > 1e-12 || math.Abs(o) > 1e-12 {
					t.Fatalf("l = %d: D(R)D(S) − D(RS) = %g, DDᵀ − 1 = %g", l, p-c[i*n+j], o)
				}
			}
		}
	}
	v := randomVector(rng)
	if w, d := apply(R, v), WignerD(1, R); math.Abs(w[2]-d[6]*v[0]-d[7]*v[1]-d[8]*v[2]) > 1e-15 {
		t.Error("D_1 is not R")
	}
}

// The path tables of SevenNet-0 and l3i5, "l1 l2 l3 → slot".
func TestPathTables(t *testing.T) {
	for _, c := range []struct {
		in   string
		l    int
		want string
		out  string
		w    int
	}{
		{"128x0e", 2, "000→0 011→1 022→2 ", "128x0e+128x1e+128x2e", 384},
		{"128x0e+64x1e+32x2e", 2, "000→0 011→3 022→9 101→4 110→1 111→5 112→10 121→6 122→11 202→12 211→7 212→13 220→2 221→8 222→14 ",
			"224x0e+384x1e+352x2e", 960},
		{"128x0e+64x1e+32x2e+32x3e", 3, "000→0 011→4 022→13 033→24 101→5 110→1 111→6 112→14 121→7 122→15 123→25 132→16 133→26 " +
			"202→17 211→8 212→18 213→27 220→2 221→9 222→19 223→28 231→10 232→20 233→29 " +
			"303→30 312→21 313→31 321→11 322→22 323→32 330→3 331→12 332→23 333→33 ", "256x0e+480x1e+544x2e+480x3e", 1760},
	} {
		in, err := ParseIrreps(c.in)
		if err != nil {
			t.Fatal(err)
		}
		ps, out := Paths(in, SphericalIrreps(c.l, false), func(r Irrep) bool { return r.L <= c.l })
		got := ""
		for _, p := range ps {
			got += fmt.Sprintf("%d%d%d→%d ", p.L1, p.L2, p.L3, p.Slot)
		}
		if got != c.want || out.String() != c.out || Weights(ps) != c.w {
			t.Errorf("%s:\n%s\n%s\n%s, %d weights", c.in, got, c.want, out, Weights(ps))
		}
	}
	// With parity a path needs p3 = p1·p2; odd before even.
	in, _ := ParseIrreps("4x0e+4x1o")
	_, out := Paths(in, SphericalIrreps(1, true), func(r Irrep) bool { return r.L <= 1 })
	if out.String() != "8x0e+8x1o+4x1e" {
		t.Errorf("with parity: %s", out)
	}
}
