package main

import (
	"encoding/json"
	"os"
	"time"

	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/md"
)

// statusEvery is the time between two versions of the status file.
const statusEvery = 2 * time.Second

// Where a run is.
const (
	stateRunning  = "running"
	stateStopped  = "stopped" // early, with a restart written
	stateFinished = "finished"
	stateFailed   = "failed"
)

// statusReport is status.json: what a user, or a job script, wants to know of a run.
type statusReport struct {
	State    string   `json:"state"`
	Error    string   `json:"error,omitempty"`
	Step     int64    `json:"step"`
	Steps    int64    `json:"steps"`
	TimePs   float64  `json:"time_ps"`
	Atoms    int64    `json:"atoms"`
	Started  string   `json:"started"`
	Updated  string   `json:"updated"`
	Elapsed  float64  `json:"elapsed_s"`
	PerStep  float64  `json:"s_per_step"` // of late
	PerDay   float64  `json:"ns_per_day"`
	AtomRate float64  `json:"atom_steps_per_s"`
	ETA      float64  `json:"eta_s"` // to the last step
	Restart  *saved   `json:"last_restart"`
	Ranks    int      `json:"ranks"`
	Process  int      `json:"processes"`
	How      string   `json:"transport"`
	Kernels  string   `json:"kernels"`
	Host     string   `json:"host"` // of rank 0
	PID      int      `json:"pid"`
	Job      string   `json:"slurm_job,omitempty"`
	Warnings []string `json:"warnings"`
}

// saved is a restart.
type saved struct {
	Step int64  `json:"step"`
	At   string `json:"at"`
}

// status keeps the status file of a run. The zero value of a rank that has no
// folder does nothing.
type status struct {
	path  string
	warn  func(msg string) // once, where the file cannot be written
	r     statusReport
	start time.Time

	next  time.Time // when the file is due
	at    time.Time // of the last version, with its step: the speed is since then
	steps int64
	speed float64 // s per step
}

// newStatus begins the file.
func newStatus(r *runner) *status {
	host, _ := os.Hostname()
	now := time.Now()
	s := &status{
		path: r.folder.path(statusName), warn: func(msg string) { r.warn(msg) }, start: now, at: now,
		r: statusReport{
			State: stateRunning, Step: r.sim.Step, Steps: r.cfg.Dynamics.Length(), Started: stamp(r.start),
			Ranks: r.j.ranks(), Process: r.j.Processes, How: r.j.Transport, Kernels: kernel.CPU(),
			Host: host, PID: os.Getpid(), Job: os.Getenv("SLURM_JOB_ID"), Warnings: append([]string{}, r.early...),
		},
	}
	s.steps = r.sim.Step
	if r.o.resume && r.sim.Step > 0 {
		s.r.Restart = &saved{Step: r.sim.Step}
	}
	s.r.TimePs = r.sim.Time() / picosecond
	s.write(now)
	return s
}

func stamp(t time.Time) string { return t.Format(time.RFC3339) }

// warned adds to the warnings; the file shows the first few.
func (s *status) warned(msg string) {
	if s != nil && len(s.r.Warnings) < 20 {
		s.r.Warnings = append(s.r.Warnings, msg)
	}
}

// step notes where the run is, and now and then writes the file.
func (s *status) step(sim *md.Sim, now time.Time) {
	if now.Before(s.next) {
		return
	}
	s.note(sim, now)
	s.write(now)
}

// note takes step and speed.
func (s *status) note(sim *md.Sim, now time.Time) {
	if n := sim.Step - s.steps; n > 0 {
		s.speed = now.Sub(s.at).Seconds() / float64(n)
		s.at, s.steps = now, sim.Step
	}
	r := &s.r
	r.Step, r.TimePs, r.Atoms, r.PerStep = sim.Step, sim.Time()/picosecond, sim.Total(), s.speed
	r.ETA = s.speed * float64(r.Steps-r.Step)
	if s.speed > 0 {
		r.PerDay = 86400 / s.speed * sim.Dt / picosecond / 1000
		r.AtomRate = float64(r.Atoms) / s.speed
	}
}

// wrote notes a restart.
func (s *status) wrote(step int64, now time.Time) {
	s.r.Restart = &saved{step, stamp(now)}
	s.next = now
}

// end writes the file for the last time.
func (s *status) end(sim *md.Sim, state string, err error) {
	if s == nil {
		return
	}
	now := time.Now()
	if state != stateFailed {
		s.note(sim, now)
	}
	s.r.State = state
	if err != nil {
		s.r.Error = err.Error()
	}
	s.write(now)
}

// write replaces the file. Where that fails the run goes on: its result does not
// depend on it.
func (s *status) write(now time.Time) {
	s.next = now.Add(statusEvery)
	s.r.Updated, s.r.Elapsed = stamp(now), now.Sub(s.start).Seconds()
	text, err := json.MarshalIndent(&s.r, "", "  ")
	if err == nil {
		tmp := s.path + ".tmp"
		if err = os.WriteFile(tmp, append(text, '\n'), 0o666); err == nil {
			err = os.Rename(tmp, s.path)
		} else {
			os.Remove(tmp)
		}
	}
	if err != nil && s.warn != nil {
		warn := s.warn
		s.warn = nil
		warn("the status file cannot be written: " + err.Error())
	}
}
