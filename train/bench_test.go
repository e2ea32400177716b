package train

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/nequip"
)

// rattled are n cells of 54 atoms of bcc molybdenum, displaced by 0.1 Å, with made-up labels.
func rattled(n int) (out []*Structure) {
	rng := rand.New(rand.NewPCG(1, 2))
	const a = 3.15
	for range n {
		s := &Structure{Cell: [3][3]float64{{3 * a, 0, 0}, {0, 3 * a, 0}, {0, 0, 3 * a}}, Periodic: [3]bool{true, true, true}, Weight: 1}
		for k := range 54 {
			x := [3]float64{float64(k / 2 % 3), float64(k / 6 % 3), float64(k / 18)}
			for c := range x {
				x[c] = a*(x[c]+float64(k%2)/2) + 0.1*rng.NormFloat64()
			}
			s.Z, s.X = append(s.Z, 42), append(s.X, x)
			s.Forces = append(s.Forces, [3]float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()})
		}
		out = append(out, s)
	}
	return out
}

// A step of training in single precision, per structure of 54 atoms.
func BenchmarkStep(b *testing.B) {
	for _, layers := range []int{2, 3} {
		b.Run(fmt.Sprintf("%dx32", layers), func(b *testing.B) {
			features, err := o3.ParseIrreps("32x0e+32x1o+32x2e")
			if err != nil {
				b.Fatal(err)
			}
			cfg, w, err := nequip.Design{Elements: []int{42}, Features: features, Layers: layers, LMax: 2, Parity: true, Cutoff: 5,
				Neighbors: 30, Shift: []float64{-10}, Scale: []float64{1}}.New()
			if err != nil {
				b.Fatal(err)
			}
			p, err := nequip.NewTrainee[float32](cfg, w)
			if err != nil {
				b.Fatal(err)
			}
			alone1(func(c comm.Comm) { step(b, p, c) })
		})
	}
}

func step(b *testing.B, p potential.Trainable, c comm.Comm) {
	batch := samples(b, rattled(2), p.Cutoff())
	o := Objective{Potential: p, Loss: Loss{Energy: 1, Force: 1, Stress: 1}, Comm: c, Step: Step32}
	g := make([]float64, countParams(p))
	for b.Loop() {
		p.Update()
		if _, err := o.Gradient(batch, g); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)/float64(len(batch))*1e3, "ms/structure")
}
