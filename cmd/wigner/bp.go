package main

import (
	"fmt"
	"path/filepath"
	"slices"

	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/io/n2p2"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/bp"
	"github.com/wigner-md/wigner/train"
)

// bpFamily are Behler–Parrinello networks.
func bpFamily() *family {
	return &family{
		name: input.KindBP, double: true, open: openBP, design: designBP, tensors: tensorsOf,
		trainee: func(config map[any]any, w potential.Weights, _ string) (trainee, error) {
			return bp.NewTrainee(config, w)
		},
	}
}

func openBP(f *modelFile, v variant) (*source, error) {
	s, err := bp.Read(f.config, f.weights)
	if err != nil {
		return nil, err
	}
	return bpSource(s)
}

// designBP makes a new model, its functions scaled by the data.
func designBP(t *training) (map[any]any, potential.Weights, error) {
	m := &t.cfg.Model
	elements := train.Elements(t.rest)
	d := bp.Design{Elements: elements, Cutoff: m.Cutoff, Radial: m.SymRadial, Angular: m.SymAngular, Hidden: m.Hidden, Seed: uint64(t.cfg.Training.Seed)}
	if len(m.Functions) > 0 {
		d.Given, d.Cutoff = make([][]bp.Function, len(elements)), 0
		for _, text := range m.Functions {
			z, f, err := n2p2.ParseFunction(text, elements)
			if err != nil {
				return nil, nil, fmt.Errorf("%s: model.symmetry_functions: %w", t.config, err)
			}
			k := slices.Index(elements, z)
			d.Given[k], d.Cutoff = append(d.Given[k], functionOf(&f, 1)), max(d.Cutoff, f.Cutoff)
		}
	}
	st, err := train.Describe(t.rest, d.Cutoff)
	if err != nil {
		return nil, nil, err
	}
	if d.Shift, err = t.reference(elements); err != nil {
		return nil, nil, err
	}
	d.Scale = st.Scale
	if d.Shortest, err = train.Shortest(t.rest, d.Cutoff); err != nil {
		return nil, nil, err
	}
	s, err := d.New(func(cutoff float64, see func(*potential.Frame) error) error { return train.Frames(t.rest, cutoff, see) })
	if err != nil {
		return nil, nil, fmt.Errorf("%s: model: %w", t.config, err)
	}
	return s.Config(), tensorsOf(s.Params(), nil), nil
}

// n2p2Of is a model as n2p2's files have it, in units of which length are an Å and energy
// an eV.
func n2p2Of(s *bp.Spec, length, energy float64) *n2p2.Potential {
	out := &n2p2.Potential{
		CutoffType: s.CutoffType, CutoffAlpha: s.CutoffAlpha, NormalizeNodes: s.NormalizeNodes,
		Scaling: n2p2.ScaleSigma, High: 1, ConvEnergy: 1 / (s.EnergyScale * energy), ConvLength: 1,
	}
	for _, e := range s.Elements {
		to := n2p2.Element{Z: e.Z, AtomEnergy: e.Shift * energy}
		of := map[n2p2.Function]int{} // its place among the inputs
		for n, f := range e.Functions {
			g := n2p2.Function{
				Type: f.Type, Z1: f.Z1, Z2: f.Z2, Eta: f.Eta / (length * length), Shift: f.Shift * length, Lambda: f.Lambda, Zeta: f.Zeta,
				Inner: f.Inner * length, Cutoff: f.Cutoff * length, Left: f.Left, Right: f.Right, Core: f.Core,
				Min: f.Min, Max: f.Max, Mean: f.Zero - f.Low/f.Factor, Sigma: 1 / f.Factor,
			}
			if g.Z2 > 0 {
				g.Z1, g.Z2 = min(g.Z1, g.Z2), max(g.Z1, g.Z2)
			}
			to.Functions = append(to.Functions, g)
			of[g] = n
		}
		n2p2.Sort(to.Functions)
		for k, l := range e.Layers {
			m := n2p2.Layer(l)
			if k == 0 {
				m.W = make([]float64, 0, len(l.W))
				for _, f := range to.Functions {
					m.W = append(m.W, l.W[of[f]*l.Out:(of[f]+1)*l.Out]...)
				}
			}
			to.Layers = append(to.Layers, m)
		}
		out.Elements = append(out.Elements, to)
	}
	return out
}

// readN2P2 reads a folder of n2p2 as if it were a file of wigner's own.
func readN2P2(path string, v variant) (*modelFile, error) {
	in, _, err := n2p2.Read(path)
	if err != nil {
		return nil, usage(fmt.Errorf("model: %w", err))
	}
	s := bpSpec(in, v)
	return &modelFile{path: path, family: input.KindBP, config: s.Config(), weights: tensorsOf(s.Params(), nil)}, nil
}

// writeN2P2 writes a model as a folder of n2p2's files, which must not exist.
func writeN2P2(f *modelFile, dir string, v variant) error {
	if f.family != input.KindBP {
		return usagef("%s: a model of the family %s is written as %s; a name without an ending is a folder of n2p2's files", dir, f.family, modelExt)
	}
	if f.config[coreKey] != nil {
		return usagef("model %s has a ZBL repulsion inside, which n2p2's files cannot hold", f.path)
	}
	if exists(dir) {
		return usagef("%s exists already", dir)
	}
	s, err := bp.Read(f.config, f.weights)
	if err != nil {
		return usagef("model %s: %w", f.path, err)
	}
	length, energy := v.fileUnits()
	return usage(n2p2.Write(dir, n2p2Of(s, length, energy), fmt.Sprintf("written by %s from %s; %g to an Å, %g to an eV", versionText(), filepath.Base(f.path), length, energy)))
}
