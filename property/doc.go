// Package property computes what crystals are known by: elastic constants and the
// equation of state, from stresses and energies of relaxed cells, on any number of
// ranks.
//
// # Conventions
//
// Units of md: pressures and moduli in eV/Å³. Voigt's order is xx, yy, zz, yz, xz,
// xy; shear strains are engineering ones, twice the component of the tensor.
// Stresses are positive in tension.
//
// # References
//
// J. F. Nye, Physical Properties of Crystals (1957): elastic constants.
// F. Mouhat, F.-X. Coudert, Phys. Rev. B 90, 224104 (2014): stability.
// R. Hill, Proc. Phys. Soc. A 65, 349 (1952): averages over grains.
// S. I. Ranganathan, M. Ostoja-Starzewski, Phys. Rev. Lett. 101, 055504 (2008): the
// universal anisotropy.
// F. Birch, Phys. Rev. 71, 809 (1947): the equation of state.
package property
