package md

import (
	"errors"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
)

// Checkpoint is the observer that writes restarts: a folder with a numbered
// generation for each, of one shard per rank and a manifest, which is renamed
// into place last, when all ranks have safely written theirs. The two newest
// generations are kept; a failed write leaves them as they were. See
// docs/formats/restart.md.
type Checkpoint struct {
	Dir   string                   // the folder, made where missing
	N     int                      // steps between restarts; 0: only Write
	Extra func() map[string]string // the caller's own notes, kept as they are; may be nil
}

// Every is N.
func (k *Checkpoint) Every() int { return k.N }

// Observe writes a restart.
func (k *Checkpoint) Observe(s *Sim) error { return k.Write(s) }

// Write is collective: it writes a restart of the present step, unless that
// step has just been written.
func (k *Checkpoint) Write(s *Sim) error { return errors.New("md: not yet") }

// Restart is what a restart holds for one rank.
type Restart struct {
	Step      int64
	Time      float64
	Dt        float64
	Cell      domain.Cell
	Partition domain.Partition // of the run that wrote it, or new on other ranks
	Atoms     *domain.Atoms
	Extra     map[string]string
	// Exact is whether the run continues to the last bit: the bricks are as
	// many as before.
	Exact bool
	// Notice is not empty where the newest generation could not be used, and
	// says which was used instead and why.
	Notice string

	origin origin
	built  [][3]float64
}

// ErrNoRestart says that a folder holds no restart at all.
var ErrNoRestart = errors.New("no restart")

// ReadRestart is collective. It reads the newest generation in dir that is
// whole, the one before where that is damaged. Where the number of ranks is
// another than that of the restart, bricks are made anew.
func ReadRestart(c comm.Comm, dir string) (*Restart, error) { return nil, errors.New("md: not yet") }

// Resume is collective: it puts s, whose Comm, Potential, Skin, Depth, Mass and
// Integrator are set as in the run that wrote the restart, where that run was
// after step r.Step, and sets Cell, Partition, Atoms, Step and Dt. If Dt
// was set to another value before, that one is used from here on.
func (s *Sim) Resume(r *Restart) error { return errors.New("md: not yet") }
