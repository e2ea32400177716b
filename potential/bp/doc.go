// Package bp holds Behler–Parrinello networks: the energy of an atom is that of a network
// of its element, whose inputs are symmetry functions of the neighbours,
//
//	E_i = s·N(x_i) + E₀,   x_if = l_f + a_f (G_if − z_f)
//
// radial ones, Σ_j of a function of r_ij, and angular ones, Σ_{j<k} of functions of r_ij,
// r_ik, of r_jk where they are narrow, and of cos θ_jik. The types have n2p2's numbers, and
// its files (io/n2p2) are such models.
//
// Functions are invariant under rotations, reflections and the order of neighbours, so E_i
// is, and an atom's energy is local to one cutoff: no features travel between ranks.
//
// # How it is evaluated
//
// An angular function is a sum over triplets of A_m·B_b, where A_m is a product of one
// function of distance at each bond and B_b depends on the angle. Functions that differ in
// one of the two share the other: a group has M of the former, N of the latter, and gives
// M×N sums. With C_mb = ∂E/∂G_mb, the way back needs Σ_b C_mb B_b and Σ_b C_mb B′_b alone.
// Functions of the bonds of the centre are evaluated once per bond.
//
// References: J. Behler and M. Parrinello, Phys. Rev. Lett. 98, 146401 (2007),
// doi:10.1103/PhysRevLett.98.146401; J. Behler, J. Chem. Phys. 134, 074106 (2011),
// doi:10.1063/1.3553717; compact functions: M. P. Bircher, A. Singraber, C. Dellago, Mach.
// Learn.: Sci. Technol. 2, 035026 (2021), doi:10.1088/2632-2153/abf817.
package bp
