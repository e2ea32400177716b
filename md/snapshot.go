package md

import "github.com/wigner-md/wigner/domain"

// Snapshot is one rank's owned atoms at the end of a step.
type Snapshot struct {
	Step  int64
	Time  float64
	Cell  domain.Cell
	Atoms domain.Atoms // N, ID, Species, X, V, Image, Mask of the owned atoms

	kept bool
}

// keep records the state at the end of a step. Two are kept, because the
// forces of a step are found sound on all ranks only in the next.
func (s *Sim) keep() {
	k := &s.last[s.Step&1]
	k.Keep(&s.Evaluator, s.Step)
	k.Time = s.Time()
}

// Keep makes k this rank's atoms as they are now.
func (k *Snapshot) Keep(e *Evaluator, step int64) {
	a := e.Atoms
	k.Step, k.Cell, k.Atoms.N, k.kept = step, e.Cell, a.N, true
	k.Atoms.ID = append(k.Atoms.ID[:0], a.ID[:a.N]...)
	k.Atoms.Species = append(k.Atoms.Species[:0], a.Species[:a.N]...)
	k.Atoms.X = append(k.Atoms.X[:0], a.X[:a.N]...)
	k.Atoms.V = append(k.Atoms.V[:0], a.V[:a.N]...)
	k.Atoms.Image = append(k.Atoms.Image[:0], a.Image[:a.N]...)
	k.Atoms.Mask = append(k.Atoms.Mask[:0], a.Mask[:min(a.N, len(a.Mask))]...)
}

// LastGood is this rank's part of the last frame before err, which Run
// returned; nil where there was none, on all ranks alike. Together the ranks' parts are the frame.
func (s *Sim) LastGood(err *TroubleError) *Snapshot {
	for i := range s.last {
		k := &s.last[i]
		if k.kept && k.Step == err.Step-1 {
			return k
		}
	}
	return nil
}
