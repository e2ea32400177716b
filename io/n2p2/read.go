package n2p2

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/wigner-md/wigner/internal/element"
)

// Names of the files of a folder.
const (
	SettingsName = "input.nn"
	ScalingName  = "scaling.data"
)

// WeightsName is the file of an element's network.
func WeightsName(z int) string { return fmt.Sprintf("weights.%03d.data", z) }

// Is reports whether a path is a folder with an input.nn, or such a file.
func Is(path string) bool {
	info, err := os.Stat(path)
	if err != nil {
		return false
	}
	if !info.IsDir() {
		return filepath.Base(path) == SettingsName || filepath.Ext(path) == filepath.Ext(SettingsName)
	}
	info, err = os.Stat(filepath.Join(path, SettingsName))
	return err == nil && !info.IsDir()
}

// Read reads a potential of a folder, or of its input.nn. files are all that were read.
func Read(path string) (p *Potential, files []string, err error) {
	dir, name := path, SettingsName
	if info, err := os.Stat(path); err != nil {
		return nil, nil, err
	} else if !info.IsDir() {
		dir, name = filepath.Split(path)
	}
	open := func(name string) (file, text string, err error) {
		file = filepath.Join(dir, name)
		b, err := os.ReadFile(file)
		files = append(files, file)
		return file, string(b), err
	}
	file, text, err := open(name)
	if err != nil {
		return nil, nil, err
	}
	s, err := parseSettings(file, text)
	if err != nil {
		return nil, nil, err
	}
	if s.Scaling != ScaleNone {
		if file, text, err = open(ScalingName); err != nil {
			return nil, nil, err
		}
		if err := s.parseScaling(file, text); err != nil {
			return nil, nil, err
		}
	}
	for k := range s.Elements {
		e := &s.Elements[k]
		if file, text, err = open(WeightsName(e.Z)); err != nil {
			return nil, nil, err
		}
		if err := s.parseWeights(file, text, e); err != nil {
			return nil, nil, err
		}
	}
	return &s.Potential, files, nil
}

// parseScaling reads scaling.data: a line for each function of each element.
func (s *settings) parseScaling(file, text string) (err error) {
	defer catch(&err)
	r := &reader{file: file}
	all := lines(text)
	for k := range s.Elements {
		e := &s.Elements[k]
		for n := range e.Functions {
			f := &e.Functions[n]
			if len(all) == 0 {
				r.line = line{}
				r.fail("it ends before function %d of %s", n+1, element.Symbol(e.Z))
			}
			r.line, all = all[0], all[1:]
			if len(r.line.words) < 5 {
				r.fail("%d numbers; function %d of %s needs element, function, minimum, maximum and mean", len(r.line.words), n+1, element.Symbol(e.Z))
			}
			if r.integer(0, 118) != k+1 || r.integer(1, 1<<30) != n+1 {
				r.fail("element %s, function %s: expected are %d and %d", r.word(0), r.word(1), k+1, n+1)
			}
			f.Min, f.Max, f.Mean = r.number(2), r.number(3), r.number(4)
			if len(r.line.words) > 5 {
				f.Sigma = r.number(5)
			}
			switch s.Scaling {
			case ScaleRange, ScaleRangeCenter:
				if f.Max <= f.Min {
					r.fail("the maximum %g is not above the minimum %g", f.Max, f.Min)
				}
			case ScaleSigma:
				if f.Sigma <= 0 {
					r.fail("sigma is %g: it must be above 0", f.Sigma)
				}
			}
		}
	}
	for _, l := range all { // RuNNer ends with the range of the energies
		if r.line = l; len(l.words) > 2 {
			r.fail("more lines than there are functions")
		}
	}
	return nil
}

// parseWeights reads weights.NNN.data: for each layer the weights, inputs outside, and
// then the biases.
func (s *settings) parseWeights(file, text string, e *Element) (err error) {
	defer catch(&err)
	r := &reader{file: file}
	all := lines(text)
	widths := append(append([]int{len(e.Functions)}, s.nodes...), 1)
	want := 0
	for k := range widths[1:] {
		want += (widths[k] + 1) * widths[k+1]
	}
	if len(all) != want {
		r.fail("%d numbers; the network %v of %s has %d", len(all), widths, element.Symbol(e.Z), want)
	}
	take := func(n int, kind string) []float64 {
		out := make([]float64, n)
		for k := range out {
			r.line, all = all[0], all[1:]
			out[k] = r.number(0)
			if len(r.line.words) > 1 && r.line.words[1] != kind {
				r.fail("%q where a number of the kind %q is expected", r.line.words[1], kind)
			}
		}
		return out
	}
	e.Layers = nil
	for k := range widths[1:] {
		l := Layer{In: widths[k], Out: widths[k+1], Activation: s.activations[k][0]}
		l.W = take(l.In*l.Out, "a")
		l.B = take(l.Out, "b")
		e.Layers = append(e.Layers, l)
	}
	return nil
}
