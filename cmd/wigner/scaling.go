package main

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wigner-md/wigner/comm"
	crystalbuilder "github.com/wigner-md/wigner/internal/crystal"
)

// scalingOptions are bench's flags for scaling.
type scalingOptions struct {
	strong, weak, collect bool
	dir                   string
	project               []int
	on                    machineFlags
}

func (s *scalingOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.BoolVar(&s.strong, "strong", false, "strong scaling: the same atoms on every number of --ranks")
	f.BoolVar(&s.weak, "weak", false, "weak scaling: --atoms is the number per rank")
	f.BoolVar(&s.collect, "collect", false, "measure nothing: put the JSON files of other runs together")
	f.StringVarP(&s.dir, "output", "o", "", "folder for scaling.json, scaling.csv and scaling.svg")
	f.IntSliceVar(&s.project, "project", nil, "also estimate these numbers of ranks, up to 65536, from counts and a short measurement")
	s.on.flags(cmd)
}

// mode is strong, weak or "".
func (s *scalingOptions) mode() string {
	switch {
	case s.strong:
		return "strong"
	case s.weak:
		return "weak"
	}
	return ""
}

func (s *scalingOptions) check(args []string) error {
	switch {
	case s.strong && s.weak:
		return usagef("--strong and --weak exclude each other")
	case s.collect && len(args) == 0:
		return usagef("--collect needs the JSON files of bench runs")
	case !s.collect && len(args) > 0:
		return usagef("%s: bench takes files only with --collect", args[0])
	case s.collect && len(s.project) > 0:
		return usagef("--collect and --project exclude each other: a projection measures on this machine")
	case len(s.project) > 0 && s.mode() == "":
		s.strong = true
	case s.dir != "" && s.mode() == "" && !s.collect:
		return usagef("-o belongs to --strong, --weak, --project or --collect")
	}
	for _, n := range s.project {
		if n < 1 || n > 1<<16 {
			return usagef("--project %d: it must be 1 to 65536", n)
		}
	}
	return nil
}

// spread is where ranks ran, and what that means for their time.
type spread struct {
	Nodes          int     `json:"nodes"`
	Oversubscribed bool    `json:"oversubscribed,omitempty"` // more ranks than cores: no measure of scaling
	MessagesPer    float64 `json:"messages_per_step"`
}

// scalingPoint is one number of ranks in a table of scaling.
type scalingPoint struct {
	Series         string  `json:"series"`
	Atoms          float64 `json:"atoms"`
	Ranks          int     `json:"ranks"`
	Nodes          int     `json:"nodes"`
	AtomsPerRank   float64 `json:"atoms_per_rank"`
	Seconds        float64 `json:"s_per_step"`
	Rate           float64 `json:"atom_steps_per_s"`
	Speedup        float64 `json:"speedup"`    // in atom-steps per second, against the fewest ranks
	Efficiency     float64 `json:"efficiency"` // the same, per rank
	CommShare      float64 `json:"comm_share"` // of the time of a step, mean over the ranks
	Oversubscribed bool    `json:"oversubscribed,omitempty"`
	Projected      bool    `json:"projected,omitempty"`
}

// key puts points into series: equal atoms, or equal atoms per rank.
func seriesOf(mode string, atoms float64, ranks int) string {
	if mode == "weak" {
		return fmt.Sprintf("%.4g atoms per rank", atoms/float64(ranks))
	}
	return fmt.Sprintf("%.10g atoms", atoms)
}

// scale fills in the points of a report from its results and projection.
func (r *benchReport) scale() {
	r.Points = r.Points[:0]
	for i := range r.Results {
		x := &r.Results[i]
		n, total := float64(x.Atoms), 0.0
		for _, s := range x.Breakdown {
			total += s
		}
		p := scalingPoint{
			Series: seriesOf(r.Scaling, n, x.Ranks), Atoms: n, Ranks: x.Ranks, Nodes: max(1, x.Nodes), Oversubscribed: x.Oversubscribed,
			Seconds: x.Time * 1e-6 * n / float64(x.Ranks), CommShare: x.Breakdown["comm"] / max(total, 1e-300),
		}
		r.Points = append(r.Points, p)
	}
	for _, x := range r.Projection.points() {
		t := &x.Slowest
		r.Points = append(r.Points, scalingPoint{
			Series: seriesOf(r.Scaling, x.Atoms, x.Ranks), Atoms: x.Atoms, Ranks: x.Ranks, Nodes: x.Nodes, Projected: true,
			Seconds: x.Seconds, CommShare: 1 - (t.Compute+t.Rebuild)/x.Seconds,
		})
	}
	slices.SortStableFunc(r.Points, func(a, b scalingPoint) int {
		return cmp.Or(boolFirst(a.Projected, b.Projected), cmp.Compare(a.base(r.Scaling), b.base(r.Scaling)), cmp.Compare(a.Ranks, b.Ranks))
	})
	var first *scalingPoint
	for i := range r.Points {
		p := &r.Points[i]
		p.AtomsPerRank, p.Rate = p.Atoms/float64(p.Ranks), p.Atoms/p.Seconds
		if first == nil || first.Series != p.Series || first.Projected != p.Projected {
			first = p
		}
		p.Speedup = p.Rate / first.Rate
		p.Efficiency = p.Speedup * float64(first.Ranks) / float64(p.Ranks)
	}
}

// base is what the points of one series have in common.
func (p *scalingPoint) base(mode string) float64 {
	if mode == "weak" {
		return p.Atoms / float64(p.Ranks)
	}
	return p.Atoms
}

func boolFirst(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// scalingForm is the structure for so many ranks in all: of at least n atoms, or,
// in weak scaling, of that many times as many, in the most nearly cubic array.
func scalingForm(mode, name string, n, ranks int, src *source) (*form, error) {
	f, err := benchForm(name, n, src)
	if err != nil || mode != "weak" || ranks == 1 {
		return f, err
	}
	times := cubicFactors(ranks)
	if f.crystal == nil {
		f.times = times
		return f, nil
	}
	spec := f.spec
	for k := range spec.Repeat {
		spec.Repeat[k] = max(1, spec.Repeat[k]) * times[k]
	}
	return builder(spec, f.key)
}

// cubicFactors are three factors of n, falling, as near to each other as may be.
func cubicFactors(n int) (best [3]int) {
	least := 0
	for z := 1; z*z*z <= n; z++ {
		if n%z != 0 {
			continue
		}
		for y := z; y*y <= n/z; y++ {
			if n/z%y != 0 {
				continue
			}
			x := n / z / y
			if s := x*y + y*z + z*x; least == 0 || s < least {
				best, least = [3]int{x, y, z}, s
			}
		}
	}
	return best
}

// spread is collective over the processes: on how many nodes so many ranks of each are, and
// whether some of them share a core.
func (p *process) spread(ranks int) (nodes int, shared bool, err error) {
	bricks, err := layout(p.size(), ranks, 0, p.outer != nil)
	if err != nil {
		return 0, false, err
	}
	nodes, _ = p.hosts()
	if p.outer == nil {
		return nodes, bricks[0] > cores(), nil
	}
	_, n := crowded(p.machines(), bricks)
	tight := []int64{int64(n)}
	if bricks[p.outer.Rank()] > cores() { // though the machine may have others
		tight[0] = 1
	}
	err = p.outer.AllreduceInt(tight, comm.Max)
	return nodes, tight[0] > 0, err
}

// hosts are how many nodes the processes are on, and how many cores of these they may use
// between them.
func (p *process) hosts() (nodes, all int) {
	machines := p.machines()
	if len(machines) == 0 {
		return 1, cores()
	}
	for _, m := range machines {
		if m.Cores == 0 {
			m.Cores = onlineCores()
		}
		all += m.Cores
	}
	return len(machines), all
}

// collect puts the results of several JSON files of bench together.
func (a *app) collect(o *benchOptions, files []string) error {
	var all benchReport
	for i, name := range files {
		var r benchReport
		text, err := os.ReadFile(name)
		if err != nil {
			return usage(err)
		}
		if err := json.Unmarshal(text, &r); err != nil {
			return usagef("%s: it is not what bench --json prints: %w", name, err)
		}
		if len(r.Results) == 0 && len(r.Projection.points()) == 0 {
			return usagef("%s: it holds no results of bench", name)
		}
		if i == 0 {
			all = r
			continue
		}
		for _, c := range []struct{ what, is, was string }{
			{"model", r.Model, all.Model}, {"precision", r.Precision, all.Precision}, {"structure", r.Structure, all.Structure},
			{"memory", r.Memory, all.Memory}, {"radial", r.Radial, all.Radial}, {"scaling", r.Scaling, all.Scaling},
		} {
			if c.is != c.was {
				return usagef("%s: its %s is %q, that of %s is %q: they are no one scaling", name, c.what, c.is, files[0], c.was)
			}
		}
		all.Results = append(all.Results, r.Results...)
		if p := r.Projection; p != nil && all.Projection == nil {
			all.Projection = p
		} else if p != nil {
			all.Projection.Points = append(all.Projection.Points, p.Points...)
		}
	}
	if m := o.scaling.mode(); m != "" {
		all.Scaling = m
	}
	if all.Scaling == "" {
		if all.Scaling = "strong"; slices.ContainsFunc(all.Results, func(r benchResult) bool { return r.Atoms != all.Results[0].Atoms }) {
			return usagef("the files have several numbers of atoms: say --strong or --weak")
		}
	}
	return a.scaled(o, &all)
}

// scaled prints a report of scaling and writes its files.
func (a *app) scaled(o *benchOptions, r *benchReport) error {
	if a.mute {
		return nil
	}
	r.scale()
	if o.json {
		if err := encodeReport(a.out, r); err != nil {
			return err
		}
	} else {
		r.table(a.out)
	}
	if o.scaling.dir == "" {
		return nil
	}
	if err := os.MkdirAll(o.scaling.dir, 0o755); err != nil {
		return err
	}
	for _, f := range []struct {
		name  string
		write func(io.Writer, *benchReport) error
	}{{"scaling.json", encodeReport}, {"scaling.csv", scalingCSV}, {"scaling.svg", scalingPlot}} {
		var text bytes.Buffer
		if err := f.write(&text, r); err != nil {
			return fmt.Errorf("%s: %w", f.name, err)
		}
		if err := writeFile(filepath.Join(o.scaling.dir, f.name), text.Bytes()); err != nil {
			return err
		}
	}
	a.log.Info("written: scaling.json, scaling.csv and scaling.svg in " + o.scaling.dir)
	return nil
}

func encodeReport(w io.Writer, r *benchReport) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}

func scalingCSV(w io.Writer, r *benchReport) error {
	c := csv.NewWriter(w)
	_ = c.Write(strings.Split("kind,scaling,model,precision,structure,atoms,ranks,nodes,atoms_per_rank,s_per_step,atom_steps_per_s,speedup,efficiency,comm_share,oversubscribed", ","))
	g := func(x float64) string { return strconv.FormatFloat(x, 'g', 8, 64) }
	for _, p := range r.Points {
		kind := "measured"
		if p.Projected {
			kind = "projected"
		}
		_ = c.Write([]string{kind, r.Scaling, r.Model, r.Precision, r.Structure, strconv.FormatFloat(p.Atoms, 'f', -1, 64), strconv.Itoa(p.Ranks), strconv.Itoa(p.Nodes),
			g(p.AtomsPerRank), g(p.Seconds), g(p.Rate), g(p.Speedup), g(p.Efficiency), g(p.CommShare), strconv.FormatBool(p.Oversubscribed)})
	}
	c.Flush()
	return c.Error()
}

// table prints the points.
func (r *benchReport) table(w io.Writer) {
	fmt.Fprintf(w, "%s scaling of %s in %s on %s", r.Scaling, r.Model, r.Precision, r.Structure)
	if len(r.Results) > 0 {
		fmt.Fprintf(w, ", NVE at 1 fs, %d steps, the first left out, list rebuilds included", r.Steps)
	}
	fmt.Fprintln(w)
	if len(r.Results) > 0 {
		fmt.Fprintf(w, "%s, %d cores, %s\n", r.Machine.CPU, r.Machine.Cores, r.Machine.SIMD)
	}
	projected, crowded := false, false
	head := func() {
		fmt.Fprintf(w, "%13s %6s %6s %12s %11s %13s %10s %10s %6s\n", "atoms", "ranks", "nodes", "atoms/rank", "s/step", "atom-steps/s", "speedup", "efficiency", "comm")
	}
	for i, p := range r.Points {
		switch {
		case p.Projected && !projected:
			fmt.Fprintf(w, "\nPROJECTION, not measured:\n")
			r.Projection.explain(w)
			fmt.Fprintln(w)
			head()
		case i == 0:
			fmt.Fprintln(w)
			head()
		}
		projected = projected || p.Projected
		mark := ""
		if p.Oversubscribed {
			mark, crowded = " *", true
		}
		fmt.Fprintf(w, "%13.0f %6d %6d %12.6g %11.4g %13.4g %10.4g %9.1f%% %5.1f%%%s\n", p.Atoms, p.Ranks, p.Nodes, p.AtomsPerRank, p.Seconds, p.Rate,
			p.Speedup, 100*p.Efficiency, 100*p.CommShare, mark)
	}
	if crowded {
		fmt.Fprintln(w, "* more ranks than cores: this says nothing about scaling")
	}
	r.compare(w)
	r.Projection.loads(w)
}

// compare sets projected times beside measured ones.
func (r *benchReport) compare(w io.Writer) {
	first := true
	for _, p := range r.Points {
		for _, m := range r.Points {
			if !p.Projected || m.Projected || p.Series != m.Series || p.Ranks != m.Ranks || m.Oversubscribed {
				continue
			}
			if first {
				fmt.Fprintf(w, "\nProjection against measurement\n%13s %6s %12s %12s %9s\n", "atoms", "ranks", "projected/s", "measured/s", "ratio")
				first = false
			}
			fmt.Fprintf(w, "%13.0f %6d %12.4g %12.4g %9.3f\n", p.Atoms, p.Ranks, p.Seconds, m.Seconds, p.Seconds/m.Seconds)
		}
	}
}

// latticeRepeat is how often a cell is repeated: where it is periodic, to so many atoms,
// and then so often along each lattice vector.
func latticeRepeat(s *system, atLeast int64, times [3]int) [3]int {
	n := [3]int{1, 1, 1}
	periodic := s.PBC == [3]bool{true, true, true}
	if cell, err := s.check(nil); err == nil && periodic && atLeast > int64(len(s.X)) {
		n = crystalbuilder.CubicRepeat(cell, int64(len(s.X)), atLeast)
	}
	for k, t := range times {
		n[k] *= max(1, t)
	}
	return n
}
