// Package mpi is the transport whose ranks are processes: it opens the MPI
// library of the machine at run time (no cgo, no build tag), so that one and
// the same binary runs under Open MPI, the libraries of the MPICH ABI (MPICH,
// Intel MPI, MVAPICH, Cray MPICH) and those of the MPI-5 standard ABI.
//
// All calls of MPI are made by one goroutine, locked to its thread from
// MPI_Init_thread to MPI_Finalize, and waiting gives the core to others.
//
// Reductions of a few numbers, which is what a time step needs, gather the
// numbers of all ranks (8·Size bytes each) and combine them on every rank in
// the order of the ranks: the bits are those of comm/inproc. So do all sums of
// real numbers. Long reductions of integers are MPI's own, and so are Max and
// Min, as integers that compare as the numbers do: no order can change them.
package mpi

import (
	"time"

	"github.com/wigner-md/wigner/comm"
)

// Options of a run. The zero value is what a program wants.
type Options struct {
	// MaxMessage is the size in bytes above which a message travels in parts
	// (0: 1 GiB). It must be the same on all ranks.
	MaxMessage int
	// Grace is how long a rank whose function failed waits for the others to
	// end as well, before it ends the job (0: 2 s). After a failure MPI_Finalize may
	// take ten times as long.
	Grace time.Duration
}

// Run initialises MPI, calls f with the communicator of all processes, and
// finalises. It must be called at most once in a process, before the process
// has started any other. f's argument is a *Comm.
//
// When all ranks end, each gets its own error back, or a *comm.PeerError with
// the text of another's where only others failed, and MPI is finalised. When f fails
// or panics on some ranks while others go on, the error is printed and the
// whole job is ended (MPI_Abort).
//
// A launcher's environment without a usable library, and a library that sees
// another number of ranks than the launcher announced, are errors.
func Run(f func(comm.Comm) error) error { return Options{}.Run(f) }

// Machine is one machine of the job: the processes on it, in rising order, and how many
// cores they may use between them; 0 where the system does not tell.
type Machine struct {
	Processes []int
	Cores     int
}

func (o Options) withDefaults() Options {
	if o.MaxMessage <= 0 {
		o.MaxMessage = 1 << 30
	}
	if o.Grace <= 0 {
		o.Grace = 2 * time.Second
	}
	return o
}
