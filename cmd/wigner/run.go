package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/ensemble"
	"github.com/wigner-md/wigner/halo"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/md"
)

// runOptions are run's flags.
type runOptions struct {
	config             string
	sets               []string
	ranks              int
	maxHours           float64
	dry, resume, force bool
}

func (a *app) runCmd() *cobra.Command {
	var o runOptions
	cmd := &cobra.Command{
		Use:   "run CONFIG.toml [section.key=value …]",
		Short: "Molecular dynamics",
		Long: `run moves the atoms of a structure as a TOML file says. Settings after the file
replace what it says; a value that is not TOML is taken as text.

The run folder gets the effective config, the log, thermo.csv, the trajectories
and the restarts. SIGINT, SIGTERM, SIGUSR1 and, unless
nohup ignores it, SIGHUP end a run after a restart has been written, with exit status 75; --resume goes on from there to the last bit. SIGUSR2
writes a restart and the run goes on. status.json in the folder says where it is.

Keys:
` + keyHelp(),
		Example: `  wigner run configs/silicon.toml
  wigner run configs/silicon.toml dynamics.steps=500 output.dir=runs/long --ranks 2
  wigner run configs/silicon.toml --dry-run --ranks 64
  mpirun -n 4 wigner run configs/silicon.toml --resume`,
		Args: cobra.MinimumNArgs(1),
	}
	cmd.RunE = a.verb(func(args []string) error {
		if err := ranksGiven(cmd, o.ranks); err != nil {
			return err
		}
		if o.maxHours < 0 || cmd.Flags().Changed("max-hours") && !(o.maxHours > 0) {
			return usagef("--max-hours %g: it must be above 0", o.maxHours)
		}
		o.config, o.sets = args[0], args[1:]
		return a.run(&o)
	})
	f := cmd.Flags()
	f.IntVar(&o.ranks, "ranks", 0, "ranks in this process (default: the usable cores; 1 under a launcher)")
	f.Float64Var(&o.maxHours, "max-hours", 0, "write a restart and stop with status 75 before this wall time is over (restart.wall_time_h)")
	f.BoolVar(&o.dry, "dry-run", false, "print atoms, ghosts, memory per rank and time per step, and stop")
	f.BoolVar(&o.resume, "resume", false, "go on from the last restart of the run folder")
	f.BoolVar(&o.force, "force", false, "start over in a folder that holds a run")
	return cmd
}

// keyHelp is the table of the keys of a run.
func keyHelp() string { return keyLines(input.Rows()) }

func keyLines(rows []input.Row) string {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "  %-28s %s", r.Key, r.Doc)
		if r.Default != "" {
			fmt.Fprintf(&b, " (default %s)", r.Default)
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// simulation is what the ranks of a process share of a run.
type simulation struct {
	o     *runOptions
	cfg   *input.Config
	src   *source
	form  *form
	stops stopper
	still freeze
	alive alive
	start time.Time
}

// frozen is how long this process stood still.
func (s *simulation) frozen() time.Duration { return time.Duration(s.still.total.Load()) }

func (a *app) run(o *runOptions) error {
	if o.resume && o.force {
		return usagef("--resume and --force exclude each other")
	}
	r := simulation{o: o, start: time.Now()}
	r.alive.start = r.start
	each := func() (err error) {
		if r.cfg, err = input.ReadFile(o.config, o.sets); err != nil {
			return usage(err)
		}
		if o.maxHours > 0 {
			r.cfg.Restart.WallTime = o.maxHours
		}
		if r.src, err = openPotential(r.cfg.Potential, filepath.Dir(o.config)); err != nil {
			return err
		}
		r.form, err = newForm(r.cfg.Structure, filepath.Dir(o.config))
		return err
	}
	if !o.dry {
		r.stops.listen()
		defer r.stops.close()
		r.still.watch()
		defer r.still.close()
	}
	return a.processes(func(p *process) error {
		if err := p.each(each); err != nil {
			return err
		}
		if o.dry {
			return a.dryRun(&r, p)
		}
		if r.cfg.IPI.On() {
			if o.resume || o.force {
				return usagef("--resume and --force are not for a run with [ipi]: the server has the state, and no folder is written")
			}
			r.stops.close() // a signal ends a client at once
			return p.ranks(r.src.ranks(o.ranks), r.bricks(p.size()), func(j *job, c comm.Comm) error { return a.drive(&r, j, c) })
		}
		if p.outer != nil && p.size() > 1 {
			go r.alive.watch(p.outer, r.stops.asked, r.stops.done)
		}
		return p.ranks(r.src.ranks(o.ranks), r.bricks(p.size()), func(j *job, c comm.Comm) error { return a.runRank(&r, j, c) })
	})
}

// bricks is how many are asked for: by the config, or, in a resumed run, by the
// restart, because the same bricks as before give the same bits.
func (r *simulation) bricks(processes int) int {
	n := r.cfg.Parallel.Bricks
	if n == 0 && r.o.resume {
		if n = restartBricks(filepath.Join(r.cfg.Output.Dir, restartName)); n < processes {
			n = 0
		}
	}
	return n
}

// runner is one rank's part of a run; only rank 0 has a folder and files.
type runner struct {
	*simulation
	a      *app
	j      *job
	c      comm.Comm
	folder *folder
	file   *zap.Logger // the log of the folder
	sim    *md.Sim
	thermo *thermo
	near   *nearWatch
	dumps  []*dump
	saved  map[string]string // of the observers, by the restart
	tables *observing
	saver  *md.Checkpoint
	load   *balance      // at the end
	sent   halo.Traffic  // before the loop
	used   time.Duration // of this process's cores, in the loop
	advice *adviser
	set    settings // on rank 0, as are the next
	status *status
	early  []string // warnings before there was a status
	pace   *pace
}

// runRank is collective: one rank's run, from the structure to the last line.
func (a *app) runRank(s *simulation, j *job, c comm.Comm) error {
	r := &runner{simulation: s, a: a, j: j, c: c, file: zap.NewNop()}
	defer r.close()
	done, err := r.prepare()
	if err != nil || done {
		return err
	}
	from := r.sim.Step
	err = r.loop()
	if e := r.flush(); err == nil {
		err = agree(c, e)
	}
	if err == nil {
		err = r.end(from)
	}
	return r.outcome(err)
}

// outcome is collective where an error is: it notes in the status file how the run
// ended.
func (r *runner) outcome(err error) error {
	var early *errQuiet
	switch {
	case err == nil:
		r.status.end(r.sim, stateFinished, nil)
	case errors.As(err, &early) && early.status == exitStopped:
		r.status.end(r.sim, stateStopped, nil)
	default:
		err = r.failed(err)
		r.status.end(r.sim, stateFailed, err)
	}
	return err
}

// prepare is collective: everything before the first step. done says that there
// is nothing to do.
func (r *runner) prepare() (done bool, err error) {
	cfg := r.cfg
	var x *crystal // nil when resumed
	if !r.o.resume {
		if x, err = r.build(); err != nil {
			return false, err
		}
	}
	if r.c.Rank() == 0 {
		if r.folder, err = openFolder(cfg.Output.Dir, "--resume continues it, ", r.o.resume, r.o.force, cfg.Output.Dump, append([]string{r.o.config, r.form.file}, r.src.Files...)...); err == nil {
			err = r.startLog()
		}
		if err == nil {
			r.set, err = settingsOf(cfg, r.src.Files, r.form.file)
		}
	}
	if err := agree(r.c, err); err != nil {
		return false, err
	}
	if err := r.shared(); err != nil {
		return false, err
	}
	pot, err := r.src.New()
	if err = agree(r.c, err); err != nil {
		return false, err
	}
	r.sim = &md.Sim{
		Evaluator: md.Evaluator{
			Comm: r.c, Potential: pot, Skin: float64(cfg.Parallel.Skin), Balance: cfg.Parallel.Moves(),
			Guard: md.Guard{MaxForce: cfg.Dynamics.MaxForce},
		},
		Mass: masses(), Dt: cfg.Dynamics.Timestep * md.Femtosecond, Integrator: integrator(cfg),
	}
	if m, ok := r.sim.Integrator.(*ensemble.Motion); ok {
		m.Watch(r.sim)
	}
	var offsets map[string]string
	if r.o.resume {
		if offsets, err = r.resume(); err != nil {
			return false, err
		}
	}
	if r.sim.Atoms != nil && r.sim.Step >= cfg.Dynamics.Length() {
		switch end := cfg.Dynamics.Length(); {
		case r.sim.Step == end:
			r.say("%s is finished: step %d of %d has been reached", cfg.Output.Dir, r.sim.Step, end)
		case r.c.Rank() == 0:
			r.warn(fmt.Sprintf("%s: nothing is done, as the restart is of step %d, beyond dynamics.steps = %d, which counts from the beginning of the run", cfg.Output.Dir, r.sim.Step, end))
		}
		return true, nil
	}
	if r.sim.Atoms == nil {
		if x == nil {
			if x, err = r.build(); err != nil {
				return false, err
			}
		}
		if err := markGroups(r.c, cfg.Group, x); err != nil {
			return false, err
		}
		if text := r.form.freezes(); text != "" {
			r.say("%s", text)
		}
		r.sim.Cell, r.sim.Partition, r.sim.Atoms = x.Cell, x.Partition, x.Atoms
		if err := r.chooseSkin(x); err != nil {
			return false, err
		}
		if err := r.velocities(x); err != nil {
			return false, err
		}
	}
	if err := checkCell(cfg, &r.sim.Cell); err != nil {
		return false, err
	}
	if err := r.makeDumps(); err != nil {
		return false, err
	}
	if err := r.observers(); err != nil {
		return false, err
	}
	if err := agree(r.c, r.outputs(offsets)); err != nil {
		return false, err
	}
	if r.c.Rank() == 0 {
		for _, text := range cfg.Doubts() {
			r.warn(text)
		}
	}
	return false, r.crowded()
}

// build is collective: the structure that the config describes.
func (r *runner) build() (*crystal, error) {
	return r.form.build(r.c, r.src.Supports, gridOf(r.cfg.Parallel.Grid))
}

// chooseSkin is collective: the skin where the config leaves it to the program.
func (r *runner) chooseSkin(x *crystal) error {
	if r.cfg.Parallel.Skin != input.AutoSkin {
		return nil
	}
	m := []float64{math.Inf(1)}
	for _, z := range x.Atoms.Species[:x.Atoms.N] {
		m[0] = min(m[0], r.sim.Mass[z])
	}
	if err := r.c.Allreduce(m, comm.Min); err != nil {
		return err
	}
	r.sim.Skin = r.skin(float64(x.Total), m[0])
	r.say("skin of the neighbour list: %g Å", r.sim.Skin)
	return nil
}

// skin is what the config says of it or leaves to the program, Å, for so many atoms
// of which the lightest has this mass, amu.
func (s *simulation) skin(atoms, lightest float64) float64 {
	if x := s.cfg.Parallel.Skin; x != input.AutoSkin {
		return float64(x)
	}
	d := &s.cfg.Dynamics
	kelvin := d.Kelvin()
	if d.End != nil {
		kelvin = max(kelvin, *d.End)
	}
	return md.BestSkin(s.src.Cutoff, atoms, kelvin, lightest, d.Timestep*md.Femtosecond)
}

// velocities is collective: the first velocities.
func (r *runner) velocities(x *crystal) error {
	d := &r.cfg.Dynamics
	kind := d.Velocities
	if kind == "auto" {
		if kind = "maxwell"; x.HasV {
			kind = "file"
		}
	}
	switch {
	case kind == "file" && !x.HasV:
		return usagef("dynamics.velocities = \"file\", but the structure has no momenta")
	case kind == "maxwell" && d.Temperature == nil:
		return usagef("dynamics.temperature_K is missing: the structure has no momenta, so the first velocities need one (0 for atoms at rest)")
	case kind == "file" && r.c.Rank() == 0 && r.coldTemperature():
		r.warn(fmt.Sprintf("dynamics.temperature_K = %g is not used: the first velocities are the momenta of structure.file, and nve has no bath; dynamics.velocities = \"maxwell\" draws new ones, \"file\" says that they are meant", d.Kelvin()))
	case kind == "zero":
		clear(x.Atoms.V)
	case kind == "maxwell":
		return r.sim.SetVelocities(d.Kelvin(), uint64(d.Seed))
	}
	return nil
}

// coldTemperature is whether a temperature is given that nothing asks for, as the
// structure has momenta, which the config does not mention.
func (r *runner) coldTemperature() bool {
	d := &r.cfg.Dynamics
	return d.Velocities == "auto" && d.Temperature != nil && d.Ensemble == "nve" && r.cfg.Parallel.Skin != input.AutoSkin
}

// say tells the user something, on rank 0.
func (r *runner) say(format string, args ...any) { r.note(fmt.Sprintf(format, args...)) }

// note is say with fields that only the log of the folder gets.
func (r *runner) note(msg string, fields ...zap.Field) {
	if r.c.Rank() == 0 {
		r.a.log.Info(msg)
		r.file.Info(msg, fields...)
	}
}

// warn is note for what a user should look into.
func (r *runner) warn(msg string, fields ...zap.Field) {
	r.a.log.Warn(msg)
	r.file.Warn(msg, fields...)
	if r.status == nil {
		r.early = append(r.early, msg)
	}
	r.status.warned(msg)
}

// startLog begins the log of the folder, as JSON lines.
func (r *runner) startLog() error {
	level := zapcore.InfoLevel
	if r.cfg.Output.LogLevel != "" {
		var err error
		if level, err = zapcore.ParseLevel(r.cfg.Output.LogLevel); err != nil {
			return usage(err)
		}
	}
	enc := zap.NewProductionEncoderConfig()
	enc.TimeKey, enc.EncodeTime = "time", zapcore.RFC3339NanoTimeEncoder
	r.file = zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(enc), zapcore.AddSync(r.folder.log), level))
	return nil
}

// loop is collective: the steps.
func (r *runner) loop() error {
	if err := r.beginLog(); err != nil {
		return err
	}
	begin := time.Now()
	if err := r.sim.Start(); err != nil {
		return err
	}
	first := time.Since(begin)
	if err := r.atRest(); err != nil {
		return err
	}
	r.sim.ResetLoop() // the block at the end is of the loop alone
	before := r.sim.Stats()
	r.sent = before.Sent.Total()
	if text := hurried(first, os.Getenv); text != "" {
		r.note(text)
	}
	r.stops.watch(&r.sim.Evaluator)
	if r.c.Rank() == 0 {
		r.pace = newPace(r, r.start, r.cfg.Restart.WallTime, r.cfg.Restart.EveryMin)
		r.thermo.bar = r.a.newBar(r.cfg.Dynamics.Length(), r.sim.Step)
	}
	r.sim.AfterStep = r.afterStep
	r.alive.enter(first)
	defer r.alive.leave()
	used := processorTime()
	err := r.sim.Run(r.cfg.Dynamics.Length() - r.sim.Step)
	r.used = processorTime() - used
	if r.thermo.bar != nil {
		_ = r.thermo.bar.Clear()
	}
	return err
}

// afterStep is md.Sim's AfterStep.
func (r *runner) afterStep() {
	r.alive.step()
	if r.pace != nil {
		r.pace.step()
	}
}

// end is collective: the last restart and the last lines.
func (r *runner) end(from int64) error {
	if err := r.near.Observe(r.sim); err != nil {
		return err
	}
	if err := r.tables.Observe(r.sim); err != nil {
		return err
	}
	begin := time.Now()
	if err := r.saver.Write(r.sim); err != nil {
		return fmt.Errorf("writing the last restart: %w", err)
	}
	r.pace.wrote(begin)
	if err := r.figures(); err != nil {
		return err
	}
	wall, steps := r.sim.Loop()
	fields := []zap.Field{zap.Int64("step", r.sim.Step), zap.Int64("steps", steps), zap.Float64("seconds", wall.Seconds()), zap.Reflect("balance", r.load)}
	if r.sim.Step < r.cfg.Dynamics.Length() {
		why, err := r.stops.reasonOfAll(r.c)
		if err != nil {
			return err
		}
		msg := fmt.Sprintf("stopped at step %d of %d (%s); a restart is written, --resume goes on", r.sim.Step, r.cfg.Dynamics.Length(), why)
		r.note(msg, fields...)
		return &errQuiet{exitStopped, errors.New(msg)}
	}
	r.note("finished: "+r.cfg.Output.Dir, fields...)
	return nil
}

// figures is collective: what the run took, in the last lines and in ranks.csv, and
// what that advises.
func (r *runner) figures() (err error) {
	if r.load, err = balanceOf(r.sim); err != nil {
		return err
	}
	w := r.console()
	if r.thermo.log != nil {
		w = io.MultiWriter(w, r.thermo.log)
	}
	if err := performance(w, r.sim, r.j, r.load, r.used); err != nil {
		return err
	}
	a, err := assess(r.sim, r.j, r.frozen())
	if err != nil {
		return err
	}
	text, err := rankTable(r.sim, r.j, r.sent)
	if err != nil {
		return err
	}
	if r.c.Rank() == 0 {
		a.print(r.console())
		r.advice.tell(a)
		err = writeFile(r.folder.path(ranksName), []byte(text))
	}
	return agree(r.c, err)
}

// failed is collective where the error is: it saves the last sound frame.
func (r *runner) failed(err error) error {
	var t *md.TroubleError
	if errors.As(err, &t) {
		if t.Kind == md.AbsurdForce {
			err = fmt.Errorf("%w\n%s", err, r.tooStrong(t))
		}
		if name, e := r.lastGood(t); e != nil {
			err = fmt.Errorf("%w\nthe last sound frame could not be written: %v", err, e)
		} else if name != "" {
			err = fmt.Errorf("%w\nthe last sound frame is in %s", err, name)
		}
	}
	r.file.Error(err.Error())
	return err
}

// tooStrong says what may be done about a force above the limit.
func (r *runner) tooStrong(t *md.TroubleError) string {
	why := "a shorter dynamics.timestep_fs may help, or a model that has learned from such atoms"
	if t.Step == 0 {
		why = "it is there before the first step: look at the distances (`wigner info`), or relax the structure first (`wigner relax`)"
	}
	return fmt.Sprintf("dynamics.max_force_eV_A = %g is the limit: %s; where such forces are meant, raise it", t.Limit, why)
}

// console is where the tables go.
func (r *runner) console() io.Writer {
	if r.c.Rank() != 0 {
		return io.Discard
	}
	return r.a.stdout()
}

func (r *runner) close() {
	if r.thermo != nil && r.thermo.file != nil {
		r.thermo.file.Close()
	}
	if r.thermo != nil && r.thermo.log != nil {
		r.thermo.log.file.Close()
	}
	for _, d := range r.dumps {
		d.close()
	}
	r.folder.close()
}
