package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/train"
)

// family is a kind of model that wigner trains and keeps in files of its own. This file
// is the one place that knows them all.
type family struct {
	name string // in [model] kind and in files
	// open makes a potential of what a file holds.
	open func(f *modelFile, v variant) (*source, error)
	// design makes configuration and first weights of a new model from the data.
	design func(t *training) (map[any]any, potential.Weights, error)
	// trainee is the model in training, one rank's.
	trainee func(config map[any]any, w potential.Weights, precision string) (trainee, error)
	// tensors are the present weights, as a file has them. Parameters stand in for
	// those of the first weights.
	tensors func(p []potential.Param, first potential.Weights) potential.Weights
	// committee makes one model of several, nil where that cannot be.
	committee func(configs []map[any]any, w []potential.Weights) (map[any]any, *nequip.Tensors, error)

	single bool     // files have single precision
	double bool     // there is no single precision
	least  bool     // fitted by least squares, without epochs
	frozen []string // parameters that are never trained, by pattern
	heads  bool     // a model may have several
}

// trainee is a model in training.
type trainee interface {
	potential.Trainable
	// Closest is the distance, Å, below which two atoms may not stand.
	Closest() float64
}

// families are all, the default first.
func families() []*family {
	return []*family{nequipFamily(), maceFamily(), bpFamily(), naiveFamily(input.KindRaw), naiveFamily(input.KindDistances), soapFamily()}
}

// familyNamed finds a family; the error names those that there are.
func familyNamed(name string) (*family, error) {
	var names []string
	for _, f := range families() {
		if f.name == name {
			return f, nil
		}
		names = append(names, f.name)
	}
	return nil, fmt.Errorf("model family %q is not known; known are %s", name, strings.Join(names, ", "))
}

// nequipFamily are NequIP and SevenNet.
func nequipFamily() *family {
	return &family{
		name: input.KindNequIP, open: openNequIP, design: designNequIP, single: true,
		trainee: func(config map[any]any, w potential.Weights, precision string) (trainee, error) {
			if precision == "float64" {
				return nequip.NewTrainee[float64](config, w)
			}
			return nequip.NewTrainee[float32](config, w)
		},
		tensors: func(p []potential.Param, first potential.Weights) potential.Weights {
			return nequip.NewTensors(p, first)
		},
		frozen:    []string{"rescale_atomic_energy.*"},
		committee: nequip.Committee,
	}
}

func openNequIP(f *modelFile, v variant) (*source, error) {
	modals := nequip.Modals(f.config)
	if v.anyHead {
		v.modal = strings.Join(modals[:min(1, len(modals))], "")
	}
	m, err := nequip.ReadModal(f.config, f.weights, v.modal)
	if err != nil {
		return nil, err
	}
	s := &source{Family: m.Family(), Variant: variants(m, nequip.New64, nequip.New32Exact, nequip.New32), Cutoff: m.Cutoff(), Supports: supportsAny(m.Elements()),
		Gives: outputName(m.Output()), Describe: func(w io.Writer) { describeNequIP(w, m, modals) }}
	return s.with(v), nil
}

// designNequIP makes a new network, normalised by the data.
func designNequIP(t *training) (map[any]any, potential.Weights, error) {
	m := &t.cfg.Model
	irreps, err := o3.ParseIrreps(m.Features)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: model.features: %w", t.config, err)
	}
	st, err := train.Describe(t.rest, m.Cutoff)
	if err != nil {
		return nil, nil, err
	}
	if m.Tensor() { // sums over atoms from zero on, in the unit of the target
		st.Reference, st.Scale = make([]float64, len(st.Elements)), train.TargetSize(t.rest)
	} else if st.Reference, err = t.reference(st.Elements); err != nil {
		return nil, nil, err
	}
	design := nequip.Design{
		Elements: st.Elements, Features: irreps, Layers: m.Layers, LMax: m.LMax, Parity: m.Parity == nil || *m.Parity,
		Cutoff: m.Cutoff, Basis: m.Basis, Hidden: m.Radial, Power: m.Power,
		Neighbors: st.Neighbors, Shift: st.Reference, Seed: uint64(t.cfg.Training.Seed), Output: irrepOf(m.Gives()),
	}
	if design.LMax == 0 {
		design.LMax = irreps.LMax()
	}
	for range st.Elements {
		design.Scale = append(design.Scale, st.Scale)
	}
	config, w, err := design.New()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: model: %w", t.config, err)
	}
	return config, w, nil
}

// describeNequIP is what info says of a network.
func describeNequIP(w io.Writer, m *nequip.Model, modals []string) {
	row := rowsOf(w)
	row("family", "%s, written by version %s", m.Family(), m.Version())
	row("group", "%s", groupName(m.Group()))
	row("cutoff", "%g Å", m.Cutoff())
	row("parameters", "%d", m.Parameters())
	if o := m.Output(); o != nil {
		row("gives", "%s (%s), no energy", outputName(o), o)
	}
	row("elements", "%d: %s", len(m.Elements()), symbolList(m.Elements()))
	if len(modals) > 0 {
		row("modalities", "%s", strings.Join(modals, " "))
	}
	work := nequip.New32(m).Work()
	of := func(atoms, edges float64) float64 {
		return (work.Forward.Of(atoms, edges) + work.Head.Of(atoms, edges) + work.Backward.Of(atoms, edges)) / 1e3
	}
	row("cost", "%.3g thousand operations per atom and %.3g per neighbour of it, each step", of(1, 0), of(0, 1))
	fmt.Fprintf(w, "\nlayer  paths  radial weights  features in → messages → features out\n")
	for t, l := range m.Layers() {
		fmt.Fprintf(w, "%5d  %5d  %14d  %s → %s → %s\n", t, l.Paths, l.Weights, l.In, l.Message, l.Out)
	}
	describeTables(w, m.RadialErrors(), m.Tabulated())
}

// rowsOf writes what info says, a row at a time.
func rowsOf(w io.Writer) func(key, format string, args ...any) {
	return func(key, format string, args ...any) { fmt.Fprintf(w, "%-12s %s\n", key, fmt.Sprintf(format, args...)) }
}

// describeTables is what info says of a network's radial tables.
func describeTables(w io.Writer, layers []kernel.TableError, used bool) {
	fmt.Fprintf(w, "\nradial tables of float32 (error relative to the root mean square)\nlayer  intervals  from/Å      value      slope\n")
	for t, e := range layers {
		fmt.Fprintf(w, "%5d  %9d  %6.3f  %9.1e  %9.1e\n", t, e.Intervals, e.Min, e.Value, e.Slope)
	}
	if !used {
		fmt.Fprintln(w, "These tables deviate by more than 1e-5: they are not used, the radial network is evaluated for every edge (slow).")
	}
}

// symbolList are elements by their symbols.
func symbolList(zs []int) string {
	var symbols []string
	for _, z := range zs {
		symbols = append(symbols, element.Symbol(z))
	}
	return strings.Join(symbols, " ")
}

// openFile makes a potential of a model file, with the name that it was asked for by.
func openFile(file *modelFile, name string, v variant) (*source, error) {
	f, err := familyNamed(file.family)
	if err != nil {
		return nil, usagef("%s: %w", file.path, err)
	}
	if v.head != "" && !f.heads {
		return nil, usagef("head %q: the family %s of %s has no heads", v.head, f.name, file.path)
	}
	if v.modal != "" && f.name != input.KindNequIP {
		return nil, usagef("modal %q: the family %s of %s has no modalities", v.modal, f.name, file.path)
	}
	if f.double && (v.radial != "" || v.memory != "") {
		return nil, usagef("model %s: it is of the kind %q: radial and memory belong to nequip", file.path, f.name)
	}
	s, err := f.open(file, v)
	if err != nil {
		return nil, usage(fmt.Errorf("model %s: %w", file.path, err))
	}
	s.Name, s.Files = filepath.Base(name), []string{file.path}
	core, err := coreOf(file.config, s.Supports)
	if err != nil {
		return nil, fmt.Errorf("model %s: %w", file.path, err)
	}
	return s.withCore(core), nil
}
