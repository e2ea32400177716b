package ensemble

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/wigner-md/wigner/md"
)

// long multiplies the lengths of the runs, and adds ranks, under WIGNER_LONG=1.
func long() (times int64, ranks []int) {
	if os.Getenv("WIGNER_LONG") == "1" {
		return 20, []int{1, 4}
	}
	return 1, []int{1}
}

// sample is one quantity every n steps, the first tenth left out.
func (u *setup) sample(t *testing.T, steps int64, n int, of func(x *md.Thermo) float64) (out []float64) {
	u.run(t, steps, n, func(x md.Thermo, _ *md.Sim) {
		if x.Step > steps/10 {
			out = append(out, of(&x))
		}
	})
	return out
}

// inefficiency is how many samples of a series count as one: 1 + 2 Σ ρ, summed over
// pairs of neighbouring lags to the first that is not positive: volumes swing, and
// single correlations change sign (C. J. Geyer, Stat. Sci. 7, 473 (1992), section 3.3).
func inefficiency(x []float64) float64 {
	n, mean, v := len(x), 0.0, 0.0
	for _, y := range x {
		mean += y / float64(n)
	}
	for _, y := range x {
		v += (y - mean) * (y - mean)
	}
	rho := func(lag int) float64 {
		c := 0.0
		for i := range n - lag {
			c += (x[i] - mean) * (x[i+lag] - mean)
		}
		return c / v
	}
	g := -1.0
	for lag := 0; lag < n/3; lag += 2 {
		pair := rho(lag) + rho(lag+1)
		if pair <= 0 {
			break
		}
		g += 2 * pair
	}
	return max(g, 1)
}

// kolmogorov is the probability of a distance like that of the samples from the
// distribution or a larger one, for as many independent samples as they count for
// (M. A. Stephens, J. R. Stat. Soc. B 32, 115 (1970): its approximation).
func kolmogorov(x []float64, cdf func(float64) float64) (p, d float64) {
	s := slices.Clone(x)
	slices.Sort(s)
	n := float64(len(s))
	for i, y := range s {
		d = max(d, cdf(y)-float64(i)/n, float64(i+1)/n-cdf(y))
	}
	m := math.Sqrt(n / inefficiency(x))
	l := (m + 0.12 + 0.11/m) * d
	for k := 1; k < 100; k++ {
		p += 2 * math.Pow(-1, float64(k-1)) * math.Exp(-2*float64(k*k)*l*l)
	}
	return min(1, max(0, p)), d
}

// ratio is s and its standard error in ln p₂(x)/p₁(x) = c + s x, of two series; the
// error is the larger of two: that of the likelihood for as many samples as are
// independent, and that of the jackknife over blocks, which knows that s depends on means
// and spreads, whose samples are not equally correlated, but is itself known to 16 %.
func ratio(x1, x2 []float64) (s, err float64) {
	const blocks = 20
	without := func(x []float64, k int) []float64 {
		n := len(x)
		return slices.Concat(x[:n*k/blocks], x[n*(k+1)/blocks:])
	}
	var left []float64
	for k := range blocks {
		s, _ := slope(without(x1, k), without(x2, k))
		left = append(left, s)
	}
	_, sd := stat.PopMeanStdDev(left, nil)
	s, err = slope(x1, x2)
	g := (inefficiency(x1) + inefficiency(x2)) / 2
	return s, max(err*math.Sqrt(g), sd*math.Sqrt(blocks-1))
}

// slope is s of ratio: the maximum of the likelihood (M. R. Shirts, J. Chem. Theory
// Comput. 9, 909 (2013)), and its error for independent samples.
func slope(x1, x2 []float64) (s, err float64) {
	all := slices.Concat(x1, x2)
	mean, sd := stat.PopMeanStdDev(all, nil)
	c := math.Log(float64(len(x2)) / float64(len(x1)))
	var a, b, haa, hab, hbb float64
	for range 50 {
		var ga, gb float64
		haa, hab, hbb = 0, 0, 0
		for i, x := range all {
			z, y := (x-mean)/sd, 0.0
			if i >= len(x1) {
				y = 1
			}
			p := 1 / (1 + math.Exp(-(c + a + b*z)))
			ga, gb = ga+y-p, gb+(y-p)*z
			w := p * (1 - p)
			haa, hab, hbb = haa+w, hab+w*z, hbb+w*z*z
		}
		d := haa*hbb - hab*hab
		da, db := (ga*hbb-gb*hab)/d, (gb*haa-ga*hab)/d
		a, b = a+da, b+db
		if math.Abs(da)+math.Abs(db) < 1e-12 {
			break
		}
	}
	return b / sd, math.Sqrt(haa/(haa*hbb-hab*hab)) / sd
}

// The error that ratio gives is the spread of its slopes, for series that swing as
// volumes do.
func TestRatio(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	// Autoregression of second order with poles r e^{±iθ}; its variance by Box, Jenkins,
	// Reinsel, Time Series Analysis (1994), eq. 3.2.28.
	const r, theta = 0.8, 2.0
	f1, f2 := 2*r*math.Cos(theta), -r*r
	spread := math.Sqrt((1 - f2) / (1 + f2) / ((1-f2)*(1-f2) - f1*f1))
	series := func(at float64) []float64 {
		x := make([]float64, 3000)
		var a, b float64
		for i := range x {
			a, b = f1*a+f2*b+rng.NormFloat64(), a
			x[i] = at + a/spread
		}
		return x[200:]
	}
	var slopes, errs []float64
	for range 60 {
		s, e := ratio(series(0), series(2)) // unit spreads: the slope is 2
		slopes, errs = append(slopes, s), append(errs, e)
	}
	mean, sd := stat.MeanStdDev(slopes, nil)
	said := stat.Mean(errs, nil)
	t.Logf("slope %.4f ± %.4f, said ± %.4f; 2 is right", mean, sd, said)
	// 60 slopes: their mean is known to sd/√60, their spread to 9 %.
	if math.Abs(mean-2) > 4*sd/math.Sqrt(60) || math.Abs(said/sd-1) > 0.36 {
		t.Errorf("slope %.4f ± %.4f, said ± %.4f; 2 is right", mean, sd, said)
	}
}

// The kinetic energy of argon under each bath has the canonical distribution,
// Γ(N_f/2, kT), at constant volume and under each piston.
func TestKineticEnergy(t *testing.T) {
	if testing.Short() {
		t.Skip("statistics")
	}
	times, ranks := long()
	for _, r := range ranks {
		for i, c := range [][2]string{{"chain", "none"}, {"csvr", "none"}, {"local", "rescale"}, {"local", "none"}, {"csvr", "mtk"}, {"chain", "mtk"}} {
			if times == 1 && i > 2 {
				continue
			}
			t.Run(fmt.Sprint(c, r), func(t *testing.T) {
				u := setup{ranks: r, seed: seedOf("kinetic", c, r), cells: 2, a: 5.7, kelvin: 90, dt: 5, motion: func() md.Integrator {
					return motion(90, c[0], c[1], isotropic, hydro(0.05*gpa), 50, 500)
				}}
				freedom := 93.0
				if c[0] == "local" {
					freedom = 96
				}
				x := u.sample(t, 16000*times, 50, func(x *md.Thermo) float64 { return x.Kinetic })
				p, d := kolmogorov(x, distuv.Gamma{Alpha: freedom / 2, Beta: 1 / (md.KB * 90)}.CDF)
				t.Logf("%d samples, inefficiency %.1f, distance %.4f, probability %.3f", len(x), inefficiency(x), d, p)
				if p < 0.01 {
					t.Errorf("the kinetic energy is not canonical: probability %.2g", p)
				}
			})
		}
	}
}

// The potential energy at two temperatures: ln p₂(U)/p₁(U) has the slope β₁ − β₂.
func TestTwoTemperatures(t *testing.T) {
	if testing.Short() {
		t.Skip("statistics")
	}
	times, ranks := long()
	for _, r := range ranks {
		for _, c := range []string{"chain", "csvr", "local"} {
			t.Run(fmt.Sprint(c, r), func(t *testing.T) {
				var x [2][]float64
				for i, kelvin := range []float64{60, 72} {
					u := setup{ranks: r, seed: seedOf("temperatures", c, r, i), cells: 2, a: 5.5, kelvin: kelvin, dt: 5, motion: func() md.Integrator {
						return motion(kelvin, c, "none", isotropic, hydro(0), 50, 500)
					}}
					x[i] = u.sample(t, 12000*times, 25, func(x *md.Thermo) float64 { return x.Potential })
				}
				s, e := ratio(x[0], x[1])
				want := (1/60.0 - 1/72.0) / md.KB
				t.Logf("slope %.2f ± %.2f, want %.2f 1/eV", s, e, want)
				if math.Abs(s-want) > 3.5*e || e > want/2 {
					t.Errorf("slope %.2f ± %.2f, want %.2f 1/eV", s, e, want)
				}
			})
		}
	}
}

// cubic is how far the metric of a cell is from that of a cube of its volume: the mean of
// h hᵀ/V^⅔ − 1 over what it is shown.
type cubic struct {
	sum [3][3]float64
	n   float64
}

func (c *cubic) see(s *md.Sim) {
	h := s.Cell.Vectors()
	l := math.Pow(s.Cell.Volume(), 2.0/3)
	for k := range h {
		for m := range h {
			for n := range h {
				c.sum[k][m] += h[k][n] * h[m][n] / l
			}
		}
	}
	c.n++
}

func (c *cubic) off() (worst float64) {
	for k := range c.sum {
		for m := range c.sum {
			worst = max(worst, math.Abs(c.sum[k][m]/c.n-identity[k][m]))
		}
	}
	return worst
}

// The volume at two pressures: ln p₂(V)/p₁(V) has the slope β(P₁ − P₂), for each
// piston and coupling. Both must be the same crystal: below 0.2 GPa at 60 K one of 32
// atoms leaves the cube for good where its cell is free to.
func TestTwoPressures(t *testing.T) {
	if testing.Short() {
		t.Skip("statistics")
	}
	times, ranks := long()
	cases := []struct {
		bath, piston string
		c            Coupling
	}{
		{"csvr", "mtk", triclinic}, {"csvr", "rescale", isotropic}, {"chain", "mtk", isotropic}, {"local", "rescale", axes},
	}
	if times > 1 {
		cases = cases[:0]
		for _, h := range []string{"chain", "csvr", "local"} {
			for _, p := range []string{"mtk", "rescale"} {
				for _, c := range []Coupling{isotropic, axes, triclinic} {
					cases = append(cases, struct {
						bath, piston string
						c            Coupling
					}{h, p, c})
				}
			}
		}
	}
	// Together: Σ (s − want)/e² and Σ 1/e², by piston.
	pull, weight := map[string]float64{}, map[string]float64{}
	const kelvin, step, tau = 40, 8, 700 // K, fs, fs
	want := -0.10 * gpa / (md.KB * kelvin)
	for _, r := range ranks {
		for _, c := range cases {
			t.Run(fmt.Sprint(c, r), func(t *testing.T) {
				var x [2][]float64
				for i, p := range []float64{0.25 * gpa, 0.35 * gpa} {
					u := setup{ranks: r, seed: seedOf("pressures", c, r, i), cells: 2, a: 5.25, kelvin: kelvin, dt: step, motion: func() md.Integrator {
						return motion(kelvin, c.bath, c.piston, c.c, hydro(p), 100, tau)
					}}
					var shape cubic
					steps := 12000 * times
					if r > 1 { // 32 atoms on four ranks mostly wait
						steps /= 4
					}
					u.run(t, steps, 25, func(at md.Thermo, sim *md.Sim) {
						if at.Step > steps/10 {
							x[i] = append(x[i], at.Volume)
						}
						if at.Step > steps/2 {
							shape.see(sim)
						}
					})
					// Of its own fluctuations the mean keeps less than 0.01.
					if off := shape.off(); off > 0.04 {
						t.Fatalf("the crystal is no cube any more: its metric is off by %.3f", off)
					}
				}
				s, e := ratio(x[0], x[1])
				// What the step does to volumes: x ← (1 − k dt) x + noise has the variance
				// 1/(1 − k dt/2) of what it should be, k = β/(τβ_T), β_T = ⟨δV²⟩/(kT V); a
				// leapfrog 1/(1 − ω²dt²/4), ω² = 3V/(β_T W_g) = 9V/(β_T (N_f + 3) kT τ²).
				m0, v0 := stat.MeanVariance(x[0], nil)
				m1, v1 := stat.MeanVariance(x[1], nil)
				soft := (v0/(m0*m0) + v1/(m1*m1)) / 2 // β_T kT/V
				const dt = float64(step) / tau        // over τ
				expect := want * (1 - dt*dt*9/96/soft/4)
				if c.piston == "rescale" {
					expect = want * (1 - dt/gpa*md.KB*kelvin/((m0+m1)/2)/soft/2)
				}
				pull[c.piston] += (s - expect) / (e * e)
				weight[c.piston] += 1 / (e * e)
				t.Logf("slope %.4f ± %.4f, want %.4f, expected %.4f 1/Å³; inefficiency %.1f", s, e, want, expect, inefficiency(x[0]))
				if math.Abs(s-expect) > 3.5*e || e > -want/3 {
					t.Errorf("slope %.4f ± %.4f, expected %.4f 1/Å³", s, e, expect)
				}
			})
		}
	}
	for p := range pull {
		d, e := pull[p]/weight[p], 1/math.Sqrt(weight[p])
		t.Logf("%s: all together %.4f ± %.4f off what is expected", p, d, e)
		// A crystal answers a step stiffer than at rest by C_P/C_V, 1.2 or so: 0.5 % more.
		if math.Abs(d) > 3.5*e+0.005*math.Abs(want) {
			t.Errorf("%s: all together %.4f ± %.4f off what is expected", p, d, e)
		}
	}
}

// The volume of an ideal gas: V^(N−1) e^(−βPV) where the total momentum is zero, as
// positions scale with the cell and N−1 momenta against it, and V^N e^(−βPV) under
// Langevin's noise.
func TestIdealGas(t *testing.T) {
	if testing.Short() {
		t.Skip("statistics")
	}
	times, ranks := long()
	for _, r := range ranks {
		for i, c := range []struct {
			bath, piston string
			tau          float64
			every        int
		}{{"csvr", "rescale", 100, 300}, {"local", "mtk", 300, 100}, {"local", "rescale", 100, 300}, {"csvr", "mtk", 300, 100}} {
			if times == 1 && i > 1 {
				continue
			}
			t.Run(fmt.Sprint(c, r), func(t *testing.T) {
				pressure := 32 * md.KB * 300 / 2000
				u := setup{ranks: r, seed: seedOf("ideal", c, r), cells: 2, a: 6.3, ideal: true, kelvin: 300, dt: 10, motion: func() md.Integrator {
					return motion(300, c.bath, c.piston, isotropic, hydro(pressure), 50, c.tau)
				}}
				alpha := 32.0
				if c.bath == "local" {
					alpha = 33
				}
				x := u.sample(t, 300*times*int64(c.every), c.every, func(x *md.Thermo) float64 { return x.Volume })
				p, d := kolmogorov(x, distuv.Gamma{Alpha: alpha, Beta: pressure / (md.KB * 300)}.CDF)
				t.Logf("%d samples, inefficiency %.1f, distance %.4f, probability %.3f", len(x), inefficiency(x), d, p)
				if p < 0.01 {
					t.Errorf("the volume is not isobaric: probability %.2g", p)
				}
			})
		}
	}
}
