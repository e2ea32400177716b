package kernel

import (
	"math"
	"math/cmplx"
	"math/rand/v2"
	"sort"
	"testing"
	"time"
)

// coupling is the real coupling tensor [2l1+1][2l2+1][2l3+1] of norm √(2l3+1),
// e3nn's sign: Clebsch–Gordan coefficients by Racah's sum, taken to the real
// basis.
func coupling(l1, l2, l3 int) []float64 {
	d := [3]int{2*l1 + 1, 2*l2 + 1, 2*l3 + 1}
	fact := func(n int) float64 { return math.Gamma(float64(n) + 1) }
	cg := func(m1, m2, m3 int) float64 {
		if m1+m2 != m3 {
			return 0
		}
		sum := 0.0
		for k := range 2*(l1+l2) + 1 {
			ok := true
			q := 1.0
			for _, n := range []int{k, l1 + l2 - l3 - k, l1 - m1 - k, l2 + m2 - k, l3 - l2 + m1 + k, l3 - l1 - m2 + k} {
				if n < 0 {
					ok = false
					break
				}
				q *= fact(n)
			}
			if ok {
				sum += float64(1-k%2*2) / q
			}
		}
		return sum * math.Sqrt(float64(d[2])*fact(l1+l2-l3)*fact(l1-l2+l3)*fact(-l1+l2+l3)/fact(l1+l2+l3+1)*
			fact(l1+m1)*fact(l1-m1)*fact(l2+m2)*fact(l2-m2)*fact(l3+m3)*fact(l3-m3))
	}
	u := func(m, r int) complex128 { // complex component m in real component r
		h := 1 / math.Sqrt2
		switch {
		case m == 0 && r == 0:
			return 1
		case r > 0 && m == r:
			return complex(float64(1-r%2*2)*h, 0)
		case r > 0 && m == -r:
			return complex(h, 0)
		case r < 0 && m == -r:
			return complex(0, float64(1+r%2*2)*h)
		case r < 0 && m == r:
			return complex(0, -h)
		}
		return 0
	}
	out := make([]float64, d[0]*d[1]*d[2])
	phase := cmplx.Pow(-1i, complex(float64(l1+l2-l3), 0))
	norm := 0.0
	for i := range d[0] {
		for j := range d[1] {
			for k := range d[2] {
				var s complex128
				for m1 := -l1; m1 <= l1; m1++ {
					for m2 := -l2; m2 <= l2; m2++ {
						if m3 := m1 + m2; m3 >= -l3 && m3 <= l3 {
							s += u(m1, i-l1) * u(m2, j-l2) * cmplx.Conj(u(m3, k-l3)) * complex(cg(m1, m2, m3), 0)
						}
					}
				}
				v := real(s * phase)
				if math.Abs(v) < 1e-12 {
					v = 0
				}
				out[(i*d[1]+j)*d[2]+k] = v
				norm += v * v
			}
		}
	}
	l := []int{l1, l2, l3}
	sort.Ints(l)
	f := math.Sqrt(float64(d[2]) / norm)
	if l[0] == 1 && l[1] == l[2] && l[1] >= 2 {
		f = -f
	}
	for i := range out {
		out[i] *= f
	}
	return out
}

// network is the convolution of an inner layer of NequIP's kind: blocks of the
// given multiplicities for l = 0, 1, …, all paths to l3 ≤ lout in the order l1,
// l2, l3, slots sorted by l3. Without parity.
func network(mul []int, lmax, lout int) *Shape {
	return networkOf(mul, lmax, lout, func(l1, l2, l3 int) bool { return true })
}

// natural is network with the parity (−1)^l of all features.
func natural(mul []int, lmax, lout int) *Shape {
	return networkOf(mul, lmax, lout, func(l1, l2, l3 int) bool { return (l1+l2+l3)%2 == 0 })
}

func networkOf(mul []int, lmax, lout int, has func(l1, l2, l3 int) bool) *Shape {
	s := &Shape{LMax: lmax}
	for l, m := range mul {
		s.X = append(s.X, Block{l, m, s.XWidth})
		s.XWidth += (2*l + 1) * m
	}
	for l := range lout + 1 {
		s.Agg = append(s.Agg, Block{L: l})
	}
	for l1, m := range mul {
		for l2 := range lmax + 1 {
			for l3 := max(l1-l2, l2-l1); l3 <= min(l1+l2, lout); l3++ {
				if !has(l1, l2, l3) {
					continue
				}
				p := Path{X: l1, L2: l2, Agg: l3, Col: s.Agg[l3].Mul, W: s.Weights}
				s.Weights += m
				s.Agg[l3].Mul += m
				c := coupling(l1, l2, l3)
				for i, v := range c {
					if v != 0 {
						p.Terms = append(p.Terms, Term{i / ((2*l2 + 1) * (2*l3 + 1)), i / (2*l3 + 1) % (2*l2 + 1), i % (2*l3 + 1), v})
					}
				}
				s.Paths = append(s.Paths, p)
			}
		}
	}
	for l := range s.Agg {
		s.Agg[l].Offset = s.AggWidth
		s.AggWidth += s.Agg[l].Width()
	}
	return s
}

// shapes are the layers of published models and of those on board.
var shapes = []struct {
	name   string
	s      *Shape
	layers int // of this kind
}{
	{"sevennet0-first", network([]int{128}, 2, 2), 1},
	{"sevennet0", network([]int{128, 64, 32}, 2, 2), 3},
	{"sevennet0-last", network([]int{128, 64, 32}, 2, 0), 1},
	{"l3i5-first", network([]int{128}, 3, 3), 1},
	{"l3i5", network([]int{128, 64, 32, 32}, 3, 3), 3},
	{"l3i5-last", network([]int{128, 64, 32, 32}, 3, 0), 1},
	{"natural", natural([]int{64, 32, 32}, 2, 2), 1},
	{"natural-l3", natural([]int{64, 32, 32, 16}, 3, 3), 1},
	{"mace-medium", natural([]int{128, 128}, 3, 3), 1},
	{"mace-large", natural([]int{128, 128, 128}, 3, 3), 1},
}

// The couplings' anchors (e3nn 0.4.4: (1,1,1)[0,1,2] = 0.408248, (1,1,2)[0,0,2]
// = −0.182574, (1,2,2)[0,0,1] = +0.182574, (2,2,2)[0,0,2] = −0.239046, each
// times √(2l3+1)).
func TestCoupling(t *testing.T) {
	for _, a := range []struct {
		l [3]int
		i int
		v float64
	}{
		{[3]int{1, 1, 1}, 1*3 + 2, 0.408248290463863},
		{[3]int{1, 1, 2}, 2, -0.182574185835055},
		{[3]int{1, 2, 2}, 1, 0.182574185835055},
		{[3]int{2, 2, 2}, 2, -0.239045721866879},
		{[3]int{2, 2, 3}, 1*7 + 0, 0.188982236504614},
		{[3]int{3, 3, 3}, 1*7 + 2, 0.154303349962092},
	} {
		c := coupling(a.l[0], a.l[1], a.l[2])
		if got := c[a.i] / math.Sqrt(float64(2*a.l[2]+1)); math.Abs(got-a.v) > 1e-13 {
			t.Errorf("%v: %v, want %v", a.l, got, a.v)
		}
	}
}

// crystal is diamond silicon, n³ cells of 8 atoms, σ = 0.08 Å per component:
// the edges within 5 Å of every atom in order of distance, the atoms in the
// order of their cells.
type crystal struct {
	d [][][3]float32
	j [][]int32
}

func silicon(n int) *crystal {
	const a = 5.43
	basis := [8][3]float64{{0, 0, 0}, {0, .5, .5}, {.5, 0, .5}, {.5, .5, 0}, {.25, .25, .25}, {.25, .75, .75}, {.75, .25, .75}, {.75, .75, .25}}
	rng := rand.New(rand.NewPCG(17, 18))
	var pos [][3]float64
	for i := range n * n * n {
		for _, b := range basis {
			c := [3]float64{float64(i / n / n), float64(i / n % n), float64(i % n)}
			for k := range c {
				c[k] = (c[k]+b[k])*a + 0.08*rng.NormFloat64()
			}
			pos = append(pos, c)
		}
	}
	cr := &crystal{d: make([][][3]float32, len(pos)), j: make([][]int32, len(pos))}
	for i, p := range pos {
		cell := [3]int{i / 8 / n / n, i / 8 / n % n, i / 8 % n}
		for q := range 27 {
			o := [3]int{cell[0] + q/9 - 1, cell[1] + q/3%3 - 1, cell[2] + q%3 - 1}
			var shift [3]float64
			for k := range o {
				w := (o[k] + n) % n
				shift[k] = float64(o[k]-w) * a
				o[k] = w
			}
			for b := range 8 {
				j := ((o[0]*n+o[1])*n+o[2])*8 + b
				var d [3]float32
				r2 := 0.0
				for k := range d {
					v := pos[j][k] + shift[k] - p[k]
					d[k] = float32(v)
					r2 += v * v
				}
				if r2 > 1e-6 && r2 < 24.99 {
					cr.d[i] = append(cr.d[i], d)
					cr.j[i] = append(cr.j[i], int32(j))
				}
			}
		}
		r2 := func(k int) float32 { d := cr.d[i][k]; return d[0]*d[0] + d[1]*d[1] + d[2]*d[2] }
		sort.Sort(&byDistance{cr.d[i], cr.j[i], r2})
	}
	return cr
}

type byDistance struct {
	d  [][3]float32
	j  []int32
	r2 func(int) float32
}

func (b *byDistance) Len() int           { return len(b.d) }
func (b *byDistance) Less(i, k int) bool { return b.r2(i) < b.r2(k) }
func (b *byDistance) Swap(i, k int) {
	b.d[i], b.d[k] = b.d[k], b.d[i]
	b.j[i], b.j[k] = b.j[k], b.j[i]
}

// load fills e with the edges of atom i.
func (c *crystal) load(e *Edges[float32], i, lmax int) {
	e.Resize(len(c.j[i]), lmax)
	for k, d := range c.d[i] {
		e.D[0][k], e.D[1][k], e.D[2][k] = d[0], d[1], d[2]
	}
	copy(e.J, c.j[i])
	e.Next = c.j[(i+1)%len(c.j)]
}

// radialTable is a table of w functions as large as SevenNet's: 360 intervals.
func radialTable(w int) *Table {
	return NewTable([]Segment{{0.5, 4.5, 320}, {4.5, 5, 40}}, w, func(r float64, _ int, v, d []float64) {
		for f := range v {
			c := 0.5 + math.Mod(float64(f)*0.37, 1.5)
			v[f], d[f] = math.Cos(c*r+float64(f)), -c*math.Sin(c*r+float64(f))
		}
	})
}

// The convolutions of the models, forward and backward, over a silicon crystal
// of 4096 atoms: µs per atom of one such layer, geometry included.
func BenchmarkConv(b *testing.B) {
	cr := silicon(8)
	for _, s := range shapes {
		tab := radialTable(s.s.Weights)
		b.Run(s.name+"/generic", func(b *testing.B) { cr.bench(b, generic, s.s, NewLoops[float32](s.s, tab)) })
		for _, p := range paths() {
			b.Run(s.name+"/"+p.String(), func(b *testing.B) { cr.bench(b, p, s.s, newConv32(p, s.s, tab)) })
		}
	}
}

func (cr *crystal) bench(b *testing.B, p path, s *Shape, conv Conv[float32]) {
	rng := rand.New(rand.NewPCG(19, 20))
	x, gx := normals(rng, len(cr.j)*s.XWidth), Make[float32](len(cr.j)*s.XWidth)
	agg, g := Make[float32](s.AggWidth), normals(rng, s.AggWidth)
	e := Edges[float32]{Unit: true}
	var zero []int32
	if s.Paths[len(s.Paths)-1].X == 0 { // the first layer: rows of a table by species, no gradient
		x, gx, zero = x[:len(x)/len(cr.j)], nil, make([]int32, 100)
	}
	load := func(i int) []int32 {
		cr.load(&e, i, s.LMax)
		if !geometry32(p, &e) {
			e.geometryLoops()
		}
		if zero != nil {
			e.Next = nil
			return zero
		}
		return e.J
	}
	b.Run("forward", func(b *testing.B) {
		best(b, len(cr.j), func(i int) {
			j := load(i)
			clear(agg)
			conv.Forward(&e, 0, e.N, j, x, agg)
		})
	})
	b.Run("backward", func(b *testing.B) {
		best(b, len(cr.j), func(i int) {
			j := load(i)
			e.ZeroGradient()
			conv.Backward(&e, 0, e.N, j, x, g, gx)
		})
	})
}

// best runs f for atom after atom and reports, beside the mean, the best time
// per atom of a stretch: on a machine that others use too, the mean says more
// about them.
func best(b *testing.B, atoms int, f func(i int)) {
	i, low := 0, math.Inf(1)
	const stretch = 128
	for b.Loop() {
		t := time.Now()
		for range stretch {
			f(i)
			if i++; i == atoms {
				i = 0
			}
		}
		low = min(low, time.Since(t).Seconds())
	}
	b.ReportMetric(low*1e6/float64(stretch), "us/atom")
	b.ReportMetric(b.Elapsed().Seconds()*1e6/float64(b.N*stretch), "mean-us/atom")
}
