package main

import (
	"sync/atomic"
	"time"
)

// A process that does not look at its clock for freezeAfter stood still.
const (
	freezeLook  = 100 * time.Millisecond
	freezeAfter = time.Second
)

// freeze notes for how long this process stood still: stopped by a signal,
// swapped out, or without a core. The times of the stages cannot tell, because a
// process that stands still while it waits for others looks like one that waits.
type freeze struct {
	total atomic.Int64 // ns
	done  chan struct{}
}

// watch begins to look.
func (f *freeze) watch() {
	f.done = make(chan struct{})
	go func() {
		tick := time.NewTicker(freezeLook)
		defer tick.Stop()
		for last := time.Now(); ; {
			select {
			case <-f.done:
				return
			case <-tick.C:
			}
			now := time.Now()
			if d := now.Sub(last); d > freezeAfter {
				f.total.Add(int64(d - freezeLook))
			}
			last = now
		}
	}()
}

func (f *freeze) close() {
	if f.done != nil {
		close(f.done)
	}
}
