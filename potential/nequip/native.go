package nequip

import (
	"fmt"
	"math"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential/linear"
)

// NequIP's own networks (package nequip 0.19) differ from SevenNet's in what is mapped
// here: irreps of natural or both parities and only the paths that the gate takes; a
// learned embedding of the types, which the self connection multiplies; no self
// connection in the first layer; sums divided by √N before the messages, N maybe by the
// type of the neighbour; radial networks and readout with plain silu and √2 instead of
// its second-moment constant.
const nativeType = "NequIP"

// native is what the configuration says beside what config has.
type native struct {
	hidden  []o3.Irreps // of each layer, as asked for
	embed   int         // width of the embedding
	skip    []bool      // by layer: there is a self connection
	norm    []float64   // 1/√N: one, or one for each type
	readout string      // activation of the readout, "" for none
}

// parseNative reads the configuration that FromLightning and FromModules make.
func parseNative(c table) *config {
	f := &config{version: c.text("version", ""), parity: true, unit: true, native: &native{}}
	n := f.native
	f.cutoff, f.lmaxEdge = c.real("cutoff", 0), c.integer("lmax", -1)
	if !(f.cutoff > 0 && f.cutoff < 1e3) {
		fail("configuration: cutoff is %g Å", f.cutoff)
	}
	if f.lmaxEdge < 0 || f.lmaxEdge > 8 {
		fail("configuration: lmax is %d; supported are 0 to 8", f.lmaxEdge)
	}
	p := c.real("poly_cut_p_value", 6)
	if !(p >= 2 && p <= 100) {
		fail("configuration: poly_cut_p_value is %g; supported are 2 to 100", p)
	}
	f.envelope = polyCut{f.cutoff, p}
	f.basis = c.integer("bessel_basis_num", 8)
	if f.basis < 1 || f.basis > 1024 {
		fail("configuration: bessel_basis_num is %d; supported are 1 to 1024", f.basis)
	}
	f.types(c.texts("type_names"))
	for _, s := range c.texts("irreps") {
		irr, err := o3.ParseIrreps(s)
		if err != nil {
			fail("configuration: irreps: %w", err)
		}
		n.hidden = append(n.hidden, irr)
	}
	f.layers = len(n.hidden)
	if f.layers < 1 || f.layers > 64 {
		fail("configuration: irreps of %d layers; supported are 1 to 64", f.layers)
	}
	for _, v := range c.list("self_connection", f.layers) {
		b, ok := v.(bool)
		if !ok {
			fail("configuration: self_connection holds %v", v)
		}
		n.skip = append(n.skip, b)
	}
	f.speciesSkip = n.skip
	n.embed = c.integer("embedding", 0)
	if n.embed < 1 || n.embed > 1<<16 {
		fail("configuration: embedding is %d", n.embed)
	}
	n.readout = c.text("readout_nonlinearity", "")
	if _, ok := nativeActivations()[n.readout]; !ok && n.readout != "" {
		fail("configuration: readout_nonlinearity %q is not supported; silu, mish and gelu are", n.readout)
	}
	for _, v := range c.list("norm", -1) {
		x, ok := v.(float64)
		if !ok || !(x > 0 && x < 1e6) {
			fail("configuration: norm holds %v", v)
		}
		n.norm = append(n.norm, x)
	}
	if len(n.norm) != 1 && len(n.norm) != f.nspecies {
		fail("configuration: norm has %d numbers for %d types", len(n.norm), f.nspecies)
	}
	f.nativeIrreps()
	return f
}

// texts is a list of texts.
func (c table) texts(key string) (out []string) {
	for _, v := range c.list(key, -1) {
		s, ok := v.(string)
		if !ok {
			fail("configuration: %s holds %v, not a text", key, v)
		}
		out = append(out, s)
	}
	return out
}

// list is a list of n values, or of any number.
func (c table) list(key string, n int) []any {
	v, _ := c.get(key)
	list, ok := v.([]any)
	if x, is := v.([]float64); is {
		for _, e := range x {
			list = append(list, e)
		}
		ok = true
	}
	if !ok || len(list) == 0 || n >= 0 && len(list) != n {
		fail("configuration: %s is %v, not a list of %d", key, v, n)
	}
	return list
}

// types are elements by their symbols.
func (f *config) types(names []string) {
	f.nspecies, f.species = len(names), map[int]int{}
	for k, s := range names {
		z, ok := element.Number(s)
		if !ok {
			fail("type %q is not the symbol of an element: wigner maps elements to types by name", s)
		}
		if _, twice := f.species[z]; twice {
			fail("type %q appears twice", s)
		}
		f.species[z] = k
	}
}

// nativeIrreps finds the features between the layers: what is asked for and has a path.
func (f *config) nativeIrreps() {
	even := o3.Irrep{L: 0, P: 1}
	f.irreps = []o3.Irreps{{{Mul: f.native.embed, Irrep: even}}}
	for t, hidden := range f.native.hidden {
		_, reach := o3.Paths(f.irreps[t], o3.SphericalIrreps(f.lmaxEdge, true), func(o3.Irrep) bool { return true })
		var scalars, others o3.Irreps
		for _, r := range hidden {
			switch {
			case r.Mul == 0 || r.Mul > 1<<16 || r.L > 8:
				fail("configuration: irreps has the term %s, which is not supported", r)
			case reach.Count(r.Irrep) == 0:
			case r.L == 0:
				scalars = append(scalars, r)
			default:
				others = append(others, r)
			}
		}
		out := append(scalars, others...).Simplify()
		seen := map[o3.Irrep]bool{}
		for _, r := range out {
			if seen[r.Irrep] {
				fail("configuration: irreps %q has %s twice, which is not supported", hidden, r.Irrep)
			}
			seen[r.Irrep] = true
		}
		last := t == f.layers-1
		if !seen[even] || last && len(out) > 1 {
			fail("configuration: irreps %q of layer %d: wanted are even scalars, in the last layer alone", hidden, t)
		}
		f.irreps = append(f.irreps, out)
	}
}

// loadNative reads the tensors.
func (m *Model) loadNative(t *tensors) {
	c := m.cfg
	ns, ch := c.nspecies, c.native.embed
	e := t.get("type_embed.embed_module.weight", fmt.Sprintf("%d types × %d", ns, ch), ns, ch)
	for s := range ns {
		m.embed = append(m.embed, e[s*ch:(s+1)*ch:(s+1)*ch])
	}
	for _, w := range t.get("bessel_encode.bessel_weights", "bessel_basis_num", 1, c.basis) {
		m.coeffs = append(m.coeffs, w*math.Pi/c.cutoff)
	}
	flips := t.couplingSigns(c)
	for n := range c.layers {
		m.layer = append(m.layer, m.nativeLayer(t, n, flips))
	}
	m.nativeReadout(t)
	m.scale, m.shift = make([]float64, ns), make([]float64, ns)
	for s := range m.scale {
		m.scale[s] = 1
	}
	for name, x := range map[string]*[]float64{"scales": &m.scale, "shifts": &m.shift} {
		name = "per_type_energy_scale_shift." + name
		if t.size(name) == 0 { // none
			continue
		}
		*x = m.bySpecies(t, name, false)
	}
}

func (m *Model) nativeLayer(t *tensors, n int, flips map[[3]int]float64) layerWeights {
	c := m.cfg
	l := layerWeights{in: c.irreps[n], gate: gateInput(c.irreps[n+1])}
	l.paths, l.message = c.paths(n)
	name := func(s string) string { return fmt.Sprintf("layer%d_convnet.conv.%s", n, s) }
	l.lin1 = readNamed(t, name("linear_1.weight"), name("linear_1.bias"), l.in, l.in, 0, extra{})
	scaleBySpecies(l.lin1, c.native.norm)
	l.lin2 = readNamed(t, name("linear_2.weight"), name("linear_2.bias"), l.message, l.gate, 0, extra{})
	l.skip = &linear.Maps{In: l.in, Out: l.gate}
	if c.native.skip[n] {
		l.skip = m.nativeSkip(t, name("sc.weight"), l.in, l.gate)
	}
	l.mlp = nativeNetwork(t, name("edge_mlp.mlp"), c.basis, o3.Weights(l.paths), actSilu)
	l.flip(flips)
	return l
}

// nativeSkip reads the tensor product of features and embeddings: by species, a matrix.
func (m *Model) nativeSkip(t *tensors, name string, in, out o3.Irreps) *linear.Maps {
	l, f := linear.Between(in, out), m.cfg.native.embed
	w := t.get(name, fmt.Sprintf("%s × %d of the embedding → %s", in, f, out), l.Size(f))
	for k := range l.Pairs {
		p := &l.Pairs[k]
		a, b := in[p.In].Mul, out[p.Out].Mul
		scale := 1 / math.Sqrt(float64(in.Count(out[p.Out].Irrep)*f))
		for _, x := range m.embed {
			q := linear.Matrix{K: a, N: b, W: make([]float64, a*b)}
			for u := range a {
				for v, y := range x {
					for z := range b {
						q.W[u*b+z] += scale * y * w[(u*f+v)*b+z]
					}
				}
			}
			p.Species = append(p.Species, q)
		}
		w = w[a*f*b:]
	}
	return l
}

// scaleBySpecies multiplies a map by one number, or by one for each species of its atom.
func scaleBySpecies(m *linear.Maps, f []float64) {
	if len(f) == 1 {
		m.Scale(f[0])
		return
	}
	for k := range m.Pairs {
		p := &m.Pairs[k]
		q := p.Species[0]
		p.Species = nil
		for _, x := range f {
			p.Species = append(p.Species, linear.Matrix{K: q.K, N: q.N, W: scaled(q.W, x)})
		}
	}
}

// nativeNetwork reads a network of plain silu: matrices 0, 2, 4 …, the first divided by
// √rows, the others by √(rows/2). They are divided by the constant that the evaluation
// has for the activation before them.
func nativeNetwork(t *tensors, name string, in, out int, constant float64) (layers []linear.Matrix) {
	for k := 0; ; k++ {
		tensor := fmt.Sprintf("%s.%d.weight", name, 2*k)
		shape := t.shape(tensor)
		width := out
		last := !t.has(fmt.Sprintf("%s.%d.weight", name, 2*k+2))
		if !last && len(shape) == 2 {
			width = shape[1]
		}
		if k > 64 || width < 1 || width > 1<<20 {
			fail("tensor %s has the shape %v", tensor, shape)
		}
		gain := 1.0
		if k > 0 {
			gain = math.Sqrt2 / constant
		}
		w := t.get(tensor, "network", in, width)
		layers = append(layers, linear.Matrix{K: in, N: width, W: scaled(w, gain/math.Sqrt(float64(in)))})
		if last {
			return layers
		}
		in = width
	}
}

// nativeReadout reads the readout: a matrix, several without anything between, or a network.
func (m *Model) nativeReadout(t *tensors) {
	const name = "per_atom_energy_readout.mlp_module.mlp"
	in := m.cfg.irreps[m.cfg.layers].Dim()
	if t.has(name + ".weights.0") {
		var all linear.Matrix
		for k := 0; t.has(fmt.Sprintf("%s.weights.%d", name, k)); k++ {
			tensor := fmt.Sprintf("%s.weights.%d", name, k)
			width := 1
			if s := t.shape(tensor); len(s) == 2 {
				width = s[1]
			}
			q := linear.Matrix{K: in, N: width, W: scaled(t.get(tensor, "readout", in, width), 1/math.Sqrt(float64(in)))}
			if k == 0 {
				all = q
			} else {
				next := linear.Matrix{K: all.K, N: width, W: make([]float64, all.K*width)}
				for u := range all.K {
					times(q, all.W[u*all.N:(u+1)*all.N], next.W[u*width:])
				}
				all = next
			}
			in = width
		}
		if all.N != 1 {
			fail("tensor %s.weights: the last has %d columns, wanted is 1", name, all.N)
		}
		m.read = all.W
		return
	}
	layers := nativeNetwork(t, name, in, 1, 1)
	if len(layers) == 1 {
		m.read = layers[0].W
		return
	}
	act, ok := nativeActivations()[m.cfg.native.readout]
	if !ok {
		fail("the readout has %d layers and no activation", len(layers))
	}
	m.dense = denseOf(layers, act)
}

// nativeActivations are those of NequIP's readouts; they have no constant.
func nativeActivations() map[string]activation {
	silu := activations()["silu"].f
	return map[string]activation{
		"silu": {1, silu},
		"mish": {1, func(x float64) (float64, float64) {
			soft := max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
			th := math.Tanh(soft)
			return x * th, th + x*(1-th*th)/(1+math.Exp(-x))
		}},
		"gelu": {1, func(x float64) (float64, float64) {
			cdf := 0.5 * math.Erfc(-x/math.Sqrt2)
			return x * cdf, cdf + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
		}},
	}
}
