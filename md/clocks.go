package md

import (
	"time"

	"github.com/wigner-md/wigner/comm"
)

// Stage is a part of the run whose time is taken separately.
type Stage int

// The stages, in the order and with the names of LAMMPS's breakdown.
const (
	Pair   Stage = iota // the potential, less its exchanges
	Neigh               // migration, borders, neighbour list
	Comm                // exchanges of positions, features and forces; the stale test
	Output              // observers
	Modify              // the integrator
	Other               // what is left of the loop
	Stages
)

func (s Stage) String() string {
	return [...]string{"Pair", "Neigh", "Comm", "Output", "Modify", "Other"}[s]
}

// Clocks is the time that one rank spent in each stage.
type Clocks [Stages]time.Duration

// Total is the sum of all stages.
func (c *Clocks) Total() (t time.Duration) {
	for _, d := range c {
		t += d
	}
	return t
}

// Spread is the least, mean and greatest of a quantity over the ranks.
type Spread struct{ Min, Avg, Max float64 }

// SpreadOf is collective: it returns the spread of each of x over the ranks.
func SpreadOf(c comm.Comm, x ...float64) ([]Spread, error) {
	lo, sum, hi := append([]float64(nil), x...), append([]float64(nil), x...), append([]float64(nil), x...)
	for _, r := range []struct {
		x  []float64
		op comm.Op
	}{{lo, comm.Min}, {sum, comm.Sum}, {hi, comm.Max}} {
		if err := c.Allreduce(r.x, r.op); err != nil {
			return nil, err
		}
	}
	out := make([]Spread, len(x))
	for i := range out {
		out[i] = Spread{lo[i], sum[i] / float64(c.Size()), hi[i]}
	}
	return out, nil
}

// Breakdown is collective: seconds by stage over the ranks.
func (c *Clocks) Breakdown(co comm.Comm) ([Stages]Spread, error) {
	var out [Stages]Spread
	x := make([]float64, Stages)
	for s, d := range c {
		x[s] = d.Seconds()
	}
	sp, err := SpreadOf(co, x...)
	copy(out[:], sp)
	return out, err
}
