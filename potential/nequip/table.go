package nequip

import (
	"math"
	"sync"

	"github.com/wigner-md/wigner/internal/kernel"
)

// RadialError says how well a layer's radial functions are tabulated: largest
// deviation at the middle of any interval, divided by the root mean square of
// all values; Slope is that of the derivatives times 1 Å.
type RadialError struct {
	Intervals    int
	Min          float64 // Å; below, the network itself is evaluated
	Value, Slope float64
}

// Tabulation: the first knot, the number of intervals to begin with, and the
// deviation of the values beyond which it is doubled, up to maxIntervals. A
// deviation of 1e-5 of the root mean square is below what single precision
// adds to forces elsewhere; 360 intervals reach a few 1e-6 with SevenNet-0.
const (
	firstKnot    = 0.5 // Å
	intervals    = 360
	maxIntervals = 4 * intervals
	maxDeviation = 1e-5
)

// tableMin is the first knot for this model, in Å.
func (m *Model) tableMin() float64 {
	low := math.Min(firstKnot, m.cfg.cutoff/4)
	for _, k := range m.cfg.envelope.kinks() {
		low = math.Min(low, k/2)
	}
	return low
}

// segments cuts [first knot, r_c] at the kinks into n intervals or a few more,
// of nearly one width.
func (m *Model) segments(n int) []kernel.Segment {
	knots := append(append([]float64{m.tableMin()}, m.cfg.envelope.kinks()...), m.cfg.cutoff)
	h := (m.cfg.cutoff - knots[0]) / float64(n)
	var out []kernel.Segment
	for k := range len(knots) - 1 {
		a, b := knots[k], knots[k+1]
		out = append(out, kernel.Segment{A: a, B: b, N: int(math.Ceil((b-a)/h - 1e-9))})
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
			for n := intervals; ; n *= 2 {
				tables[t] = kernel.NewTable(m.segments(n), w, exact.at)
				e := RadialError{Min: tables[t].Min()}
				for _, s := range tables[t].Segs {
					e.Intervals += s.N
				}
				e.Value, e.Slope = tables[t].Errors(exact.at)
				errs[t] = e
				if e.Value <= maxDeviation || 2*n > maxIntervals {
					return
				}
			}
		})
	}
	wait.Wait()
	return tables, errs
}

// RadialErrors are the errors of the tables that New32 uses, layer by layer.
func (m *Model) RadialErrors() []RadialError {
	New32(m)
	return m.errors
}
