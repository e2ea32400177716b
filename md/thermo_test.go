package md

import (
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/wigner-md/wigner/comm"
)

// The constants from CODATA 2018: 1 fs = 1e-15 s / √(u Å²/eV).
func TestUnits(t *testing.T) {
	fs := 1e-15 / (1e-10 * math.Sqrt(1.66053906660e-27/1.602176634e-19))
	if math.Abs(Femtosecond/fs-1) > 1e-15 {
		t.Errorf("Femtosecond = %.17g, want %.17g", Femtosecond, fs)
	}
	// CODATA's own rounding of k in eV/K: 8.617333262…e-5.
	if math.Abs(KB-8.617333262e-5) > 1e-14 {
		t.Errorf("KB = %.17g", KB)
	}
}

// Velocities have exactly the temperature and no momentum, and the same bits on
// any ranks; each component is distributed as Maxwell and Boltzmann say
// (Kolmogorov–Smirnov at 0.1 %).
func TestSetVelocities(t *testing.T) {
	var ref [][3]float64
	for _, ranks := range []int{1, 3, 8} {
		on(t, ranks, func(c comm.Comm) error {
			s := newSim(t, c, 8) // 2048 atoms
			if err := s.SetVelocities(300, 11); err != nil {
				return err
			}
			if err := s.Evaluate(); err != nil {
				return err
			}
			th, err := s.Thermo()
			if err != nil {
				return err
			}
			if math.Abs(th.Temperature-300) > 1e-9 || s.Freedom() != 3*2048-3 {
				t.Errorf("temperature %.15g, %d degrees of freedom", th.Temperature, s.Freedom())
			}
			tb, err := all(s)
			if err != nil || c.Rank() > 0 {
				return err
			}
			var p [3]float64
			for _, v := range tb.V {
				for k := range p {
					p[k] += 39.948 * v[k]
				}
			}
			if m := max(math.Abs(p[0]), math.Abs(p[1]), math.Abs(p[2])); m > 1e-11 {
				t.Errorf("momentum %v", p)
			}
			if ref == nil {
				ref = tb.V
			}
			if !slices.Equal(ref, tb.V) {
				t.Errorf("%d ranks give other bits", ranks)
			}
			return nil
		})
	}
	sigma := math.Sqrt(KB * 300 / 39.948)
	for k := range 3 {
		var x []float64
		for _, v := range ref {
			x = append(x, v[k])
		}
		if d, limit := kolmogorov(x, distuv.Normal{Mu: 0, Sigma: sigma}.CDF), 1.95/math.Sqrt(float64(len(x))); d > limit {
			t.Errorf("component %d: deviation %g, limit %g", k, d, limit)
		}
	}
}

// kolmogorov is the largest distance between the distribution of x and cdf.
func kolmogorov(x []float64, cdf func(float64) float64) (d float64) {
	slices.Sort(x)
	n := float64(len(x))
	for i, v := range x {
		c := cdf(v)
		d = max(d, c-float64(i)/n, float64(i+1)/n-c)
	}
	return d
}

// Langevin's kinetic energy has the canonical distribution: K/kT is gamma
// distributed with shape 3N/2. Samples are 60 steps of γ dt = 0.1 apart, which
// leaves a correlation of e^{−12}; ω dt is below 0.04, so that the integrator's
// own bias, (ω dt)²/4 against a width of 14 %, is invisible. The critical value
// 1.95/√n is that of 0.1 %. A temperature 6 % off must fail.
func TestLangevinIsCanonical(t *testing.T) {
	if testing.Short() {
		t.Skip("a long run of one rank")
	}
	const temperature, samples, apart = 80.0, 500, 60
	var k []float64
	atoms := 0
	on(t, 1, func(c comm.Comm) error {
		s := newSim(t, c, 2)
		s.Dt = 5 * Femtosecond
		s.Integrator = Langevin{Temperature: temperature, Friction: 0.02 / Femtosecond, Seed: 99}
		if err := s.Run(500); err != nil {
			return err
		}
		for range samples {
			if err := s.Run(apart); err != nil {
				return err
			}
			th, err := s.Thermo()
			if err != nil {
				return err
			}
			if c.Rank() == 0 {
				k = append(k, th.Kinetic/KB)
				atoms = int(th.Atoms)
			}
		}
		return nil
	})
	gamma := func(temperature float64) func(float64) float64 {
		return distuv.Gamma{Alpha: 1.5 * float64(atoms), Beta: 1 / temperature}.CDF
	}
	limit := 1.95 / math.Sqrt(samples)
	d, off := kolmogorov(k, gamma(temperature)), kolmogorov(k, gamma(1.06*temperature))
	t.Logf("Kolmogorov–Smirnov distance %.3f (limit %.3f), at 6 %% more temperature %.3f", d, limit, off)
	if d > limit {
		t.Errorf("distance from the canonical distribution %.3f, limit %.3f", d, limit)
	}
	if off < limit {
		t.Errorf("the test would not notice 6 %% of temperature: distance %.3f", off)
	}
}

// A harmonic oscillator in BAOAB: ⟨x²⟩ = kT/k whatever the timestep, here
// ω dt = 1 (Leimkuhler & Matthews 2013, section 4), where most other splittings are
// off by ω²dt²/4 = 25 %. Five standard errors, for samples every 4 steps.
func TestLangevinConfigurations(t *testing.T) {
	if testing.Short() {
		t.Skip("a long run of one rank")
	}
	on(t, 1, func(c comm.Comm) error {
		s := newSim(t, c, 1)
		spring := &tether{k: 5}
		for _, x := range s.Atoms.X {
			x, _ = s.Cell.Wrap(x) // as the first evaluation will
			spring.at = append(spring.at, x)
		}
		s.Potential, s.Skin = spring, 3
		omega := math.Sqrt(5 / 39.948)
		s.Dt = 1 / omega
		s.Integrator = Langevin{Temperature: 50, Friction: omega, Seed: 3}
		if err := s.Run(100); err != nil {
			return err
		}
		sum, n := 0.0, 0.0
		for range 5000 {
			if err := s.Run(4); err != nil {
				return err
			}
			for i, x := range s.Atoms.X[:s.Atoms.N] {
				for k := range x {
					sum += math.Pow(x[k]-spring.at[s.Atoms.ID[i]-1][k], 2)
					n++
				}
			}
		}
		got := sum / n / (KB * 50 / 5)
		t.Logf("⟨x²⟩ is %.4f of kT/k", got)
		if math.Abs(got-1) > 5*math.Sqrt(2/n) {
			t.Errorf("⟨x²⟩ is %.4f of kT/k", got)
		}
		return nil
	})
}

// The pressure of free particles is Σ m v⊗v / V; a cell with a missing vector has none.
func TestPressureOfFreeParticles(t *testing.T) {
	on(t, 2, func(c comm.Comm) error {
		s := newSim(t, c, 2)
		s.Potential = &tether{}
		if err := s.Run(1); err != nil {
			return err
		}
		th, err := s.Thermo()
		if err != nil {
			return err
		}
		want := 2 * th.Kinetic / (3 * th.Volume)
		if math.Abs(th.Pressure()/want-1) > 1e-12 || th.Volume != math.Pow(2*5.26, 3) {
			t.Errorf("pressure %g, want %g", th.Pressure(), want)
		}
		// 32 atoms at 40 K in that volume, with 31/32 for the momentum: ideal gas in bar.
		if bar := th.Pressure() * Bar; math.Abs(bar-31*1.380649e-23*40/(math.Pow(2*5.26e-10, 3))/1e5) > 1e-6*bar {
			t.Errorf("pressure %g bar", bar)
		}
		return nil
	})
}
