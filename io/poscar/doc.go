// Package poscar reads and writes VASP's POSCAR and CONTCAR: one structure,
// periodic in all directions. docs/formats/poscar.md says what is accepted and what
// is written.
//
// Lengths are in Å, velocities in Å/fs.
//
// References: VASP manual, POSCAR.
package poscar
