package linear_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential/linear"
)

// Blocks of one irrep twice, blocks without input (2e) and without output (1e).
const from, to = "5x0e+3x1o+2x0e+4x1e", "3x1o+7x0e+2x2e+4x0e"

func irreps(t *testing.T, s string) o3.Irreps {
	t.Helper()
	r, err := o3.ParseIrreps(s)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func normal(rng *rand.Rand, n int) []float64 {
	x := make([]float64, n)
	for k := range x {
		x[k] = rng.NormFloat64()
	}
	return x
}

func random(t *testing.T, rng *rand.Rand, species int) *linear.Maps {
	t.Helper()
	m := linear.Between(irreps(t, from), irreps(t, to))
	if rest := m.Fold(normal(rng, m.Size(species)+3), species, 0); len(rest) != 3 {
		t.Fatalf("%d weights are left of 3", len(rest))
	}
	m.Bias = make([][]float64, len(m.Out))
	m.Bias[1] = normal(rng, 7)
	return m
}

// rows are those of a block, in memory with room between them and before the first.
func rows[T kernel.Float](x []float64, width int) linear.View[T] {
	v := linear.Rows(make([]T, (domain.Block+2)*(width+5)), width+5).From(2)
	for i := range len(x) / width {
		for k, y := range x[i*width:][:width] {
			v.Row(i, width)[k] = T(y)
		}
	}
	return v
}

// Of equal rows, of runs, and of rows that lie apart.
var orders = map[string]func(i int) int32{
	"one":   func(int) int32 { return 1 },
	"runs":  func(i int) int32 { return int32(i / 9) },
	"apart": func(i int) int32 { return int32(i * i % 3) },
}

// TestMap: a packed map and its transpose, set and added, are Apply's, whatever the order
// of the species.
func TestMap(t *testing.T) {
	t.Run("float64", func(t *testing.T) { testMap[float64](t, 0x1p-53) })
	t.Run("float32", func(t *testing.T) { testMap[float32](t, 0x1p-24) })
}

func testMap[T kernel.Float](t *testing.T, rounding float64) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n = domain.Block
	for _, kinds := range []int{0, 3} {
		m := random(t, rng, kinds)
		l := linear.Pack[T](m, linear.Place(m.In), linear.Place(m.Out))
		wi, wo := m.In.Dim(), m.Out.Dim()
		x, y, gx, gy := normal(rng, n*wi), normal(rng, n*wo), normal(rng, n*wi), normal(rng, n*wo)
		for name, order := range orders {
			species := make([]int32, n)
			for i := range species {
				species[i] = order(i)
			}
			groups := new(linear.Groups[T]).Sort(species)
			for _, add := range []bool{false, true} {
				toY, toX := rows[T](y, wo), rows[T](gx, wi)
				l.Forward(groups, rows[T](x, wi), toY, add)
				l.Backward(groups, rows[T](gy, wo), toX, add)
				for i := range n {
					s := int(species[i])
					want, wantX := m.Apply(s, x[i*wi:][:wi]), transposed(m, s, gy[i*wo:][:wo])
					if add {
						kernel.Accumulate(y[i*wo:][:wo], want)
						kernel.Accumulate(gx[i*wi:][:wi], wantX)
					}
					near(t, name, toY.Row(i, wo), want, rounding)
					near(t, name, toX.Row(i, wi), wantX, rounding)
				}
			}
		}
	}
}

// TestPackBlocks: matrices that are zero but for blocks, whose places are drawn, and others,
// give what the whole ones give.
func TestPackBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	in, out := linear.Place(irreps(t, "48x0e+32x1o")), linear.Place(irreps(t, "16x2e+80x0e+48x1o"))
	const n = domain.Block
	fewer := 0
	for range 20 {
		m := linear.Between(irreps(t, "48x0e+32x1o"), irreps(t, "16x2e+80x0e+48x1o"))
		m.Fold(normal(rng, m.Size(0)), 0, 0)
		for _, p := range m.Pairs {
			w := &p.Species[0]
			keep := map[[2]int]bool{}
			for a := range w.K / 16 {
				for b := range w.N / 16 {
					keep[[2]int{a, b}] = rng.IntN(3) == 0
				}
			}
			for u := range w.K {
				for v := range w.N {
					if !keep[[2]int{u / 16, v / 16}] {
						w.W[u*w.N+v] = 0
					}
				}
			}
		}
		whole, parts := linear.Pack[float64](m, in, out), linear.PackBlocks[float64](m, in, out)
		if parts.Flops() < whole.Flops() {
			fewer++
		}
		x, gy := normal(rng, n*in.Width), normal(rng, n*out.Width)
		for _, add := range []bool{false, true} {
			y, gx := normal(rng, n*out.Width), normal(rng, n*in.Width)
			want, got := rows[float64](y, out.Width), rows[float64](y, out.Width)
			whole.Forward(nil, rows[float64](x, in.Width), want, add)
			parts.Forward(nil, rows[float64](x, in.Width), got, add)
			near(t, "forward", got.X, want.X, 0x1p-53)
			want, got = rows[float64](gx, in.Width), rows[float64](gx, in.Width)
			whole.Backward(nil, rows[float64](gy, out.Width), want, add)
			parts.Backward(nil, rows[float64](gy, out.Width), got, add)
			near(t, "backward", got.X, want.X, 0x1p-53)
		}
	}
	if fewer < 15 {
		t.Errorf("%d of 20 maps were divided", fewer)
	}
}

// transposed is ∂(gy·L(x))/∂x, from what the map makes of each unit vector.
func transposed(m *linear.Maps, s int, gy []float64) []float64 {
	e, gx := make([]float64, m.In.Dim()), make([]float64, m.In.Dim())
	zero := m.Apply(s, e)
	for k := range e {
		e[k] = 1
		for j, v := range m.Apply(s, e) {
			gx[k] += (v - zero[j]) * gy[j]
		}
		e[k] = 0
	}
	return gx
}

// near allows for each number the rounding of some 30 terms of size 10.
func near[T kernel.Float](t *testing.T, name string, got []T, want []float64, rounding float64) {
	t.Helper()
	for k, v := range got {
		if d := math.Abs(float64(v) - want[k]); !(d <= 300*rounding) {
			t.Fatalf("%s: number %d is %v, wanted %v", name, k, v, want[k])
		}
	}
}

// TestRepack: other matrices in the same memory.
func TestRepack(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	m, other := random(t, rng, 3), random(t, rng, 3)
	other.Bias = m.Bias // which is not learned
	in, out := linear.Place(m.In), linear.Place(m.Out)
	l, fresh := linear.Pack[float64](m, in, out), linear.Pack[float64](other, in, out)
	l.Repack(other)
	species := make([]int32, domain.Block)
	x := normal(rng, domain.Block*in.Width)
	a, b := rows[float64](nil, out.Width), rows[float64](nil, out.Width)
	var g linear.Groups[float64]
	l.Forward(g.Sort(species), rows[float64](x, in.Width), a, false)
	fresh.Forward(g.Sort(species), rows[float64](x, in.Width), b, false)
	for k, v := range a.X {
		if v != b.X[k] {
			t.Fatalf("number %d is %v, wanted %v", k, v, b.X[k])
		}
	}
}

// TestLearn: the gradient of a matrix is Σ x gyᵀ over the rows of its species, and not of
// more rows than are asked for.
func TestLearn(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	const n = 17
	for _, kinds := range []int{0, 3} {
		m := random(t, rng, kinds)
		in, out := linear.Place(m.In), linear.Place(m.Out)
		l := linear.Pack[float64](m, in, out)
		x, gy := normal(rng, domain.Block*in.Width), normal(rng, domain.Block*out.Width)
		for name, order := range orders {
			species := make([]int32, n)
			for i := range species {
				species[i] = order(i)
			}
			g := linear.NewGradient[float64](m)
			var o kernel.Outer[float64]
			for range 2 {
				g.Clear()
				l.Learn(n, species, rows[float64](x, in.Width), rows[float64](gy, out.Width), g, &o)
			}
			for k, p := range m.Pairs {
				a, b := in.Where[p.In], out.Where[p.Out]
				for s, q := range p.Species {
					want := make([]float64, len(q.W))
					for i := range n {
						if kinds > 0 && int(species[i]) != s {
							continue
						}
						for c := range 2*a.L + 1 {
							for u := range q.K {
								for v := range q.N {
									want[u*q.N+v] += x[i*in.Width+a.Offset+c*a.Mul+u] * gy[i*out.Width+b.Offset+c*b.Mul+v]
								}
							}
						}
					}
					near(t, name, g[k][s], want, 0x1p-53)
				}
			}
		}
	}
}

// TestFold: e3nn's maps keep the mean square of what is normally distributed (its
// normalisation "component"): ones into ones are √(all that enter) for one species, and
// √(all that enter/species) for the one of several that an atom has.
func TestFold(t *testing.T) {
	for _, c := range []struct{ species, more int }{{0, 0}, {4, 0}, {0, 2}} {
		m := linear.Between(irreps(t, from), irreps(t, to))
		w := make([]float64, m.Size(c.species))
		for k := range w {
			w[k] = 1
		}
		m.Fold(w, c.species, c.more)
		x := make([]float64, m.In.Dim())
		for k := range x {
			x[k] = 1
		}
		y, out := m.Apply(0, x), linear.Place(m.Out)
		kinds := float64(max(c.species, 1))
		for _, q := range []struct {
			block       int
			sum, enters float64 // 5x0e + 2x0e, and 3x1o
		}{{0, 3, 3}, {1, 7, 7 + float64(c.more)}, {2, 0, 1}, {3, 7, 7 + float64(c.more)}} {
			b := out.Where[q.block]
			for k, v := range y[b.Offset:][:b.Width()] {
				if want := q.sum / math.Sqrt(q.enters*kinds); math.Abs(v-want) > 1e-14 {
					t.Errorf("%+v: number %d of block %d is %v, wanted %v", c, k, q.block, v, want)
				}
			}
		}
	}
}

// TestOnly: the first output blocks alone.
func TestOnly(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	m := random(t, rng, 3)
	x := normal(rng, m.In.Dim())
	all, first := m.Apply(2, x), m.Only(2).Apply(2, x)
	if len(first) != 3*3+7 {
		t.Fatalf("%d numbers", len(first))
	}
	for k, v := range first {
		if v != all[k] {
			t.Errorf("number %d is %v, wanted %v", k, v, all[k])
		}
	}
}
