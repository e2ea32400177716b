package bp

import (
	"math"

	"github.com/wigner-md/wigner/internal/kernel"
)

// core is a function that falls from 1 at x = 0 to 0 at x = 1, and its slope.
type core func(x float64) (f, df float64)

// cutoffs are n2p2's cutoff functions by number, of x = (r − αr_c)/(r_c − αr_c), and for 2
// and 3 of r/r_c.
var cutoffs = [9]core{1: cosine, 2: tanh3(1), 3: tanh3(math.Pow(math.Tanh(1), -3)), 4: exponential, 5: poly1, 6: poly2, 7: poly3, 8: poly4}

// cores are those of compact functions, by n2p2's names.
var cores = map[string]core{
	"p1": poly1, "p2": poly2, "p3": poly3, "p4": poly4, "e": exponential,
	"p1a": asymmetric(poly1), "p2a": asymmetric(poly2), "p3a": asymmetric(poly3), "p4a": asymmetric(poly4),
}

func cosine(x float64) (f, df float64) {
	s, c := math.Sincos(math.Pi * x)
	return 0.5 * (c + 1), -0.5 * math.Pi * s
}

func tanh3(c float64) core {
	return func(x float64) (f, df float64) {
		t := math.Tanh(1 - x)
		return c * t * t * t, 3 * c * t * t * (t*t - 1)
	}
}

func exponential(x float64) (f, df float64) {
	q := 1 / (1 - x*x)
	f = math.Exp(1 - q)
	if f == 0 { // x so near 1 that the slope is 0 too
		return 0, 0
	}
	return f, -2 * x * q * q * f
}

func poly1(x float64) (f, df float64) { return (2*x-3)*x*x + 1, x * (6*x - 6) }

func poly2(x float64) (f, df float64) {
	return ((15-6*x)*x-10)*x*x*x + 1, x * x * ((60-30*x)*x - 30)
}

func poly3(x float64) (f, df float64) {
	x3 := x * x * x
	return (x*(x*(20*x-70)+84)-35)*x3*x + 1, x3 * (x*(x*(140*x-420)+420) - 140)
}

func poly4(x float64) (f, df float64) {
	x4 := x * x * x * x
	return (x*(x*((315-70*x)*x-540)+420)-126)*x4*x + 1, x4 * (x*(x*((2520-630*x)*x-3780)+2520) - 630)
}

// asymmetric is of x(2−x): steeper at x = 0.
func asymmetric(c core) core {
	return func(x float64) (f, df float64) {
		f, df = c((2 - x) * x)
		return f, df * (2 - 2*x)
	}
}

// window is a compact function between two points: 1 in the middle, 0 at both ends.
type window struct {
	left, right, middle, scale float64
	core                       core
}

func newWindow(left, right float64, c core) window {
	return window{left, right, (left + right) / 2, 2 / (right - left), c}
}

// at is the value and the slope, 0 outside.
func (w *window) at(x float64) (f, df float64) {
	if !(x > w.left && x < w.right) {
		return 0 * x, 0 // NaN stays
	}
	y := (x - w.middle) * w.scale
	f, df = w.core(math.Abs(y))
	return f, math.Copysign(w.scale, y) * df
}

// bell is e^(−η(r−r_s)²) f_c(r), or a compact function of r.
type bell struct {
	eta, shift, cutoff float64
	alpha              float64
	fc                 int // cutoff function; 0: compact
	inner              float64
	name               string // of the core of a compact function
}

// cut is the cutoff function and its slope.
func cut(kind int, alpha, rc, r float64) (f, df float64) {
	if r >= rc {
		return 0, 0
	}
	if kind == 2 || kind == 3 {
		alpha = 0
	}
	in := alpha * rc
	if r < in {
		return 1, 0
	}
	w := 1 / (rc - in)
	f, df = cutoffs[kind]((r - in) * w)
	return f, df * w
}

// cutRows is cut for many distances.
func cutRows(kind int, alpha, rc float64, r, fc, dfc []float64) {
	fc, dfc = fc[:len(r)], dfc[:len(r)]
	switch {
	case kind == 1 && alpha == 0:
		kernel.CosineRows(rc, r, fc, dfc)
	case kind == 6 && alpha == 0: // poly2
		inv := 1 / rc
		for t, x := range r {
			x = min(x*inv, 1)
			fc[t] = ((15-6*x)*x-10)*x*x*x + 1
			dfc[t] = inv * x * x * ((60-30*x)*x - 30)
		}
	default:
		for t, x := range r {
			fc[t], dfc[t] = cut(kind, alpha, rc, x)
		}
	}
}

// wave is a factor of the angle: (1+λc)^ζ 2^(1−ζ), or a compact function of θ.
type wave struct {
	lambda, zeta float64
	left, right  float64 // degrees
	name         string
}
