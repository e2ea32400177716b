package train

import (
	"math"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// Labels of a model turn with the copies: its errors on copies of structures that it
// labelled itself are zero.
func TestTurned(t *testing.T) {
	p, z := trainee(t)
	list := structures(z)
	for _, s := range list {
		o, err := potentialtest.Evaluate(potentialtest.System{Cell: s.Cell, Periodic: s.Periodic, Z: s.Z, X: s.X},
			potentialtest.Setup{}, func() potential.Potential { return p })
		if err != nil {
			t.Fatal(err)
		}
		s.Energy, s.Forces = o.Energy, o.Forces
		if cell, err := domain.NewCell(s.Cell, s.Periodic); err == nil && cell.Given() {
			for k := range 9 {
				s.Stress[k/3][k%3] = -(o.Virial[k/3][k%3] + o.Virial[k%3][k/3]) / 2 / cell.Volume()
			}
		}
	}
	all := Turned(list, 4, 7)
	if len(all) != 4*len(list) || all[0] != list[0] {
		t.Fatalf("%d structures", len(all))
	}
	alone1(func(c comm.Comm) {
		o := Objective{Potential: p, Loss: Loss{Energy: 1, Force: 1, Stress: 1}, Comm: c}
		e, err := o.Evaluate(samples(t, all, p.Cutoff()), nil)
		if err != nil {
			t.Fatal(err)
		}
		for k, bound := range []float64{1e-11, 1e-10, 1e-11} {
			if !(e.RMSE(k) < bound) {
				t.Errorf("kind %d: error %g of %v", k, e.RMSE(k), e.N[k])
			}
		}
	})
	again, moved := Turned(list, 2, 7), 0.0
	for i, x := range again[len(list)].X {
		if x != all[len(list)].X[i] {
			t.Error("another number of copies gives other copies")
		}
		for k := range x {
			moved = max(moved, math.Abs(x[k]-list[0].X[i][k]))
		}
	}
	if moved < 0.1 {
		t.Error("a copy is not turned")
	}
}

// Rotations are proper, orthogonal, and uniform: the mean of R vanishes, that of R_kl²
// is 1/3.
func TestRotations(t *testing.T) {
	const n = 4000
	var mean, square [3][3]float64
	for k := range uint64(n) {
		r := rotation(1, k, 1)
		det := r[0][0]*(r[1][1]*r[2][2]-r[1][2]*r[2][1]) - r[0][1]*(r[1][0]*r[2][2]-r[1][2]*r[2][0]) + r[0][2]*(r[1][0]*r[2][1]-r[1][1]*r[2][0])
		if math.Abs(det-1) > 1e-12 {
			t.Fatalf("determinant %v", det)
		}
		for i := range 3 {
			for j := range 3 {
				mean[i][j] += r[i][j] / n
				square[i][j] += r[i][j] * r[i][j] / n
			}
		}
	}
	for i := range 3 {
		for j := range 3 {
			// Standard deviations √(1/3n) = 0.009 and √(4/45n) = 0.005; five of them.
			if math.Abs(mean[i][j]) > 0.046 || math.Abs(square[i][j]-1./3) > 0.024 {
				t.Errorf("mean %v, mean square %v", mean, square)
			}
		}
	}
}
