package potentialtest

import (
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/wigner-md/wigner/potential"
)

// weightOf is the weight of a component of an atom in the sums whose gradients are taken.
func weightOf(id int64, c int) float64 { return math.Sin(float64(3*id) + float64(c) + 0.5) }

// learner is a potential that, evaluated, gathers Σ w ∂E_i/∂θ of all ranks, or of a
// tensor's components.
type learner struct {
	potential.Trainable
	mu  *sync.Mutex
	sum []float64
}

func (l *learner) Compute(f *potential.Frame, r *potential.Result) error {
	n, e := potential.ComponentsOf(l.Trainable), []float64(nil)
	if n == 0 {
		n, e = 1, r.Energy
	}
	w := make([]float64, f.N*n)
	for k := range w {
		w[k] = weightOf(f.ID[k/n], k%n)
	}
	mine := make([]float64, len(l.sum))
	if err := l.ParamGradient(f, w, e, mine); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for k, v := range mine {
		l.sum[k] += v
	}
	return nil
}

// ParamGradient is the gradient of a sum of the structure's energies, or of its tensors'
// components, with weights that differ by atom.
func ParamGradient(t testing.TB, s System, setup Setup, mk func() potential.Trainable) []float64 {
	t.Helper()
	n := 0
	for _, p := range mk().Params() {
		n += len(p.Value)
	}
	mu, sum := &sync.Mutex{}, make([]float64, n)
	if _, err := Evaluate(s, setup, func() potential.Potential { return &learner{mk(), mu, sum} }); err != nil {
		t.Fatal(err)
	}
	return sum
}

// teller is a potential that, evaluated, gathers the tensors by atom.
type teller struct {
	potential.Potential
	mu  *sync.Mutex
	all [][]float64
}

func (o *teller) Compute(f *potential.Frame, _ *potential.Result) error {
	t := o.Potential.(potential.Tensorial)
	n := t.Components()
	x := make([]float64, n*f.N)
	if err := t.Outputs(f, x); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range f.N {
		o.all[f.ID[i]-1] = x[i*n : (i+1)*n]
	}
	return nil
}

// Outputs are the tensors of all atoms, of a potential that is potential.Tensorial.
func Outputs(t testing.TB, s System, setup Setup, mk func() potential.Potential) [][]float64 {
	t.Helper()
	mu, all := &sync.Mutex{}, make([][]float64, len(s.X))
	if _, err := Evaluate(s, setup, func() potential.Potential { return &teller{mk(), mu, all} }); err != nil {
		t.Fatal(err)
	}
	return all
}

// weighted is the sum of which ParamGradient is the gradient.
func weighted(t testing.TB, s System, setup Setup, mk func() potential.Trainable) (sum float64) {
	t.Helper()
	plain := func() potential.Potential { return mk() }
	if potential.ComponentsOf(mk()) > 0 {
		for i, v := range Outputs(t, s, setup, plain) {
			for c, x := range v {
				sum += weightOf(int64(i+1), c) * x
			}
		}
		return sum
	}
	o, err := Evaluate(s, setup, plain)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range o.Energies {
		sum += weightOf(int64(i+1), 0) * e
	}
	return sum
}

// Differences are central differences by parameters.
type Differences struct {
	Step float64
	Each int // random numbers of each tensor; 0: all
	// Within is the deviation allowed where the difference is want, and largest the
	// tensor's largest gradient.
	Within func(want, largest float64) float64
}

// Test compares g, a gradient by params one after another, with differences of value.
// Parameters are what they were afterwards.
func (d Differences) Test(t testing.TB, what string, params []potential.Param, g []float64, value func() float64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(1, 2))
	for _, p := range params {
		mine := g[:len(p.Value)]
		g = g[len(p.Value):]
		largest := 0.0
		for _, v := range mine {
			largest = max(largest, math.Abs(v))
		}
		n := d.Each
		if n == 0 {
			n = len(mine)
		}
		for k := range n {
			if d.Each > 0 {
				k = rng.IntN(len(mine))
			}
			was := p.Value[k]
			p.Value[k] = was + d.Step
			up := value()
			p.Value[k] = was - d.Step
			down := value()
			p.Value[k] = was
			want := (up - down) / (2 * d.Step)
			if !(math.Abs(mine[k]-want) <= d.Within(want, largest)) {
				t.Errorf("%s: %s[%d]: gradient %.10g, difference %.10g (largest of the tensor %.3g)", what, p.Name, k, mine[k], want, largest)
			}
		}
	}
	if len(g) > 0 {
		t.Errorf("%s: the gradient has %d numbers more than there are parameters", what, len(g))
	}
}

// Trainable tests ParamGradient, and returns it: against differences of the energies, or
// of the tensors, themselves; and on so many ranks, where each number, and the sum
// differentiated, is the same within same times its size or 1.
func (d Differences) Trainable(t testing.TB, what string, s System, mk func() potential.Trainable, ranks int, same float64) []float64 {
	t.Helper()
	net := mk()
	one := func() potential.Trainable { return net }
	value := func() float64 {
		net.Update()
		return weighted(t, s, Setup{}, one)
	}
	g, many := ParamGradient(t, s, Setup{}, one), ParamGradient(t, s, Setup{Ranks: ranks}, mk)
	k := 0
	for _, p := range net.Params() {
		for i := range p.Value {
			if !(math.Abs(g[k]-many[k]) <= same*max(1, math.Abs(g[k]))) {
				t.Fatalf("%s: %s[%d]: %g on one rank, %g on %d", what, p.Name, i, g[k], many[k], ranks)
			}
			k++
		}
	}
	if a, b := value(), weighted(t, s, Setup{Ranks: ranks}, mk); !(math.Abs(a-b) <= min(same, 1e-11)*max(1, math.Abs(a))) {
		t.Errorf("%s: %.15g on one rank, %.15g on %d", what, a, b, ranks)
	}
	d.Test(t, what, net.Params(), g, value)
	net.Update()
	return g
}
