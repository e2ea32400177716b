package linear

import "github.com/wigner-md/wigner/internal/kernel"

// Gradient is the gradient of every matrix of a linear map, row-major, by pair and species.
type Gradient[T kernel.Float] [][][]T

// NewGradient is zero.
func NewGradient[T kernel.Float](m *Maps) Gradient[T] {
	g := make(Gradient[T], len(m.Pairs))
	for k, p := range m.Pairs {
		for _, q := range p.Species {
			g[k] = append(g[k], make([]T, len(q.W)))
		}
	}
	return g
}

// Clear makes it zero.
func (g Gradient[T]) Clear() {
	for _, p := range g {
		for _, q := range p {
			clear(q)
		}
	}
}

// Learn adds the outer products of n rows x and gy to g, the gradient of l; species has
// one index for each row, and is read by a map of the species only.
func (l *Map[T]) Learn(n int, species []int32, x, gy View[T], g Gradient[T], o *kernel.Outer[T]) {
	for from := 0; from < n; {
		s, to := 0, n
		if l.species {
			s, to = int(species[from]), from+1
			for to < n && int(species[to]) == s {
				to++
			}
		}
		a, c := x.X[from*x.Step:], gy.X[from*gy.Step:]
		for k := range l.pairs {
			p := &l.pairs[k]
			o.Add(to-from, 2*p.in.L+1, a[p.in.Offset:], x.Step, p.in.Mul, p.in.Mul,
				c[p.out.Offset:], gy.Step, p.out.Mul, p.out.Mul, g[k][s])
		}
		from = to
	}
}
