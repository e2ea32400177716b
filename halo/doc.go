// Package halo moves atoms and rows of numbers between bricks. Migrate brings
// each atom to the rank whose brick holds it; Borders (or Plan.Rebuild) finds
// the ghosts, the atoms of other bricks and the images of own atoms that lie
// within the depth of the halo, and makes a Plan, which then carries positions
// and features of owners to ghosts as often as wanted.
//
// # The map
//
// Forward is a linear map P from the owners' rows to the ghosts' rows, a copy,
// and Reverse is its transpose Pᵀ, a sum: ⟨Px, y⟩ = ⟨x, Pᵀy⟩. Every atom has one
// feature row on a rank: a ghost that is an image of an atom of the same rank, or
// of another ghost, has a position row only, and Plan.Home leads to the row with
// its features. So one rank alone copies no features, and no atom's features are
// sent to a rank twice.
//
// # Who sends what
//
// The owner decides. It knows the bricks of all ranks, and sends atom j, shifted
// by m lattice vectors, to every rank whose brick, widened by the depth, holds
// s_j + m; widened in fractional coordinates, by depth/Height(k) in direction
// k, which is no less than a ball of that radius needs in any cell. There are no
// stages and no forwarding: every ghost comes straight from its owner, in one
// exchange, whether bricks are thinner than the depth, or cells are, or not.
//
// The shifts are integers. Plan.Positions turns them into vectors by the cell of
// the moment, so a cell that a barostat deforms needs no new plan.
//
// # Order
//
// Owned rows are sorted along a space-filling curve, then by ID. Ghosts follow
// by peer, in rising order of rank, then by shift, then by the row of the owner;
// then come the images of own atoms, last those of ghosts. Sums are made in this order, so results have
// the same bits in every run with the same bricks.
package halo
