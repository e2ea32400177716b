package mace

import (
	"fmt"
	"math"
	"sort"
	"sync"

	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/linear"
	"github.com/wigner-md/wigner/potential/mpnn"
)

// Model is a network as read from a file, in double precision. It does not change and
// is shared by all ranks of a process.
type Model struct {
	cfg    *config
	radial radialBasis
	repel  *repulsion
	layer  []layerWeights
	params int

	mu     sync.Mutex      // guards what follows
	shared map[[3]bool]any // *mpnn.Model by: double, tables, lean
	tables *pairTables
}

// layerWeights are the trained numbers of one layer, with every normalisation folded in.
type layerWeights struct {
	kind
	class             string
	x, h, target, out o3.Irreps // in, after linear_up, of a, of x'
	message           o3.Irreps // of the sums, the slots of an irrep joined
	paths             []o3.Path
	up                *linear.Maps // x → h
	lin               *linear.Maps // message → target, or → the gate's input
	skip              *linear.Maps // residual: x → out, by species or not
	skipAfter         *linear.Maps // not residual: target → target, by species
	mlp, rho          *mlp         // radial weights; density
	alpha, beta       float64
	res, lin2         *linear.Maps // gated: h → gate's input; gate's output → target
	gate              *gate
	poly              *contraction
	product           *linear.Maps
	selfConnection    bool
	read              *readout // nil where the layer is not read out
}

// Read makes a model from the attributes of a pickled module (by path of submodule, as
// io/torch gives them) and its tensors. head names one of several heads; it may be
// empty where there is one, or one called default. Errors name what is missing or not
// supported.
func Read(cfg map[any]any, w potential.Weights, head string) (*Model, error) {
	m := &Model{}
	if err := m.load(&tree{cfg: cfg, w: w}, head); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Model) load(t *tree, head string) (err error) {
	defer catch(&err)
	m.cfg = t.parse(head)
	m.radial = t.radialBasis(m.cfg)
	m.repel = t.repulsion(m.cfg)
	x := o3.Irreps{{Mul: m.cfg.channels, Irrep: o3.Irrep{L: 0, P: 1}}}
	for n := range m.cfg.layers {
		l := t.layer(m.cfg, n, x)
		m.layer = append(m.layer, l)
		x = l.out
	}
	t.readouts(m)
	t.unread(m.cfg.layers)
	m.params = t.read
	return nil
}

// layer reads interaction and product n; x are the irreps of its input.
func (t *tree) layer(c *config, n int, x o3.Irreps) layerWeights {
	name := fmt.Sprintf("interactions.%d", n)
	at := func(s string) string { return name + "." + s }
	class := t.class(name)
	k, ok := kinds[class]
	if !ok {
		fail("%s is of class %s, which is not supported; supported are %s", name, class, knownKinds())
	}
	ns := len(c.numbers)
	l := layerWeights{kind: k, class: class, alpha: 1, beta: 1, x: x, h: t.irreps(at("linear_up"), "irreps_out"), target: t.irreps(name, "target_irreps")}
	uniform(name+".target_irreps", l.target)
	t.layout(at("conv_tp"), "TensorProduct")
	l.up = t.linear(at("linear_up"), x, l.h, 0)
	l.convolution(c)
	l.mlp = t.mlp(at("conv_tp_weights"), c.basis, o3.Weights(l.paths), k.gated)
	if k.density {
		l.rho = t.mlp(at("density_fn"), c.basis, 1, k.gated)
	}
	mul := l.contractionIrreps(t, c, n)
	switch {
	case k.gated:
		l.readGated(t, c, name)
	default:
		l.lin = joined(t.linear(at("linear"), l.slots(), l.target, 0), l.message)
		if !k.density {
			avg := t.scalar(at("avg_num_neighbors"))
			if !(avg > 0) {
				fail("%s is %v", at("avg_num_neighbors"), avg)
			}
			l.lin.Scale(1 / avg)
		}
		if k.residual {
			l.skip = t.linear(at("skip_tp"), x, t.irreps(at("skip_tp"), "irreps_out"), ns)
		} else {
			l.skipAfter = t.linear(at("skip_tp"), l.target, l.target, ns)
		}
	}
	l.products(t, c, n, mul)
	return l
}

// convolution lists the paths, which take their weights in the order of their slots.
func (l *layerWeights) convolution(c *config) {
	var sh o3.Irreps
	for i := range c.lmax + 1 {
		sh = append(sh, o3.MulIrrep{Mul: 1, Irrep: o3.Irrep{L: i, P: parity(i)}})
	}
	uniform("the convolution's features", l.h)
	l.paths, l.message = o3.Paths(l.h, sh, func(r o3.Irrep) bool { return l.target.Count(r) > 0 })
	at := make([]int, len(l.paths))
	for _, p := range l.paths {
		at[p.Slot] = p.Mul
	}
	for i := range l.paths {
		w := 0
		for _, m := range at[:l.paths[i].Slot] {
			w += m
		}
		l.paths[i].Weight = w
	}
}

// slots are the irreps of the messages before slots are joined.
func (l *layerWeights) slots() o3.Irreps {
	s := make(o3.Irreps, len(l.paths))
	for _, p := range l.paths {
		s[p.Slot] = o3.MulIrrep{Mul: p.Mul, Irrep: p.Out}
	}
	return s
}

// joined is a map of slots as one of blocks in which slots of one irrep lie side by side.
func joined(m *linear.Maps, to o3.Irreps) *linear.Maps {
	q := &linear.Maps{In: to, Out: m.Out}
	for o, b := range m.Out {
		var all linear.Matrix
		all.N = b.Mul
		for _, p := range m.Pairs {
			if p.Out == o {
				all.K += p.Species[0].K
				all.W = append(all.W, p.Species[0].W...)
			}
		}
		for i, a := range to {
			if a.Irrep == b.Irrep && all.K > 0 {
				if all.K != a.Mul {
					fail("%s → %s: blocks of one irrep twice are not supported", m.In, m.Out)
				}
				q.Pairs = append(q.Pairs, linear.Pair{In: i, Out: o, Species: []linear.Matrix{all}})
			}
		}
	}
	return q
}

// gated reads what the non-linear block has besides.
func (l *layerWeights) readGated(t *tree, c *config, name string) {
	at := func(s string) string { return name + "." + s }
	if class := t.class(at("equivariant_nonlin")); class != "GatedEquivariantBlock" {
		fail("%s is of class %s; GatedEquivariantBlock is supported", at("equivariant_nonlin"), class)
	}
	l.gate = newGate(l.target)
	for f, v := range map[string]*float64{"_scalar_cst": &l.gate.cs, "_gate_cst": &l.gate.cg} {
		x := t.attr(at("equivariant_nonlin"), f)
		if list, ok := x.([]any); ok {
			x = first(list)
		}
		c, ok := x.(float64)
		if !ok || c-c != 0 {
			fail("%s has no constant %s", at("equivariant_nonlin"), f)
		}
		*v = c
	}
	in := l.gate.irreps
	l.res = t.linear(at("linear_res"), l.h, in, 0)
	l.lin = joined(t.linear(at("linear_1"), l.slots(), in, 0), l.message)
	l.lin2 = t.linear(at("linear_2"), l.target, l.target, 0)
	l.alpha, l.beta = t.scalar(at("alpha")), t.scalar(at("beta"))
	l.skip = t.linear(at("skip_tp"), l.x, t.irreps(at("skip_tp"), "irreps_out"), 0)
	t.embeddings(c, name, l.mlp, l.rho)
}

func first(x []any) any {
	if len(x) == 0 {
		return nil
	}
	return x[0]
}

// bySpecies is a linear map of the one-hot species: [n][C], divided by √n.
func (t *tree) bySpecies(name string, n, ch int) [][]float64 {
	t.layout(name, "Linear")
	w := t.get(name+".weight", fmt.Sprintf("%d species × %d", n, ch), n*ch)
	out := make([][]float64, n)
	for s := range out {
		out[s] = scaled(w[s*ch:(s+1)*ch], 1/math.Sqrt(float64(n)))
	}
	return out
}

// Elements are the atomic numbers that the model knows, ascending.
func (m *Model) Elements() []int {
	zs := append([]int(nil), m.cfg.numbers...)
	sort.Ints(zs)
	return zs
}

// Cutoff is r_max in Å.
func (m *Model) Cutoff() float64 { return m.cfg.cutoff }

// Group is O3.
func (m *Model) Group() potential.Group { return potential.O3 }

// Parameters is the number of trained weights and constants read.
func (m *Model) Parameters() int { return m.params }

// Heads are the names of all heads; Head is the one in use.
func (m *Model) Heads() []string { return m.cfg.heads }

// Head is the head in use.
func (m *Model) Head() string { return m.cfg.heads[m.cfg.head] }

// Class is the name of the model's class.
func (m *Model) Class() string { return m.cfg.class }

// Describe says what the model has besides its layers, in words.
func (m *Model) Describe() string {
	s := fmt.Sprintf("%d Bessel functions", len(m.radial.freq))
	if m.radial.agnesi != nil {
		s += ", Agnesi transform"
	}
	if m.repel != nil {
		s += ", ZBL repulsion"
	}
	return s
}

// Single is whether the couplings of the contractions, which the file holds, are rounded to
// single precision: energies are then the same in every orientation to that alone.
func (m *Model) Single() bool {
	for _, l := range m.layer {
		if !l.poly.precise {
			return true
		}
	}
	return false
}

// LayerInfo describes a layer.
type LayerInfo struct {
	Block            string // class of the interaction
	In, Message, Out o3.Irreps
	Paths            int // couplings
	Weights          int // radial weights per edge
	Monomials        int // of the contraction, per channel
}

// Layers describes all layers, the first first.
func (m *Model) Layers() []LayerInfo {
	out := make([]LayerInfo, len(m.layer))
	for t := range m.layer {
		l := &m.layer[t]
		out[t] = LayerInfo{l.class, l.x, l.message, l.out, len(l.paths), o3.Weights(l.paths), l.poly.poly.Coefs}
	}
	return out
}

// New64 is one rank's evaluator in double precision, with the exact radial network.
func New64(m *Model) *mpnn.Network[float64] { return network64(m, false) }

// New32 is one rank's evaluator in single precision, with tabulated radial functions;
// energies and edge gradients are summed in double precision.
func New32(m *Model) *mpnn.Network[float32] { return network32(m, true, false) }

// New32Exact is New32 with the radial network evaluated for every edge: slow, to judge
// the tables.
func New32Exact(m *Model) *mpnn.Network[float32] { return network32(m, false, false) }

// Lean64, Lean32 and Lean32Exact are the same in less memory: the first layer's states,
// which depend on positions and species alone and are most of what a network of two layers
// keeps, are made again in the backward sweep. Results are the same bits.
func Lean64(m *Model) *mpnn.Network[float64] { return network64(m, true) }

// Lean32 is New32 in less memory.
func Lean32(m *Model) *mpnn.Network[float32] { return network32(m, true, true) }

// Lean32Exact is New32Exact in less memory.
func Lean32Exact(m *Model) *mpnn.Network[float32] { return network32(m, false, true) }

func network64(m *Model, lean bool) *mpnn.Network[float64] {
	return mpnn.New(share(m, [3]bool{true, false, lean}, func() *mpnn.Model[float64] { return build[float64](m, false, lean) }))
}

func network32(m *Model, tables, lean bool) *mpnn.Network[float32] {
	return mpnn.New(share(m, [3]bool{false, tables, lean}, func() *mpnn.Model[float32] { return build[float32](m, tables, lean) }))
}

// share makes the weights of a precision once for all ranks.
func share[T mpnn.Float](m *Model, k [3]bool, make func() *mpnn.Model[T]) *mpnn.Model[T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.shared == nil {
		m.shared = map[[3]bool]any{}
	}
	if m.shared[k] == nil {
		m.shared[k] = make()
	}
	return m.shared[k].(*mpnn.Model[T])
}
