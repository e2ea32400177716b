package nequip

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/linear"
	"github.com/wigner-md/wigner/potential/mpnn"
)

// Trainee is a network whose weights change: a potential.Trainable. Its parameters are
// the checkpoint's tensors as they stand in the file. The radial networks are evaluated
// at the knots of splines only, and their gradients flow through the splines. It serves
// one goroutine.
type Trainee[T kernel.Float] struct {
	*mpnn.Network[T]
	m      *Model
	params []potential.Param
	theta  []float64 // all parameters
	// Folded numbers: arena[k] = factor[k] · theta[index[k]], and their gradient.
	arena, grad, factor []float64
	index               []int32
	slices              []int // where each slice of walk begins in the arena
	readout             struct{ a, b, scale, shift []float64 }
	offset              map[string]int // of a tensor in theta
	all                 []*weights[T]
	knots               []*knots[T]
	reading             *reading
}

// NewTrainee makes one of a checkpoint's configuration and tensors, as Read does.
func NewTrainee[T kernel.Float](cfg map[any]any, w potential.Weights) (*Trainee[T], error) {
	m, err := Read(cfg, w)
	if err != nil {
		return nil, err
	}
	if c := m.cfg; c.modal != nil || c.bias || c.readout != nil || c.native != nil {
		return nil, fmt.Errorf("nequip: networks with biases or a multi-layer readout, and NequIP's own, are evaluated, not trained")
	}
	t := &Trainee[T]{m: m, offset: map[string]int{}}
	if err := t.fields(cfg, w); err != nil {
		return nil, err
	}
	net := build(m, 0, func(n int, s *kernel.Shape, _ kernel.Radial[T]) (conv, near kernel.Conv[T]) {
		return t.all[n].learning.conv, nil
	}, func(all []*weights[T]) {
		t.all = all
		for n, w := range all {
			t.prepare(n, w)
		}
	})
	t.Network = mpnn.New(net)
	t.Update()
	return t, nil
}

// prepare makes the radial spline of a layer and the memory for its gradients.
func (t *Trainee[T]) prepare(n int, w *weights[T]) {
	m := t.m
	k := newKnots[T](m, n, w.shape.Weights)
	l := &learning[T]{conv: kernel.NewLearner(w.shape, k.spline), coef: make([]T, len(k.spline.Coef)),
		lin2: linear.NewGradient[T](m.layer[n].lin2)}
	if n+1 < len(m.layer) {
		l.lin1, l.skip = linear.NewGradient[T](m.layer[n+1].lin1), linear.NewGradient[T](m.layer[n+1].skip)
	}
	if n == 0 {
		l.x0, l.s0 = make([]T, len(w.x0)), make([]T, len(w.s0))
	}
	if n == len(m.layer)-1 {
		t.reading = &reading{make([]float64, len(m.read)), make([]float64, m.cfg.nspecies), make([]float64, m.cfg.nspecies)}
		w.reading = t.reading
	}
	w.learning = l
	t.knots = append(t.knots, k)
}

// probe is a checkpoint whose trained maps are all ones, or count from 1.
type probe struct {
	potential.Weights
	offset map[string]int
	count  bool
}

// probed is whether the model's folded numbers are multiples of the tensor's.
func probed(name string) bool {
	return strings.HasSuffix(name, ".weight") && !strings.HasPrefix(name, "reduce_")
}

// Tensor64 is for potential.Tensor64.
func (p probe) Tensor64(name string) (shape []int, data []float64, ok bool) {
	shape, data, ok = potential.Tensor64(p.Weights, name)
	at, is := p.offset[name]
	if !is || !ok {
		return shape, data, ok
	}
	for k := range data {
		data[k] = 1
		if p.count {
			data[k] = float64(at + k + 1)
		}
	}
	return shape, data, ok
}

// fields finds what becomes of each parameter: reading a checkpoint of ones gives the
// factors, one that counts the places.
func (t *Trainee[T]) fields(cfg map[any]any, w potential.Weights) error {
	names := newTensors(w).name
	var all []string
	for present := range names {
		if strings.HasSuffix(present, ".weight") || strings.HasPrefix(present, "rescale_atomic_energy.") {
			all = append(all, present)
		}
	}
	sort.Strings(all)
	trained := map[string]int{} // names in the file
	n := 0
	for _, present := range all {
		shape, data, _ := potential.Tensor64(w, names[present])
		if len(data) == 0 {
			continue
		}
		t.offset[present] = n
		if probed(present) {
			trained[names[present]] = n
		}
		t.params = append(t.params, potential.Param{Name: present, Shape: shape})
		t.theta = append(t.theta, data...)
		n += len(data)
	}
	for k := range t.params {
		p := &t.params[k]
		from, to := t.offset[p.Name], n
		if k+1 < len(t.params) {
			to = t.offset[t.params[k+1].Name]
		}
		p.Value = t.theta[from:to:to]
	}
	view := func(name string) []float64 {
		for _, p := range t.params {
			if p.Name == name {
				return p.Value
			}
		}
		return nil
	}
	t.readout.a, t.readout.b = view("reduce_input_to_hidden.linear.weight"), view("reduce_hidden_to_energy.linear.weight")
	t.readout.scale, t.readout.shift = view("rescale_atomic_energy.scale"), view("rescale_atomic_energy.shift")

	ones, err := Read(cfg, probe{w, trained, false})
	if err != nil {
		return err
	}
	count, err := Read(cfg, probe{w, trained, true})
	if err != nil {
		return err
	}
	ones.walk(func(x *[]float64) { t.factor = append(t.factor, *x...) })
	k := 0
	count.walk(func(x *[]float64) {
		for _, v := range *x {
			t.index = append(t.index, int32(math.Round(v/t.factor[k]))-1)
			k++
		}
	})
	t.arena, t.grad = make([]float64, k), make([]float64, k)
	k = 0
	t.m.walk(func(x *[]float64) { // the model's numbers move into the arena
		t.slices = append(t.slices, k)
		*x = t.arena[k : k+len(*x) : k+len(*x)]
		k += len(*x)
	})
	for k, i := range t.index {
		if i < 0 || int(i) >= len(t.theta) {
			return fmt.Errorf("nequip: folded number %d belongs to no parameter", k)
		}
	}
	return nil
}

// walk visits every slice of numbers that are multiples of parameters, always in the
// same order.
func (m *Model) walk(f func(w *[]float64)) {
	for s := range m.embed {
		f(&m.embed[s])
	}
	for n := range m.layer {
		l := &m.layer[n]
		for _, p := range []*linear.Maps{l.lin1, l.lin2, l.skip} {
			for _, q := range p.Pairs {
				for s := range q.Species {
					f(&q.Species[s].W)
				}
			}
		}
		for k := range l.mlp {
			f(&l.mlp[k].W)
		}
	}
}

// Params is part of potential.Trainable.
func (t *Trainee[T]) Params() []potential.Param { return slices.Clone(t.params) }

// Model is the network with the present weights; it must not be used further after the
// next Update.
func (t *Trainee[T]) Model() *Model { return t.m }

// Closest is the distance, Å, at which the radial functions begin.
func (t *Trainee[T]) Closest() float64 { return t.m.TableMin() }

// Update is part of potential.Trainable.
func (t *Trainee[T]) Update() {
	for k, i := range t.index {
		t.arena[k] = t.factor[k] * t.theta[i]
	}
	m, a, b := t.m, t.readout.a, t.readout.b
	hidden := len(b)
	for u := range m.read {
		sum := 0.0
		for h, v := range b {
			sum += a[u*hidden+h] * v
		}
		m.read[u] = sum / math.Sqrt(float64(len(m.read)*hidden))
	}
	for s := range m.scale {
		m.scale[s] = t.readout.scale[min(s, len(t.readout.scale)-1)]
		m.shift[s] = t.readout.shift[min(s, len(t.readout.shift)-1)]
	}
	for n, w := range t.all {
		l := &m.layer[n]
		w.lin2.Repack(l.lin2)
		if n == 0 {
			copy(w.x0, bySpecies[T](m, l.lin1, linear.Place(l.in)))
			copy(w.s0, bySpecies[T](m, l.skip, w.gate.in))
		} else {
			t.all[n-1].lin1.Repack(l.lin1)
			t.all[n-1].skip.Repack(l.skip)
		}
		t.knots[n].forward(l.mlp)
		w.learning.conv.Refresh()
	}
}

// ParamGradient is part of potential.Trainable.
func (t *Trainee[T]) ParamGradient(f *potential.Frame, dEnergy, e, dst []float64) error {
	if len(dst) != len(t.theta) {
		panic("nequip: gradient has another length than the parameters")
	}
	t.clear()
	if err := t.Network.Learn(f, dEnergy, e); err != nil {
		return err
	}
	t.collect(dst)
	return nil
}

func (t *Trainee[T]) clear() {
	clear(t.grad)
	for _, x := range [][]float64{t.reading.read, t.reading.scale, t.reading.shift} {
		clear(x)
	}
	for _, w := range t.all {
		l := w.learning
		clear(l.coef)
		clear(l.x0)
		clear(l.s0)
		l.lin2.Clear()
		l.lin1.Clear()
		l.skip.Clear()
	}
}

// collect brings the layers' gradients together and adds them to dst.
func (t *Trainee[T]) collect(dst []float64) {
	m, at := t.m, 0
	next := func() []float64 { // the gradient of walk's next slice
		from, to := t.slices[at], len(t.grad)
		if at++; at < len(t.slices) {
			to = t.slices[at]
		}
		return t.grad[from:to]
	}
	embed := make([][]float64, len(m.embed))
	for s := range embed {
		embed[s] = next()
	}
	maps := func(l *linear.Maps, g linear.Gradient[T], rows []T, to linear.Record) {
		if g == nil {
			m.learnSpecies(l, toDoubles(rows), to, embed, next)
			return
		}
		for k := range g {
			for s := range g[k] {
				widen(g[k][s], next())
			}
		}
	}
	for n, w := range t.all {
		l, d := &m.layer[n], w.learning
		before := &learning[T]{}
		if n > 0 {
			before = t.all[n-1].learning
		}
		maps(l.lin1, before.lin1, d.x0, linear.Place(l.in))
		maps(l.lin2, d.lin2, nil, linear.Record{})
		maps(l.skip, before.skip, d.s0, w.gate.in)
		mlp := make([][]float64, len(l.mlp))
		for k := range mlp {
			mlp[k] = next()
		}
		t.knots[n].backward(d.coef, mlp)
	}
	for k, i := range t.index {
		dst[i] += t.factor[k] * t.grad[k]
	}
	r, o := t.reading, &t.readout
	hidden := len(o.b)
	f := 1 / math.Sqrt(float64(len(m.read)*hidden))
	ga, gb := dst[t.offset["reduce_input_to_hidden.linear.weight"]:], dst[t.offset["reduce_hidden_to_energy.linear.weight"]:]
	for u, g := range r.read {
		for h, b := range o.b {
			ga[u*hidden+h] += f * g * b
			gb[h] += f * g * o.a[u*hidden+h]
		}
	}
	for s := range r.scale {
		dst[t.offset["rescale_atomic_energy.scale"]+min(s, len(o.scale)-1)] += r.scale[s]
		if m.cfg.output == nil { // a shift of a tensor is and stays zero
			dst[t.offset["rescale_atomic_energy.shift"]+min(s, len(o.shift)-1)] += r.shift[s]
		}
	}
}

// learnSpecies gives the gradients of a map of the embeddings, rows being those of its
// values for each species, to next's slices and to embed.
func (m *Model) learnSpecies(l *linear.Maps, rows []float64, to linear.Record, embed [][]float64, next func() []float64) {
	from := linear.Place(l.In)
	for _, p := range l.Pairs {
		a, b := from.Where[p.In], to.Where[p.Out]
		g := make([][]float64, len(p.Species))
		for s := range g {
			g[s] = next()
		}
		for z, x := range m.embed {
			k := min(z, len(p.Species)-1)
			w, gy := p.Species[k], rows[z*to.Width+b.Offset:]
			for u := range w.K {
				for v := range w.N {
					g[k][u*w.N+v] += x[a.Offset+u] * gy[v]
					embed[z][a.Offset+u] += w.W[u*w.N+v] * gy[v]
				}
			}
		}
	}
}

func toDoubles[T kernel.Float](x []T) []float64 {
	out := make([]float64, len(x))
	widen(x, out)
	return out
}

// widen adds x to y.
func widen[T kernel.Float](x []T, y []float64) {
	for k, v := range x {
		y[k] += float64(v)
	}
}
