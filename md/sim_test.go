package md

import (
	"errors"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/wigner-md/wigner/comm"
)

// The same trajectory on 1 and 8 ranks within rounding, NVE and Langevin, over
// several rebuilds and migrations.
func TestTrajectoryDoesNotDependOnRanks(t *testing.T) {
	for name, in := range map[string]Integrator{
		"NVE":      VelocityVerlet{},
		"Langevin": Langevin{Temperature: 60, Friction: 0.01 / Femtosecond, Seed: 5},
	} {
		t.Run(name, func(t *testing.T) {
			var ref [][3]float64
			for _, ranks := range []int{1, 2, 8} {
				on(t, ranks, func(c comm.Comm) error {
					s := newSim(t, c, 4)
					s.Integrator = in
					if err := s.Run(120); err != nil {
						return err
					}
					if s.Rebuilds < 3 {
						t.Errorf("only %d list builds: the test shows too little", s.Rebuilds)
					}
					got, err := all(s)
					if err != nil || c.Rank() > 0 {
						return err
					}
					x := unwrapped(&s.Cell, got)
					if ref == nil {
						ref = x
					}
					// Rounding of 1e-15 in forces grows with the chaos of 120 steps.
					if d := apart(ref, x); !(d < 1e-10) {
						t.Errorf("%d ranks: positions differ by %g Å", ranks, d)
					}
					return nil
				})
			}
		})
	}
}

// The same bricks give the same bits, however the goroutines are scheduled.
func TestSameBits(t *testing.T) {
	run := func() (out *Table, th Thermo) {
		on(t, 4, func(c comm.Comm) error {
			s := newSim(t, c, 4)
			s.Integrator = Langevin{Temperature: 60, Friction: 0.01 / Femtosecond, Seed: 5}
			if err := s.Run(40); err != nil {
				return err
			}
			th1, err := s.Thermo()
			if err != nil {
				return err
			}
			got, err := all(s)
			if c.Rank() == 0 {
				out, th = got, th1
			}
			return err
		})
		return out, th
	}
	a, ta := run()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	b, tb := run()
	runtime.GOMAXPROCS(7)
	c, tc := run()
	if !slices.Equal(a.X, b.X) || !slices.Equal(a.V, b.V) || !slices.Equal(a.F, b.F) || ta != tb {
		t.Error("one processor gives other bits")
	}
	if !slices.Equal(a.X, c.X) || !slices.Equal(a.V, c.V) || ta != tc {
		t.Error("seven processors give other bits")
	}
}

// Halving the timestep quarters the fluctuation of the total energy: second order.
func TestSecondOrder(t *testing.T) {
	if testing.Short() {
		t.Skip("a long run of one rank")
	}
	var dev [3]float64
	for i, dt := range []float64{16, 8, 4} {
		on(t, 1, func(c comm.Comm) error {
			s := newSim(t, c, 4)
			s.Potential = smooth{argon(t, true)}
			s.Dt = dt * Femtosecond
			var e []float64
			s.Observers = []Observer{every(int(16/dt), func(s *Sim) error {
				th, err := s.Thermo()
				e = append(e, th.Total())
				return err
			})}
			if err := s.Run(int64(1600 / dt)); err != nil {
				return err
			}
			mean := 0.0
			for _, x := range e {
				mean += x / float64(len(e))
			}
			for _, x := range e {
				dev[i] += (x - mean) * (x - mean) / float64(len(e))
			}
			dev[i] = math.Sqrt(dev[i])
			return nil
		})
	}
	t.Logf("fluctuation of the energy at 16, 8, 4 fs: %.3g, %.3g, %.3g eV", dev[0], dev[1], dev[2])
	for i := range 2 {
		if r := dev[i] / dev[i+1]; r < 3.6 || r > 4.4 {
			t.Errorf("halving the timestep divides the fluctuation by %.3g, want 4", r)
		}
	}
}

type observer struct {
	n int
	f func(*Sim) error
}

func every(n int, f func(*Sim) error) Observer { return observer{n, f} }
func (o observer) Every() int                  { return o.n }
func (o observer) Observe(s *Sim) error        { return o.f(s) }

// Time is steps times timestep, without the rounding of a running sum, and
// goes on where the timestep changes, over a restart too.
func TestTime(t *testing.T) {
	dir := t.TempDir()
	on(t, 1, func(c comm.Comm) error {
		s := newSim(t, c, 2)
		s.Dt = 0.1
		k := &Checkpoint{Dir: dir}
		if err := s.Run(3); err != nil {
			return err
		}
		if s.Time() != 3*s.Dt {
			t.Errorf("time %v", s.Time())
		}
		s.SetTimestep(0.25)
		if err := errors.Join(s.Run(2), k.Write(s)); err != nil {
			return err
		}
		if want := 3*0.1 + 2*0.25; math.Abs(s.Time()-want) > 1e-15 {
			t.Errorf("time %v, want %v", s.Time(), want)
		}
		r, err := ReadRestart(c, dir)
		if err != nil {
			return err
		}
		n := newSim(t, c, 2)
		n.Dt = 0
		if _, err := n.Resume(r); err != nil {
			return err
		}
		if n.Time() != s.Time() || n.Dt != 0.25 || n.Step != 5 {
			t.Errorf("after the restart: step %d, time %v, timestep %v", n.Step, n.Time(), n.Dt)
		}
		return nil
	})
}
