//go:build linux && (amd64 || arm64)

package mpi

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// The functions of MPI that are used.
const (
	fnInitThread = iota
	fnFinalize
	fnAbort
	fnGetVersion
	fnGetLibraryVersion
	fnErrorString
	fnCommDup
	fnCommRank
	fnCommSize
	fnCommSetErrhandler
	fnIsend
	fnIrecv
	fnTestall
	fnGetCount
	fnAllreduce
	fnAllgather
	fnIallreduce
	fnIallgather
	numFunctions
)

var functions = [numFunctions]string{
	"MPI_Init_thread", "MPI_Finalize", "MPI_Abort", "MPI_Get_version", "MPI_Get_library_version",
	"MPI_Error_string", "MPI_Comm_dup", "MPI_Comm_rank", "MPI_Comm_size", "MPI_Comm_set_errhandler",
	"MPI_Isend", "MPI_Irecv", "MPI_Testall", "MPI_Get_count", "MPI_Allreduce", "MPI_Allgather", "MPI_Iallreduce", "MPI_Iallgather",
}

// library is an open MPI library.
type library struct {
	abi
	family  Family
	version string
	file    string
	fn      [numFunctions]uintptr
	mem     *arena
	text    []byte  // for texts from C
	out     []int64 // for results from C
}

// environment that keeps libraries from replacing Go's signal handlers, which
// Go's memory faults and preemption need. It must be set before a library is
// opened: UCX installs its handlers from a constructor.
func quietSignals() error {
	for _, name := range []string{"UCX_ERROR_SIGNALS", "OMPI_MCA_opal_signal"} {
		if _, set := os.LookupEnv(name); set {
			continue
		}
		if err := os.Setenv(name, ""); err != nil { // reaches C's environment too
			return fmt.Errorf("mpi: setting %s: %w", name, err)
		}
	}
	return nil
}

// open finds a library and notes what it looked at in info.
func open(info *Info) (*library, error) {
	info.Launch, info.Launched = Launched()
	if err := quietSignals(); err != nil {
		return nil, err
	}
	launcher, _ := os.Readlink(fmt.Sprintf("/proc/%d/exe", os.Getppid()))
	mem := &arena{}
	for _, k := range candidates(os.Getenv, info.Launch, launcher) {
		lib, err := try(k, info, mem)
		if err != nil {
			info.Tried = append(info.Tried, Attempt{k.path, k.from, err.Error()})
			continue
		}
		info.Tried = append(info.Tried, Attempt{k.path, k.from, ""})
		info.Library, info.Family, info.Version = lib.file, lib.family, lib.version
		if err := lib.call(fnGetVersion, lib.outAt(0), lib.outAt(1)); err != nil {
			return nil, err
		}
		info.warn()
		info.Standard = fmt.Sprintf("%d.%d", int32(lib.out[0]), int32(lib.out[1]))
		return lib, nil
	}
	return nil, info.noLibrary()
}

// try opens one candidate. Its symbols stay private until it is known to be
// the right one: a second MPI in the global scope would mix with it.
func try(k candidate, info *Info, mem *arena) (*library, error) {
	h, err := purego.Dlopen(k.path, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, errors.New(strings.TrimSpace(strings.TrimPrefix(err.Error(), k.path+": ")))
	}
	lib := &library{mem: mem, text: mem.alloc(8192), out: int64s(mem.alloc(64))}
	if err = lib.bind(h); err == nil {
		// A library that the user names is used even so: Run finds out whether
		// it knows its launcher.
		if f := info.Launch.Family; f != "" && f != lib.family && lib.family != MPI5 && !strings.HasPrefix(k.from, "WIGNER_MPI") {
			err = fmt.Errorf("it is %s, the launcher is not", lib.family)
		}
	}
	if err != nil {
		purego.Dlclose(h)
		return nil, err
	}
	// Open MPI's plugins need its symbols.
	if _, err := purego.Dlopen(k.path, purego.RTLD_NOW|purego.RTLD_GLOBAL); err != nil {
		return nil, err
	}
	lib.file = fileOf(lib.fn[fnInitThread], k.path)
	return lib, nil
}

// bind looks the functions up and finds the family out.
func (lib *library) bind(h uintptr) error {
	symbol := func(name string) uintptr {
		p, err := purego.Dlsym(h, name)
		if err != nil {
			return 0
		}
		return p
	}
	for k, name := range functions {
		if lib.fn[k] = symbol(name); lib.fn[k] == 0 {
			return fmt.Errorf("it has no %s", name)
		}
	}
	if err := lib.call(fnGetLibraryVersion, address(lib.text), lib.outAt(0)); err != nil {
		return err
	}
	lib.version = lib.textUpTo(lib.out[0])
	if p := symbol("MPI_Abi_get_version"); p != 0 {
		// A library of another ABI may have the function too; it then gives −1.
		lib.out[0], lib.out[1] = 0, 0
		purego.SyscallN(p, lib.outAt(0), lib.outAt(1))
		if int32(lib.out[0]) >= 1 {
			lib.family, lib.abi = MPI5, mpi5ABI()
			return nil
		}
	}
	if a, ok := openMPI(symbol); ok {
		lib.family, lib.abi = OpenMPI, a
		return nil
	}
	if speaksMPICH(lib.version) {
		lib.family, lib.abi = MPICH, mpichABI()
		return nil
	}
	name, _, _ := strings.Cut(lib.version, "\n")
	return fmt.Errorf("%q is neither Open MPI, nor of the MPICH ABI, nor of the MPI-5 ABI", name)
}

// call calls a function of MPI and makes its code an error.
func (lib *library) call(f int, args ...uintptr) error {
	r, _, _ := purego.SyscallN(lib.fn[f], args...)
	if code := int32(r); code != 0 {
		return fmt.Errorf("mpi: %s: %s", functions[f], lib.errorText(code))
	}
	return nil
}

func (lib *library) errorText(code int32) string {
	lib.out[7] = 0
	r, _, _ := purego.SyscallN(lib.fn[fnErrorString], uintptr(code), address(lib.text), lib.outAt(7))
	if int32(r) != 0 {
		return fmt.Sprintf("error code %d", code)
	}
	return strings.Join(strings.Fields(lib.textUpTo(lib.out[7])), " ")
}

func (lib *library) textUpTo(n int64) string {
	text := lib.text[:max(0, min(int(int32(n)), len(lib.text)))]
	return strings.TrimSpace(string(bytes.TrimRight(text, "\x00")))
}

func (lib *library) outAt(i int) uintptr { return uintptr(unsafe.Pointer(&lib.out[i])) }

// finalize is MPI_Finalize and then what the C library would do at exit, which
// Go's os.Exit does not: some libraries (MPICH ≥ 4.2) say farewell to the
// launcher only there, and without it the launcher kills the other ranks.
func (lib *library) finalize() error {
	if err := lib.call(fnFinalize); err != nil {
		return err
	}
	for _, name := range []string{"fflush", "__cxa_finalize"} {
		if p, err := purego.Dlsym(purego.RTLD_DEFAULT, name); err == nil {
			purego.SyscallN(p, 0) // of all files, of all libraries
		}
	}
	return nil
}

// fileOf finds the file that an address was loaded from.
func fileOf(p uintptr, otherwise string) string {
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return otherwise
	}
	for line := range strings.Lines(string(maps)) {
		var lo, hi uintptr
		if _, err := fmt.Sscanf(line, "%x-%x", &lo, &hi); err != nil || p < lo || p >= hi {
			continue
		}
		if k := strings.IndexByte(line, '/'); k >= 0 {
			return strings.TrimSpace(line[k:])
		}
	}
	return otherwise
}

// Describe says what was looked for and found, without starting MPI. The error
// is that of Run where there is no usable library.
func Describe() (Info, error) {
	var info Info
	_, err := open(&info)
	return info, err
}
