package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/io/extxyz"
	"github.com/wigner-md/wigner/train"
)

// readLabelled reads the structures of files, with what they say of energies, forces
// and stresses.
func readLabelled(c *input.Train, files []string, dir, key string) ([]*train.Structure, error) {
	d := &c.Data
	weights := map[string]float64{}
	for _, w := range d.Weight {
		weights[w.Type] = w.Weight
	}
	var out []*train.Structure
	for _, name := range files {
		name = beside(name, dir)
		frames, err := readFrames(name)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		labels := 0
		for n, f := range frames {
			s, err := labelled(c, f)
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %s: %w", name, f.Line, frameName(n), err)
			}
			s.Source, s.Frame = fmt.Sprintf("%s:%d", name, f.Line), n
			s.Weight = 1
			if w, ok := weights[s.Type]; ok {
				s.Weight = w
			}
			if s.Energy == s.Energy || s.Forces != nil || s.Target != nil {
				labels++
			}
			out = append(out, s)
		}
		if labels == 0 && c.Model.Tensor() {
			return nil, fmt.Errorf("%s: no frame of %s has a %s: set data.dipole_key or data.pseudoscalar_key to its key", key, name, c.Model.Gives())
		}
		if labels == 0 {
			return nil, fmt.Errorf("%s: no frame of %s has an energy %q or forces %q: set data.energy_key and data.force_key to its keys", key, name, d.EnergyKey, d.ForceKey)
		}
	}
	return out, nil
}

// missingLabels looks for labels that the loss weighs, now or in a later stage, and no
// structure has. A key that the config sets is then wrong; one left at its default is
// worth a warning.
func missingLabels(c *input.Train, list []*train.Structure) (warnings []string, err error) {
	if c.Model.Tensor() {
		return nil, nil
	}
	given := [3]bool{}
	for _, s := range list {
		given[0] = given[0] || !math.IsNaN(s.Energy)
		given[1] = given[1] || s.Forces != nil
		for _, row := range s.Stress {
			for _, x := range row {
				given[2] = given[2] || !math.IsNaN(x)
			}
		}
	}
	weighed := [3]bool{}
	for _, l := range c.Losses() {
		for k, w := range []float64{l.Energy, l.Force, l.Stress} {
			weighed[k] = weighed[k] || w > 0
		}
	}
	d, normal := &c.Data, input.DefaultTrain().Data
	for k, l := range []struct{ what, key, value, normal, weight string }{
		{"an energy", "energy_key", d.EnergyKey, normal.EnergyKey, "energy"},
		{"forces", "force_key", d.ForceKey, normal.ForceKey, "force"},
		{"a stress (with a cell)", "stress_key", d.StressKey, normal.StressKey, "stress"},
	} {
		if given[k] || !weighed[k] {
			continue
		}
		msg := fmt.Sprintf("data.%s: no frame of data.train has %s %q: set it to the key of the files, or loss.%s, also of stages, to 0", l.key, l.what, l.value, l.weight)
		if l.value != l.normal {
			return nil, errors.New(msg)
		}
		warnings = append(warnings, msg)
	}
	return warnings, nil
}

// weighed refuses sets that weigh nothing in the loss of a part of the training, which would
// learn, or be chosen by, nothing, and what needs validation where there is none.
func (t *training) weighed() error {
	d, c := &t.cfg.Data, t.cfg
	apart := "data.valid_fraction: the part of data.train that is set apart"
	if len(d.Valid) > 0 {
		apart = "data.valid"
	}
	for _, set := range []struct {
		name string
		list []*train.Structure
	}{{"data.train", t.train}, {apart, t.valid}} {
		if len(set.list) == 0 {
			continue
		}
		n := train.Labels(set.list)
		if c.Model.Tensor() {
			if n[3] == 0 {
				return fmt.Errorf("%s: data.weight: no structure of %s has a %s and a weight above 0", t.config, set.name, c.Model.Gives())
			}
			continue
		}
		for stage, l := range c.Losses() {
			if l.Energy*n[0]+l.Force*n[1]+l.Stress*n[2] > 0 {
				continue
			}
			where := "[loss]"
			if stage > 0 {
				where = fmt.Sprintf("stage %d", stage)
			}
			return fmt.Errorf("%s: %s: no structure has a label that %s weighs (energy %g × %g labels, force %g × %g, stress %g × %g, labels × data.weight): nothing could be %s by it",
				t.config, set.name, where, l.Energy, n[0], l.Force, n[1], l.Stress, n[2], map[bool]string{true: "learnt", false: "chosen"}[set.name == "data.train"])
		}
	}
	if len(t.valid) > 0 || t.family.least {
		return nil
	}
	if c.Training.Patience > 0 {
		return fmt.Errorf("%s: training.early_stop: there are no validation structures to stop by: give data.valid or data.valid_fraction", t.config)
	}
	plateau := c.Optimizer.Schedule == "plateau"
	for _, s := range c.Stage {
		plateau = plateau || s.Rate > 0 && s.Schedule == "plateau"
	}
	if plateau {
		return fmt.Errorf("%s: optimizer.schedule: there are no validation structures to see a plateau by: give data.valid or data.valid_fraction", t.config)
	}
	return nil
}

// knownElements refuses structures with an element that the model does not know.
func knownElements(key string, list []*train.Structure, supports func(z int) bool) error {
	for _, s := range list {
		for _, z := range s.Z {
			if !supports(z) {
				return fmt.Errorf("%s: %s: %s has %s, which the model does not know: leave the frame out, or train on structures with %[4]s", key, s.Source, frameName(s.Frame), element.Symbol(z))
			}
		}
	}
	return nil
}

// readFrames reads all frames of a file.
func readFrames(name string) ([]*extxyz.Frame, error) {
	r, err := openFrames(name, "", nil)
	if err != nil {
		return nil, err
	}
	defer r.close()
	var out []*extxyz.Frame
	for {
		f, err := r.next()
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
}

// labelled takes a frame's structure and labels.
func labelled(c *input.Train, f *extxyz.Frame) (*train.Structure, error) {
	d := &c.Data
	s := &train.Structure{Cell: f.Cell, Periodic: f.PBC, X: f.X, Energy: math.NaN()}
	for _, z := range f.Z {
		s.Z = append(s.Z, int(z))
	}
	if t, ok := f.Get(d.TypeKey); ok {
		s.Type = t.Value
	}
	nan := math.NaN()
	s.Stress = [3][3]float64{{nan, nan, nan}, {nan, nan, nan}, {nan, nan, nan}}
	if c.Model.Tensor() {
		return s, labelTarget(c, f, s)
	}
	if e, ok := f.Get(d.EnergyKey); ok {
		x, err := labelNumbers(e.Value, 1)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.EnergyKey, err)
		}
		s.Energy = x[0]
	}
	if c := f.Column(d.ForceKey); c != nil {
		if c.Type != extxyz.Real || c.Width != 3 {
			return nil, fmt.Errorf("column %s is %c:%d, not R:3", d.ForceKey, c.Type, c.Width)
		}
		s.Forces = c.Vectors()
	}
	if t, ok := f.Get(d.StressKey); ok && f.HasCell {
		x, err := labelNumbers(t.Value, 9, 6)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", d.StressKey, err)
		}
		if len(x) == 6 {
			x = []float64{x[0], x[5], x[4], x[5], x[1], x[3], x[4], x[3], x[2]}
		}
		for k := range 9 {
			if !d.Shear || k/3 != k%3 {
				s.Stress[k/3][k%3] = x[k]
			}
		}
	}
	return s, nil
}

// labelNumbers reads a list of so many numbers.
func labelNumbers(text string, counts ...int) ([]float64, error) {
	words := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t,[]", r) })
	for _, n := range counts {
		if len(words) != n {
			continue
		}
		out := make([]float64, n)
		for k, w := range words {
			var err error
			if out[k], err = strconv.ParseFloat(w, 64); err != nil {
				return nil, fmt.Errorf("%q is not a number", w)
			}
			if math.IsInf(out[k], 0) {
				return nil, fmt.Errorf("%q is not finite", w)
			}
		}
		return out, nil
	}
	return nil, fmt.Errorf("%d numbers in %q; wanted are %v", len(words), text, counts)
}
