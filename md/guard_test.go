package md

import (
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/potential"
)

// spoilt is argon that goes wrong for some atoms in some evaluation.
type spoilt struct {
	potential.Potential
	call int
	when int
	ids  []int64
	g    float64
}

func (p *spoilt) Compute(f *potential.Frame, r *potential.Result) error {
	if err := p.Potential.Compute(f, r); err != nil {
		return err
	}
	if p.call++; p.call == p.when {
		for i := range f.N {
			if slices.Contains(p.ids, f.ID[i]) {
				r.Bonds.F[i][1] += p.g
			}
		}
	}
	return nil
}

// NaN and absurd forces stop the run on every rank with the same error, which
// has the step and the atoms, whether or not an observer looks at that step;
// the last frame before is whole and is that of the step before.
func TestTroubleStopsTheRun(t *testing.T) {
	for _, c := range []struct {
		g     float64
		kind  Kind
		text  string
		every int
	}{
		{math.NaN(), NotFinite, "NaN", 1},
		{math.Inf(1), NotFinite, "infinity", 0},
		{1e5, AbsurdForce, "absurd force", 0},
		{1e5, AbsurdForce, "absurd force", 1},
	} {
		for _, when := range []int{6, 11} { // evaluations, the first is of step 0; 11 is of the last step
			var want [][3]float64
			on(t, 4, func(co comm.Comm) error {
				s := newSim(t, co, 3)
				if err := s.Run(int64(when - 2)); err != nil {
					return err
				}
				tb, err := all(s)
				if co.Rank() == 0 {
					want = tb.X
				}
				return err
			})
			on(t, 4, func(co comm.Comm) error {
				s := newSim(t, co, 3)
				s.Potential = &spoilt{Potential: s.Potential, when: when, ids: []int64{80, 5, 33}, g: c.g}
				shown := int64(-1)
				s.Observers = []Observer{every(c.every, func(s *Sim) error {
					shown = s.Step
					_, err := s.Thermo()
					return err
				})}
				err := s.Run(10)
				var trouble *TroubleError
				if !errors.As(err, &trouble) {
					t.Errorf("error %v", err)
					return nil
				}
				if trouble.Kind != c.kind || trouble.Step != int64(when-1) || !slices.Equal(trouble.IDs, []int64{5, 33, 80}) ||
					!strings.Contains(err.Error(), c.text) || !strings.Contains(err.Error(), "[5 33 80]") {
					t.Errorf("%+v: %v", trouble, err)
				}
				if c.kind == AbsurdForce && (math.Abs(trouble.Force-1e5) > 1 || trouble.Limit != 1000 || !slices.Contains(trouble.IDs, trouble.Atom) ||
					!strings.Contains(err.Error(), fmt.Sprintf("1e+05 eV/Å on atom %d, the limit is 1000", trouble.Atom))) {
					t.Errorf("%+v: %v", trouble, err)
				}
				if shown >= trouble.Step {
					t.Errorf("observers saw step %d", shown)
				}
				good := s.LastGood(trouble)
				if good == nil || good.Step != trouble.Step-1 {
					t.Errorf("last good frame %+v", good)
					return nil
				}
				r := Redistributor{Comm: co}
				tb, err := r.Gather(&good.Atoms, nil, Fields{X: true})
				if err == nil && co.Rank() == 0 && !slices.Equal(tb.X, want) {
					t.Errorf("the last good frame differs by %g Å", apart(tb.X, want))
				}
				return err
			})
		}
	}
}

// thief is an integrator under whose eyes an atom vanishes.
type thief struct{ at int64 }

func (v thief) Step(s *Sim) error {
	if a := s.Atoms; s.Step == v.at {
		if s.Comm.Rank() == 2 {
			a.N--
		}
		s.valid = false // the next evaluation is a rebuild
	}
	return VelocityVerlet{}.Step(s)
}

func TestLostAtom(t *testing.T) {
	on(t, 3, func(c comm.Comm) error {
		s := newSim(t, c, 3)
		s.Integrator = thief{4}
		var trouble *TroubleError
		if err := s.Run(10); !errors.As(err, &trouble) || trouble.Kind != LostAtoms || trouble.Step != 4 ||
			!strings.Contains(err.Error(), "107 atoms where there were 108") {
			t.Errorf("error %v", err)
		}
		if good := s.LastGood(trouble); good == nil || good.Step != 3 {
			t.Errorf("last good frame %v", good)
		}
		return nil
	})
}

func TestBadStart(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *Sim)
		want   string
	}{
		"NaN position": {func(s *Sim) { s.set(7, [3]float64{math.NaN(), 0, 0}) }, "NaN or infinity in positions, energies or forces in step 0, atoms [7]"},
		"infinite":     {func(s *Sim) { s.set(9, [3]float64{0, math.Inf(-1), 0}) }, "atoms [9]"},
		"same place":   {func(s *Sim) { s.set(3, [3]float64{1, 1, 1}); s.set(70, [3]float64{1, 1, 1}) }, "same place in step 0, atoms [3 70]"},
		"same image":   {func(s *Sim) { s.set(3, [3]float64{1, 1, 1}); s.set(70, [3]float64{1, 1, 1 - 3*15.78}) }, "same place in step 0, atoms [3 70]"},
		"no atoms":     {func(s *Sim) { s.Atoms = &domain.Atoms{} }, "no atoms"},
		"no mass":      {func(s *Sim) { s.Mass = make([]float64, 10) }, "no mass"},
		"timestep":     {func(s *Sim) { s.Dt = 0 }, "timestep 0"},
	} {
		err := inproc.Run(2, func(co comm.Comm) error {
			s := newSim(t, co, 3)
			c.change(s)
			return s.Run(1)
		})
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: error %v, want one with %q", name, err, c.want)
		}
	}
}

// set moves an atom, on the rank that has it.
func (e *Evaluator) set(id int64, x [3]float64) {
	for i, have := range e.Atoms.ID[:e.Atoms.N] {
		if have == id {
			e.Atoms.X[i] = x
		}
	}
}

func TestCheckElements(t *testing.T) {
	on(t, 3, func(c comm.Comm) error {
		a := &domain.Atoms{N: 2, Species: []int32{18, int32(10 + c.Rank())}}
		err := CheckElements(c, a, argon(t, false), func(z int) string { return map[int]string{10: "Ne", 11: "Na", 12: "Mg"}[z] })
		if err == nil || !strings.HasSuffix(err.Error(), ": Ne Na Mg") {
			t.Errorf("error %v", err)
		}
		return nil
	})
}

// A request on one rank stops all ranks after the same step.
func TestStop(t *testing.T) {
	on(t, 4, func(c comm.Comm) error {
		s := newSim(t, c, 3)
		s.Observers = []Observer{every(1, func(s *Sim) error {
			if s.Step == 3 && c.Rank() == 2 {
				s.RequestStop()
			}
			return nil
		})}
		if err := s.Run(100); err != nil {
			return err
		}
		if !s.Stopped() || s.Step != 4 {
			t.Errorf("stopped %v after step %d", s.Stopped(), s.Step)
		}
		return nil
	})
}

// A stop that is agreed on in a step whose forces are not sound is no good end,
// and no restart is made of it, not even by hand.
func TestStopInUnsoundStep(t *testing.T) {
	dir := t.TempDir()
	on(t, 4, func(c comm.Comm) error {
		s := newSim(t, c, 3)
		s.Potential = &spoilt{Potential: s.Potential, when: 5, ids: []int64{80}, g: math.NaN()}
		s.Observers = []Observer{every(3, func(s *Sim) error { // none looks at step 4
			if s.Step == 3 {
				s.RequestStop()
			}
			return nil
		})}
		var trouble *TroubleError
		if err := s.Run(100); !errors.As(err, &trouble) || trouble.Step != 4 {
			t.Errorf("stopped %v after step %d: error %v", s.Stopped(), s.Step, err)
			return nil
		}
		if snap := s.LastGood(trouble); snap == nil || snap.Step != 3 {
			t.Errorf("last good frame %v", snap)
		}
		return nil
	})
	on(t, 2, func(c comm.Comm) error {
		s := newSim(t, c, 3)
		s.Potential = &spoilt{Potential: s.Potential, when: 2, ids: []int64{7}, g: math.NaN()}
		if err := errors.Join(s.Start(), s.step()); err != nil {
			return err
		}
		var trouble *TroubleError
		if err := (&Checkpoint{Dir: dir}).Write(s); !errors.As(err, &trouble) {
			t.Errorf("a restart of an unsound step: error %v", err)
		}
		return nil
	})
	if gs, err := os.ReadDir(dir); err != nil || len(gs) != 0 {
		t.Errorf("left behind: %v, %v", gs, err)
	}
}
