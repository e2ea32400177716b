// Package observe measures while atoms move: pair distributions, coordination
// numbers, mean square displacements and diffusion, velocity autocorrelations and
// their spectrum, stress autocorrelations, and means with errors. Each measure is
// an md.Observer that sees atoms where they are, on any number of ranks, and an
// md.Keeper, so that a resumed run goes on as if it had not been interrupted.
//
// # How it is made
//
// What is counted is counted in integers, and sums over atoms are in fixed point
// (comm.Fixed), so that neither ranks nor bricks change a result beyond the
// rounding of the trajectory. What belongs to an atom, as its position at an
// earlier time, is a column of domain.Atoms.Tow and goes where the atom goes.
//
// Time correlations have several origins: a new one every window/origins, each
// for a window.
//
// # Conventions
//
// Units of md inside; tables are in Å, ps, THz, GPa. Times before From are not
// looked at.
//
// # References
//
// M. P. Allen, D. J. Tildesley, Computer Simulation of Liquids (2017): pair
// distribution, correlation functions, diffusion.
// J. M. Dickey, A. Paskin, Phys. Rev. 188, 1407 (1969): the spectrum of velocities is the
// density of vibrational states.
// P. J. Daivis, D. J. Evans, J. Chem. Phys. 100, 541 (1994): viscosity from all components
// of the stress.
// H. Flyvbjerg, H. G. Petersen, J. Chem. Phys. 91, 461 (1989): errors by blocking.
package observe
