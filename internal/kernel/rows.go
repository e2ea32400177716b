package kernel

import "math"

// Loops over rows, of double precision where no type is named, which are equally long. Vectors do what they can,
// and the plain loops, which say what is computed, the rest.

// MulRows is to = x·y.
func MulRows(to, x, y []float64) {
	x, y = x[:len(to)], y[:len(to)]
	for i := mulRows(choice, to, x, y); i < len(to); i++ {
		to[i] = x[i] * y[i]
	}
}

// AxpyRows is y += c·x over x.
func AxpyRows(c float64, x, y []float64) {
	y = y[:len(x)]
	for i := axpyRows(choice, c, x, y); i < len(x); i++ {
		y[i] += c * x[i]
	}
}

// addRow is axpy for rows that are long enough for vectors.
func addRow[T Float](c T, x, y []T) {
	switch x := any(x).(type) {
	case []float32:
		y := any(y).([]float32)[:len(x)]
		n := axpyRows32(choice, float32(c), x, y)
		axpy(float32(c), x[n:], y[n:])
	case []float64:
		AxpyRows(float64(c), x, any(y).([]float64))
	}
}

// DotRows is Σ x·y over x.
func DotRows(x, y []float64) float64 {
	y = y[:len(x)]
	s, n := dotRows(choice, x, y)
	x, y = x[n:], y[n:]
	var a, b, c, d float64
	for ; len(x) >= 4; x, y = x[4:], y[4:] {
		a += x[0] * y[0]
		b += x[1] * y[1]
		c += x[2] * y[2]
		d += x[3] * y[3]
	}
	for i, v := range x {
		a += v * y[i]
	}
	return s + ((a + b) + (c + d))
}

// BellRows is f = e·fc and df = e·(dfc − 2η(r−shift)·fc) with e = exp(−η(r−shift)²), η ≥ 0:
// a Gaussian times a cutoff function fc, and its slope.
func BellRows(eta, shift float64, r, fc, dfc, f, df []float64) {
	n := len(r)
	fc, dfc, f, df = fc[:n], dfc[:n], f[:n], df[:n]
	for i := bellRows(choice, eta, shift, r, fc, dfc, f, df); i < n; i++ {
		d := r[i] - shift
		e := math.Exp(-eta * d * d)
		v := fc[i]
		f[i], df[i] = e*v, e*(dfc[i]-2*eta*d*v)
	}
}

// CosineRows is fc = ½(cos(πr/cutoff) + 1) and its slope, both 0 from the cutoff on.
func CosineRows(cutoff float64, r, fc, dfc []float64) {
	n := len(r)
	fc, dfc = fc[:n], dfc[:n]
	for i := cosineRows(choice, cutoff, r, fc, dfc); i < n; i++ {
		if r[i] >= cutoff {
			fc[i], dfc[i] = 0, 0
			continue
		}
		s, c := math.Sincos(math.Pi / cutoff * r[i])
		fc[i], dfc[i] = 0.5*(c+1), -0.5*math.Pi/cutoff*s
	}
}

// Accumulate adds x to y, in either precision.
func Accumulate[T Float](x, y []T) {
	y = y[:len(x)]
	for k, v := range x {
		y[k] += v
	}
}
