package neighbor

import (
	"math"
	"math/bits"

	"github.com/wigner-md/wigner/domain"
)

// Build makes the list of all neighbours within cutoff+skin (Å) of the owned
// atoms, among all position rows. Its work grows with the number of atoms, not
// with the space between them. It uses the list's memory again. The error names
// the atoms: SamePlaceError or NotFiniteError.
func Build(l *List, a *domain.Atoms, cutoff, skin float64) error {
	l.Cutoff, l.Skin = cutoff, skin
	x, reach := a.X[:a.Positions()], cutoff+skin
	l.Row, l.J = resize(l.Row, a.N+1), l.J[:0]
	l.Row[0] = 0
	lo, hi, err := extent(a, x)
	if err != nil || a.N == 0 {
		clear(l.Row)
		return err
	}
	// The margin keeps rounding of cell faces from losing a neighbour.
	wide := reach * (1 + 1e-9)
	g := &l.grid
	g.fill(x, a.N, a.Ghost0, lo, hi, wide)
	s := &l.grid.sorter
	for i := range a.N {
		s.near, s.d2 = s.near[:0], s.d2[:0]
		g.search(x[i], int32(i), wide, reach*reach, s)
		for k, d2 := range s.d2 {
			if d2 < SamePlace*SamePlace {
				return &SamePlaceError{ID: [2]int64{a.ID[i], a.ID[s.near[k]]}, X: x[i]}
			}
		}
		if need := len(l.J) + len(s.near); need > cap(l.J) {
			l.extend(need, i, a.N)
		}
		l.J = s.sorted(l.J, reach*reach)
		l.Row[i+1] = int64(len(l.J))
	}
	return nil
}

// extend makes room for the list, foreseeing its length from that of the first
// i rows, so that a long list is not copied again and again.
func (l *List) extend(need, i, n int) {
	foreseen := float64(need) / float64(i+1) * float64(n) * 1.05
	if i < 64 {
		foreseen = 0
	}
	j := make([]int32, len(l.J), max(need+need/8, int(foreseen), 1024))
	copy(j, l.J)
	l.J = j
}

// extent is the box around all rows that hold an atom.
func extent(a *domain.Atoms, x [][3]float64) (lo, hi [3]float64, err error) {
	for k := range lo {
		lo[k], hi[k] = math.Inf(1), math.Inf(-1)
	}
	for i := range x {
		if i >= a.N && i < a.Ghost0 {
			continue
		}
		for k, v := range x[i] {
			if !(math.Abs(v) <= math.MaxFloat64/4) {
				return lo, hi, &NotFiniteError{a.ID[i], x[i]}
			}
			lo[k], hi[k] = min(lo[k], v), max(hi[k], v)
		}
	}
	return lo, hi, nil
}

// search gathers the points within the radius of x, save the row itself.
func (g *grid) search(x [3]float64, self int32, wide, r2 float64, s *sorter) {
	x0, x1 := g.span(0, x[0]-wide, x[0]+wide)
	for cx := x0; cx <= x1; cx++ {
		dx := g.gap(0, cx, x[0])
		w2 := wide*wide - dx*dx
		if w2 < 0 {
			continue
		}
		w := math.Sqrt(w2)
		y0, y1 := g.span(1, x[1]-w, x[1]+w)
		for cy := y0; cy <= y1; cy++ {
			dy := g.gap(1, cy, x[1])
			h2 := w2 - dy*dy
			if h2 < 0 {
				continue
			}
			h := math.Sqrt(h2)
			z0, z1 := g.span(2, x[2]-h, x[2]+h)
			if z0 > z1 {
				continue
			}
			from, to := g.run(cx, cy, z0, z1)
			rows := g.row[from:to]
			for k, p := range g.x[from:to] {
				a, b, c := p[0]-x[0], p[1]-x[1], p[2]-x[2]
				if d2 := a*a + b*b + c*c; d2 < r2 && rows[k] != self {
					s.near, s.d2 = append(s.near, rows[k]), append(s.d2, d2)
				}
			}
		}
	}
}

// sorter puts the neighbours of one atom into order: first roughly, by counting
// in equal steps of d², which neighbours fill almost evenly, then by insertion.
type sorter struct {
	near []int32
	d2   []float64
	bin  []int32
	keys []float64
}

// sorted appends the neighbours to dst, nearest first, ties by row.
func (s *sorter) sorted(dst []int32, r2 float64) []int32 {
	n := len(s.near)
	if n == 0 {
		return dst
	}
	bins := 1 << bits.Len(uint(n))
	s.bin = resize(s.bin, bins+1)
	clear(s.bin)
	scale := float64(bins) / r2
	last := bins - 1
	for _, d := range s.d2 {
		s.bin[min(int(d*scale), last)+1]++
	}
	for b := 1; b < bins; b++ {
		s.bin[b] += s.bin[b-1]
	}
	at := len(dst)
	dst = dst[:at+n]
	j := dst[at:]
	s.keys = resize(s.keys, n)
	for k, d := range s.d2 {
		b := &s.bin[min(int(d*scale), last)]
		s.keys[*b], j[*b] = d, s.near[k]
		*b++
	}
	for k := 1; k < n; k++ {
		d, r := s.keys[k], j[k]
		m := k
		for ; m > 0 && (s.keys[m-1] > d || s.keys[m-1] == d && j[m-1] > r); m-- {
			s.keys[m], j[m] = s.keys[m-1], j[m-1]
		}
		s.keys[m], j[m] = d, r
	}
	return dst
}

// resize makes s n long; its content means nothing afterwards.
func resize[T any](s []T, n int) []T {
	if n > cap(s) {
		return make([]T, n, n+n/8)
	}
	return s[:n]
}
