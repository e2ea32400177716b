package main

import (
	"slices"
	"testing"
)

// Another version of the program is said, and is no other physics.
func TestProgramDiffers(t *testing.T) {
	old := settings{programKey: "wigner 1", "dynamics.timestep_fs": "1"}
	which, physics := settings{programKey: "wigner 2", "dynamics.timestep_fs": "1"}.differ(map[string]string{settingsKey: old.encode()})
	if physics || !slices.Equal(which, []string{"program (was wigner 1, is wigner 2)"}) {
		t.Errorf("%q, other physics %v", which, physics)
	}
}
