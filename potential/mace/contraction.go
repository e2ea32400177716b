package mace

import (
	"fmt"
	"math"

	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential/linear"
)

// contraction is the symmetric contraction of a layer: polynomials, and what makes
// their coefficients for a species. Results stand in blocks [component][channel].
type contraction struct {
	poly     *kernel.Poly
	channels int
	agnostic bool
	terms    []coefficient
	weights  [][]float64 // of each block and order [species][K][channel]
	precise  bool        // the couplings are more than single precision holds
}

// coefficient is Σ_η U_η W_η of a monomial.
type coefficient struct {
	place   int // in the order of the polynomial
	weights int
	k       int // K of these weights
	eta     []int
	u       []float64
}

// maxOrder bounds the correlation.
const maxOrder = 6

// contractionIrreps finds the irreps of the results: those of the product, of the last
// layer only the scalars, which are all that is read of it.
func (l *layerWeights) contractionIrreps(t *tree, c *config, n int) int {
	name := fmt.Sprintf("products.%d", n)
	if k := t.class(name); k != "EquivariantProductBasisBlock" {
		fail("%s is of class %s; EquivariantProductBasisBlock is supported", name, k)
	}
	l.out = t.irreps(name+".linear", "irreps_out")
	return uniform(name, t.irreps(name+".linear", "irreps_in"))
}

// products reads contraction, map and self connection of product n.
func (l *layerWeights) products(t *tree, c *config, n, mul int) {
	name := fmt.Sprintf("products.%d", n)
	in := t.irreps(name+".linear", "irreps_in")
	if mul != l.target[0].Mul {
		fail("%s has %d channels, its messages have %d", name, mul, l.target[0].Mul)
	}
	l.product = t.linear(name+".linear", in, l.out, 0)
	l.selfConnection = l.residual && t.flag(name, "use_sc", true)
	if l.selfConnection && l.skip.Out.String() != l.out.String() {
		fail("interactions.%d.skip_tp gives %s, and %s.linear %s", n, l.skip.Out, name, l.out)
	}
	if n == c.layers-1 {
		in = l.lastScalars(in)
	}
	agnostic := t.flag(name, "use_agnostic_product", c.agnostic)
	list := name + ".symmetric_contractions.contractions"
	if k := t.class(name + ".symmetric_contractions"); k != "SymmetricContraction" {
		fail("%s.symmetric_contractions is of class %s; SymmetricContraction is supported (convert models with "+
			"cuequivariance to e3nn form first)", name, k)
	}
	if t.children(list) < len(in) {
		fail("%s has %d contractions, wanted are %d for %s", list, t.children(list), len(in), in)
	}
	l.poly = t.contraction(list, l.target, in, len(c.numbers), agnostic)
}

// lastScalars drops everything of the last layer's result but its even scalars, the
// first block.
func (l *layerWeights) lastScalars(in o3.Irreps) o3.Irreps {
	if in[0].L != 0 || in[0].P != 1 || l.out[0].Irrep != in[0].Irrep {
		fail("the last layer's result %s does not begin with even scalars", l.out)
	}
	scalars := func(m *linear.Maps) *linear.Maps {
		if m == nil {
			return nil
		}
		return m.Only(1)
	}
	l.product, l.skip, l.out = scalars(l.product), scalars(l.skip), l.out[:1]
	l.product.In = in[:1]
	return in[:1]
}

// contraction reads the couplings U and weights of all results, and merges what
// multiplies the same monomial.
func (t *tree) contraction(list string, a, out o3.Irreps, species int, agnostic bool) *contraction {
	c := &contraction{channels: a[0].Mul, agnostic: agnostic}
	if agnostic {
		species = 1
	}
	dim := 0
	for _, b := range a {
		dim += b.Irrep.Dim()
	}
	var terms []kernel.Monomial
	at := 0
	for k, b := range out {
		name := fmt.Sprintf("%s.%d", list, k)
		order := integer(name+".correlation", t.scalar(name+".correlation"), 1, maxOrder)
		for nu := 1; nu <= order; nu++ {
			u := fmt.Sprintf("%s.U_matrix_%d", name, nu)
			w := name + ".weights_max"
			if nu < order {
				w = fmt.Sprintf("%s.weights.%d", name, order-1-nu)
			}
			shape, data, ok := t.tensor(u)
			if !ok || len(shape) == 0 {
				fail("the file has no tensor %s", u)
			}
			kn := shape[len(shape)-1]
			want := b.Irrep.Dim() * kn
			for range nu {
				if want *= dim; want > maxTensor {
					fail("tensor %s is too large", u)
				}
			}
			if len(data) != want {
				fail("tensor %s has %d numbers (shape %v), wanted are %d (%d components, %d times %d, %d couplings)",
					u, len(data), shape, want, b.Irrep.Dim(), nu, dim, kn)
			}
			c.precise = c.precise || !single(data)
			c.weights = append(c.weights, t.get(w, fmt.Sprintf("%d species × %d couplings × %d channels", species, kn, c.channels), species*kn*c.channels))
			for m := range b.Irrep.Dim() {
				terms = c.merge(terms, data[m*want/b.Irrep.Dim():][:want/b.Irrep.Dim()], at+m, nu, dim, kn)
			}
		}
		at += b.Irrep.Dim()
	}
	if len(terms) > 1<<16 {
		fail("%s has %d monomials, more than %d", list, len(terms), 1<<16)
	}
	var place []int
	c.poly, place = kernel.NewPoly(dim, at, terms)
	for i := range c.terms {
		c.terms[i].place = place[i]
	}
	return c
}

// merge adds the monomials of one component of one U, [dim]^ν [K], to the terms.
func (c *contraction) merge(terms []kernel.Monomial, u []float64, out, nu, dim, kn int) []kernel.Monomial {
	sums := map[int][]float64{}
	var keys []int
	q := make([]int, nu)
	for at := 0; at < len(u); at += kn {
		row := u[at : at+kn]
		zero := true
		for _, v := range row {
			zero = zero && v == 0
		}
		if zero {
			continue
		}
		n := at / kn
		for d := nu - 1; d >= 0; d-- {
			q[d], n = n%dim, n/dim
		}
		sortSmall(q)
		key := 0
		for _, v := range q {
			key = key*dim + v
		}
		s, ok := sums[key]
		if !ok {
			s = make([]float64, kn)
			sums[key] = s
			keys = append(keys, key)
		}
		for k, v := range row {
			s[k] += v
		}
	}
	for _, key := range keys {
		f := coefficient{weights: len(c.weights) - 1, k: kn}
		for k, v := range sums[key] {
			if math.Abs(v) > 1e-12 {
				f.eta, f.u = append(f.eta, k), append(f.u, v)
			}
		}
		if f.eta == nil {
			continue
		}
		m := kernel.Monomial{Out: out, Q: make([]int, nu)}
		for d := nu - 1; d >= 0; d-- {
			m.Q[d], key = key%dim, key/dim
		}
		terms, c.terms = append(terms, m), append(c.terms, f)
	}
	return terms
}

func sortSmall(q []int) {
	for i := 1; i < len(q); i++ {
		for j := i; j > 0 && q[j] < q[j-1]; j-- {
			q[j], q[j-1] = q[j-1], q[j]
		}
	}
}

// coefficients are those of a species, [coefficient][channel].
func (c *contraction) coefficients(species int) []float64 {
	out := make([]float64, c.poly.Coefs*c.channels)
	for i := range c.terms {
		f := &c.terms[i]
		row := out[f.place*c.channels:][:c.channels]
		for n, k := range f.eta {
			w := c.weights[f.weights][(species*f.k+k)*c.channels:][:c.channels]
			for u, v := range w {
				row[u] += f.u[n] * v
			}
		}
	}
	return out
}

// packContraction makes the coefficients of all species in one precision.
func packContraction[T kernel.Float](c *contraction, species int) *kernel.Contraction[T] {
	if c.agnostic {
		species = 1
	}
	all := make([][]float64, species)
	for s := range all {
		all[s] = c.coefficients(s)
	}
	return kernel.NewContraction[T](c.poly, c.channels, all)
}

// single is whether single precision holds all these numbers.
func single(x []float64) bool {
	for _, v := range x {
		if float64(float32(v)) != v {
			return false
		}
	}
	return true
}
