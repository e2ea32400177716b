package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/io/extxyz"
	"github.com/wigner-md/wigner/io/n2p2"
	"github.com/wigner-md/wigner/io/restart"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/potential"
)

func (a *app) infoCmd() *cobra.Command {
	var r reading
	var pairs string
	var units variant
	cmd := &cobra.Command{
		Use:   "info FILE|MODEL",
		Short: "What is in a model, a structure or a restart",
		Example: `  wigner info sevennet-0
  wigner info in.extxyz
  wigner info in.data --species Cu,Ni
  wigner info runs/silicon
  wigner info NAME.model --pairs Si,O`,
		Args: cobra.ExactArgs(1),
		RunE: a.verb(func(args []string) error {
			if pairs != "" {
				return infoPairs(a.out, args[0], pairs)
			}
			return info(a.out, args[0], r, units)
		}),
	}
	r.flags(cmd, "FILE")
	cmd.Flags().Var((*unitsFlag)(&units), "units", "of n2p2's files: bohr-hartree or angstrom-ev (default bohr-hartree)")
	cmd.Flags().StringVar(&pairs, "pairs", "", "of a MACE model: the errors of the radial tables of all pairs of these elements, as Si,O (or all)")
	return cmd
}

// infoPairs shows what depends on pairs of elements.
func infoPairs(w io.Writer, name, list string) error {
	src, err := openAnyModel(name, variant{precision: "float32", anyHead: true})
	if err != nil {
		return err
	}
	if src.Pairs == nil {
		return usagef("%s: --pairs is for models of MACE, whose radial functions may depend on pairs of elements", name)
	}
	var zs []int
	for _, s := range strings.Split(list, ",") {
		if s == "all" {
			for z := 1; z <= 118; z++ {
				if src.Supports(z) {
					zs = append(zs, z)
				}
			}
			continue
		}
		z, ok := element.Number(strings.TrimSpace(s))
		if !ok {
			return usagef("--pairs: %q is no symbol of an element", s)
		}
		if !src.Supports(z) {
			return usagef("--pairs: %s does not know %s", name, element.Symbol(z))
		}
		zs = append(zs, z)
	}
	return src.Pairs(w, zs)
}

// info tells the kinds apart: a folder is a run or its restarts, a file that
// begins as a zip is a model, any other is a structure; what is no file is the
// name of a model.
func info(w io.Writer, name string, r reading, units variant) error {
	stat, err := os.Stat(name)
	switch {
	case err != nil:
		return infoModel(w, name, units)
	case n2p2.Is(name):
		return infoModel(w, name, units)
	case stat.IsDir():
		return infoRestart(w, name)
	}
	zip, err := isZip(name)
	if err != nil {
		return usage(err)
	}
	own, err := isOwn(name)
	if err != nil {
		return usage(err)
	}
	if zip || own || slices.Contains(modelExts, filepath.Ext(name)) {
		return infoModel(w, name, units)
	}
	if isEAM(name) {
		return infoEAM(w, name)
	}
	return infoStructure(w, name, r)
}

func isZip(name string) (bool, error) {
	f, err := os.Open(name)
	if err != nil {
		return false, err
	}
	defer f.Close()
	var magic [4]byte
	n, err := io.ReadFull(f, magic[:])
	if err != nil && n < 4 {
		return false, nil
	}
	return string(magic[:]) == "PK\x03\x04", nil
}

func infoModel(w io.Writer, name string, units variant) error {
	src, err := openAnyModel(name, variant{precision: "float32", anyHead: true, length: units.length, energy: units.energy})
	if err != nil {
		return err
	}
	if src.Describe == nil {
		return infoEAM(w, src.Files[0])
	}
	row := rowsOf(w)
	row("model", "%s", src.Name)
	row("file", "%s", src.Files[0])
	src.Describe(w)
	if n2p2.Is(name) {
		return nil
	}
	return infoTraining(w, src.Files[0])
}

// infoTraining shows the notes that wigner's own files have of their training.
func infoTraining(w io.Writer, path string) error {
	file, err := readModelFile(path)
	if err != nil || file.notes == nil {
		return err
	}
	var n trainNotes
	if err := json.Unmarshal(file.notes, &n); err != nil {
		return usagef("%s: notes: %w", path, err)
	}
	how := fmt.Sprintf("%d epochs", n.Epochs)
	if n.Ridge > 0 {
		how = fmt.Sprintf("least squares (λ = %g)", n.Ridge)
	}
	fmt.Fprintf(w, "\ntrained by %s: %s on %d structures (%d atoms), %d to validate, %d to test\n", n.Program, how,
		n.Structures["train"], n.Atoms["train"], n.Structures["valid"], n.Structures["test"])
	if n.Init != "" {
		fmt.Fprintf(w, "begun with %s\n", n.Init)
	}
	if n.Reference == "fit" {
		fmt.Fprintln(w, "energies of the elements fitted to the structures: dissociation means nothing")
	}
	if n.Text != "" {
		fmt.Fprintln(w, n.Text)
	}
	var sets []string
	for s := range n.Errors {
		sets = append(sets, s)
	}
	slices.Sort(sets)
	if len(sets) > 0 {
		fmt.Fprintf(w, "\n%-24s %16s %12s %14s\n", "mean absolute error", "energy meV/atom", "force eV/Å", "stress eV/Å³")
	}
	num := func(x *float64, format string) string {
		if x == nil {
			return "-"
		}
		return fmt.Sprintf(format, *x)
	}
	for _, s := range sets {
		e := n.Errors[s]
		fmt.Fprintf(w, "%-24s %16s %12s %14s\n", s, num(e.EnergyMAE, "%.3f"), num(e.ForceMAE, "%.5f"), num(e.StressMAE, "%.6f"))
	}
	return nil
}

func groupName(g potential.Group) string {
	switch g {
	case potential.SO3:
		return "SO(3): proper rotations; mirror images may differ"
	case potential.NoGroup:
		return "none: energies change when the system is turned"
	}
	return "O(3): rotations and inversion"
}

// infoStructure shows each frame in a line, with the shortest distance.
func infoStructure(w io.Writer, name string, how reading) error {
	r, err := openFrames(name, how.format, how.species)
	if err != nil {
		return usage(err)
	}
	defer r.close()
	fmt.Fprintf(w, "%5s %9s %-5s %24s %12s %10s  %s\n", "frame", "atoms", "pbc", "a, b, c / Å", "volume/Å³", "closest/Å", "composition")
	n := 0
	for ; ; n++ {
		f, err := r.next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return usagef("%s: %w", frameName(n), err)
		}
		if err := infoFrame(w, n, f); err != nil {
			return usagef("%s:%d: %s: %w", name, f.Line, frameName(n), err)
		}
		if n == 0 {
			defer func() { fmt.Fprint(w, "", keysLine(f)) }()
		}
	}
	if n == 0 {
		return usagef("%s holds no frame", name)
	}
	return nil
}

// keysLine lists what else the first frame holds.
func keysLine(f *extxyz.Frame) string {
	var keys, columns []string
	for _, i := range f.Info {
		keys = append(keys, i.Key)
	}
	for _, c := range f.Columns {
		columns = append(columns, fmt.Sprintf("%s:%c:%d", c.Name, c.Type, c.Width))
	}
	return fmt.Sprintf("keys of frame 0: %s\ncolumns: %s\n", orNone(keys), orNone(columns))
}

func orNone(s []string) string {
	if len(s) == 0 {
		return "none"
	}
	return strings.Join(s, " ")
}

func infoFrame(w io.Writer, n int, f *extxyz.Frame) error {
	s := &system{Vectors: f.Cell, PBC: f.PBC, Z: f.Z, X: f.X}
	cell, err := s.check(nil)
	if err != nil {
		return err
	}
	pbc := ""
	var edges []string
	for k, p := range f.PBC {
		pbc += map[bool]string{true: "T", false: "F"}[p]
		v := f.Cell[k]
		edges = append(edges, fmt.Sprintf("%.4g", math.Sqrt(v[0]*v[0]+v[1]*v[1]+v[2]*v[2])))
	}
	volume, closest := "-", "-"
	if f.HasCell && cell.Given() {
		volume = fmt.Sprintf("%.5g", cell.Volume())
	}
	if d := shortest(s); d < math.Inf(1) {
		closest = fmt.Sprintf("%.4f", d)
	}
	count := map[int]int64{}
	for _, z := range f.Z {
		count[int(z)]++
	}
	fmt.Fprintf(w, "%5d %9d %-5s %24s %12s %10s %s\n", n, f.N, pbc, strings.Join(edges, ", "), volume, closest, symbols(count))
	return nil
}

// shortest is the distance of the closest two atoms, images included, Å;
// infinite where none are within 10 Å. The search widens from 1 Å.
func shortest(s *system) float64 {
	for cutoff := 1.25; cutoff <= 10; cutoff *= 2 {
		d := math.Inf(1)
		err := inproc.Run(1, func(c comm.Comm) error {
			x, err := share(c, s, [3]int{})
			if err != nil {
				return err
			}
			p := &closest{cutoff: cutoff, d: math.Inf(1)}
			e := md.Evaluator{Comm: c, Partition: x.Partition, Cell: x.Cell, Atoms: x.Atoms, Potential: p}
			err = e.Evaluate()
			d = p.d
			return err
		})
		if err != nil {
			return 0 // two atoms on the same place
		}
		if d < math.Inf(1) {
			return d
		}
	}
	return math.Inf(1)
}

// closest is a potential without energy that looks for the shortest edge.
type closest struct{ cutoff, d float64 }

func (p *closest) Cutoff() float64   { return p.cutoff }
func (p *closest) Supports(int) bool { return true }
func (p *closest) Compute(f *potential.Frame, _ *potential.Result) error {
	for i := range f.N {
		if f.List.Row[i] < f.List.Row[i+1] { // nearest first
			a, b, d2 := f.X[i], f.X[f.List.J[f.List.Row[i]]], 0.0
			for k := range a {
				d2 += (a[k] - b[k]) * (a[k] - b[k])
			}
			p.d = min(p.d, math.Sqrt(d2))
		}
	}
	return nil
}

// infoRestart shows the restarts in a folder: a run's, the folder of
// restarts itself, or the one that a folder is.
func infoRestart(w io.Writer, dir string) error {
	if sub := filepath.Join(dir, restartName); holdsRun(dir) {
		dir = sub
	}
	all, err := restart.Generations(dir)
	if err != nil {
		return usage(err)
	}
	if restart.Holds(dir) { // one generation
		all = []restart.Generation{{Dir: dir, Whole: true}}
	}
	if len(all) == 0 {
		return usagef("%s holds no restart", dir)
	}
	for _, g := range all {
		if !g.Whole {
			fmt.Fprintf(w, "%s: not whole\n", g.Dir)
			continue
		}
		m, err := restart.ReadManifest(g.Dir)
		if err != nil {
			fmt.Fprintf(w, "%s: %v\n", g.Dir, err)
			continue
		}
		manifest(w, g.Dir, m)
	}
	return nil
}

func manifest(w io.Writer, dir string, m *restart.Manifest) {
	row := func(key, format string, args ...any) {
		fmt.Fprintf(w, "  %-12s %s\n", key, fmt.Sprintf(format, args...))
	}
	t := m.OriginTime + float64(m.Step-m.OriginStep)*m.Dt
	fmt.Fprintln(w, dir)
	row("step", "%d (%.6g ps, timestep %.6g fs)", m.Step, t/picosecond, m.Dt/md.Femtosecond)
	row("atoms", "%d", m.Atoms())
	row("bricks", "%s", brickShape(m.Grid, len(m.Shards)))
	row("cell", "%v Å, periodic %v", m.Cell, m.Periodic)
	row("list", "cutoff %g Å, skin %g Å", m.Cutoff, m.Skin)
	var bytes int64
	for _, s := range m.Shards {
		bytes += s.Bytes
	}
	row("size", "%.3g MB", float64(bytes)/1e6)
	if stat, err := os.Stat(dir); err == nil {
		row("written", "%s", stat.ModTime().Format(time.RFC3339))
	}
	var keys []string
	for k, v := range m.Extra {
		if k != settingsKey {
			keys = append(keys, k+"="+v)
		}
	}
	slices.Sort(keys)
	row("files", "%s", orNone(keys))
}

// restartBricks is the number of bricks of the newest restart in a folder; 0
// where there is none.
func restartBricks(dir string) int {
	all, err := restart.Generations(dir)
	if err != nil {
		return 0
	}
	for _, g := range all {
		if m, err := restart.ReadManifest(g.Dir); g.Whole && err == nil {
			return len(m.Shards)
		}
	}
	return 0
}
