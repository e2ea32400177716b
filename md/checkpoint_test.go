package md

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/comm"
)

// 20 steps, a restart, and 20 more give the same bits as 40 without a break:
// over list builds before and after the restart, which lies between two.
func TestResumeIsExact(t *testing.T) {
	for _, ranks := range []int{1, 4} {
		for _, at := range []int64{20, 33} {
			t.Run(fmt.Sprintf("%d ranks, step %d", ranks, at), func(t *testing.T) {
				dir := t.TempDir()
				setup := func(c comm.Comm) *Sim {
					s := newSim(t, c, 4)
					s.Dt = 10 * Femtosecond
					s.Integrator = Langevin{Temperature: 90, Friction: 0.01 / Femtosecond, Seed: 5}
					return s
				}
				var whole, parts *Table
				var a, b Thermo
				on(t, ranks, func(c comm.Comm) error {
					s := setup(c)
					s.Observers = []Observer{&Checkpoint{Dir: dir, N: int(at), Extra: func() map[string]string { return map[string]string{"hash": "xyz"} }}}
					if err := s.Run(at); err != nil {
						return err
					}
					s.Observers = nil
					before := s.Rebuilds
					if e := s.built; at == 33 && apart(e, s.Atoms.X[:s.Atoms.N]) == 0 && s.Atoms.N > 0 {
						t.Error("the list was built in the very step of the restart")
					}
					if err := s.Run(40); err != nil {
						return err
					}
					if before < 2 || s.Rebuilds < before+2 {
						t.Errorf("%d list builds before the restart, %d in all", before, s.Rebuilds)
					}
					th, err := s.Thermo()
					if err != nil {
						return err
					}
					got, err := all(s)
					if c.Rank() == 0 {
						whole, a = got, th
					}
					return err
				})
				on(t, ranks, func(c comm.Comm) error {
					r, err := ReadRestart(c, dir)
					if err != nil {
						return err
					}
					if r.Step != at || r.Notice != "" || r.Extra["hash"] != "xyz" {
						t.Errorf("restart of step %d, notice %q, extra %v", r.Step, r.Notice, r.Extra)
					}
					s := setup(c)
					exact, err := s.Resume(r)
					if err != nil || !exact {
						return fmt.Errorf("exact %v, %w", exact, err)
					}
					seen := int64(-1)
					s.Observers = []Observer{every(1, func(s *Sim) error { seen = max(seen, -s.Step); return nil })}
					if err := s.Run(40); err != nil {
						return err
					}
					if seen != -1 && seen != -(at+1) {
						t.Errorf("observers saw step %d first", -seen)
					}
					th, err := s.Thermo()
					if err != nil {
						return err
					}
					got, err := all(s)
					if c.Rank() == 0 {
						parts, b = got, th
					}
					return err
				})
				if !slices.Equal(whole.X, parts.X) || !slices.Equal(whole.V, parts.V) || !slices.Equal(whole.F, parts.F) ||
					!slices.Equal(whole.Image, parts.Image) || !slices.Equal(whole.Energy, parts.Energy) {
					t.Errorf("atoms differ, positions by %g Å", apart(whole.X, parts.X))
				}
				if a != b {
					t.Errorf("thermo differs: %+v, %+v", a, b)
				}
			})
		}
	}
}

// A restart of 4 ranks continues on 3 within rounding.
func TestResumeOnOtherRanks(t *testing.T) {
	dir := t.TempDir()
	var want, got [][3]float64
	on(t, 4, func(c comm.Comm) error {
		s := newSim(t, c, 4)
		k := &Checkpoint{Dir: dir}
		if err := errors.Join(s.Run(15), k.Write(s), s.Run(15)); err != nil {
			return err
		}
		tb, err := all(s)
		if c.Rank() == 0 {
			want = unwrapped(&s.Cell, tb)
		}
		return err
	})
	on(t, 3, func(c comm.Comm) error {
		r, err := ReadRestart(c, dir)
		if err != nil {
			return err
		}
		s := newSim(t, c, 1)
		if exact, err := s.Resume(r); exact || err != nil {
			return fmt.Errorf("exact %v, %w", exact, err)
		}
		if err := s.Run(15); err != nil {
			return err
		}
		tb, err := all(s)
		if c.Rank() == 0 {
			got = unwrapped(&s.Cell, tb)
		}
		return err
	})
	if d := apart(want, got); !(d < 1e-11) {
		t.Errorf("positions differ by %g Å", d)
	}
}

// Damage to the newest generation, in any file of any rank, falls back to the
// one before and says why; damage to both is an error that names the file.
func TestDamagedRestart(t *testing.T) {
	dir := t.TempDir()
	on(t, 3, func(c comm.Comm) error {
		s := newSim(t, c, 2)
		s.Observers = []Observer{&Checkpoint{Dir: dir, N: 2}}
		return s.Run(8)
	})
	names, err := filepath.Glob(dir + "/*")
	if err != nil || len(names) != 2 {
		t.Fatalf("generations kept: %v, want two", names)
	}
	spoil := func(name string, f func(b []byte) []byte) (restore func()) {
		path := filepath.Join(dir, name)
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, f(slices.Clone(b)), 0o666); err != nil {
			t.Fatal(err)
		}
		return func() { os.WriteFile(path, b, 0o666) }
	}
	flip := func(b []byte) []byte { b[len(b)/2] ^= 4; return b }
	cut := func(b []byte) []byte { return b[:len(b)/3] }
	read := func() (step int64, notice string, err error) {
		on(t, 3, func(c comm.Comm) error {
			r, e := ReadRestart(c, dir)
			if c.Rank() == 1 {
				if err = e; e == nil {
					step, notice = r.Step, r.Notice
				}
			}
			return nil
		})
		return step, notice, err
	}
	if step, notice, err := read(); step != 8 || notice != "" || err != nil {
		t.Fatal(step, notice, err)
	}
	for _, name := range []string{"000005/rank-00000.bin", "000005/rank-00002.bin", "000005/manifest.bin"} {
		for _, f := range []func([]byte) []byte{flip, cut} {
			restore := spoil(name, f)
			if step, notice, err := read(); step != 6 || !strings.Contains(notice, name) || err != nil {
				t.Errorf("%s spoilt: step %d, notice %q, error %v", name, step, notice, err)
			}
			restore()
		}
	}
	spoil("000005/rank-00001.bin", flip)
	spoil("000004/manifest.bin", cut)
	if _, _, err := read(); err == nil || !strings.Contains(err.Error(), "rank-00001.bin") || !strings.Contains(err.Error(), "manifest.bin") {
		t.Errorf("both spoilt: %v", err)
	}
	os.RemoveAll(dir)
	if _, _, err := read(); !errors.Is(err, ErrNoRestart) {
		t.Errorf("no folder: %v", err)
	}
}

// A run that went on from the older of two generations, because the newer one
// is damaged, never has fewer good ones than before, and a newer one that can be
// read again, as on a file system that was away, is not taken up.
func TestWriteAfterFallBack(t *testing.T) {
	dir := t.TempDir()
	on(t, 2, func(c comm.Comm) error {
		s := newSim(t, c, 2)
		s.Observers = []Observer{&Checkpoint{Dir: dir, N: 2}}
		return s.Run(4)
	})
	newer := filepath.Join(dir, "000003/rank-00001.bin")
	b, err := os.ReadFile(newer)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(newer, b[:100], 0o666); err != nil {
		t.Fatal(err)
	}
	step := func(c comm.Comm) int64 {
		r, err := ReadRestart(c, dir)
		if err != nil {
			t.Error(err)
			return -1
		}
		return r.Step
	}
	on(t, 2, func(c comm.Comm) error {
		r, err := ReadRestart(c, dir)
		if err != nil {
			return err
		}
		s := newSim(t, c, 1)
		if _, err := s.Resume(r); err != nil {
			return err
		}
		if c.Rank() == 0 { // the damage was none
			for _, name := range []string{newer, filepath.Join(dir, "000003.damaged/rank-00001.bin")} {
				if _, err := os.Stat(name); err == nil {
					os.WriteFile(name, b, 0o666)
				}
			}
		}
		if err := comm.AnyError(c, nil); err != nil {
			return err
		}
		if n := step(c); n != 2 {
			t.Errorf("after the fall-back to step 2 a restart is of step %d", n)
		}
		s.Observers = []Observer{&Checkpoint{Dir: dir, N: 5}}
		if err := s.Run(3); err != nil {
			return err
		}
		if n := step(c); n != 5 {
			t.Errorf("the newest restart is of step %d, want 5", n)
		}
		return nil
	})
	// The older of the two is still the good one.
	if err := os.WriteFile(filepath.Join(dir, "000003/rank-00000.bin"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	on(t, 2, func(c comm.Comm) error {
		if n := step(c); n != 2 {
			t.Errorf("the restart before the newest is of step %d, want 2", n)
		}
		return nil
	})
	if left, _ := filepath.Glob(dir + "/*"); len(left) != 2 {
		t.Errorf("left: %v", left)
	}
}

// A restart that cannot be written leaves the one before, and the run ends
// with an error on every rank.
func TestRestartCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	on(t, 2, func(c comm.Comm) error {
		s := newSim(t, c, 2)
		k := &Checkpoint{Dir: dir, N: 2}
		s.Observers = []Observer{k}
		if err := s.Run(2); err != nil {
			return err
		}
		if c.Rank() == 0 { // where the next generation's folder belongs
			if err := os.WriteFile(filepath.Join(dir, "000003"), nil, 0o666); err != nil {
				return err
			}
		}
		if err := s.Run(2); err == nil {
			t.Error("no error")
		}
		r, err := ReadRestart(c, dir)
		if err == nil && r.Step != 2 {
			t.Errorf("restart of step %d, want 2", r.Step)
		}
		return err
	})
}
