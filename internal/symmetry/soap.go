package symmetry

import (
	"fmt"
	"slices"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/soap"
	"github.com/wigner-md/wigner/train"
)

// soapKind is a kernel model, (p·q)², on the power spectrum, with so many points for each
// element, fitted by regularised least squares.
func soapKind(cutoff float64, points int) kind {
	return kind{name: "SOAP", weight: 0.3, steps: 1, exact: true, rough: 1000, local: true, three: true, least: true, design: fmt.Sprintf("%g Å, %d points", cutoff, points),
		open: func(list []*train.Structure, _ uint64) (*model, error) {
			elements := train.Elements(list)
			reference, err := train.FitReference(list, elements)
			if err != nil {
				return nil, err
			}
			d, err := soap.NewDescriptor(spectrum(elements, cutoff))
			if err != nil {
				return nil, err
			}
			e := d.Environments()
			if err := train.Frames(list, cutoff, func(f *potential.Frame) error { return e.Add(f, 0, 1) }); err != nil {
				return nil, err
			}
			m, err := soap.NewModel(d, reference, 2, e.Farthest(points))
			if err != nil {
				return nil, err
			}
			return &model{learn: m.Potential(), step: train.Step64, loss: train.Loss{Energy: 10, Force: 1},
				finish: func() (maker, error) { return func() potential.Potential { return m.Potential() }, nil }}, nil
		}}
}

// spectrum is the power spectrum that all SOAP models here have.
func spectrum(elements []int, cutoff float64) soap.Settings {
	return soap.Settings{Elements: elements, Cutoff: cutoff, Sigma: 0.4, N: 6, L: 5, Central: 1}
}

// solve fits a model that is linear in its parameters; a tenth of the structures chooses the
// regularisation.
func (t *task) solve(m *model, list []*train.Structure) error {
	apart := max(1, len(list)/10)
	t.result.Structures, t.result.Epochs = len(list), 1
	return inproc.Run(1, func(c comm.Comm) error {
		fit, err := train.NewFit(c, m.learn, list[apart:], list[:apart], train.Options{Batch: 1, Stages: []train.Stage{{Loss: m.loss}}})
		if err != nil {
			return err
		}
		if _, err := fit.Least([]float64{1e-8, 1e-6, 1e-4}, func(n int) { t.tick(float64(n) / float64(len(list))) }); err != nil {
			return err
		}
		t.take(m)
		return nil
	})
}

// soapDescriptor is the power spectra of the atoms, one after another, of structures with
// the elements of a list; of the first alone, if so.
func soapDescriptor(first bool, list []*train.Structure) (descriptor, error) {
	out := descriptor{name: "SOAP power spectra"}
	if first {
		out.name = "SOAP power spectrum"
	}
	d, err := soap.NewDescriptor(spectrum(train.Elements(list), 5))
	out.of = func(s *train.Structure) (all []float64, err error) {
		for i, x := range s.X {
			if first && i > 0 {
				break
			}
			var near []soap.Edge
			for k, y := range s.X {
				if k != i {
					near = append(near, soap.Edge{Element: slices.Index(d.Elements, s.Z[k]), R: minus(y, x)})
				}
			}
			p := make([]float64, d.Features())
			d.Spectrum(slices.Index(d.Elements, s.Z[i]), near, p)
			all = append(all, p...)
		}
		return all, nil
	}
	return out, err
}
