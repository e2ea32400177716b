package ensemble

// Ramp is a quantity that goes from one value to another in equal steps, and
// stays there.
type Ramp struct {
	From, To float64
	Steps    int64 // 0: To does not matter
}

// At is the value at a step.
func (r Ramp) At(step int64) float64 {
	return r.From + (r.To-r.From)*share(step, r.Steps)
}

// share is how much of a ramp is done, 0 … 1.
func share(step, steps int64) float64 {
	if steps <= 0 {
		return 0
	}
	return float64(min(max(step, 0), steps)) / float64(steps)
}

// Tensor is a Ramp of a symmetric tensor.
type Tensor struct {
	From, To [3][3]float64
	Steps    int64
}

// At is the value at a step.
func (r Tensor) At(step int64) [3][3]float64 {
	f := share(step, r.Steps)
	return plus(scaled(r.From, 1-f), f, &r.To)
}
