package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/io/model"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/train"
)

// fingerprints are SHA-256 sums of what a training begins with: of the structures as they were
// read, and of model.init. The first weights of a new model follow from settings and structures.
type fingerprints struct{ train, valid, init string }

// hasher takes numbers and texts; the length of each list is part of it.
type hasher struct{ hash.Hash }

func (d hasher) numbers(x ...float64) {
	d.count(len(x))
	for _, v := range x {
		if v != v {
			v = math.NaN() // of one pattern of bits
		}
		fmt.Fprintf(d, "%016x", math.Float64bits(v))
	}
}

func (d hasher) count(n int) { fmt.Fprintf(d, "%d,", n) }

func (d hasher) text(s string) {
	d.count(len(s))
	_, _ = d.Write([]byte(s))
}

func (d hasher) vectors(x [][3]float64) {
	d.count(len(x))
	for _, v := range x {
		d.numbers(v[:]...)
	}
}

func (d hasher) sum() string { return hex.EncodeToString(d.Sum(nil)) }

// printOf is the sum of structures with their labels and weights, in their order.
func printOf(list []*train.Structure) string {
	d := hasher{sha256.New()}
	for _, s := range list {
		d.vectors(s.Cell[:])
		for k, z := range s.Z {
			d.count(z)
			d.numbers(s.X[k][:]...)
		}
		d.text(fmt.Sprint(s.Periodic))
		d.numbers(s.Energy, s.Weight)
		d.vectors(s.Forces)
		d.vectors(s.Stress[:])
		d.numbers(s.Target...)
	}
	return d.sum()
}

// printOfModel is the sum of a model's configuration and tensors.
func printOfModel(f *modelFile) string {
	d := hasher{sha256.New()}
	d.text(f.family + fmt.Sprint(f.config))
	for _, name := range f.weights.Names() {
		_, x, _ := potential.Tensor64(f.weights, name)
		d.text(name)
		d.numbers(x...)
	}
	return d.sum()
}

// save is collective: the state, and the model as it is best so far.
func (r *trainer) save() error {
	var err error
	if r.c.Rank() == 0 {
		if err = model.Write(r.folder.path(stateName), r.state()); err == nil {
			err = r.writeModel()
		}
	}
	return agree(r.c, err)
}

// state is a training's state as a file.
func (r *trainer) state() *model.File {
	s := &r.fit.State
	settings := map[any]any{}
	for _, x := range r.cfg.Trajectory(s.Stage) {
		settings[x.Key] = x.Value
	}
	f := &model.File{Family: "training", Config: map[any]any{
		"epoch": s.Epoch, "stage": s.Stage, "since": s.Since, "step": s.Adam.T,
		"plateau_worse": s.Schedule.Worse, "structures": len(r.train),
		"sha256": map[any]any{"data.train": r.prints.train, "data.valid": r.prints.valid, "model.init": r.prints.init}, "settings": settings,
	}}
	for _, t := range []struct {
		name string
		x    []float64
	}{
		{"theta", s.Theta}, {"ema", s.EMA}, {"best", s.BestTheta}, {"adam_m", s.Adam.M}, {"adam_v", s.Adam.V}, {"adam_vmax", s.Adam.VMax},
		{"numbers", []float64{s.BestError, s.Schedule.Scale, s.Schedule.Best}}, // here, since they may be infinite
	} {
		if t.x != nil {
			f.Tensors = append(f.Tensors, model.Tensor{Name: t.name, Shape: []int{len(t.x)}, Data: t.x})
		}
	}
	return f
}

// restore is collective: every rank takes over the state that rank 0 finds in the folder.
func (r *trainer) restore() error {
	first := r.c.Rank() == 0
	if r.family.least {
		if first {
			r.a.log.Info("a fit by least squares has no state to go on from: it is made again")
		}
		return nil
	}
	path := filepath.Join(r.cfg.Output.Dir, stateName)
	var text []byte
	var err error
	if first {
		if text, err = os.ReadFile(path); errors.Is(err, os.ErrNotExist) {
			r.a.log.Info(fmt.Sprintf("%s holds no state: the training starts with epoch 1", r.cfg.Output.Dir))
			text, err = nil, os.RemoveAll(r.folder.path(epochsName))
		}
	}
	if err := agree(r.c, err); err != nil {
		return err
	}
	all, err := comm.Share(r.c, 0, string(text))
	if err != nil || all == "" {
		return err
	}
	f, err := model.Decode([]byte(all))
	if err == nil {
		err = r.resumed(f)
	}
	if err != nil {
		err = usagef("%s: %w", path, err)
	} else if first {
		r.a.log.Info(fmt.Sprintf("resumed after epoch %d", r.fit.State.Epoch))
		err = cutEpochs(r.folder.path(epochsName), r.fit.State.Epoch)
	}
	return agree(r.c, err)
}

// resumed puts the state of a file in place, unless it is that of another training.
func (r *trainer) resumed(f *model.File) error {
	integer := func(key string) int {
		n, _ := f.Config[key].(int64)
		return int(n)
	}
	if f.Family != "training" {
		return fmt.Errorf("this is no state of a training, but a model of the family %q", f.Family)
	}
	s := train.State{Epoch: integer("epoch"), Stage: integer("stage"), Since: integer("since"), Schedule: r.fit.State.Schedule}
	if s.Stage < 0 || s.Stage >= len(r.fit.Stages) {
		return fmt.Errorf("stage: the saved state is in stage %d, and the configuration has %d", s.Stage, len(r.fit.Stages)-1)
	}
	if err := r.sameTraining(f, &s); err != nil {
		return fmt.Errorf("%w; --resume goes on with the same training (docs/training.md says what may change); model.init goes on from a model with other data or settings, --force starts over", err)
	}
	for k := s.Stage; k > 0; k-- {
		if r.fit.Stages[k].Schedule.Rate > 0 {
			s.Schedule = r.fit.Stages[k].Schedule
			break
		}
	}
	s.Schedule.Worse, s.Adam.T = integer("plateau_worse"), int64(integer("step"))
	for _, t := range f.Tensors {
		switch t.Name {
		case "theta":
			s.Theta = t.Data
		case "ema":
			s.EMA = t.Data
		case "best":
			s.BestTheta = t.Data
		case "adam_m":
			s.Adam.M = t.Data
		case "adam_v":
			s.Adam.V = t.Data
		case "adam_vmax":
			s.Adam.VMax = t.Data
		case "numbers":
			if len(t.Data) != 3 {
				return fmt.Errorf("%d numbers instead of 3", len(t.Data))
			}
			s.BestError, s.Schedule.Scale, s.Schedule.Best = t.Data[0], t.Data[1], t.Data[2]
		}
	}
	return r.fit.Resume(s)
}

// sameTraining refuses the state of a training with other settings or data, by the name of what differs.
func (r *trainer) sameTraining(f *model.File, s *train.State) error {
	settings, ok := f.Config["settings"].(map[any]any)
	sums, also := f.Config["sha256"].(map[any]any)
	if !ok || !also {
		return fmt.Errorf("the state is of an earlier version of the program, which did not keep what it was made from")
	}
	normal := input.DefaultTrain()
	defaults := map[string]string{}
	for _, x := range normal.Trajectory(0) {
		defaults[x.Key] = x.Value
	}
	for _, x := range r.cfg.Trajectory(s.Stage) {
		was, ok := settings[x.Key].(string)
		if !ok { // a key that came after the state
			was = defaults[x.Key]
		}
		if was != x.Value {
			return fmt.Errorf("%s was %s, here it is %s", x.Key, cmp.Or(was, "not set"), x.Value)
		}
	}
	for k, stage := range r.cfg.Stage {
		if k >= s.Stage && stage.From < s.Epoch {
			return fmt.Errorf("stage %d: from_epoch = %d lies before epoch %d, which was the last", k+1, stage.From, s.Epoch)
		}
	}
	for _, x := range []struct{ of, key, sum, what string }{
		{"model.init", r.cfg.Model.FirstKey(), r.prints.init, "first weights"},
		{"data.train", "data.train", r.prints.train, "training structures"}, {"data.valid", "data.valid", r.prints.valid, "validation structures"}} {
		if was, _ := sums[x.of].(string); was != x.sum {
			return fmt.Errorf("%s: the %s are not those of the state, or their order or labels are not (SHA-256 %.8s…, here %.8s…)", x.key, x.what, cmp.Or(was, "none"), cmp.Or(x.sum, "none"))
		}
	}
	return nil
}

// cutEpochs leaves the lines of the first n epochs.
func cutEpochs(path string, n int) error {
	file, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		return err
	}
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+epochsName+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	w := csv.NewWriter(tmp)
	for k, row := range rows {
		if e, err := strconv.Atoi(row[0]); k == 0 || err == nil && e <= n {
			if err := w.Write(row); err != nil {
				return err
			}
		}
	}
	w.Flush()
	if err := w.Error(); err != nil {
		return err
	}
	if err := tmp.Chmod(0o644); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
