// Package nequip reads and evaluates NequIP networks as SevenNet trains them,
// natively, from the tensors of a checkpoint.
//
// # Mathematics
//
// With directed edges i←j, r_ij = x_j − x_i, r = |r_ij| < r_c, and features x
// of irreps of O(3) (or of SO(3), for models trained without parity):
//
//	b_n(r) = (2/r_c) sin(c_n r)/r · f(r)                      radial basis, envelope f
//	w      = W_k·Aφ(… Aφ(W_0·b/√n_0) …)/√n_k                  radial network of the layer
//	x1     = L1(x)                                            linear maps mix the channels of one irrep
//	m_i    = 1/d Σ_j w_p(r) √(2l₃+1) C(l₁l₂l₃) x1_j Y_l₂(r_ij)   over the paths p = (l₁,l₂,l₃)
//	y      = L2(m) + S(x)                                     S: the self connection
//	x'     = gate(y)                                          Aφ(scalars), gated others
//	E_i    = scale·R(x_last) + shift
//
// φ is silu, A its second-moment constant as e3nn drew it.
//
// # Conventions
//
// Those of package o3 (y-polar harmonics, component normalisation, e3nn's
// couplings), mapped here, once, on load: features become [component][channel],
// every normalisation goes into a matrix, the sign of a coupling that an older
// e3nn had turned goes into the radial weights of its path, the denominator
// into L2. Trained files are told apart by their version: up to 0.9 the
// harmonics are by default those of the raw vector; from 0.11 on the radial
// weights stand in the order of the outputs. Of a multi-fidelity model one
// modality is evaluated, which is a bias of the linear maps that it enters.
//
// New64 evaluates the radial network for every edge, in double precision.
// New32 tabulates it as cubic B-splines whose error is measured when they are
// made; only edges shorter than the first knot use the network itself.
//
// References: S. Batzner et al., Nature Communications 13, 2453 (2022),
// doi:10.1038/s41467-022-29939-5; Y. Park et al., J. Chem. Theory Comput. 20,
// 4857 (2024), doi:10.1021/acs.jctc.4c00190 (SevenNet).
package nequip
