// Package md moves atoms in time. Evaluator is one step's work: ghosts, list,
// potential, forces (Evaluate). Sim adds the phase space: masses, velocities,
// time, an Integrator that moves them and Observers that look on.
//
//	stale?     largest displacement since the list > skin/2 on any rank
//	  yes      halo.Migrate, Plan.Rebuild, neighbor.Build
//	  no       Plan.Positions
//	potential  E_i and the stream of ∂E/∂r_ij
//	close      the ghosts' forces go home
//
// # Conventions
//
// Å, eV, amu; time in Å·√(amu/eV) (10.18 fs; see Femtosecond); temperature in
// K; forces eV/Å. The virial W = −Σ r ⊗ ∂E/∂r (eV) and the pressure
// P = (Σ m v⊗v + W)/V are positive under compression.
//
// Functions that say "collective" must be called by all ranks in the same order.
//
// # Determinism
//
// Sums over atoms are made in 64-bit fixed point (comm.Fixed), noise is a
// function of (seed, atom id, step), and rows stay in place between rebuilds:
// the same bricks give the same bits on every run and on any number of
// processes. Other bricks give the same trajectory up to rounding.
//
// # References
//
// W. C. Swope et al., J. Chem. Phys. 76, 637 (1982): velocity Verlet.
// B. Leimkuhler, C. Matthews, Appl. Math. Res. Express 2013, 34: BAOAB.
package md
