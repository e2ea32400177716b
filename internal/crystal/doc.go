// Package crystal builds crystals from a prototype, each rank its own atoms:
// alloys, vacancies and displacements are functions of (seed, site), so that
// any ranks make the same crystal, and none holds more than its part.
//
// # Sites
//
// Unit cell (i, j, k) of the repeats (n₀, n₁, n₂) and basis atom b of B make
// site ((i·n₁ + j)·n₂ + k)·B + b, from 0. IDs follow the sites without the
// vacant ones, from 1, without gaps.
//
// # Exact numbers
//
// A vacancy fraction f of M sites empties round(f·M) of them exactly, an alloy
// replaces round(f·M) of an element's sites exactly. A random permutation π of
// the sites decides: vacant are those with π(site) < k. π is a keyed Feistel
// network (ten rounds), walked until it falls into the range; its inverse lists
// the vacant sites, which makes the IDs dense without counting anything.
//
// References: M. Luby, C. Rackoff, SIAM J. Comput. 17, 373 (1988), Feistel
// networks as permutations; J. Black, P. Rogaway, CT-RSA 2002, LNCS 2271, 114,
// walking in a finite range; Strukturbericht for the prototypes (A1, A2, A3,
// A4, B1, B2, B3, C1, E2₁).
package crystal
