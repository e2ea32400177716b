// Package ensemble moves atoms in contact with a heat bath and under pressure:
// Motion is the integrator, of which a Bath, a Piston and a Deformation are parts
// that may be left out.
//
//	Chain       Nosé–Hoover chain                    canonical, deterministic
//	CSVR        stochastic velocity rescaling        canonical
//	Local       Langevin's noise on every atom       canonical
//	MTK         Martyna–Tobias–Klein piston          isobaric (isoenthalpic without a bath)
//	CRescale    stochastic cell rescaling            isobaric, first order
//	Deformation the cell at a constant rate
//
// # One step
//
// With the operators B (velocities by forces), A (positions by velocities), O (a
// local bath), S (the cell, by a stochastic piston or a deformation), T (a global
// bath) and P (the velocity of an inertial piston), each over the time written:
//
//	T½ P½ B½ A½ O S A½ · evaluate · B½ · measure · P½ T½
//
// which is symmetric in time. Sums over atoms (kinetic energy, virial) are in
// fixed point and everything derived from them is computed alike on all ranks;
// noise is a function of seed and step, or of seed, atom and step.
//
// # Conventions
//
// Units as in md. Pressures are positive under compression, in eV/Å³; tensors are
// full 3×3 matrices in the axes x, y, z. A matrix of the cell acts on columns:
// x → m·x, and so on each lattice vector.
//
// # References
//
// G. J. Martyna, M. L. Klein, M. Tuckerman, J. Chem. Phys. 97, 2635 (1992): chains.
// G. J. Martyna, M. E. Tuckerman, D. J. Tobias, M. L. Klein, Mol. Phys. 87, 1117
// (1996): their integration, and that of the pistons.
// G. J. Martyna, D. J. Tobias, M. L. Klein, J. Chem. Phys. 101, 4177 (1994): MTK.
// M. E. Tuckerman, J. Alejandre, R. López-Rendón, A. L. Jochim, G. J. Martyna,
// J. Phys. A 39, 5629 (2006): its measure-preserving form.
// G. Bussi, D. Donadio, M. Parrinello, J. Chem. Phys. 126, 014101 (2007): CSVR.
// M. Bernetti, G. Bussi, J. Chem. Phys. 153, 114107 (2020): cell rescaling.
// V. Del Tatto, P. Raiteri, M. Bernetti, G. Bussi, Appl. Sci. 12, 1139 (2022): the
// same for all of the cell.
// G. Marsaglia, W. W. Tsang, ACM Trans. Math. Softw. 26, 363 (2000): Γ variates.
package ensemble
