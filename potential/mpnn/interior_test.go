package mpnn_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/hybrid"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/mpnn"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// lattice is n[0]·n[1]·n[2] atoms, 3 Å apart, moved at random by up to 0.6 Å.
func lattice(n [3]int) potentialtest.System {
	rng := rand.New(rand.NewPCG(11, 4))
	s := potentialtest.System{Periodic: [3]bool{true, true, true}}
	for k := range 3 {
		s.Cell[k][k] = 3 * float64(n[k])
	}
	for k := range n[0] * n[1] * n[2] {
		x := [3]float64{float64(k / n[2] / n[1]), float64(k / n[2] % n[1]), float64(k % n[2])}
		for c := range x {
			x[c] = 3*x[c] + 0.6*(2*rng.Float64()-1)
		}
		s.X, s.Z = append(s.X, x), append(s.Z, []int{8, 14}[rng.IntN(2)])
	}
	return s
}

// inMode evaluates the toy of three layers with states of several widths.
func inMode[T mpnn.Float](t *testing.T, s potentialtest.System, setup potentialtest.Setup, mode mpnn.Memory) *potentialtest.Outcome {
	t.Helper()
	m := toyOf[T](3, func(t int) int { return 5 - 3*(t%2) })
	o, err := potentialtest.Evaluate(s, setup, func() potential.Potential {
		n := mpnn.New(m)
		n.Memory = mode
		return n
	})
	if err != nil {
		t.Fatal(err)
	}
	return o
}

var modes = []mpnn.Memory{mpnn.Normal, mpnn.Lean, mpnn.Low}

// The interior changes no bit of the energies, and the forces by rounding, in all modes.
func TestInteriorOnOneRank(t *testing.T) {
	t.Run("float64", func(t *testing.T) { interiorOnOneRank[float64](t, 1e-13) })
	t.Run("float32", func(t *testing.T) { interiorOnOneRank[float32](t, 1e-5) })
}

func interiorOnOneRank[T mpnn.Float](t *testing.T, limit float64) {
	s := lattice([3]int{10, 10, 10}) // 42 blocks
	want := inMode[T](t, s, potentialtest.Setup{}, mpnn.Normal)
	for _, border := range []int{2, 4} {
		var first *potentialtest.Outcome
		for _, mode := range modes {
			got := inMode[T](t, s, potentialtest.Setup{Border: border}, mode)
			if r := got.Ranks[0]; r.Interior < 16*domain.Block || r.Polls == 0 {
				t.Errorf("%d rows interior, %d polls", r.Interior, r.Polls)
			}
			if !reflect.DeepEqual(got.Energies, want.Energies) {
				t.Errorf("mode %d, one block in %d border: other energies", mode, border)
			}
			if _, _, f, w := potentialtest.Deviation(got, want); !(f <= limit && w <= limit) {
				t.Errorf("mode %d, one block in %d border: forces differ by %g eV/Å, virials by %g eV", mode, border, f, w)
			}
			if first == nil {
				first = got
			}
			if !reflect.DeepEqual(got.Forces, first.Forces) || got.Virial != first.Virial {
				t.Errorf("mode %d, one block in %d border: not the bits of the normal mode", mode, border)
			}
		}
	}
}

// Ranks with an interior, whose features travel meanwhile, against one rank; and the
// same bits where the bricks are those of several processes.
func TestInteriorOnRanks(t *testing.T) {
	s := lattice([3]int{22, 22, 7})
	want := inMode[float64](t, s, potentialtest.Setup{}, mpnn.Normal)
	for _, c := range []struct {
		grid      [3]int
		processes []int
	}{
		{[3]int{2, 1, 1}, []int{1, 1}},
		{[3]int{2, 2, 1}, []int{2, 2}},
		{[3]int{2, 2, 1}, []int{1, 3}},
	} {
		var first *potentialtest.Outcome
		for _, mode := range modes {
			got := inMode[float64](t, s, potentialtest.Setup{Grid: c.grid}, mode)
			for k, r := range got.Ranks {
				if r.Interior < 2*domain.Block {
					t.Errorf("%v: %d of %d rows of rank %d are interior", c.grid, r.Interior, r.Owned, k)
				}
			}
			e, ei, f, w := potentialtest.Deviation(got, want)
			if worst := max(e, ei, f, w); !(worst <= 1e-12) { // numbers up to some 10
				t.Errorf("%v, mode %d: %g off one rank", c.grid, mode, worst)
			}
			if first == nil {
				first = got
			}
			over := potentialtest.Setup{Grid: c.grid, Run: func(n int, f func(comm.Comm) error) error {
				return inproc.Run(len(c.processes), func(outer comm.Comm) error { return hybrid.Run(outer, c.processes, f) })
			}}
			for what, o := range map[string]*potentialtest.Outcome{"mode": got, "processes": inMode[float64](t, s, over, mode)} {
				if !reflect.DeepEqual(o.Energies, first.Energies) || !reflect.DeepEqual(o.Forces, first.Forces) || o.Virial != first.Virial {
					t.Errorf("%v, mode %d, %v bricks: not the bits of the normal mode in one process, by %s", c.grid, mode, c.processes, what)
				}
			}
		}
		for k, r := range first.Ranks {
			t.Logf("%v, rank %d: %d of %d rows are interior, %d polls", c.grid, k, r.Interior, r.Owned, r.Polls)
		}
	}
}

// counted evaluates many times, and counts the allocations of that on one of two ranks.
type counted struct {
	potential.Potential
	first bool
	done  chan struct{}
	count float64
}

func (p *counted) Compute(f *potential.Frame, r *potential.Result) error {
	const warm, n = 3, 10
	var err error
	step := func() {
		if e := p.Potential.Compute(f, r); e != nil {
			err = e
		}
	}
	for range warm {
		step()
	}
	if p.first {
		p.count = testing.AllocsPerRun(n-1, step) // of the whole process; one more to warm up
		close(p.done)
	} else {
		for range n {
			step()
		}
		<-p.done
	}
	r.Bonds.Reset(f.Rows)
	step()
	return err
}

// A step of two ranks with an interior allocates nothing, on both together, in any mode.
func TestStepOfRanksDoesNotAllocate(t *testing.T) {
	if race {
		t.Skip("the race detector allocates")
	}
	s := lattice([3]int{22, 11, 7})
	for _, mode := range modes {
		var calls atomic.Int32
		done := make(chan struct{})
		var first *counted
		m := toyModel[float32](3)
		o, err := potentialtest.Evaluate(s, potentialtest.Setup{Grid: [3]int{2, 1, 1}}, func() potential.Potential {
			n := mpnn.New(m)
			n.Memory = mode
			p := &counted{Potential: n, first: calls.Add(1) == 1, done: done, count: math.NaN()}
			if p.first {
				first = p
			}
			return p
		})
		if err != nil {
			t.Fatal(err)
		}
		if first.count != 0 {
			t.Errorf("mode %d: %v allocations in a step", mode, first.count)
		}
		for k, r := range o.Ranks {
			if r.Interior == 0 {
				t.Error(fmt.Sprint("rank ", k, " has no interior"))
			}
		}
	}
}
