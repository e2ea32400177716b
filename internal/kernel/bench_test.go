package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func sizes(s [3]int) string { return fmt.Sprintf("%dx%dx%d", s[0], s[1], s[2]) }

// The gate of SevenNet-0's inner layers, 24 atoms.
func BenchmarkGate(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 1))
	g := Gate{A: 1.7, Scalars: 128, Gated: []Gated{
		{128, Block{1, 64, 224}, Block{1, 64, 128}},
		{192, Block{2, 32, 416}, Block{2, 32, 320}},
	}}
	y, x := normals(rng, 24*576), normals(rng, 24*480)
	for _, p := range append([]path{generic}, paths()...) {
		b.Run(p.String(), func(b *testing.B) {
			for b.Loop() {
				if !gateForward32(p, &g, 24, y, 576, x, 480) {
					gateForwardLoops(&g, 24, y, 576, x, 480)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N)/24, "us/atom")
		})
	}
}

// Geometry, harmonics and gradient of one atom's 28 edges.
func BenchmarkEdges(b *testing.B) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, p := range append([]path{generic}, paths()...) {
		b.Run(p.String(), func(b *testing.B) {
			e := Edges[float32]{Unit: true}
			e.Resize(28, 2)
			for c := range 3 {
				copy(e.D[c], normals(rng, 28))
			}
			for b.Loop() {
				if !geometry32(p, &e) {
					e.geometryLoops()
				}
				if !gradient32(p, &e) {
					e.gradientLoops()
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N), "us/atom")
		})
	}
}
