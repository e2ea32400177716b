package pair_test

import (
	"math"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/pair"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

func must(t *testing.T, shift bool, table ...pair.Parameters) func() potential.Potential {
	t.Helper()
	if _, err := pair.NewLennardJones(table, shift); err != nil {
		t.Fatal(err)
	}
	return func() potential.Potential {
		p, err := pair.NewLennardJones(table, shift)
		if err != nil {
			panic(err)
		}
		return p
	}
}

// Two elements of unlike size, wells of about an electronvolt so that errors of
// sign or factor are far above every tolerance.
var twoElements = []pair.Parameters{
	{Z: [2]int{11, 11}, Epsilon: 0.4, Sigma: 2.1, Cutoff: 5},
	{Z: [2]int{11, 17}, Epsilon: 0.9, Sigma: 1.9, Cutoff: 4.5},
	{Z: [2]int{17, 17}, Epsilon: 0.6, Sigma: 2.0, Cutoff: 5.2},
}

// At the largest cutoff only the pair 17-17 has an edge. With q = (2/5.2)⁶ =
// 0.0032373 its slope there is (24·0.6/5.2)(q − 2q²) = 0.00891 eV/Å.
func TestSuite(t *testing.T) {
	potentialtest.Run(t, must(t, true, twoElements...), potentialtest.Options{Elements: []int{11, 17}, ForceJump: 0.0090})
}

// Without the shift the energy jumps too, by 4·0.6·(q − q²) = 0.00774 eV.
func TestSuiteWithoutShift(t *testing.T) {
	potentialtest.Run(t, must(t, false, twoElements...), potentialtest.Options{Elements: []int{11, 17}, ForceJump: 0.0090, EnergyJump: 0.0078})
}

// By hand: u(σ) = 0 with slope −24ε/σ; u(2^⅙σ) = −ε without slope; at r = 2σ,
// (σ/r)⁶ = 1/64, so u = 4ε(1/4096 − 1/64) = −63ε/1024 and
// u′ = (24ε/r)(1/64 − 2/4096) = 93ε/(512σ).
func TestDimerByHand(t *testing.T) {
	const eps, sigma = 0.0103, 3.4
	mk := must(t, false, pair.Parameters{Z: [2]int{18, 18}, Epsilon: eps, Sigma: sigma, Cutoff: 8.5})
	for _, c := range []struct{ r, u, du float64 }{
		{sigma, 0, -24 * eps / sigma},
		{math.Pow(2, 1.0/6) * sigma, -eps, 0},
		{2 * sigma, -63 * eps / 1024, 93 * eps / (512 * sigma)},
		{8.5, 0, 0},
	} {
		o, err := potentialtest.Evaluate(potentialtest.System{Z: []int{18, 18}, X: [][3]float64{{0, 0, 0}, {0, c.r, 0}}}, potentialtest.Setup{}, mk)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range []float64{o.Energy - c.u, o.Energies[0] - c.u/2, o.Forces[1][1] + c.du, o.Forces[0][1] - c.du, o.Virial[1][1] + c.du*c.r} {
			if math.Abs(d) > 1e-15 {
				t.Errorf("r = %g: E = %v, E_i = %v, F = %v, W = %v; want u = %v, u′ = %v", c.r, o.Energy, o.Energies, o.Forces, o.Virial, c.u, c.du)
			}
		}
	}
}

// The shift takes u(r_c) from every pair within the cutoff.
func TestShift(t *testing.T) {
	p := pair.Parameters{Z: [2]int{18, 18}, Epsilon: 1, Sigma: 1, Cutoff: 2}
	o, err := potentialtest.Evaluate(potentialtest.System{Z: []int{18, 18}, X: [][3]float64{{}, {1, 0, 0}}}, potentialtest.Setup{}, must(t, true, p))
	if err != nil {
		t.Fatal(err)
	}
	if want := 63.0 / 1024; math.Abs(o.Energy-want) > 1e-15 { // −u(2σ), as above
		t.Errorf("energy %v, want %v", o.Energy, want)
	}
}

// The lattice sums of the fcc crystal, A6 = 14.45392 and A12 = 12.13188
// (J. E. Jones and A. E. Ingham, Proc. R. Soc. Lond. A 107, 636 (1925)), give
// E/N = 2ε[A12 (σ/d)¹² − A6 (σ/d)⁶]. With a cutoff of 12 d what lies beyond, 4π√2/(3·12³)
// of (σ/d)⁶ in A6, is added.
func TestLatticeSums(t *testing.T) {
	const d, rc = 1.09, 12 * 1.09
	h := d / math.Sqrt2
	mk := must(t, false, pair.Parameters{Z: [2]int{10, 10}, Epsilon: 1, Sigma: 1, Cutoff: rc})
	o, err := potentialtest.Evaluate(potentialtest.System{
		Cell: [3][3]float64{{0, h, h}, {h, 0, h}, {h, h, 0}}, Periodic: [3]bool{true, true, true},
		Z: []int{10}, X: [][3]float64{{}},
	}, potentialtest.Setup{}, mk)
	if err != nil {
		t.Fatal(err)
	}
	s6 := math.Pow(d, -6)
	beyond := 4 * math.Pi * math.Sqrt2 / (3 * 12 * 12 * 12)
	want := 2 * (12.13188*s6*s6 - (14.45392-beyond)*s6)
	if math.Abs(o.Energy-want) > 3e-5*math.Abs(want) {
		t.Errorf("energy per atom %v ε, want %v ε", o.Energy, want)
	}
}

func TestBadTables(t *testing.T) {
	ok := pair.Parameters{Z: [2]int{1, 1}, Epsilon: 1, Sigma: 1, Cutoff: 2}
	with := func(f func(*pair.Parameters)) pair.Parameters { p := ok; f(&p); return p }
	for name, c := range map[string]struct {
		table []pair.Parameters
		want  string
	}{
		"empty":    {nil, "empty"},
		"twice":    {[]pair.Parameters{ok, ok}, "twice"},
		"missing":  {[]pair.Parameters{ok, with(func(p *pair.Parameters) { p.Z = [2]int{2, 2} })}, "1-2"},
		"element":  {[]pair.Parameters{with(func(p *pair.Parameters) { p.Z[0] = 0 })}, "atomic number"},
		"epsilon":  {[]pair.Parameters{with(func(p *pair.Parameters) { p.Epsilon = -1 })}, "epsilon"},
		"sigma":    {[]pair.Parameters{with(func(p *pair.Parameters) { p.Sigma = math.NaN() })}, "sigma"},
		"cutoff":   {[]pair.Parameters{with(func(p *pair.Parameters) { p.Cutoff = math.Inf(1) })}, "cutoff"},
		"negative": {[]pair.Parameters{with(func(p *pair.Parameters) { p.Z[1] = -3 })}, "atomic number"},
	} {
		if _, err := pair.NewLennardJones(c.table, false); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}
