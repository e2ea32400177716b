//go:build !invariants

// Package invariant holds checks that cost too much for production. They exist
// only in programs built with the tag invariants.
package invariant

// Enabled is true in programs built with the tag invariants.
const Enabled = false
