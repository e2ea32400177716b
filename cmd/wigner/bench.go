package main

import (
	"fmt"
	"io"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/halo"
	crystalbuilder "github.com/wigner-md/wigner/internal/crystal"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/mpnn"
	"github.com/wigner-md/wigner/potential/sum"
)

// benchOptions are bench's flags.
type benchOptions struct {
	model, structure string
	v                variant
	atoms, ranks     []int
	steps            int
	json             bool
	scaling          scalingOptions
}

func (a *app) benchCmd() *cobra.Command {
	var o benchOptions
	cmd := &cobra.Command{
		Use:   "bench -m MODEL",
		Short: "Speed and memory of a model on this machine",
		Long: `bench moves a crystal in whole steps (NVE, 1 fs, 300 K, list rebuilds included),
leaves the first out, and prints the time per atom and step on one rank's core
(wall × ranks / atoms / steps), the memory and the traffic; the time per atom against
that of the first size on as many ranks; and, where the model's operations are counted,
the useful ones per second over the core's peak, which a loop of multiply-adds in
registers measures between the steps.

si is diamond with a = 5.43 Å, cu fcc with a = 3.61 Å, both with Gaussian
displacements of 0.05 Å, in the most nearly cubic supercell of at least N atoms;
a FILE is repeated as it is.

--strong and --weak print a table of scaling over several --ranks, and -o writes it as
JSON, CSV and plot; --collect makes one of the JSON files of several launches. --project
estimates numbers of ranks that this machine does not have, from exact counts of ghosts,
messages and bytes, a short measurement and a model of messages and memory, whose
parameters are measured or given (docs/scaling.md).`,
		Example: `  wigner bench -m sevennet-0
  wigner bench -m sevennet-0 --structure cu --atoms 500,4000 --steps 20 --ranks 1,2 --json
  wigner bench -m sevennet-0 --atoms 32768 --ranks 1,2,4,8 --strong -o scaling
  wigner bench -m sevennet-0 --atoms 1000000000 --project 4096,65536 --ranks-per-node 64
  wigner bench --collect 1.json 2.json 4.json -o scaling`,
		RunE: a.verb(func(args []string) error {
			if err := o.scaling.check(args); err != nil {
				return err
			}
			if o.scaling.collect {
				if o.model != "" {
					return usagef("--collect reads results that there are: leave -m %s out", o.model)
				}
				return a.collect(&o, args)
			}
			return a.bench(&o)
		}),
	}
	f := cmd.Flags()
	f.StringVarP(&o.model, "model", "m", "", "model: a path or a name")
	f.StringVar(&o.structure, "structure", "si", "si, cu or a file")
	o.v.flags(cmd)
	f.IntSliceVar(&o.atoms, "atoms", []int{512}, "least number of atoms, or a list")
	f.IntSliceVar(&o.ranks, "ranks", nil, "ranks in each process, or a list (default: the usable cores; 1 under a launcher)")
	f.IntVar(&o.steps, "steps", 10, "steps to measure")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	o.scaling.flags(cmd)
	return cmd
}

// benchReport is what --json prints.
type benchReport struct {
	Machine   machine       `json:"machine"`
	Model     string        `json:"model"`
	Precision string        `json:"precision"`
	Radial    string        `json:"radial,omitempty"`
	Memory    string        `json:"memory,omitempty"`
	Structure string        `json:"structure"`
	Steps     int           `json:"steps"`
	Results   []benchResult `json:"results"`

	Scaling    string         `json:"scaling,omitempty"` // strong or weak
	Points     []scalingPoint `json:"points,omitempty"`
	Projection *projected     `json:"projection,omitempty"`
}

// benchResult is one size on one number of ranks.
type benchResult struct {
	Atoms          int64              `json:"atoms"`
	Ranks          int                `json:"ranks"`
	Processes      int                `json:"processes"`
	NeighborsMean  float64            `json:"neighbors_mean"` // directed edges with r < cutoff, per atom
	Time           float64            `json:"us_per_atom_step"`
	TimeMin        float64            `json:"us_min"`
	TimeMedian     float64            `json:"us_median"`
	CPU            float64            `json:"us_cpu"`             // processor time of all ranks, waiting included, per atom and step
	Energy         float64            `json:"energy_eV_per_atom"` // of the first positions
	MaxForce       float64            `json:"max_force"`          // of the first positions, eV/Å
	RSS            int64              `json:"rss_bytes"`
	BytesPerAtom   float64            `json:"bytes_per_atom"`
	GhostsPerAtom  float64            `json:"ghosts_per_atom"`
	CommPerStep    float64            `json:"comm_bytes_per_step"`
	Rebuilds       int64              `json:"rebuilds"`
	Linearity      float64            `json:"linearity,omitempty"` // us_median over that of the first size on as many ranks
	Breakdown      map[string]float64 `json:"breakdown"`           // s by stage, mean over the ranks
	Balance        *balance           `json:"balance"`
	ModelBreakdown map[string]float64 `json:"model_breakdown,omitempty"` // s by stage of the model, mean over the ranks
	UsefulGFlops   float64            `json:"useful_gflops,omitempty"`   // useful operations per second of "pair", each rank
	Peak           float64            `json:"peak_gflops,omitempty"`     // of a core between the steps, mean: the clock is not always the same
	PeakFraction   map[string]float64 `json:"peak_fraction,omitempty"`   // useful operations per second over Peak, "pair" and the model's stages
	spread

	steps int64
	work  mpnn.Work
}

func (a *app) bench(o *benchOptions) error {
	if o.steps < 1 {
		return usagef("--steps %d: it must be 1 or more", o.steps)
	}
	for _, n := range o.atoms {
		if n < 1 {
			return usagef("--atoms %d: it must be 1 or more", n)
		}
	}
	for _, n := range o.ranks {
		if n < 1 {
			return usagef("--ranks %d: it must be 1 or more", n)
		}
	}
	if o.model == "" {
		return usagef("-m: a model is needed: a path or a name")
	}
	if err := o.scaling.on.check(); err != nil {
		return err
	}
	return a.processes(func(p *process) error {
		var src *source
		err := p.each(func() (err error) {
			src, err = openModel(o.model, o.v)
			return err
		})
		if err != nil {
			return err
		}
		report := benchReport{
			Machine: thisMachine(), Model: src.Name, Precision: src.Precision, Radial: o.v.radial, Memory: o.v.memory, Structure: o.structure,
			Steps: o.steps, Scaling: o.scaling.mode(),
		}
		for _, n := range o.atoms {
			for _, ranks := range o.rankList(p) {
				if err := a.benchNext(p, o, src, &report, n, ranks); err != nil {
					return err
				}
			}
		}
		if len(o.scaling.project) > 0 {
			if err := a.projectAll(p, o, src, &report); err != nil {
				return err
			}
		}
		switch {
		case report.Scaling != "":
			return p.each(func() error { return a.scaled(o, &report) })
		case !o.json || a.mute:
			return nil
		}
		return encodeReport(a.out, &report)
	})
}

// rankList is what --ranks says; else all cores, or, for scaling, 1, 2, 4 … of
// them, or, beside a projection, none.
func (o *benchOptions) rankList(p *process) (list []int) {
	switch {
	case len(o.ranks) > 0:
		return o.ranks
	case len(o.scaling.project) > 0:
		return nil
	case o.scaling.mode() == "" || p.outer != nil:
		return []int{0}
	}
	for n := 1; n <= cores(); n *= 2 {
		list = append(list, n)
	}
	return list
}

// benchNext is collective over the processes: it adds one size on some ranks to the
// report.
func (a *app) benchNext(p *process, o *benchOptions, src *source, report *benchReport, atoms, ranks int) error {
	var form *form
	err := p.each(func() error {
		per, err := layout(p.size(), ranks, 0, p.outer != nil)
		if err == nil {
			form, err = scalingForm(report.Scaling, o.structure, atoms, total(per), src)
		}
		return err
	})
	if err != nil {
		return err
	}
	r, err := a.benchOne(p, o, src, form, ranks, &report.Machine)
	if err != nil {
		return err
	}
	if r.Nodes, r.Oversubscribed, err = p.spread(src.ranks(ranks)); err != nil {
		return err
	}
	r.Linearity = report.linearity(r)
	if !o.json {
		if len(report.Results) == 0 {
			benchHead(a.out, report)
		}
		benchLine(a.out, r)
	}
	report.Results = append(report.Results, *r)
	return nil
}

// benchForm is a structure of at least n atoms.
func benchForm(name string, n int, src *source) (*form, error) {
	spec := crystalbuilder.Spec{Rattle: 0.05, Seed: 1}
	switch strings.ToLower(name) {
	case "si":
		spec.Prototype, spec.Elements, spec.A = "diamond", []string{"Si"}, 5.43
	case "cu":
		spec.Prototype, spec.Elements, spec.A = "fcc", []string{"Cu"}, 3.61
	default:
		if _, err := os.Stat(name); err != nil {
			return nil, usagef("--structure %s: neither si nor cu nor a file", name)
		}
		return &form{file: name, atLeast: int64(n)}, nil
	}
	spec, err := crystalbuilder.Nearest(spec, int64(n))
	if err != nil {
		return nil, err
	}
	return builder(spec, "--structure "+name)
}

// linearity compares r with the first result on as many ranks; 0 for that itself.
func (b *benchReport) linearity(r *benchResult) float64 {
	for i := range b.Results {
		if first := &b.Results[i]; first.Ranks == r.Ranks {
			return r.TimeMedian / first.TimeMedian
		}
	}
	return 0
}

// benchOne is collective over the processes: one size on some ranks.
func (a *app) benchOne(p *process, o *benchOptions, src *source, form *form, ranks int, m *machine) (*benchResult, error) {
	if _, err := src.New(); err != nil { // makes the tables that all ranks share
		return nil, err
	}
	debug.FreeOSMemory()
	resetPeak()
	before := resident()
	out := &benchResult{Processes: p.size()}
	err := p.ranks(src.ranks(ranks), 0, func(j *job, c comm.Comm) error {
		b := benchRank{c: c, src: src, steps: o.steps, here: j.Bricks[j.Process]}
		if err := b.measure(form); err != nil {
			return err
		}
		return b.collect(out)
	})
	if err != nil {
		return nil, err
	}
	m.PeakGFlops = max(m.PeakGFlops, out.Peak) // other programs may have had the core at the start
	out.compare()
	memory := []int64{peakResident(), peakResident() - before}
	if p.outer != nil {
		if err := p.outer.AllreduceInt(memory, comm.Sum); err != nil {
			return nil, err
		}
	}
	out.RSS, out.BytesPerAtom = memory[0], float64(memory[1])/float64(out.Atoms)
	return out, nil
}

// peakTurn is how long the core's peak is measured before each step.
const peakTurn = 10 * time.Millisecond

// benchRank is one rank's part of a measurement.
type benchRank struct {
	c     comm.Comm
	src   *source
	steps int
	here  int // ranks of this process

	sim   *md.Sim
	pot   potential.Potential
	first md.Totals
	edges int64
	sent  halo.Traffic
	times []time.Duration
	cpu   time.Duration // of all ranks of this process
	peak  float64       // GFLOP/s of this core, mean over what was tried before each step
	tried time.Duration // for the peak
}

// measure is collective: it makes the steps.
func (b *benchRank) measure(form *form) error {
	x, err := form.build(b.c, b.src.Supports, [3]int{})
	if err != nil {
		return err
	}
	if b.pot, err = b.src.New(); err != nil {
		return err
	}
	b.sim = newSim(b.c, b.pot, x)
	if err := b.sim.SetVelocities(300, 1); err != nil {
		return err
	}
	if err := b.sim.Start(); err != nil {
		return err
	}
	if b.first, err = b.sim.Totals(nil); err != nil {
		return err
	}
	b.edges = b.sim.Edges()
	if err := b.sim.Run(1); err != nil { // to warm up
		return err
	}
	b.sim.ResetLoop()
	resetModelTimes(b.pot)
	stats := b.sim.Stats()
	before := stats.Sent.Total()
	b.cpu = -processorTime()
	for range b.steps {
		start := time.Now()
		b.peak += kernel.Peak(peakTurn) / 1e9 / float64(b.steps)
		b.tried += time.Since(start)
		start = time.Now()
		if err := b.sim.Run(1); err != nil {
			return err
		}
		b.times = append(b.times, time.Since(start))
	}
	b.cpu += processorTime()
	stats = b.sim.Stats()
	b.sent = stats.Sent.Total()
	b.sent.Bytes -= before.Bytes
	b.sent.Messages -= before.Messages
	return nil
}

// newSim is NVE at 1 fs with the default skin.
func newSim(c comm.Comm, pot potential.Potential, x *crystal) *md.Sim {
	return &md.Sim{
		Evaluator: md.Evaluator{
			Comm: c, Potential: pot, Skin: float64(input.Default().Parallel.Skin), Balance: true, Cell: x.Cell, Partition: x.Partition, Atoms: x.Atoms,
		},
		Mass: masses(), Dt: md.Femtosecond, Integrator: md.VelocityVerlet{},
	}
}

// collect is collective: it makes the result, on the first rank of each process.
func (b *benchRank) collect(out *benchResult) error {
	stats := b.sim.Stats()
	sums := []int64{b.edges, b.sent.Bytes, int64(stats.Remote + stats.Images), b.sent.Messages}
	if err := b.c.AllreduceInt(sums, comm.Sum); err != nil {
		return err
	}
	sum := []float64{b.cpu.Seconds()/float64(b.here) - b.tried.Seconds(), b.peak}
	if err := b.c.Allreduce(sum, comm.Sum); err != nil {
		return err
	}
	stages, err := b.sim.Clocks.Breakdown(b.c)
	if err != nil {
		return err
	}
	names, seconds := modelTimes(b.pot)
	model, err := md.SpreadOf(b.c, seconds...)
	if err != nil {
		return err
	}
	load, err := balanceOf(b.sim)
	if err != nil {
		return err
	}
	wall, steps := b.sim.Loop()
	if b.c.Rank() != 0 {
		return nil
	}
	n := float64(b.sim.Total())
	us := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e3 * float64(b.c.Size()) / n }
	slices.Sort(b.times)
	out.Atoms, out.Ranks = b.sim.Total(), b.c.Size()
	out.NeighborsMean = float64(sums[0]) / n
	out.Time = us(wall) / float64(steps)
	out.TimeMin, out.TimeMedian = us(b.times[0]), us((b.times[len(b.times)/2]+b.times[(len(b.times)-1)/2])/2)
	out.CPU = sum[0] * 1e6 / n / float64(steps)
	out.Peak = sum[1] / float64(b.c.Size())
	out.Energy, out.MaxForce = b.first.Energy/n, b.first.MaxForce
	out.GhostsPerAtom, out.CommPerStep = float64(sums[2])/n, float64(sums[1])/float64(steps)
	out.MessagesPer = float64(sums[3]) / float64(steps)
	out.Rebuilds, out.Balance = b.sim.Rebuilds, load
	out.Breakdown = map[string]float64{}
	for s, x := range stages {
		out.Breakdown[strings.ToLower(md.Stage(s).String())] = x.Avg
	}
	out.steps = steps
	if w, ok := flopsOf(b.pot); ok {
		out.work = w
	}
	out.ModelBreakdown = map[string]float64{}
	for i, name := range names {
		out.ModelBreakdown[name] = model[i].Avg
	}
	return nil
}

// flopsOf is the work of the network in a potential.
func flopsOf(p potential.Potential) (w mpnn.Work, ok bool) {
	switch p := p.(type) {
	case *sum.Potential:
		for _, q := range p.Parts {
			if w, ok = flopsOf(q); ok {
				return w, true
			}
		}
	case interface{ Work() mpnn.Work }:
		return p.Work(), true
	}
	return w, false
}

// compare sets what the useful operations say.
func (r *benchResult) compare() {
	atoms := float64(r.Atoms) * float64(r.steps) / float64(r.Ranks)
	edges := atoms * r.NeighborsMean
	rate := func(flops, seconds float64) float64 { return flops / seconds / 1e9 }
	fractions, all := map[string]float64{}, 0.0
	for stage, w := range map[string]mpnn.Flops{"forward": r.work.Forward, "head": r.work.Head, "backward": r.work.Backward} {
		all += w.Of(atoms, edges)
		if s := r.ModelBreakdown[stage]; s > 0 {
			fractions[stage] = rate(w.Of(atoms, edges), s) / r.Peak
		}
	}
	pair := r.Breakdown[strings.ToLower(md.Pair.String())]
	if all == 0 || pair <= 0 {
		return
	}
	r.UsefulGFlops = rate(all, pair)
	if r.Peak > 0 {
		fractions["pair"] = r.UsefulGFlops / r.Peak
		r.PeakFraction = fractions
	}
}

// modelTimes are the stages of a message-passing model, in seconds.
func modelTimes(p potential.Potential) (names []string, seconds []float64) {
	t := timesOf(p)
	if t == nil {
		return nil, nil
	}
	for _, d := range []time.Duration{t.Graph, t.Forward, t.Head, t.Backward, t.Exchange} {
		seconds = append(seconds, d.Seconds())
	}
	return []string{"graph", "forward", "head", "backward", "exchange"}, seconds
}

func resetModelTimes(p potential.Potential) {
	if t := timesOf(p); t != nil {
		*t = mpnn.Times{}
	}
}

// timesOf is the clock of a potential that has one.
func timesOf(p potential.Potential) *mpnn.Times {
	switch n := p.(type) {
	case *sum.Potential:
		for _, q := range n.Parts {
			if t := timesOf(q); t != nil {
				return t
			}
		}
	case *mpnn.Network[float32]:
		return &n.Times
	case *mpnn.Network[float64]:
		return &n.Times
	}
	return nil
}

func benchHead(w io.Writer, r *benchReport) {
	m := &r.Machine
	fmt.Fprintf(w, "%s, %d cores, %s, peak %.0f GFLOP/s per core in float32\n", m.CPU, m.Cores, m.SIMD, m.PeakGFlops)
	fmt.Fprintf(w, "%s in %s on %s, NVE at 1 fs, %d steps\n\n", r.Model, r.Precision, r.Structure, r.Steps)
	fmt.Fprintf(w, "%9s %5s %9s | %9s %9s %9s | %8s %8s | %10s %9s | %12s %9s\n", "atoms", "ranks", "neighbors",
		"µs/a/step", "min", "median", "ghosts/a", "MB/step", "RSS/MB", "kB/atom", "eV/atom", "max eV/Å")
}

func benchLine(w io.Writer, r *benchResult) {
	fmt.Fprintf(w, "%9d %5d %9.2f | %9.2f %9.2f %9.2f | %8.2f %8.3g | %10.1f %9.1f | %12.6f %9.4f\n", r.Atoms, r.Ranks, r.NeighborsMean,
		r.Time, r.TimeMin, r.TimeMedian, r.GhostsPerAtom, r.CommPerStep/1e6, float64(r.RSS)/1e6, r.BytesPerAtom/1e3, r.Energy, r.MaxForce)
	var parts []string
	for _, m := range []map[string]float64{r.Breakdown, r.ModelBreakdown} {
		for _, k := range slices.Sorted(maps.Keys(m)) {
			parts = append(parts, k+" "+strconv.FormatFloat(m[k], 'g', 3, 64))
		}
	}
	fmt.Fprintf(w, "%9s seconds: %s\n", "", strings.Join(parts, ", "))
	if r.UsefulGFlops > 0 {
		parts = parts[:0]
		for _, k := range slices.Sorted(maps.Keys(r.PeakFraction)) {
			parts = append(parts, fmt.Sprintf("%s %.0f %%", k, 100*r.PeakFraction[k]))
		}
		of := ""
		if len(parts) > 0 {
			of = fmt.Sprintf("; of the peak of %.0f: %s", r.Peak, strings.Join(parts, ", "))
		}
		fmt.Fprintf(w, "%9s useful operations: %.1f GFLOP/s per rank%s\n", "", r.UsefulGFlops, of)
	}
	if r.Linearity > 0 {
		fmt.Fprintf(w, "%9s time per atom: %.3f of the first size's\n", "", r.Linearity)
	}
}
