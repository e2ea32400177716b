package md

import (
	"math"

	"github.com/wigner-md/wigner/comm"
)

// Totals are sums over all atoms of all ranks.
type Totals struct {
	Atoms    int64
	Energy   float64       // potential energy, eV
	Virial   [3][3]float64 // W, eV, symmetric
	Kinetic  [3][3]float64 // Σ m v⊗v, eV; twice the kinetic energy is its trace
	MaxForce float64       // largest |F_i|, eV/Å
}

// KineticEnergy is ½ Σ m v², eV.
func (t *Totals) KineticEnergy() float64 {
	return (t.Kinetic[0][0] + t.Kinetic[1][1] + t.Kinetic[2][2]) / 2
}

// voigt lists the six independent components as the field orders them in
// pressures: xx, yy, zz, xy, xz, yz.
var voigt = [6][2]int{{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}}

// Totals is collective. It adds up the last evaluation in fixed point, so that
// neither the ranks nor their order can change a bit of the sum. mass is in
// amu by atomic number, and may be nil: the kinetic part is then zero. Trouble
// in the last evaluation is returned as an error on every rank.
func (e *Evaluator) Totals(mass []float64) (Totals, error) {
	var sums [13]comm.Fixed
	a := e.Atoms
	for _, x := range e.Energy {
		sums[0].Add(x)
	}
	for c, kl := range voigt {
		// W is symmetric only after the sum over ranks.
		sums[1+c].Add((e.Virial[kl[0]][kl[1]] + e.Virial[kl[1]][kl[0]]) / 2)
	}
	if mass != nil {
		for i, v := range a.V[:a.N] {
			m := mass[a.Species[i]]
			for c, kl := range voigt {
				sums[7+c].Add(m * v[kl[0]] * v[kl[1]])
			}
		}
	}
	f2 := 0.0
	for _, f := range a.F[:a.N] {
		f2 = max(f2, f[0]*f[0]+f[1]*f[1]+f[2]*f[2])
	}
	e.flags = [4]float64{f2, float64(e.trouble.kind), 0}
	if err := e.Comm.Allreduce(e.flags[:], comm.Max); err != nil {
		return Totals{}, err
	}
	if e.flags[1] > 0 {
		return Totals{}, e.report()
	}
	f2 = e.flags[0]
	if err := comm.SumFixed(e.Comm, sums[:]); err != nil {
		return Totals{}, err
	}
	t := Totals{Atoms: e.Total(), Energy: sums[0].Value(), MaxForce: math.Sqrt(f2)}
	for c, kl := range voigt {
		w, k := sums[1+c].Value(), sums[7+c].Value()
		t.Virial[kl[0]][kl[1]], t.Virial[kl[1]][kl[0]] = w, w
		t.Kinetic[kl[0]][kl[1]], t.Kinetic[kl[1]][kl[0]] = k, k
	}
	return t, nil
}
