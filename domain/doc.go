// Package domain holds the four types that say which atoms exist, where, and
// on which rank: Cell (the lattice), Partition (the bricks that space is cut
// into), Atoms (one rank's rows) and Rows (a matrix with one row per atom).
//
// Conventions: lengths in Å, masses in amu, energies in eV, so velocities in
// Å / (Å·√(amu/eV)). Lattice vectors are the rows of a matrix; a fractional
// coordinate s and a Cartesian position x are related by x = s·A.
package domain
