// Package neighbor finds which atoms are near which: linked cells make a full
// Verlet list with a skin, in compressed rows.
package neighbor

// List holds, for each owned atom i, the position rows J[Row[i]:Row[i+1]] of
// all atoms (owned and ghost) that were within Cutoff+Skin of it when the list
// was built, nearest first (ties by row). The list is full: i→j and j→i are
// both in it. i itself is not, but its images are.
type List struct {
	Cutoff, Skin float64 // Å
	Row          []int64 // N+1 offsets into J
	J            []int32
}
