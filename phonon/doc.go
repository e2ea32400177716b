// Package phonon computes the harmonic vibrations of a crystal from the forces in
// a supercell in which atoms are displaced: force constants, the dynamical matrix,
// bands, the density of states and the thermal properties that follow from it.
//
// # The mathematics
//
// F_jβ = −Σ_α u_iα Φ_iα,jβ in the supercell. With mass-weighted displacements,
//
//	D_iα,kβ(q) = (m_i m_k)^(−1/2) Σ_j Φ_iα,jβ ⟨exp(2πi q·(x_j − x_i))⟩
//
// where j runs over the atoms of the supercell that are translations of k, and the
// mean over those of its images that are nearest to i: an atom on the boundary of the
// Wigner–Seitz cell of the supercell counts in equal parts on all sides. ω² are
// the eigenvalues of D.
//
// # Conventions
//
// Å, eV, amu; force constants eV/Å²; frequencies ν = ω/2π in THz, imaginary ones negative. q is in
// units of the reciprocal vectors of the primitive cell. The atoms of the
// supercell stand in the order of phonopy's: each atom of the unit cell with all its
// copies, the first lattice vector fastest.
//
// # References
//
// K. Parlinski, Z. Q. Li, Y. Kawazoe, Phys. Rev. Lett. 78, 4063 (1997): force constants of
// supercells.
// A. Togo, I. Tanaka, Scr. Mater. 108, 1 (2015): phonopy.
// W. Setyawan, S. Curtarolo, Comput. Mater. Sci. 49, 299 (2010): paths in Brillouin zones.
package phonon
