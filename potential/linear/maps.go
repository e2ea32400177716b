package linear

import (
	"math"

	"github.com/wigner-md/wigner/o3"
)

// Matrix is row-major [K][N].
type Matrix struct {
	K, N int
	W    []float64
}

// Maps are the matrices of an equivariant linear map from In to Out, one for each pair of
// an input and an output block of the same irrep, and, in a species-wise map, one for each
// species.
type Maps struct {
	In, Out o3.Irreps
	Pairs   []Pair
	Bias    [][]float64 // by output block, nil where there is none
}

// Pair is the part of a map from block In to block Out.
type Pair struct {
	In, Out int
	Species []Matrix // one, or one for each species
}

// Between is the map from in to out without its matrices.
func Between(in, out o3.Irreps) *Maps {
	m := &Maps{In: in, Out: out}
	for i, a := range in {
		for o, b := range out {
			if a.Irrep == b.Irrep {
				m.Pairs = append(m.Pairs, Pair{In: i, Out: o})
			}
		}
	}
	return m
}

// Size is the number of weights of the map in e3nn: of an o3.Linear (species = 0), or of
// a FullyConnectedTensorProduct with the one-hot species.
func (m *Maps) Size(species int) (n int) {
	for _, p := range m.Pairs {
		n += m.In[p.In].Mul * max(species, 1) * m.Out[p.Out].Mul
	}
	return n
}

// Fold takes the matrices from e3nn's weights, and returns those that follow: for each
// input block in order, for each output block of the same irrep, [mul_in][species][mul_out]
// (species = 0: [mul_in][mul_out]), divided by √(all the channels that enter the output
// block · species). So many more scalars enter beside the blocks of In.
func (m *Maps) Fold(w []float64, species, more int) (rest []float64) {
	n := max(species, 1)
	for k := range m.Pairs {
		p := &m.Pairs[k]
		a, b, irrep := m.In[p.In].Mul, m.Out[p.Out].Mul, m.Out[p.Out].Irrep
		enter := m.In.Count(irrep)
		if irrep == (o3.Irrep{L: 0, P: 1}) {
			enter += more
		}
		f := 1 / math.Sqrt(float64(enter*n))
		for s := range n {
			q := Matrix{a, b, make([]float64, a*b)}
			for u := range a {
				for v := range b {
					q.W[u*b+v] = f * w[(u*n+s)*b+v]
				}
			}
			p.Species = append(p.Species, q)
		}
		w = w[a*n*b:]
	}
	return w
}

// Scale multiplies every matrix by f.
func (m *Maps) Scale(f float64) {
	for _, p := range m.Pairs {
		for _, q := range p.Species {
			for k := range q.W {
				q.W[k] *= f
			}
		}
	}
}

// Only leaves out all output blocks but the first n.
func (m *Maps) Only(n int) *Maps {
	q := &Maps{In: m.In, Out: m.Out[:n]}
	for _, p := range m.Pairs {
		if p.Out < n {
			q.Pairs = append(q.Pairs, p)
		}
	}
	if m.Bias != nil {
		q.Bias = m.Bias[:n]
	}
	return q
}

// Apply is the map of one record of an atom of a species, in double precision.
func (m *Maps) Apply(species int, x []float64) []float64 {
	from, to := Place(m.In), Place(m.Out)
	y := make([]float64, to.Width)
	for _, p := range m.Pairs {
		q := p.Species[min(species, len(p.Species)-1)]
		a, b := from.Where[p.In], to.Where[p.Out]
		for c := range 2*a.L + 1 {
			for u := range q.K {
				for v := range q.N {
					y[b.Offset+c*b.Mul+v] += x[a.Offset+c*a.Mul+u] * q.W[u*q.N+v]
				}
			}
		}
	}
	for k, b := range m.Bias {
		for u, v := range b {
			y[to.Where[k].Offset+u] += v
		}
	}
	return y
}
