package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/potential"
)

// The exit statuses of docs: a job script requeues on exitStopped.
const (
	exitDone    = 0
	exitFailed  = 1
	exitUsage   = 2
	exitStopped = 75
)

// statusError is an error with the exit status that it asks for.
type statusError struct {
	status int
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// usage marks an error as wrong usage or input: status 2.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &statusError{exitUsage, err}
}

func usagef(format string, args ...any) error { return usage(fmt.Errorf(format, args...)) }

// errQuiet ends a program whose message has been printed already.
type errQuiet struct {
	status int
	err    error // what was printed
}

func (e *errQuiet) Error() string { return e.err.Error() }

// statusOf is the exit status of an error.
func statusOf(err error) int {
	var s *statusError
	var q *errQuiet
	var in *input.Error
	var path *fs.PathError
	var refused *potential.RefusedError
	switch {
	case err == nil:
		return exitDone
	case errors.As(err, &q):
		return q.status
	case errors.As(err, &s):
		return s.status
	case errors.As(err, &in), errors.As(err, &refused):
		return exitUsage
	case errors.As(err, &path) && path.Op == "open" && errors.Is(err, fs.ErrNotExist):
		return exitUsage
	}
	return exitFailed
}

// tell prints the error, on the one process that speaks, unless that was done.
// What it returns has the same status.
func (a *app) tell(err error) error {
	var q *errQuiet
	if err == nil || a.mute || errors.As(err, &q) {
		return err
	}
	for _, line := range strings.Split(err.Error(), "\n") {
		fmt.Fprintf(a.err, "wigner: %s\n", line)
	}
	return &errQuiet{statusOf(err), err}
}

// remoteError is an error of another rank, as agree brought it here.
type remoteError struct {
	rank, status int
	text         string
}

func (e *remoteError) Error() string {
	if e.rank == 0 {
		return e.text // rank 0 does what only one rank does: its number says nothing
	}
	return fmt.Sprintf("rank %d: %s", e.rank, e.text)
}

// agree is collective. It returns nil when every rank passes nil; otherwise all
// ranks return the error of the lowest rank that has one, so that rank 0 can
// print it and all processes end with the same status.
func agree(c comm.Comm, err error) error {
	who := []int64{int64(c.Size())}
	var peer *comm.PeerError
	if err != nil && !errors.As(err, &peer) {
		who[0] = int64(c.Rank())
	}
	if e := c.AllreduceInt(who, comm.Min); e != nil {
		if err != nil {
			return err
		}
		return e
	}
	if who[0] == int64(c.Size()) {
		return nil
	}
	mine := who[0] == int64(c.Rank())
	status, text := []int64{0}, ""
	if mine {
		status[0], text = int64(statusOf(err)), err.Error()
	}
	if e := c.AllreduceInt(status, comm.Sum); e != nil {
		return e
	}
	text, e := comm.Share(c, int(who[0]), text)
	switch {
	case e != nil:
		return e
	case mine:
		return err
	}
	return &statusError{int(status[0]), &remoteError{int(who[0]), int(status[0]), text}}
}
