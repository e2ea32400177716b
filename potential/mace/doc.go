// Package mace reads and evaluates MACE networks natively, from the attributes and
// tensors of a pickled model.
//
// # Mathematics
//
// With directed edges i←j, v = x_i − x_j, r = |v| < r_max, and C channels u:
//
//	x_i    = M[s(i)]                                        embedding of the species
//	h      = U(x)                                           linear maps mix the channels of one irrep
//	w      = MLP(b(T(r)) f(r))                              radial network of the layer; T: Agnesi or r
//	M_i    = Σ_j w_p(r) √(2l₃+1) C(l₁l₂l₃) h_j Y_l₂(v)       paths p = (l₁,l₂,l₃)
//	a_i    = L(M_i) / n_i                                   n: avg_num_neighbors, or 1 + Σ_j tanh²-density
//	B_i[m] = Σ_ν Σ_η W_ν[s(i),η] U_ν[m,q₁…q_ν,η] a[q₁]…a[q_ν]   symmetric contraction, per channel
//	x_i'   = P(B_i) + S[s(i)](x_i)                          S: the self connection
//	E_i    = E0[s(i)] + scale·(ZBL_i + Σ_t R_t(x_i^t)) + shift
//
// h is what travels between ranks (mpnn's record x); a and S(x) are the state.
//
// The contraction is a polynomial of each channel's components of a. Its terms are
// merged to distinct monomials with one coefficient for each species and channel,
// nested (Horner), and evaluated by kernel.Poly; the matrices U are never multiplied.
//
// # Conventions
//
// Those of package o3, mapped here once, on load: features become
// [component][channel], every normalisation goes into a matrix, the sign (−1)^l₂ of the
// edge vector's direction into the couplings. Radial weights stand in the order of the
// paths sorted by l₃.
//
// New64 evaluates the radial network for every edge, in double precision. New32
// tabulates it as cubic B-splines, for each pair of species where it depends on them
// (built when the species are first met).
//
// References: I. Batatia et al., MACE, NeurIPS 2022, arXiv:2206.07697; the symmetric
// contraction, eq. 8–10 there; W. C. Witt et al., J. Chem. Phys. 159, 164101 (2023), doi:10.1063/5.0158783 (evaluation of ACE).
package mace
