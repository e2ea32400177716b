package bp

import (
	"testing"

	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// benchmarkSpec is a model of the size of the published ones: 3 radial and 24 narrow
// angular functions in 3 groups' worth of η, a network of 24-24.
func benchmarkSpec() *Spec {
	d := Design{Elements: []int{14}, Cutoff: 5.5, Shortest: 2.2, Radial: 3, Angular: 3, Shift: []float64{0}, Scale: 1}
	s := &Spec{CutoffType: 1, EnergyScale: 1}
	f := d.functions()
	for k := range f {
		f[k].Factor = 0.3
	}
	s.Elements = []Element{{Z: 14, Functions: f}}
	d.networks(s)
	return s
}

// BenchmarkSilicon is one evaluation of 64 atoms of diamond, lightly displaced.
func BenchmarkSilicon(b *testing.B) {
	p, err := New(benchmarkSpec())
	if err != nil {
		b.Fatal(err)
	}
	sys := potentialtest.System{Cell: [3][3]float64{{10.86, 0, 0}, {0, 10.86, 0}, {0, 0, 10.86}}, Periodic: [3]bool{true, true, true}}
	for n := range 64 {
		x := [3]float64{float64(n >> 2 & 1), float64(n >> 3 & 1), float64(n >> 4 & 1)}
		base := [4][3]float64{{}, {0, 0.5, 0.5}, {0.5, 0, 0.5}, {0.5, 0.5, 0}}[n&3]
		for k := range x {
			x[k] = (x[k]+base[k]+0.25*float64(n>>5))*5.43 + 0.05*float64((n*7+k*3)%11-5)/5
		}
		sys.X, sys.Z = append(sys.X, x), append(sys.Z, 14)
	}
	keep := &keeper{cutoff: 5.5, frames: new([]*potential.Frame)}
	if _, err := potentialtest.Evaluate(sys, potentialtest.Setup{}, func() potential.Potential { return keep }); err != nil {
		b.Fatal(err)
	}
	f := (*keep.frames)[0]
	e, energy := p.Evaluator(), make([]float64, f.N)
	var bonds potential.Bonds
	b.ResetTimer()
	for range b.N {
		bonds.Reset(f.Rows)
		if err := e.Compute(f, &potential.Result{Energy: energy, Bonds: &bonds}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*f.N)/1000, "µs/atom")
}
