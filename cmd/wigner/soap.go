package main

import (
	"fmt"
	"io"

	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/soap"
	"github.com/wigner-md/wigner/train"
)

// soapFamily are linear and kernel models on the power spectrum.
func soapFamily() *family {
	return &family{
		name: input.KindSOAP, double: true, least: true, open: openSOAP, design: designSOAP,
		trainee: func(config map[any]any, w potential.Weights, _ string) (trainee, error) {
			m, err := soap.Read(config, w)
			if err != nil {
				return nil, err
			}
			return linear{m.Potential()}, nil
		},
		tensors: tensorsOf,
	}
}

// linear is a trainee whose atoms may stand as close as they like.
type linear struct{ train.Linear }

func (linear) Closest() float64 { return 0 }

func openSOAP(f *modelFile, v variant) (*source, error) {
	m, err := soap.Read(f.config, f.weights)
	if err != nil {
		return nil, err
	}
	p := m.Potential()
	return &source{
		Family: "SOAP", Precision: "float64", Cutoff: p.Cutoff(), Supports: p.Supports,
		New: func() (potential.Potential, error) { return m.Potential(), nil },
		Describe: func(w io.Writer) {
			row := rowsOf(w)
			how := "linear in the power spectrum"
			if m.Zeta > 0 {
				how = fmt.Sprintf("kernel (p·q)^%d", m.Zeta)
			}
			row("family", "SOAP, %s", how)
			row("group", "%s", groupName(potential.GroupOf(p)))
			row("cutoff", "%g Å, %s", p.Cutoff(), m.Envelope)
			row("density", "σ = %g Å, central atom × %g", m.Sigma, m.Central)
			row("basis", "%d radial functions (%s), l ≤ %d", m.N, m.Basis, m.L)
			row("spectrum", "%d numbers per atom", m.Features())
			row("coefficients", "%d", m.Coefficients())
			row("elements", "%d: %s", len(m.Elements), symbolList(m.Elements))
		},
	}, nil
}

// mostSpectra bounds the numbers kept to choose the kernel's points from: 512 MB.
const mostSpectra = 1 << 26

// designSOAP makes the descriptor, and chooses the kernel's points among the data.
func designSOAP(t *training) (map[any]any, potential.Weights, error) {
	c := &t.cfg.Model
	elements := train.Elements(t.train)
	reference, err := t.reference(elements)
	if err != nil {
		return nil, nil, err
	}
	d, err := soap.NewDescriptor(soap.Settings{
		Elements: elements, Cutoff: c.Cutoff, Sigma: c.Sigma, N: c.NMax, L: c.LMax, Basis: soap.Basis(c.RadialBasis),
		Envelope: soap.CutoffFunction(c.CutoffFunction), Power: c.CutoffPower, Width: c.CutoffWidth, Central: *c.Central,
	})
	if err != nil {
		return nil, nil, fmt.Errorf("%s: model: %w", t.config, err)
	}
	var points [][]float64
	if c.Zeta > 0 {
		if points, err = farthest(d, t.train, c.Points); err != nil {
			return nil, nil, err
		}
	}
	m, err := soap.NewModel(d, reference, c.Zeta, points)
	if err != nil {
		return nil, nil, fmt.Errorf("%s: model: %w", t.config, err)
	}
	return m.Config(), tensorsOf(m.Tensors(), nil), nil
}

// farthest chooses n environments of each element, of all atoms or, where these are too
// many, of every so manieth.
func farthest(d *soap.Descriptor, list []*train.Structure, n int) ([][]float64, error) {
	atoms := 0
	for _, s := range list {
		atoms += len(s.Z)
	}
	every := 1 + atoms*d.Features()/mostSpectra
	e, at := d.Environments(), 0
	err := train.Frames(list, d.Cutoff, func(f *potential.Frame) error {
		first := (every - at%every) % every
		at += f.N
		return e.Add(f, first, every)
	})
	if err != nil {
		return nil, err
	}
	return e.Farthest(n), nil
}
