// Package projection counts what each rank of a decomposed crystal would hold and
// send, without making an atom, and estimates from that how long a step takes on
// machines that are not there.
//
// # Counting
//
// A [Lattice] is a unit cell repeated in a cell, with vacuum or without. Bricks and
// the boxes of the halo have faces of constant fractional coordinate, so along each
// direction a box holds a run of unit cells for each site of the basis, and the
// number of atoms in it is a sum over the basis of products of three lengths: as
// quick for a billion atoms as for a thousand. The boxes are those of
// [halo.Regions], which Rebuild itself goes by, so for atoms on their sites the
// numbers of ghosts, messages and bytes are those of a run, to the last one.
//
// # Estimating
//
// [Machine.Step] is the model: docs/scaling.md has its equations, and what it
// leaves out.
package projection
