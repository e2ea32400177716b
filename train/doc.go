// Package train fits the parameters of a potential.Trainable to energies, forces and
// stresses.
//
// The loss of a batch is
//
//	L = w_E ⟨ρ((E − E*)/n)⟩ + w_F ⟨ρ(F − F*)⟩ + w_S ⟨ρ(σ − σ*)⟩
//
// with means over the structures, force components and stress components that have a
// label, each structure counting with its own weight, and ρ(x) = x² or Huber's.
// Its gradient needs ∂²E/∂x∂θ: with u = −∂L/∂F and s = −∂L/∂W,
//
//	∂L/∂θ = Σ ∂L/∂E ∂E/∂θ + d/dh ∂E/∂θ (x + h(u + x·s)) at h = 0,
//
// and the derivative along that direction of positions and strain is a central
// difference of parameter gradients, exact up to h². The difference needs first-order
// code only, which the potential has for its forces anyway; see Pearlmutter, Neural
// Comput. 6, 147 (1994), for the exact form.
//
// Structures are dealt to the ranks of a comm.Comm, and gradients are added up over
// them, so that a step is the same on any number of ranks up to rounding.
package train
