package main

import (
	"strings"
	"testing"
	"time"
)

type asked struct{ stops, saves int }

func (a *asked) RequestStop() { a.stops++ }
func (a *asked) RequestSave() { a.saves++ }

// A restart asked for before there is any rank is written by the first that comes, once;
// later wishes reach all.
func TestEarlySave(t *testing.T) {
	var s stopper
	s.save()
	a, b := &asked{}, &asked{}
	s.watch(a)
	s.watch(b)
	if a.saves != 1 || b.saves != 0 || a.stops+b.stops != 0 {
		t.Errorf("first rank %+v, second %+v", a, b)
	}
	s.save()
	if a.saves != 2 || b.saves != 1 {
		t.Errorf("after another wish: first rank %+v, second %+v", a, b)
	}
}

// Where Open MPI's mpirun leaves less time after a SIGTERM than a step may take, the run
// says what to send instead, and only there.
func TestHurried(t *testing.T) {
	const size, timeout = "OMPI_COMM_WORLD_SIZE", "OMPI_MCA_odls_base_sigkill_timeout"
	for _, k := range []struct {
		took time.Duration
		env  map[string]string
		says bool
	}{
		{2 * time.Second, map[string]string{size: "2"}, true},
		{100 * time.Millisecond, map[string]string{size: "2"}, false},
		{2 * time.Second, map[string]string{size: "2", timeout: "60"}, false},
		{2 * time.Second, map[string]string{"PMI_SIZE": "2"}, false},
		{2 * time.Second, nil, false},
	} {
		got := hurried(k.took, func(name string) string { return k.env[name] })
		if strings.Contains(got, "SIGUSR1") != k.says || (got != "") != k.says {
			t.Errorf("%v, %v: %q", k.took, k.env, got)
		}
	}
}
