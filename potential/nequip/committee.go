package nequip

import (
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/linear"
)

// CoreKey is where a configuration has the fixed repulsion that belongs to the model
// (docs/formats/model.md). It is not computed here.
const CoreKey = "zbl"

// Committee makes one network of several: its energy is the mean of theirs. The channels
// of all stand beside each other, and no map leads from those of one to those of another.
// The networks must be of one design but for their numbers of channels and the widths of
// their radial networks, and know the same elements.
func Committee(cfgs []map[any]any, members []potential.Weights) (cfg map[any]any, w *Tensors, err error) {
	defer catch(&err)
	if len(cfgs) == 0 || len(cfgs) != len(members) {
		return nil, nil, fmt.Errorf("nequip: a committee needs members, each with its configuration")
	}
	j := &joined{}
	for k := range cfgs {
		m, err := readWhole(cfgs[k], members[k], "")
		if err != nil {
			return nil, nil, fmt.Errorf("member %d: %w", k+1, err)
		}
		if why := m.cfg.alone(); why != "" {
			return nil, nil, fmt.Errorf("nequip: member %d of the committee %s, which is not supported in one", k+1, why)
		}
		j.models = append(j.models, m)
		j.tensors = append(j.tensors, newTensors(members[k]))
	}
	if cfg, err = joinConfigs(cfgs, j.models); err != nil {
		return nil, nil, err
	}
	if err := j.join(); err != nil {
		return nil, nil, err
	}
	slices.Sort(j.out.names)
	return cfg, &j.out, nil
}

// alone is why the network cannot be a member of a committee, or nothing.
func (c *config) alone() string {
	for _, x := range []struct {
		is  bool
		why string
	}{
		{c.native != nil, "is NequIP's own"},
		{c.modal != nil, "has modalities"},
		{c.bias, "has biases (use_bias_in_linear)"},
		{c.readout != nil, "has a multi-layer readout (readout_as_fcn)"},
		{c.output != nil, "gives no energy (" + outputKey + ")"},
		{c.slotOrder, "has its radial weights in the order of accelerated products"},
		{!c.manual, "has no irreps_manual"},
	} {
		if x.is {
			return x.why
		}
	}
	return ""
}

// joinConfigs is the committee's configuration. What a checkpoint says beside its design
// is the first member's.
func joinConfigs(cfgs []map[any]any, models []*Model) (map[any]any, error) {
	cfg, first := map[any]any{}, models[0].cfg
	for key, v := range cfgs[0] {
		cfg[key] = v
	}
	for k := range cfgs {
		c := models[k].cfg
		for _, x := range []struct {
			key  string
			a, b any
		}{
			{"_type_map", first.species, c.species}, {"_number_of_species", first.nspecies, c.nspecies},
			{"num_convolution_layer", first.layers, c.layers}, {"cutoff", first.cutoff, c.cutoff},
			{"cutoff_function", first.envelope, c.envelope}, {"bessel_basis_num", first.basis, c.basis},
			{"lmax_edge", first.lmaxEdge, c.lmaxEdge}, {"lmax_node", first.lmaxNode, c.lmaxNode}, {"is_parity", first.parity, c.parity},
			{"_normalize_sph (by default that of the version)", first.unit, c.unit},
			{"self_connection_type", first.speciesSkip, c.speciesSkip}, {CoreKey, cfgs[0][CoreKey], cfgs[k][CoreKey]},
		} {
			if !reflect.DeepEqual(x.a, x.b) {
				return nil, fmt.Errorf("nequip: %s of member %d of the committee is %v, that of the first %v", x.key, k+1, x.b, x.a)
			}
		}
		same := len(c.hidden) == len(first.hidden)
		for t, r := range c.irreps {
			same = same && slices.EqualFunc(r, first.irreps[t], func(a, b o3.MulIrrep) bool { return a.Irrep == b.Irrep })
		}
		if !same {
			return nil, fmt.Errorf("nequip: member %d of the committee has other irreps or another depth of the radial network than the first", k+1)
		}
	}
	manual, hidden := []any{}, []any{}
	for t, r := range first.irreps {
		sum := slices.Clone(r)
		for _, m := range models[1:] {
			for k, q := range m.cfg.irreps[t] {
				sum[k].Mul += q.Mul
			}
		}
		manual = append(manual, sum.String())
	}
	for k := range first.hidden {
		n := 0
		for _, m := range models {
			n += m.cfg.hidden[k]
		}
		hidden = append(hidden, int64(n))
	}
	cfg["irreps_manual"], cfg["weight_nn_hidden_neurons"] = manual, hidden
	channel := 0
	for _, m := range models {
		channel += m.cfg.irreps[0].Dim()
	}
	cfg["channel"] = int64(channel)
	return cfg, nil
}

// joined are the tensors of a committee in the making.
type joined struct {
	models  []*Model
	tensors []*tensors
	out     Tensors
}

func (j *joined) join() error {
	first := j.models[0]
	const basis = "edge_embedding.basis_function.coeffs"
	for k, m := range j.models {
		if !slices.Equal(m.coeffs, first.coeffs) {
			return fmt.Errorf("nequip: %s of member %d of the committee are not those of the first", basis, k+1)
		}
	}
	j.out.set(basis, []int{len(first.coeffs)}, slices.Clone(first.coeffs))
	kinds := o3.Irreps{{Mul: first.cfg.nspecies, Irrep: o3.Irrep{L: 0, P: 1}}}
	j.maps("onehot_to_feature_x.linear.weight", 0, func(m *Model) *linear.Maps { return linear.Between(kinds, m.cfg.irreps[0]) },
		whole, terms, func(int) float64 { return 1 })
	for n := range first.layer {
		j.layer(n)
	}
	return j.readout()
}

// layer joins the tensors of layer n.
func (j *joined) layer(n int) {
	name := func(s string) string { return fmt.Sprintf("%d_%s", n, s) }
	of := func(f func(l *layerWeights) *linear.Maps) func(m *Model) *linear.Maps {
		return func(m *Model) *linear.Maps { return f(&m.layer[n]) }
	}
	one := func(int) float64 { return 1 }
	gates := func(m *Model, _ *linear.Maps, _ bool) [][]int { return gateSegments(m.cfg.irreps[n+1]) }
	slots := func(m *Model, _ *linear.Maps, _ bool) [][]int { return slotSegments(&m.layer[n]) }
	j.maps(name("self_interaction_1.linear.weight"), 0, of(func(l *layerWeights) *linear.Maps { return l.lin1 }), terms, terms, one)
	skip, ns := "self_connection_intro.linear.weight", 0
	if j.models[0].cfg.speciesSkip[n] {
		skip, ns = "self_connection_intro.fc_tensor_product.weight", j.models[0].cfg.nspecies
	}
	j.maps(name(skip), ns, of(func(l *layerWeights) *linear.Maps { return l.skip }), terms, gates, one)

	denominator := name("convolution.denominator")
	d := make([]float64, len(j.models))
	for k, t := range j.tensors {
		d[k] = t.get(denominator, "one number", 1)[0]
	}
	j.out.set(denominator, []int{1}, []float64{d[0]})
	j.maps(name("self_interaction_2.linear.weight"), 0, of(func(l *layerWeights) *linear.Maps { return l.lin2 }), slots, gates,
		func(k int) float64 { return d[0] / d[k] })
	j.radial(n, name)
}

// radial joins the radial networks of a layer: what one member's hidden neurons hold goes
// to its own paths.
func (j *joined) radial(n int, name func(string) string) {
	last := len(j.models[0].layer[n].mlp) - 1
	for q := range last + 1 {
		var rows, columns [][]int // of each member, in parts
		for _, m := range j.models {
			l := &m.layer[n]
			neurons := []int{l.mlp[q].N}
			if q == last {
				neurons = nil
				for _, p := range l.paths {
					neurons = append(neurons, p.Mul)
				}
			}
			rows, columns = append(rows, []int{l.mlp[q].K}), append(columns, neurons)
		}
		if q == 0 { // the basis is the same for all
			rows = rows[:1]
		}
		_, K := place(rows, 0)
		_, N := place(columns, 0)
		x := make([]float64, K*N)
		for k, m := range j.models {
			w := m.layer[n].mlp[q] // divisors and signs of couplings applied
			row, _ := place(rows, min(k, len(rows)-1))
			column, _ := place(columns, k)
			for u := range w.K {
				for v := range w.N {
					x[row[u]*N+column[v]] = w.W[u*w.N+v] * math.Sqrt(float64(K))
				}
			}
		}
		j.out.set(name(fmt.Sprintf("convolution.weight_nn.layer%d.weight", q)), []int{K, N}, x)
	}
}

// segments divide the channels of each block of a map's input or output into parts, each
// of which the committee has from all its members, one behind the other.
type segments func(m *Model, l *linear.Maps, in bool) [][]int

// terms: every block is one part.
func terms(_ *Model, l *linear.Maps, in bool) (out [][]int) {
	irreps := l.Out
	if in {
		irreps = l.In
	}
	for _, r := range irreps {
		out = append(out, []int{r.Mul})
	}
	return out
}

// whole: the block is not multiplied, but the same for all members.
func whole(*Model, *linear.Maps, bool) [][]int { return nil }

// gateSegments: the even scalars are those of the features, then the gates of each block.
func gateSegments(out o3.Irreps) [][]int {
	even := []int{}
	if n := out.Count(o3.Irrep{L: 0, P: 1}); n > 0 {
		even = append(even, n)
	}
	for _, r := range out {
		if r.L > 0 {
			even = append(even, r.Mul)
		}
	}
	var list [][]int
	for _, r := range gateInput(out) {
		if r.Irrep == (o3.Irrep{L: 0, P: 1}) {
			list = append(list, even)
			continue
		}
		list = append(list, []int{r.Mul})
	}
	return list
}

// slotSegments: each block of messages has a part for each of its paths.
func slotSegments(l *layerWeights) [][]int {
	paths := slices.Clone(l.paths)
	slices.SortFunc(paths, func(a, b o3.Path) int { return a.Slot - b.Slot })
	list := make([][]int, len(l.message))
	for k, r := range l.message {
		for _, p := range paths {
			if p.Out == r.Irrep {
				list[k] = append(list[k], p.Mul)
			}
		}
	}
	return list
}

// place tells where the channels of member k stand among those of all, and how many they are
// together; own are the members' parts.
func place(own [][]int, k int) (at []int, total int) {
	for s := range own[k] {
		for q := range own {
			if q == k {
				for c := range own[q][s] {
					at = append(at, total+c)
				}
			}
			total += own[q][s]
		}
	}
	return at, total
}

// maps joins the members' matrices of one linear map: those of each lead from its channels
// to its channels, times factor and what makes up for the larger divisor.
func (j *joined) maps(name string, species int, of func(*Model) *linear.Maps, in, out segments, factor func(k int) float64) {
	ns := max(species, 1)
	var ins, outs [][][]int // [member][block][part]
	var maps []*linear.Maps
	for _, m := range j.models {
		l := of(m)
		maps = append(maps, l)
		ins, outs = append(ins, in(m, l, true)), append(outs, out(m, l, false))
	}
	where := func(list [][][]int, block, k int, irreps o3.Irreps) (at []int, total int) {
		if list[k] == nil {
			return place([][]int{{irreps[block].Mul}}, 0)
		}
		var own [][]int
		for q := range list {
			own = append(own, list[q][block])
		}
		return place(own, k)
	}
	enter := func(l *linear.Maps, block int) float64 { return float64(l.In.Count(l.Out[block].Irrep)) }
	var x []float64
	raw := make([][]float64, len(maps))
	for k, l := range maps {
		raw[k] = j.tensors[k].get(name, "of a member", l.Size(species))
	}
	for p, pair := range maps[0].Pairs {
		_, K := where(ins, pair.In, 0, maps[0].In)
		_, N := where(outs, pair.Out, 0, maps[0].Out)
		all := 0.0 // channels that enter, of all members
		for _, l := range maps {
			if all += enter(l, pair.Out); ins[0] == nil {
				break
			}
		}
		block := make([]float64, K*ns*N)
		for k, l := range maps {
			q := l.Pairs[p]
			a, _ := where(ins, q.In, k, l.In)
			b, _ := where(outs, q.Out, k, l.Out)
			f := factor(k) * math.Sqrt(all/enter(l, q.Out))
			for u := range a {
				for s := range ns {
					for v := range b {
						block[(a[u]*ns+s)*N+b[v]] = f * raw[k][(u*ns+s)*len(b)+v]
					}
				}
			}
			raw[k] = raw[k][len(a)*ns*len(b):]
		}
		x = append(x, block...)
	}
	j.out.set(name, []int{len(x)}, x)
}

// readout joins the last maps: the mean over the members, each with its scale.
func (j *joined) readout() error {
	const (
		toHidden = "reduce_input_to_hidden.linear.weight"
		toEnergy = "reduce_hidden_to_energy.linear.weight"
	)
	M, channels, hidden := float64(len(j.models)), 0, 0
	first := j.models[0]
	for k, m := range j.models {
		channels += len(m.read)
		hidden += len(j.tensors[k].get(toEnergy, "readout", j.tensors[k].size(toEnergy)))
	}
	a, b := make([]float64, channels*hidden), make([]float64, hidden)
	u0, h0 := 0, 0
	shift := make([]float64, len(first.shift))
	for k, m := range j.models {
		ratio := m.scale[0] / first.scale[0]
		for z, s := range m.scale {
			if first.scale[z] == 0 || s == 0 {
				return fmt.Errorf("nequip: member %d of the committee or the first has a scale of zero", k+1)
			}
			// Files hold them in single precision.
			if !(math.Abs(s/first.scale[z]-ratio) <= 0x1p-22*math.Abs(ratio)) {
				return fmt.Errorf("nequip: the scales of the elements of member %d of the committee are not proportional to those of the first", k+1)
			}
			shift[z] += m.shift[z] / M
		}
		n := len(m.read)
		h := j.tensors[k].size(toEnergy)
		x, y := j.tensors[k].get(toHidden, "readout", n*h), j.tensors[k].get(toEnergy, "readout", h)
		// The larger divisor, √(channels·hidden) for √(n h), is shared between the two.
		f := math.Sqrt(float64(channels) / float64(n))
		g := math.Sqrt(float64(hidden)/float64(h)) * ratio / M
		for u := range n {
			for v := range h {
				a[(u0+u)*hidden+h0+v] = f * x[u*h+v]
			}
		}
		for v := range h {
			b[h0+v] = g * y[v]
		}
		u0, h0 = u0+n, h0+h
	}
	j.out.set(toHidden, []int{len(a)}, a)
	j.out.set(toEnergy, []int{len(b)}, b)
	j.out.set("rescale_atomic_energy.scale", []int{len(first.scale)}, slices.Clone(first.scale))
	j.out.set("rescale_atomic_energy.shift", []int{len(shift)}, shift)
	return nil
}
