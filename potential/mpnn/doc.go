// Package mpnn is the message-passing machine: it runs a model's layers over
// one rank's atoms, forward for the energies and backward for the edge
// gradients, and makes every exchange between ranks that this needs. A model
// family (potential/nequip) supplies the layers; network.go is the only place
// that calls the halo.
//
// # The pair of records
//
// Between two layers an atom has two records:
//
//	x  what its neighbours read; it travels between ranks
//	s  what only the atom itself reads; it stays
//
// A layer t is everything between two exchanges, a map (x_t, s_t) → (x_t+1, s_t+1):
//
//	m_i     = Σ_j message(x_j, r_ij)       over the edges of i
//	s_t    += linear(m)                    s_t is complete now
//	h       = gate(s_t)
//	x_t+1   = linear(h),  s_t+1 = skip(h)
//
// The skip connection of the next layer is therefore written by this layer,
// into the state that the next layer adds to. The alternative, keeping h and
// mapping it twice, would cost another record per atom and another pass over
// memory; with the pair, h exists for one block of atoms only.
//
// # Backward
//
// s_t is all that the forward sweep leaves per atom and layer, and it is
// overwritten in place by its gradient. A layer goes backward in two sweeps,
// because x_t+1's gradient must be consumed before its buffer is used for x_t's:
//
//	nodes   gh = gx_t+1·linearᵀ + gs_t+1·skipᵀ,  s_t := gate'(s_t, gh)
//	edges   gm = s_t·linearᵀ,  gx_t and ∂E/∂r_ij from gm, x_t
//
// Between the two, x_t is rebuilt for the owned atoms by layer t−1 from s_t−1;
// the ghosts' rows are kept from the forward sweep, so no exchange is repeated.
// Two buffers x and gx serve the whole network. With less memory (type Memory) the
// states of the first layers are not kept, and those layers are run again.
//
// Reference: J. Gilmer et al., Neural message passing for quantum chemistry,
// ICML 2017; the edge gradients as contract: docs/decisions.
package mpnn
