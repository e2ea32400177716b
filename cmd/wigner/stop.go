package main

import (
	"fmt"
	"os"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wigner-md/wigner/comm"
)

// stopper ends a run early, on a signal or when its time is over, or has it saved.
type stopper struct {
	signals chan os.Signal
	done    chan struct{}
	asked   chan struct{} // closed when a stop is asked for

	mu    sync.Mutex
	ranks []stoppable
	why   string
	early bool // a restart was asked for before there was any rank
}

// stoppable is a rank. One rank's wish is enough for all.
type stoppable interface {
	RequestStop()
	RequestSave()
}

// listen begins to take signals: as early as possible, so that none is lost
// while a model is read. A second interrupt ends the program at once. A hang-up that
// is ignored, as under nohup, stays so.
func (s *stopper) listen() {
	s.done, s.asked, s.signals = make(chan struct{}), make(chan struct{}), make(chan os.Signal, 4)
	signal.Notify(s.signals, os.Interrupt, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2)
	if !signal.Ignored(unix.SIGHUP) {
		signal.Notify(s.signals, unix.SIGHUP)
	}
	done := s.done
	go func() {
		for {
			select {
			case sig := <-s.signals:
				if sig == unix.SIGUSR2 {
					s.save()
					continue
				}
				signal.Reset(os.Interrupt)
				s.stop("signal " + unix.SignalName(sig.(unix.Signal)))
			case <-done:
				return
			}
		}
	}()
}

// watch adds a rank that is asked.
func (s *stopper) watch(rank stoppable) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ranks = append(s.ranks, rank)
	if s.why != "" {
		rank.RequestStop()
	}
	if s.early { // one rank's wish is enough
		s.early = false
		rank.RequestSave()
	}
}

// save asks for a restart; the run goes on.
func (s *stopper) save() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.early = len(s.ranks) == 0
	for _, r := range s.ranks {
		r.RequestSave()
	}
}

func (s *stopper) stop(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why == "" {
		s.why = why
		close(s.asked)
	}
	for _, r := range s.ranks {
		r.RequestStop()
	}
}

// reason is why this process stopped; another's wish has no reason here.
func (s *stopper) reason() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why == "" {
		return "asked by another process"
	}
	return s.why
}

// reasonOfAll is collective: why the run stopped, as the lowest rank knows whose
// process was asked.
func (s *stopper) reasonOfAll(c comm.Comm) (string, error) {
	s.mu.Lock()
	why := s.why
	s.mu.Unlock()
	who := []int64{int64(c.Size())}
	if why != "" {
		who[0] = int64(c.Rank())
	}
	if err := c.AllreduceInt(who, comm.Min); err != nil {
		return "", err
	}
	return comm.Share(c, int(who[0]), why)
}

// close gives signals back; a second call does nothing.
func (s *stopper) close() {
	signal.Stop(s.signals)
	if s.done != nil {
		close(s.done)
		s.done = nil
	}
}

// hurried says what to know of Open MPI's mpirun where an evaluation takes so long:
// it kills all processes 1 s after it got SIGTERM itself (version 4.1.4,
// odls_base_sigkill_timeout), while it forwards SIGUSR1 and waits. "" elsewhere.
func hurried(evaluation time.Duration, env func(string) string) string {
	const timeout = "OMPI_MCA_odls_base_sigkill_timeout" // also where it was given as --mca
	if evaluation < time.Second/2 || env("OMPI_COMM_WORLD_SIZE") == "" || env(timeout) != "" {
		return ""
	}
	return fmt.Sprintf("a step takes about %.2g s, and Open MPI's mpirun kills all processes 1 s after a SIGTERM: to end the run early with a restart send mpirun SIGUSR1 (kill -USR1 PID), or give it more time (--mca odls_base_sigkill_timeout SECONDS)", evaluation.Seconds())
}
