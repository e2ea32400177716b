package nequip

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
)

// FromLightning makes configuration and tensors, as Read takes them, of what a training
// checkpoint of NequIP holds: its hyper_parameters and its state_dict. Averaged weights
// (EMA) are taken where there are any, as NequIP does.
func FromLightning(hyper map[any]any, w potential.Weights) (cfg map[any]any, out *Tensors, err error) {
	defer catch(&err)
	h := table(hyper)
	args := h.sub("model")
	if args == nil {
		fail("hyper_parameters has no model; is this a checkpoint of NequIP 0.7 or later?")
	}
	cfg = nativeConfig(args, h.sub("info_dict").sub("versions").text("nequip", "unknown"))
	const prefix = "model.sole_model.model.func."
	out = &Tensors{}
	for _, n := range w.Names() {
		if name, ok := strings.CutPrefix(n, prefix); ok {
			shape, data, _ := potential.Tensor64(w, n)
			out.set(name, shape, data)
		}
	}
	if len(out.names) == 0 {
		fail("state_dict has no tensor %s…: it was written by another kind of training module, or holds several models", prefix)
	}
	embedding(cfg, out)
	averaged(args, cfg, w, out)
	out.drop("edge_norm._rmax_recip", "pair_potential.")
	return cfg, out, nil
}

// nativeConfig maps the arguments of NequIP's model builders.
func nativeConfig(args table, version string) map[any]any {
	target := args.text("_target_", "")
	for target == "nequip.model.modify" {
		modifiers, _ := args.get("modifiers")
		list, _ := modifiers.([]any)
		for _, m := range list {
			d, _ := m.(map[any]any)
			switch s := table(d).text("modifier", ""); s {
			case "enable_OpenEquivariance", "enable_CuEquivariance", "modify_PerTypeScaleShift":
			default:
				fail("the model was changed by the modifier %q, which is not supported", s)
			}
		}
		args = args.sub("model")
		target = args.text("_target_", "")
	}
	switch name := target[strings.LastIndex(target, ".")+1:]; name {
	case "NequIPGNNModel":
	case "PresetNequIPGNNModel":
		args = preset(args)
	case "FullNequIPGNNModel":
		return fullConfig(args, version)
	case "ModelFromCheckpoint", "ModelFromPackage":
		fail("the model was made from another file, which has its architecture (%s): make a package of this one with "+
			"nequip-package build, and read that", name)
	default:
		fail("models of %q are not supported; NequIPGNNModel, PresetNequIPGNNModel and FullNequIPGNNModel of nequip.model are", target)
	}
	layers, lmax := args.integer("num_layers", 4), args.integer("l_max", 1)
	if layers < 1 || layers > 64 || lmax < 0 || lmax > 8 {
		fail("model: num_layers is %d and l_max %d; supported are 1 to 64 and 0 to 8", layers, lmax)
	}
	var features []int
	if v, ok := args.get("num_features"); ok {
		if n, single := toInt(v); single {
			features = slices.Repeat([]int{n}, lmax+1)
		} else {
			features = args.neurons("num_features")
		}
	} else {
		features = slices.Repeat([]int{32}, lmax+1)
	}
	if len(features) != lmax+1 {
		fail("model: num_features has %d numbers for l_max %d", len(features), lmax)
	}
	var hidden o3.Irreps
	for l, n := range features {
		natural := 1 - 2*(l%2)
		if args.boolean("parity", true) {
			hidden = append(hidden, o3.MulIrrep{Mul: n, Irrep: o3.Irrep{L: l, P: 1}}, o3.MulIrrep{Mul: n, Irrep: o3.Irrep{L: l, P: -1}})
		} else {
			hidden = append(hidden, o3.MulIrrep{Mul: n, Irrep: o3.Irrep{L: l, P: natural}})
		}
	}
	full := table{}
	for k, v := range args {
		full[k] = v
	}
	irreps := slices.Repeat([]any{hidden.String()}, layers-1)
	full["feature_irreps_hidden"] = append(irreps, fmt.Sprintf("%dx0e", features[0]))
	full["irreps_edge_sh"] = int64(lmax)
	return fullConfig(full, version)
}

// preset fills in what a named size of NequIP's stands for.
func preset(args table) table {
	sizes := map[string]struct {
		layers   int
		features []any
	}{
		"S": {2, []any{int64(128), int64(64)}}, "M": {4, []any{int64(128), int64(64), int64(32)}},
		"L":  {6, []any{int64(128), int64(64), int64(32), int64(32)}},
		"XL": {6, []any{int64(320), int64(96), int64(64), int64(32), int64(32)}},
	}
	name := args.text("preset", "")
	p, ok := sizes[strings.ToUpper(name)]
	if !ok {
		fail("model: preset %q is not known; S, M, L and XL are", name)
	}
	out := table{"num_layers": int64(p.layers), "l_max": int64(len(p.features) - 1), "num_features": p.features, "parity": false}
	for k, v := range args {
		out[k] = v
	}
	return out
}

// fullConfig maps the arguments of FullNequIPGNNModel; what is not supported is refused.
func fullConfig(args table, version string) map[any]any {
	refuseNative(args)
	types := args.texts("type_names")
	rc := args.real("r_max", 0)
	irreps := args.list("feature_irreps_hidden", -1)
	skips := make([]any, len(irreps))
	for n := range skips {
		skips[n] = args.boolean("convnet_sc", true) && (n > 0 || args.boolean("learnable_shift", false))
	}
	cfg := map[any]any{
		"_model_type": nativeType, "version": version, "type_names": anyTexts(types), "cutoff": rc,
		"lmax": int64(edgeOrder(args)), "poly_cut_p_value": args.real("polynomial_cutoff_p", 6),
		"bessel_basis_num": int64(args.integer("num_bessels", 8)), "irreps": irreps, "self_connection": skips,
		"readout_nonlinearity": args.text("readout_mlp_nonlinearity", ""), "norm": norms(args, types),
	}
	if _, ok := args["readout_mlp_nonlinearity"]; !ok {
		cfg["readout_nonlinearity"] = "silu"
	}
	if args.integer("readout_mlp_hidden_layers_depth", 0) == 0 || cfg["readout_nonlinearity"] == "None" || cfg["readout_nonlinearity"] == "null" {
		cfg["readout_nonlinearity"] = ""
	}
	if v, ok := args.get("pair_potential"); ok {
		p, _ := v.(map[any]any)
		q := table(p)
		if s := q.text("_target_", ""); !strings.HasSuffix(s, ".ZBL") {
			fail("model: pair_potential %q is not supported; nequip.nn.pair_potential.ZBL is", s)
		}
		if s := q.text("units", ""); s != "metal" {
			fail("model: pair_potential has units %q; wigner's energies are in eV, lengths in Å: metal", s)
		}
		for k, s := range q.texts("chemical_species") {
			if k >= len(types) || types[k] != s {
				fail("model: pair_potential has chemical_species %v for the types %v", q["chemical_species"], types)
			}
		}
		cfg["zbl"] = zblConfig(rc, q.real("polynomial_cutoff_p", 6))
	}
	return cfg
}

// zblConfig is NequIP's repulsion: half of ZBL on each directed edge, under the envelope.
func zblConfig(rc, p float64) map[any]any {
	return map[any]any{"cutoff_A": rc, "power": p, "coulomb_eV_A": 14.399645}
}

// refuseNative names what is known and not supported.
func refuseNative(args table) {
	if v, ok := args.get("per_edge_type_cutoff"); ok {
		fail("model: per_edge_type_cutoff is %v: cutoffs by pair of types are not supported", v)
	}
	if v, ok := args.get("categorical_graph_field_embed"); ok {
		fail("model: categorical_graph_field_embed is %v: embeddings of the whole structure are not supported", v)
	}
	if args.boolean("convnet_resnet", false) {
		fail("model: convnet_resnet is True, which is not supported")
	}
	if s := args.text("convnet_nonlinearity_type", "gate"); s != "gate" {
		fail("model: convnet_nonlinearity_type %q is not supported; gate is", s)
	}
	for _, key := range []string{"convnet_nonlinearity_scalars", "convnet_nonlinearity_gates"} {
		m := args.sub(key)
		if e, o := m.text("e", "silu"), m.text("o", "tanh"); e != "silu" || o != "tanh" {
			fail("model: %s are %q and %q, which is not supported; silu and tanh are", key, e, o)
		}
	}
}

// edgeOrder is the highest order of the harmonics, all of which must be there, of natural parity.
func edgeOrder(args table) int {
	v, _ := args.get("irreps_edge_sh")
	if n, ok := toInt(v); ok {
		return n
	}
	s, _ := v.(string)
	irr, err := o3.ParseIrreps(s)
	if err != nil || len(irr) == 0 || len(irr) > 9 || irr.String() != o3.SphericalIrreps(len(irr)-1, true).String() {
		fail("model: irreps_edge_sh is %v; supported are all harmonics up to an order", v)
	}
	return len(irr) - 1
}

// norms are 1/√N, of all or of each type.
func norms(args table, types []string) (out []any) {
	v, ok := args.get("avg_num_neighbors")
	if !ok {
		fail("model: avg_num_neighbors is missing")
	}
	if m, is := v.(map[any]any); is {
		for _, s := range types {
			out = append(out, 1/math.Sqrt(table(m).real(s, 0)))
		}
		return out
	}
	return []any{1 / math.Sqrt(args.real("avg_num_neighbors", 0))}
}

func anyTexts(x []string) (out []any) {
	for _, s := range x {
		out = append(out, s)
	}
	return out
}

// embedding notes the width of the embedding.
func embedding(cfg map[any]any, w *Tensors) {
	const name = "type_embed.embed_module.weight"
	shape, _, ok := w.Tensor64(name)
	if !ok || len(shape) != 2 {
		fail("there is no tensor %s", name)
	}
	cfg["embedding"] = int64(shape[1])
}

// averaged puts the averaged weights in the places of the others. They are numbered in
// the order of the parameters, which is that of the modules.
func averaged(args, cfg table, w potential.Weights, out *Tensors) {
	const mark = "ema.ema_weight_"
	n := 0
	for _, name := range w.Names() {
		if strings.HasPrefix(name, mark) {
			n++
		}
	}
	if n == 0 {
		return
	}
	for target := args.text("_target_", ""); target == "nequip.model.modify"; target = args.text("_target_", "") {
		args = args.sub("model")
	}
	order := parameters(args, cfg, out)
	if len(order) != n {
		fail("state_dict has %d averaged weights for %d parameters (%s)", n, len(order), strings.Join(order, ", "))
	}
	for k, name := range order {
		shape, data, _ := potential.Tensor64(w, fmt.Sprintf("%s%d", mark, k))
		if !slices.Equal(shape, out.shapes[name]) {
			fail("averaged weight %d has the shape %v, %s has %v", k, shape, name, out.shapes[name])
		}
		out.data[name] = data
	}
}

// parameters are the names of the trained tensors, in the order of the modules.
func parameters(args, cfg table, w *Tensors) (order []string) {
	add := func(prefix string) {
		var names []string
		for _, n := range w.names {
			if strings.HasPrefix(n, prefix) && len(w.data[n]) > 0 {
				names = append(names, n)
			}
		}
		sort.Slice(names, func(i, j int) bool {
			return len(names[i]) < len(names[j]) || len(names[i]) == len(names[j]) && names[i] < names[j]
		})
		order = append(order, names...)
	}
	add("type_embed.embed_module.weight")
	if args.boolean("bessel_trainable", false) {
		add("bessel_encode.bessel_weights")
	}
	for n := range cfg.list("irreps", -1) {
		for _, part := range []string{"linear_1.weight", "edge_mlp.", "linear_2.weight", "sc.weight"} {
			add(fmt.Sprintf("layer%d_convnet.conv.%s", n, part))
		}
	}
	add("per_atom_energy_readout.")
	for _, s := range []string{"scales", "shifts"} {
		if args.boolean("per_type_energy_"+s+"_trainable", false) {
			add("per_type_energy_scale_shift." + s)
		}
	}
	return order
}

// FromModules makes configuration and tensors, as Read takes them, of the tree of modules
// that a package of NequIP holds: attributes by path of module, and tensors.
func FromModules(tree map[any]any, w potential.Weights) (cfg map[any]any, out *Tensors, err error) {
	defer catch(&err)
	r := modules{tree: tree, out: &Tensors{}}
	cfg = r.config(w)
	embedding(cfg, r.out)
	return cfg, r.out, nil
}

// modules reads a package.
type modules struct {
	tree map[any]any
	top  string // path of the sequence of modules
	out  *Tensors
}

// at are the attributes of a module.
func (r *modules) at(path string) table {
	m, ok := r.tree[path].(map[any]any)
	if !ok {
		fail("the package has no module %q", path)
	}
	return m
}

// class is the last part of a module's class.
func (r *modules) class(path string) string {
	s := r.at(path).text("class", "")
	return s[strings.LastIndex(s, ".")+1:]
}

// children are the names of the modules right below a path.
func (r *modules) children(path string) (names []string) {
	for k := range r.tree {
		if s, _ := k.(string); strings.HasPrefix(s, path+".") && !strings.Contains(s[len(path)+1:], ".") {
			names = append(names, s[len(path)+1:])
		}
	}
	sort.Strings(names)
	return names
}

func (r *modules) want(path string, classes ...string) {
	if c := r.class(path); !slices.Contains(classes, c) {
		fail("module %s is of class %s, which is not supported; %s is", path, c, strings.Join(classes, " or "))
	}
}

func (r *modules) config(w potential.Weights) map[any]any {
	const graph = "sole_model"
	if _, ok := r.tree[graph]; !ok {
		fail("the package holds no model named %s", graph)
	}
	r.want(graph, "GraphModel", "CompileGraphModel")
	r.want(graph+".model", "ForceStressOutput")
	r.top = graph + ".model.func"
	r.want(r.top, "SequentialGraphNetwork")
	for _, n := range w.Names() {
		if name, ok := strings.CutPrefix(n, r.top+"."); ok {
			shape, data, _ := potential.Tensor64(w, n)
			r.out.set(name, shape, data)
		}
	}
	types := r.at(graph).texts("type_names")
	cfg := map[any]any{"_model_type": nativeType, "version": "of a package (not kept)", "type_names": anyTexts(types)}
	var irreps, skips []any
	sub := func(name string) string { return r.top + "." + name }
	layers := 0
	for _, name := range r.children(r.top) {
		switch class := r.class(sub(name)); {
		case name == fmt.Sprintf("layer%d_convnet", len(irreps)) && class == "ConvNetLayer":
			layers++ // below, in their order
		case strings.HasPrefix(name, "layer") && class == "ConvNetLayer":
			layers++
		case name == "type_embed":
			r.want(sub(name), "NodeTypeEmbed")
			if r.at(sub(name)).boolean("do_categorical_graph_field_embed", false) {
				fail("module %s has embeddings of the whole structure, which are not supported", name)
			}
		case name == "spharm":
			r.want(sub(name), "SphericalHarmonicEdgeAttrs")
			cfg["lmax"] = int64(edgeOrder(table{"irreps_edge_sh": r.at(sub(name))["irreps_edge_sh"]}))
		case name == "edge_norm":
			r.want(sub(name), "EdgeLengthNormalizer")
			if r.at(sub(name)).boolean("_per_edge_type", false) {
				fail("module %s has cutoffs by pair of types, which are not supported", name)
			}
			cfg["cutoff"] = r.at(sub(name)).real("r_max", 0)
		case name == "bessel_encode":
			r.want(sub(name), "BesselEdgeLengthEncoding")
			r.want(sub(name)+".cutoff", "PolynomialCutoff")
			cfg["bessel_basis_num"] = int64(r.at(sub(name)).integer("num_bessels", 8))
			cfg["poly_cut_p_value"] = r.at(sub(name)+".cutoff").real("p", 6)
		case name == "factor":
			r.want(sub(name), "ApplyFactor")
		case name == "per_atom_energy_readout":
			r.want(sub(name), "ScalarMLP")
			cfg["readout_nonlinearity"] = r.activation(sub(name) + ".mlp_module.mlp")
		case name == "per_type_energy_scale_shift":
			r.want(sub(name), "PerTypeScaleShift")
		case name == "pair_potential":
			cfg["zbl"] = r.repulsion(sub(name), types)
		case name == "total_energy_sum":
			r.want(sub(name), "AtomwiseReduce")
		default:
			fail("module %s of class %s is not supported", name, class)
		}
	}
	for n := range layers {
		irr, skip := r.layer(sub(fmt.Sprintf("layer%d_convnet", n)))
		irreps, skips = append(irreps, irr), append(skips, skip)
	}
	cfg["irreps"], cfg["self_connection"] = irreps, skips
	r.checkFactor(sub("factor"), cfg["cutoff"])
	_, norm, ok := r.out.Tensor64("layer0_convnet.conv.avg_num_neighbors_norm.norm_const")
	if !ok {
		fail("the package has no norm_const")
	}
	cfg["norm"] = list(norm)
	r.out.drop(".avg_num_neighbors_norm.norm_const", ".alpha", "_rmax_recip", "pair_potential.")
	return cfg
}

// layer checks a layer and gives its irreps, and whether it has a self connection.
func (r *modules) layer(path string) (irreps, skip any) {
	r.want(path, "ConvNetLayer")
	r.want(path+".conv", "InteractionBlock")
	r.want(path+".equivariant_nonlin", "Gate")
	r.want(path+".conv.tp_scatter", "TensorProductScatter", "OpenEquivarianceTensorProductScatter", "CuEquivarianceTensorProductScatter")
	if r.at(path).boolean("resnet", false) {
		fail("module %s is a residual layer, which is not supported", path)
	}
	for k, v := range r.tree {
		s, _ := k.(string)
		m, _ := v.(map[any]any)
		f, is := table(m)["f"].(string)
		if strings.HasPrefix(s, path+".equivariant_nonlin.") && is && !strings.HasSuffix(f, ".silu") && !strings.HasSuffix(f, ".tanh") {
			fail("module %s has the activation %s, which is not supported; silu and tanh are", s, f)
		}
	}
	if s := r.activation(path + ".conv.edge_mlp.mlp"); s != "" && s != "silu" {
		fail("module %s has the activation %s in its radial network, which is not supported; silu is", path, s)
	}
	conv := r.at(path + ".conv")
	return r.at(path).text("feature_irreps_hidden", ""), conv.boolean("use_sc", false)
}

// activation is that of a network, "" where there is none.
func (r *modules) activation(path string) string {
	if r.class(path) == "DeepLinearMLP" {
		return ""
	}
	found := ""
	for _, n := range r.children(path) {
		switch c := r.class(path + "." + n); c {
		case "ScalarLinearLayer":
			if _, biased := r.out.data[strings.TrimPrefix(path, r.top+".")+"."+n+".bias"]; biased {
				fail("module %s has biases, which are not supported", path)
			}
		case "SiLU", "Mish", "GELU":
			found = strings.ToLower(c)
		default:
			fail("module %s.%s is of class %s, which is not supported", path, n, c)
		}
	}
	return found
}

// repulsion checks that a pair potential is ZBL in eV and Å.
func (r *modules) repulsion(path string, types []string) any {
	r.want(path, "ZBL")
	r.want(path+".cutoff", "PolynomialCutoff")
	_, q, ok := r.out.Tensor64("pair_potential._qqr2exesquare")
	if !ok || len(q) != 1 || math.Abs(q[0]-14.399645/2) > 1e-6 {
		fail("module %s: the constant is %v; wanted is that of eV and Å, 14.399645/2", path, q)
	}
	_, z, _ := r.out.Tensor64("pair_potential.atomic_numbers")
	for k, s := range types {
		if n, _ := element.Number(s); k >= len(z) || float64(n) != z[k] {
			fail("module %s: atomic_numbers %v do not belong to the types %v", path, z, types)
		}
	}
	rc := r.at(r.top+".edge_norm").real("r_max", 0)
	return zblConfig(rc, r.at(path+".cutoff").real("p", 6))
}

// checkFactor makes sure that the radial basis is scaled as in NequIPGNNModel.
func (r *modules) checkFactor(path string, cutoff any) {
	rc, _ := cutoff.(float64)
	if f := r.at(path).real("factor", 0); math.Abs(f*rc*rc/(2*math.Pi)-1) > 1e-6 {
		fail("module %s multiplies by %g; wanted is 2π/r_c²", path, f)
	}
}

// drop leaves out constants that the evaluation makes itself.
func (t *Tensors) drop(parts ...string) {
	t.names = slices.DeleteFunc(t.names, func(n string) bool {
		for _, p := range parts {
			if strings.HasPrefix(n, p) || strings.HasSuffix(n, p) {
				return true
			}
		}
		return false
	})
}
