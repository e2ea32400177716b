package mpnn_test

import (
	"math"
	"testing"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/neighbor"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/mpnn"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// toy is the smallest network that uses all of the machine: one scalar per
// atom, y_i = s_i + Σ_j f(r_ij) x_j, h = tanh y, x' = 0.7 h, s' = 0.3 h + 0.1, and
// E_i = h_i² + h_i in the end. x and s of the first layer follow from the
// species. Records are 3 wide, so that widths are seen to be honoured; only
// number 1 (of a state, 0) is used, the others hold garbage.
type toy[T mpnn.Float] struct {
	first bool
	w     int // width of its state
	after int // width of the next layer's state
	e     kernel.Edges[T]
	g, r  [][3]float64
}

const toyCutoff = 4.0

// f(r) = (1 − r²/r_c²)³ and f′.
func f(r float64) (f, df float64) {
	q := 1 - r*r/(toyCutoff*toyCutoff)
	return q * q * q, -6 * q * q * r / (toyCutoff * toyCutoff)
}

func (l *toy[T]) Width() int {
	if l.first {
		return 0
	}
	return 3
}
func (l *toy[T]) StateWidth() int { return l.w }

func (l *toy[T]) x(g *mpnn.Graph[T], x []T, row int32) float64 {
	if l.first {
		return 1 + 0.5*float64(g.Species[row])
	}
	return float64(x[3*row+1])
}

func (l *toy[T]) sum(g *mpnn.Graph[T], rows domain.Span, x, s []T) {
	for i := rows.From; i < min(rows.To, g.N); i++ {
		g.Load(i, 1, &l.e)
		y := 0.2 * float64(g.Species[i])
		if !l.first {
			y = float64(s[l.w*i])
		}
		for k := range l.e.N {
			w, _ := f(float64(l.e.R[k]))
			y += w * l.x(g, x, l.e.J[k])
		}
		s[l.w*i] = T(y)
	}
}

func (l *toy[T]) Forward(g *mpnn.Graph[T], rows domain.Span, x, s, xnext, snext []T, _ []float64) {
	l.sum(g, rows, x, s)
	l.Restore(g, rows, s, xnext)
	if snext == nil {
		return
	}
	for i := rows.From; i < min(rows.To, g.N); i++ {
		snext[l.after*i] = T(0.3*math.Tanh(float64(s[l.w*i])) + 0.1)
	}
}

func (l *toy[T]) Restore(g *mpnn.Graph[T], rows domain.Span, s, xnext []T) {
	for i := rows.From; i < min(rows.To, g.N); i++ {
		xnext[3*i], xnext[3*i+1], xnext[3*i+2] = 1e30, T(0.7*math.Tanh(float64(s[l.w*i]))), -1e30
	}
}

func (l *toy[T]) BackwardNodes(g *mpnn.Graph[T], s, gxnext, gsnext []T) {
	for i := range g.N {
		h := math.Tanh(float64(s[l.w*i]))
		s[l.w*i] = T((1 - h*h) * (0.7*float64(gxnext[3*i+1]) + 0.3*float64(gsnext[l.after*i])))
	}
}

func (l *toy[T]) BackwardEdges(g *mpnn.Graph[T], rows domain.Span, s, x, gx []T, b *potential.Bonds) {
	for i := rows.From; i < min(rows.To, g.N); i++ {
		g.Load(i, 1, &l.e)
		l.g, l.r = l.g[:0], l.r[:0]
		for k := range l.e.N {
			w, dw := f(float64(l.e.R[k]))
			gy, j := float64(s[l.w*i]), l.e.J[k]
			var g3, r3 [3]float64
			for a := range g3 {
				r3[a] = float64(l.e.D[a][k])
				g3[a] = gy * dw * l.x(g, x, j) * float64(l.e.U[a][k])
			}
			l.g, l.r = append(l.g, g3), append(l.r, r3)
			if !l.first {
				gx[3*j+1] += T(gy * w)
			}
		}
		b.Add(int32(i), l.e.J[:l.e.N], l.r, l.g)
	}
}

func (l *toy[T]) Turn(g *mpnn.Graph[T], rows domain.Span, x, s, gx []T, e []float64, b *potential.Bonds) {
	l.sum(g, rows, x, s)
	for i := rows.From; i < min(rows.To, g.N); i++ {
		h := math.Tanh(float64(s[l.w*i]))
		e[i] += h*h + h
		s[l.w*i] = T((1 - h*h) * (2*h + 1))
	}
	l.BackwardEdges(g, rows, s, x, gx, b)
}

func toyModel[T mpnn.Float](layers int) *mpnn.Model[T] {
	return toyOf[T](layers, func(int) int { return 2 })
}

// toyOf is the toy with states of these widths, by layer.
func toyOf[T mpnn.Float](layers int, width func(t int) int) *mpnn.Model[T] {
	m := &mpnn.Model[T]{Cutoff: toyCutoff, Species: make([]int32, 120)}
	for z := range m.Species {
		m.Species[z] = -1
	}
	m.Species[8], m.Species[14] = 0, 1
	m.New = func() ([]mpnn.Layer[T], mpnn.Head[T]) {
		var ls []mpnn.Layer[T]
		for t := range layers {
			ls = append(ls, &toy[T]{first: t == 0, w: width(t), after: width(t + 1)})
		}
		return ls, &toy[T]{first: layers == 0, w: width(layers)}
	}
	return m
}

func TestToyNetwork(t *testing.T) {
	for layers := range 4 {
		m := toyModel[float64](layers)
		potentialtest.Run(t, func() potential.Potential { return mpnn.New(m) }, potentialtest.Options{Elements: []int{8, 14}})
	}
	m := toyModel[float32](3)
	potentialtest.Run(t, func() potential.Potential { return mpnn.New(m) }, potentialtest.Options{Elements: []int{8, 14}, Precision: 32})
}

// noHalo is the exchange of a rank that is alone; it counts.
type noHalo struct {
	forward, reverse []int // widths
}

func (h *noHalo) Forward(r domain.Rows) error { h.forward = append(h.forward, r.Width); return nil }
func (h *noHalo) Reverse(r domain.Rows) error { h.reverse = append(h.reverse, r.Width); return nil }

func (h *noHalo) StartForward(r domain.Rows) error { return h.Forward(r) }
func (h *noHalo) StartReverse(r domain.Rows) error { return h.Reverse(r) }
func (h *noHalo) Poll() error                      { return nil }
func (h *noHalo) Wait() error                      { return nil }

// A rank without atoms makes every exchange; the first layer makes none.
func TestEmptyRank(t *testing.T) {
	h := &noHalo{}
	p := mpnn.New(toyModel[float32](3))
	err := p.Compute(&potential.Frame{List: &neighbor.List{Row: []int64{0}}, Halo: h},
		&potential.Result{Bonds: &potential.Bonds{}})
	if err != nil {
		t.Fatal(err)
	}
	for what, w := range map[string][]int{"forward": h.forward, "reverse": h.reverse} {
		if len(w) != 3 || w[0] != 3 || w[1] != 3 || w[2] != 3 {
			t.Errorf("%s exchanges of widths %v, want three of 3", what, w)
		}
	}
}

// The graph: differences in double precision before rounding, feature rows
// through Home, r ≥ r_c left out, edges below Near first.
func TestGraph(t *testing.T) {
	m := toyModel[float32](1)
	m.Near = 1
	const far = 1e6 // Å: in single precision positions there are 0.06 Å apart
	f := &potential.Frame{
		N: 1, Rows: 25, Species: make([]int32, 30), ID: make([]int64, 30), X: make([][3]float64, 30),
		List: &neighbor.List{Row: []int64{0, 5}, J: []int32{24, 25, 26, 27, 28}},
		Home: make([]int32, 30), Halo: &noHalo{},
	}
	for row := range f.X {
		f.X[row] = [3]float64{far, far, far}
		f.Species[row], f.Home[row], f.ID[row] = 14, int32(row), int64(row+1)
	}
	f.Home[25], f.Home[26], f.Home[27], f.Home[28] = 0, 0, 0, 0
	f.X[24][0] += 3.001
	f.X[25][1] += 0.5
	f.X[26][2] += toyCutoff + 1e-9
	f.X[27][2] -= 2.002
	f.X[28][1] -= 0.25
	var got mpnn.Directed[float32]
	near := 0
	m.New = func() ([]mpnn.Layer[float32], mpnn.Head[float32]) {
		return nil, spy{func(g *mpnn.Graph[float32]) {
			got = g.All
			var e kernel.Edges[float32]
			near = g.Load(0, 1, &e)
		}}
	}
	p := mpnn.New(m)
	if err := p.Compute(f, &potential.Result{Energy: make([]float64, 1), Bonds: &potential.Bonds{F: make([][3]float64, 25)}}); err != nil {
		t.Fatal(err)
	}
	if n := p.Near; n.Count != 2 || n.Call != 1 || n.ID != [2]int64{1, 29} || math.Abs(n.R-0.25) > 1e-9 {
		t.Errorf("edges below Near are told as %+v, want 2 in call 1, the shortest of 0.25 Å between atoms 1 and 29", n)
	}
	if len(got.J) != 4 || near != 2 {
		t.Fatalf("%d entries, %d of them near: %v", len(got.J), near, got)
	}
	want := map[[3]float32]int32{{3.001, 0, 0}: 24, {0, 0.5, 0}: 0, {0, 0, -2.002}: 0, {0, -0.25, 0}: 0}
	for k, D := range got.D {
		found := false
		for d, j := range want {
			close := true
			for a := range d {
				close = close && math.Abs(float64(D[a]-d[a])) < 1e-6 // the coordinates themselves are exact to 1e-10
			}
			found = found || close && j == got.J[k]
		}
		if !found || k < 2 && D[1] == 0 {
			t.Errorf("entry %d is %v to %d", k, D, got.J[k])
		}
	}
}

// spy is a head that looks at the graph.
type spy struct{ look func(*mpnn.Graph[float32]) }

func (spy) Width() int      { return 0 }
func (spy) StateWidth() int { return 1 }
func (s spy) Turn(g *mpnn.Graph[float32], _ domain.Span, _, _, _ []float32, _ []float64, _ *potential.Bonds) {
	s.look(g)
}
