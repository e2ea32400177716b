package comm

import "math"

// Fixed is a sum of real numbers in fixed point. Integer addition is
// associative, so the sum has the same bits in whatever order, and on however
// many ranks, its terms were added; a thermostat fed with it cannot feed back
// rounding. Each term is rounded once, to 2⁻⁵⁰ (9e-16) in its own unit.
//
// Over all ranks, Σ (|term| + 2⁹) must stay below 2⁴² (4.4e12): four terms of
// 1e12, say, or 8e9 terms of less than 1. A sum of more is NaN, whatever its
// value and in whatever order, never a wrong number.
type Fixed struct {
	Hi, Lo int64
	// Weight bounds the magnitudes: Σ (⌊|term| / 2⁹⌋ + 1); at
	// maxWeight and above the sum is NaN.
	Weight int64
}

const (
	fixedHi   = 1 << 20 // units of Hi per 1
	fixedLo   = 1 << 50 // units of Lo per 1
	perWeight = 1 << 9
	// maxWeight keeps |Hi| below 2⁶³ and, as each term has a weight of 1 or more
	// and at most 2²⁹ in Lo, |Lo| too.
	maxWeight = 1 << 33
)

// Add adds one term. A term that is not finite, or too large, makes the sum NaN.
func (f *Fixed) Add(x float64) {
	m := math.Abs(x)
	if !(m < maxWeight*perWeight) {
		f.Weight = maxWeight
		return
	}
	if f.Weight >= maxWeight {
		return
	}
	f.Weight += int64(m/perWeight) + 1
	h := math.RoundToEven(x * fixedHi)
	f.Hi += int64(h)
	f.Lo += int64(math.RoundToEven((x - h/fixedHi) * fixedLo))
}

// Value is the sum as a float64.
func (f Fixed) Value() float64 {
	if f.Weight >= maxWeight {
		return math.NaN()
	}
	return float64(f.Hi)/fixedHi + float64(f.Lo)/fixedLo
}

// SumFixed is collective: it replaces each sum by its total over all ranks.
func SumFixed(c Comm, sums []Fixed) error {
	x := make([]int64, 3*len(sums))
	for i, s := range sums {
		x[3*i], x[3*i+1], x[3*i+2] = s.Hi, s.Lo, min(s.Weight, maxWeight)
	}
	if err := c.AllreduceInt(x, Sum); err != nil {
		return err
	}
	for i := range sums {
		sums[i] = Fixed{x[3*i], x[3*i+1], min(x[3*i+2], maxWeight)}
	}
	return nil
}
