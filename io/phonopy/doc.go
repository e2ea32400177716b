// Package phonopy reads and writes the files by which phonopy and other programs
// for lattice vibrations talk: phonopy_disp.yaml (written), FORCE_SETS and FORCE_CONSTANTS
// (both ways). See docs/formats/phonopy.md.
//
// Lengths are in Å, forces in eV/Å, force constants in eV/Å². Atoms count from 0 here and
// from 1 in the files.
package phonopy
