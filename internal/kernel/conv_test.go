package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// randomShape has blocks and paths drawn at random, with numbers of channels
// that are no multiples of anything; couplings need not be real ones.
func randomShape(rng *rand.Rand) *Shape {
	s := &Shape{LMax: rng.IntN(4)}
	for range 1 + rng.IntN(3) {
		b := Block{rng.IntN(4), 1 + rng.IntN(40), s.XWidth}
		s.X = append(s.X, b)
		s.XWidth += b.Width()
	}
	s.XWidth += rng.IntN(3)
	for range 1 + rng.IntN(3) {
		s.Agg = append(s.Agg, Block{L: rng.IntN(4)})
	}
	for range 1 + rng.IntN(5) {
		p := Path{X: rng.IntN(len(s.X)), L2: rng.IntN(s.LMax + 1), Agg: rng.IntN(len(s.Agg)), W: s.Weights}
		x, a := s.X[p.X], &s.Agg[p.Agg]
		p.Col = a.Mul
		a.Mul += x.Mul
		s.Weights += x.Mul
		for i := range 2*x.L + 1 {
			for j := range 2*p.L2 + 1 {
				for k := range 2*a.L + 1 {
					if rng.IntN(3) == 0 {
						p.Terms = append(p.Terms, Term{i, j, k, rng.NormFloat64()})
					}
				}
			}
		}
		s.Paths = append(s.Paths, p)
	}
	for i := range s.Agg {
		s.Agg[i].Offset = s.AggWidth
		s.AggWidth += s.Agg[i].Width()
	}
	s.AggWidth += rng.IntN(3)
	return s
}

// smooth makes a table of w functions with a border between segments.
func smooth(w int) *Table {
	return NewTable([]Segment{{0.5, 4.5, 80}, {4.5, 5, 10}}, w, func(r float64, _ int, v, d []float64) {
		for f := range v {
			c := 0.5 + math.Mod(float64(f)*0.37, 1.5)
			v[f], d[f] = math.Cos(c*r+float64(f)), -c*math.Sin(c*r+float64(f))
		}
	})
}

// randomEdges are n edges between 0.5 and 5 Å in order of distance, to rows of
// so many records.
func randomEdges(rng *rand.Rand, n, lmax, rows int) *Edges[float32] {
	e := &Edges[float32]{Unit: true}
	e.Resize(n, lmax)
	for k := range n {
		r := 0.5 + 4.5*(float64(k)+rng.Float64())/float64(n)
		var v [3]float64
		s := 0.0
		for c := range v {
			v[c] = rng.NormFloat64()
			s += v[c] * v[c]
		}
		for c := range v {
			e.D[c][k] = float32(v[c] * r / math.Sqrt(s))
		}
		e.J[k] = int32(rng.IntN(rows))
	}
	e.geometryLoops()
	return e
}

// compareConv runs both convolutions on the same random data.
func compareConv(t *testing.T, rng *rand.Rand, what string, s *Shape, tab *Table, c Conv[float32]) {
	t.Helper()
	const rows = 9
	n := 1 + rng.IntN(60)
	if rng.IntN(5) == 0 {
		n = 16 * (1 + rng.IntN(3))
	}
	from, to := 0, n
	if rng.IntN(2) == 0 {
		from = rng.IntN(n + 1)
		to = from + rng.IntN(n-from+1)
	}
	e := randomEdges(rng, n, s.LMax, rows)
	x, agg := normals(rng, rows*s.XWidth), normals(rng, s.AggWidth)
	ref := NewLoops[float32](s, tab)
	want := append([]float32(nil), agg...)
	ref.Forward(e, from, to, e.J, x, want)
	c.Forward(e, from, to, e.J, x, agg)
	// sums of up to 60 edges, each of some ten terms of order one
	near(t, what+" forward", agg, want, 1e-4)

	g := normals(rng, s.AggWidth)
	gx := normals(rng, rows*s.XWidth)
	wantX := append([]float32(nil), gx...)
	if rng.IntN(4) == 0 {
		gx, wantX = nil, nil
	}
	copy(e.GR, normals(rng, e.Stride))
	copy(e.GY, normals(rng, len(e.GY)))
	gr, gy := append([]float32(nil), e.GR...), append([]float32(nil), e.GY...)
	ref.Backward(e, from, to, e.J, x, g, wantX)
	wantR, wantY := append([]float32(nil), e.GR...), append([]float32(nil), e.GY...)
	copy(e.GR, gr)
	copy(e.GY, gy)
	c.Backward(e, from, to, e.J, x, g, gx)
	near(t, what+" ∂/∂x", gx, wantX, 1e-4)
	// The sums run over all channels: compare with their size.
	scale := 1e-5 * math.Sqrt(float64(s.Weights)) * 10
	near(t, what+" ∂/∂r", e.GR[from:to], wantR[from:to], scale)
	for m := 1; m < (s.LMax+1)*(s.LMax+1); m++ {
		near(t, what+" ∂/∂Y", e.GY[m*e.Stride+from:m*e.Stride+to], wantY[m*e.Stride+from:m*e.Stride+to], scale)
	}
	near(t, what+" other edges", e.GR[:from], gr[:from], 0)
	near(t, what+" other edges", e.GR[to:n], gr[to:n], 0)
}

// The convolution of any shape against the loops.
func TestConvAnyShape(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	for _, p := range paths() {
		for range 150 {
			s := randomShape(rng)
			tab := smooth(s.Weights)
			c := newConv32(p, s, tab)
			if _, ok := c.(*Loops[float32]); ok {
				t.Fatal("loops")
			}
			for range 2 {
				compareConv(t, rng, p.String(), s, tab, c)
			}
		}
	}
}

// The generated kernels against the loops: the models' own shapes, one with
// other multiplicities, one with a coupling's sign flipped and one scaled.
func TestConvFused(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	for _, p := range paths() {
		all := shapes
		odd := network([]int{16, 48, 16}, 2, 2)
		for i := range odd.Paths {
			q := &odd.Paths[i]
			for k := range q.Terms {
				q.Terms[k].C *= []float64{1, -1, 0.3}[i%3]
			}
		}
		all = append(all[:len(all):len(all)], struct {
			name   string
			s      *Shape
			layers int
		}{"odd", odd, 0})
		for _, s := range all {
			tab := smooth(s.s.Weights)
			c := newConv32(p, s.s, tab)
			for range 6 {
				compareConv(t, rng, p.String()+" "+s.name, s.s, tab, c)
			}
		}
	}
}
