package mpi

import (
	"os"
	"path/filepath"
)

// candidate is one place to look for an MPI library.
type candidate struct {
	path string // a file, or a bare name for the system's loader
	from string // what named it
}

// names of the library, in the order in which they are tried.
var sonames = []string{"libmpi.so.40", "libmpi.so.12", "libmpich.so.12", "libmpi_abi.so.1", "libmpi_abi.so", "libmpi.so"}

// candidates lists the places: the file or folder of WIGNER_MPI and nothing
// else where it is set; the installation of the launcher; MPI_HOME, I_MPI_ROOT,
// CRAY_MPICH_DIR; the names that the system's loader knows. Names of the
// launcher's family come first. launcher is the program that started this
// process ("" where unknown).
func candidates(env func(string) string, l Launch, launcher string) []candidate {
	if p := env("WIGNER_MPI"); p != "" {
		if st, err := os.Stat(p); err == nil && st.IsDir() {
			return within(p, "WIGNER_MPI="+p, l)
		}
		return []candidate{{p, "WIGNER_MPI=" + p}}
	}
	var all []candidate
	if launcher != "" {
		if prefix := filepath.Dir(filepath.Dir(launcher)); prefix != "/" && prefix != "/usr" && filepath.Base(filepath.Dir(launcher)) == "bin" {
			all = append(all, within(prefix, "the launcher "+launcher, l)...)
		}
	}
	for _, name := range []string{"OPAL_PREFIX", "MPI_HOME", "I_MPI_ROOT", "CRAY_MPICH_DIR"} {
		if dir := env(name); dir != "" {
			all = append(all, within(dir, name+"="+dir, l)...)
		}
	}
	for _, n := range ordered(l) {
		all = append(all, candidate{n, "the system's libraries"})
	}
	return all
}

// within lists the libraries that exist below an installation. Cray keeps the
// one with the MPICH ABI in a folder of its own.
func within(dir, from string, l Launch) []candidate {
	var all []candidate
	seen := map[string]bool{}
	for _, sub := range []string{"lib-abi-mpich", ".", "lib", "lib/release", "lib64", "lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu"} {
		for _, n := range ordered(l) {
			p := filepath.Join(dir, sub, n)
			real, err := filepath.EvalSymlinks(p)
			if err != nil || seen[real] {
				continue
			}
			seen[real] = true
			all = append(all, candidate{p, from})
		}
	}
	if len(all) == 0 {
		all = append(all, candidate{filepath.Join(dir, "lib", ordered(l)[0]), from}) // for the report
	}
	return all
}

// ordered is sonames with those of the likely family first.
func ordered(l Launch) []string {
	if l.Likely != MPICH {
		return sonames
	}
	return append(append([]string{}, sonames[1:]...), sonames[0])
}
