package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// near fails unless every element agrees to tol·(1+|want|).
func near(t *testing.T, what string, got, want []float32, tol float64) {
	t.Helper()
	for i, w := range want {
		if d := math.Abs(float64(got[i] - w)); !(d <= tol*(1+math.Abs(float64(w)))) {
			t.Fatalf("%s: element %d is %v, want %v", what, i, got[i], w)
		}
	}
}

// The gate and its adjoint against the loops (which take the exponential in
// double precision), arguments from −100 to 100, odd numbers of channels,
// records wider than their contents.
func TestGatePaths(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for _, p := range paths() {
		for range 100 {
			m0, m1, m2, n := rng.IntN(40), 1+rng.IntN(40), 1+rng.IntN(20), 1+rng.IntN(5)
			g := Gate{A: 1.7, Scalars: m0}
			at := m0 + m1 + m2
			g.Gated = []Gated{
				{m0, Block{1, m1, at}, Block{1, m1, m0}},
				{m0 + m1, Block{2, m2, at + 3*m1}, Block{2, m2, m0 + 3*m1}},
			}
			wy, wx := at+3*m1+5*m2+rng.IntN(3), m0+3*m1+5*m2+rng.IntN(3)
			y, x := normals(rng, n*wy), normals(rng, n*wx)
			for i := range y {
				if rng.IntN(3) == 0 {
					y[i] *= 30
				}
			}
			y[0] = 100
			want := append([]float32(nil), x...)
			gateForwardLoops(&g, n, y, wy, want, wx)
			if !gateForward32(p, &g, n, y, wy, x, wx) {
				t.Fatal("not done")
			}
			near(t, p.String()+" forward", x, want, 4e-7)
			gx, gy := normals(rng, n*wx), append([]float32(nil), y...)
			gateBackwardLoops(&g, n, gy, wy, gx, wx)
			gateBackward32(p, &g, n, y, wy, gx, wx)
			near(t, p.String()+" backward", y, gy, 2e-5) // sums of five terms up to 100
		}
	}
}

// Geometry, harmonics and gradient against the loops, every lmax.
func TestEdgePaths(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	for _, p := range paths() {
		for n := range 80 {
			lmax, ne := n%4, rng.IntN(50)
			var e, f Edges[float32]
			e.Unit = n&4 == 0
			f.Unit = e.Unit
			e.Resize(ne, lmax)
			f.Resize(ne, lmax)
			for k := range ne {
				for c := range 3 {
					e.D[c][k] = float32(rng.NormFloat64())
					f.D[c][k] = e.D[c][k]
				}
			}
			e.geometryLoops()
			if !geometry32(p, &f) {
				t.Fatal("not done")
			}
			near(t, "r", f.R, e.R, 2e-7)
			for c := range 3 {
				near(t, "u", f.U[c], e.U[c], 3e-7)
			}
			near(t, "Y", f.Y, e.Y, 2e-6)
			for i := range e.GY {
				e.GY[i] = float32(rng.NormFloat64())
			}
			for i := range e.GR {
				e.GR[i] = float32(rng.NormFloat64())
			}
			f.Y, f.U, f.R = e.Y, e.U, e.R
			f.GR, f.GY = e.GR, e.GY
			e.gradientLoops()
			gradient32(p, &f)
			for k := range ne {
				for c := range 3 {
					at := c*f.Stride + k
					want, got := float64(e.g[at]), float64(f.g[at])
					// sums of 16 terms up to 50; for a short edge the result is divided by r
					if d := math.Abs(got - want); d > 2e-5*(1+math.Abs(want)+1/float64(e.R[k])) {
						t.Fatalf("%v lmax %d: gradient %v, want %v", p, lmax, got, want)
					}
				}
			}
			for c := range f.G {
				f.G[c] = f.g[c*f.Stride:][:f.Stride]
				for k := ne; k < f.Stride; k++ { // padding may be anything
					f.G[c][k] = float32(math.NaN())
				}
			}
			var sum [3]float64
			var virial [3][3]float64
			if !edgeSums32(p, &f, &sum, &virial) {
				if p >= avx512 {
					t.Fatal("not done")
				}
				continue
			}
			wantSum, wantVirial := f.sumLoops()
			for c := range sum {
				for b := range sum { // sums of up to 50 products in double precision, in another order
					if math.Abs(virial[c][b]-wantVirial[c][b]) > 1e-9 || math.Abs(sum[c]-wantSum[c]) > 1e-9 {
						t.Fatalf("%d edges: sums %v %v, want %v %v", ne, sum, virial, wantSum, wantVirial)
					}
				}
			}
		}
	}
}

// Nothing here allocates once its buffers have grown.
func TestAllocations(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	var e Edges[float32]
	e.Unit = true
	g := Gate{A: 1, Scalars: 32}
	y, x := normals(rng, 320), normals(rng, 320)
	b := Pack[float32](make([]float64, 32*32), 32, 32, 1)
	if n := testing.AllocsPerRun(20, func() {
		e.Resize(30, 2)
		e.Geometry()
		e.ZeroGradient()
		e.Gradient()
		GateForward(&g, 10, y, 32, x, 32)
		GateBackward(&g, 10, y, 32, x, 32)
		Gemm(10, x, 32, b, y, 32, true)
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
	odd := randomShape(rng)
	for _, s := range []*Shape{shapes[0].s, shapes[1].s, odd} {
		c := NewConv32(s, smooth(s.Weights))
		e := randomEdges(rng, 30, s.LMax, 9)
		x, g := normals(rng, 9*s.XWidth), normals(rng, s.AggWidth)
		gx := normals(rng, len(x))
		if n := testing.AllocsPerRun(20, func() {
			c.Forward(e, 0, 30, e.J, x, g)
			c.Backward(e, 0, 30, e.J, x, g, gx)
			c.Backward(e, 0, 30, e.J, x, g, nil)
		}); n != 0 {
			t.Errorf("convolution: %v allocations", n)
		}
	}
}
