package nequip_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// tensorDesign is a small network of random weights that gives an irrep.
func tensorDesign(t *testing.T, out o3.Irrep, layers int) nequip.Design {
	t.Helper()
	features, err := o3.ParseIrreps("6x0e+4x0o+4x1o+4x1e+3x2e+3x2o")
	if err != nil {
		t.Fatal(err)
	}
	return nequip.Design{Elements: []int{1, 6, 17}, Features: features, Layers: layers, LMax: 2, Parity: true, Cutoff: 4,
		Hidden: []int{8}, Neighbors: 6, Shift: []float64{0, 0, 0}, Scale: []float64{1, 0.5, 2}, Seed: 3, Output: &out}
}

func tensorNet[T kernel.Float](t *testing.T, d nequip.Design) *nequip.Trainee[T] {
	t.Helper()
	cfg, w, err := d.New()
	if err != nil {
		t.Fatal(err)
	}
	net, err := nequip.NewTrainee[T](cfg, w)
	if err != nil {
		t.Fatal(err)
	}
	return net
}

// outputs is a potential that, evaluated, gathers the tensors by atom.
type outputs struct {
	potential.Potential
	mu  *sync.Mutex
	out map[int64][]float64
}

func (o *outputs) Compute(f *potential.Frame, _ *potential.Result) error {
	t := o.Potential.(potential.Tensorial)
	n := t.Components()
	x := make([]float64, n*f.N)
	if err := t.Outputs(f, x); err != nil {
		return err
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for i := range f.N {
		o.out[f.ID[i]] = x[i*n : (i+1)*n]
	}
	return nil
}

// tensorsOf are the tensors of all atoms.
func tensorsOf(t *testing.T, s potentialtest.System, ranks int, mk func() potential.Potential) [][]float64 {
	t.Helper()
	mu, all := &sync.Mutex{}, map[int64][]float64{}
	if _, err := potentialtest.Evaluate(s, potentialtest.Setup{Ranks: ranks}, func() potential.Potential {
		return &outputs{mk(), mu, all}
	}); err != nil {
		t.Fatal(err)
	}
	var out [][]float64
	for i := range s.X {
		out = append(out, all[int64(i+1)])
	}
	return out
}

func mapped(s potentialtest.System, f func([3]float64) [3]float64) potentialtest.System {
	out := s
	out.X = nil
	for _, x := range s.X {
		out.X = append(out.X, f(x))
	}
	return out
}

// chiralMolecule is of eight atoms at random, about 2 Å apart.
func chiralMolecule() potentialtest.System {
	s := learnSystem([]int{1, 6, 17})
	s.Cell, s.Periodic = [3][3]float64{}, [3]bool{}
	return mapped(s, func(x [3]float64) [3]float64 { return [3]float64{0.6 * x[0], 0.6 * x[1], 0.6 * x[2]} })
}

// A vector turns with the molecule, and a mirror x → −x changes exactly the sign of its x;
// a pseudoscalar stays, and changes exactly its sign. Pseudotensors and l = 2 go by their
// irreps.
func TestOutputsTurn(t *testing.T) {
	s := chiralMolecule()
	rng := rand.New(rand.NewPCG(5, 5))
	mirror := [3][3]float64{{-1, 0, 0}, {0, 1, 0}, {0, 0, 1}}
	for _, out := range []o3.Irrep{{L: 1, P: -1}, {L: 0, P: -1}, {L: 1, P: 1}, {L: 2, P: 1}, {L: 0, P: 1}} {
		net := tensorNet[float64](t, tensorDesign(t, out, 3))
		mk := func() potential.Potential { return net }
		if net.Components() != out.Dim() {
			t.Fatalf("%s: %d components", out, net.Components())
		}
		a := tensorsOf(t, s, 1, mk)
		size := 0.0
		for _, v := range a {
			for _, x := range v {
				size = max(size, math.Abs(x))
			}
		}
		if size < 1e-4 { // random weights of a network that couples everything do not cancel
			t.Fatalf("%s: the largest output is %g", out, size)
		}
		for n := range 3 {
			R := o3.RotationFromQuaternion([4]float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()})
			shift := [3]float64{1, -2, 3}
			tol := 1e-12 * max(1, size)
			if n == 2 { // nothing is rounded: the mirror is exact
				R, shift, tol = mirror, [3]float64{}, 0
			}
			b := tensorsOf(t, mapped(s, func(x [3]float64) [3]float64 {
				y := turn(R, x)
				for k := range y {
					y[k] += shift[k]
				}
				return y
			}), 1, mk)
			D, dim := out.Matrix(R), out.Dim()
			for i := range a {
				for k := range dim {
					want := 0.0
					for m := range dim {
						want += D[k*dim+m] * a[i][m]
					}
					if n == 2 && out.L == 2 {
						tol = 1e-15 * size // D₂ of the mirror is a product of couplings
					}
					if d := math.Abs(b[i][k] - want); !(d <= tol) {
						t.Errorf("%s, case %d: atom %d component %d: %.17g, wanted %.17g", out, n, i, k, b[i][k], want)
					}
				}
			}
		}
	}
}

// The sum over the atoms of a molecule with a mirror plane has no pseudoscalar, one with a
// centre of inversion no vector.
func TestOutputsVanish(t *testing.T) {
	planar := mapped(chiralMolecule(), func(x [3]float64) [3]float64 { return [3]float64{x[0], 1.3 * x[1], 0} })
	for k := range planar.X { // spread out, in the plane
		planar.X[k][0] += 1.5 * float64(k%3)
	}
	total := func(s potentialtest.System, out o3.Irrep) (sum, size float64) {
		net := tensorNet[float64](t, tensorDesign(t, out, 3))
		v := make([]float64, out.Dim())
		for _, x := range tensorsOf(t, s, 1, func() potential.Potential { return net }) {
			for k := range x {
				v[k] += x[k]
				size = max(size, math.Abs(x[k]))
			}
		}
		for _, x := range v {
			sum = max(sum, math.Abs(x))
		}
		return sum, size
	}
	if sum, _ := total(planar, o3.Irrep{L: 0, P: -1}); sum > 1e-14 {
		t.Errorf("pseudoscalar of a flat molecule: %g", sum)
	}
	both := chiralMolecule()
	for k := range both.X { // away from its inverse
		both.X[k][0] += 6
	}
	inverse := mapped(both, func(x [3]float64) [3]float64 { return [3]float64{-x[0], -x[1], -x[2]} })
	both.X, both.Z = append(both.X, inverse.X...), append(both.Z, inverse.Z...)
	if sum, size := total(both, o3.Irrep{L: 1, P: -1}); sum > 1e-12*size || size < 1e-4 {
		t.Errorf("vector of a molecule with a centre of inversion: %g, atoms %g", sum, size)
	}
}

// Tensors do not depend on the ranks; and the gradient of every parameter is that of
// central differences, on four ranks too.
func TestOutputGradient(t *testing.T) {
	s := learnSystem([]int{1, 6, 17})
	for _, out := range []o3.Irrep{{L: 1, P: -1}, {L: 0, P: -1}} {
		d := tensorDesign(t, out, 3)
		net := tensorNet[float64](t, d)
		weight := func(id int64, c int) float64 { return math.Sin(float64(3*id) + float64(c) + 0.5) }
		value := func(ranks int) (sum float64) {
			for i, v := range tensorsOf(t, s, ranks, func() potential.Potential {
				if ranks > 1 {
					return tensorNet[float64](t, d)
				}
				net.Update()
				return net
			}) {
				for c, x := range v {
					sum += weight(int64(i+1), c) * x
				}
			}
			return sum
		}
		if a, b := value(1), value(4); math.Abs(a-b) > 1e-11*max(1, math.Abs(a)) {
			t.Errorf("%s: %.15g on one rank, %.15g on four", out, a, b)
		}
		gradient := func(ranks int) []float64 {
			n := 0
			for _, p := range net.Params() {
				n += len(p.Value)
			}
			g, mu := make([]float64, n), &sync.Mutex{}
			if _, err := potentialtest.Evaluate(s, potentialtest.Setup{Ranks: ranks}, func() potential.Potential {
				return &tensorGradient{tensorNet[float64](t, d), weight, mu, g}
			}); err != nil {
				t.Fatal(err)
			}
			return g
		}
		g, four := gradient(1), gradient(4)
		rng := rand.New(rand.NewPCG(1, 2))
		at := 0
		for _, p := range net.Params() {
			largest := 0.0
			for k := range p.Value {
				largest = max(largest, math.Abs(g[at+k]))
				if d := math.Abs(g[at+k] - four[at+k]); d > 1e-9*max(1, math.Abs(g[at+k])) {
					t.Fatalf("%s: %s[%d]: %g on one rank, %g on four", out, p.Name, k, g[at+k], four[at+k])
				}
			}
			for range 3 {
				k := rng.IntN(len(p.Value))
				if strings.HasSuffix(p.Name, ".shift") {
					if g[at+k] != 0 {
						t.Errorf("%s: the shift has a gradient", out)
					}
					continue
				}
				const h = 1e-4
				was := p.Value[k]
				p.Value[k] = was + h
				up := value(1)
				p.Value[k] = was - h
				down := value(1)
				p.Value[k] = was
				// rounding of a sum of size 1 at 1e-15, a step of 1e-4
				if want := (up - down) / (2 * h); !(math.Abs(g[at+k]-want) <= 1e-6*largest+1e-9) {
					t.Errorf("%s: %s[%d]: gradient %.10g, difference %.10g", out, p.Name, k, g[at+k], want)
				}
			}
			at += len(p.Value)
		}
		net.Update()
	}
}

// tensorGradient gathers the gradient of Σ weight · output.
type tensorGradient struct {
	*nequip.Trainee[float64]
	weight func(id int64, c int) float64
	mu     *sync.Mutex
	sum    []float64
}

func (g *tensorGradient) Compute(f *potential.Frame, _ *potential.Result) error {
	n := g.Components()
	w := make([]float64, f.N*n)
	for k := range w {
		w[k] = g.weight(f.ID[k/n], k%n)
	}
	mine := make([]float64, len(g.sum))
	if err := g.ParamGradient(f, w, nil, mine); err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	for k, v := range mine {
		g.sum[k] += v
	}
	return nil
}

// What is no sensible design is refused by name, and an energy is not made of a vector.
func TestOutputRefused(t *testing.T) {
	d := tensorDesign(t, o3.Irrep{L: 1, P: -1}, 2)
	cfg, w, err := d.New()
	if err != nil {
		t.Fatal(err)
	}
	m, err := nequip.Read(cfg, w)
	if err != nil || m.Output() == nil || m.Output().String() != "1o" {
		t.Fatalf("%v %v", m, err)
	}
	_, err = potentialtest.Evaluate(chiralMolecule(), potentialtest.Setup{}, func() potential.Potential { return nequip.New64(m) })
	check(t, "an energy of a vector", err, []string{"gives a tensor"})
	if _, _, err := nequip.Checkpoint(cfg, w); err == nil {
		t.Error("a vector is exported to SevenNet")
	}
	d.Shift[1] = 0.1
	_, _, err = d.New()
	check(t, "a shift", err, []string{"shift", "1o"})
	d.Shift[1] = 0
	for key, bad := range map[string]any{"wigner_output": "2x1o", "irreps_manual": false, "is_parity": false} {
		c := map[any]any{}
		for k, v := range cfg {
			c[k] = v
		}
		c[key] = bad
		_, err := nequip.Read(c, w)
		check(t, key, err, []string{key})
	}
}
