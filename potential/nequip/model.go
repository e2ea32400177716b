package nequip

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"

	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/linear"
	"github.com/wigner-md/wigner/potential/mpnn"
)

// Second-moment constants of activations: e3nn divides by the root mean square
// under a Gaussian, which it draws with a fixed seed from 10⁶ samples instead
// of integrating, so the constants are these and not the exact ones.
const (
	actSilu = 1.6791767923989418
	actTanh = 1.5937334472592695
)

// Model is a network as read from a checkpoint, in double precision. It does
// not change and is shared by all ranks of a process.
type Model struct {
	cfg    *config
	layer  []layerWeights
	embed  [][]float64 // x_0 of each species
	coeffs []float64   // c_n of the radial basis, 1/Å
	scale  []float64   // eV, by species
	shift  []float64
	read   []float64 // readout of the last scalars
	dense  *dense    // a multi-layer readout instead
	params int

	mu     sync.Mutex // guards what follows
	shared [3]any     // *mpnn.Model of double, single, single with exact radial
	errors []RadialError
}

// layerWeights are the trained numbers of one layer, with every normalisation
// folded in, in e3nn's order.
type layerWeights struct {
	in, message, gate o3.Irreps
	paths             []o3.Path
	lin1, lin2, skip  *linear.Maps
	mlp               []linear.Matrix // radial network, without activations' constants
}

// Read makes a model from a checkpoint's configuration (plain values as they
// come out of a pickle) and its tensors. Errors name the key or tensor, what
// was wanted and what was found, or what is not supported.
func Read(cfg map[any]any, w potential.Weights) (*Model, error) { return ReadModal(cfg, w, "") }

// ReadModal is Read for one of the modalities (see Modals) of a multi-fidelity model; it
// must be empty for others.
func ReadModal(cfg map[any]any, w potential.Weights, modal string) (*Model, error) {
	m, err := readWhole(cfg, w, modal)
	if err != nil {
		return nil, err
	}
	m.leaveOutDead()
	return m, nil
}

// readWhole is ReadModal with all that stands in the checkpoint.
func readWhole(cfg map[any]any, w potential.Weights, modal string) (*Model, error) {
	m := &Model{}
	if err := m.load(cfg, w, modal); err != nil {
		return nil, err
	}
	return m, nil
}

func (m *Model) load(cfg table, w potential.Weights, modal string) (err error) {
	defer catch(&err)
	c := parse(cfg, modal)
	m.cfg = c
	t := newTensors(w)
	if c.native != nil {
		m.loadNative(t)
	} else {
		m.loadSevenNet(t)
	}
	t.finish()
	for name := range t.used {
		if strings.HasSuffix(name, "weight") || strings.HasSuffix(name, "coeffs") || strings.Contains(name, ".weights.") {
			m.params += t.size(name)
		}
	}
	return nil
}

// loadSevenNet reads the tensors of a SevenNet checkpoint.
func (m *Model) loadSevenNet(t *tensors) {
	c := m.cfg
	in := o3.Irreps{{Mul: c.nspecies, Irrep: o3.Irrep{L: 0, P: 1}}}
	e := readMaps(t, "onehot_to_feature_x", in, c.irreps[0], 0, c.extra(c.modal.in("nodes")))
	for s := range c.nspecies {
		q := e.Pairs[0].Species[0]
		x := q.W[s*q.N : (s+1)*q.N : (s+1)*q.N]
		if e.Bias != nil {
			kernel.Accumulate(e.Bias[0], x)
		}
		m.embed = append(m.embed, x)
	}
	m.coeffs = t.get("edge_embedding.basis_function.coeffs", "bessel_basis_num", c.basis)
	flips := t.couplingSigns(c)
	for n := range c.layers {
		m.layer = append(m.layer, readLayer(t, c, n, flips))
	}
	m.readout(t)
}

func readLayer(t *tensors, c *config, n int, flips map[[3]int]float64) layerWeights {
	l := layerWeights{in: c.irreps[n], gate: gateInput(c.irreps[n+1])}
	l.paths, l.message = c.paths(n)
	name := func(s string) string { return fmt.Sprintf("%d_%s", n, s) }

	l.lin1 = readMaps(t, name("self_interaction_1"), l.in, l.in, 0, c.extra(c.modal.in("intro")))
	ns := 0
	if c.speciesSkip[n] {
		ns = c.nspecies
	}
	l.skip = readMaps(t, name("self_connection_intro"), l.in, l.gate, ns, extra{})
	l.lin2 = readMaps(t, name("self_interaction_2"), l.message, l.gate, 0, c.extra(c.modal.in("outro")))
	d := t.get(name("convolution.denominator"), "one number", 1)[0]
	if d == 0 {
		fail("tensor %s is zero", name("convolution.denominator"))
	}
	l.lin2.Scale(1 / d)

	width := append(append([]int{c.basis}, c.hidden...), o3.Weights(l.paths))
	for k := range len(width) - 1 {
		a, b := width[k], width[k+1]
		w := t.get(name(fmt.Sprintf("convolution.weight_nn.layer%d.weight", k)), "radial network", a, b)
		l.mlp = append(l.mlp, linear.Matrix{K: a, N: b, W: scaled(w, 1/math.Sqrt(float64(a)))})
	}
	if c.slotOrder {
		byPath(l.mlp[len(l.mlp)-1], l.paths)
	}
	l.flip(flips)
	return l
}

// gateInput are the irreps that enter the gate whose output is out: scalars,
// one even gate scalar for each channel of the others, and these, sorted; blocks
// of one irrep are joined.
func gateInput(out o3.Irreps) o3.Irreps {
	in := append(o3.Irreps{}, out...)
	for _, r := range out {
		if r.L > 0 {
			in = append(in, o3.MulIrrep{Mul: r.Mul, Irrep: o3.Irrep{L: 0, P: 1}})
		}
	}
	return in.Sort().Simplify()
}

// flip gives the radial weights the signs of the couplings that the model was trained with.
func (l *layerWeights) flip(signs map[[3]int]float64) {
	out := l.mlp[len(l.mlp)-1]
	for _, p := range l.paths {
		if signs[[3]int{p.L1, p.L2, p.L3}] < 0 {
			for k := range out.K {
				for u := range p.Mul {
					out.W[k*out.N+p.Weight+u] *= -1
				}
			}
		}
	}
}

// byPath brings the columns of the last radial matrix from the order of the slots into
// that of the paths.
func byPath(q linear.Matrix, paths []o3.Path) {
	bySlot := slices.Clone(paths)
	slices.SortFunc(bySlot, func(a, b o3.Path) int { return a.Slot - b.Slot })
	row := make([]float64, q.N)
	for k := range q.K {
		from := q.W[k*q.N : (k+1)*q.N]
		copy(row, from)
		at := 0
		for _, p := range bySlot {
			copy(from[p.Weight:][:p.Mul], row[at:])
			at += p.Mul
		}
	}
}

// couplingSigns compares the coupling tensors that the checkpoint holds with
// those of o3: the model was trained with the sign found. Checkpoints of accelerated
// products hold none; they need version 0.11 and with it e3nn 0.5, which has the
// opposite sign of (1,d,d), d ≥ 2, and its permutations (compared for all orders up to 8).
func (t *tensors) couplingSigns(c *config) map[[3]int]float64 {
	signs := map[[3]int]float64{}
	if c.slotOrder || c.native != nil {
		for d := 2; d <= 8; d++ {
			signs[[3]int{1, d, d}], signs[[3]int{d, 1, d}], signs[[3]int{d, d, 1}] = -1, -1, -1
		}
	}
	found := map[[3]int]float64{}
	const mark = "_w3j_"
	for name := range t.name {
		k := strings.LastIndex(name, mark)
		if k < 0 {
			continue
		}
		var l [3]int
		var rest string
		n, _ := fmt.Sscanf(strings.ReplaceAll(name[k+len(mark):], "_", " ")+" .", "%d %d %d %s", &l[0], &l[1], &l[2], &rest)
		if n != 4 || rest != "." || l[0] < 0 || l[1] < 0 || l[2] < max(l[0]-l[1], l[1]-l[0]) || l[2] > l[0]+l[1] || l[0]+l[1] > 32 {
			fail("tensor %s: cannot tell the orders of the coupling", name)
		}
		c := o3.Coupling(l[0], l[1], l[2])
		w := t.get(name, "coupling", c.Dim[:]...)
		dot := 0.0
		for q, x := range w {
			dot += x * c.Data[q]
		}
		sign := math.Copysign(1, dot)
		if math.Abs(dot*sign-1) > 1e-5 {
			fail("tensor %s is not the coupling of its orders (overlap %.6f)", name, dot)
		}
		if was, ok := found[l]; ok && was != sign {
			fail("tensor %s has the opposite sign of the same coupling in another layer", name)
		}
		found[l], signs[l] = sign, sign
	}
	return signs
}

func scaled(w []float64, f float64) []float64 {
	out := make([]float64, len(w))
	for k, v := range w {
		out[k] = f * v
	}
	return out
}

// Elements are the atomic numbers that the model knows, ascending.
func (m *Model) Elements() []int { return m.cfg.elements() }

// Cutoff is r_c in Å.
func (m *Model) Cutoff() float64 { return m.cfg.cutoff }

// Group is O3 for models trained with parity, SO3 for others.
func (m *Model) Group() potential.Group {
	if m.cfg.parity {
		return potential.O3
	}
	return potential.SO3
}

// Family is the program whose network it is.
func (m *Model) Family() string {
	if m.cfg.native != nil {
		return "NequIP"
	}
	return "SevenNet"
}

// Version is the version of SevenNet or NequIP that wrote the checkpoint.
func (m *Model) Version() string { return m.cfg.version }

// Parameters is the number of trained weights, shifts and scales apart.
func (m *Model) Parameters() int { return m.params }

// Output is the irrep that the network gives instead of an energy, nil for an energy.
func (m *Model) Output() *o3.Irrep { return m.cfg.output }

// components is the number of what is read out of each atom.
func (m *Model) components() int {
	if m.cfg.output == nil {
		return 1
	}
	return m.cfg.output.Dim()
}

// LayerInfo describes a layer.
type LayerInfo struct {
	In, Message, Out o3.Irreps
	Paths            int // couplings
	Weights          int // radial weights per edge
}

// Layers describes all layers, the first first, as they are evaluated: without messages
// that nothing depends on.
func (m *Model) Layers() []LayerInfo {
	out := make([]LayerInfo, len(m.layer))
	for t, l := range m.layer {
		out[t] = LayerInfo{l.in, l.message, m.cfg.irreps[t+1], len(l.paths), o3.Weights(l.paths)}
	}
	return out
}

// New64 is one rank's evaluator in double precision, with the exact radial
// network.
func New64(m *Model) *mpnn.Network[float64] {
	return mpnn.New(share(m, 0, func() *mpnn.Model[float64] { return build(m, 0, everyEdge[float64], nil) }))
}

// New32 is one rank's evaluator in single precision, with tabulated radial
// functions; energies and edge gradients are summed in double precision.
func New32(m *Model) *mpnn.Network[float32] {
	return mpnn.New(share(m, 1, func() *mpnn.Model[float32] {
		var tables []*kernel.Table
		tables, m.errors = m.tables()
		if !m.good() {
			return build(m, 0, everyEdge[float32], nil)
		}
		return build(m, m.TableMin(), func(t int, s *kernel.Shape, r kernel.Radial[float32]) (conv, near kernel.Conv[float32]) {
			return kernel.NewConv32(s, tables[t]), kernel.NewLoops(s, r)
		}, nil)
	}))
}

// New32Exact is New32 with the radial network evaluated for every edge: slow,
// to judge the tables.
func New32Exact(m *Model) *mpnn.Network[float32] {
	return mpnn.New(share(m, 2, func() *mpnn.Model[float32] { return build(m, 0, everyEdge[float32], nil) }))
}

// share makes the weights of a precision once for all ranks.
func share[T kernel.Float](m *Model, k int, make func() *mpnn.Model[T]) *mpnn.Model[T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.shared[k] == nil {
		m.shared[k] = make()
	}
	return m.shared[k].(*mpnn.Model[T])
}
