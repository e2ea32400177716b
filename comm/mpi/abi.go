package mpi

import "strings"

// Family is a binary interface of MPI libraries: what a handle is and which
// numbers the constants have.
type Family string

// The families that this package speaks.
const (
	OpenMPI Family = "Open MPI"  // handles are addresses of the library's symbols
	MPICH   Family = "MPICH ABI" // 32-bit handles: MPICH, Intel MPI, MVAPICH, Cray MPICH, ParaStation MPI
	MPI5    Family = "MPI-5 ABI" // the handles of the MPI 5.0 standard, chapter 20
)

// abi is what differs between the families, as far as it is used here.
type abi struct {
	handle  int     // bytes of a request handle
	status  int     // bytes of MPI_Status
	errorAt int     // where MPI_ERROR is in it
	inPlace uintptr // MPI_IN_PLACE
	levels  [4]int32

	world, self, bytes, int64s, sum, max, min, errorsReturn uintptr
}

var levelNames = [4]string{"MPI_THREAD_SINGLE", "MPI_THREAD_FUNNELED", "MPI_THREAD_SERIALIZED", "MPI_THREAD_MULTIPLE"}

// Sources of the numbers: mpi.h of Open MPI 4.1.4 and of MPICH 4.0.2 (the same
// since MPICH 3.1, by the MPICH ABI agreement of 2013), and mpi_abi.h of MPICH 5.0.2 (MPI 5.0, section 20.3).
func mpichABI() abi {
	return abi{
		handle: 4, status: 20, errorAt: 16, inPlace: ^uintptr(0), levels: [4]int32{0, 1, 2, 3},
		world: 0x44000000, self: 0x44000001, bytes: 0x4c00010d, int64s: 0x4c00083a,
		max: 0x58000001, min: 0x58000002, sum: 0x58000003, errorsReturn: 0x54000001,
	}
}

func mpi5ABI() abi {
	return abi{
		handle: 8, status: 32, errorAt: 8, inPlace: 1, levels: [4]int32{0, 1024, 2048, 4096},
		world: 0x101, self: 0x102, bytes: 0x247, int64s: 0x258,
		sum: 0x21, min: 0x22, max: 0x23, errorsReturn: 0x143,
	}
}

// openMPI looks the handles up; ok is false where a symbol is missing.
func openMPI(symbol func(string) uintptr) (a abi, ok bool) {
	a = abi{handle: 8, status: 24, errorAt: 8, inPlace: 1, levels: [4]int32{0, 1, 2, 3}}
	for name, p := range map[string]*uintptr{
		"ompi_mpi_comm_world": &a.world, "ompi_mpi_comm_self": &a.self, "ompi_mpi_byte": &a.bytes, "ompi_mpi_int64_t": &a.int64s,
		"ompi_mpi_op_sum": &a.sum, "ompi_mpi_op_max": &a.max, "ompi_mpi_op_min": &a.min,
		"ompi_mpi_errors_return": &a.errorsReturn,
	} {
		if *p = symbol(name); *p == 0 {
			return abi{}, false
		}
	}
	return a, true
}

// speaksMPICH recognises the libraries that have agreed on the MPICH ABI by
// the text of MPI_Get_library_version.
func speaksMPICH(version string) bool {
	v := strings.ToLower(version)
	for _, name := range []string{"mpich", "intel(r) mpi", "mvapich", "parastation"} {
		if strings.Contains(v, name) {
			return true
		}
	}
	return false
}

func (a *abi) levelName(level int32) string {
	for k, v := range a.levels {
		if v == level {
			return levelNames[k]
		}
	}
	return "an unknown thread level"
}

// truncated recognises MPI_ERR_TRUNCATE by the library's text or, in the MPI-5
// ABI, by its number: the first libraries give the text of another error there
// (MPICH 5.0.2, Intel MPI 2021.19).
func truncated(f Family, code int32, text string) bool {
	return strings.Contains(strings.ToLower(text), "truncat") || f == MPI5 && code == 15
}
