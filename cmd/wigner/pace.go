package main

import (
	"time"

	"github.com/wigner-md/wigner/md"
)

// pace looks at the clock after each step, on rank 0: it asks for restarts by wall
// time, stops the run before its time is over, and keeps the status file.
type pace struct {
	stops  *stopper
	sim    *md.Sim
	status *status
	every  time.Duration // between restarts; 0: never
	end    time.Time     // zero: none
	margin time.Duration // to the end, besides what steps and the restart take

	saved   time.Time     // the last restart, or the start
	write   time.Duration // the longest restart so far
	last    time.Time     // the end of the step before
	slowest time.Duration // step, of late
}

// newPace begins to look. started is when the program was, hours its time.
func newPace(r *runner, started time.Time, hours, everyMin float64) *pace {
	now := time.Now()
	p := &pace{stops: &r.stops, sim: r.sim, status: r.status, every: time.Duration(everyMin * float64(time.Minute)), saved: now, last: now}
	if hours > 0 {
		all := time.Duration(hours * float64(time.Hour))
		p.end, p.margin = started.Add(all), min(all/100, 30*time.Second)
	}
	return p
}

// step looks after a step. A wish is heard in the next step, so two more are
// made before the next chance to stop.
func (p *pace) step() {
	now := time.Now()
	p.slowest = max(now.Sub(p.last), p.slowest*99/100)
	p.last = now
	if !p.end.IsZero() && now.Add(2*p.slowest+2*p.write+p.margin).After(p.end) {
		p.stops.stop("wall time")
	}
	if p.every > 0 && now.Sub(p.saved) >= p.every {
		p.saved = now // one wish is enough
		p.sim.RequestSave()
	}
	p.status.step(p.sim, now)
}

// wrote notes a restart that took from start until now.
func (p *pace) wrote(start time.Time) {
	if p == nil {
		return
	}
	now := time.Now()
	p.saved, p.last = now, now // not a slow step
	p.write = max(p.write, now.Sub(start))
	p.status.wrote(p.sim.Step, now)
}
