package main

import "testing"

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
