package philox

import (
	"math"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
	"slices"
)

// The three known-answer vectors that the authors publish for Philox4x64-10
// (Random123 1.09, tests/kat_vectors): zeros, ones, and digits of π.
func TestKnownAnswers(t *testing.T) {
	const f = math.MaxUint64
	for _, c := range []struct {
		ctr  [4]uint64
		key  [2]uint64
		want [4]uint64
	}{
		{want: [4]uint64{0x16554d9eca36314c, 0xdb20fe9d672d0fdc, 0xd7e772cee186176b, 0x7e68b68aec7ba23b}},
		{[4]uint64{f, f, f, f}, [2]uint64{f, f},
			[4]uint64{0x87b092c3013fe90b, 0x438c3c67be8d0224, 0x9cc7d7c69cd777b6, 0xa09caebf594f0ba0}},
		{[4]uint64{0x243f6a8885a308d3, 0x13198a2e03707344, 0xa4093822299f31d0, 0x082efa98ec4e6c89},
			[2]uint64{0x452821e638d01377, 0xbe5466cf34e90c6c},
			[4]uint64{0xa528f45403e61d95, 0x38c72dbd566e9788, 0xa5a1610e72fd18b5, 0x57bd43b5e52b7fe6}},
	} {
		if got := Block(c.ctr, c.key); got != c.want {
			t.Errorf("Block(%x, %x) = %x, want %x", c.ctr, c.key, got, c.want)
		}
	}
}

// Normal's numbers pass Kolmogorov and Smirnov's test at the 0.1 % level
// (critical value 1.95/√n), have mean 0 and variance 1 within four standard
// errors, and the three are uncorrelated.
func TestNormal(t *testing.T) {
	const n = 100000
	var x [3][]float64
	for i := range uint64(n) {
		g := Normal(7, Langevin, i, 3)
		for k := range g {
			x[k] = append(x[k], g[k])
			if math.Abs(g[k]) > MaxNormal {
				t.Fatalf("%g is beyond the stated bound", g[k])
			}
		}
	}
	for k := range x {
		l := (k + 1) % 3
		if c := stat.Correlation(x[k], x[l], nil); math.Abs(c) > 4/math.Sqrt(n) {
			t.Errorf("components %d and %d correlate: %g", k, l, c)
		}
	}
	for k := range x {
		m, v := stat.MeanVariance(x[k], nil)
		if math.Abs(m) > 4/math.Sqrt(n) || math.Abs(v-1) > 4*math.Sqrt(2./n) {
			t.Errorf("component %d: mean %g, variance %g", k, m, v)
		}
		slices.Sort(x[k])
		d := 0.0
		for i, v := range x[k] {
			c := distuv.UnitNormal.CDF(v)
			d = max(d, c-float64(i)/n, float64(i+1)/n-c)
		}
		if d > 1.95/math.Sqrt(n) {
			t.Errorf("component %d: largest deviation from the normal distribution %g", k, d)
		}
	}
}

func TestStreamsDiffer(t *testing.T) {
	seen := map[[4]uint64]bool{}
	for s := Velocity; s <= Displacement; s++ {
		for i := range uint64(4) {
			for j := range uint64(4) {
				for seed := range uint64(4) {
					u := Uniform(seed, s, i, j)
					if seen[u] {
						t.Fatalf("seed %d stream %d (%d, %d) repeats", seed, s, i, j)
					}
					seen[u] = true
				}
			}
		}
	}
}

func TestBounds(t *testing.T) {
	if got := math.Sqrt(-2 * math.Log(open(0))); got > MaxNormal || got < MaxNormal-0.01 {
		t.Errorf("largest normal %g, stated %g", got, MaxNormal)
	}
	if open(math.MaxUint64) != 1 || half(math.MaxUint64) >= 1 {
		t.Error("uniform numbers leave their interval")
	}
}

func BenchmarkNormal(b *testing.B) {
	for i := range b.N {
		Normal(1, Langevin, uint64(i), 5)
	}
}
