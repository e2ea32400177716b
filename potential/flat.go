package potential

import "unsafe"

// flat views rows of three numbers as one slice.
func flat(x [][3]float64) []float64 {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice(&x[0][0], 3*len(x))
}

// flat9 views matrices as one slice.
func flat9(x [][3][3]float64) []float64 {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice(&x[0][0][0], 9*len(x))
}
