package nequip_test

import (
	"math"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/io/torch"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/mpnn"
	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

func trainee[T kernel.Float](t *testing.T, path string) *nequip.Trainee[T] {
	t.Helper()
	ck, err := torch.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	out, err := nequip.NewTrainee[T](ck.Config, ck.Weights())
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// learnSystem is a small periodic crystal with every element of the model, atoms at
// random, none closer than 1.6 Å.
func learnSystem(elements []int) potentialtest.System {
	rng := rand.New(rand.NewPCG(7, 1))
	s := potentialtest.System{Cell: [3][3]float64{{6.5, 0, 0}, {1, 6, 0}, {0, -0.5, 7}}, Periodic: [3]bool{true, true, true}}
	for i := range 2 {
		for j := range 2 {
			for k := range 2 {
				u := [3]float64{float64(i) / 2, float64(j) / 2, float64(k) / 2}
				var x [3]float64
				for a := range x {
					for b := range x {
						x[b] += u[a] * s.Cell[a][b]
					}
				}
				for a := range x {
					x[a] += 0.3 * rng.NormFloat64()
				}
				s.X = append(s.X, x)
				s.Z = append(s.Z, elements[len(s.Z)%len(elements)])
			}
		}
	}
	return s
}

// trainable are the checkpoints of networks that can be trained; the others are refused.
func trainable(t *testing.T) (paths []string) {
	t.Helper()
	for _, path := range tiny(t) {
		switch base := filepath.Base(path); {
		case strings.HasPrefix(base, "new-bias"), strings.HasPrefix(base, "new-readout"), strings.HasPrefix(base, "new-modal"):
			ck, err := torch.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			_, err = nequip.NewTrainee[float64](ck.Config, ck.Weights())
			check(t, base, err, []string{"nequip: "})
			ck.Close()
		default:
			paths = append(paths, path)
		}
	}
	return paths
}

// The bar is 1e-6 of the group's size; the energy of 8 atoms, and a sum of outputs
// of size 1, are rounded at 1e-15 of some 10 eV, a step of 1e-4 makes 1e-10 of it.
func differences() potentialtest.Differences {
	return potentialtest.Differences{Step: 1e-4, Each: 3, Within: func(_, largest float64) float64 { return 1e-6*largest + 1e-9 }}
}

// Every tensor's gradient against central differences of the energy itself, in double
// precision; the same on four ranks; single precision beside it.
func TestParamGradient(t *testing.T) {
	for n, path := range trainable(t) {
		if testing.Short() && n%3 != 0 {
			continue
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".pth"), func(t *testing.T) {
			net := trainee[float64](t, path)
			s := learnSystem(net.Model().Elements())
			g := differences().Trainable(t, path, s, func() potential.Trainable { return trainee[float64](t, path) }, 4, 1e-9)
			single := potentialtest.ParamGradient(t, s, potentialtest.Setup{}, func() potential.Trainable { return trainee[float32](t, path) })
			for _, p := range net.Params() {
				var dot, aa, bb float64
				for k := range p.Value {
					v, w := g[k], single[k]
					dot, aa, bb = dot+v*w, aa+v*v, bb+w*w
				}
				if aa > 0 && dot < 0.9999*math.Sqrt(aa*bb) {
					t.Errorf("%s: cosine of single and double precision %.7f", p.Name, dot/math.Sqrt(aa*bb))
				}
				g, single = g[len(p.Value):], single[len(p.Value):]
			}
		})
	}
}

// A trainee gives what the model it was read from gives, but for the spline: its radial
// functions deviate by some 1e-6 of their size (nequip.RadialError), and that moves
// forces of a few eV/Å by some 1e-5 eV/Å.
func TestTraineeComputes(t *testing.T) {
	for _, path := range trainable(t) {
		net := trainee[float64](t, path)
		s := learnSystem(net.Model().Elements())
		m := openFile(t, path)
		want, err := potentialtest.Evaluate(s, potentialtest.Setup{}, func() potential.Potential { return nequip.New64(m) })
		if err != nil {
			t.Fatal(err)
		}
		got, err := potentialtest.Evaluate(s, potentialtest.Setup{}, func() potential.Potential { return net })
		if err != nil {
			t.Fatal(err)
		}
		if d := math.Abs(got.Energy - want.Energy); d > 1e-5*float64(len(s.X)) {
			t.Errorf("%s: energies differ by %g eV", path, d)
		}
		for i, f := range got.Forces {
			for k := range f {
				if d := math.Abs(f[k] - want.Forces[i][k]); d > 1e-4 {
					t.Errorf("%s: force %d differs by %g eV/Å", path, i, d)
				}
			}
		}
	}
}

// Gradients that travel home while those of the interior are made are the same within
// rounding, in every memory mode.
func TestLearnWithInterior(t *testing.T) {
	for _, path := range trainable(t)[:2] {
		net := trainee[float64](t, path)
		s := learnSystem(net.Model().Elements()).Repeat([3]int{4, 4, 5}) // 27 blocks
		mk := func() potential.Trainable { return net }
		want := potentialtest.ParamGradient(t, s, potentialtest.Setup{}, mk)
		largest := 0.0
		for _, v := range want {
			largest = max(largest, math.Abs(v))
		}
		for _, mode := range []mpnn.Memory{mpnn.Normal, mpnn.Lean, mpnn.Low} {
			net.Memory = mode
			for _, border := range []int{2, 4} {
				for k, v := range potentialtest.ParamGradient(t, s, potentialtest.Setup{Border: border}, mk) {
					if d := math.Abs(v - want[k]); !(d <= 1e-12*largest) {
						t.Fatalf("%s, mode %d, one block in %d border: number %d of the gradient is %g, want %g", path, mode, border, k, v, want[k])
					}
				}
			}
		}
		net.Memory = mpnn.Normal
	}
}
