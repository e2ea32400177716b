// Package potentialtest is the suite that every potential must pass: Run tests
// the physics that does not depend on the model, and Evaluate gives energy,
// forces and virial of a structure on any number of ranks, in the order of its
// atoms, with nothing of a simulation around it.
//
// A potential's own test is then one call:
//
//	potentialtest.Run(t, func() potential.Potential { return mine() }, potentialtest.Options{Elements: []int{14}})
package potentialtest

import (
	"errors"
	"fmt"
	"math"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/halo"
	"github.com/wigner-md/wigner/neighbor"
	"github.com/wigner-md/wigner/potential"
)

// System is a structure. A lattice vector of a direction that is not periodic
// may be zero.
type System struct {
	Cell     [3][3]float64 // rows are lattice vectors, Å
	Periodic [3]bool
	Z        []int        // atomic numbers
	X        [][3]float64 // Å
}

// Setup says how to evaluate. The zero value is one rank without a skin.
type Setup struct {
	Ranks int     // bricks, one in-process rank for each; 0 is 1
	Grid  [3]int  // bricks by direction; if set, instead of Ranks
	Skin  float64 // Å, of the neighbour list
	// Border, unless 0, makes of a lone rank's blocks of rows every so-manyth the border
	// and the others the interior, which is otherwise empty there.
	Border int
	// Run starts the ranks; nil is inproc.Run.
	Run func(n int, f func(comm.Comm) error) error
}

// Rank says what one rank held.
type Rank struct {
	Owned, Remote, Images, Peers int
	Interior                     int   // rows
	Polls                        int   // of exchanges under way
	Edges                        int64 // list entries, the skin's included
	Sent                         halo.Stats
}

// Outcome is what an evaluation gave, in the order of the system's atoms.
type Outcome struct {
	Energy   float64         // eV
	Energies []float64       // eV, by atom
	Forces   [][3]float64    // eV/Å
	Virial   [3][3]float64   // eV; W = −Σ r ⊗ ∂E/∂r
	Virials  [][3][3]float64 // eV, by atom
	Grid     [3]int
	Ranks    []Rank
}

// Evaluate computes one structure on in-process ranks. mk makes one rank's
// potential and is called by that rank. The atoms are dealt out to the ranks
// like cards before they migrate to where they belong.
func Evaluate(s System, setup Setup, mk func() potential.Potential) (*Outcome, error) {
	cell, err := domain.NewCell(s.Cell, s.Periodic)
	if err != nil {
		return nil, err
	}
	lo, hi := cell.Bounds(s.X)
	part := domain.NewPartition(cell, max(setup.Ranks, 1), lo, hi)
	if setup.Grid != ([3]int{}) {
		part = domain.NewGrid(cell, setup.Grid, lo, hi)
	}
	out := &Outcome{
		Energies: make([]float64, len(s.X)), Forces: make([][3]float64, len(s.X)), Virials: make([][3][3]float64, len(s.X)),
		Grid: part.Grid(), Ranks: make([]Rank, part.N()),
	}
	run := setup.Run
	if run == nil {
		run = inproc.Run
	}
	err = run(part.N(), func(c comm.Comm) error {
		r := rank{c: c, cell: cell, part: part, skin: setup.Skin, border: setup.Border}
		return r.run(&s, mk(), out)
	})
	return out, err
}

// rank is one rank's side of an evaluation.
type rank struct {
	c      comm.Comm
	cell   domain.Cell
	part   domain.Partition
	skin   float64
	border int
	atoms  domain.Atoms
	plan   *halo.Plan
	polled polled
	list   neighbor.List
	frame  potential.Frame
	res    potential.Result
	bonds  potential.Bonds
}

// polled is a plan that counts what Polls there are.
type polled struct {
	*halo.Plan
	polls int
}

func (p *polled) Poll() error {
	p.polls++
	return p.Plan.Poll()
}

// interior is the plan's, or that of Setup.Border.
func (r *rank) interior() (free []domain.Span, err error) {
	switch {
	case r.border == 0:
		return r.plan.Interior(), nil
	case r.c.Size() > 1:
		return nil, errors.New("potentialtest: Setup.Border is for one rank")
	}
	for b := range domain.Padded(r.atoms.N) / domain.Block {
		if b%r.border > 0 {
			free = append(free, domain.Span{From: b * domain.Block, To: (b + 1) * domain.Block})
		}
	}
	return free, nil
}

// deal takes this rank's share of the atoms, makes the halo and the list.
func (r *rank) deal(s *System, p potential.Potential) error {
	a := &r.atoms
	for i := r.c.Rank(); i < len(s.X); i += r.c.Size() {
		a.ID = append(a.ID, int64(i+1))
		a.Species = append(a.Species, int32(s.Z[i]))
		a.X = append(a.X, s.X[i])
	}
	a.N = len(a.X)
	r.plan = halo.New(r.c)
	if err := r.plan.Migrate(r.part, r.cell, a); err != nil {
		return err
	}
	if err := r.plan.Rebuild(r.part, r.cell, a, p.Cutoff()+r.skin); err != nil {
		return err
	}
	if err := neighbor.Build(&r.list, a, p.Cutoff(), r.skin); err != nil {
		return err
	}
	interior, err := r.interior()
	if err != nil {
		return err
	}
	r.polled = polled{Plan: r.plan}
	r.frame = potential.Frame{
		N: a.N, Rows: a.Features(), Species: a.Species, ID: a.ID, X: a.X,
		List: &r.list, Home: r.plan.Home, Halo: &r.polled, Interior: interior,
	}
	r.res = potential.Result{Energy: make([]float64, a.N), Bonds: &r.bonds}
	return nil
}

// compute evaluates the frame; called again it does the same again.
func (r *rank) compute(p potential.Potential) error {
	for i := range r.res.Energy {
		r.res.Energy[i] = math.NaN() // every energy must be set
	}
	r.bonds.Reset(r.frame.Rows)
	return p.Compute(&r.frame, &r.res)
}

func (r *rank) run(s *System, p potential.Potential, out *Outcome) error {
	for _, z := range s.Z {
		if !p.Supports(z) {
			return fmt.Errorf("potentialtest: the potential does not know element %d", z)
		}
	}
	if err := r.deal(s, p); err != nil {
		return err
	}
	r.bonds.PerAtom = true
	if err := r.compute(p); err != nil {
		return err
	}
	if err := r.bonds.Close(r.plan); err != nil {
		return err
	}
	var sums [10]comm.Fixed
	for i := range r.atoms.N {
		at := r.atoms.ID[i] - 1
		out.Energies[at], out.Forces[at] = r.res.Energy[i], r.bonds.F[i]
		out.Virials[at] = r.bonds.Each[i]
		sums[9].Add(r.res.Energy[i])
	}
	for k := range 9 {
		sums[k].Add(r.bonds.W[k/3][k%3])
	}
	if err := comm.SumFixed(r.c, sums[:]); err != nil {
		return err
	}
	a := &r.atoms
	inner := 0
	for _, f := range r.frame.Interior {
		inner += f.To - f.From
	}
	out.Ranks[r.c.Rank()] = Rank{a.N, a.Remote, a.Images, r.plan.Peers(), inner, r.polled.polls, r.list.Row[a.N], r.plan.Stats()}
	if r.c.Rank() == 0 {
		out.Energy = sums[9].Value()
		for k := range 9 {
			out.Virial[k/3][k%3] = sums[k].Value()
		}
	}
	return nil
}
