package bp

import (
	"cmp"
	"math"
	"math/bits"
	"strings"

	"github.com/wigner-md/wigner/internal/kernel"
)

// waveOf is the factor of the angle in f; that of a compact function is symmetric always.
func waveOf(f *Function) wave {
	if f.compact() {
		return wave{left: f.Left, right: f.Right, name: strings.TrimSuffix(f.Core, "a")}
	}
	return wave{lambda: f.Lambda, zeta: f.Zeta}
}

// compareWaves brings those of one λ together, ζ growing.
func compareWaves(a, b wave) int {
	return cmp.Or(cmp.Compare(a.lambda, b.lambda), cmp.Compare(a.zeta, b.zeta), cmp.Compare(a.left, b.left),
		cmp.Compare(a.right, b.right), strings.Compare(a.name, b.name))
}

// waves evaluates a list of them for many angles. With x = 1+λc, a power needs p = x^(ζ−1):
// the value is p·x and the slope ζλ·p; both times factor.
type waves struct {
	list    []wave
	factor  []float64 // 2^(1−ζ), or 1
	slope   []float64 // of the slopes: ζλ, or 1
	steps   []step
	windows []window // where compact
	squares int      // rows for x, x², x⁴ …
}

// step is a part of the evaluation: row to = row a times row b. Rows from 0 are squares,
// those from len(squares) the powers x^(ζ−1).
type step struct {
	kind    int
	to, a   int
	b       int
	lambda  float64
	general float64 // exponent that is no integer
}

const (
	begin    = iota // to = 1+λc
	ones            // to = 1
	moved           // to = a
	multiply        // to = a·b
	power           // to = a^general
)

func newWaves(list []wave) waves {
	w := waves{list: list}
	for _, q := range list {
		if q.name != "" {
			w.factor, w.slope = append(w.factor, 1), append(w.slope, 1)
			w.windows = append(w.windows, newWindow(q.left*math.Pi/180, q.right*math.Pi/180, cores[q.name]))
			continue
		}
		w.factor = append(w.factor, math.Pow(2, 1-q.zeta))
		w.slope = append(w.slope, q.zeta*q.lambda)
	}
	if w.windows != nil {
		return w
	}
	for _, q := range list {
		if e, whole := q.exponent(); whole {
			w.squares = max(w.squares, bits.Len(e))
		}
	}
	w.squares = max(w.squares, 1)
	for n := 0; n < len(list); {
		end := n
		for end < len(list) && list[end].lambda == list[n].lambda {
			end++
		}
		w.powers(n, end)
		n = end
	}
	return w
}

// exponent is ζ−1, and whether it is a whole number for which powers are multiplied.
func (q *wave) exponent() (e uint, whole bool) {
	z := q.zeta - 1
	return uint(z), z == math.Trunc(z) && z <= 1024
}

// powers plans those of one λ: from the largest earlier exponent whose bits are among its own.
func (w *waves) powers(first, to int) {
	w.steps = append(w.steps, step{kind: begin, lambda: w.list[first].lambda})
	have := 1
	row := func(n int) int { return w.squares + n }
	for n := first; n < to; n++ {
		e, whole := w.list[n].exponent()
		if !whole {
			w.steps = append(w.steps, step{kind: power, to: row(n), general: w.list[n].zeta - 1})
			continue
		}
		best, from := uint(0), -1 // what is done of e, and the row of it
		for m := first; m < n; m++ {
			if q, whole := w.list[m].exponent(); whole && q > best && q&^e == 0 {
				best, from = q, row(m)
			}
		}
		for ; have < bits.Len(e); have++ {
			w.steps = append(w.steps, step{kind: multiply, to: have, a: have - 1, b: have - 1})
		}
		for b, rest := 0, e&^best; rest>>b > 0; b++ {
			switch {
			case rest>>b&1 == 0:
			case from < 0:
				from = b
			default:
				w.steps = append(w.steps, step{kind: multiply, to: row(n), a: from, b: b})
				from = row(n)
			}
		}
		switch from {
		case -1:
			w.steps = append(w.steps, step{kind: ones, to: row(n)})
		case row(n):
		default:
			w.steps = append(w.steps, step{kind: moved, to: row(n), a: from})
		}
	}
	// The values, with the x of this λ.
	for n := first; n < to; n++ {
		w.steps = append(w.steps, step{kind: multiply, to: row(len(w.list) + n), a: row(n), b: 0})
	}
}

// rows is how many the evaluation needs: squares, slopes, values.
func (w *waves) rows() int { return w.squares + 2*len(w.list) }

// evaluate fills rows of n numbers, one after another, stride apart, for the cosines c: the
// slopes before slope, and the values before factor.
func (w *waves) evaluate(c, rows []float64, stride int) (slopes, values []float64) {
	n := len(c)
	at := func(k int) []float64 { return rows[k*stride:][:n] }
	slopes, values = rows[w.squares*stride:], rows[(w.squares+len(w.list))*stride:]
	if w.windows != nil {
		for k := range w.windows {
			d, f := at(k), at(len(w.list)+k)
			for t, x := range c {
				f[t], d[t] = w.windows[k].cosine(x)
			}
		}
		return slopes, values
	}
	for k := range w.steps {
		s := &w.steps[k]
		to := at(s.to)
		switch s.kind {
		case begin:
			for t, x := range c {
				to[t] = max(0, 1+s.lambda*x)
			}
		case ones:
			for t := range to {
				to[t] = 1
			}
		case moved:
			copy(to, at(s.a))
		case multiply:
			kernel.MulRows(to, at(s.a), at(s.b))
		case power:
			for t, x := range at(s.a) {
				to[t] = math.Pow(x, s.general)
			}
		}
	}
	return slopes, values
}

// cosine is a window of the angle and its slope by the cosine.
func (w *window) cosine(c float64) (f, df float64) {
	if c <= -1 || c >= 1 { // in line: the cosine itself has no slope there
		f, _ = w.at(math.Acos(max(-1, min(1, c))))
		return f, 0
	}
	f, df = w.at(math.Acos(c))
	return f, -df / math.Sqrt(1-c*c)
}
