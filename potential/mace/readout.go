package mace

import (
	"fmt"
	"math"

	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential/linear"
)

// readout is R(x) of one head times scale, in double precision: a linear form of the
// scalars of x, or a small network of them.
type readout struct {
	channels int
	linear   []float64 // where it is linear
	first    linear.Matrix
	mid      *linear.Matrix // of the readout with biases
	midBias  []float64
	last     []float64
	act      activation
	constant float64 // added to the energy
}

// activation is a function and its factor.
type activation struct {
	name   string
	factor float64
}

// at is the value and the slope.
func (a activation) at(x float64) (f, df float64) {
	switch a.name {
	case "silu":
		s := 1 / (1 + math.Exp(-x))
		return a.factor * x * s, a.factor * s * (1 + x*(1-s))
	case "tanh":
		t := math.Tanh(x)
		return a.factor * t, a.factor * (1 - t*t)
	case "abs":
		return a.factor * math.Abs(x), a.factor * math.Copysign(1, x)
	}
	return a.factor * x, a.factor
}

// readouts reads one for each layer, or for the last only.
func (t *tree) readouts(m *Model) {
	c := m.cfg
	n := t.children("readouts")
	switch {
	case c.lastOnly && n == 1:
		m.layer[c.layers-1].read = t.readout("readouts.0", c, m.layer[c.layers-1].out)
	case n == c.layers:
		for k := range m.layer {
			m.layer[k].read = t.readout(fmt.Sprintf("readouts.%d", k), c, m.layer[k].out)
		}
	default:
		fail("the model has %d interactions and %d readouts", c.layers, n)
	}
}

func (t *tree) readout(name string, c *config, x o3.Irreps) *readout {
	heads := len(c.heads)
	r := &readout{}
	for _, b := range x {
		if b.L == 0 && b.P == 1 {
			r.channels += b.Mul
		}
	}
	if x[0].L != 0 || x[0].P != 1 || x[0].Mul != r.channels {
		fail("%s: the scalars of %s are not its first block", name, x)
	}
	column := func(w []float64, rows, cols, from, n int, f float64) linear.Matrix {
		m := linear.Matrix{K: rows, N: n}
		for k := range rows {
			for j := range n {
				m.W = append(m.W, f*w[k*cols+from+j])
			}
		}
		return m
	}
	switch class := t.class(name); class {
	case "LinearReadoutBlock":
		t.layout(name+".linear", "Linear")
		w := t.get(name+".linear.weight", fmt.Sprintf("%d channels × %d heads", r.channels, heads), r.channels*heads)
		r.linear = column(w, r.channels, heads, c.head, 1, c.scale/math.Sqrt(float64(r.channels))).W
	case "NonLinearReadoutBlock", "NonLinearBiasReadoutBlock":
		t.layout(name+".linear_1", "Linear")
		t.layout(name+".linear_2", "Linear")
		hidden := t.irreps(name+".linear_1", "irreps_out")
		if len(hidden) != 1 || hidden[0].L != 0 || hidden[0].Mul%heads != 0 {
			fail("%s has hidden irreps %s, wanted are scalars, as many for each of %d heads", name, hidden, heads)
		}
		all := hidden[0].Mul
		n := all / heads
		r.act = t.gateOf(name)
		w := t.get(name+".linear_1.weight", "readout", r.channels*all)
		r.first = column(w, r.channels, all, c.head*n, n, 1/math.Sqrt(float64(r.channels)))
		root := 1 / math.Sqrt(float64(all))
		w = t.get(name+".linear_2.weight", "readout", all*heads)
		r.last = column(w[c.head*n*heads:], n, heads, c.head, 1, c.scale*root).W
		if class == "NonLinearReadoutBlock" {
			break
		}
		t.layout(name+".linear_mid", "Linear")
		w = t.get(name+".linear_mid.weight", "readout", all*all)
		mid := column(w[c.head*n*all:], n, all, c.head*n, n, root)
		r.mid = &mid
		r.midBias = t.get(name+".linear_mid.bias", "readout", all)[c.head*n:][:n]
		r.constant = c.scale * t.get(name+".linear_2.bias", "readout", heads)[c.head]
	default:
		fail("%s is of class %s, which is not supported; supported are LinearReadoutBlock, NonLinearReadoutBlock, NonLinearBiasReadoutBlock", name, class)
	}
	return r
}

// gateOf is the activation of a readout.
func (t *tree) gateOf(name string) activation {
	at := name + ".non_linearity.acts.0"
	if t.at(at) == nil {
		fail("the readout has no activation %s", at)
	}
	f, _ := t.attr(at, "f").(string)
	a := activation{factor: 1}
	switch f {
	case "torch.nn.functional.silu", "torch.tanh", "torch.abs":
		a.name = map[string]string{"torch.nn.functional.silu": "silu", "torch.tanh": "tanh", "torch.abs": "abs"}[f]
	default:
		fail("the readout's activation %s is %q, which is not supported; silu, tanh and abs are", at, f)
	}
	if t.flag(at, "_is_id", false) {
		return a
	}
	c, ok := t.attr(at, "cst").(float64)
	if !ok {
		fail("%s has no constant cst", at)
	}
	a.factor = c
	return a
}

// reader is a readout with scratch.
type reader[T kernel.Float] struct {
	*readout
	w, wt      kernel.Matrix[T]
	z, gz      []T // [row][hidden], of a block
	h, f, d, g []float64
}

func newReader[T kernel.Float](r *readout) *reader[T] {
	if r == nil {
		return nil
	}
	q := &reader[T]{readout: r}
	if r.linear == nil {
		n := r.first.N
		q.w, q.wt = kernel.Pack[T](r.first.W, r.first.K, n, 1), kernel.PackT[T](r.first.W, n, r.first.K, 1)
		q.z, q.gz = make([]T, block*n), make([]T, block*n)
		q.h, q.f, q.d, q.g = make([]float64, n), make([]float64, n), make([]float64, n), make([]float64, n)
	}
	return q
}

// energy adds what is read out of the rows of x to e; the gradient goes to gx, to which
// it is added, unless gx has no memory.
func (r *reader[T]) energy(x linear.View[T], e []float64, gx linear.View[T]) {
	if r.linear != nil {
		for i := range block {
			row := x.Row(i, r.channels)
			if i < len(e) {
				sum := 0.0
				for u, w := range r.linear {
					sum += w * float64(row[u])
				}
				e[i] += sum
			}
			if gx.X != nil {
				g := gx.Row(i, r.channels)
				for u, w := range r.linear {
					g[u] += T(w)
				}
			}
		}
		return
	}
	n := r.first.N
	kernel.Gemm(block, x.X, x.Step, r.w, r.z, n, false)
	for i := range block {
		v := r.network(r.z[i*n:][:n], r.gz[i*n:][:n])
		if i < len(e) {
			e[i] += v
		}
	}
	if gx.X != nil {
		kernel.Gemm(block, r.gz, n, r.wt, gx.X, gx.Step, true)
	}
}

// network takes one atom's hidden units to the energy, and sets their gradient.
func (r *reader[T]) network(z, gz []T) float64 {
	sum := r.constant
	if r.mid == nil {
		for k, v := range z {
			f, df := r.act.at(float64(v))
			sum += r.last[k] * f
			gz[k] = T(r.last[k] * df)
		}
		return sum
	}
	for k, v := range z {
		r.f[k], r.d[k] = r.act.at(float64(v))
	}
	n := len(z)
	clear(r.g)
	for k := range n {
		y := r.midBias[k]
		for i, f := range r.f {
			y += f * r.mid.W[i*n+k]
		}
		f, df := r.act.at(y)
		sum += r.last[k] * f
		for i := range n {
			r.g[i] += r.last[k] * df * r.mid.W[i*n+k]
		}
	}
	for k := range n {
		gz[k] = T(r.g[k] * r.d[k])
	}
	return sum
}
