package nequip

import (
	"math"
	"slices"
	"sync"

	"github.com/wigner-md/wigner/internal/kernel"
)

// RadialError is the error of the tables of a layer.
type RadialError = kernel.TableError

// Tabulation: the first knot, the step (as a part of r_c) and, below nearPart·r_c,
// where the functions are steep, half of it. The slope of a cubic spline errs by
// h³/24 of the fourth derivative, and by 6e-8/h of the coefficients, rounded to
// single precision: measured with both published models, h = r_c/400 is best
// beyond 2.5 Å and half of it below, and bonds between metals or in silicon are
// left in the coarse, small part. If the values deviate by more than
// maxDeviation the step is halved, four times at most; a model whose radial functions
// are too steep for that is not tabulated.
const (
	firstKnot    = 0.5 // Å
	step         = 1. / 400
	nearPart     = 0.4
	maxDeviation = 1e-5
)

// TableMin is the first knot for this model, in Å.
func (m *Model) TableMin() float64 {
	low := math.Min(firstKnot, m.cfg.cutoff/4)
	for _, k := range m.cfg.envelope.kinks() {
		low = math.Min(low, k/2)
	}
	return low
}

// segments cuts [first knot, r_c] at the kinks and at the end of the near part
// into intervals of at most h Å, half of it in the near part.
func (m *Model) segments(h float64) []kernel.Segment {
	near := nearPart * m.cfg.cutoff
	knots := append([]float64{m.TableMin(), near, m.cfg.cutoff}, m.cfg.envelope.kinks()...)
	slices.Sort(knots)
	var out []kernel.Segment
	for k := range len(knots) - 1 {
		a, b, h := knots[k], knots[k+1], h
		if b <= near {
			h /= 2
		}
		if b > a {
			out = append(out, kernel.Segment{A: a, B: b, N: int(math.Ceil((b-a)/h - 1e-6))})
		}
	}
	return out
}

// tables tabulates every layer's radial functions and measures the errors.
func (m *Model) tables() ([]*kernel.Table, []RadialError) {
	tables := make([]*kernel.Table, len(m.layer))
	errs := make([]RadialError, len(m.layer))
	var wait sync.WaitGroup
	for t := range m.layer {
		wait.Go(func() {
			exact := &radial[float64]{radialWeights: newRadialWeights[float64](m, t)}
			w := exact.mlp[len(exact.mlp)-1].N
			for halved := range 5 {
				h := m.cfg.cutoff * step / float64(int(1)<<halved)
				segs := m.segments(h)
				sample := func(r float64, seg int, val, slope []float64) {
					exact.at(r, exact.f.piece((segs[seg].A+segs[seg].B)/2), val, slope)
				}
				tables[t] = kernel.NewTable(segs, w, sample)
				e := RadialError{Min: tables[t].Min()}
				for _, s := range tables[t].Segs {
					e.Intervals += s.N
				}
				e.Value, e.Slope = tables[t].Errors(sample)
				errs[t] = e
				if e.Value <= maxDeviation {
					return
				}
			}
		})
	}
	wait.Wait()
	return tables, errs
}

// Tabulated reports whether the tables of New32 are good enough to be used: where one of
// them deviates by more than 1e-5, New32 evaluates the radial network for every edge.
func (m *Model) Tabulated() bool {
	New32(m)
	return m.good()
}

func (m *Model) good() bool {
	return !slices.ContainsFunc(m.errors, func(e RadialError) bool { return !(e.Value <= maxDeviation) })
}

// RadialErrors are the errors of the tables that New32 uses, layer by layer.
func (m *Model) RadialErrors() []RadialError {
	New32(m)
	return m.errors
}
