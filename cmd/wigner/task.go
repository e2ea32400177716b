package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/phonon"
	"github.com/wigner-md/wigner/relax"
)

// task is one rank's part of a relaxation or of a property; only rank 0 has a folder.
type task struct {
	*taskShare
	a      *app
	j      *job
	c      comm.Comm
	folder *folder
	file   *zap.Logger
	e      *md.Evaluator
}

// taskShare is what the ranks of a process share of a task.
type taskShare struct {
	verb  string
	cfg   *input.Job
	src   *source
	form  *form
	stops stopper
	// from is the config file.
	from string
}

// taskHelp is the part of a verb's help that all have.
func taskHelp(sections ...string) string {
	var b strings.Builder
	b.WriteString("\n[structure], [potential], [[group]] and [parallel] are as in a run (wigner run --help). Keys:\n")
	for _, r := range input.JobRows() {
		section, _, _ := strings.Cut(r.Key, ".")
		for _, s := range sections {
			if s != section {
				continue
			}
			fmt.Fprintf(&b, "  %-28s %s", r.Key, r.Doc)
			if r.Default != "" {
				fmt.Fprintf(&b, " (default %s)", r.Default)
			}
			b.WriteByte('\n')
		}
	}
	return b.String()
}

// taskCmd makes the verb of a task.
func (a *app) taskCmd(cmd *cobra.Command, do func(t *task) error) *cobra.Command {
	ranks, force := 0, false
	verb := cmd.Name()
	cmd.Args = cobra.MinimumNArgs(1)
	cmd.RunE = a.verb(func(args []string) error {
		if err := ranksGiven(cmd, ranks); err != nil {
			return err
		}
		s := &taskShare{verb: verb, from: args[0]}
		s.stops.listen()
		defer s.stops.close()
		return a.processes(func(p *process) error {
			if err := p.each(func() error { return s.read(args[1:]) }); err != nil {
				return err
			}
			return p.ranks(s.src.ranks(ranks), s.cfg.Parallel.Bricks, func(j *job, c comm.Comm) error {
				t := &task{taskShare: s, a: a, j: j, c: c, file: zap.NewNop()}
				defer func() { t.folder.close() }()
				if err := t.prepare(force); err != nil {
					return err
				}
				err := agree(c, do(t))
				if err != nil {
					t.file.Error(err.Error())
				}
				return err
			})
		})
	})
	f := cmd.Flags()
	f.IntVar(&ranks, "ranks", 0, "ranks in this process (default: the usable cores; 1 under a launcher)")
	f.BoolVar(&force, "force", false, "start over in a folder that holds a run or a job")
	return cmd
}

// read reads the config, the potential and, where it is small, the structure.
func (s *taskShare) read(sets []string) (err error) {
	if s.cfg, err = input.ReadJobFile(s.verb, s.from, sets); err != nil {
		return usage(err)
	}
	if s.verb == "phonon" {
		path, points := s.way()
		if err := phonon.CheckPath(path, points); err != nil {
			return usagef("phonon.path: %w", err)
		}
	}
	if s.verb == "phonon" && s.cfg.Phonon.Given() {
		s.src = noPotential("forces of " + s.cfg.Phonon.ForceSets + s.cfg.Phonon.ForceConstants)
	} else if s.src, err = openPotential(s.cfg.Potential, filepath.Dir(s.from)); err != nil {
		return err
	}
	s.form, err = newForm(s.cfg.Structure, filepath.Dir(s.from))
	return err
}

// prepare is collective: structure, folder, evaluator.
func (t *task) prepare(force bool) error {
	x, err := t.form.build(t.c, t.src.Supports, gridOf(t.cfg.Parallel.Grid))
	if err != nil {
		return err
	}
	if err := markGroups(t.c, t.cfg.Group, x); err != nil {
		return err
	}
	if t.cfg.Relax.Cell != "fixed" || t.verb != "relax" {
		if err := t.wholeCell(x); err != nil {
			return err
		}
	}
	if t.c.Rank() == 0 {
		inputs := append([]string{t.from, t.form.file}, t.src.Files...)
		for _, given := range []string{t.cfg.Phonon.ForceConstants, t.cfg.Phonon.ForceSets} {
			if given != "" {
				inputs = append(inputs, beside(given, filepath.Dir(t.from)))
			}
		}
		if t.folder, err = openFolder(t.cfg.Output.Dir, "", false, force, nil, inputs...); err == nil {
			err = t.begin()
		}
	}
	if err := agree(t.c, err); err != nil {
		return err
	}
	if text := t.form.freezes(); text != "" {
		t.say("%s", text)
	}
	pot, err := t.src.New()
	if err := agree(t.c, err); err != nil {
		return err
	}
	t.e = &md.Evaluator{
		Comm: t.c, Potential: pot, Skin: float64(t.cfg.Parallel.Skin), Balance: t.cfg.Parallel.Moves(), Cell: x.Cell, Partition: x.Partition, Atoms: x.Atoms, Guard: md.Guard{MaxForce: 1e5},
	}
	t.stops.watch(t.e)
	return nil
}

// wholeCell refuses a cell that cannot change as asked.
func (t *task) wholeCell(x *crystal) error {
	if !x.Cell.Given() {
		return usagef("the structure has not all three lattice vectors: its cell cannot take part (relax.cell = \"fixed\")")
	}
	p := x.Cell.Periodic()
	if t.verb != "relax" {
		if p != [3]bool{true, true, true} {
			return usagef("wigner %s: the structure is not periodic in all directions", t.verb)
		}
		return nil
	}
	free := [3]bool{true, true, true}
	if t.cfg.Relax.Cell == "axes" {
		free = input.Axes(t.cfg.Relax.Axes)
	}
	for n, v := range x.Cell.Vectors() {
		for k := range v {
			if !p[n] && free[k] && v[k] != 0 {
				return usagef("relax.cell: the cell is not periodic along lattice vector %s, so nothing may change it: use cell = \"axes\" with the axes that are periodic", "abc"[n:n+1])
			}
		}
	}
	return nil
}

// begin writes the effective config and opens the log, on rank 0.
func (t *task) begin() error {
	text, err := t.cfg.Encode()
	if err != nil {
		return err
	}
	head := fmt.Sprintf("%srun, as %s read it.\n", effectiveHead, versionText())
	if err := writeFile(t.folder.path(configName), []byte(head+text)); err != nil {
		return err
	}
	enc := zap.NewProductionEncoderConfig()
	enc.TimeKey, enc.EncodeTime = "time", zapcore.RFC3339NanoTimeEncoder
	t.file = zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(enc), zapcore.AddSync(t.folder.log), zapcore.InfoLevel))
	t.say("%s: %s on %s", t.verb, t.src.Name, t.j.describe())
	return nil
}

// warn says, on rank 0, what the user should look into.
func (t *task) warn(msg string) {
	if t.c.Rank() == 0 {
		t.a.log.Warn(msg)
		t.file.Warn(msg)
	}
}

// say tells the user something, on rank 0.
func (t *task) say(format string, args ...any) {
	if t.c.Rank() == 0 {
		msg := fmt.Sprintf(format, args...)
		t.a.log.Info(msg)
		t.file.Info(msg)
	}
}

// console is where the tables go.
func (t *task) console() io.Writer {
	if t.c.Rank() != 0 {
		return io.Discard
	}
	return t.a.stdout()
}

// print writes a line of a table.
func (t *task) print(format string, args ...any) { fmt.Fprintf(t.console(), format, args...) }

// save writes a file of the folder, on rank 0.
func (t *task) save(name, text string) error {
	if t.folder == nil {
		return nil
	}
	return writeFile(t.folder.path(name), []byte(text))
}

// saveJSON writes a file of the folder, on rank 0.
func (t *task) saveJSON(name string, x any) error {
	b, err := json.MarshalIndent(x, "", "  ")
	if err != nil {
		return err
	}
	return t.save(name, string(b)+"\n")
}

// structure is collective: it writes the atoms as they are, with energy, forces and
// stress of the last evaluation.
func (t *task) structure(name string, p *relax.Progress) error {
	d := &dump{cfg: input.Dump{Properties: []string{"id", "forces", "energies"}}, move: md.Redistributor{Comm: t.c}}
	var err error
	if t.folder != nil {
		d.file, err = t.folder.openAt(name, 0)
	}
	if err := agree(t.c, err); err != nil {
		return err
	}
	defer d.close()
	d.cfg.Properties = append(d.cfg.Properties, freezing(t.e)...)
	table, err := d.move.ByID(t.e.Atoms, t.e.Energy, md.Fields{Species: true, X: true, F: true, Energy: true, Mask: true})
	if err != nil {
		return err
	}
	f := frameOf(table, &t.e.Cell)
	for i := range f.X {
		f.X[i], _ = t.e.Cell.Wrap(f.X[i])
	}
	f.SetReals("energy", p.Energy)
	if t.e.Cell.Given() {
		f.SetReals("stress", nine(&p.Stress, 1)...)
	}
	converged := "F"
	if p.Converged {
		converged = "T"
	}
	f.Set("converged", converged)
	for _, c := range d.cfg.Properties {
		f.Columns = append(f.Columns, column(c, table, nil, 0))
	}
	return d.write(f, t.e.Total())
}

// lastGood is collective: it writes a state that was sound.
func (t *task) lastGood(s *md.Snapshot) error {
	d := &dump{cfg: input.Dump{Properties: []string{"id"}}, move: md.Redistributor{Comm: t.c}}
	var err error
	if t.folder != nil {
		d.file, err = t.folder.openAt(lastName, 0)
	}
	if err := agree(t.c, err); err != nil {
		return err
	}
	defer d.close()
	table, err := d.move.ByID(&s.Atoms, nil, md.Fields{Species: true, X: true, Mask: true})
	if err != nil {
		return err
	}
	f := frameOf(table, &s.Cell)
	for _, p := range append([]string{"id"}, freezing(t.e)...) {
		f.Columns = append(f.Columns, column(p, table, nil, 0))
	}
	return d.write(f, t.e.Total())
}

// errStopped ends a relaxation that was asked to stop.
var errStopped = errors.New("stopped")

// options are those of the config's [relax].
func (t *task) options() relax.Options {
	r := &t.cfg.Relax
	o := relax.Options{
		Force: r.Force, Stress: r.Stress * gigapascal, Steps: r.Steps, MaxStep: r.MaxStep, Memory: r.Memory,
		Axes: input.Axes(r.Axes), Pressure: r.Target(),
		See: func(*relax.Progress) error {
			if t.e.Stopped() {
				return errStopped
			}
			return nil
		},
	}
	for k := range 3 {
		for l := range 3 {
			o.Pressure[k][l] *= gigapascal
		}
	}
	if r.Method == "fire" {
		o.Method = relax.FIRE
	}
	o.Cell = map[string]relax.Cell{"fixed": relax.Fixed, "volume": relax.Volume, "shape": relax.Shape, "axes": relax.Axes, "full": relax.Full}[r.Cell]
	return o
}
