package md

import (
	"errors"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/halo"
	"github.com/wigner-md/wigner/neighbor"
	"github.com/wigner-md/wigner/potential"
)

// Evaluator gives the energies, forces and virial of the atoms where they now
// are. It owns everything between positions and forces: ghosts, their plan,
// the neighbour list and its age. One per rank; set the exported fields of the
// first group, then call Evaluate.
type Evaluator struct {
	Comm      comm.Comm
	Partition domain.Partition
	Cell      domain.Cell
	// Atoms are this rank's. Before the first call they may be any rank's:
	// the first call sends each atom to its owner. IDs are unique, from 1.
	Atoms     *domain.Atoms
	Potential potential.Potential
	Skin      float64 // Å beyond the cutoff; 0: rebuild on every call
	Depth     float64 // halo depth in Å; 0: cutoff + skin
	Guard     Guard
	// Balance moves the cuts of Partition at list builds, where that pays, so that
	// all bricks have about the same number of edges. The same bricks then still
	// give the same bits; others the same within rounding.
	Balance bool
	// AtomVirials asks the next calls for Virials too.
	AtomVirials bool
	// Wrapped, where it is set, is told of each atom that list builds put back
	// into the cell, before they do: its row, and by how much its position becomes less.
	Wrapped func(row int, by [3]float64)

	// Results of the last call, for the owned atoms of this rank. Forces are
	// in Atoms.F.
	Energy []float64     // E_i, eV
	Virial [3][3]float64 // this rank's part of W, eV; see Totals
	// Virials are W_i, eV, as potential.Bonds divides W, by owned row; only of
	// calls with AtomVirials.
	Virials [][3][3]float64

	Clocks   Clocks
	Rebuilds int64 // list builds so far
	Recuts   int64 // of them, those that moved the cuts between bricks
	Calls    int64 // evaluations so far

	plan    *halo.Plan
	list    neighbor.List
	bonds   potential.Bonds
	built   [][3]float64 // X of owned rows at the last list build
	inside  domain.Cell  // the cell at that time
	frozen  [3]int64     // numbers of atoms frozen along x, y, z
	valid   bool         // plan and list belong to the rows of Atoms
	fresh   bool         // restored: the next call uses the list as it is
	census  [2]int64     // number of all atoms, and the sum of their IDs
	mark    int64        // step in hand + 1; 0 outside a Sim
	trouble trouble
	flags   [4]float64 // operand of the one reduction per step
	frame   potential.Frame
	result  potential.Result
	timed   timedHalo
	balance balancer
	weighed bool // balance knows the work of the atoms

	stopWanted, saveWanted atomic.Bool
	stopped                bool
	saving                 bool // all ranks have agreed to save after this step
}

// Evaluate computes energies, forces and virial at the present positions. It
// is collective. It rebuilds ghosts and list where an atom has moved further
// than half the skin since the last build, or less where the cell has changed
// (see reach); atoms then change owner and row, with their velocities. Trouble on any rank (see Guard) found after the last
// call is returned by this one, on every rank.
func (e *Evaluator) Evaluate() error {
	stale, err := e.stale()
	if err != nil {
		return err
	}
	if stale {
		if err := e.rebuild(); err != nil {
			return err
		}
	} else if err := e.positions(); err != nil {
		return err
	}
	if err := e.compute(); err != nil {
		return err
	}
	e.Calls++
	return nil
}

// stale is step 1: whether the list no longer holds, on any rank. The one
// reduction of a step also carries the ranks' troubles and wishes to stop.
func (e *Evaluator) stale() (bool, error) {
	defer e.clock(Comm, time.Now())
	d2 := 0.0
	limit, strained := e.reach()
	switch a := e.Atoms; {
	case e.fresh:
	case !e.valid || e.Skin <= 0:
		d2 = math.Inf(1)
	case limit < 0:
		d2 = math.Inf(1)
	default:
		for i, x := range a.X[:a.N] {
			b, d := e.built[i], 0.0
			if strained {
				b = e.Cell.Cart(e.inside.Frac(b))
			}
			for k := range x {
				d += (x[k] - b[k]) * (x[k] - b[k])
			}
			if !(d <= d2) {
				d2 = d
			}
			if d != d { // a rank's maximum hides a NaN that came before
				e.found(NotFinite, a.ID[i])
				d2 = math.Inf(1)
				break
			}
		}
	}
	e.flags = [4]float64{d2, float64(e.trouble.kind), 0, 0}
	if e.stopWanted.Load() {
		e.flags[2] = 1
	}
	if e.saveWanted.Load() {
		e.flags[3] = 1
	}
	if err := e.Comm.Allreduce(e.flags[:], comm.Max); err != nil {
		return false, err
	}
	e.stopped = e.stopped || e.flags[2] > 0
	if e.flags[3] > 0 {
		e.saving = true
		e.saveWanted.Store(false)
	}
	if e.flags[1] > 0 {
		return false, e.report()
	}
	return e.flags[0] > limit*limit, nil
}

// reach is how far an atom may move, beside following the cell, before the list
// misses a pair; strained is whether the cell has changed since the list was
// built. With M the map of the cell of then to the cell of now, an atom is at
// x₀M + u, and two atoms within r_c now were within |M⁻¹|(r_c + 2u) then, which
// must not exceed r_c + skin. The bound |M⁻¹| ≤ 1 + |M⁻¹ − 1| is that of Frobenius.
// It is negative where no list holds any more.
func (e *Evaluator) reach() (limit float64, strained bool) {
	now := e.Cell.Vectors()
	if !e.valid || now == e.inside.Vectors() {
		return e.Skin / 2, false
	}
	sum := 0.0
	for _, v := range [3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}} {
		back := e.inside.Cart(e.Cell.Frac(v))
		for l := range back {
			d := back[l] - v[l]
			sum += d * d
		}
	}
	rc := e.Potential.Cutoff()
	return ((rc+e.Skin)/(1+math.Sqrt(sum)) - rc) / 2, true
}

// rebuild is step 2a: each atom to its brick, ghosts, list.
func (e *Evaluator) rebuild() error {
	defer e.clock(Neigh, time.Now())
	e.valid = false
	if e.plan == nil {
		e.plan = halo.New(e.Comm)
	}
	if w, ok := e.Potential.(potential.Whole); ok {
		if err := w.Admits(e.Cell.Periodic(), e.Comm.Size()); err != nil {
			return err
		}
	}
	if err := e.begin(); err != nil {
		return err
	}
	if err := e.finite(); err != nil {
		return err
	}
	known := e.weighed
	if _, err := e.recut(known); err != nil {
		return err
	}
	if err := e.settle(); err != nil {
		return err
	}
	if !known { // by now the edges are known, not only the atoms
		moved, err := e.recut(true)
		if err == nil && moved {
			err = e.settle()
		}
		if err != nil {
			return err
		}
	}
	e.valid = true
	e.Rebuilds++
	return nil
}

// settle brings each atom to its brick, and makes ghosts and list.
func (e *Evaluator) settle() error {
	if e.Wrapped != nil {
		for i, x := range e.Atoms.X[:e.Atoms.N] {
			if _, m := e.Cell.Wrap(x); m != [3]int32{} {
				e.Wrapped(i, e.Cell.Shift(m))
			}
		}
	}
	if err := e.plan.Migrate(e.Partition, e.Cell, e.Atoms); err != nil {
		return e.thin(err)
	}
	e.built = append(e.built[:0], e.Atoms.X[:e.Atoms.N]...)
	e.inside = e.Cell
	return e.lists()
}

// lists makes ghosts and list for the owned rows as they stand.
func (e *Evaluator) lists() error {
	if err := e.plan.Rebuild(e.Partition, e.Cell, e.Atoms, e.depth()); err != nil {
		return e.thin(err)
	}
	if err := e.accounts(neighbor.Build(&e.list, e.Atoms, e.Potential.Cutoff(), e.Skin)); err != nil {
		return err
	}
	if e.weighed = e.Balance; e.weighed {
		e.weigh()
	}
	return nil
}

// thin makes trouble of a cell that has become too thin for ghosts in the course of
// a run, so that the frame before can be saved.
func (e *Evaluator) thin(err error) error {
	var s *halo.SystemError
	if e.mark > 1 && errors.As(err, &s) && s.ID == 0 {
		return &TroubleError{Kind: BrokenCell, Step: e.mark - 1, Extra: ": " + s.Text}
	}
	return err
}

func (e *Evaluator) depth() float64 {
	return max(e.Depth, e.Potential.Cutoff()+e.Skin)
}

// positions is step 2b: the ghosts follow their owners.
func (e *Evaluator) positions() error {
	defer e.clock(Comm, time.Now())
	e.fresh = false
	return e.plan.Positions(e.Cell, e.Atoms.X)
}

// compute is steps 3 and 4: the potential, and the ghosts' forces home.
func (e *Evaluator) compute() error {
	start, a := time.Now(), e.Atoms
	e.timed = timedHalo{plan: e.plan}
	e.bonds.PerAtom = e.AtomVirials
	e.bonds.Reset(a.Features())
	if cap(e.Energy) < a.N {
		e.Energy = make([]float64, a.N, a.N+a.N/8)
	}
	e.Energy = e.Energy[:a.N]
	clear(e.Energy)
	e.frame = potential.Frame{
		N: a.N, Rows: a.Features(), Species: a.Species, ID: a.ID, X: a.X,
		List: &e.list, Home: e.plan.Home, Halo: &e.timed, Interior: e.plan.Interior(),
	}
	e.result = potential.Result{Energy: e.Energy, Bonds: &e.bonds}
	if err := e.Potential.Compute(&e.frame, &e.result); err != nil {
		return err
	}
	if err := e.bonds.Close(&e.timed); err != nil {
		return err
	}
	a.F, e.Virial, e.Virials = e.bonds.F, e.bonds.W, e.bonds.Each
	e.watch()
	e.Clocks[Pair] += time.Since(start) - e.timed.spent
	e.Clocks[Comm] += e.timed.spent
	return nil
}

// SetSystem puts other atoms in another cell before the evaluator, which keeps
// its memory: one evaluator serves any number of structures. All ranks do it.
func (e *Evaluator) SetSystem(cell domain.Cell, part domain.Partition, a *domain.Atoms) {
	e.Cell, e.Partition, e.Atoms = cell, part, a
	e.valid, e.fresh, e.weighed, e.census, e.frozen, e.trouble = false, false, false, [2]int64{}, [3]int64{}, trouble{}
}

// Stats are figures of the last list build on this rank.
type Stats struct {
	Owned   int
	Remote  int        // ghosts that other ranks own
	Images  int        // ghosts that are images of owned atoms
	Entries int64      // list entries, within cutoff + skin
	Sent    halo.Stats // by halo exchanges so far
}

// Stats are this rank's.
func (e *Evaluator) Stats() Stats {
	h := e.plan.Stats()
	return Stats{e.Atoms.N, e.Atoms.Remote, e.Atoms.Images, int64(len(e.list.J)), h}
}

// Edges counts this rank's directed edges with r < cutoff.
func (e *Evaluator) Edges() (n int64) {
	x, c2 := e.Atoms.X, e.Potential.Cutoff()*e.Potential.Cutoff()
	for i := range e.Atoms.N {
		for _, j := range e.list.J[e.list.Row[i]:e.list.Row[i+1]] {
			d := 0.0
			for k := range x[j] {
				d += (x[j][k] - x[i][k]) * (x[j][k] - x[i][k])
			}
			if d < c2 {
				n++
			}
		}
	}
	return n
}

// RequestStop asks that Sim.Run return after the step in hand. Any goroutine
// may call it (a signal handler, say) and one rank is enough: all ranks stop
// after the same step.
func (e *Evaluator) RequestStop() { e.stopWanted.Store(true) }

// RequestSave asks that Sim's Saver be called after the step in hand, as
// RequestStop does: all ranks save after the same step.
func (e *Evaluator) RequestSave() { e.saveWanted.Store(true) }

// Stopped reports whether all ranks have agreed to stop.
func (e *Evaluator) Stopped() bool { return e.stopped }

func (e *Evaluator) clock(s Stage, since time.Time) { e.Clocks[s] += time.Since(since) }

// timedHalo is the plan, with a watch on it.
type timedHalo struct {
	plan  *halo.Plan
	spent time.Duration
}

func (t *timedHalo) since(start time.Time) { t.spent += time.Since(start) }

func (t *timedHalo) Forward(r domain.Rows) error {
	defer t.since(time.Now())
	return t.plan.Forward(r)
}

func (t *timedHalo) Reverse(r domain.Rows) error {
	defer t.since(time.Now())
	return t.plan.Reverse(r)
}

func (t *timedHalo) StartForward(r domain.Rows) error {
	defer t.since(time.Now())
	return t.plan.StartForward(r)
}

func (t *timedHalo) StartReverse(r domain.Rows) error {
	defer t.since(time.Now())
	return t.plan.StartReverse(r)
}

func (t *timedHalo) Poll() error {
	defer t.since(time.Now())
	return t.plan.Poll()
}

func (t *timedHalo) Wait() error {
	defer t.since(time.Now())
	return t.plan.Wait()
}

// CheckElements is collective. It returns an error that names, on every rank,
// all elements among the atoms of all ranks that p does not know.
func CheckElements(c comm.Comm, a *domain.Atoms, p potential.Potential, symbol func(z int) string) error {
	var seen [128]int64
	for _, z := range a.Species[:a.N] {
		if z < 0 || int(z) >= len(seen) {
			return fmt.Errorf("md: %d is not an atomic number", z)
		}
		seen[z] = 1
	}
	if err := c.AllreduceInt(seen[:], comm.Max); err != nil {
		return err
	}
	missing := ""
	for z, n := range seen {
		if n > 0 && !p.Supports(z) {
			missing += " " + symbol(z)
		}
	}
	if missing != "" {
		return fmt.Errorf("the model does not know:%s", missing)
	}
	return nil
}
