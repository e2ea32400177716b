// Package soap holds the smooth overlap of atomic positions: the power spectrum of the
// smoothed density of an atom's neighbours, and two models on it whose energy is linear in
// their coefficients.
//
// The density of the neighbours of element s of atom i, and its expansion, are
//
//	ρ_s(x) = Σ_j f_c(r_ij) exp(−|x − r_ij|²/2σ²)
//	c_snlm = ∫ g_nl(|x|) Y_lm(x̂) ρ_s(x) d³x = Σ_j f_c(r_ij) I_nl(r_ij) Y_lm(r̂_ij)
//	I_nl(r) = 4π ∫ u² g_nl(u) e^{−(u²+r²)/2σ²} i_l(ur/σ²) du
//
// over the neighbours of element s and, with the weight Settings.Central, the atom itself.
// Y_lm are real and orthonormal, i_l are modified spherical Bessel functions. Averaging
// products of two densities over rotations leaves, with a, b = (s, n),
//
//	p_abl = π √(8/(2l+1)) Σ_m c_alm c_blm,   a ≤ b,
//
// invariant under O(3), translations, and the exchange of like atoms; Spectrum orders them
// by a, b, l, l fastest. The radial functions are orthonormal, ∫ r² g_n g_n′ dr = δ_nn′, by
// g = S^{−1/2} φ with the overlaps S of
//
//	GTO         φ_n = r^l exp(−α_nl r²), which falls to 10⁻³ at 1 Å + (r_c − 1 Å)(n−1)/(N−1)
//	Polynomial  φ_n = (r_c − r)^{n+2} for r < r_c, n = 1 … N
//	Powers      φ_n ∝ r^n exp(−r²/2σ_n²), σ_n = r_c max(√n, 1)/N, n = 0 … N−1, of norm 1
//
// These are the conventions of DScribe, whose values are reproduced; with Powers and Cosine
// the values are those of featomic, whose factor is another (see the tests). Inside models products
// with a ≠ b count √2, so that p·p′ is the sum over all a and b.
//
//	linear  E_i = e_z + w_z · (p_i − p⁰_z)
//	kernel  E_i = e_z + Σ_k α_zk [(p̂_i · q̂_zk)^ζ − (p̂⁰_z · q̂_zk)^ζ],  p̂ = p/|p|
//
// with p⁰ the atom alone, whose energy is therefore e_z, and q the environments that the
// kernel compares with. All is in double precision. f_c I_nl is read from tables, whose
// cubic pieces have the slope that the gradients use.
//
// References: A. P. Bartók, R. Kondor, G. Csányi, Phys. Rev. B 87, 184115 (2013),
// doi:10.1103/PhysRevB.87.184115; L. Himanen et al., Comput. Phys. Commun. 247, 106949
// (2020), doi:10.1016/j.cpc.2019.106949; A. P. Bartók, G. Csányi, Int. J. Quantum Chem.
// 115, 1051 (2015), doi:10.1002/qua.24927, on the sparse kernel model.
package soap
