package md

import (
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/internal/invariant"
)

// A step between two list builds allocates nothing, on one rank and on two.
func TestStepsDoNotAllocate(t *testing.T) {
	if invariant.Enabled {
		t.Skip("the checks of the tag invariants allocate")
	}
	for _, ranks := range []int{1, 2} {
		for _, in := range []Integrator{VelocityVerlet{}, Langevin{Temperature: 40, Friction: 0.01 / Femtosecond, Seed: 1}} {
			on(t, ranks, func(c comm.Comm) error {
				s := newSim(t, c, 4)
				s.Integrator, s.Dt, s.Skin = in, 0.1*Femtosecond, 1
				if err := s.Run(5); err != nil {
					return err
				}
				before := s.Rebuilds
				const steps = 30
				run := func() {
					if err := s.Run(1); err != nil {
						t.Error(err)
					}
				}
				// Both ranks make the same number of steps, one of them is watched.
				allocs := 0.0
				if c.Rank() == 0 {
					allocs = testing.AllocsPerRun(steps, run)
				} else {
					for range steps + 1 {
						run()
					}
				}
				if s.Rebuilds != before {
					t.Error("the list was built in between")
				}
				if allocs > 0 {
					t.Errorf("%d ranks, %T: %g allocations per step", ranks, in, allocs)
				}
				return nil
			})
		}
	}
}

// BenchmarkStep is Lennard-Jones argon, 2048 atoms, on one rank.
func BenchmarkStep(b *testing.B) {
	on(b, 1, func(c comm.Comm) error {
		s := newSim(b, c, 8)
		if err := s.Run(1); err != nil {
			return err
		}
		b.ReportAllocs()
		b.ResetTimer()
		if err := s.Run(int64(b.N)); err != nil {
			return err
		}
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2048, "ns/atom/step")
		for st := Pair; st < Stages; st++ {
			b.ReportMetric(float64(s.Clocks[st].Nanoseconds())/float64(b.N)/2048, st.String()+"-ns/atom")
		}
		return nil
	})
}
