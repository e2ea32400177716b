package halo

import (
	"cmp"
	"math"
	"slices"

	"github.com/wigner-md/wigner/domain"
)

// key is where a row stands in the order of rows.
type key struct {
	curve uint64
	id    int64
	row   int32
}

// atomsPerCell is the mean number of atoms in a cell of the ordering grid.
const atomsPerCell = 2

// sort puts the owned rows into the order in which a Hilbert curve visits their
// cells, ties by ID: blocks of consecutive rows are then compact in space and
// share their neighbours. The order depends on the set of atoms only.
//
// In rattled silicon with neighbours within 5 Å, 2.2 neighbours of an atom are
// not among the last 500 rows used; in lexicographic order of the cells it is 5
// to 18, by the size of the cells, which hardly matters to the curve.
func (p *Plan) sort(cell *domain.Cell, a *domain.Atoms) {
	s := &p.scratch
	s.frac, s.keys = resize(s.frac, a.N), resize(s.keys, a.N)
	lo, hi := [3]float64{}, [3]float64{}
	for i := range s.frac {
		f := cell.Frac(a.X[i])
		s.frac[i] = f
		for k := range f {
			if i == 0 || f[k] < lo[k] {
				lo[k] = f[k]
			}
			if i == 0 || f[k] > hi[k] {
				hi[k] = f[k]
			}
		}
	}
	// Cells of equal height in all directions, 2^bits at most in each.
	const bits = 20
	volume, longest := 1.0, 0.0
	for k := range lo {
		l := (hi[k] - lo[k]) * cell.Height(k)
		volume *= max(l, 1)
		longest = max(longest, l)
	}
	edge := math.Cbrt(volume * atomsPerCell / float64(max(a.N, 1)))
	edge = max(edge, longest/(1<<bits-1), 1e-3)
	for i, f := range s.frac {
		var c [3]uint32
		for k := range f {
			c[k] = uint32((f[k] - lo[k]) * cell.Height(k) / edge)
		}
		s.keys[i] = key{hilbert(c, bits), a.ID[i], int32(i)}
	}
	slices.SortFunc(s.keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.curve, b.curve), cmp.Compare(a.id, b.id))
	})
	s.perm8, a.ID = permute(s.perm8, a.ID, s.keys)
	s.perm4, a.Species = permute(s.perm4, a.Species, s.keys)
	s.perm3, a.X = permute(s.perm3, a.X, s.keys)
	s.perm3, a.V = permute(s.perm3, a.V, s.keys)
	s.perm3i, a.Image = permute(s.perm3i, a.Image, s.keys)
	s.permM, a.Mask = permute(s.permM, a.Mask, s.keys)
	for t := range a.Tow {
		s.perm3, a.Tow[t] = permute(s.perm3, a.Tow[t], s.keys)
	}
}

// permute returns x in the order of the keys, in the memory of spare, and the
// memory of x as the new spare: spare and x change places.
func permute[T any](spare, x []T, keys []key) (newSpare, sorted []T) {
	spare = resize(spare[:0], len(keys))
	for i, k := range keys {
		spare[i] = x[k.row]
	}
	return x, spare
}

// hilbert is the position of the cell c on a Hilbert curve through a cube of
// 2^bits cells on each side, by the transposed form of J. Skilling,
// "Programming the Hilbert curve", AIP Conf. Proc. 707, 381 (2004).
func hilbert(c [3]uint32, bits uint) uint64 {
	// Undo the excess work of the Gray code, from the top bit down.
	for q := uint32(1) << (bits - 1); q > 1; q >>= 1 {
		low := q - 1
		for k := range c {
			if c[k]&q != 0 {
				c[0] ^= low
			} else {
				t := (c[0] ^ c[k]) & low
				c[0] ^= t
				c[k] ^= t
			}
		}
	}
	c[1] ^= c[0]
	c[2] ^= c[1]
	var t uint32
	for q := uint32(1) << (bits - 1); q > 1; q >>= 1 {
		if c[2]&q != 0 {
			t ^= q - 1
		}
	}
	var h uint64
	for b := int(bits) - 1; b >= 0; b-- {
		for k := range c {
			h = h<<1 | uint64((c[k]^t)>>b&1)
		}
	}
	return h
}
