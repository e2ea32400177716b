package md

import (
	"errors"
	"fmt"
	"time"

	"github.com/wigner-md/wigner/comm"
)

// Sim is a system on its way through phase space. Set the fields of Evaluator
// and those below, then call Run; all of it is collective. Observers are called
// in their order after each step whose number their Every divides, and once
// before the first step, then Saver, if it is due.
type Sim struct {
	Evaluator
	Mass       []float64 // amu, by atomic number
	Dt         float64   // timestep, Å·√(amu/eV); see Femtosecond
	Step       int64     // steps since the beginning, over all resumed runs
	Integrator Integrator
	Observers  []Observer
	Saver      Observer // writes restarts: also called after a step in which RequestSave was heard
	AfterStep  func()   // called on this rank after each step, where it is set; not collective

	heat    heat // given by a Langevin bath, by this rank's account
	origin  origin
	started bool
	resumed bool
	start   int64 // the step resumed from
	thermo  Thermo
	thermal bool // thermo is of this Step
	last    [2]Snapshot
	loop    time.Duration
	steps   int64 // made by this process
}

// origin is when Dt last changed: Time = t + (Step − step)·Dt, which does not
// gather rounding.
type origin struct {
	step int64
	t    float64
}

// Integrator makes one step. It calls s.Evaluate once, with s.Step already the
// number of the step in hand.
// One that has energy of its own, as a bath or a piston, implements
// Reservoir() float64, whose sum with the energy of the atoms is conserved
// beside the heat that Bathe counts; one under which the total momentum is not
// conserved implements FreeMomentum() bool.
type Integrator interface{ Step(s *Sim) error }

// Observer looks on. Observe is collective, is called on every rank, and must
// not change positions or velocities.
type Observer interface {
	// Every is the number of steps between calls; 0: never.
	Every() int
	Observe(s *Sim) error
}

// Virialist is an observer that looks at Evaluator.Virials.
type Virialist interface {
	Observer
	NeedsVirials() bool
}

// Keeper is an observer that remembers. What it remembers as a whole is part of
// restarts; vectors that it keeps for each atom are columns of domain.Atoms.Tow,
// which are too.
type Keeper interface {
	Observer
	// Name tells keepers apart in a restart.
	Name() string
	// Save is collective; rank 0's bytes go into the restart.
	Save(s *Sim) ([]byte, error)
}

// Time since the beginning, Å·√(amu/eV).
func (s *Sim) Time() float64 {
	return s.origin.t + float64(s.Step-s.origin.step)*s.Dt
}

// SetTimestep changes Dt without a jump in time. For the first step setting Dt
// is enough.
func (s *Sim) SetTimestep(dt float64) {
	s.origin, s.Dt = origin{s.Step, s.Time()}, dt
}

// Start makes the first evaluation and shows it to the observers. Run does it
// where it has not been done. A resumed Sim does not show the observers the
// step that they saw before.
func (s *Sim) Start() error {
	if s.started {
		return nil
	}
	if err := s.ready(); err != nil {
		return err
	}
	s.mark = s.Step + 1
	s.AtomVirials = s.virials()
	if err := s.Evaluator.Evaluate(); err != nil {
		return err
	}
	s.started = true
	if err := s.Check(); err != nil {
		return err
	}
	s.keep()
	if s.resumed {
		return nil
	}
	return s.observe()
}

// ready is collective: what would otherwise fail somewhere inside.
func (s *Sim) ready() error {
	if !(s.Dt > 0) {
		return fmt.Errorf("md: timestep %g is not positive", s.Dt)
	}
	if s.Integrator == nil {
		return errors.New("md: no integrator")
	}
	n := []int64{int64(s.Atoms.N), 0}
	for _, z := range s.Atoms.Species[:s.Atoms.N] {
		if z < 0 || int(z) >= len(s.Mass) || !(s.Mass[z] > 0) {
			n[1] = max(n[1], int64(z)+1)
		}
	}
	if err := s.Comm.AllreduceInt(n, comm.Sum); err != nil {
		return err
	}
	if n[0] == 0 {
		return errors.New("md: no atoms")
	}
	if n[1] != 0 {
		return errors.New("md: an element among the atoms has no mass")
	}
	return nil
}

// Run makes up to n steps. It returns early, without error, when a stop was
// requested on any rank (see Stopped); the step at its end has been found sound
// all the same. On a *TroubleError, LastGood has the
// last frame whose forces were sound on every rank.
func (s *Sim) Run(n int64) error {
	if err := s.Start(); err != nil {
		return err
	}
	start, before := time.Now(), s.Clocks.Total()
	defer func() {
		d := time.Since(start)
		s.loop += d
		s.Clocks[Other] += d - (s.Clocks.Total() - before)
	}()
	for range n {
		if err := s.step(); err != nil {
			return err
		}
		if s.Stopped() {
			break
		}
	}
	return s.Check() // of the last step, however the loop ended
}

func (s *Sim) step() error {
	s.Step++
	s.mark = s.Step + 1
	s.thermal = false
	s.AtomVirials = s.virials()
	start, before := time.Now(), s.Clocks.Total()
	if err := s.Integrator.Step(s); err != nil {
		return err
	}
	s.Clocks[Modify] += time.Since(start) - (s.Clocks.Total() - before)
	s.keep()
	s.steps++
	if err := s.observe(); err != nil {
		return err
	}
	if s.AfterStep != nil {
		s.AfterStep()
	}
	return nil
}

// observe shows the step to the observers that are due; what they see has been
// found sound on every rank.
func (s *Sim) observe() error {
	checked := false
	for _, o := range s.Observers {
		if !s.due(o) {
			continue
		}
		if err := s.show(o, &checked); err != nil {
			return err
		}
	}
	if s.Saver == nil || !s.saving && !s.due(s.Saver) {
		return nil
	}
	s.saving = false
	return s.show(s.Saver, &checked)
}

// virials is whether an observer of this step looks at them.
func (s *Sim) virials() bool {
	for _, o := range s.Observers {
		if v, ok := o.(Virialist); ok && s.due(o) && v.NeedsVirials() {
			return true
		}
	}
	return false
}

func (s *Sim) due(o Observer) bool {
	n := int64(o.Every())
	return n > 0 && s.Step%n == 0
}

// show calls an observer; the first of a step is preceded by a check.
func (s *Sim) show(o Observer, checked *bool) error {
	if !*checked {
		if err := s.Check(); err != nil {
			return err
		}
		*checked = true
	}
	start, before := time.Now(), s.Clocks.Total()
	if err := o.Observe(s); err != nil {
		return err
	}
	s.Clocks[Output] += time.Since(start) - (s.Clocks.Total() - before)
	return nil
}

// Loop is the wall time in Run's loop, and the steps made in it, so far.
func (s *Sim) Loop() (time.Duration, int64) { return s.loop, s.steps }

// ResetLoop sets the clocks and counters of the performance block to zero, as
// after a warm-up.
func (s *Sim) ResetLoop() {
	s.loop, s.steps, s.Clocks, s.Rebuilds, s.Recuts, s.Calls = 0, 0, Clocks{}, 0, 0, 0
}
