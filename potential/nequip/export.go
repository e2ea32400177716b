package nequip

import (
	"fmt"
	"math"
	"slices"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/linear"
)

// Checkpoint makes of a network what sevenn needs to load it: the configuration
// with every key that it asks for, and the complete state, in the order of the modules.
// Beside the trained tensors these are the constants of e3nn's modules: masks of ones,
// empty weights and the coupling tensors. Their names are those that sevenn 0.10.4 and
// 0.13 with e3nn 0.5 and 0.6 give. The version stays that of the configuration.
func Checkpoint(cfg map[any]any, w potential.Weights) (map[any]any, *Tensors, error) {
	modal := ""
	if all := Modals(cfg); len(all) > 0 {
		modal = all[0] // any: the tensors are those of all
	}
	m, err := readWhole(cfg, w, modal)
	if err != nil {
		return nil, nil, err
	}
	if m.cfg.output != nil {
		return nil, nil, fmt.Errorf("nequip: SevenNet has no networks that give a tensor, this one %s", m.cfg.output)
	}
	if m.cfg.native != nil {
		return nil, nil, fmt.Errorf("nequip: the model is NequIP's own, which SevenNet cannot load")
	}
	in := newTensors(w)
	out := &Tensors{}
	e := exporter{in: in, out: out}
	c := m.cfg
	e.copy("edge_embedding.basis_function.coeffs", c.basis)
	e.linear("onehot_to_feature_x.linear", c.irreps[0].Dim())
	for n := range m.layer {
		l := &m.layer[n]
		name := func(s string) string { return fmt.Sprintf("%d_%s", n, s) }
		if c.speciesSkip[n] {
			e.copy(name("self_connection_intro.fc_tensor_product.weight"), l.skip.Size(c.nspecies))
			e.mask(name("self_connection_intro.fc_tensor_product"), l.skip)
		} else {
			e.maps(name("self_connection_intro.linear"), l.skip)
		}
		e.maps(name("self_interaction_1.linear"), l.lin1)
		e.copy(name("convolution.denominator"), 1)
		e.empty(name("convolution.convolution.weight"))
		slots := 0
		for _, p := range l.paths {
			slots += p.Mul * (2*p.L3 + 1)
		}
		e.ones(name("convolution.convolution.output_mask"), slots)
		e.couplings(name("convolution.convolution._compiled_main_left_right._w3j_"), l.paths)
		for k, q := range l.mlp {
			e.copy(name(fmt.Sprintf("convolution.weight_nn.layer%d.weight", k)), q.K, q.N)
		}
		e.maps(name("self_interaction_2.linear"), l.lin2)
		gated := 0
		for _, r := range c.irreps[n+1] {
			if r.L > 0 {
				gated += r.Dim()
			}
		}
		e.empty(name("equivariant_gate.gate.mul.weight"))
		e.ones(name("equivariant_gate.gate.mul.output_mask"), gated)
	}
	if c.readout != nil {
		for k, q := range m.dense.layers {
			e.copy(fmt.Sprintf("readout_FCN.fcn.layer%d.weight", k), q.K, q.N)
		}
	} else {
		e.linear("reduce_input_to_hidden.linear", in.size("reduce_hidden_to_energy.linear.weight"))
		e.linear("reduce_hidden_to_energy.linear", 1)
	}
	e.whole("rescale_atomic_energy.shift")
	e.whole("rescale_atomic_energy.scale")
	return m.complete(cfg, in), out, nil
}

// exporter writes tensors in order.
type exporter struct {
	in  *tensors
	out *Tensors
}

func (e *exporter) copy(name string, dims ...int) {
	_, data, _ := e.in.read(name)
	e.out.set(name, dims, data)
}

// whole copies a tensor in the shape that it has.
func (e *exporter) whole(name string) {
	shape, data, _ := e.in.read(name)
	e.out.set(name, shape, data)
}

func (e *exporter) empty(name string) { e.out.set(name, []int{0}, nil) }

func (e *exporter) ones(name string, n int) {
	x := make([]float64, n)
	for k := range x {
		x[k] = 1
	}
	e.out.set(name, []int{n}, x)
}

// linear is an o3.Linear of scalars: its weight, its bias, and the mask of its output.
func (e *exporter) linear(name string, out int) {
	e.weights(name)
	e.ones(name+".output_mask", out)
}

// weights copies a map's weight, which has rows for the modalities too, and its bias,
// which may be empty.
func (e *exporter) weights(name string) {
	e.whole(name + ".weight")
	if e.in.size(name+".bias") > 0 {
		e.whole(name + ".bias")
	} else {
		e.empty(name + ".bias")
	}
}

// maps is linear for a map of irreps.
func (e *exporter) maps(name string, m *linear.Maps) {
	e.weights(name)
	e.mask(name, m)
}

// mask is one where an output has an input.
func (e *exporter) mask(name string, m *linear.Maps) {
	x, at := make([]float64, m.Out.Dim()), 0
	for k, r := range m.Out {
		if slices.ContainsFunc(m.Pairs, func(p linear.Pair) bool { return p.Out == k }) {
			for i := range r.Dim() {
				x[at+i] = 1
			}
		}
		at += r.Dim()
	}
	e.out.set(name+".output_mask", []int{len(x)}, x)
}

// couplings are the tensors of the paths without a scalar, which e3nn keeps.
func (e *exporter) couplings(prefix string, paths []o3.Path) {
	var all [][3]int
	for _, p := range paths {
		if l := [3]int{p.L1, p.L2, p.L3}; p.L1 > 0 && p.L2 > 0 && p.L3 > 0 && !slices.Contains(all, l) {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b [3]int) int { return slices.Compare(a[:], b[:]) })
	for _, l := range all {
		name := fmt.Sprintf("%s%d_%d_%d", prefix, l[0], l[1], l[2])
		if e.in.has(name) {
			e.copy(name, 2*l[0]+1, 2*l[1]+1, 2*l[2]+1)
			continue
		}
		c := o3.Coupling(l[0], l[1], l[2])
		e.out.set(name, c.Dim[:], slices.Clone(c.Data))
	}
}

// complete adds to a configuration the keys that sevenn needs to build the network.
func (m *Model) complete(cfg map[any]any, in *tensors) map[any]any {
	out := map[any]any{}
	for k, v := range cfg {
		out[k] = v
	}
	add := func(key string, v any) {
		if _, ok := table(out).get(key); !ok {
			out[key] = v
		}
	}
	var denominators []any
	for n := range m.layer {
		_, d, _ := in.read(fmt.Sprintf("%d_convolution.denominator", n))
		denominators = append(denominators, d[0])
	}
	shift, single := nested(in, "rescale_atomic_energy.shift")
	scale, _ := nested(in, "rescale_atomic_energy.scale")
	// numbers, so that sevenn does not look for data to take them from
	out["conv_denominator"] = denominators
	out["shift"], out["scale"] = shift, scale
	add("train_denominator", false)
	add("train_shift_scale", false)
	add("use_bias_in_linear", false)
	add("readout_as_fcn", false)
	add("_model_type", "E3_equivariant_model")
	byNumber := make([]any, m.cfg.nspecies)
	symbols := make([]any, 0, m.cfg.nspecies)
	for _, z := range m.cfg.elements() {
		byNumber[m.cfg.species[z]] = int64(z)
		symbols = append(symbols, element.Symbol(z))
	}
	add("_chemical_species_by_atomic_number", byNumber)
	add("chemical_species", symbols)
	add("use_species_wise_shift_scale", !single)
	add("avg_num_neigh", math.Pow(denominators[0].(float64), 2))
	return out
}

// nested is a tensor as a list, or as a list of its rows; single says that it is one number.
func nested(in *tensors, name string) (x []any, single bool) {
	shape, data, _ := in.read(name)
	if len(shape) != 2 {
		return list(data), len(data) == 1
	}
	for k := range shape[0] {
		x = append(x, list(data[k*shape[1]:(k+1)*shape[1]]))
	}
	return x, false
}

func list(x []float64) []any {
	out := make([]any, len(x))
	for k, v := range x {
		out[k] = v
	}
	return out
}
