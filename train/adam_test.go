package train

import (
	"math"
	"testing"
)

// Adam against its algorithm written out for one number (Kingma and Ba, algorithm 1, with
// decoupled decay), AMSGrad against its rule that the denominator never falls.
func TestAdam(t *testing.T) {
	g := []float64{1, -2, 0.5, 0, 3}
	for _, ams := range []bool{false, true} {
		a := Adam{AMSGrad: ams, Decay: 0.1}
		a.start(1, []bool{true})
		theta, want := []float64{2}, 2.0
		var m, v, vmax float64
		for k, x := range g {
			a.step(theta, []float64{x}, 0.01)
			m, v = 0.9*m+0.1*x, 0.999*v+0.001*x*x
			mh, vh := m/(1-math.Pow(0.9, float64(k+1))), v/(1-math.Pow(0.999, float64(k+1)))
			vmax = max(vmax, vh)
			if ams {
				vh = vmax
			}
			want -= 0.01 * 0.1 * want
			want -= 0.01 * mh / (math.Sqrt(vh) + 1e-8)
			if math.Abs(theta[0]-want) > 1e-14 {
				t.Fatalf("AMSGrad %v, step %d: %.16g, want %.16g", ams, k+1, theta[0], want)
			}
		}
	}
}

func TestSchedule(t *testing.T) {
	for _, c := range []struct {
		s     Schedule
		epoch float64
		want  float64
	}{
		{Schedule{Kind: "constant", Rate: 2}, 7, 2},
		{Schedule{Kind: "cosine", Rate: 2, Final: 1, Warmup: 2}, 1, 1},
		{Schedule{Kind: "cosine", Rate: 2, Final: 1, Warmup: 2}, 6, 1.5}, // half of the 8 epochs left
		{Schedule{Kind: "cosine", Rate: 2, Final: 1, Warmup: 2}, 10, 1},
		{Schedule{Kind: "linear", Rate: 2, Final: 1}, 2.5, 1.75},
		{Schedule{Kind: "exponential", Rate: 2, Final: 0.02}, 5, 0.2},
	} {
		if got := c.s.rate(c.epoch, 10); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s at %g: %g, want %g", c.s.Kind, c.epoch, got, c.want)
		}
	}
	s := Schedule{Kind: "plateau", Rate: 1, Final: 0.2, Factor: 0.5, Patience: 1}
	for k, err := range []float64{5, 4, 4.5, 4.4, 4.3, 4.2, 4.1, 4.05} {
		s.validated(err)
		// two in a row without improvement over 4 halve the rate, to 0.2 at the least
		if want := []float64{1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.2}[k]; math.Abs(s.rate(1, 9)-want) > 1e-12 {
			t.Errorf("plateau after %d: %g, want %g", k+1, s.rate(1, 9), want)
		}
	}
}

// Energies that are sums of the elements' are fitted exactly; with one composition only,
// the shortest of the solutions is taken.
func TestFitReference(t *testing.T) {
	e := map[int]float64{14: -5, 29: -3.5}
	var list []*Structure
	for _, z := range [][]int{{14, 14, 29}, {29}, {14, 29, 29, 29}, {14}} {
		s := &Structure{Z: z}
		for _, x := range z {
			s.Energy += e[x]
		}
		list = append(list, s)
	}
	list = append(list, &Structure{Z: []int{14}, Energy: math.NaN()})
	got, err := FitReference(list, Elements(list))
	if err != nil || math.Abs(got[0]+5) > 1e-12 || math.Abs(got[1]+3.5) > 1e-12 {
		t.Errorf("%v, %v", got, err)
	}
	one := []*Structure{{Z: []int{14, 29}, Energy: -8}, {Z: []int{29, 14}, Energy: -8}}
	got, err = FitReference(one, Elements(one))
	if err != nil || math.Abs(got[0]+4) > 1e-12 || math.Abs(got[1]+4) > 1e-12 {
		t.Errorf("one composition: %v, %v", got, err)
	}
}

func TestSplit(t *testing.T) {
	var list []*Structure
	for k := range 40 {
		list = append(list, &Structure{Type: []string{"a", "a", "a", "b"}[k%4]})
	}
	list = append(list, &Structure{Type: "single"})
	rest, apart := Split(list, 0.1, 1)
	n := map[string]int{}
	for _, s := range apart {
		n[s.Type]++
	}
	if len(rest)+len(apart) != 41 || n["a"] != 3 || n["b"] != 1 || n["single"] != 0 {
		t.Errorf("set apart: %v of %d", n, len(list))
	}
	_, again := Split(list, 0.1, 1)
	_, other := Split(list, 0.1, 2)
	same := func(a, b []*Structure) bool {
		for k := range a {
			if a[k] != b[k] {
				return false
			}
		}
		return len(a) == len(b)
	}
	if !same(apart, again) || same(apart, other) {
		t.Error("the choice must follow the seed")
	}
}
