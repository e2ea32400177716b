package o3

import (
	"math"
	"math/rand/v2"
)

// TB is the part of testing.TB that AssertEquivariant needs.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
}

// Elements says which orthogonal matrices a test draws.
type Elements int

// Rotations are proper; RotationsAndInversion has both signs of determinant.
const (
	Rotations Elements = iota
	RotationsAndInversion
)

// AssertEquivariant fails t unless f(D_in(R) x) = D_out(R) f(x) to within tol
// (absolute, relative to the largest output or 1) for random x and R. It
// returns the largest deviation met, in that measure.
func AssertEquivariant(t TB, f func(x []float64) []float64, in, out Irreps, which Elements, tol float64) float64 {
	t.Helper()
	rng := rand.New(rand.NewPCG(3, 14))
	worst := 0.0
	for trial := range 4 {
		x := make([]float64, in.Dim())
		for k := range x {
			x[k] = rng.NormFloat64()
		}
		R := RandomRotation(rng)
		if which == RotationsAndInversion && trial%2 == 1 {
			for i := range R {
				for j := range R[i] {
					R[i][j] = -R[i][j]
				}
			}
		}
		want := append([]float64{}, f(append([]float64{}, x...))...)
		if len(want) != out.Dim() {
			t.Errorf("o3: function returns %d numbers, %s has %d", len(want), out, out.Dim())
			return math.Inf(1)
		}
		out.Apply(R, want)
		in.Apply(R, x)
		got := f(x)
		scale := 1.0
		for _, w := range want {
			scale = math.Max(scale, math.Abs(w))
		}
		for k := range want {
			d := math.Abs(got[k]-want[k]) / scale
			if !(d <= tol) {
				t.Errorf("o3: not equivariant: component %d of %s is %.17g, the turned one %.17g (det R = %+.0f)",
					k, out, got[k], want[k], det(R))
				return math.Max(worst, d)
			}
			worst = math.Max(worst, d)
		}
	}
	return worst
}

// RandomRotation is a proper rotation, uniform over SO(3).
func RandomRotation(rng *rand.Rand) [3][3]float64 {
	var q [4]float64
	for k := range q {
		q[k] = rng.NormFloat64()
	}
	return RotationFromQuaternion(q)
}
