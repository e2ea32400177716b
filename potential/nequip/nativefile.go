package nequip

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
)

// FromLightning makes configuration and tensors, as Read takes them, of what a training
// checkpoint of NequIP holds: its hyper_parameters and its state_dict. Averaged weights
// (EMA) are taken where the training had them, as NequIP does. The factors of the layers
// are not in a checkpoint: other versions than the one that was compared are refused.
func FromLightning(hyper map[any]any, w potential.Weights) (cfg map[any]any, out *Tensors, err error) {
	defer catch(&err)
	h := table(hyper)
	args, info := h.sub("model"), h.sub("info_dict")
	if args == nil || info == nil {
		fail("hyper_parameters has no model or no info_dict: this is no checkpoint of NequIP 0.%d, but an older one or one of "+
			"another program; of NequIP's, %s", nativeMinor, advicePackage)
	}
	version := info.sub("versions").text("nequip", "unknown")
	if !strings.HasPrefix(version, fmt.Sprintf("0.%d.", nativeMinor)) {
		fail("the checkpoint was written by NequIP %s; checkpoints of 0.%d are supported: %s", version, nativeMinor, advicePackage)
	}
	ema := trainingModule(info.sub("training_module").text("_target_", ""))
	cfg = nativeConfig(args, version)
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
	averaged(args, cfg, w, out, ema)
	out.drop("edge_norm._rmax_recip", "pair_potential.")
	return cfg, out, nil
}

// nativeMinor is the version 0.N of NequIP whose checkpoints were compared.
const nativeMinor = 19

// advicePackage is what to do with a checkpoint that is not supported; packages say more.
const advicePackage = "make a package of it with nequip-package build, and read that"

// trainingModule reports whether the training averaged weights. Other kinds of training
// keep weights that are not the model's (ScheduleFree: the point where gradients are taken).
func trainingModule(target string) (ema bool) {
	switch name := target[strings.LastIndex(target, ".")+1:]; name {
	case "NequIPLightningModule":
		return false
	case "EMALightningModule":
		return true
	default:
		fail("the training module %q is not supported, NequIPLightningModule and EMALightningModule are: %s", name, advicePackage)
		return false
	}
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
		fail("the model was made from another file, which has its architecture (%s): %s", name, advicePackage)
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
		cfg[CoreKey] = zblConfig(rc, q.real("polynomial_cutoff_p", 6))
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
func averaged(args, cfg table, w potential.Weights, out *Tensors, ema bool) {
	const mark = "ema.ema_weight_"
	n := 0
	for _, name := range w.Names() {
		if strings.HasPrefix(name, mark) {
			n++
		}
	}
	if ema != (n > 0) {
		fail("state_dict has %d averaged weights (%s…), which does not go with the training module", n, mark)
	}
	if !ema {
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
