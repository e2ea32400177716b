package mpi

import (
	"fmt"
	"os"
	"strconv"
)

// Launch is what the launcher of this process says in the environment.
type Launch struct {
	Launcher string // the variable that told, as "OMPI_COMM_WORLD_SIZE=4"
	Size     int    // announced number of processes; 0 where the launcher does not say
	Rank     int    // announced rank; only for messages before MPI runs
	Family   Family // the family whose launcher this is, "" where it serves several
	Likely   Family // the family to look for first, "" where nothing tells
}

// Launched says whether an MPI launcher started this process: Open MPI's
// mpirun (OMPI_COMM_WORLD_SIZE), one that speaks PMI (PMI_SIZE: MPICH, Intel
// MPI, Slurm) or PMIx (PMIX_RANK), or srun (SLURM_STEP_NUM_TASKS; SLURM_NTASKS
// alone is only the batch script). One task that srun starts without PMI of any
// kind is a process like any other: it needs no MPI.
func Launched() (Launch, bool) { return launched(os.Getenv) }

func launched(env func(string) string) (Launch, bool) {
	number := func(name string) (int, bool) {
		n, err := strconv.Atoi(env(name))
		return n, err == nil && n >= 0
	}
	for _, k := range []struct{ size, rank string }{
		{"OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK"},
		{"PMI_SIZE", "PMI_RANK"},
		{"PMIX_RANK", "PMIX_RANK"},
		{"SLURM_STEP_NUM_TASKS", "SLURM_PROCID"},
	} {
		n, ok := number(k.size)
		if !ok {
			continue
		}
		l := Launch{Launcher: fmt.Sprintf("%s=%d", k.size, n), Size: n}
		l.Rank, _ = number(k.rank)
		switch {
		case k.size == "SLURM_STEP_NUM_TASKS" && n == 1:
			return Launch{}, false
		case k.size == "OMPI_COMM_WORLD_SIZE":
			l.Family, l.Likely = OpenMPI, OpenMPI
		case k.size == "PMI_SIZE" && env("HYDI_CONTROL_FD") != "": // hydra: MPICH and Intel MPI
			l.Family, l.Likely = MPICH, MPICH
		case k.size == "PMI_SIZE": // Slurm's PMI 1 and 2: few Open MPIs are built for them
			l.Likely = MPICH
		case k.size == "PMIX_RANK":
			l.Size, _ = number("SLURM_STEP_NUM_TASKS") // PMIx has no variable for it
		}
		return l, true
	}
	return Launch{}, false
}
