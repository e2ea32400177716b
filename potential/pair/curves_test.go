package pair_test

import (
	"math"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/pair"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

func curves(t *testing.T, c *pair.Curves, err error) func() potential.Potential {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return func() potential.Potential { return c.Evaluator() }
}

// dimer is the energy of two atoms and the force on the second along the bond.
func dimer(t *testing.T, mk func() potential.Potential, a, b int, r float64) (u, f float64) {
	t.Helper()
	o, err := potentialtest.Evaluate(potentialtest.System{Z: []int{a, b}, X: [][3]float64{{}, {0, 0, r}}}, potentialtest.Setup{}, mk)
	if err != nil {
		t.Fatal(err)
	}
	return o.Energy, o.Forces[1][2]
}

func TestMorseSuite(t *testing.T) {
	c, err := pair.NewMorse([]pair.Morse{
		{Z: [2]int{29, 29}, Depth: 0.3429, Alpha: 1.3588, R0: 2.866, Cutoff: 5.5, Switch: 4},
		{Z: [2]int{29, 79}, Depth: 0.4, Alpha: 1.4, R0: 2.9, Cutoff: 5, Switch: 4.5},
		{Z: [2]int{79, 79}, Depth: 0.4753, Alpha: 1.5830, R0: 3.0242, Cutoff: 5.5, Switch: 3},
	})
	// The third derivative jumps where the switch begins and ends.
	potentialtest.Run(t, curves(t, c, err), potentialtest.Options{Elements: []int{29, 79}, Difference: 1e-5})
}

func TestZBLSuite(t *testing.T) {
	c, err := pair.NewZBL([]int{6, 74}, 1.5, 3.5)
	potentialtest.Run(t, curves(t, c, err), potentialtest.Options{Elements: []int{6, 74}, MinDistance: 1.2, Difference: 1e-5})
}

func TestSwitchedLennardJonesSuite(t *testing.T) {
	var table []pair.Parameters
	for _, p := range twoElements {
		p.Switch = p.Cutoff - 1
		table = append(table, p)
	}
	potentialtest.Run(t, must(t, false, table...), potentialtest.Options{Elements: []int{11, 17}, Difference: 1e-5})
}

// By hand: u(r0) = −D without slope; where e^{−α(r−r0)} = 2, u = 0 with the
// slope 2Dα·2·(1−2) = −4Dα. Without a switch u ends as it is.
func TestMorseByHand(t *testing.T) {
	const d, alpha, r0 = 0.5, 1.25, 2.5
	c, err := pair.NewMorse([]pair.Morse{{Z: [2]int{29, 29}, Depth: d, Alpha: alpha, R0: r0, Cutoff: 6}})
	mk := curves(t, c, err)
	for _, x := range []struct{ r, u, f float64 }{{r0, -d, 0}, {r0 - math.Ln2/alpha, 0, 4 * d * alpha}, {6, 0, 0}} {
		if u, f := dimer(t, mk, 29, 29, x.r); math.Abs(u-x.u)+math.Abs(f-x.f) > 1e-14 {
			t.Errorf("r = %g: energy %v, force %v; want %v, %v", x.r, u, f, x.u, x.f)
		}
	}
}

// Up to where the switch begins forces are those without it; at the cutoff energy,
// slope and curvature vanish, so that just before it, at a distance h, u = o(h²)
// and u′ = o(h).
func TestSwitch(t *testing.T) {
	one := pair.Morse{Z: [2]int{29, 29}, Depth: 0.34, Alpha: 1.36, R0: 2.87, Cutoff: 5.5}
	c, err := pair.NewMorse([]pair.Morse{one})
	plain := curves(t, c, err)
	one.Switch = 4
	c, err = pair.NewMorse([]pair.Morse{one})
	switched := curves(t, c, err)
	for _, r := range []float64{2, 3, 3.999} {
		if _, a := dimer(t, plain, 29, 29, r); true {
			if _, b := dimer(t, switched, 29, 29, r); math.Abs(a-b) > 1e-14 {
				t.Errorf("r = %g: force %v, with a switch %v", r, a, b)
			}
		}
	}
	for _, h := range []float64{1e-2, 1e-3} {
		u, f := dimer(t, switched, 29, 29, 5.5-h)
		if math.Abs(u) > h*h*h || math.Abs(f) > 3*h*h || u == 0 {
			t.Errorf("%g before the cutoff: energy %v, force %v", h, u, f)
		}
	}
	lj := pair.Parameters{Z: [2]int{18, 18}, Epsilon: 0.01, Sigma: 3.4, Cutoff: 8.5, Switch: 7}
	for _, h := range []float64{1e-2, 1e-3} {
		u, f := dimer(t, must(t, false, lj), 18, 18, 8.5-h)
		if math.Abs(u) > 1e-3*h*h*h || math.Abs(f) > 3e-3*h*h || u == 0 {
			t.Errorf("Lennard-Jones, %g before the cutoff: energy %v, force %v", h, u, f)
		}
	}
}

// zblEnergy (eV) and zblForce (eV/Å) are of two silicon atoms at 1 Å by LAMMPS
// (29 Sep 2021), pair_style zbl 2.0 2.5.
const zblEnergy, zblForce = 49.7498550892806, 189.79621942624

// At vanishing distance φ → Σ c = 1, and u → e²/4πε₀ Z²/r, but for the 2 % that
// screening takes at 0.001 Å. LAMMPS rounds e²/4πε₀ to 14.399645.
func TestZBLByHand(t *testing.T) {
	c, err := pair.NewZBL([]int{14}, 2, 2.5)
	mk := curves(t, c, err)
	u, _ := dimer(t, mk, 14, 14, 1e-3)
	if want := 14.3996454784 * 196 / 1e-3; math.Abs(u/want-1) > 0.02 {
		t.Errorf("energy at 0.001 Å: %v, of bare nuclei %v", u, want)
	}
	if u, f := dimer(t, mk, 14, 14, 1); math.Abs(u/zblEnergy-1) > 1e-7 || math.Abs(f/zblForce-1) > 1e-7 {
		t.Errorf("at 1 Å: energy %.12g, force %.12g; LAMMPS %.12g, %.12g", u, f, zblEnergy, zblForce)
	}
}

func TestBadCurves(t *testing.T) {
	ok := pair.Morse{Z: [2]int{1, 1}, Depth: 1, Alpha: 1, R0: 1, Cutoff: 2}
	for want, f := range map[string]func(*pair.Morse){
		"depth": func(m *pair.Morse) { m.Depth = 0 }, "alpha": func(m *pair.Morse) { m.Alpha = math.NaN() },
		"r0": func(m *pair.Morse) { m.R0 = -1 }, "cutoff": func(m *pair.Morse) { m.Cutoff = math.Inf(1) },
		"switch": func(m *pair.Morse) { m.Switch = 2 }, "begins": func(m *pair.Morse) { m.Switch = -1 },
		"atomic number": func(m *pair.Morse) { m.Z[1] = 0 },
	} {
		m := ok
		f(&m)
		if _, err := pair.NewMorse([]pair.Morse{m}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
	for _, c := range []struct {
		zs            []int
		inner, cutoff float64
	}{{[]int{0}, 1, 2}, {[]int{14}, 0, 2}, {[]int{14}, 2, 2}, {nil, 1, 2}, {[]int{14, 14}, 1, 2}} {
		if _, err := pair.NewZBL(c.zs, c.inner, c.cutoff); err == nil {
			t.Errorf("ZBL %v: no error", c)
		}
	}
}
