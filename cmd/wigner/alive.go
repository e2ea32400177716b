package main

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/wigner-md/wigner/comm"
)

// A process that was asked to end, and in which no step ends for this long and five
// of its slowest steps, waits for another that is gone.
const (
	aliveLook  = 500 * time.Millisecond
	aliveAfter = 12 * time.Second
)

// alive watches over the steps of a process that was asked to end. MPI does not tell
// when another process is gone; where a launcher sends SIGTERM to those that are left,
// they would wait for it until they are killed.
type alive struct {
	last, slowest atomic.Int64 // ns since start: the last step of a rank here; ns
	steps         atomic.Int64
	ranks, held   atomic.Int32 // ranks in the loop, and those that write files
	start         time.Time
}

// enter notes that one of the ranks here begins its steps. first is how long its first
// evaluation took: no step has ended yet to go by, and of a large system each takes minutes.
func (l *alive) enter(first time.Duration) {
	l.last.Store(int64(time.Since(l.start)))
	l.slower(int64(first))
	l.ranks.Add(1)
}

func (l *alive) leave() { l.ranks.Add(-1) }

// hold notes that one of the ranks here begins to write what may take long, and returns
// what notes that it has: nothing tells how long the first frame of a large system, or a
// restart, takes a slow disk.
func (l *alive) hold() (release func()) {
	l.held.Add(1)
	return func() { l.held.Add(-1) }
}

// step notes that one of the ranks here has made a step.
func (l *alive) step() {
	now := int64(time.Since(l.start))
	l.slower(now - l.last.Swap(now))
	l.steps.Add(1)
}

func (l *alive) slower(d int64) {
	if d > l.slowest.Load() {
		l.slowest.Store(d)
	}
}

// watch begins once a stop is asked for. It ends with done.
func (l *alive) watch(outer comm.Comm, asked, done <-chan struct{}) {
	select {
	case <-asked:
	case <-done:
		return
	}
	tick := time.NewTicker(aliveLook)
	defer tick.Stop()
	before, waited := l.steps.Load(), time.Duration(0)
	for {
		select {
		case <-tick.C: // counted, not timed: this process may have stood still itself
		case <-done:
			return
		}
		n := l.steps.Load()
		if n != before || l.ranks.Load() == 0 || l.held.Load() > 0 {
			before, waited = n, 0
			continue
		}
		if waited += aliveLook; waited > aliveAfter+5*time.Duration(l.slowest.Load()) {
			outer.Abort(fmt.Errorf("asked to stop, but no step has ended for %v: another process is gone, or hangs; --resume goes on from the last restart", waited))
			return
		}
	}
}
