// Package naive holds what one would try first, as controls: networks that see a whole
// molecule at once,
//
//	E = shift + scale · y(q),   y = W_L tanh(… tanh(W_1 (q − ⟨q⟩)/s + b_1) …) + b_L
//
// with q the molecule's 3n Cartesian coordinates, atom by atom (Raw), or its n(n−1)/2
// pair distances (Distances). Each atom has its slot, which is its number in the file.
//
//	Raw                  no symmetry: another energy when the molecule is moved (unless
//	                     Centred), turned, mirrored, or its atoms are numbered otherwise
//	Distances            O(3) and translations; another energy for another numbering
//	Distances, Sorted    these and the exchange of like atoms; distances of a pair of
//	                     elements are sorted, so that forces jump where two of them cross
//
// These models serve one molecule of fixed composition, without periodicity, on one rank:
// energies of other sizes mean nothing, and Admits says so. Everything is in double
// precision. Forces are exact gradients. A network of raw coordinates has no gradient by
// edges, since it is no function of differences of positions: it is the one potential that
// hands gradients by atom to potential.Bonds. Each atom gets an n-th of the energy.
//
// References: J. Behler, "Constructing high-dimensional neural network potentials: A
// tutorial review", Int. J. Quantum Chem. 115, 1032 (2015), doi:10.1002/qua.24890, section
// on Cartesian coordinates; M. Rupp et al., Phys. Rev. Lett. 108, 058301 (2012),
// doi:10.1103/PhysRevLett.108.058301, on sorted representations.
package naive
