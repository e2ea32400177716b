package main

import (
	"fmt"
	"io"
	"math"
	"runtime/debug"
	"slices"
	"time"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/potential"
)

// cutForReal is the number of atoms up to which a dry run cuts the structure
// as the run would; above, it counts by volumes.
const cutForReal = 500_000

// sampleAtoms is about how many atoms the short measurement moves.
const sampleAtoms = 1000

// brick is what one rank would hold.
type brick struct{ owned, remote, images, entries float64 }

// sample is a measurement of a small piece on one rank.
type sample struct {
	atoms, entries float64
	edges          float64 // part of the entries within the cutoff
	step           time.Duration
	before         float64 // resident memory with the model alone, bytes
}

// dryRun is collective over the processes; the first one does it all. It says
// what each rank would hold and how long a step would take.
func (a *app) dryRun(s *simulation, p *process) error {
	return p.each(func() error {
		if p.outer != nil && p.outer.Rank() != 0 {
			return nil
		}
		perProcess, err := layout(p.size(), s.o.ranks, s.bricks(p.size()), p.outer != nil)
		if err != nil {
			return err
		}
		j := &job{Processes: p.size(), Bricks: perProcess}
		small, err := s.measure(sampleAtoms)
		if err != nil {
			return err
		}
		bricks, part, err := s.cutUp(j.ranks(), small)
		if err != nil {
			return err
		}
		pot, err := s.src.New()
		if err != nil {
			return err
		}
		report(a.out, s, j, part, bricks, small, pot)
		return nil
	})
}

// measure runs a piece of the structure, of about n atoms, on one rank.
func (s *simulation) measure(n int) (*sample, error) {
	piece, err := s.form.piece(s.src.Supports, n)
	if err != nil {
		return nil, err
	}
	if _, err := s.src.New(); err != nil {
		return nil, err
	}
	debug.FreeOSMemory()
	out := &sample{before: float64(resident())}
	err = inproc.Run(1, func(c comm.Comm) error {
		x, err := piece.build(c, s.src.Supports, [3]int{})
		if err != nil {
			return err
		}
		pot, err := s.src.New()
		if err != nil {
			return err
		}
		e := md.Evaluator{Comm: c, Potential: pot, Skin: s.cfg.Parallel.Skin, Cell: x.Cell, Partition: x.Partition, Atoms: x.Atoms, Guard: anyForce}
		out.step = math.MaxInt64
		for begin := time.Now(); e.Calls < 3 || time.Since(begin) < 300*time.Millisecond; {
			start := time.Now()
			if err := e.Evaluate(); err != nil {
				return err
			}
			if e.Calls > 1 { // the first builds the list
				out.step = min(out.step, time.Since(start))
			}
		}
		out.atoms, out.entries = float64(e.Atoms.N), float64(e.Stats().Entries)
		out.edges = float64(e.Edges()) / max(1, out.entries)
		return nil
	})
	return out, err
}

// cutUp is what each brick would hold.
func (s *simulation) cutUp(n int, small *sample) ([]brick, domain.Partition, error) {
	bricks := make([]brick, n)
	var part domain.Partition
	grid := gridOf(s.cfg.Parallel.Grid)
	if s.form.crystal != nil && s.form.crystal.Count() > cutForReal {
		cell := s.form.crystal.Cell()
		lo, hi := s.form.crystal.Bounds()
		part = cut(cell, n, grid, lo, hi)
		atoms := float64(s.form.crystal.Count())
		for r := range bricks {
			bricks[r] = byVolume(cell, part, r, atoms, hi, s.src.Cutoff+s.cfg.Parallel.Skin)
			bricks[r].entries = bricks[r].owned * small.entries / small.atoms
		}
		return bricks, part, nil
	}
	err := inproc.Run(n, func(c comm.Comm) error {
		x, err := s.form.build(c, s.src.Supports, grid)
		if err != nil {
			return err
		}
		e := md.Evaluator{Comm: c, Potential: &closest{cutoff: s.src.Cutoff}, Skin: s.cfg.Parallel.Skin, Cell: x.Cell, Partition: x.Partition, Atoms: x.Atoms}
		if err := e.Evaluate(); err != nil {
			return err
		}
		st := e.Stats()
		bricks[c.Rank()] = brick{float64(st.Owned), float64(st.Remote), float64(st.Images), float64(st.Entries)}
		if c.Rank() == 0 {
			part = x.Partition
		}
		return nil
	})
	return bricks, part, err
}

// byVolume counts the atoms of a brick and of the halo around it by volume.
func byVolume(cell domain.Cell, part domain.Partition, rank int, atoms float64, inside [3]float64, depth float64) brick {
	lo, hi := part.Box(rank)
	own, all, within := 1.0, 1.0, 1.0
	for k, periodic := range cell.Periodic() {
		d := depth / cell.Height(k)
		if periodic {
			own *= hi[k] - lo[k]
			all *= hi[k] - lo[k] + 2*d
			continue
		}
		// Beyond the atoms there is nothing.
		l, h := max(lo[k], 0), min(hi[k], inside[k])
		own *= max(0, h-l)
		all *= max(0, min(h+d, inside[k])-max(l-d, 0))
		within *= inside[k]
	}
	b := brick{owned: atoms * own / within}
	b.remote = atoms*all/within - b.owned
	if part.N() == 1 {
		b.images, b.remote = b.remote, 0
	}
	return b
}

// report prints what a dry run found.
func report(w io.Writer, s *simulation, j *job, part domain.Partition, bricks []brick, small *sample, pot potential.Potential) {
	line := func(key, format string, args ...any) { fmt.Fprintf(w, "%-18s %s\n", key, fmt.Sprintf(format, args...)) }
	atoms, slowest := 0.0, 0.0
	perEntry := small.step.Seconds() / max(1, small.entries)
	if small.entries == 0 {
		perEntry = 0
	}
	var owned, ghosts, memory []float64
	for _, b := range bricks {
		atoms += b.owned
		owned, ghosts = append(owned, b.owned), append(ghosts, b.remote+b.images)
		memory = append(memory, b.bytes(pot, small.edges)/1e6)
		slowest = max(slowest, b.entries*perEntry)
	}
	g := part.Grid()
	line("atoms", "%.0f", atoms)
	line("bricks", "%d × %d × %d: %s", g[0], g[1], g[2], j.describe())
	line("", "%12s %12s %12s", "least", "mean", "most")
	for _, row := range []struct {
		name string
		x    []float64
	}{{"atoms per rank", owned}, {"ghosts per rank", ghosts}, {"memory per rank/MB", memory}} {
		line(row.name, "%12.4g %12.4g %12.4g", slices.Min(row.x), mean(row.x), slices.Max(row.x))
	}
	line("", "besides %.0f MB in each process for the program and the model", small.before/1e6)
	line("time per step", "%.4g s on the fullest rank, with a core to itself and without communication", slowest)
	line("", "measured: %.4g µs per atom in a piece of %.0f atoms", small.step.Seconds()*1e6/small.atoms, small.atoms)
	if steps := s.cfg.Dynamics.Steps; steps > 0 {
		d := time.Duration(slowest * float64(steps) * float64(time.Second))
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
