package pair

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// entry is what holds for a pair of elements, in either order.
type entry[T any] struct {
	z [2]int
	v T
}

// square is a table by two elements.
type square[T any] struct {
	index []int32 // atomic number → row of the table, or −1
	n     int
	table []T
}

// newSquare wants every pair among the elements of the list once.
func newSquare[T any](what string, list []entry[T]) (square[T], error) {
	var zs []int
	for _, e := range list {
		for _, z := range e.z {
			if z < 1 || z > 200 {
				return square[T]{}, fmt.Errorf("pair: %s: %d is no atomic number", what, z)
			}
			if !slices.Contains(zs, z) {
				zs = append(zs, z)
			}
		}
	}
	if len(zs) == 0 {
		return square[T]{}, fmt.Errorf("pair: %s: the table of parameters is empty", what)
	}
	slices.Sort(zs)
	n := len(zs)
	s := square[T]{n: n, table: make([]T, n*n), index: make([]int32, zs[n-1]+1)}
	for z := range s.index {
		s.index[z] = int32(slices.Index(zs, z))
	}
	set := make([]bool, n*n)
	for _, e := range list {
		i, j := int(s.index[e.z[0]]), int(s.index[e.z[1]])
		if set[i*n+j] {
			return square[T]{}, fmt.Errorf("pair: %s: the pair of elements %d and %d is given twice", what, e.z[0], e.z[1])
		}
		s.table[i*n+j], s.table[j*n+i] = e.v, e.v
		set[i*n+j], set[j*n+i] = true, true
	}
	var missing []string
	for i := range n {
		for j := i; j < n; j++ {
			if !set[i*n+j] {
				missing = append(missing, fmt.Sprintf("%d-%d", zs[i], zs[j]))
			}
		}
	}
	if len(missing) > 0 {
		return square[T]{}, fmt.Errorf("pair: %s: no parameters for the pairs of elements %s", what, strings.Join(missing, ", "))
	}
	return s, nil
}

// Supports is whether the table holds element z.
func (s *square[T]) Supports(z int) bool {
	return z >= 0 && z < len(s.index) && s.index[z] >= 0
}

type named struct {
	name string
	x    float64
}

// positive wants positive numbers as parameters.
func positive(what string, z [2]int, params ...named) error {
	for _, p := range params {
		if !(p.x > 0) || math.IsInf(p.x, 0) {
			return fmt.Errorf("pair: %s: %s of elements %d and %d is %v, and should be a positive number", what, p.name, z[0], z[1], p.x)
		}
	}
	return nil
}

func checkSwitch(what string, z [2]int, inner, cutoff float64) error {
	if !(inner > 0 && inner < cutoff) {
		return fmt.Errorf("pair: %s: the switch of elements %d and %d begins at %v Å, and should begin above 0 and below the cutoff of %v Å", what, z[0], z[1], inner, cutoff)
	}
	return nil
}
