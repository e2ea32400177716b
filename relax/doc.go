// Package relax finds the nearest minimum of the energy, or of the enthalpy where
// the cell takes part: FIRE and L-BFGS, on any number of ranks.
//
// # Coordinates
//
// A step moves atom i by u_i and strains all of space by the symmetric ε:
// x → e^ε x + u. The vector of all coordinates is (u, c ε) with c = √N Å, by
// which the curvatures along u (that of a bond) and along the strain (N times the
// bulk modulus times the volume of an atom) are alike. Its gradient is
//
//	∂H/∂u = −F,   ∂H/∂(cε) = −(W − V P₀)/c
//
// with the virial W and the pressure P₀ asked for; what of ε is free is a
// projection. Frozen atoms (md.Frozen) do not move but with the cell.
//
// Vectors over all atoms are columns of domain.Atoms.Tow, which travel with the
// atoms when they change their brick; products of them are summed in fixed point,
// scaled by the largest component, so that the path does not depend on the ranks
// beyond the rounding of the forces.
//
// # References
//
// E. Bitzek, P. Koskinen, F. Gähler, M. Moseler, P. Gumbsch, Phys. Rev. Lett. 97,
// 170201 (2006): FIRE.
// J. Nocedal, Math. Comp. 35, 773 (1980): L-BFGS; W. Chen, Z. Wang, J. Zhou, NIPS 27
// (2014): its form with products only between stored vectors.
// E. B. Tadmor, G. S. Smith, N. Bernstein, E. Kaxiras, Phys. Rev. B 59, 235 (1999):
// strain and positions in one vector.
package relax
