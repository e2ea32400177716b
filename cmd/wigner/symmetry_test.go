package main

import (
	"os"
	"path/filepath"
	"testing"
)

// A folder that holds a page, or trainings of other options, is refused; the package
// internal/symmetry tests what is shown.
func TestSymmetryRefuses(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "report.html"), "a page")
	write(t, filepath.Join(dir, showKey), "seed 1, full false\n")
	refuse(t, 2, []string{"holds a page", "--force"}, "symmetry", "-o", dir)
	for _, key := range []string{"", "mine"} { // another's folder is spared
		dir = t.TempDir()
		foreign := filepath.Join(dir, "work", "x.json")
		if err := os.Mkdir(filepath.Join(dir, "work"), 0o777); err != nil {
			t.Fatal(err)
		}
		write(t, foreign, "{}")
		write(t, filepath.Join(dir, showKey), key)
		refuse(t, 2, []string{"not from a run of it"}, "symmetry", "-o", dir, "--force")
		if !exists(foreign) {
			t.Error("a foreign file is gone")
		}
	}
	dir = t.TempDir()
	write(t, filepath.Join(dir, showKey), "seed 7, full false\n")
	refuse(t, 2, []string{"holds trainings with seed 7", "--force"}, "symmetry", "-o", dir)
	refuse(t, 2, []string{"holds no page and no trainings"}, "symmetry", "-o", dir, "--rewrite-page")
	t.Setenv("PMI_RANK", "0")
	t.Setenv("PMI_SIZE", "2")
	refuse(t, 2, []string{"without a launcher"}, "symmetry", "-o", t.TempDir())
	refuse(t, 2, []string{"invalid argument"}, "symmetry", "-o", dir, "--seed", "x")
	refuse(t, 2, []string{"unknown command"}, "symmetry", "now")
}
