package main

import (
	"os"
	"os/signal"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// stopper ends a run early: on a signal, or when its time is over.
type stopper struct {
	mu      sync.Mutex
	signals chan os.Signal
	done    chan struct{}
	ranks   []interface{ RequestStop() }
	why     string
}

func newStopper() *stopper { return &stopper{done: make(chan struct{})} }

// watch adds a rank that is asked to stop. One rank's wish is enough for all.
func (s *stopper) watch(rank interface{ RequestStop() }, hours float64, start time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ranks = append(s.ranks, rank)
	if s.why != "" {
		rank.RequestStop()
	}
	if s.signals != nil {
		return
	}
	s.signals = make(chan os.Signal, 4)
	signal.Notify(s.signals, os.Interrupt, unix.SIGTERM, unix.SIGUSR1)
	var over <-chan time.Time
	if hours > 0 {
		over = time.After(time.Until(start.Add(time.Duration(hours * float64(time.Hour)))))
	}
	go func() {
		for {
			select {
			case sig := <-s.signals:
				// A second interrupt ends the program at once.
				signal.Reset(os.Interrupt)
				s.stop("signal " + unix.SignalName(sig.(unix.Signal)))
			case <-over:
				s.stop("wall time")
			case <-s.done:
				return
			}
		}
	}()
}

func (s *stopper) stop(why string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.why == "" {
		s.why = why
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

func (s *stopper) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.signals != nil {
		signal.Stop(s.signals)
		close(s.done)
		s.signals = nil
	}
}
