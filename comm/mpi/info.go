package mpi

import (
	"fmt"
	"os"
	"strings"
)

// Info is what was looked for and found: the text of `wigner mpi`.
type Info struct {
	Launch   Launch
	Launched bool
	Tried    []Attempt // in order; the last one is the library in use, if Library is not empty
	Library  string    // path of the file in use
	Family   Family
	Version  string   // MPI_Get_library_version
	Standard string   // MPI_Get_version, as "3.1"
	Level    string   // thread level provided; "" before MPI_Init_thread
	Rank     int      // in the world; valid when Size > 0
	Size     int      // 0 before MPI_Init_thread
	Restored []string // signals whose Go handler the library had replaced
}

// Attempt is one library that was looked at.
type Attempt struct {
	Path, From string
	Problem    string // why it is not used; "" for the one in use
}

// String is a readable report of several lines.
func (i *Info) String() string {
	var b strings.Builder
	if i.Launched {
		fmt.Fprintf(&b, "launcher   %s\n", i.Launch.Launcher)
	} else {
		b.WriteString("launcher   none recognised (OMPI_COMM_WORLD_SIZE, PMI_SIZE, PMIX_RANK, SLURM_STEP_NUM_TASKS)\n")
	}
	for _, a := range i.Tried {
		what := a.Problem
		if what == "" {
			what = "in use"
		}
		fmt.Fprintf(&b, "looked at  %s, from %s: %s\n", a.Path, a.From, what)
	}
	if i.Library == "" {
		b.WriteString("library    none found; WIGNER_MPI=/path/to/libmpi.so names one\n")
		return b.String()
	}
	version, _, _ := strings.Cut(strings.TrimSpace(i.Version), "\n")
	fmt.Fprintf(&b, "library    %s\nfamily     %s\nversion    %s\nstandard   MPI %s\n", i.Library, i.Family, version, i.Standard)
	if i.Size > 0 {
		fmt.Fprintf(&b, "threads    %s\nranks      %d\n", i.Level, i.Size)
	}
	if len(i.Restored) > 0 {
		fmt.Fprintf(&b, "signals    the library's handlers for %s were replaced by Go's\n", strings.Join(i.Restored, ", "))
	}
	return b.String()
}

// noLibrary is the error of a launched process without a usable library.
func (i *Info) noLibrary() error {
	var b strings.Builder
	b.WriteString("mpi: no usable MPI library")
	if i.Launched {
		fmt.Fprintf(&b, " although a launcher started this process (%s)", i.Launch.Launcher)
	}
	b.WriteString("; looked at")
	for k, a := range i.Tried {
		if k > 0 {
			b.WriteString(";")
		}
		fmt.Fprintf(&b, " %s from %s (%s)", a.Path, a.From, a.Problem)
	}
	b.WriteString(". Set WIGNER_MPI to the libmpi.so of the launcher's MPI, or start wigner without a launcher")
	return fmt.Errorf("%s", b.String())
}

// warn tells, before MPI_Init, of a library that the user named and that is not
// of the launcher's family: some end the process there with a text of their own.
func (i *Info) warn() {
	is := i.Family
	if is == MPI5 && speaksMPICH(i.Version) {
		is = MPICH
	}
	if f := i.Launch.Family; f != "" && is != f && is != MPI5 && i.Launch.Rank == 0 {
		fmt.Fprintf(os.Stderr, "wigner: the launcher (%s) is that of %s, but %s is %s: they seem to belong to different MPIs. %s\n",
			i.Launch.Launcher, f, i.Library, is, remedy)
	}
}

const remedy = "Set WIGNER_MPI to the libmpi.so of the MPI whose mpirun (or srun --mpi=...) is used"

// check compares the world with what the launcher announced. Some PMIx launchers
// announce a rank and no size; a library that does not know them makes every
// process rank 0 of 1, so there a world of one is refused.
func (i *Info) check() error {
	l := i.Launch
	switch {
	case !i.Launched || l.Size == i.Size:
		return nil
	case l.Size > 0:
		return i.mismatch()
	case l.Rank >= i.Size:
		return fmt.Errorf("mpi: the launcher started this process as rank %d (%s) but %s (%s) sees %d ranks: "+
			"the library and the launcher belong to different MPIs. %s", l.Rank, l.Launcher, i.Library, i.Family, i.Size, remedy)
	case i.Size == 1:
		return fmt.Errorf("mpi: the launcher (%s) does not say how many processes it started, and %s (%s) sees this one only: "+
			"they seem to belong to different MPIs. %s; for one process start wigner without a launcher, and without %s",
			l.Launcher, i.Library, i.Family, remedy, l.Launcher)
	}
	return nil
}

// mismatch is the error of a library that does not know its launcher: every
// process would be a world of its own.
func (i *Info) mismatch() error {
	version, _, _ := strings.Cut(strings.TrimSpace(i.Version), "\n")
	return fmt.Errorf("mpi: the launcher announced %d ranks (%s) but %s (%s, %s) sees %d: "+
		"the library and the launcher belong to different MPIs. %s",
		i.Launch.Size, i.Launch.Launcher, i.Library, i.Family, version, i.Size, remedy)
}
