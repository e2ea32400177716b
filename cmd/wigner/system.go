package main

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/element"
)

// system is a whole structure in one process's memory, as a file gives it.
type system struct {
	Vectors [3][3]float64 // rows, Å; zero where not given
	PBC     [3]bool
	Z       []int32
	X       [][3]float64 // Å
	V       [][3]float64 // Å/(Å·√(amu/eV)); nil where the file has none
	Frozen  []uint32     // as domain.Atoms.Mask: directions in which the file lets an atom not move; nil where none is
}

// crystal is one rank's part of a system.
type crystal struct {
	Cell      domain.Cell
	Partition domain.Partition
	Atoms     *domain.Atoms
	Total     int64
	HasV      bool // velocities were given
}

// check looks for what no calculation can use. supports may be nil.
func (s *system) check(supports func(z int) bool) (domain.Cell, error) {
	if len(s.X) == 0 {
		return domain.Cell{}, fmt.Errorf("no atoms")
	}
	var bad []string
	n := 0
	for i, x := range s.X {
		if finite(x) && (s.V == nil || finite(s.V[i])) {
			continue
		}
		if n++; n <= 8 {
			bad = append(bad, fmt.Sprint(i+1))
		}
	}
	if n > 0 {
		if n > 8 {
			bad = append(bad, "…")
		}
		return domain.Cell{}, fmt.Errorf("coordinates that are NaN or infinite: atoms %s (%d in all)", strings.Join(bad, ", "), n)
	}
	if supports != nil {
		if missing := unsupported(s.Z, supports); missing != "" {
			return domain.Cell{}, fmt.Errorf("the model does not know these elements: %s", missing)
		}
	}
	return domain.NewCell(s.Vectors, s.PBC)
}

func finite(x [3]float64) bool {
	s := x[0] + x[1] + x[2]
	return !math.IsNaN(s) && !math.IsInf(s, 0)
}

// unsupported lists the symbols of all elements in z that are not supported.
func unsupported(z []int32, supports func(z int) bool) string {
	seen := map[int32]bool{}
	var missing []int
	for _, n := range z {
		if !seen[n] {
			seen[n] = true
			if !supports(int(n)) {
				missing = append(missing, int(n))
			}
		}
	}
	sort.Ints(missing)
	var names []string
	for _, n := range missing {
		names = append(names, element.Symbol(n))
	}
	return strings.Join(names, ", ")
}

// share is collective: it makes of a system on rank 0, checked there and nil
// elsewhere, each rank's crystal. The atoms stay on rank 0: the first evaluation
// sends them to their owners. The bricks are cut by grid where it is not zero,
// else into one per rank with the smallest surface.
func share(c comm.Comm, s *system, grid [3]int) (*crystal, error) {
	var h [20]float64 // zero but on rank 0, so that the sum is rank 0's
	out := &crystal{Atoms: &domain.Atoms{}}
	if c.Rank() == 0 {
		s.header(&h)
		s.fill(out.Atoms)
	}
	if err := c.Allreduce(h[:], comm.Sum); err != nil {
		return nil, err
	}
	var vectors [3][3]float64
	var pbc [3]bool
	var lo, hi [3]float64
	for k := range vectors {
		copy(vectors[k][:], h[3*k:])
		pbc[k] = h[9+k] != 0
		lo[k], hi[k] = h[12+k], h[15+k]
	}
	cell, err := domain.NewCell(vectors, pbc)
	if err != nil {
		return nil, err
	}
	out.Cell, out.Total, out.HasV = cell, int64(h[18]), h[19] != 0
	out.Partition = cut(cell, c.Size(), grid, lo, hi)
	return out, nil
}

// cut makes the bricks.
func cut(cell domain.Cell, n int, grid [3]int, lo, hi [3]float64) domain.Partition {
	if grid == ([3]int{}) {
		return domain.NewPartition(cell, n, lo, hi)
	}
	return domain.NewGrid(cell, grid, lo, hi)
}

// header is what all ranks need of a system: cell, fractional bounds, numbers.
func (s *system) header(h *[20]float64) {
	lo, hi := s.bounds()
	for k := range s.Vectors {
		copy(h[3*k:], s.Vectors[k][:])
		if s.PBC[k] {
			h[9+k] = 1
		}
		h[12+k], h[15+k] = lo[k], hi[k]
	}
	h[18] = float64(len(s.X))
	if s.V != nil {
		h[19] = 1
	}
}

// bounds are the fractional bounds of the atoms of a system whose cell is sound.
func (s *system) bounds() (lo, hi [3]float64) {
	cell, err := domain.NewCell(s.Vectors, s.PBC)
	if err != nil {
		return lo, hi
	}
	for k := range lo {
		lo[k], hi[k] = math.Inf(1), math.Inf(-1)
	}
	for _, x := range s.X {
		f := cell.Frac(x)
		for k := range f {
			lo[k], hi[k] = min(lo[k], f[k]), max(hi[k], f[k])
		}
	}
	return lo, hi
}

// fill makes owned rows of all atoms of the system.
func (s *system) fill(a *domain.Atoms) {
	n := len(s.X)
	a.N, a.Ghost0 = n, domain.Padded(n)
	a.ID = make([]int64, a.Ghost0)
	a.Species = make([]int32, a.Ghost0)
	a.X = make([][3]float64, a.Ghost0)
	a.V = make([][3]float64, n)
	a.Image = make([][3]int32, n)
	for i := range n {
		a.ID[i] = int64(i + 1)
	}
	copy(a.Species, s.Z)
	copy(a.X, s.X)
	copy(a.V, s.V)
	a.Mask = slices.Clone(s.Frozen)
}
