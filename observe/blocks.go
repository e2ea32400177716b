package observe

import "math"

// Blocks is a series of values of which means, spread and the error of the mean
// are wanted, in little memory: values are averaged in pairs, the pairs in pairs,
// and so on, and each length of block has its variance. The zero value is empty.
type Blocks struct{ Levels []Level }

// Level is the series of blocks of one length.
type Level struct {
	N        int64   // blocks
	Mean, M2 float64 // of them: Σ(x − mean)²
	Carry    float64 // the first of a pair
	Odd      bool    // there is a Carry
}

// LeastBlocks is how many blocks a length must have to say something of the error.
const LeastBlocks = 8

// Push adds a value.
func (b *Blocks) Push(x float64) {
	for l := 0; ; l++ {
		if l == len(b.Levels) {
			b.Levels = append(b.Levels, Level{})
		}
		v := &b.Levels[l]
		v.N++
		d := x - v.Mean
		v.Mean += d / float64(v.N)
		v.M2 += d * (x - v.Mean)
		if !v.Odd {
			v.Odd, v.Carry = true, x
			return
		}
		v.Odd = false
		x = (v.Carry + x) / 2
	}
}

// N is the number of values.
func (b *Blocks) N() int64 {
	if len(b.Levels) == 0 {
		return 0
	}
	return b.Levels[0].N
}

// Mean is that of all values; NaN without any.
func (b *Blocks) Mean() float64 {
	if b.N() == 0 {
		return math.NaN()
	}
	return b.Levels[0].Mean
}

// Spread is the standard deviation of the values.
func (b *Blocks) Spread() float64 {
	if b.N() < 2 {
		return math.NaN()
	}
	return math.Sqrt(b.Levels[0].M2 / float64(b.Levels[0].N-1))
}

// Err is the standard error of the mean: the largest that blocks of any length say,
// of which there are LeastBlocks; NaN where there are fewer than twice as many values.
// It is too small where the run is short against the time in which the quantity
// forgets itself.
func (b *Blocks) Err() float64 {
	if b.N() < 2*LeastBlocks {
		return math.NaN()
	}
	e := 0.0
	for _, v := range b.Levels {
		if v.N >= LeastBlocks {
			n := float64(v.N)
			e = max(e, v.M2/(n-1)/n)
		}
	}
	return math.Sqrt(e)
}
