// Package setfl reads tables of embedded-atom potentials in the formats of the
// DYNAMO code as LAMMPS reads them: setfl (eam/alloy), setfl with a density for
// each pair of elements (eam/fs, Finnis–Sinclair), and funcfl (one element).
// docs/formats/setfl.md says what is accepted. Which of them a file is follows
// from its content, not from its name.
//
// References: S. M. Foiles, M. I. Baskes, M. S. Daw, Phys. Rev. B 33, 7983 (1986),
// doi:10.1103/PhysRevB.33.7983; LAMMPS manual, pair_style eam.
package setfl
