package comm

import "math"

// Fixed is a sum of real numbers in fixed point. Integer addition is
// associative, so the sum has the same bits in whatever order, and on however
// many ranks, its terms were added; a thermostat fed with it cannot feed back
// rounding. Each term is rounded once, to 2⁻⁵⁰ (9e-16) in its own unit; terms
// up to 4e12 in magnitude and up to 2³⁰ of them are exact beyond that.
type Fixed struct{ Hi, Lo int64 }

const (
	fixedHi = 1 << 20 // units of Hi per 1
	fixedLo = 1 << 50 // units of Lo per 1
)

// Add adds one term. A term that is not finite, or too large, makes the sum NaN.
func (f *Fixed) Add(x float64) {
	if !(math.Abs(x) < 1<<42) {
		f.Hi = math.MinInt64
		return
	}
	if f.Hi == math.MinInt64 {
		return
	}
	h := math.RoundToEven(x * fixedHi)
	f.Hi += int64(h)
	f.Lo += int64(math.RoundToEven((x - h/fixedHi) * fixedLo))
}

// Value is the sum as a float64.
func (f Fixed) Value() float64 {
	if f.Hi == math.MinInt64 {
		return math.NaN()
	}
	return float64(f.Hi)/fixedHi + float64(f.Lo)/fixedLo
}

// SumFixed is collective: it replaces each sum by its total over all ranks.
func SumFixed(c Comm, sums []Fixed) error {
	x := make([]int64, 3*len(sums))
	for i, s := range sums {
		if s.Hi == math.MinInt64 {
			x[3*i+2] = 1
			continue
		}
		x[3*i], x[3*i+1] = s.Hi, s.Lo
	}
	if err := c.AllreduceInt(x, Sum); err != nil {
		return err
	}
	for i := range sums {
		sums[i] = Fixed{x[3*i], x[3*i+1]}
		if x[3*i+2] > 0 {
			sums[i].Hi = math.MinInt64
		}
	}
	return nil
}
