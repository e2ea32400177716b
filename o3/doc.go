// Package o3 is the language of representations of the group O(3): irreps,
// real spherical harmonics, the couplings between them (Wigner 3j symbols in a
// real basis), rotation matrices D, and the paths of a tensor product.
//
// The function that everything rests on is Y_l: R³ → R^(2l+1) with
//
//	Y_l(R x) = D_l(R) Y_l(x)
//
// for every rotation R, and the coupling C(l1,l2,l3) is the tensor, unique up
// to its sign, that the three D leave alone:
//
//	Σ_abc D_l1[i,a] D_l2[j,b] D_l3[k,c] C[a,b,c] = C[i,j,k].
//
// Conventions, those of e3nn 0.4:
//
//   - y is the polar axis. Components are in the order m = −l … l, and for
//     l = 1 they are √3·(x, y, z), so that D_1(R) is R itself.
//   - 'component' normalisation: ‖Y_l(n)‖² = 2l+1 for a unit vector n.
//   - Without normalisation of the argument Y_l is a homogeneous polynomial of
//     degree l; its parity is (−1)^l.
//   - Couplings have Frobenius norm 1.
//   - Among irreps of one l the odd one comes before the even one.
//
// Everything here is in double precision and meant to be called when a model is
// loaded; the loops over edges and channels are in internal/kernel.
//
// References: M. Geiger and T. Smidt, e3nn: Euclidean neural networks,
// arXiv:2207.09453; D. A. Varshalovich, A. N. Moskalev and V. K. Khersonskii,
// Quantum Theory of Angular Momentum, World Scientific 1988.
package o3
