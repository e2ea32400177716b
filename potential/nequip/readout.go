package nequip

import (
	"fmt"
	"math"
	"sort"
	"strings"

	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/potential/linear"
)

// readoutNet is the shape of a multi-layer readout.
type readoutNet struct {
	hidden []int
	act    activation
}

// activation is a scalar function with its slope, and the second-moment constant by
// which e3nn multiplies it (drawn, like actSilu; sevenn 0.13, e3nn 0.6).
type activation struct {
	c float64
	f func(x float64) (y, dy float64)
}

// activations are those that SevenNet has for a readout.
func activations() map[string]activation {
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	return map[string]activation{
		"relu": {1.4163393446331365, func(x float64) (float64, float64) {
			if x > 0 {
				return x, 1
			}
			return 0, 0
		}},
		"silu": {actSilu, func(x float64) (float64, float64) {
			s := sigmoid(x)
			return x * s, s * (1 + x*(1-s))
		}},
		"tanh": {actTanh, func(x float64) (float64, float64) {
			y := math.Tanh(x)
			return y, 1 - y*y
		}},
		"abs": {1.001110600838467, func(x float64) (float64, float64) {
			if x == 0 {
				return 0, 0
			}
			return math.Abs(x), math.Copysign(1, x)
		}},
		"ssp": {1.878204668541552, func(x float64) (float64, float64) {
			return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) - math.Ln2, sigmoid(x)
		}},
		"sigmoid": {1.8467055342154763, func(x float64) (float64, float64) {
			s := sigmoid(x)
			return s, s * (1 - s)
		}},
		"elu": {1.2467863885570512, func(x float64) (float64, float64) {
			if x > 0 {
				return x, 1
			}
			return math.Expm1(x), math.Exp(x)
		}},
	}
}

// readoutNet reads the shape of the readout, nil when it is two linear maps.
func (c table) readoutNet() *readoutNet {
	if !c.boolean("readout_as_fcn", false) {
		return nil
	}
	name, all := c.text("readout_fcn_activation", "relu"), activations()
	act, ok := all[name]
	if !ok {
		var names []string
		for n := range all {
			names = append(names, n)
		}
		sort.Strings(names)
		fail("configuration: readout_fcn_activation %q is not supported; %s are", name, strings.Join(names, ", "))
	}
	return &readoutNet{hidden: c.neurons("readout_fcn_hidden_neurons", 30, 30), act: act}
}

// dense is a multi-layer readout, all its constants in the matrices.
type dense struct {
	layers []linear.Matrix
	act    func(x float64) (y, dy float64)
	width  int // of the widest layer
}

// denseOf folds the constant of the activation into the matrices behind it.
func denseOf(layers []linear.Matrix, act activation) *dense {
	d := &dense{layers: layers, act: act.f}
	for k, q := range layers {
		if k > 0 {
			d.layers[k].W = scaled(q.W, act.c)
		}
		d.width = max(d.width, q.K, q.N)
	}
	return d
}

// scratch is room for turn.
func (d *dense) scratch() []float64 { return make([]float64, (2*len(d.layers)+1)*d.width) }

// turn is the output of d for a row of scalars; it writes f times its gradient. rooms
// comes from scratch.
func turn[T kernel.Float](d *dense, f float64, row, grad []T, rooms []float64) float64 {
	room := func(k int) []float64 { return rooms[k*d.width:][:d.width] }
	x := room(0)
	for u, v := range row {
		x[u] = float64(v)
	}
	last := len(d.layers) - 1
	for k, q := range d.layers {
		y, slope := room(2*k+1), room(2*k+2)
		times(q, x, y)
		if k < last {
			for v := range q.N {
				y[v], slope[v] = d.act(y[v])
			}
		}
		x = y
	}
	energy := x[0]
	g, next := room(2*last+2), room(0)
	g[0] = 1
	for k := last; k >= 0; k-- {
		q := d.layers[k]
		transposed(q, g, next)
		if k > 0 {
			for u, s := range room(2 * k)[:q.K] {
				next[u] *= s
			}
		}
		g, next = next, g
	}
	for u := range grad {
		grad[u] = T(f * g[u])
	}
	return energy
}

// times sets y = xᵀ q.
func times(q linear.Matrix, x, y []float64) {
	clear(y[:q.N])
	for u, a := range x[:q.K] {
		for v, w := range q.W[u*q.N : (u+1)*q.N] {
			y[v] += a * w
		}
	}
}

// transposed sets y = q g.
func transposed(q linear.Matrix, g, y []float64) {
	for u := range q.K {
		sum := 0.0
		for v, w := range q.W[u*q.N : (u+1)*q.N] {
			sum += w * g[v]
		}
		y[u] = sum
	}
}

// readout reads the last maps, shift and scale.
func (m *Model) readout(t *tensors) {
	base := 0.0
	if r := m.cfg.readout; r != nil {
		m.readDense(t, r)
	} else {
		base = m.readLinear(t)
	}
	m.shift = m.bySpecies(t, "rescale_atomic_energy.shift", m.cfg.modal != nil && m.cfg.modal.shift)
	m.scale = m.bySpecies(t, "rescale_atomic_energy.scale", m.cfg.modal != nil && m.cfg.modal.scale)
	for s := range m.shift {
		if m.cfg.output != nil && m.shift[s] != 0 {
			fail("tensor rescale_atomic_energy.shift holds %g: an output %s has no shift, which would not turn with the atoms", m.shift[s], m.cfg.output)
		}
		m.shift[s] += base * m.scale[s]
	}
}

// readDense reads a multi-layer readout.
func (m *Model) readDense(t *tensors, r *readoutNet) {
	width := append(append([]int{m.cfg.irreps[m.cfg.layers].Dim()}, r.hidden...), 1)
	var layers []linear.Matrix
	for k := range len(width) - 1 {
		a, b := width[k], width[k+1]
		w := t.get(fmt.Sprintf("readout_FCN.fcn.layer%d.weight", k), "readout", a, b)
		layers = append(layers, linear.Matrix{K: a, N: b, W: scaled(w, 1/math.Sqrt(float64(a)))})
	}
	m.dense = denseOf(layers, r.act)
}

// readLinear multiplies the two last linear maps, between which nothing stands; what
// their biases and the modality add is returned.
func (m *Model) readLinear(t *tensors) (base float64) {
	ch, more := m.cfg.irreps[m.cfg.layers].Channels(), m.cfg.extra(m.cfg.modal.in("output"))
	const first, second = "reduce_input_to_hidden.linear", "reduce_hidden_to_energy.linear"
	hidden := max(1, t.size(second+".weight"))
	if b, is := t.w.(*Tensors); is && b.blank != nil {
		hidden = b.blank.hiddenReadout()
	}
	b := t.get(second+".weight", fmt.Sprintf("%d × 1", hidden), hidden)
	rows := ch + more.modals
	why := fmt.Sprintf("%d channels × %d of %s.weight", ch, hidden, second)
	if more.modals > 0 {
		why = fmt.Sprintf("%d channels and %d modalities × %d of %s.weight", ch, more.modals, hidden, second)
	}
	a := t.get(first+".weight", why, rows*hidden)
	read := make([]float64, rows)
	for u := range read {
		for h, w := range b {
			read[u] += a[u*hidden+h] * w / math.Sqrt(float64(rows)*float64(hidden))
		}
	}
	m.read = read[:ch]
	if more.modals > 0 {
		base = read[ch+more.modal]
	}
	if more.bias {
		for h, v := range t.get(first+".bias", fmt.Sprintf("%d of %s.weight", hidden, second), hidden) {
			base += v * b[h] / math.Sqrt(float64(hidden))
		}
		base += t.get(second+".bias", "one number", 1)[0]
	}
	return base
}

// bySpecies reads one number, or one for each species, of the modality where there is
// one for each.
func (m *Model) bySpecies(t *tensors, name string, modal bool) []float64 {
	n := m.cfg.nspecies
	if modal {
		q := m.cfg.modal
		v := t.get(name, fmt.Sprintf("%d modalities × %d species", q.n, n), q.n, n)
		return v[q.index*n : (q.index+1)*n]
	}
	if t.has(name) && t.size(name) == 1 {
		n = 1
	}
	v := t.get(name, fmt.Sprintf("one number or one for each of %d species", m.cfg.nspecies), n)
	for len(v) < m.cfg.nspecies {
		v = append(v, v[0])
	}
	return v
}
