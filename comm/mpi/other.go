//go:build !(linux && (amd64 || arm64))

package mpi

import (
	"errors"

	"github.com/wigner-md/wigner/comm"
)

var errSystem = errors.New("mpi: MPI is supported on Linux (amd64, arm64) only; start wigner without a launcher")

// Comm is the communicator of all processes. It does not exist on this system.
type Comm struct{ comm.Comm }

// Info says what was looked for and found.
func (c *Comm) Info() Info { return Info{} }

// Machines finds none.
func (c *Comm) Machines() []Machine { return nil }

// Run is not supported on this system.
func (o Options) Run(func(comm.Comm) error) error { return errSystem }

// Describe says what was looked for and found without starting MPI.
func Describe() (Info, error) {
	l, ok := Launched()
	return Info{Launch: l, Launched: ok}, errSystem
}
