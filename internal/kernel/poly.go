package kernel

import (
	"cmp"
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
	own    []int // monomials, in the order of the coefficients
	height int   // of the tree below
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
		p.nest(terms, order[from:to], 0)
		from = to
	}
	p.arrange(place)
	return p, place
}

// arrange puts rows of like lengths together, which the vector versions foresee better,
// those that are used before those that use them, and numbers slots and coefficients.
func (p *Poly) arrange(place []int) {
	order := make([]int, len(p.rows))
	for k := range order {
		order[k] = k
	}
	slices.SortStableFunc(order, func(a, b int) int {
		x, y := &p.rows[a], &p.rows[b]
		return cmp.Or(x.height-y.height, len(x.inner)-len(y.inner), len(x.leaves)-len(y.leaves), len(x.own)-len(y.own))
	})
	rows, slot := make([]polyRow, len(order)), make([]int, len(order))
	for k, from := range order {
		r := p.rows[from]
		for i := range r.inner {
			r.inner[i].slot = slot[r.inner[i].slot]
		}
		r.first, r.slot = p.Coefs, -1
		for i, t := range r.own {
			place[t] = p.Coefs + i
		}
		p.Coefs += len(r.own)
		if r.out < 0 {
			r.slot, slot[from] = p.Slots, p.Slots
			p.Slots++
		}
		rows[k] = r
	}
	p.rows = rows
}

// nest makes the row of the monomials that share their first depth variables, and
// returns its number.
func (p *Poly) nest(terms []Monomial, order []int, depth int) int {
	r := polyRow{out: -1, slot: -1}
	at := 0
	for at < len(order) && len(terms[order[at]].Q) == depth {
		if r.free {
			panic(fmt.Sprintf("kernel: monomial %v twice", terms[order[at]]))
		}
		r.own, r.free = append(r.own, order[at]), true
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
			r.leaves, r.own = append(r.leaves, q), append(r.own, order[at])
		} else {
			below := p.nest(terms, order[at:to], depth+1)
			r.inner = append(r.inner, polyInner{q, below})
			r.height = max(r.height, p.rows[below].height+1)
		}
		at = to
	}
	if depth == 0 {
		if r.out = terms[order[0]].Out; r.out < 0 || r.out >= p.Out || r.free {
			panic(fmt.Sprintf("kernel: bad monomial %v", terms[order[0]]))
		}
	}
	p.rows = append(p.rows, r)
	return len(p.rows) - 1
}

// Contraction is a Poly with the coefficients of all channels, for several species. It
// is shared; scratch is the caller's.
type Contraction[T Float] struct {
	*Poly
	Channels int
	panel    int   // channels that stand together
	coef     [][]T // of each species [panel][coefficient][channel]

	// For the vector versions: the rows of slots, all rows, all in reverse.
	inside, all, reverse []int32
	kept                 int // rows with slots
	silent               int // results without a monomial
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
	r.compile()
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
func (c *Contraction[T]) Scratch() []T { return Make[T]((2*c.Slots + 1) * c.panel) }

// compile writes the programs of the vector versions (_gen/poly.go): offsets in bytes
// of single precision.
func (c *Contraction[T]) compile() {
	c.silent = c.Out
	width, panel := int32(4*c.Channels), int32(4*c.panel)
	one := func(r *polyRow) []int32 {
		flags, place := int32(0), int32(r.slot)*panel
		if r.free {
			flags |= 1
		}
		if r.out >= 0 {
			flags, place = flags|2, int32(r.out)*width
		}
		p := []int32{int32(len(r.leaves)), int32(len(r.inner)), flags, place, int32(r.first) * panel}
		for _, q := range r.leaves {
			p = append(p, int32(q)*width)
		}
		for _, f := range r.inner {
			p = append(p, int32(f.q)*width, int32(f.slot)*panel)
		}
		return p
	}
	for i := range c.rows {
		c.all = append(c.all, one(&c.rows[i])...)
		c.reverse = append(c.reverse, one(&c.rows[len(c.rows)-1-i])...)
		if c.rows[i].out < 0 {
			c.inside = append(c.inside, one(&c.rows[i])...)
			c.kept++
		} else {
			c.silent--
		}
	}
}

// Forward sets y[out][channel] of one atom from x[in][channel].
func (c *Contraction[T]) Forward(species int, x, y, scratch []T) {
	x, y = x[:c.In*c.Channels], y[:c.Out*c.Channels]
	if f, ok := any(c).(*Contraction[float32]); ok && polyForward32(choice, f, species, any(x).([]float32), any(y).([]float32), any(scratch).([]float32)) {
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
	if f, ok := any(c).(*Contraction[float32]); ok && polyBackward32(choice, f, species, any(x).([]float32), any(gy).([]float32), any(gx).([]float32), any(scratch).([]float32)) {
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
