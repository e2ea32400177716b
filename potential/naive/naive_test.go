package naive

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// features writes what the network sees of a molecule to dst.
func features(m *Model, x [][3]float64, dst []float64) {
	s := newScratch(m)
	m.inputs(x, s)
	copy(dst, s.q)
}

// methane is CH4 with bonds of 1.087 Å (J. Mol. Spectrosc. 75, 319 (1979): r_0 = 1.0870 Å).
func methane() (z []int, x [][3]float64) {
	d := 1.0870 / math.Sqrt(3)
	return []int{6, 1, 1, 1, 1}, [][3]float64{{}, {d, d, d}, {d, -d, -d}, {-d, d, -d}, {-d, -d, d}}
}

// shaken are n copies, each atom moved by normal numbers of 0.1 Å.
func shaken(n int, seed uint64) (z []int, all [][][3]float64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	z, x := methane()
	for range n {
		y := slices.Clone(x)
		for i := range y {
			for k := range 3 {
				y[i][k] += 0.1 * rng.NormFloat64()
			}
		}
		all = append(all, y)
	}
	return z, all
}

// designs are one of each.
func designs() map[string]Design {
	return map[string]Design{
		"raw":      {Kind: Raw, Hidden: []int{7, 5}, Seed: 1, Shift: -3, Scale: 2},
		"centred":  {Kind: Raw, Centred: true, Hidden: []int{6}, Seed: 2, Scale: 1.5},
		"unsorted": {Kind: Distances, Hidden: []int{8, 8}, Seed: 3, Shift: 1, Scale: 2},
		"sorted":   {Kind: Distances, Sorted: true, Hidden: []int{8, 4}, Seed: 4, Scale: 2},
	}
}

func made(t *testing.T, d Design) (*Model, [][][3]float64) {
	t.Helper()
	z, all := shaken(10, 5)
	m, err := d.New(z, all)
	if err != nil {
		t.Fatal(err)
	}
	return m, all
}

func evaluate(t *testing.T, m *Model, z []int, x [][3]float64) *potentialtest.Outcome {
	t.Helper()
	o, err := potentialtest.Evaluate(potentialtest.System{Z: z, X: x}, potentialtest.Setup{}, func() potential.Potential { return m.Potential() })
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// apart is a structure whose like distances are not within a step of one another, where
// sorted ones have kinks.
func apart(t *testing.T) [][3]float64 {
	t.Helper()
	z, all := shaken(100, 6)
	m, err := Design{Kind: Distances, Sorted: true}.New(z, all)
	if err != nil {
		t.Fatal(err)
	}
	q := make([]float64, m.Inputs())
	for _, x := range all {
		features(m, x, q)
		least := 1.0
		for k := 1; k < len(q); k++ {
			if k != 6 { // the first CH
				least = min(least, q[k]-q[k-1])
			}
		}
		if least > 0.01 {
			return x
		}
	}
	t.Fatal("no structure found")
	return nil
}

// Forces and virial against differences of the energy by five points.
func TestGradients(t *testing.T) {
	for name, d := range designs() {
		m, _ := made(t, d)
		x := apart(t)
		want := evaluate(t, m, m.Z, x)
		slope := func(move func(y [][3]float64, h float64)) float64 {
			at := func(h float64) float64 {
				y := slices.Clone(x)
				move(y, h)
				return evaluate(t, m, m.Z, y).Energy
			}
			const h = 2e-4
			return (at(-2*h) - 8*at(-h) + 8*at(h) - at(2*h)) / (12 * h)
		}
		for i := range x {
			for k := range 3 {
				g := slope(func(y [][3]float64, h float64) { y[i][k] += h })
				if f := want.Forces[i][k]; math.Abs(f+g) > 1e-8 {
					t.Errorf("%s: force %g, −dE/dx %g", name, f, -g)
				}
			}
		}
		for k := range 3 {
			for l := range 3 {
				g := slope(func(y [][3]float64, h float64) {
					for i := range y {
						y[i][l] += h * x[i][k]
					}
				})
				if w := want.Virial[k][l]; math.Abs(w+g) > 1e-8 {
					t.Errorf("%s: virial %g, −dE/dε %g", name, w, -g)
				}
			}
		}
	}
}

// The gradient of the weights against differences, for a frame of two molecules.
func TestParamGradient(t *testing.T) {
	for name, d := range designs() {
		m, all := made(t, d)
		p := m.Potential()
		f := &potential.Frame{N: 10, Rows: 10, Home: make([]int32, 10)}
		for k := range 2 {
			for i, z := range m.Z {
				f.X, f.ID, f.Species = append(f.X, all[k][i]), append(f.ID, int64(i+1)), append(f.Species, int32(z))
			}
		}
		weight := make([]float64, 10)
		for i := range weight {
			weight[i] = []float64{0.7, -1.3}[i/5]
		}
		e, dst := make([]float64, 10), make([]float64, m.Parameters())
		if err := p.ParamGradient(f, weight, e, dst); err != nil {
			t.Fatal(err)
		}
		var b potential.Bonds
		value := func() (sum float64) {
			res := potential.Result{Energy: make([]float64, 10), Bonds: &b}
			b.Reset(10)
			if err := p.Compute(f, &res); err != nil {
				t.Fatal(err)
			}
			for i, v := range res.Energy {
				sum += weight[i] * v
			}
			return sum
		}
		diff := potentialtest.Differences{Step: 1e-4, Within: func(_, _ float64) float64 { return 1e-7 }}
		diff.Test(t, name, p.Params(), dst, value)
	}
}

// Which changes leave the energy: the table of the package comment.
func TestSymmetries(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	r := o3.RandomRotation(rng)
	turn := func(sign float64) func(x [3]float64) [3]float64 {
		return func(x [3]float64) (y [3]float64) {
			for k := range y {
				for l := range x {
					y[k] += sign * r[k][l] * x[l]
				}
			}
			return y
		}
	}
	for name, keeps := range map[string][4]bool{ // moved, turned, inverted, two H exchanged
		"raw": {}, "centred": {true, false, false, false}, "unsorted": {true, true, true, false}, "sorted": {true, true, true, true},
	} {
		m, all := made(t, designs()[name])
		x := all[7]
		want := evaluate(t, m, m.Z, x).Energy
		for k, f := range []func(x [3]float64) [3]float64{
			func(x [3]float64) [3]float64 { return [3]float64{x[0] + 3, x[1] - 2, x[2] + 1} }, turn(1), turn(-1), nil} {
			y := slices.Clone(x)
			for i := range y {
				if f != nil {
					y[i] = f(y[i])
				}
			}
			if f == nil {
				y[1], y[4] = y[4], y[1]
			}
			d := math.Abs(evaluate(t, m, m.Z, y).Energy - want)
			if kept := d < 1e-12; kept != keeps[k] {
				t.Errorf("%s, change %d: the energy differs by %g eV", name, k, d)
			}
		}
	}
}

// A molecule about a C3 axis: distance of raw features against the angle has the closed
// form |q(φ) − q(0)| = 2 |sin(φ/2)| √Σ ρ_i², with ρ_i the atoms' distances from the axis.
func TestRawDistance(t *testing.T) {
	z, x := methane()
	m, err := Design{Kind: Raw}.New(z, [][][3]float64{x})
	if err != nil {
		t.Fatal(err)
	}
	a, b := make([]float64, m.Inputs()), make([]float64, m.Inputs())
	features(m, x, a)
	for _, phi := range []float64{0.1, 1, 2, math.Pi} {
		y := slices.Clone(x)
		s2, rho2 := 0.0, 0.0
		for i, v := range y {
			y[i][0], y[i][1] = v[0]*math.Cos(phi)-v[1]*math.Sin(phi), v[0]*math.Sin(phi)+v[1]*math.Cos(phi)
			rho2 += v[0]*v[0] + v[1]*v[1]
		}
		features(m, y, b)
		for k := range a {
			s2 += (a[k] - b[k]) * (a[k] - b[k])
		}
		if got, want := math.Sqrt(s2), 2*math.Sin(phi/2)*math.Sqrt(rho2); math.Abs(got-want) > 1e-14 {
			t.Errorf("φ = %g: distance %v, want %v", phi, got, want)
		}
	}
}

// Distances are by pairs of elements: CH before HH by their numbers (1,1) < (1,6), and
// ascending where sorted.
func TestFeatures(t *testing.T) {
	z, x := methane()
	x[2][0] += 0.1
	for _, sorted := range []bool{false, true} {
		m, err := Design{Kind: Distances, Sorted: sorted}.New(z, [][][3]float64{x})
		if err != nil {
			t.Fatal(err)
		}
		q := make([]float64, m.Inputs())
		features(m, x, q)
		if len(q) != 10 || q[5] < 1.5 || q[6] > 1.2 {
			t.Errorf("distances %v", q)
		}
		if is := slices.IsSorted(q[:6]) && slices.IsSorted(q[6:]); is != sorted {
			t.Errorf("sorted %v: %v", sorted, q)
		}
	}
}

func TestRefuses(t *testing.T) {
	z, x := methane()
	m, err := Design{Kind: Raw}.New(z, [][][3]float64{x})
	if err != nil {
		t.Fatal(err)
	}
	mk := func() potential.Potential { return m.Potential() }
	check := func(err error, want string) {
		t.Helper()
		var r *potential.RefusedError
		if !errors.As(err, &r) || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	_, err = potentialtest.Evaluate(potentialtest.System{Z: z, X: x, Periodic: [3]bool{true, true, true}, Cell: [3][3]float64{{9, 0, 0}, {0, 9, 0}, {0, 0, 9}}}, potentialtest.Setup{}, mk)
	check(err, "periodic system")
	_, err = potentialtest.Evaluate(potentialtest.System{Z: z[:4], X: x[:4]}, potentialtest.Setup{}, mk)
	check(err, "this rank has 4 atoms: the model sees a molecule of 5 atoms whole")
	_, err = potentialtest.Evaluate(potentialtest.System{Z: []int{1, 1, 6, 1, 1}, X: x}, potentialtest.Setup{}, mk)
	check(err, "its slot is for element 6")
	two := slices.Clone(x)
	for _, v := range x {
		two = append(two, [3]float64{v[0] + 5, v[1], v[2]})
	}
	_, err = potentialtest.Evaluate(potentialtest.System{Z: append(slices.Clone(z), z...), X: two}, potentialtest.Setup{}, mk)
	check(err, "numbered from 1")
	check(m.Potential().Admits([3]bool{}, 2), "2 ranks")
	check(m.Potential().Admits([3]bool{true}, 1), "periodic")
	if err := m.Potential().Admits([3]bool{}, 1); err != nil {
		t.Error(err)
	}
	check(m.Serves(z[:4], [3]bool{}), "4 atoms")
	check(m.Serves([]int{1, 6, 1, 1, 1}, [3]bool{}), "atom 1 is H and should be C")
	for _, d := range []Design{{Kind: "x"}, {Kind: Raw, Sorted: true}, {Kind: Distances, Centred: true}, {Kind: Raw, Hidden: []int{0}}, {Kind: Raw, Shift: math.NaN()}} {
		if _, err := d.New(z, [][][3]float64{x}); err == nil {
			t.Errorf("%+v is not refused", d)
		}
	}
}

// weights are tensors by name.
type weights []potential.Param

func (w weights) Names() []string { return nil }
func (w weights) Tensor(name string) ([]int, []float32, bool) {
	return nil, nil, false
}
func (w weights) Tensor64(name string) ([]int, []float64, bool) {
	for _, p := range w {
		if p.Name == name {
			return p.Shape, p.Value, true
		}
	}
	return nil, nil, false
}

func TestFile(t *testing.T) {
	for name, d := range designs() {
		m, all := made(t, d)
		cfg := m.Config()
		again, err := Read(cfg, weights(m.Tensors()))
		if err != nil {
			t.Fatal(err)
		}
		if a, b := evaluate(t, m, m.Z, all[0]).Energy, evaluate(t, again, m.Z, all[0]).Energy; a != b {
			t.Errorf("%s: energy %v, read again %v", name, a, b)
		}
		for key := range cfg {
			was := cfg[key]
			cfg[key] = complex(1, 1)
			if _, err := Read(cfg, weights(m.Tensors())); err == nil {
				t.Errorf("%s: a config whose %v is no such value is not refused", name, key)
			}
			cfg[key] = was
		}
		if _, err := Read(cfg, weights(m.Tensors()[1:])); err == nil {
			t.Errorf("%s: a missing tensor is not refused", name)
		}
	}
}

func TestAllocations(t *testing.T) {
	for name, d := range designs() {
		m, all := made(t, d)
		p := m.Potential()
		f := &potential.Frame{N: 5, Rows: 5, Home: make([]int32, 5), X: all[0]}
		for i, z := range m.Z {
			f.ID, f.Species = append(f.ID, int64(i+1)), append(f.Species, int32(z))
		}
		var b potential.Bonds
		b.Reset(5)
		res := potential.Result{Energy: make([]float64, 5), Bonds: &b}
		if n := testing.AllocsPerRun(5, func() { _ = p.Compute(f, &res) }); n > 0 {
			t.Errorf("%s: Compute allocates %v times", name, n)
		}
	}
}
