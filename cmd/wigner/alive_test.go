package main

import (
	"testing"
	"time"
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
