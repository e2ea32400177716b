package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/halo"
	"github.com/wigner-md/wigner/io/extxyz"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/potential"
)

// evalOptions are eval's flags.
type evalOptions struct {
	in, out, model, stats, prefix, balance string
	v                                      variant
	read                                   reading
	ranks                                  int
}

func (a *app) evalCmd() *cobra.Command {
	var o evalOptions
	cmd := &cobra.Command{
		Use:   "eval IN.extxyz -m MODEL -o OUT.extxyz",
		Short: "Energy, forces, stress and atomic energies of every frame of a file",
		Long: `eval reads every frame of a file (extxyz, or any other that convert reads) and
writes it as extxyz, with all that it held, plus energy (eV), virial (3×3, eV), stress (3×3, eV/Å³, tension positive;
where a cell is given), and for each atom forces (eV/Å) and energies (eV). Keys
and columns of these names are replaced; --prefix keeps both. A model that gives a dipole
or a pseudoscalar writes dipole (three numbers, e·Å) or pseudoscalar instead.`,
		Example: `  wigner eval in.extxyz -m sevennet-0 -o out.extxyz
  wigner eval in.extxyz -m models/my.pth -o out.extxyz --precision float64 --ranks 4
  wigner eval in.data -m sevennet-0 -o out.extxyz --species Cu,Ni
  mpirun -n 4 wigner eval big.extxyz -m sevennet-l3i5 -o out.extxyz --stats stats.json`,
		Args: cobra.ExactArgs(1),
	}
	f := cmd.Flags()
	cmd.RunE = a.verb(func(args []string) error {
		if err := ranksGiven(cmd, o.ranks); err != nil {
			return err
		}
		o.in = args[0]
		return a.eval(&o)
	})
	f.StringVarP(&o.model, "model", "m", "", "model: a path or a name")
	f.StringVarP(&o.out, "output", "o", "", "file to write; - is standard output")
	o.v.flags(cmd)
	o.read.flags(cmd, "IN")
	f.IntVar(&o.ranks, "ranks", 0, "ranks in this process (default: the usable cores; 1 under a launcher)")
	f.StringVar(&o.balance, "balance", "edges", "edges: bricks of equal work where that pays; none: of equal size")
	f.StringVar(&o.stats, "stats", "", "write what each rank held and sent to this JSON file")
	f.StringVar(&o.prefix, "prefix", "", "write P_energy, P_forces … instead of energy, forces …")
	must(cmd.MarkFlagRequired("model"))
	must(cmd.MarkFlagRequired("output"))
	return cmd
}

// must panics on an error that only a mistake in this program can cause.
func must(err error) {
	if err != nil {
		panic(err)
	}
}

func (a *app) eval(o *evalOptions) error {
	var src *source
	each := func() error {
		if o.balance != "edges" && o.balance != "none" {
			return usagef("--balance %q: it is edges or none", o.balance)
		}
		if strings.ContainsAny(o.prefix, " \t\r\n\"'={}[]:,\\") {
			return usagef("--prefix %q: it becomes part of names of keys and columns", o.prefix)
		}
		if f := formatOf(o.out); f != "" && f != asExtxyz {
			return usagef("-o %s: eval writes extxyz; `wigner convert` makes other formats of it", o.out)
		}
		var err error
		src, err = openAnyModel(o.model, o.v)
		return err
	}
	return a.processes(func(p *process) error {
		if err := p.each(each); err != nil {
			return err
		}
		return p.ranks(src.ranks(o.ranks), 0, func(j *job, c comm.Comm) error { return a.evalRank(o, src, j, c) })
	})
}

// evalRank is collective: one rank's part of eval.
func (a *app) evalRank(o *evalOptions, src *source, j *job, c comm.Comm) error {
	pot, err := src.New()
	if err = agree(c, err); err != nil {
		return err
	}
	reader, tensor := readsTensor(pot)
	e := evaluation{o: o, j: j, c: c, src: src, move: md.Redistributor{Comm: c}, ev: md.Evaluator{Comm: c, Potential: pot, Balance: o.balance == "edges", Guard: anyForce}}
	if tensor {
		e.tensor, e.ev.Potential = reader, reader
	}
	if c.Rank() == 0 {
		if err = e.open(a); err == nil {
			defer e.close()
		}
	}
	if err = agree(c, err); err != nil {
		return err
	}
	if err := e.frames(); err != nil {
		return err
	}
	if n, _, ok := nearOf(pot); ok {
		if n, err = firstNear(c, n); err != nil {
			return err
		}
		if n.Count > 0 && c.Rank() == 0 { // each frame is one call
			a.log.Warn(nearText(frameName(int(n.Call-1)), n))
		}
	}
	if c.Rank() == 0 {
		err = e.finish(a)
	}
	return agree(c, err)
}

// evaluation is one rank's part of eval; only rank 0 has files.
type evaluation struct {
	o    *evalOptions
	j    *job
	c    comm.Comm
	src  *source
	ev   md.Evaluator
	sent int64 // bytes, by all frames so far
	move md.Redistributor
	// Of a model that gives a tensor, whose key in the output is gives; nil: energies.
	tensor *tensorReader

	in       *frameFile
	out      *pending
	pack     io.WriteCloser
	w        *extxyz.Writer
	n        int // frames done
	replaced []string
	stats    []frameStats
	file     *pending // of them; nil without --stats
}

// frameStats is one frame of --stats.
type frameStats struct {
	Frame int     `json:"frame"` // from 0
	Atoms int64   `json:"atoms"`
	Ranks []loads `json:"ranks"`
}

func (e *evaluation) open(a *app) (err error) {
	if e.o.stats != "" && sameTarget(e.o.stats, e.o.out) {
		return usagef("--stats and -o are the same file: %s", e.o.stats)
	}
	if e.in, err = openFrames(e.o.in, e.o.read.format, e.o.read.species); err != nil {
		return usage(err)
	}
	defer func() {
		if err != nil {
			e.close()
		}
	}()
	read := infos(append([]string{e.o.in}, e.src.Files...)...)
	if e.out, err = create(e.o.out, a.out, read...); err != nil {
		return usage(err)
	}
	if e.o.stats != "" {
		if e.file, err = create(e.o.stats, a.out, read...); err != nil {
			return usage(err)
		}
	}
	if e.pack, err = packed(e.out, e.o.out); err != nil {
		return err
	}
	e.w = extxyz.NewWriter(e.pack)
	return nil
}

func (e *evaluation) close() {
	e.in.close()
	e.out.discard()
	e.file.discard()
}

// frames is collective: it goes through the file.
func (e *evaluation) frames() error {
	for {
		var f *extxyz.Frame
		var s *system
		var err error
		end := []int64{0}
		if e.c.Rank() == 0 {
			f, s, err = e.next()
			if err == io.EOF {
				err, end[0] = nil, 1
			}
		}
		if err := agree(e.c, err); err != nil {
			return err
		}
		if err := e.c.AllreduceInt(end, comm.Max); err != nil {
			return err
		}
		if end[0] == 1 {
			return nil
		}
		if err := e.frame(f, s); err != nil {
			return err
		}
	}
}

// next reads a frame and looks whether it can be evaluated.
func (e *evaluation) next() (*extxyz.Frame, *system, error) {
	f, err := e.in.next()
	if err == io.EOF {
		return nil, nil, io.EOF
	}
	e.n++
	if err != nil {
		return nil, nil, usagef("%s: %w%s", frameName(e.n-1), err, e.unwritten())
	}
	s, err := systemOf(f)
	if err == nil {
		_, err = s.check(e.src.Supports)
	}
	if err != nil {
		return nil, nil, e.blame(f, err)
	}
	return f, s, nil
}

// blame names the frame in an error.
func (e *evaluation) blame(f *extxyz.Frame, err error) error {
	return usagef("%s:%d: %s: %w%s", e.o.in, f.Line, frameName(e.n-1), err, e.unwritten())
}

// unwritten says, at an error, what became of the frames before it.
func (e *evaluation) unwritten() string {
	if e.out == nil || e.out.name == "" { // a pipe has got them
		return ""
	}
	return fmt.Sprintf("; nothing was written to %s", e.o.out)
}

// frame is collective: it evaluates one frame, and rank 0 writes it.
func (e *evaluation) frame(f *extxyz.Frame, s *system) error {
	x, err := share(e.c, s, [3]int{})
	if err != nil {
		return err
	}
	ev := &e.ev
	ev.SetSystem(x.Cell, x.Partition, x.Atoms)
	err = ev.Evaluate()
	var sum md.Totals
	if err == nil {
		sum, err = ev.Totals(nil)
	}
	if err != nil {
		return e.failed(f, err)
	}
	var tensor []float64
	if e.tensor != nil {
		if tensor, err = e.tensor.total(e.c); err != nil {
			return err
		}
	}
	t, err := e.move.Gather(ev.Atoms, ev.Energy, md.Fields{F: true, Energy: true})
	if err != nil {
		return err
	}
	all, err := loadsOf(e.c, ev, &e.sent)
	if err != nil {
		return err
	}
	if e.c.Rank() == 0 {
		if e.o.stats != "" {
			e.stats = append(e.stats, frameStats{e.n - 1, x.Total, all})
		}
		if e.tensor != nil {
			e.set(f, e.src.gives(), tensor)
		} else {
			e.fill(f, &sum, t, x.Cell.Given() && f.HasCell, x.Cell.Volume())
		}
		if err = e.w.Write(f); err != nil {
			err = fmt.Errorf("%s: %w", e.o.out, err)
		}
	}
	return agree(e.c, err)
}

// failed is collective where the error is: only the first rank knows the frame.
// What the atoms are to blame for is the same error on all ranks.
func (e *evaluation) failed(f *extxyz.Frame, err error) error {
	var trouble *md.TroubleError
	var system *halo.SystemError
	var refused *potential.RefusedError
	if !errors.As(err, &trouble) && !errors.As(err, &system) && !errors.As(err, &refused) {
		return err
	}
	if e.c.Rank() != 0 {
		return agree(e.c, nil)
	}
	return agree(e.c, e.blame(f, err))
}

// set puts numbers under a key of the frame, and notes where there were others.
func (e *evaluation) set(f *extxyz.Frame, key string, x []float64) {
	if e.o.prefix != "" {
		key = e.o.prefix + "_" + key
	}
	if f.SetReals(key, x...) && !slices.Contains(e.replaced, key) {
		e.replaced = append(e.replaced, key)
	}
}

// fill puts the results into the frame.
func (e *evaluation) fill(f *extxyz.Frame, sum *md.Totals, t *md.Table, hasVolume bool, volume float64) {
	p := e.o.prefix
	if p != "" {
		p += "_"
	}
	note := func(name string, was bool) {
		if was && !slices.Contains(e.replaced, name) {
			e.replaced = append(e.replaced, name)
		}
	}
	note(p+"energy", f.SetReals(p+"energy", sum.Energy))
	note(p+"virial", f.SetReals(p+"virial", nine(&sum.Virial, 1)...))
	if hasVolume {
		note(p+"stress", f.SetReals(p+"stress", nine(&sum.Virial, -volume)...))
	} else {
		note(p+"stress", f.Delete(p+"stress"))
	}
	note(p+"forces", f.SetColumn(extxyz.Column{Name: p + "forces", Type: extxyz.Real, Width: 3, Vec: t.F}))
	note(p+"energies", f.SetColumn(extxyz.Column{Name: p + "energies", Type: extxyz.Real, Width: 1, Real: t.Energy}))
}

// finish puts the output under its name.
func (e *evaluation) finish(a *app) error {
	if e.n == 0 {
		return usagef("%s holds no frame", e.o.in)
	}
	if len(e.replaced) > 0 {
		a.log.Info(fmt.Sprintf("%s had %s: replaced (--prefix keeps both)", e.o.in, strings.Join(e.replaced, ", ")))
	}
	if e.o.stats != "" {
		b, err := json.MarshalIndent(struct {
			Transport string       `json:"transport"`
			Processes int          `json:"processes"`
			Ranks     int          `json:"ranks"`
			Frames    []frameStats `json:"frames"`
		}{e.j.Transport, e.j.Processes, e.j.ranks(), e.stats}, "", "  ")
		if err != nil {
			return err
		}
		if _, err := e.file.Write(append(b, '\n')); err != nil {
			return fmt.Errorf("%s: %w", e.o.stats, err)
		}
		if err := e.file.commit(); err != nil {
			return err
		}
	}
	if err := e.pack.Close(); err != nil {
		return fmt.Errorf("%s: %w", e.o.out, err)
	}
	if err := e.out.commit(); err != nil {
		return err
	}
	a.log.Info(fmt.Sprintf("%s: %d frames with %s in %s on %s", e.o.out, e.n, e.src.Name, e.src.Precision, e.j.describe()))
	return nil
}
