package kernel

import (
	"fmt"
	"slices"
)

// Poly is a set of polynomials without constant term, Out of them, in In variables,
// nested after Horner: a tree of rows, the value of a row being
//
//	v = [c] + Σ_leaves x_q c_q + Σ_inner x_q v_row(q)
//
// with the coefficients c in the order in which they are used. Channels have the same
// polynomials with coefficients of their own. Rows stand before those that use them; the
// roots are the results.
type Poly struct {
	In, Out int
	Coefs   int // coefficients of a channel
	Slots   int // rows whose values are kept
	rows    []polyRow
	program []int32 // for the vector versions
}

// Monomial is x_Q[0] x_Q[1] … in the result Out; the variables ascend.
type Monomial struct {
	Out int
	Q   []int
}

type polyRow struct {
	out    int  // the result, or −1
	slot   int  // where the value is kept, −1 for results
	first  int  // of the row's coefficients
	free   bool // the first coefficient stands alone
	leaves []int
	inner  []polyInner
}

// polyInner is a variable and the row that it multiplies.
type polyInner struct{ q, slot int }

// NewPoly nests these monomials, all different, and returns the place of the
// coefficient of each.
func NewPoly(in, out int, terms []Monomial) (*Poly, []int) {
	p := &Poly{In: in, Out: out}
	order := make([]int, len(terms))
	for k := range order {
		order[k] = k
	}
	slices.SortFunc(order, func(a, b int) int {
		if d := terms[a].Out - terms[b].Out; d != 0 {
			return d
		}
		return slices.Compare(terms[a].Q, terms[b].Q)
	})
	place := make([]int, len(terms))
	for from := 0; from < len(order); {
		to := from
		for to < len(order) && terms[order[to]].Out == terms[order[from]].Out {
			to++
		}
		p.nest(terms, order[from:to], 0, place)
		from = to
	}
	p.compile()
	return p, place
}

// nest makes the row of the monomials that share their first depth variables.
func (p *Poly) nest(terms []Monomial, order []int, depth int, place []int) (slot int) {
	r := polyRow{out: -1, slot: -1}
	var own []int // terms in the order of the row's coefficients
	at := 0
	for at < len(order) && len(terms[order[at]].Q) == depth {
		if r.free {
			panic(fmt.Sprintf("kernel: monomial %v twice", terms[order[at]]))
		}
		own, r.free = append(own, order[at]), true
		at++
	}
	for at < len(order) {
		q, to := terms[order[at]].Q[depth], at
		if q < 0 || q >= p.In || depth > 0 && q < terms[order[at]].Q[depth-1] {
			panic(fmt.Sprintf("kernel: bad monomial %v", terms[order[at]]))
		}
		for to < len(order) && terms[order[to]].Q[depth] == q {
			to++
		}
		if to == at+1 && len(terms[order[at]].Q) == depth+1 {
			r.leaves, own = append(r.leaves, q), append(own, order[at])
		} else {
			r.inner = append(r.inner, polyInner{q, p.nest(terms, order[at:to], depth+1, place)})
		}
		at = to
	}
	r.first = p.Coefs
	for _, k := range own {
		place[k] = p.Coefs
		p.Coefs++
	}
	if depth == 0 {
		if r.out = terms[order[0]].Out; r.out < 0 || r.out >= p.Out || r.free {
			panic(fmt.Sprintf("kernel: bad monomial %v", terms[order[0]]))
		}
	} else {
		r.slot = p.Slots
		p.Slots++
	}
	p.rows = append(p.rows, r)
	return r.slot
}

// Contraction is a Poly with the coefficients of all channels, for several species. It
// is shared; scratch is the caller's.
type Contraction[T Float] struct {
	*Poly
	Channels int
	panel    int   // channels that stand together
	coef     [][]T // of each species [panel][coefficient][channel]
}

// NewContraction takes the coefficients c, [coefficient][channel], of each species.
func NewContraction[T Float](p *Poly, channels int, c [][]float64) *Contraction[T] {
	r := &Contraction[T]{Poly: p, Channels: channels, panel: channels}
	switch {
	case channels%32 == 0:
		r.panel = 32
	case channels%16 == 0:
		r.panel = 16
	}
	for _, one := range c {
		w := Make[T](p.Coefs * channels)
		at := 0
		for from := 0; from < channels; from += r.panel {
			for k := range p.Coefs {
				for u := range r.panel {
					w[at] = T(one[k*channels+from+u])
					at++
				}
			}
		}
		r.coef = append(r.coef, w)
	}
	return r
}

// Scratch is memory for one goroutine's calls.
func (c *Contraction[T]) Scratch() []T { return Make[T]((2*c.Slots + c.In) * c.panel) }

// Forward sets y[out][channel] of one atom from x[in][channel].
func (c *Contraction[T]) Forward(species int, x, y, scratch []T) {
	x, y = x[:c.In*c.Channels], y[:c.Out*c.Channels]
	if f, ok := any(c).(*Contraction[float32]); ok && polyForward32(choice, f, f.coef[species], any(x).([]float32), any(y).([]float32), any(scratch).([]float32)) {
		return
	}
	clear(y)
	for from := 0; from < c.Channels; from += c.panel {
		c.values(c.coef[species][from*c.Coefs:], x[from:], y[from:], scratch)
	}
}

// values evaluates all rows for one panel; with a nil y only those that are kept.
func (c *Contraction[T]) values(coef, x, y, scratch []T) {
	n := c.panel
	for i := range c.rows {
		r := &c.rows[i]
		var v []T
		switch {
		case r.out >= 0 && y == nil:
			continue
		case r.out >= 0:
			v = y[r.out*c.Channels:][:n]
		default:
			v = scratch[r.slot*n:][:n]
		}
		k := coef[r.first*n:]
		if r.free {
			copy(v, k[:n])
			k = k[n:]
		} else {
			clear(v)
		}
		for _, q := range r.leaves {
			addProduct(x[q*c.Channels:], k[:n], v)
			k = k[n:]
		}
		for _, f := range r.inner {
			addProduct(x[f.q*c.Channels:], scratch[f.slot*n:][:n], v)
		}
	}
}

// Backward sets gx from gy = ∂E/∂y.
func (c *Contraction[T]) Backward(species int, x, gy, gx, scratch []T) {
	x, gy, gx = x[:c.In*c.Channels], gy[:c.Out*c.Channels], gx[:c.In*c.Channels]
	if f, ok := any(c).(*Contraction[float32]); ok && polyBackward32(choice, f, f.coef[species], any(x).([]float32), any(gy).([]float32), any(gx).([]float32), any(scratch).([]float32)) {
		return
	}
	clear(gx)
	n := c.panel
	g := scratch[c.Slots*n:]
	for from := 0; from < c.Channels; from += n {
		coef, x, gx := c.coef[species][from*c.Coefs:], x[from:], gx[from:]
		c.values(coef, x, nil, scratch)
		for i := len(c.rows) - 1; i >= 0; i-- {
			r := &c.rows[i]
			var gv []T
			if r.out >= 0 {
				gv = gy[from+r.out*c.Channels:][:n]
			} else {
				gv = g[r.slot*n:][:n]
			}
			k := coef[r.first*n:]
			if r.free {
				k = k[n:]
			}
			for _, q := range r.leaves {
				addProduct(gv, k[:n], gx[q*c.Channels:])
				k = k[n:]
			}
			for _, f := range r.inner {
				polyInnerBack(gv, x[f.q*c.Channels:], scratch[f.slot*n:], g[f.slot*n:], gx[f.q*c.Channels:])
			}
		}
	}
}

// polyInnerBack sets gs = gv·x and adds gv·s to gx.
func polyInnerBack[T Float](gv, x, s, gs, gx []T) {
	n := len(gv)
	x, s, gs, gx = x[:n], s[:n], gs[:n], gx[:n]
	for u, v := range gv {
		gs[u] = v * x[u]
		gx[u] += v * s[u]
	}
}

// Flops is the number of useful operations for one atom, forward and backward.
func (c *Contraction[T]) Flops() (forward, backward float64) {
	n := 0
	for _, r := range c.rows {
		n += len(r.leaves) + len(r.inner)
	}
	forward = 2 * float64(n*c.Channels)
	return forward, 2 * forward
}

// compile is empty where there are no vector versions.
func (p *Poly) compile() {}

func polyForward32(path, *Contraction[float32], []float32, []float32, []float32, []float32) bool {
	return false
}

func polyBackward32(path, *Contraction[float32], []float32, []float32, []float32, []float32, []float32) bool {
	return false
}
