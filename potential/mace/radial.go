package mace

import (
	"fmt"
	"math"

	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/potential/linear"
)

// radialBasis is b_n(T(r)), with the envelope f(r) or apart from it.
type radialBasis struct {
	freq      []float64 // of sin(freq·T)/T
	prefactor float64
	cut       polyCut
	applied   bool // the basis is multiplied by the envelope, else the radial weights are
	agnesi    *agnesi
}

// polyCut is 1 − (p+1)(p+2)/2 xᵖ + p(p+2) xᵖ⁺¹ − p(p+1)/2 xᵖ⁺², x = r/r_c
// (J. Gasteiger et al., arXiv:2003.03123, eq. 8), zero beyond.
type polyCut struct{ rc, p float64 }

func (c polyCut) at(r float64) (f, df float64) {
	p, x := c.p, r/c.rc
	if x >= 1 {
		return 0, 0
	}
	a, b, d := (p+1)*(p+2)/2, p*(p+2), p*(p+1)/2
	xp := math.Pow(x, p-1)
	return 1 - xp*x*(a-x*(b-x*d)), -xp * (a*p - x*(b*(p+1)-x*d*(p+2))) / c.rc
}

// agnesi is T = 1/(1 + a x^q/(1 + x^(q−p))), x = r/r0, r0 the mean of the covalent radii
// (W. C. Witt et al., J. Chem. Phys. 159, 164101, sec. II).
type agnesi struct {
	a, q, p float64
	radius  []float64 // of each species, Å
}

func (g *agnesi) at(r float64, i, j int) (t, dt float64) {
	r0 := (g.radius[i] + g.radius[j]) / 2
	x := r / r0
	xq, xd := math.Pow(x, g.q), math.Pow(x, g.q-g.p)
	d := 1 + xd
	u := g.a * xq / d
	du := g.a * (g.q*xq/x*d - xq*(g.q-g.p)*xd/x) / (d * d)
	t = 1 / (1 + u)
	return t, -t * t * du / r0
}

// radialBasis reads the embedding of distances.
func (t *tree) radialBasis(c *config) radialBasis {
	const name = "radial_embedding"
	if k := t.class(name); k != "RadialEmbeddingBlock" {
		fail("%s is of class %s; RadialEmbeddingBlock is supported", name, k)
	}
	if k := t.class(name + ".bessel_fn"); k != "BesselBasis" {
		fail("the radial basis is a %s, which is not supported; BesselBasis is", k)
	}
	if k := t.class(name + ".cutoff_fn"); k != "PolynomialCutoff" {
		fail("the envelope is a %s, which is not supported; PolynomialCutoff is", k)
	}
	b := radialBasis{prefactor: t.scalar(name + ".bessel_fn.prefactor")}
	_, b.freq, _ = t.tensor(name + ".bessel_fn.bessel_weights")
	if len(b.freq) < 1 || len(b.freq) > 256 {
		fail("tensor %s.bessel_fn.bessel_weights has %d numbers", name, len(b.freq))
	}
	t.read += len(b.freq)
	c.basis = len(b.freq)
	b.cut = polyCut{t.scalar(name + ".cutoff_fn.r_max"), float64(integer(name+".cutoff_fn.p", t.scalar(name+".cutoff_fn.p"), 2, 100))}
	if math.Abs(b.cut.rc-c.cutoff) > 1e-6*c.cutoff {
		fail("the envelope ends at %v Å, r_max is %v Å", b.cut.rc, c.cutoff)
	}
	b.applied = t.flag(name, "apply_cutoff", true)
	switch k := t.class(name + ".distance_transform"); k {
	case "":
	case "AgnesiTransform":
		at := name + ".distance_transform."
		b.agnesi = &agnesi{a: t.scalar(at + "a"), q: t.scalar(at + "q"), p: t.scalar(at + "p"), radius: t.radii(at+"covalent_radii", c)}
	default:
		fail("the distances go through a %s, which is not supported; AgnesiTransform is", k)
	}
	return b
}

// radii are the covalent radii of the species, of a tensor by atomic number.
func (t *tree) radii(name string, c *config) []float64 {
	_, all, _ := t.tensor(name)
	var out []float64
	for _, z := range c.numbers {
		if z >= len(all) || !(all[z] > 0) {
			fail("tensor %s has no radius of element %d", name, z)
		}
		out = append(out, all[z])
	}
	return out
}

// set writes the features of an edge i←j of length r, and their slopes unless db is
// nil; f is the envelope.
func set[T kernel.Float](b *radialBasis, r float64, i, j int, v, dv []T) (f, df float64) {
	t, dt := r, 1.0
	if b.agnesi != nil {
		t, dt = b.agnesi.at(r, i, j)
	}
	f, df = b.cut.at(r)
	g, dg := f, df
	if !b.applied {
		g, dg = 1, 0
	}
	for n, c := range b.freq {
		sin, cos := math.Sincos(c * t)
		q := b.prefactor * sin / t
		v[n] = T(q * g)
		if dv != nil {
			dq := b.prefactor * (c*cos - sin/t) / t * dt
			dv[n] = T(dq*g + q*dg)
		}
	}
	return f, df
}

// mlp is a radial network.
type mlp struct {
	stages []stage
	pair   [][]float64 // added after the first matrix, by j·n+i: what depends on the species
	n      int         // species, where pair is given
}

// stage is a matrix, what is added, a normalisation, an activation.
type stage struct {
	m    linear.Matrix
	bias []float64
	norm *norm
	silu float64 // factor of silu; 0: no activation
}

// norm is torch's LayerNorm.
type norm struct {
	eps          float64
	weight, bias []float64
}

// mlp reads a network of so many basis functions and results; of the non-linear block it has biases and
// normalisations, and its first matrix takes the species too (see embeddings).
func (t *tree) mlp(name string, basis, results int, biased bool) *mlp {
	m := &mlp{}
	if biased {
		t.biased(name, m)
	} else {
		t.fullyConnected(name, m)
	}
	if len(m.stages) == 0 || len(m.stages) > 16 {
		fail("%s has %d layers", name, len(m.stages))
	}
	if k := m.stages[0].m.K; !biased && k != basis {
		fail("%s takes %d numbers, there are %d basis functions", name, k, basis)
	}
	last := m.stages[len(m.stages)-1]
	if last.m.N != results || last.silu != 0 {
		fail("%s ends in %d numbers (activation: %v), wanted are %d and none", name, last.m.N, last.silu != 0, results)
	}
	for k := 1; k < len(m.stages); k++ {
		if m.stages[k-1].silu == 0 {
			fail("%s: layer %d has no activation", name, k-1)
		}
		if a, b := m.stages[k-1].m, m.stages[k].m; a.N != b.K {
			fail("%s: layer %d gives %d numbers and the next takes %d", name, k-1, a.N, b.K)
		}
	}
	return m
}

// fullyConnected is e3nn's: each matrix divided by the root of its rows.
func (t *tree) fullyConnected(name string, m *mlp) {
	if k := t.class(name); k != "FullyConnectedNet" {
		fail("%s is of class %s; FullyConnectedNet is supported", name, k)
	}
	for k := 0; ; k++ {
		layer := fmt.Sprintf("%s.layer%d", name, k)
		if t.at(layer) == nil {
			return
		}
		q := t.matrix(layer+".weight", false)
		q.W = scaled(q.W, 1/math.Sqrt(float64(q.K)))
		s := stage{m: q}
		if t.at(layer+".act") != nil {
			s.silu = t.activation(layer + ".act")
		}
		m.stages = append(m.stages, s)
	}
}

// activation is the factor of a normalised silu.
func (t *tree) activation(name string) float64 {
	f, _ := t.attr(name, "f").(string)
	if f != "torch.nn.functional.silu" {
		fail("activation %s is %q; torch.nn.functional.silu is supported", name, f)
	}
	if t.flag(name, "_is_id", false) {
		return 1
	}
	c, ok := t.attr(name, "cst").(float64)
	if !ok || c == 0 {
		fail("%s has no constant cst", name)
	}
	return c
}

// biased is a torch Sequential of Linear, LayerNorm, SiLU.
func (t *tree) biased(name string, m *mlp) {
	if k := t.class(name); k != "RadialMLP" {
		fail("%s is of class %s; RadialMLP is supported", name, k)
	}
	for k := range t.children(name + ".net") {
		part := fmt.Sprintf("%s.net.%d", name, k)
		switch class := t.class(part); class {
		case "Linear":
			s := stage{m: t.matrix(part+".weight", true)}
			s.bias = t.get(part+".bias", "one for each column", s.m.N)
			m.stages = append(m.stages, s)
		case "LayerNorm", "SiLU":
			if len(m.stages) == 0 {
				fail("%s begins with %s", name, class)
			}
			s := &m.stages[len(m.stages)-1]
			if s.silu != 0 {
				fail("%s has %s after an activation", name, class)
			}
			if class == "SiLU" {
				s.silu = 1
				continue
			}
			s.norm = &norm{t.scalar(part + ".eps"), t.get(part+".weight", "LayerNorm", s.m.N), t.get(part+".bias", "LayerNorm", s.m.N)}
		default:
			fail("%s is of class %s; Linear, LayerNorm and SiLU are supported", part, class)
		}
	}
}

// matrix reads a matrix [in][out], or, transposed, [out][in].
func (t *tree) matrix(name string, transposed bool) linear.Matrix {
	shape, w, ok := t.tensor(name)
	if !ok || len(shape) != 2 || len(w) == 0 || shape[0] > 1<<14 || shape[1] > 1<<20 {
		fail("tensor %s of shape %v is no matrix", name, shape)
	}
	t.read += len(w)
	if !transposed {
		return linear.Matrix{K: shape[0], N: shape[1], W: w}
	}
	m := linear.Matrix{K: shape[1], N: shape[0], W: make([]float64, len(w))}
	for n := range m.N {
		for k := range m.K {
			m.W[k*m.N+n] = w[n*m.K+k]
		}
	}
	return m
}

// embeddings takes the part of the first matrices that multiplies the species'
// embeddings into an addend of each ordered pair.
func (t *tree) embeddings(c *config, name string, nets ...*mlp) {
	n, b := len(c.numbers), c.basis
	for _, m := range nets {
		s := &m.stages[0]
		ch := (s.m.K - b) / 2
		if ch < 1 || b+2*ch != s.m.K {
			fail("%s: the radial network takes %d numbers, of which %d are Bessel functions", name, s.m.K, b)
		}
		source, target := t.bySpecies(name+".source_embedding", n, ch), t.bySpecies(name+".target_embedding", n, ch)
		m.n = n
		for j := range n {
			for i := range n {
				add := append([]float64(nil), s.bias...)
				for u := range ch {
					for v := range s.m.N {
						add[v] += source[j][u]*s.m.W[(b+u)*s.m.N+v] + target[i][u]*s.m.W[(b+ch+u)*s.m.N+v]
					}
				}
				m.pair = append(m.pair, add)
			}
		}
		s.m = linear.Matrix{K: b, N: s.m.N, W: s.m.W[:b*s.m.N]}
		s.bias = nil
	}
}
