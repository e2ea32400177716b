package soap

import (
	"math"
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/integrate/quad"

	"github.com/wigner-md/wigner/o3"
)

// twin is the power spectrum by the definition: the density is summed on a grid of the
// space around the atom, and integrated against g_nl Y_lm.
func twin(d *Descriptor, centre int, neighbours []Edge, reach float64) []float64 {
	const nr, nt, nf = 70, 44, 88
	r, wr := make([]float64, nr), make([]float64, nr)
	quad.Legendre{}.FixedLocations(r, wr, 0, reach)
	u, wu := make([]float64, nt), make([]float64, nt)
	quad.Legendre{}.FixedLocations(u, wu, -1, 1)
	lm := d.sphere.Len()
	c := make([]float64, len(d.Elements)*d.N*lm)
	y := make([]float64, lm)
	rho := make([]float64, len(d.Elements))
	g := make([]float64, (d.L+1)*d.N)
	for i := range r {
		for k := range g {
			g[k] = d.radial.g(k/d.N, k%d.N, r[i])
		}
		for j := range u {
			for k := range nf {
				phi := 2 * math.Pi * float64(k) / nf
				s := math.Sqrt(1 - u[j]*u[j])
				x := [3]float64{r[i] * s * math.Cos(phi), r[i] * s * math.Sin(phi), r[i] * u[j]}
				clear(rho)
				gauss := func(at [3]float64) float64 {
					q := 0.0
					for c := range at {
						q += (x[c] - at[c]) * (x[c] - at[c])
					}
					return math.Exp(-q / (2 * d.Sigma * d.Sigma))
				}
				rho[centre] += d.Central * gauss([3]float64{})
				for _, n := range neighbours {
					q := math.Sqrt(n.R[0]*n.R[0] + n.R[1]*n.R[1] + n.R[2]*n.R[2])
					f, _ := d.envelope(q)
					rho[n.Element] += f * gauss(n.R)
				}
				d.sphere.Unit(x, y, nil)
				w := wr[i] * r[i] * r[i] * wu[j] * 2 * math.Pi / nf / math.Sqrt(4*math.Pi)
				for l := range d.L + 1 {
					for n := range d.N {
						f := w * g[l*d.N+n]
						for m := l * l; m < (l+1)*(l+1); m++ {
							for s := range rho {
								c[(s*d.N+n)*lm+m] += f * y[m] * rho[s]
							}
						}
					}
				}
			}
		}
	}
	var p []float64
	for a := range len(d.Elements) * d.N {
		for b := a; b < len(d.Elements)*d.N; b++ {
			for l := range d.L + 1 {
				sum := 0.0
				for m := l * l; m < (l+1)*(l+1); m++ {
					sum += c[a*lm+m] * c[b*lm+m]
				}
				p = append(p, math.Pi*math.Sqrt(8/float64(2*l+1))*sum)
			}
		}
	}
	return p
}

// around are random neighbours of n elements between 0.6 Å and somewhat beyond the cutoff.
func around(rng *rand.Rand, d *Descriptor, n int) (out []Edge) {
	for range n {
		dir := o3.RandomRotation(rng)[0]
		r := 0.6 + (d.Cutoff-0.3)*rng.Float64()
		out = append(out, Edge{rng.IntN(len(d.Elements)), [3]float64{r * dir[0], r * dir[1], r * dir[2]}})
	}
	return out
}

func TestTwin(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, s := range []Settings{
		{Elements: []int{14}, Cutoff: 2.6, Sigma: 0.6, N: 3, L: 4, Central: 1},
		{Elements: []int{1, 8}, Cutoff: 2.4, Sigma: 0.5, N: 3, L: 3, Central: 0.5, Power: 2},
		{Elements: []int{1, 8}, Cutoff: 2.5, Sigma: 0.6, N: 4, L: 3, Central: 0, Basis: Polynomial, Envelope: Cosine, Width: 0.7},
		{Elements: []int{14}, Cutoff: 2.6, Sigma: 0.6, N: 3, L: 3, Central: 1, Basis: Powers, Envelope: Cosine, Width: 0.7},
	} {
		d, err := NewDescriptor(s)
		if err != nil {
			t.Fatal(err)
		}
		reach := d.Cutoff // that of the basis
		if d.Basis != Polynomial {
			reach = d.Cutoff + 4
		}
		{
			near := around(rng, d, 5)
			centre := rng.IntN(len(d.Elements))
			got := make([]float64, d.Features())
			d.Spectrum(centre, near, got)
			want := twin(d, centre, near, reach)
			scale, worst := 0.0, 0.0
			for k, v := range want {
				scale, worst = max(scale, math.Abs(v)), max(worst, math.Abs(v-got[k]))
			}
			if !(worst < 1e-9*scale) || len(got) != len(want) {
				t.Errorf("%+v: off by %g of %g", s, worst, scale)
			}
		}
	}
}

// g is g_nl(u).
func (r *radial) g(l, n int, u float64) (sum float64) {
	for k := range r.n {
		sum += r.beta[(l*r.n+n)*r.n+k] * r.phi(l, k, u)
	}
	return sum
}
