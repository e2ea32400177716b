package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// paths are the vector paths that this machine can run.
func paths() (p []path) {
	for q := avx2; q <= detected(); q++ {
		p = append(p, q)
	}
	return p
}

func normals(rng *rand.Rand, n int) []float32 {
	s := Make[float32](n)
	for i := range s {
		s[i] = float32(rng.NormFloat64())
	}
	return s
}

// The register tiles against the loops: every number of rows and columns, rows
// farther apart than they are long, what lies between them untouched. The sums
// differ by rounding, √K·2⁻²⁴ of their terms.
func TestGemmPaths(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, p := range paths() {
		for n := range 400 {
			M, K, N := 1+rng.IntN(40), 1+rng.IntN(70), 1+rng.IntN(100)
			if n < 32 {
				M, N = 12+n%13, 32+n
			}
			lda, ldc := K+rng.IntN(5), N+rng.IntN(5)
			a, c := normals(rng, M*lda), normals(rng, M*ldc)
			w := make([]float64, K*N)
			for i := range w {
				w[i] = rng.NormFloat64()
			}
			b := pack[float32](p, w, K, N, 0.5)
			want := append([]float32(nil), c...)
			add := n%2 == 0
			gemmLoops(M, a, lda, b, want, ldc, add)
			if !gemm32(p, M, a, lda, &b, c, ldc, add) {
				t.Fatalf("%v: not done", p)
			}
			for i := range c {
				if math.Abs(float64(c[i]-want[i])) > 1e-5 {
					t.Fatalf("%v %d×%d×%d: element %d is %v, want %v", p, M, K, N, i, c[i], want[i])
				}
			}
		}
	}
}

// The same in double precision.
func TestGemm64Paths(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 7))
	numbers := func(n int) []float64 {
		s := make([]float64, n)
		for i := range s {
			s[i] = rng.NormFloat64()
		}
		return s
	}
	for _, p := range paths() {
		for range 300 {
			M, K, N := 1+rng.IntN(40), 1+rng.IntN(70), 1+rng.IntN(60)
			lda, ldc := K+rng.IntN(5), N+rng.IntN(5)
			a, c := numbers(M*lda), numbers(M*ldc)
			b := pack[float64](p, numbers(K*N), K, N, 0.5)
			want := append([]float64(nil), c...)
			add := rng.IntN(2) == 0
			gemmLoops(M, a, lda, b, want, ldc, add)
			if !gemm64(p, M, a, lda, &b, c, ldc, add) {
				t.Fatalf("%v: not done", p)
			}
			for i := range c {
				if math.Abs(c[i]-want[i]) > 1e-13 {
					t.Fatalf("%v, %d×%d×%d, add %v: element %d is %v, want %v", p, M, K, N, add, i, c[i], want[i])
				}
			}
		}
	}
}

// Every path that can be asked for by name, and the texts of those that cannot.
func TestChoose(t *testing.T) {
	for p, name := range pathNames {
		if got, err := choose(name, avx512fma); err != nil || got != path(p) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if got, err := choose("", avx2); err != nil || got != avx2 {
		t.Errorf("best: %v, %v", got, err)
	}
	for want, best := range map[string]path{"avx512": avx2, "sse": avx512} {
		if _, err := choose(want, best); err == nil {
			t.Errorf("%s on %v is not refused", want, best)
		}
	}
}

func BenchmarkPeak(b *testing.B) {
	for _, p := range paths() {
		b.Run(p.String(), func(b *testing.B) {
			n := 0
			for b.Loop() {
				n += peak32(p, 10000)
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

// The products of SevenNet-0's maps for a block of 24 atoms.
func BenchmarkGemm(b *testing.B) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, s := range [][3]int{{24, 224, 224}, {72, 384, 64}, {120, 352, 32}, {24, 128, 128}, {24, 32, 32}} {
		for _, p := range append([]path{generic}, paths()...) {
			b.Run(p.String()+"/"+sizes(s), func(b *testing.B) {
				M, K, N := s[0], s[1], s[2]
				a, c := normals(rng, M*K), normals(rng, M*N)
				m := pack[float32](p, make([]float64, K*N), K, N, 1)
				for b.Loop() {
					if !gemm32(p, M, a, K, &m, c, N, true) {
						gemmLoops(M, a, K, m, c, N, true)
					}
				}
				b.ReportMetric(float64(2*M*K*N*b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
			})
		}
	}
}
