package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/io/n2p2"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/bp"
)

// What LAMMPS users of n2p2 give as cflength and cfenergy: bohr per Å and hartree per eV.
const (
	bohrPerAngstrom = 1.8897261328
	hartreePerEV    = 0.0367493254
)

// fileUnits are those of n2p2's files, which do not say them: per Å, and per eV.
func (v variant) fileUnits() (length, energy float64) {
	length, energy = bohrPerAngstrom, hartreePerEV
	if v.length == "angstrom" {
		length = 1
	}
	if v.energy == "eV" {
		energy = 1
	}
	return length, energy
}

// openN2P2 reads a folder of n2p2, or its input.nn.
func openN2P2(path string, v variant) (*source, error) {
	in, files, err := n2p2.Read(path)
	if err != nil {
		return nil, usage(fmt.Errorf("model: %w", err))
	}
	s, err := bpSource(bpSpec(in, v))
	if err != nil {
		return nil, usage(fmt.Errorf("model %s: %w", path, err))
	}
	s.Name, s.Files = filepath.Base(filepath.Clean(path)), files
	return s, nil
}

// bpSpec turns a potential in the files' units into one in Å and eV.
func bpSpec(in *n2p2.Potential, v variant) *bp.Spec {
	length, energy := v.fileUnits()
	out := &bp.Spec{CutoffType: in.CutoffType, CutoffAlpha: in.CutoffAlpha, NormalizeNodes: in.NormalizeNodes, EnergyScale: 1 / (in.ConvEnergy * energy)}
	for _, e := range in.Elements {
		to := bp.Element{Z: e.Z, Shift: (in.MeanEnergy + e.AtomEnergy) / energy}
		for _, f := range e.Functions {
			g := functionOf(&f, length)
			switch in.Scaling {
			case n2p2.ScaleRange:
				g.Low, g.Zero, g.Factor = in.Low, f.Min, (in.High-in.Low)/(f.Max-f.Min)
			case n2p2.ScaleCenter:
				g.Zero = f.Mean
			case n2p2.ScaleRangeCenter:
				g.Low, g.Zero, g.Factor = in.Low, f.Mean, (in.High-in.Low)/(f.Max-f.Min)
			case n2p2.ScaleSigma:
				g.Low, g.Zero, g.Factor = in.Low, f.Mean, (in.High-in.Low)/f.Sigma
			}
			to.Functions = append(to.Functions, g)
		}
		for _, l := range e.Layers {
			to.Layers = append(to.Layers, bp.Layer(l))
		}
		out.Elements = append(out.Elements, to)
	}
	return out
}

// functionOf is a function of a file, in units of which length are an Å.
func functionOf(f *n2p2.Function, length float64) bp.Function {
	return bp.Function{
		Min: f.Min, Max: f.Max, Type: f.Type, Z1: f.Z1, Z2: f.Z2, Eta: f.Eta * length * length, Shift: f.Shift / length, Lambda: f.Lambda, Zeta: f.Zeta,
		Inner: f.Inner / length, Cutoff: f.Cutoff / length, Left: f.Left, Right: f.Right, Core: f.Core, Factor: 1,
	}
}

// bpSource is a Behler–Parrinello potential ready for use.
func bpSource(spec *bp.Spec) (*source, error) {
	p, err := bp.New(spec)
	if err != nil {
		return nil, err
	}
	return &source{
		Family: "Behler–Parrinello", Precision: "float64", Cutoff: p.Cutoff(), Supports: p.Supports,
		New:      func() (potential.Potential, error) { return p.Evaluator(), nil },
		Describe: func(w io.Writer) { describeBP(w, p) },
	}, nil
}

// describeBP is what info says of such a potential.
func describeBP(w io.Writer, p *bp.Potential) {
	s := p.Spec()
	row := rowsOf(w)
	row("family", "Behler–Parrinello")
	row("group", "%s", groupName(potential.O3))
	row("cutoff", "%g Å", p.Cutoff())
	row("parameters", "%d", p.Parameters())
	for k, e := range s.Elements {
		count, widths := map[int]int{}, fmt.Sprint(len(e.Functions))
		for _, f := range e.Functions {
			count[f.Type]++
		}
		for _, l := range e.Layers {
			widths += fmt.Sprintf("-%d%c", l.Out, l.Activation)
		}
		kinds := ""
		for _, t := range []int{2, 3, 9, 20, 21, 22} {
			if count[t] > 0 {
				kinds += fmt.Sprintf(", %d of type %d", count[t], t)
			}
		}
		_, groups := p.Functions(k)
		row("element", "%s: network %s, energy of the atom %.6f eV; functions%s; %d groups of angular ones", element.Symbol(e.Z), widths, e.Shift, kinds[1:], groups)
	}
}
