package main

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/pair"
	"github.com/wigner-md/wigner/potential/sum"
	"github.com/wigner-md/wigner/train"
)

func (a *app) trainCmd() *cobra.Command {
	var t training
	var resume, force bool
	cmd := &cobra.Command{
		Use:   "train CONFIG.toml [section.key=value …]",
		Short: "Train a model, or go on training one",
		Long: `train fits a model, of the kind that [model] says, to energies, forces and stresses,
and writes NAME.wigner, which every other verb takes as a model.

The folder gets the effective config, epochs.csv, the model that validated best, a
state that --resume goes on from to the last bit, and at the end a report on the
test structures. SIGINT, SIGTERM, SIGUSR1 and SIGHUP end a training after its state has
been written, with exit status 75. The structures of a step are dealt to the ranks;
results do not depend on their number beyond rounding.

Keys:
` + keyLines(input.TrainRows()),
		Example: `  wigner train configs/train/molybdenum.toml
  wigner train configs/train/molybdenum.toml training.epochs=20 output.dir=runs/short --ranks 2
  wigner train configs/train/molybdenum.toml --resume`,
		Args: cobra.MinimumNArgs(1),
	}
	cmd.RunE = a.verb(func(args []string) error {
		if err := ranksGiven(cmd, t.ranks); err != nil {
			return err
		}
		if resume && force {
			return usagef("--resume and --force exclude each other")
		}
		t.config, t.sets, t.resume, t.force = args[0], args[1:], resume, force
		return a.train(&t)
	})
	f := cmd.Flags()
	f.IntVar(&t.ranks, "ranks", 0, "ranks in this process (default: the usable cores; 1 under a launcher)")
	f.BoolVar(&resume, "resume", false, "go on from the state in the folder")
	f.IntVar(&t.most, "stop-after", 0, "stop after so many epochs of this run, as a signal does")
	f.Float64Var(&t.hours, "max-hours", 0, "stop after so many hours, as a signal does")
	f.BoolVar(&force, "force", false, "start over in a folder that holds a training")
	return cmd
}

// training is what the ranks of a process share.
type training struct {
	config        string
	sets          []string
	ranks         int
	resume, force bool
	most          int     // epochs of this run; 0: all
	hours         float64 // 0: no limit

	cfg                *input.Train
	train, valid, test []*train.Structure
	prints             fingerprints
	rest               []*train.Structure // train less a fixed repulsion: what a new model is normalised by
	warnings           []string
	family             *family
	network            map[any]any       // configuration of the model
	first              potential.Weights // its first weights
	init               *modelFile        // what it began with; nil: nothing
	begins             []string          // its files
	notes              trainNotes
	stops              stopper
	halt               atomic.Bool
}

// RequestStop is part of stoppable.
func (t *training) RequestStop() { t.halt.Store(true) }

// RequestSave is part of stoppable: states are saved every save_every epochs anyway.
func (t *training) RequestSave() {}

func (a *app) train(t *training) error {
	t.stops.listen()
	defer t.stops.close()
	t.stops.watch(t)
	if t.hours > 0 {
		timer := time.AfterFunc(time.Duration(t.hours*float64(time.Hour)), func() { t.stops.stop("--max-hours") })
		defer timer.Stop()
	}
	return a.processes(func(p *process) error {
		if err := p.each(t.read); err != nil {
			return err
		}
		return p.ranks(t.ranks, 0, func(j *job, c comm.Comm) error {
			return a.trainRank(t, j, c)
		})
	})
}

// read reads config, data and first weights, in every process.
func (t *training) read() (err error) {
	if t.cfg, err = input.ReadTrainFile(t.config, t.sets); err != nil {
		return usage(err)
	}
	d, dir := &t.cfg.Data, filepath.Dir(t.config)
	if t.train, err = readLabelled(t.cfg, d.Train, dir, "data.train"); err != nil {
		return usage(err)
	}
	if t.valid, err = readLabelled(t.cfg, d.Valid, dir, "data.valid"); err != nil {
		return usage(err)
	}
	if t.test, err = readLabelled(t.cfg, d.Test, dir, "data.test"); err != nil {
		return usage(err)
	}
	if t.warnings, err = missingLabels(t.cfg, t.train); err != nil {
		return usagef("%s: %w", t.config, err)
	}
	if len(t.valid) == 0 && d.ValidFraction > 0 {
		t.train, t.valid = train.Split(t.train, d.ValidFraction, uint64(t.cfg.Training.Seed))
	}
	if len(t.train) == 0 {
		return usagef("%s: data: no training structures are left", t.config)
	}
	t.prints.train, t.prints.valid = printOf(t.train), printOf(t.valid)
	t.train = train.Turned(t.train, d.Copies, uint64(t.cfg.Training.Seed))
	if err = t.start(); err != nil {
		return usage(err)
	}
	if t.family.double {
		t.cfg.Training.Precision = "float64"
	}
	return usage(t.weighed())
}

// start makes the first weights: of a model, or new ones normalised by the data.
func (t *training) start() error {
	m := &t.cfg.Model
	if m.First() != "" {
		key := m.FirstKey()
		file, err := t.begin()
		if err != nil {
			return fmt.Errorf("%s: %s: %w", t.config, key, err)
		}
		t.first, t.init, t.prints.init = file.weights, file, printOfModel(file)
		if t.network, err = addCore(file.config, m); err != nil {
			return err
		}
		if t.family, err = familyNamed(file.family); err == nil && t.family.trainee == nil {
			err = fmt.Errorf("models of the family %s are not trained here", t.family.name)
		}
		if err != nil {
			return fmt.Errorf("%s: %s: %w", key, file.path, err)
		}
		if t.family.least && t.cfg.Training.Epochs == 0 {
			return fmt.Errorf("%s: training.epochs: a model of the family %s is fitted without epochs, 0 of them would be a new fit: leave it out", t.config, t.family.name)
		}
		if m.Kind != "" && m.Kind != file.family {
			return fmt.Errorf("model.kind: %s is of the kind %q", file.path, file.family)
		}
		if err := t.kind(file.family); err != nil {
			return err
		}
		src, err := t.family.open(file, variant{precision: "float64"})
		if err != nil {
			return fmt.Errorf("%s: %s: %w", key, file.path, err)
		}
		if src.gives() != m.Gives() {
			return fmt.Errorf("model.output: %s gives %s, wanted is %s", file.path, src.gives(), m.Gives())
		}
		for _, z := range train.Elements(t.train) {
			if !src.Supports(z) {
				return fmt.Errorf("%s: %s does not know %s, which the training structures have", key, file.path, element.Symbol(z))
			}
		}
		return nil
	}
	var err error
	if t.family, err = familyNamed(m.Family()); err != nil {
		return fmt.Errorf("%s: model.kind: %w", t.config, err)
	}
	if t.rest, err = t.remainder(m); err != nil {
		return err
	}
	if t.network, t.first, err = t.family.design(t); err != nil {
		return err
	}
	t.network, err = addCore(t.network, m)
	return err
}

// begin is the model that training begins with.
func (t *training) begin() (f *modelFile, err error) {
	m := &t.cfg.Model
	if len(m.Members) == 0 {
		if f, err = openModelFile(m.Init); err == nil {
			t.begins = []string{f.path}
		}
		return f, err
	}
	var configs []map[any]any
	var weights []potential.Weights
	var fam *family
	for _, name := range m.Members {
		if f, err = openModelFile(name); err != nil {
			return nil, err
		}
		t.begins = append(t.begins, f.path)
		if fam, err = familyNamed(f.family); err == nil && fam.committee == nil {
			err = fmt.Errorf("models of the family %s cannot be joined", fam.name)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.path, err)
		}
		configs, weights = append(configs, f.config), append(weights, f.weights)
	}
	joined := &modelFile{path: m.First(), family: fam.name}
	if joined.config, joined.weights, err = fam.committee(configs, weights); err != nil {
		return nil, fmt.Errorf("%s: %w", strings.Join(m.Members, ", "), err)
	}
	return joined, nil
}

// kind checks the configuration once more, with the kind of model.init where it does not say it.
func (t *training) kind(name string) error {
	if t.cfg.Model.Kind != "" {
		return nil
	}
	cfg, err := input.ReadTrainFile(t.config, append(slices.Clone(t.sets), "model.kind="+name))
	if err == nil {
		cfg.Model.Kind = ""
		t.cfg = cfg
	}
	return err
}

// remainder is what the model has to learn: the structures less the fixed repulsion.
func (t *training) remainder(m *input.Network) ([]*train.Structure, error) {
	if m.CoreCutoff == 0 {
		return t.train, nil
	}
	c, err := pair.NewZBL(train.Elements(t.train), m.CoreSwitch, m.CoreCutoff)
	if err != nil {
		return nil, err
	}
	return train.Remainder(t.train, c.Evaluator(), max(m.Cutoff, m.CoreCutoff))
}

// reference are the energies of the elements.
func (t *training) reference(elements []int) ([]float64, error) {
	d := &t.cfg.Data
	switch d.Reference {
	case "isolated":
		return train.Isolated(t.rest, elements)
	case "fit":
		return train.FitReference(t.rest, elements)
	}
	out := make([]float64, len(elements))
	for k, z := range elements {
		e, ok := d.Energies[element.Symbol(z)]
		if !ok {
			return nil, fmt.Errorf("%s: data.reference_eV has no energy of %s", t.config, element.Symbol(z))
		}
		out[k] = e
	}
	return out, nil
}

// trainRank is collective: one rank's part of a training.
func (a *app) trainRank(t *training, j *job, c comm.Comm) error {
	if t.family.least && t.most > 0 {
		return usagef("--stop-after: a fit by least squares has no epochs")
	}
	net, err := t.family.trainee(t.network, t.first, t.cfg.Training.Precision)
	if err := agree(c, err); err != nil {
		return usage(err)
	}
	step := train.Step32
	if t.cfg.Training.Precision == "float64" {
		step = train.Step64
	}
	if err := errors.Join(knownElements("data.valid", t.valid, net.Supports), knownElements("data.test", t.test, net.Supports)); err != nil {
		return usage(err)
	}
	r := &trainer{training: t, a: a, c: c, net: net}
	whole := potential.Trainable(net)
	core, err := coreOf(t.network, net.Supports)
	if err := agree(c, err); err != nil {
		return err
	}
	if core != nil {
		whole = sum.NewTrainable(net, core.Evaluator())
	}
	if r.fit, err = train.NewFit(c, whole, t.learnt(), t.valid, t.options(step)); err != nil {
		return usage(err)
	}
	if err := r.near(net.Closest(), whole.Cutoff()); err != nil {
		return usage(err)
	}
	defer r.close()
	done, err := r.open(j)
	if err != nil || done {
		return err
	}
	work := r.epochs
	if t.family.least {
		work = r.least
	}
	if err := work(); err != nil {
		return err
	}
	return r.finish()
}

// learnt are the structures of an epoch: those of weight 0 cost no time. A fit by least
// squares may choose points of reference among them.
func (t *training) learnt() []*train.Structure {
	if t.family.least {
		return t.train
	}
	return slices.DeleteFunc(slices.Clone(t.train), func(s *train.Structure) bool { return s.Weight == 0 })
}

// near refuses structures with atoms closer than the radial table begins.
func (r *trainer) near(closest, cutoff float64) error {
	for _, list := range [][]*train.Structure{r.train, r.valid, r.training.test} {
		for _, s := range list {
			d, err := train.Shortest([]*train.Structure{s}, cutoff)
			if err != nil {
				return err
			}
			if d < closest {
				return fmt.Errorf("%s: two atoms are %.3f Å apart, closer than the %.2f Å at which radial functions begin: leave the structure out", s.Source, d, closest)
			}
		}
	}
	return nil
}

func lossOf(l input.TrainLoss) train.Loss {
	return train.Loss{Energy: l.Energy, Force: l.Force, Stress: l.Stress,
		HuberEnergy: l.HuberEnergy, HuberForce: l.HuberForce, HuberStress: l.HuberStress}
}

// options are the training's in the words of package train.
func (t *training) options(step float64) train.Options {
	c := t.cfg
	o, losses := &c.Optimizer, c.Losses()
	first := train.Stage{
		Loss:     lossOf(losses[0]),
		Schedule: train.Schedule{Kind: o.Schedule, Rate: o.Rate, Final: o.Final, Warmup: o.Warmup, Factor: o.Factor, Patience: o.Patience},
	}
	stages := []train.Stage{first}
	for n, s := range c.Stage {
		next := stages[len(stages)-1]
		next.From, next.Schedule, next.Loss = s.From, train.Schedule{}, lossOf(losses[n+1])
		if s.Rate > 0 {
			next.Schedule = train.Schedule{Kind: s.Schedule, Rate: s.Rate, Final: s.Final, Factor: o.Factor, Patience: o.Patience}
		}
		stages = append(stages, next)
	}
	frozen := append(slices.Clone(t.family.frozen), c.Model.Frozen...)
	return train.Options{
		Epochs: c.Training.Epochs, Batch: c.Training.Batch, Seed: uint64(c.Training.Seed), Stages: stages,
		Adam: train.Adam{AMSGrad: o.AMSGrad, Decay: o.Decay}, Clip: o.Clip, EMA: o.EMA,
		Validate: c.Training.Validate, Patience: c.Training.Patience, Step: step, Stop: t.halt.Load,
		Frozen: func(name string) bool {
			for _, p := range frozen {
				if ok, _ := path.Match(p, name); ok {
					return true
				}
			}
			return false
		},
	}
}

// epochs is collective: the training itself.
func (r *trainer) epochs() error {
	each := int64(len(r.learnt()))
	bar := r.a.newBar(int64(r.cfg.Training.Epochs)*each, int64(r.fit.State.Epoch)*each)
	for first := r.fit.State.Epoch; !r.fit.Done(); {
		if r.most > 0 && r.fit.State.Epoch >= first+r.most {
			return r.stop("--stop-after")
		}
		start, from := time.Now(), int64(r.fit.State.Epoch)*each
		e, err := r.fit.Epoch(func(n int) {
			if bar != nil && r.c.Rank() == 0 {
				_ = bar.Set64(from + int64(n))
			}
		})
		if errors.Is(err, train.ErrStopped) {
			return r.stop(r.stops.reason())
		}
		if err != nil {
			return err
		}
		if err := r.tell(&e, time.Since(start)); err != nil {
			return err
		}
		if r.fit.State.Epoch%r.cfg.Training.Save == 0 || r.fit.Done() {
			if err := r.save(); err != nil {
				return err
			}
		}
	}
	if bar != nil {
		_ = bar.Clear()
	}
	return nil
}

// stop is collective: the state, and the status that says so.
func (r *trainer) stop(why string) error {
	if err := r.save(); err != nil {
		return err
	}
	return &statusError{exitStopped, fmt.Errorf("stopped (%s) after epoch %d; --resume goes on", why, r.fit.State.Epoch)}
}

// figure is an error in the units of a table: meV/atom, meV/Å, meV/Å³.
func figure(x float64) string {
	if math.IsNaN(x) {
		return "-"
	}
	return fmt.Sprintf("%.3f", 1000*x)
}

// modelPath is where the model goes.
func (t *training) modelPath() string {
	return filepath.Join(t.cfg.Output.Dir, t.cfg.Output.Name+modelExt)
}

// exists reports whether there is a file.
func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
