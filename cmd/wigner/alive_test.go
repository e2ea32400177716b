package main

import (
	"testing"
	"time"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/observe"
)

// What is waited for a step is known before the first one has ended: a stop may be
// asked for in it, and it may take minutes.
func TestAliveKnowsTheFirstStep(t *testing.T) {
	l := alive{start: time.Now().Add(-time.Hour)} // an hour of reading and building
	l.enter(70 * time.Second)
	if d := time.Duration(l.slowest.Load()); d != 70*time.Second || l.ranks.Load() != 1 {
		t.Fatalf("slowest %v, %d ranks", d, l.ranks.Load())
	}
	l.step()
	if d := time.Duration(l.slowest.Load()); d != 70*time.Second || l.steps.Load() != 1 {
		t.Errorf("slowest %v after a step at once, %d steps", d, l.steps.Load())
	}
	l.leave()
	if l.ranks.Load() != 0 {
		t.Error("a rank is left")
	}
}

// slowTables is an observer whose tables take long.
type slowTables struct {
	observe.RDF
	look func()
}

func (s *slowTables) Tables(*md.Sim) ([]observe.Table, error) {
	s.look()
	return nil, nil
}

// A process that writes tables misses no step.
func TestAliveHeld(t *testing.T) {
	r := &runner{simulation: &simulation{}}
	seen := int32(0)
	o := &observing{r: r, list: []observe.Observer{&slowTables{look: func() { seen = r.alive.held.Load() }}}}
	err := inproc.Run(1, func(c comm.Comm) error {
		r.c = c
		return o.Observe(nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	if now := r.alive.held.Load(); seen != 1 || now != 0 {
		t.Errorf("%d held while tables are made, %d afterwards", seen, now)
	}
}
