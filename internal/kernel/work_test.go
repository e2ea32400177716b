package kernel

import "testing"

// work makes a shape of paths with one channel and dense couplings, of which the
// given elements C[a,b,k] are zero.
func work(l1 int, ls [][2]int, zero func(a, b, k int) bool, mul int) *Shape {
	s := &Shape{X: []Block{{L: l1, Mul: mul}}, XWidth: (2*l1 + 1) * mul, LMax: 2, Weights: len(ls) * mul}
	for n, l := range ls {
		s.Agg = append(s.Agg, Block{L: l[1], Mul: mul, Offset: s.AggWidth})
		s.AggWidth += (2*l[1] + 1) * mul
		p := Path{L2: l[0], Agg: n, W: n * mul}
		for a := range 2*l1 + 1 {
			for b := range 2*l[0] + 1 {
				for k := range 2*l[1] + 1 {
					if !zero(a, b, k) {
						p.Terms = append(p.Terms, Term{a, b, k, 1})
					}
				}
			}
		}
		s.Paths = append(s.Paths, p)
	}
	return s
}

// Multiply-adds written out by hand for a channel; two operations each.
func TestWorkOfPaths(t *testing.T) {
	cross := func(a, b, k int) bool { return a == b || b == k || a == k }
	diagonal := func(a, b, k int) bool { return a != k }
	dot := func(a, b, k int) bool { return a != b }
	for _, c := range []struct {
		name              string
		s                 *Shape
		first             bool
		forward, backward float64
	}{
		// 4 for w; w·x into the sum. 8 for w and its slope; w·g to the neighbour,
		// x·g and its product with the slope.
		{"000", work(0, [][2]int{{0, 0}}, dot, 1), false, 5, 8 + 3},
		{"000 of the first layer", work(0, [][2]int{{0, 0}}, dot, 1), true, 5, 8 + 2},
		// w·x, three sums. q = w·x, three of Z, three of h, w·h, d·h; and x·Σ d·h
		// of both paths once.
		{"000 and 011", work(0, [][2]int{{0, 0}, {1, 1}}, func(a, b, k int) bool { return b != k }, 1), false, 5 + 8, 16 + 2 + 9 + 1},
		// Three components times w.
		{"101", work(1, [][2]int{{0, 1}}, diagonal, 1), false, 4 + 3, 8 + 7},
		// x·Y in three, times w. b times w, three each of Z, g and x·Y, times b, times d.
		{"110", work(1, [][2]int{{1, 0}}, dot, 1), false, 4 + 4, 8 + 12},
		// A vector product: six products and three times w; B has six elements, used
		// twice, three times w of g, of x, and of the sum for d, and d.
		{"111, sixteen channels", work(1, [][2]int{{1, 1}}, cross, 16), false, 16 * (4 + 9), 16 * (8 + 22)},
	} {
		c.s.Check()
		if f, b := c.s.Work(c.first); f != 2*c.forward || b != 2*c.backward {
			t.Errorf("%s: %g forward, %g backward; want %g, %g", c.name, f, b, 2*c.forward, 2*c.backward)
		}
	}
}
