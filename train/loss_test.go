package train

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/io/torch"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/potential/pair"
	"github.com/wigner-md/wigner/potential/potentialtest"
	"github.com/wigner-md/wigner/potential/sum"
)

// small is one of the tiny checkpoints of testdata (parity, three layers), to be trained.
const small = "parity-nequip"

func trainee(t testing.TB) (*nequip.Trainee[float64], []int) {
	t.Helper()
	ck, err := torch.Open(filepath.Join("..", "testdata", "sevennet-tiny", small+".pth"))
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	p, err := nequip.NewTrainee[float64](ck.Config, ck.Weights())
	if err != nil {
		t.Fatal(err)
	}
	return p, p.Model().Elements()
}

// structures are random ones with random labels, some of them missing: a small skewed
// cell, atoms outside theirs, a molecule.
func structures(elements []int) []*Structure {
	rng := rand.New(rand.NewPCG(3, 4))
	var out []*Structure
	for n := range 4 {
		s := &Structure{Cell: [3][3]float64{{4.2, 0, 0}, {0.7, 4, 0}, {0, -0.5, 4.5}}, Periodic: [3]bool{true, true, n != 2},
			Energy: rng.NormFloat64(), Weight: 1 + float64(n)/2, Source: fmt.Sprint("structure ", n)}
		if n == 3 {
			s.Cell, s.Periodic = [3][3]float64{}, [3]bool{}
		}
		for k := range 4 {
			x := [3]float64{float64(k&1)*2 + 0.1*rng.NormFloat64(), float64(k>>1)*2 + 0.1*rng.NormFloat64(), 0.3 * rng.NormFloat64()}
			if n == 1 && k == 2 { // outside the cell
				for c := range x {
					x[c] += s.Cell[0][c] - 2*s.Cell[1][c]
				}
			}
			s.X = append(s.X, x)
			s.Z = append(s.Z, elements[k%len(elements)])
			s.Forces = append(s.Forces, [3]float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()})
		}
		for k := range 3 {
			for l := range 3 {
				s.Stress[k][l] = 0.1 * rng.NormFloat64()
				if n > 1 {
					s.Stress[k][l] = math.NaN()
				}
			}
		}
		for k := range 3 {
			for l := range k {
				s.Stress[k][l] = s.Stress[l][k]
			}
		}
		out = append(out, s)
	}
	out[0].Stress[0][0] = math.NaN()
	out[1].Energy = math.NaN()
	out[2].Forces[1][2] = math.NaN()
	return out
}

func samples(t testing.TB, list []*Structure, cutoff float64) (out []*sample) {
	t.Helper()
	for _, s := range list {
		x, err := newSample(s, cutoff)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, x)
	}
	return out
}

// A sample's energy and forces are those that the halo's frames give.
func TestSample(t *testing.T) {
	p, z := trainee(t)
	for _, s := range structures(z) {
		want, err := potentialtest.Evaluate(potentialtest.System{Cell: s.Cell, Periodic: s.Periodic, Z: s.Z, X: s.X},
			potentialtest.Setup{}, func() potential.Potential { return p })
		if err != nil {
			t.Fatal(err)
		}
		s.Energy, s.Forces = want.Energy, want.Forces
		x := samples(t, []*Structure{s}, p.Cutoff())
		alone1(func(c comm.Comm) {
			o := Objective{Potential: p, Loss: Loss{Energy: 1, Force: 1}, Comm: c, Step: Step64}
			e, err := o.Evaluate(x, nil)
			if err != nil {
				t.Fatal(err)
			}
			// the same sums in another order
			if e.MAE(0) > 1e-12 || e.MAE(1) > 1e-11 || e.N[1] != 12 {
				t.Errorf("%s: energy differs by %g, forces by %g (%v components)", s.Source, e.MAE(0), e.MAE(1), e.N[1])
			}
		})
	}
}

func alone1(f func(comm.Comm)) {
	if err := inproc.Run(1, func(c comm.Comm) error { f(c); return nil }); err != nil {
		panic(err)
	}
}

// The gradient of the loss against differences of the loss itself, for each of its
// parts and forms, and with a fixed repulsion added to the network.
func TestLossGradient(t *testing.T) {
	net, z := trainee(t)
	batch := samples(t, structures(z), net.Cutoff())
	for name, l := range map[string]Loss{
		"energy": {Energy: 1},
		"force":  {Force: 1},
		"stress": {Stress: 100},
		"all":    {Energy: 2, Force: 1, Stress: 10},
		"core":   {Energy: 2, Force: 1, Stress: 10, HuberForce: 0.2},
		"huber":  {Energy: 1, Force: 1, Stress: 100, HuberEnergy: 0.01, HuberForce: 0.2, HuberStress: 0.001},
	} {
		p := potential.Trainable(net)
		if name == "core" {
			p = sum.NewTrainable(net, core(t, z).Evaluator())
		}
		alone1(func(c comm.Comm) {
			o := Objective{Potential: p, Loss: l, Comm: c, Step: Step64}
			loss := func() float64 {
				p.Update()
				e, err := o.Evaluate(batch, nil)
				if err != nil {
					t.Fatal(err)
				}
				return e.Total()
			}
			p.Update()
			g := make([]float64, countParams(p))
			if _, err := o.Gradient(batch, g); err != nil {
				t.Fatal(err)
			}
			// Step64 leaves h² of the third derivative along the direction, about 3e-7 of
			// the tensor's largest number (100 times that with ten times the step), the
			// difference h² of the loss's.
			d := potentialtest.Differences{Step: 1e-4, Each: 2, Within: func(_, largest float64) float64 { return 1e-6*largest + 1e-8 }}
			d.Test(t, name, p.Params(), g, loss)
			p.Update()
		})
	}
}

// core is a repulsion that reaches the neighbours of structures.
func core(t testing.TB, z []int) *pair.Curves {
	t.Helper()
	c, err := pair.NewZBL(z, 1, 2.6)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A fixed part adds its energies; what it leaves of labels that it gave itself is
// nothing, and labels that are not there stay so.
func TestRemainder(t *testing.T) {
	net, z := trainee(t)
	list, c := structures(z), core(t, z)
	for _, s := range list {
		o, err := potentialtest.Evaluate(potentialtest.System{Cell: s.Cell, Periodic: s.Periodic, Z: s.Z, X: s.X},
			potentialtest.Setup{}, func() potential.Potential { return c.Evaluator() })
		if err != nil {
			t.Fatal(err)
		}
		if !(o.Energy > 0.1) {
			t.Fatalf("%s: the core has the energy %g", s.Source, o.Energy)
		}
		x := samples(t, []*Structure{s}, net.Cutoff())[0]
		s.Energy += o.Energy
		for i := range s.Forces {
			for k := range 3 {
				s.Forces[i][k] += o.Forces[i][k]
				s.Stress[i%3][k] -= map[bool]float64{true: o.Virial[i%3][k] / x.volume}[i < 3]
			}
		}
	}
	rest, err := Remainder(list, c.Evaluator(), net.Cutoff())
	if err != nil {
		t.Fatal(err)
	}
	near := func(what string, a, b float64) {
		t.Helper()
		if (a == a) != (b == b) || math.Abs(a-b) > 1e-10 {
			t.Errorf("%s: %g, want %g", what, a, b)
		}
	}
	for n, want := range structures(z) {
		got := rest[n]
		near(got.Source+" energy", got.Energy, want.Energy)
		for i := range want.Forces {
			for k := range 3 {
				near(got.Source+" force", got.Forces[i][k], want.Forces[i][k])
			}
		}
		for k := range 3 {
			for l := range 3 {
				near(got.Source+" stress", got.Stress[k][l], want.Stress[k][l])
			}
		}
	}
	batch := samples(t, list[:1], net.Cutoff())
	energy := func(p potential.Trainable) (e float64) {
		alone1(func(c comm.Comm) {
			o := Objective{Potential: p, Loss: Loss{Energy: 1}, Comm: c, Step: Step64}
			if _, err := o.Gradient(batch, make([]float64, countParams(p))); err != nil {
				t.Fatal(err)
			}
			for _, v := range o.energy { // the sample twice, where it is: no label but the energy counts
				e += v / 2
			}
		})
		return e
	}
	near("ParamGradient's energies", energy(sum.NewTrainable(net, c.Evaluator()))-energy(net), list[0].Energy-structures(z)[0].Energy)
}

func countParams(p potential.Trainable) (n int) {
	for _, q := range p.Params() {
		n += len(q.Value)
	}
	return n
}

// Any number of ranks gives the same gradient.
func TestGradientRanks(t *testing.T) {
	var want []float64
	for _, ranks := range []int{1, 2, 3, 8} {
		var mu sync.Mutex
		var got []float64
		if err := inproc.Run(ranks, func(c comm.Comm) error {
			p, z := trainee(t)
			o := Objective{Potential: p, Loss: Loss{Energy: 1, Force: 1, Stress: 1}, Comm: c, Step: Step64}
			g := make([]float64, countParams(p))
			_, err := o.Gradient(samples(t, structures(z), p.Cutoff()), g)
			mu.Lock()
			defer mu.Unlock()
			if c.Rank() == 0 {
				got = g
			}
			return err
		}); err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = got
		}
		for k, v := range want {
			if d := math.Abs(got[k] - v); d > 1e-9*(1+math.Abs(v)) { // 1/(2h) times rounding
				t.Fatalf("%d ranks: %g, one rank %g", ranks, got[k], v)
			}
		}
	}
}
