package mace

import (
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/io/torch"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

func readFile(t *testing.T, path, head string) *Model {
	t.Helper()
	f, err := torch.OpenModule(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := Read(f.Config, f.Weights(), head)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The errors of every pair are those that its table has at distances between the knots:
// rounding with the usual knots, so that the scatter of single precision is allowed for, and
// the spline's own error with knots 16 times as far apart, where tables are above the bound (it is
// largest near the middle between knots, where it is measured: a quarter more was met).
func TestPairErrors(t *testing.T) {
	for _, c := range []struct {
		name, head string
		pairs      int
	}{{"unshifted", "", 3}, {"non-linear", "b", 4}, {"three-layers", "", 0}} { // two elements each: unordered, ordered, no pairs
		for _, coarse := range []float64{1, 16} {
			m := readFile(t, "testdata/"+c.name+".model", c.head)
			New32(m)
			for layer := range m.tables.h {
				m.tables.h[layer] *= coarse
			}
			clear(m.tables.one)
			errors, err := m.PairErrors(m.Elements())
			if err != nil || len(errors) != c.pairs || m.Pairs() != c.pairs {
				t.Fatalf("%s: %d errors of %d pairs (%v), want %d", c.name, len(errors), m.Pairs(), err, c.pairs)
			}
			all := make([]bool, len(m.cfg.numbers))
			for k := range all {
				all[k] = true
			}
			pairs, _ := m.tables.pairsOf(all)
			m.tables.need(pairs)
			for _, e := range errors {
				i, j := m.cfg.species[e.Centre], m.cfg.species[e.Neighbour]
				for layer, got := range e.Layers {
					if (coarse == 1) != e.Used[layer] || (coarse == 1) != (got.Value <= maxDeviation) {
						t.Errorf("%s %d-%d, layer %d, knots × %g: %+v, used: %v", c.name, e.Centre, e.Neighbour, layer, coarse, got, e.Used[layer])
					}
					value := m.deviation(layer, i, j)
					if !(value <= 1.3*got.Value+4e-7 && value >= 0.8*got.Value) {
						t.Errorf("%s %d-%d, layer %d, knots × %g: deviation %.2e at random distances, told is %.2e", c.name, e.Centre, e.Neighbour, layer, coarse, value, got.Value)
					}
				}
			}
		}
	}
	m := readFile(t, "testdata/unshifted.model", "")
	if _, err := m.PairErrors([]int{92}); err == nil {
		t.Error("errors of an element that the model does not know")
	}
}

// deviation is the largest one of a pair's tables at random distances, over the root mean
// square of the functions there; the larger of weights and density.
func (m *Model) deviation(layer, i, j int) (worst float64) {
	p, rnd := m.tables, rand.New(rand.NewPCG(1, 2))
	for k, table := range p.one[[3]int{layer, i, j}].tables {
		if table == nil {
			continue
		}
		net := m.layer[layer].mlp
		if k == 1 {
			net = m.layer[layer].rho
		}
		sample := p.sampler(net, i, j, k == 1)
		want, slope, got := make([]float64, table.W), make([]float64, table.W), make([]float32, table.W)
		var e kernel.Edges[float32]
		e.Resize(1, 0)
		sum, most, n := 0.0, 0.0, 0
		for range 4000 {
			e.R[0] = float32(p.min + (m.cfg.cutoff-p.min)*rnd.Float64())
			sample(float64(e.R[0]), 0, want, slope)
			table.Weights(&e, 0, 1, got, nil)
			for f, v := range want {
				most = math.Max(most, math.Abs(float64(got[f])-v))
				sum += v * v
				n++
			}
		}
		worst = math.Max(worst, most/math.Sqrt(sum/float64(n)))
	}
	return worst
}

// A pair whose table is above the bound is left to the network: with a bound below the worst
// table of one pair the results stay those of mace-torch, on any number of ranks; with a
// bound of zero they are the bits of New32Exact.
func TestPairsAboveBound(t *testing.T) {
	for name, head := range map[string]string{"unshifted": "", "non-linear": "b"} {
		file := "testdata/" + name
		if head != "" {
			file += "-" + head
		}
		frames := potentialtest.ReadReferences(t, file+".extxyz")
		m := readFile(t, "testdata/"+name+".model", head)
		errors, err := m.PairErrors(m.Elements())
		if err != nil {
			t.Fatal(err)
		}
		var all []float64
		for _, e := range errors {
			for _, l := range e.Layers {
				all = append(all, l.Value)
			}
		}
		slices.Sort(all)
		m.tables.bound = (all[len(all)-1] + all[len(all)-2]) / 2
		some := potentialtest.Precision{Name: "float32", Make: func() potential.Potential { return New32(m) },
			Bars: potentialtest.Bars{Energy: 4e-6, Force: 1e-4, Stress: 1e-5}} // those of reference_test.go
		for _, ranks := range []int{1, 4} {
			some.Compare(t, frames, ranks)
		}
		left := 0
		for _, layer := range m.tables.last.exact {
			for _, exact := range layer {
				if exact {
					left++
				}
			}
		}
		if left < 1 || left > 2 { // a pair, or both orders of it
			t.Errorf("%s: %d tables are not used, with errors %.3g and a bound of %.3g", name, left, all, m.tables.bound)
		}
		m = readFile(t, "testdata/"+name+".model", head)
		New32(m)
		m.tables.bound = 0
		for _, f := range frames {
			got, err := potentialtest.Evaluate(f.System, potentialtest.Setup{Ranks: 2}, func() potential.Potential { return New32(m) })
			if err != nil {
				t.Fatal(err)
			}
			want, err := potentialtest.Evaluate(f.System, potentialtest.Setup{Ranks: 2}, func() potential.Potential { return New32Exact(m) })
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Errorf("%s: without any table the energy is %v, that of New32Exact is %v", name, got.Energy, want.Energy)
			}
		}
	}
}

// Tables of a pair are kept as parts of the newest stack, whose numbers stay what they were.
func TestTablesOnce(t *testing.T) {
	m := readFile(t, "testdata/unshifted.model", "") // with Agnesi's transform: a table for each pair
	New32(m)
	p := m.tables
	first := p.with([]int32{0})
	before := append([]float32(nil), first.weights[0].Coef...)
	second := p.with([]int32{1})
	if first.pairs != 1 || second.pairs != 3 {
		t.Fatalf("%d pairs, then %d", first.pairs, second.pairs)
	}
	for layer := range m.layer {
		for which, stack := range [][]float32{second.weights[layer].Coef, second.density[layer].Coef} {
			if n := len(p.one[[3]int{layer, 0, 0}].tables[which].Coef); len(stack) != 3*n || cap(stack) != 3*n {
				t.Errorf("layer %d: a stack of %d numbers (%d allocated) for 3 tables of %d", layer, len(stack), cap(stack), n)
			}
			for k, q := range [][2]int{{0, 0}, {0, 1}, {1, 1}} {
				one := p.one[[3]int{layer, q[0], q[1]}].tables[which].Coef
				if &one[0] != &stack[k*len(one)] {
					t.Errorf("layer %d: the table of %v is held twice", layer, q)
				}
			}
		}
	}
	if &first.weights[0].Coef[0] == &second.weights[0].Coef[0] {
		t.Error("a table in use was moved")
	}
	for k, v := range before {
		if second.weights[0].Coef[k] != v {
			t.Fatalf("number %d is %v, was %v", k, second.weights[0].Coef[k], v)
		}
	}
}
