package main

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/comm/mpi"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/halo"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/internal/projection"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/neighbor"
)

// machineFlags describe the machine of a projection; zero is measured or assumed.
type machineFlags struct {
	perNode                                   int
	perAtom, slowdown                         float64
	latency, netLatency, card, copy, nodeCopy float64
}

// What is assumed of a network that was neither given nor measured: one card of
// 100 Gb/s per node, and a latency of the better kind.
const (
	assumedCard       = 12.5 // GB/s
	assumedNetLatency = 2.0  // µs
	assumedNetMore    = 0.3  // µs for each further message of an exchange
	giga, micro       = 1e9, 1e-6
	benchKelvin       = 300.0
)

func (m *machineFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&m.perNode, "ranks-per-node", 0, "--project: ranks on each node (default: this machine's cores)")
	f.Float64Var(&m.perAtom, "us-per-atom", 0, "--project: µs per atom and step on one core, instead of measuring it")
	f.Float64Var(&m.slowdown, "slowdown", 0, "--project: how much longer a step takes with all of the node's cores at work (default: measured with this machine's)")
	f.Float64Var(&m.latency, "latency-us", 0, "--project: of an exchange inside a node, µs (default: measured)")
	f.Float64Var(&m.netLatency, "network-latency-us", 0, fmt.Sprintf("--project: of an exchange between nodes, µs (default %g, or measured where MPI runs on several nodes)", assumedNetLatency))
	f.Float64Var(&m.card, "network-GBs", 0, fmt.Sprintf("--project: of a node's one network card, GB/s each way (default %g)", assumedCard))
	f.Float64Var(&m.copy, "copy-GBs", 0, "--project: what one rank copies, GB/s (default: measured)")
	f.Float64Var(&m.nodeCopy, "node-copy-GBs", 0, "--project: what all ranks of a node copy together, GB/s (default: as many times this machine's per core)")
}

// projected is a projection with everything that it was made from.
type projected struct {
	calibration
	Given   []string            `json:"given"`   // parameters that flags have set
	Assumed []string            `json:"assumed"` // that nobody has measured
	Skin    float64             `json:"skin_A"`
	Points  []*projection.Point `json:"points"`
}

func (p *projected) points() []*projection.Point {
	if p == nil {
		return nil
	}
	return p.Points
}

// set puts what the flags say in the place of what was measured.
func (m *machineFlags) set(p *projected) {
	x := &p.Machine
	p.Assumed = nil
	if m.perNode > 0 {
		x.RanksPerNode = m.perNode
		p.Given = append(p.Given, "ranks per node")
	}
	if x.RanksPerNode != x.Busy && m.nodeCopy == 0 {
		x.NodeCopy *= float64(x.RanksPerNode) / float64(x.Busy)
		if x.RanksPerNode > x.Busy {
			p.Assumed = append(p.Assumed, "copies of all ranks of a node")
		}
	}
	if x.RanksPerNode > x.Busy && m.slowdown == 0 {
		p.Assumed = append(p.Assumed, fmt.Sprintf("slowdown of %d ranks as of %d", x.RanksPerNode, x.Busy))
	}
	latency, card := assume(x)
	if latency && m.netLatency == 0 {
		p.Assumed = append(p.Assumed, "network latency")
	}
	p.Assumed = append(p.Assumed, "further messages over the network") // a ping-pong does not tell
	if card && m.card == 0 {
		p.Assumed = append(p.Assumed, "network bandwidth")
	}
	for _, f := range []struct {
		name  string
		value float64
		to    *float64
		unit  float64
	}{
		{"latency", m.latency, &x.Latency, micro}, {"network latency", m.netLatency, &x.NetLatency, micro},
		{"network bandwidth", m.card, &x.Card, giga}, {"copies of one rank", m.copy, &x.Copy, giga},
		{"copies of all ranks of a node", m.nodeCopy, &x.NodeCopy, giga}, {"slowdown", m.slowdown, &x.Slowdown, 1},
	} {
		if f.value > 0 {
			*f.to = f.value * f.unit
			p.Given = append(p.Given, f.name)
		}
	}
	if m.slowdown > 0 {
		x.Busy = x.RanksPerNode
	}
	if m.perAtom > 0 {
		p.Given = append(p.Given, "time per atom")
		w := &p.Work
		scale := m.perAtom * micro / (w.Atom + w.Edge*p.Edges/p.Atoms)
		w.Step, w.Atom, w.Edge, w.Rebuild = w.Step*scale, w.Atom*scale, w.Edge*scale, w.Rebuild*scale
	}
}

// assume fills in the network that nobody has measured, and says what it assumed.
func assume(m *projection.Machine) (latency, card bool) {
	if latency = m.NetLatency == 0; latency {
		m.NetLatency, m.NetOverhead = assumedNetLatency*micro, assumedNetMore*micro
	}
	if card = m.Card == 0; card {
		m.Card = assumedCard * giga
	}
	return latency, card
}

// check refuses what no machine is.
func (m *machineFlags) check() error {
	for _, v := range []float64{float64(m.perNode), m.perAtom, m.slowdown, m.latency, m.netLatency, m.card, m.copy, m.nodeCopy} {
		if !(v >= 0) || math.IsInf(v, 0) {
			return usagef("a machine's parameter is %g: it must be positive", v)
		}
	}
	return nil
}

// projectAll is collective over the processes: the projection of a report, made by
// the first of them.
func (a *app) projectAll(p *process, o *benchOptions, src *source, r *benchReport) error {
	out := &projected{Skin: float64(input.Default().Parallel.Skin)}
	f, err := benchForm(o.structure, min(mostPiece, slices.Max(o.atoms)), src)
	if err = p.each(func() error { return err }); err != nil {
		return err
	}
	nodes, all := p.hosts()
	c, err := p.calibrate(f, src, out.Skin, all/nodes)
	if err != nil {
		return err
	}
	if p.first() {
		out.calibration = *c
		out.Machine.RanksPerNode = all / nodes
	}
	if err := p.messages(&out.Machine); err != nil {
		return err
	}
	return p.each(func() error {
		if !p.first() {
			return nil
		}
		o.scaling.on.set(out)
		r.Projection = out
		return out.project(o, src)
	})
}

// messages is collective over the processes: where MPI runs it measures messages
// between the first and the last of them, inside a node or between two.
func (p *process) messages(m *projection.Machine) error {
	if p.outer == nil || p.size() < 2 {
		return nil
	}
	times, err := mpi.PingPong(p.outer)
	if err != nil {
		return err
	}
	name, _ := os.Hostname()
	same := []int64{0}
	first, err := comm.Share(p.outer, 0, name)
	if err != nil {
		return err
	}
	if p.outer.Rank() == p.size()-1 && first == name {
		same[0] = 1
	}
	if err := p.outer.AllreduceInt(same, comm.Max); err != nil {
		return err
	}
	short, long := times[0], times[len(times)-1]
	if same[0] == 1 {
		m.Latency = short.Time.Seconds()
		return nil
	}
	m.NetLatency = short.Time.Seconds()
	m.NetOverhead = min(m.NetLatency, assumedNetMore*micro)
	m.Card = float64(long.Bytes) / long.Time.Seconds()
	return nil
}

// project makes the points, for each size and number of ranks.
func (p *projected) project(o *benchOptions, src *source) error {
	for _, n := range o.atoms {
		for _, ranks := range o.scaling.project {
			f, err := scalingForm(o.scaling.mode(), o.structure, n, ranks, src)
			if err == nil {
				err = f.load(src.Supports)
			}
			if err != nil {
				return err
			}
			l, err := latticeOf(f, src)
			if err != nil {
				return err
			}
			if err := p.finish(src, p.Skin, l.Atoms(), benchKelvin, f.lightest(), md.Femtosecond); err != nil {
				return err
			}
			if p.Work.Crowd, err = crowd(f, src, &p.calibration); err != nil {
				return err
			}
			lo, hi := f.bounds()
			part := cut(l.Cell, ranks, [3]int{}, lo, hi)
			x, err := projection.Project(&p.Machine, &p.Work, l, part, src.Cutoff+p.Skin, src.Cutoff, nil)
			if err != nil {
				return err
			}
			p.Points = append(p.Points, x)
		}
	}
	return nil
}

// latticeOf is a structure as a rule.
func latticeOf(f *form, src *source) (*projection.Lattice, error) {
	if f.crystal != nil {
		_, inside := f.crystal.Bounds()
		return &projection.Lattice{
			Cell: f.crystal.Cell(), Repeat: f.crystal.Repeat(), Inside: inside, Basis: f.crystal.Basis(), Occupied: f.crystal.Occupied(),
		}, nil
	}
	s, err := f.unit(src.Supports)
	if err != nil {
		return nil, err
	}
	repeat := latticeRepeat(s, f.atLeast, f.times)
	l := &projection.Lattice{Repeat: repeat, Inside: [3]float64{1, 1, 1}, Occupied: 1}
	cell, err := s.check(nil)
	if err != nil {
		return nil, err
	}
	for _, x := range s.X {
		w, _ := cell.Wrap(x)
		b := cell.Frac(w)
		for k, periodic := range cell.Periodic() {
			if periodic {
				b[k] = max(0, b[k])
			}
		}
		l.Basis = append(l.Basis, b)
	}
	if l.Degree, err = degrees(s, cell, src.Cutoff); err != nil {
		return nil, err
	}
	large := *s
	for k := range repeat {
		for i := range large.Vectors[k] {
			large.Vectors[k][i] *= float64(repeat[k])
		}
	}
	l.Cell, err = large.check(nil)
	return l, err
}

// degrees are the numbers of neighbours within the cutoff of all atoms of a system.
func degrees(s *system, cell domain.Cell, cutoff float64) ([]float64, error) {
	out := make([]float64, len(s.X))
	lo, hi := s.bounds()
	part := domain.NewPartition(cell, 1, lo, hi)
	err := inproc.Run(1, func(c comm.Comm) error {
		a := &domain.Atoms{}
		s.fill(a)
		p := halo.New(c)
		if err := p.Migrate(part, cell, a); err != nil {
			return err
		}
		if err := p.Rebuild(part, cell, a, cutoff); err != nil {
			return err
		}
		var list neighbor.List
		if err := neighbor.Build(&list, a, cutoff, 0); err != nil {
			return err
		}
		for i := range a.N {
			out[a.ID[i]-1] = float64(list.Row[i+1] - list.Row[i])
		}
		return nil
	})
	return out, err
}

// crowd is how many edges a run has for each edge between the sites: displaced
// atoms come and go across the cutoff.
func crowd(f *form, src *source, c *calibration) (float64, error) {
	if f.crystal == nil {
		return 1, nil // counted from the atoms as they are
	}
	piece, err := f.piece(src.Supports, int(c.Atoms))
	if err != nil {
		return 0, err
	}
	l, err := latticeOf(piece, src)
	if err != nil {
		return 0, err
	}
	lo, hi := piece.bounds()
	counter, err := projection.NewCounter(l, domain.NewPartition(l.Cell, 1, lo, hi), src.Cutoff, src.Cutoff)
	if err != nil {
		return 0, err
	}
	x, err := counter.Of(0)
	if err != nil || x.Edges == 0 {
		return 1, err
	}
	return c.Edges / c.Atoms / (x.Edges / x.Owned), nil
}

// explain prints what a projection was made from.
func (p *projected) explain(w io.Writer) {
	m, k := &p.Machine, &p.Work
	row := func(name, format string, args ...any) {
		fmt.Fprintf(w, "  %-26s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("measured here", "a piece of %.0f atoms: %.4g µs per atom and step on one core alone, %.4g with %d at work", p.Atoms, p.Step/p.Atoms/micro, p.Busy/p.Atoms/micro, p.AtWork)
	row("time of a step", "%.3g µs, %.3g per atom, %.3g per edge (%.4g edges per atom)", k.Step/micro, k.Atom/micro, k.Edge/micro, p.Edges/p.Atoms)
	row("list builds", "every %.0f steps at %g K, %.3g µs per atom and ghost", k.Every, benchKelvin, k.Rebuild/micro)
	row("exchanges of a step", "%g forward (%g B a row), %g reverse (%g B), %g of positions", k.Kinds[0].Calls, k.Kinds[0].RowBytes, k.Kinds[1].Calls, k.Kinds[1].RowBytes, k.Kinds[2].Calls)
	row("node", "%d ranks, slower by %.3g with all at work; copies %.3g GB/s one rank, %.3g GB/s all", m.RanksPerNode, m.Slowdown, m.Copy/giga, m.NodeCopy/giga)
	row("messages in a node", "%.3g µs, %.3g µs for each further one", m.Latency/micro, m.Overhead/micro)
	row("network", "one card of %.3g GB/s each way, %.3g µs, %.3g µs for each further message", m.Card/giga, m.NetLatency/micro, m.NetOverhead/micro)
	for _, x := range []struct {
		name string
		what []string
	}{{"given", p.Given}, {"ASSUMED", p.Assumed}} {
		if len(x.what) > 0 {
			row(x.name, "%s", strings.Join(x.what, ", "))
		}
	}
}

// loads prints what the ranks of a projection hold and send.
func (p *projected) loads(w io.Writer) {
	for i, x := range p.points() {
		if i == 0 {
			fmt.Fprintf(w, "\nCounted from the geometry, least to most of the ranks; parts of the slowest rank's step\n%6s %14s %19s %19s %9s %11s %13s | %7s %7s %7s %7s %7s\n",
				"ranks", "bricks", "atoms", "ghosts", "messages", "MB/step", "ranks counted", "compute", "lists", "copies", "network", "latency")
		}
		t, share := &x.Slowest, func(v float64) string { return fmt.Sprintf("%.1f%%", 100*v/x.Seconds) }
		fmt.Fprintf(w, "%6d %14s %19s %19s %9.0f %11.4g %13d | %7s %7s %7s %7s %7s\n", x.Ranks, fmt.Sprintf("%d×%d×%d", x.Grid[0], x.Grid[1], x.Grid[2]),
			fmt.Sprintf("%.0f … %.0f", x.Owned.Min, x.Owned.Max), fmt.Sprintf("%.0f … %.0f", x.Ghosts.Min, x.Ghosts.Max), x.Messages.Max, x.Bytes.Max/1e6, x.Counted,
			share(t.Compute), share(t.Rebuild), share(t.Copies), share(t.Network), share(t.Messages+t.Reduce))
	}
}
