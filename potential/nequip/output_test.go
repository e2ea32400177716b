package nequip_test

import (
	"math"
	"math/rand/v2"
	"strings"
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
		a := potentialtest.Outputs(t, s, potentialtest.Setup{}, mk)
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
			b := potentialtest.Outputs(t, mapped(s, func(x [3]float64) [3]float64 {
				y := turn(R, x)
				for k := range y {
					y[k] += shift[k]
				}
				return y
			}), potentialtest.Setup{}, mk)
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
		for _, x := range potentialtest.Outputs(t, s, potentialtest.Setup{}, func() potential.Potential { return net }) {
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
		g := differences().Trainable(t, out.String(), s, func() potential.Trainable { return tensorNet[float64](t, d) }, 4, 1e-9)
		for _, p := range tensorNet[float64](t, d).Params() {
			for k := range p.Value {
				if strings.HasSuffix(p.Name, ".shift") && g[k] != 0 {
					t.Errorf("%s: the shift has a gradient", out)
				}
			}
			g = g[len(p.Value):]
		}
	}
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
