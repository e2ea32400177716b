package soap

import (
	"fmt"
	"math"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/mat"
)

// Basis names the radial functions.
type Basis string

// The bases, by the names that configurations have for them.
const (
	GTO        Basis = "gto"
	Polynomial Basis = "polynomial"
	Powers     Basis = "powers"
)

// decay is what a GTO has fallen to at its radius.
const decay = 1e-3

// points is the least number of quadrature points of integrals; more are taken for Gaussians
// that are narrow beside the cutoff.
const points = 96

// worst is the smallest ratio of eigenvalues of overlaps at which S^{−1/2} is trusted.
const worst = 1e-13

// radial are the orthonormal radial functions g_nl and the integrals I_nl.
type radial struct {
	basis         Basis
	n, lmax       int
	cutoff, sigma float64
	beta          []float64 // S^{−1/2} by [l][n][n′]
	node, weight  []float64 // of the quadrature
	at            []float64 // 4π u² φ_n(u) times the weight, [node][n]; φ does not depend on l there
}

// newRadial orthonormalises the functions.
func newRadial(s *Settings) (*radial, error) {
	r := bare(s)
	for l := range r.lmax + 1 {
		overlap := mat.NewSymDense(r.n, nil)
		for i := range r.n {
			for j := range i + 1 {
				overlap.SetSym(i, j, r.overlap(l, i, j))
			}
		}
		var e mat.EigenSym
		if !e.Factorize(overlap, true) {
			return nil, fmt.Errorf("soap: overlaps of the radial functions of l = %d: no eigenvalues", l)
		}
		v := e.Values(nil)
		if !(v[0] > worst*v[r.n-1]) {
			return nil, fmt.Errorf("soap: %d radial functions of the basis %q are not independent within rounding (cutoff %g Å, l = %d): take fewer", r.n, r.basis, r.cutoff, l)
		}
		var q mat.Dense
		e.VectorsTo(&q)
		for i := range r.n {
			for j := range r.n {
				sum := 0.0
				for k := range v {
					sum += q.At(i, k) * q.At(j, k) / math.Sqrt(v[k])
				}
				r.beta = append(r.beta, sum)
			}
		}
	}
	return r, nil
}

// bare are the functions without beta.
func bare(s *Settings) *radial {
	r := &radial{basis: s.Basis, n: s.N, lmax: s.L, cutoff: s.Cutoff, sigma: s.Sigma}
	if r.basis != GTO {
		far := r.cutoff
		if r.basis == Powers {
			far += 8 * r.sigma // where the Gaussians of the density end
		}
		n := points + int(8*far/r.sigma)
		r.node, r.weight = make([]float64, n), make([]float64, n)
		quad.Legendre{}.FixedLocations(r.node, r.weight, 0, far)
		for q, u := range r.node {
			for n := range r.n {
				r.at = append(r.at, 4*math.Pi*r.weight[q]*u*u*r.phi(0, n, u))
			}
		}
	}
	return r
}

// alpha is the exponent of a GTO, Å⁻².
func (r *radial) alpha(l, n int) float64 {
	a := 1.0
	if r.n > 1 {
		a += (r.cutoff - 1) * float64(n) / float64(r.n-1)
	}
	return -math.Log(decay/math.Pow(a, float64(l))) / (a * a)
}

// width is 1/2σ_n² of Powers, Å⁻².
func (r *radial) width(n int) float64 {
	s := r.cutoff * math.Max(math.Sqrt(float64(n)), 1) / float64(r.n)
	return 1 / (2 * s * s)
}

// norm makes each function of Powers one of norm 1, before they are orthonormalised.
func (r *radial) norm(n int) float64 {
	k := float64(n) + 1.5
	return math.Sqrt(2 / math.Gamma(k) * math.Pow(2*r.width(n), k))
}

// overlap is ∫ r² φ_i φ_j dr.
func (r *radial) overlap(l, i, j int) float64 {
	if r.basis == GTO {
		return math.Gamma(float64(l)+1.5) / 2 * math.Pow(r.alpha(l, i)+r.alpha(l, j), -float64(l)-1.5)
	}
	if r.basis == Powers {
		k := float64(i+j+3) / 2
		return r.norm(i) * r.norm(j) * math.Gamma(k) / 2 * math.Pow(r.width(i)+r.width(j), -k)
	}
	k := float64(i + j + 7) // of i, j from 0; (i+1) + (j+1) + 5
	return 2 * math.Pow(r.cutoff, k+2) / (k * (k + 1) * (k + 2))
}

// phi is φ_n(u).
func (r *radial) phi(l, n int, u float64) float64 {
	if r.basis == GTO {
		return math.Pow(u, float64(l)) * math.Exp(-r.alpha(l, n)*u*u)
	}
	if r.basis == Powers {
		return r.norm(n) * math.Pow(u, float64(n)) * math.Exp(-r.width(n)*u*u)
	}
	if u >= r.cutoff {
		return 0
	}
	return math.Pow(r.cutoff-u, float64(n+3))
}

// integrals sets v and d [l][n] to I_nl(x) and its slope.
func (r *radial) integrals(x float64, v, d []float64) {
	raw, slope := make([]float64, r.n*(r.lmax+1)), make([]float64, r.n*(r.lmax+1)) // of φ, by [l][n]
	if r.basis == GTO {
		r.gaussians(x, raw, slope)
	} else {
		r.quadrature(x, raw, slope)
	}
	for l := range r.lmax + 1 {
		for n := range r.n {
			a, b := 0.0, 0.0
			for k, c := range r.beta[(l*r.n+n)*r.n:][:r.n] {
				a += c * raw[l*r.n+k]
				b += c * slope[l*r.n+k]
			}
			v[l*r.n+n], d[l*r.n+n] = a, b
		}
	}
}

// gaussians: a solid harmonic times a Gaussian, smoothed by another, is one again.
func (r *radial) gaussians(x float64, raw, slope []float64) {
	a := 1 / (2 * r.sigma * r.sigma)
	for l := range r.lmax + 1 {
		for n := range r.n {
			al := r.alpha(l, n)
			c := math.Pow(math.Pi/(a+al), 1.5) * math.Pow(a/(a+al), float64(l))
			k := a * al / (a + al)
			e := c * math.Exp(-k*x*x)
			f, df := math.Pow(x, float64(l)), 0.0
			if l > 0 {
				df = float64(l) * math.Pow(x, float64(l-1))
			}
			raw[l*r.n+n], slope[l*r.n+n] = e*f, e*(df-2*k*x*f)
		}
	}
}

func (r *radial) quadrature(x float64, raw, slope []float64) {
	s2 := r.sigma * r.sigma
	i := make([]float64, r.lmax+2)
	for q, u := range r.node {
		if math.Abs(u-x) > 9*r.sigma { // below 10⁻¹⁷
			continue
		}
		y := u * x / s2
		bessel(y, i) // times e^{−y}
		c := math.Exp(-(u - x) * (u - x) / (2 * s2))
		for l := range r.lmax + 1 {
			di := i[l+1] // i_l′ = i_{l+1} + (l/y) i_l
			switch {
			case y > 1e-4:
				di += float64(l) / y * i[l]
			case l > 0:
				di += float64(l) / float64(2*l+1) * i[l-1]
			}
			v, d := c*i[l], c*(u*di-x*i[l])/s2
			for n, f := range r.at[q*r.n:][:r.n] {
				raw[l*r.n+n] += f * v
				slope[l*r.n+n] += f * d
			}
		}
	}
}

// bessel sets out to e^{−x} i_l(x), l = 0 …: downward recurrence (Miller) with the
// known i_0 = sinh x/x; for small x the series.
func bessel(x float64, out []float64) {
	if x < 1e-2 {
		c := math.Exp(-x)
		for l := range out {
			f := 1.0
			for t, k := 1.0, 1.0; k < 6; k++ {
				t *= x * x / (2 * k * (2*float64(l) + 2*k + 1))
				f += t
			}
			out[l] = c * f
			c *= x / float64(2*l+3)
		}
		return
	}
	a, b := 0.0, 1e-300 // i_{l+1}, i_l
	for l := len(out) + int(x) + 60; l >= 0; l-- {
		if l < len(out) {
			out[l] = b
		}
		if l == 0 {
			break
		}
		a, b = b, a+float64(2*l+1)/x*b
		if b > 1e200 {
			a, b = a*1e-250, b*1e-250
			for k := l; k < len(out); k++ {
				out[k] *= 1e-250
			}
		}
	}
	c := -math.Expm1(-2*x) / (2 * x) / out[0]
	for l := range out {
		out[l] *= c
	}
}
