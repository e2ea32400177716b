// Package neighbor finds which atoms are near which: linked cells make a full
// Verlet list with a skin, in compressed rows.
//
// After the halo there is no periodicity: images are rows with positions of
// their own, so Build sees points in open space, whatever the cell.
package neighbor

import "fmt"

// List holds, for each owned atom i, the position rows J[Row[i]:Row[i+1]] of
// all atoms (owned and ghost) that were within Cutoff+Skin of it when the list
// was built, nearest first (ties by row). The list is full: i→j and j→i are
// both in it. i itself is not, but its images are.
type List struct {
	Cutoff, Skin float64 // Å
	Row          []int64 // N+1 offsets into J
	J            []int32

	grid grid // memory of the last Build
}

// SamePlace is the distance in Å below which two atoms count as being on the
// same place.
const SamePlace = 1e-6

// SamePlaceError says that two atoms are on the same place.
type SamePlaceError struct {
	ID [2]int64
	X  [3]float64
}

func (e *SamePlaceError) Error() string {
	return fmt.Sprintf("neighbor: atoms %d and %d are on the same place (%.6g, %.6g, %.6g)", e.ID[0], e.ID[1], e.X[0], e.X[1], e.X[2])
}

// NotFiniteError says that an atom has no finite position.
type NotFiniteError struct {
	ID int64
	X  [3]float64
}

func (e *NotFiniteError) Error() string {
	return fmt.Sprintf("neighbor: atom %d has no finite position: %v", e.ID, e.X)
}
