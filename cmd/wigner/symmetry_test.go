package main

import (
	"path/filepath"
	"testing"
)

// A folder that holds a page, or trainings of other options, is refused; the package
// internal/symmetry tests what is shown.
func TestSymmetryRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "report.html"), "a page")
	refuse(t, 2, []string{"holds a page", "--force"}, "symmetry", "-o", dir)
	dir = t.TempDir()
	write(t, filepath.Join(dir, showKey), "seed 7, full false\n")
	refuse(t, 2, []string{"holds trainings with seed 7", "--force"}, "symmetry", "-o", dir)
	refuse(t, 2, []string{"invalid argument"}, "symmetry", "-o", dir, "--seed", "x")
	refuse(t, 2, []string{"unknown command"}, "symmetry", "now")
}
