package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/halo"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/internal/projection"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/potential"
)

// cutForReal is the number of atoms up to which a dry run cuts the structure
// as the run would; above, a prototype's atoms are counted from its lattice.
const cutForReal = 500_000

// ranksForReal is the number of ranks up to which it does: what all ranks do to weigh
// their cuts takes one process a time that grows with their square.
const ranksForReal = 200

// tooClose is a distance that no bond has, Å: that of H₂, the shortest, is 0.74.
const tooClose = 0.5

// brick is what one rank would hold, and the time of its step.
type brick struct {
	owned, remote, images, entries float64
	step                           projection.Time
}

// forecast is what a dry run finds.
type forecast struct {
	calibration
	bricks []brick
	part   domain.Partition
	job    *job
	pot    potential.Potential
	skin   float64
	// closest is the distance of the closest two atoms, Å; 0 where they are counted, not made.
	closest float64
}

// dryRun is collective over the processes; the first one counts. It says what each
// rank would hold and how long a step would take.
func (a *app) dryRun(s *simulation, p *process) error {
	nodes, _ := p.hosts()
	f := &forecast{job: &job{Processes: p.size()}}
	err := p.each(func() (err error) {
		if f.job.Bricks, err = layout(p.size(), s.src.ranks(s.o.ranks), s.bricks(p.size()), p.outer != nil); err == nil {
			f.skin, err = s.foreseenSkin()
		}
		return err
	})
	if err != nil {
		return err
	}
	n := f.job.ranks()
	perNode := (n + nodes - 1) / nodes
	c, err := p.calibrate(s.form, s.src, f.skin, perNode)
	if err != nil {
		return err
	}
	return p.each(func() (err error) {
		if !p.first() {
			return nil
		}
		f.calibration = *c
		assume(&f.Machine)
		f.Machine.RanksPerNode = perNode
		if f.pot, err = s.src.New(); err != nil {
			return err
		}
		if err := s.cutUp(n, f); err != nil {
			return err
		}
		for _, text := range s.cfg.Doubts() {
			a.log.Warn(text)
		}
		if f.closest > 0 && f.closest < tooClose {
			a.log.Warn(fmt.Sprintf("two atoms are %.4g Å apart, closer than any bond: are lattice constant, cell and unit of length what they should be?", f.closest))
		}
		f.report(a.out, s)
		return nil
	})
}

// foreseenSkin is the skin that a run would have.
func (s *simulation) foreseenSkin() (float64, error) {
	if s.cfg.Parallel.Skin != input.AutoSkin {
		return float64(s.cfg.Parallel.Skin), nil
	}
	if err := s.form.load(s.src.Supports); err != nil {
		return 0, err
	}
	n := int64(0)
	if s.form.crystal != nil {
		n = s.form.crystal.Count()
	} else {
		n = int64(len(s.form.whole.X))
		for _, t := range latticeRepeat(s.form.whole, s.form.atLeast, s.form.times) {
			n *= int64(t)
		}
	}
	return s.skin(float64(n), s.form.lightest()), nil
}

// cutUp is what each brick would hold.
func (s *simulation) cutUp(n int, f *forecast) error {
	f.bricks = make([]brick, n)
	grid := gridOf(s.cfg.Parallel.Grid)
	many := n > ranksForReal
	if s.form.crystal != nil && (many || s.form.crystal.Count() > cutForReal) {
		return s.countUp(n, grid, f)
	}
	loads, near := make([]*projection.Load, n), make([]float64, n)
	err := inproc.Run(n, func(c comm.Comm) error {
		x, err := s.form.build(c, s.src.Supports, grid)
		if err != nil {
			return err
		}
		if many && s.cfg.Parallel.Moves() {
			if c.Rank() == 0 {
				f.part, err = evenly(x)
			}
			if err := agree(c, err); err != nil {
				return err
			}
			x.Partition = f.part
		}
		pairs := &closest{cutoff: s.src.Cutoff, d: math.Inf(1)}
		e := md.Evaluator{Comm: c, Potential: pairs, Skin: f.skin, Balance: !many && s.cfg.Parallel.Moves(), Cell: x.Cell, Partition: x.Partition, Atoms: x.Atoms}
		if err := e.Evaluate(); err != nil {
			return err
		}
		near[c.Rank()] = pairs.d
		st := e.Stats()
		f.bricks[c.Rank()] = brick{owned: float64(st.Owned), remote: float64(st.Remote), images: float64(st.Images), entries: float64(st.Entries)}
		if c.Rank() == 0 {
			f.part = e.Partition
		}
		loads[c.Rank()], err = loadOf(&e, c.Rank())
		return err
	})
	if err != nil {
		return err
	}
	f.closest = slices.Min(near)
	total := 0.0
	for _, b := range f.bricks {
		total += b.owned
	}
	f.Work.Crowd = 1
	if err := f.finish(s, total); err != nil {
		return err
	}
	m := &f.Machine
	for first := 0; first < n; first += m.RanksPerNode {
		node := loads[first:min(n, first+m.RanksPerNode)]
		card := m.Through(&f.Work, node)
		for _, l := range node {
			f.bricks[l.Rank].step = m.Step(&f.Work, l, n, card)
		}
	}
	return nil
}

// evenly cuts a structure that is all on this rank into bricks of as many atoms.
func evenly(x *crystal) (domain.Partition, error) {
	s, w := make([][3]float64, x.Atoms.N), make([]int64, x.Atoms.N)
	for i := range s {
		at, _ := x.Cell.Wrap(x.Atoms.X[i])
		s[i], w[i] = x.Cell.Frac(at), 1
	}
	var c domain.Cutter
	return c.Cut(x.Partition, x.Cell, s, w, oneRank{})
}

// loadOf is the load of a rank that has built its ghosts. How its rows are shared
// out among its peers is not known here: evenly.
func loadOf(e *md.Evaluator, rank int) (*projection.Load, error) {
	st := e.Stats()
	l := &projection.Load{Rank: rank, Owned: float64(st.Owned), Remote: float64(st.Remote), Images: float64(st.Images), Edges: float64(e.Edges())}
	regions, err := halo.Regions(nil, e.Partition, e.Cell, rank, e.Potential.Cutoff()+e.Skin)
	if err != nil {
		return nil, err
	}
	for _, g := range regions {
		if k := len(l.Links); g.Rank != rank && (k == 0 || l.Links[k-1].Rank != g.Rank) {
			l.Links = append(l.Links, projection.Link{Rank: g.Rank})
		}
	}
	for i := range l.Links {
		rows := l.Remote / float64(len(l.Links))
		l.Links[i] = projection.Link{Rank: l.Links[i].Rank, RowsOut: rows, RowsIn: rows, PlacesOut: rows, PlacesIn: rows}
	}
	return l, nil
}

// countUp is cutUp for prototypes of any size.
func (s *simulation) countUp(n int, grid [3]int, f *forecast) error {
	l, err := latticeOf(s.form, s.src)
	if err != nil {
		return err
	}
	lo, hi := s.form.bounds()
	f.part = cut(l.Cell, n, grid, lo, hi)
	if s.cfg.Parallel.Moves() {
		if f.part, err = filled(f.part, l.Cell, lo, hi); err != nil {
			return err
		}
	}
	if f.Work.Crowd, err = crowd(s.form, s.src, &f.calibration); err != nil {
		return err
	}
	if err := f.finish(s, l.Atoms()); err != nil {
		return err
	}
	perEdge := f.Entries / max(1, f.Edges)
	seen := f.bricks[:0]
	_, err = projection.Project(&f.Machine, &f.Work, l, f.part, s.src.Cutoff+f.skin, s.src.Cutoff, func(r *projection.Load, t *projection.Time) {
		seen = append(seen, brick{r.Owned, r.Remote, r.Images, r.Edges * f.Work.Crowd * perEdge, *t})
	})
	f.bricks = seen
	return err
}

// finish adds what depends on the whole run.
func (f *forecast) finish(s *simulation, atoms float64) error {
	if err := s.form.load(s.src.Supports); err != nil {
		return err
	}
	d := &s.cfg.Dynamics
	return f.calibration.finish(s.src, f.skin, atoms, d.Kelvin(), s.form.lightest(), d.Timestep*md.Femtosecond)
}

// report prints what a dry run found.
func (f *forecast) report(w io.Writer, s *simulation) {
	line := func(key, format string, args ...any) { fmt.Fprintf(w, "%-18s %s\n", key, fmt.Sprintf(format, args...)) }
	atoms := 0.0
	within := f.Edges / max(1, f.Entries)
	var owned, ghosts, memory []float64
	for _, b := range f.bricks {
		atoms += b.owned
		owned, ghosts = append(owned, b.owned), append(ghosts, b.remote+b.images)
		memory = append(memory, b.bytes(f.pot, within)/1e6)
	}
	if s.form.crystal != nil {
		atoms = float64(s.form.crystal.Count())
	}
	line("atoms", "%.0f", atoms)
	if f.closest > 0 && f.closest < math.Inf(1) {
		line("closest atoms", "%.4g Å", f.closest)
	}
	line("bricks", "%s: %s", brickShape(f.part.Grid(), f.part.N()), f.job.describe())
	if n := f.job.ranks(); len(f.bricks) < n {
		line("", "%d of the %d counted, evenly spread", len(f.bricks), n)
	}
	line("", "%12s %12s %12s", "least", "mean", "most")
	for _, row := range []struct {
		name string
		x    []float64
	}{{"atoms per rank", owned}, {"ghosts per rank", ghosts}, {"memory per rank/MB", memory}} {
		line(row.name, "%12.4g %12.4g %12.4g", slices.Min(row.x), mean(row.x), slices.Max(row.x))
	}
	if f.Work.Every < math.MaxInt32 {
		line("skin", "%g Å: a list lives about %.0f steps", f.skin, f.Work.Every)
	} else {
		line("skin", "%g Å: a list lives as long as the atoms do not move", f.skin)
	}
	line("", "besides %.0f MB in each process for the program and the model", f.Model/1e6)
	line("memory per process", "%.4g MB at most", f.Model/1e6+slices.Max(memory)*float64(slices.Max(f.job.Bricks)))
	slowest := slices.MaxFunc(f.bricks, func(a, b brick) int { return cmp.Compare(a.step.Total(), b.step.Total()) })
	t := slowest.step
	line("time per step", "%.4g s on the slowest rank: %.4g of it for lists, %.4g for messages", t.Total(), t.Rebuild, t.Copies+t.Messages+t.Network+t.Reduce)
	line("", "measured: %.4g µs per atom in a piece of %.0f atoms, %.4g with %d ranks at work", f.Step*1e6/f.Atoms, f.Atoms, f.Busy*1e6/f.Atoms, f.Machine.Busy)
	if n := f.job.ranks(); n > f.Machine.Busy && f.Machine.RanksPerNode > f.Machine.Busy {
		line("", "more ranks than the %d cores: the time holds where each rank has a core", f.Machine.Busy)
	}
	if steps := s.cfg.Dynamics.Length(); steps > 0 {
		d := time.Duration(math.Min(t.Total()*float64(steps), math.MaxInt64/float64(2*time.Second)) * float64(time.Second))
		line("whole run", "%d steps in about %s", steps, d.Round(time.Second))
	}
	line("", "dry run: nothing has been written")
}

func mean(x []float64) (m float64) {
	for _, v := range x {
		m += v / float64(len(x))
	}
	return m
}
