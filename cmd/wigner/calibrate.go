package main

import (
	"errors"
	"math"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/halo"
	"github.com/wigner-md/wigner/internal/philox"
	"github.com/wigner-md/wigner/internal/projection"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/sum"
)

// Pieces of a structure that a calibration moves: a crumb tells how many atoms take
// pieceStep; that many, within bounds, give the cost of an atom, the crumb that of a
// step, and the piece with its lengths stretched, which has fewer edges, that of an
// edge.
const (
	crumbAtoms  = 100
	leastPiece  = 200
	mostPiece   = 20_000
	stretch     = 1.2
	pieceStep   = 0.05 // s
	pieceTime   = 300 * time.Millisecond
	pieceRattle = 0.05                  // Å, as at room temperature
	pieceTurn   = 25 * time.Millisecond // pieces take turns: what disturbs the machine disturbs all
)

// calibration is what a second of measurement tells of a machine and a model.
type calibration struct {
	Work    projection.Work    `json:"work"`
	Machine projection.Machine `json:"machine"`
	Atoms   float64            `json:"piece_atoms"`
	Edges   float64            `json:"piece_edges"`   // directed, within the cutoff
	Entries float64            `json:"piece_entries"` // of the list
	Step    float64            `json:"piece_s"`       // one rank alone
	Busy    float64            `json:"piece_s_busy"`  // with so many at it
	AtWork  int                `json:"piece_ranks"`
	Model   float64            `json:"resident_bytes"` // of a process with the model and no atom
}

// pieceCost is what one rank measured with a piece of crystal.
type pieceCost struct {
	atoms, edges, entries float64
	step, rebuild         float64 // s; the rebuild per owned atom and image
	quickest              float64 // of the steps, s
	kinds                 [3]projection.Exchange
}

// calibrate is collective over the processes: the first of them gets what it measured
// with pieces of the structure, on one rank alone, then with one piece on each
// core that the program has on its node, perNode at most.
func (p *process) calibrate(f *form, src *source, skin float64, perNode int) (*calibration, error) {
	nodes, _ := p.hosts()
	here := max(1, p.size()/nodes) // processes on each node
	copies, err := p.least(max(1, min(perNode/here, cores())))
	if err != nil {
		return nil, err
	}
	var c *calibration
	atoms := []int64{0}
	err = p.each(func() (err error) {
		if p.first() {
			if c, err = alone(f, src, skin); err == nil {
				atoms[0] = int64(c.Atoms)
			}
		}
		return err
	})
	busy := here * copies
	if err != nil || busy == 1 {
		return c, err
	}
	if p.outer != nil {
		if err := p.outer.AllreduceInt(atoms, comm.Max); err != nil {
			return nil, err
		}
	}
	var piece *form
	err = p.each(func() (err error) { piece, err = f.piece(src.Supports, int(atoms[0])); return err })
	if err != nil {
		return nil, err
	}
	var many []pieceCost
	rate := 0.0
	err = p.each(func() (err error) { // all processes at the same time
		if many, err = measure([]*form{piece}, src, skin, copies, pieceTime); err == nil {
			rate = copyRate(copies) * float64(here)
		}
		return err
	})
	if err == nil && p.first() {
		c.Busy = many[0].step
		c.AtWork = busy
		c.Machine.Busy, c.Machine.Slowdown, c.Machine.RanksPerNode = busy, max(1, many[0].step/c.Step), busy
		c.Machine.NodeCopy = max(c.Machine.Copy, rate)
	}
	return c, err
}

// alone measures what one rank can measure.
func alone(f *form, src *source, skin float64) (*calibration, error) {
	crumb, err := f.piece(src.Supports, crumbAtoms)
	if err != nil {
		return nil, err
	}
	if _, err := src.New(); err != nil { // makes the tables that all ranks share
		return nil, err
	}
	debug.FreeOSMemory()
	out := &calibration{Model: float64(resident())}
	first, err := measure([]*form{crumb}, src, skin, 1, pieceTurn)
	if err != nil {
		return nil, err
	}
	piece := crumb
	if n := pieceStep / first[0].quickest * first[0].atoms; n > first[0].atoms {
		if piece, err = f.piece(src.Supports, int(max(leastPiece, min(n, mostPiece)))); err != nil {
			return nil, err
		}
	}
	costs, err := measure([]*form{crumb, piece, piece.stretched(stretch)}, src, skin, 1, pieceTime)
	if err != nil {
		return nil, err
	}
	small, c, wide := &costs[0], &costs[1], &costs[2]
	out.Atoms, out.Edges, out.Entries, out.Step, out.Busy = c.atoms, c.edges, c.entries, c.step, c.step
	out.AtWork = 1
	out.Work = workOf(c, small, wide)
	rate := copyRate(1)
	out.Machine = projection.Machine{Busy: 1, Slowdown: 1, RanksPerNode: 1, Copy: rate, NodeCopy: rate}
	out.Machine.Latency, out.Machine.Overhead, err = messageTimes()
	return out, err
}

// workOf shares the times of three pieces out among steps, atoms and edges.
func workOf(p, small, wide *pieceCost) projection.Work {
	w := projection.Work{Rebuild: p.rebuild, Kinds: p.kinds}
	if d := p.atoms - small.atoms; d > p.atoms/2 {
		w.Step = min(max(0, (small.step*p.atoms-p.step*small.atoms)/d), small.step/2)
	}
	perAtom, perAtomWide := (p.step-w.Step)/p.atoms, (wide.step-w.Step)/wide.atoms
	degree, degreeWide := p.edges/p.atoms, wide.edges/wide.atoms
	if degree > 0 {
		w.Edge = perAtom / degree
	}
	if d := degree - degreeWide; d > degree/10 {
		w.Edge = min(max(0, (perAtom-perAtomWide)/d), w.Edge)
	}
	w.Atom = max(0, perAtom-w.Edge*degree)
	return w
}

// measure runs pieces, each for some time in turns, on so many ranks at once, which do
// not know of each other, and returns the means over them.
func measure(pieces []*form, src *source, skin float64, copies int, each time.Duration) ([]pieceCost, error) {
	costs, errs := make([][]pieceCost, copies), make([]error, copies)
	var ready, done sync.WaitGroup
	ready.Add(copies)
	for k := range copies {
		done.Go(func() {
			errs[k] = inproc.Run(1, func(c comm.Comm) (err error) {
				costs[k], err = inTurns(c, pieces, src, skin, each, &ready)
				return err
			})
		})
	}
	done.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	out := costs[0]
	for i := range out {
		for _, c := range costs[1:] {
			out[i].step += c[i].step
			out[i].rebuild += c[i].rebuild
		}
		out[i].step /= float64(copies)
		out[i].rebuild /= float64(copies)
	}
	return out, nil
}

// inTurns measures pieces on one rank.
func inTurns(c comm.Comm, pieces []*form, src *source, skin float64, each time.Duration, ready *sync.WaitGroup) ([]pieceCost, error) {
	arrive := sync.OnceFunc(ready.Done)
	defer arrive() // whatever happens: the other copies wait
	runs := make([]*pieceRun, len(pieces))
	var err error
	for i := range runs {
		if runs[i], err = newPieceRun(c, pieces[i], src, skin); err != nil {
			break
		}
	}
	arrive()
	if err != nil {
		return nil, err
	}
	ready.Wait() // all copies begin together
	for begin := time.Now(); len(runs[0].times) == 0 || time.Since(begin) < each*time.Duration(len(runs)); {
		for _, r := range runs {
			if err := r.turn(); err != nil {
				return nil, err
			}
		}
	}
	costs := make([]pieceCost, len(runs))
	for i, r := range runs {
		if err := r.cost(&costs[i]); err != nil {
			return nil, err
		}
	}
	return costs, nil
}

// pieceRun is a piece under way.
type pieceRun struct {
	sim    *md.Sim
	before halo.Stats
	times  []float64 // of steps, s
}

// newPieceRun makes a first step, which is not counted. Steps are so short that no atom
// moves. A perfect crystal would not do as a piece: what its symmetry forbids is no zero in
// the network but a rounding error, the products of which are subnormal, and slow.
func newPieceRun(c comm.Comm, piece *form, src *source, skin float64) (*pieceRun, error) {
	x, err := piece.build(c, src.Supports, [3]int{})
	if err != nil {
		return nil, err
	}
	pot, err := src.New()
	if err != nil {
		return nil, err
	}
	s := &md.Sim{
		Evaluator: md.Evaluator{Comm: c, Potential: pot, Skin: skin, Cell: x.Cell, Partition: x.Partition, Atoms: x.Atoms, Guard: anyForce},
		Mass:      masses(), Dt: 1e-9 * md.Femtosecond, Integrator: md.VelocityVerlet{},
	}
	clear(s.Atoms.V)
	for i := range s.Atoms.N {
		g := philox.Normal(1, philox.Displacement, uint64(s.Atoms.ID[i]), 0)
		for k := range g {
			s.Atoms.X[i][k] += pieceRattle * g[k]
		}
	}
	if err := s.Run(1); err != nil {
		return nil, err
	}
	return &pieceRun{sim: s, before: s.Stats().Sent}, nil
}

// turn makes steps for a while.
func (r *pieceRun) turn() error {
	for begin, k := time.Now(), 0; k == 0 || time.Since(begin) < pieceTurn; k++ {
		start := time.Now()
		if err := r.sim.Run(1); err != nil {
			return err
		}
		r.times = append(r.times, time.Since(start).Seconds())
	}
	return nil
}

// cost is what the steps, and some list builds, say.
func (r *pieceRun) cost(p *pieceCost) error {
	s, n := r.sim, float64(len(r.times))
	p.step, p.quickest = median(r.times), slices.Min(r.times)
	after := s.Stats()
	p.atoms, p.entries, p.edges = float64(after.Owned), float64(after.Entries), float64(s.Edges())
	for k, t := range [][2]halo.Traffic{
		projection.Forward: {r.before.Forward, after.Sent.Forward}, projection.Reverse: {r.before.Reverse, after.Sent.Reverse},
		projection.Positions: {r.before.Positions, after.Sent.Positions},
	} {
		p.kinds[k] = projection.Exchange{Calls: float64(t[1].Calls-t[0].Calls) / n, RowBytes: float64(t[1].RowBytes-t[0].RowBytes) / n}
	}
	var times []float64
	for k := 0; k < 3 && (k == 0 || p.quickest < pieceStep); k++ {
		s.SetSystem(s.Cell, s.Partition, s.Atoms)
		clock := s.Clocks[md.Neigh]
		if err := s.Evaluate(); err != nil {
			return err
		}
		times = append(times, (s.Clocks[md.Neigh] - clock).Seconds())
	}
	p.rebuild = slices.Min(times) / float64(after.Owned+after.Images)
	return nil
}

func median(x []float64) float64 {
	slices.Sort(x)
	return (x[len(x)/2] + x[(len(x)-1)/2]) / 2
}

// copyRate is the bytes that so many ranks of this process copy in a second.
func copyRate(n int) float64 {
	const size = 48 << 20 // beyond a core's own caches
	best := math.Inf(1)
	var wait sync.WaitGroup
	type pair struct{ from, to []byte }
	arrays := make([]pair, n)
	for k := range arrays {
		wait.Go(func() {
			arrays[k] = pair{make([]byte, size), make([]byte, size)}
			copy(arrays[k].from, arrays[k].to) // the pages are there
		})
	}
	wait.Wait()
	for range 4 {
		start := time.Now()
		for _, a := range arrays {
			wait.Go(func() { copy(a.to, a.from) })
		}
		wait.Wait()
		best = min(best, time.Since(start).Seconds())
	}
	clear(arrays)
	debug.FreeOSMemory()
	return float64(n) * size / best
}

// messageTimes are the latency of an exchange between two ranks of this process,
// and what each further message of it takes.
func messageTimes() (latency, more float64, err error) {
	err = inproc.Run(2, func(c comm.Comm) error {
		l, m, err := pingPong(c, 1-c.Rank())
		if c.Rank() == 0 {
			latency, more = l, m
		}
		return err
	})
	return latency, more, err
}

// pingPong measures exchanges with one other rank: of one short message each way,
// and of nine.
func pingPong(c comm.Comm, peer int) (latency, more float64, err error) {
	const many = 9
	took := func(n int) (float64, error) {
		var send, recv []comm.Message
		for k := range n {
			send = append(send, comm.Message{Peer: peer, Tag: k, Data: c.Alloc(8)})
			recv = append(recv, comm.Message{Peer: peer, Tag: k, Data: c.Alloc(8)})
		}
		best := math.Inf(1)
		for range 6 {
			const times = 300
			start := time.Now()
			for range times {
				if err := comm.Exchange(c, send, recv); err != nil {
					return 0, err
				}
			}
			best = min(best, time.Since(start).Seconds()/times)
		}
		return best, nil
	}
	one, err := took(1)
	if err != nil {
		return 0, 0, err
	}
	all, err := took(many)
	return one, max(0, all-one) / (many - 1), err
}

// streamed is how often a step takes each byte that the potential keeps through
// memory: written in the forward sweep, read in the backward sweep, and once more
// as a neighbour's.
const streamed = 3

// bytesOf is the memory of a potential that tells it.
func bytesOf(p potential.Potential, owned, remote, edges int64) (n float64) {
	if s, ok := p.(*sum.Potential); ok {
		for _, q := range s.Parts {
			n += bytesOf(q, owned, remote, edges)
		}
		return n
	}
	if m, ok := p.(interface {
		Bytes(owned, remote, edges int64) int64
	}); ok {
		return float64(m.Bytes(owned, remote, edges))
	}
	return 0
}

// finish adds what follows from the run: how long lists live, and the bytes that
// an atom takes through memory.
func (c *calibration) finish(src *source, skin, atoms, kelvin, mass, dt float64) error {
	pot, err := src.New()
	if err != nil {
		return err
	}
	const many = 1 << 20 // so many that what does not depend on their number vanishes
	c.Work.Every = min(md.ListLife(skin, atoms, kelvin, mass, dt), math.MaxInt32)
	c.Work.Streamed = streamed * (bytesOf(pot, many, 0, int64(many*c.Edges/c.Atoms))/many + entryBytes*c.Entries/c.Atoms)
	return nil
}

// cores is the number of ranks that a calibration keeps busy at most.
func cores() int { return runtime.GOMAXPROCS(0) }
