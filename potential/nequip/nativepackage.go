package nequip

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"strings"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/potential"
)

// FromModules makes configuration and tensors, as Read takes them, of the tree of modules
// that a package of NequIP holds: attributes by path of module, and tensors. version is
// that of NequIP. What the evaluation assumes, such as the factors of linear layers, must
// be what the package holds.
func FromModules(tree map[any]any, version string, w potential.Weights) (cfg map[any]any, out *Tensors, err error) {
	defer catch(&err)
	r := modules{tree: tree, out: &Tensors{}}
	cfg = r.config(w)
	cfg["version"] = version
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

// must are the attributes of a module, all of these among them.
func (r *modules) must(path string, keys ...string) table {
	m := r.at(path)
	for _, key := range keys {
		if _, ok := m.get(key); !ok {
			fail("module %s has no attribute %s, which is needed", path, key)
		}
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
	cfg := map[any]any{"_model_type": nativeType, "type_names": anyTexts(types)}
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
			cfg["lmax"] = int64(edgeOrder(r.must(sub(name), "irreps_edge_sh")))
			r.want(sub(name)+".sh", "SphericalHarmonics")
			sh := r.must(sub(name)+".sh", "normalize", "normalization")
			if s := sh.text("normalization", ""); s != "component" || !sh.boolean("normalize", false) {
				fail("module %s.sh has normalization %q and normalize %v; wanted are component and True", name, s, sh["normalize"])
			}
		case name == "edge_norm":
			r.want(sub(name), "EdgeLengthNormalizer")
			if r.at(sub(name)).boolean("_per_edge_type", false) {
				fail("module %s has cutoffs by pair of types, which are not supported", name)
			}
			cfg["cutoff"] = r.must(sub(name), "r_max").real("r_max", 0)
		case name == "bessel_encode":
			r.want(sub(name), "BesselEdgeLengthEncoding")
			r.want(sub(name)+".cutoff", "PolynomialCutoff")
			cfg["bessel_basis_num"] = int64(r.must(sub(name), "num_bessels").integer("num_bessels", 0))
			cfg["poly_cut_p_value"] = r.must(sub(name)+".cutoff", "p").real("p", 0)
		case name == "factor":
			r.want(sub(name), "ApplyFactor")
		case name == "per_atom_energy_readout":
			r.want(sub(name), "ScalarMLP")
			cfg["readout_nonlinearity"] = r.activation(sub(name) + ".mlp_module.mlp")
		case name == "per_type_energy_scale_shift":
			r.want(sub(name), "PerTypeScaleShift")
		case name == "pair_potential":
			cfg[CoreKey] = r.repulsion(sub(name), types)
		case name == "total_energy_sum":
			r.want(sub(name), "AtomwiseReduce")
			m := r.must(sub(name), "reduce", "constant")
			if s, x := m.text("reduce", ""), m.real("constant", 0); s != "sum" || x != 1 {
				fail("module %s has reduce %q and constant %g; wanted is the sum", name, s, x)
			}
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
	if r.must(path, "resnet").boolean("resnet", true) {
		fail("module %s is a residual layer, which is not supported", path)
	}
	r.checkGate(path + ".equivariant_nonlin.")
	if s := r.activation(path + ".conv.edge_mlp.mlp"); s != "" && s != "silu" {
		fail("module %s has the activation %s in its radial network, which is not supported; silu is", path, s)
	}
	return r.must(path, "feature_irreps_hidden").text("feature_irreps_hidden", ""), r.must(path+".conv", "use_sc").boolean("use_sc", false)
}

// checkGate makes sure of a gate's functions and of the constants that they are multiplied by.
func (r *modules) checkGate(prefix string) {
	constants := map[string]float64{"silu": actSilu, "tanh": actTanh}
	for k := range r.tree {
		path, _ := k.(string)
		if !strings.HasPrefix(path, prefix) || r.class(path) != "normalize2mom" {
			continue
		}
		m := r.must(path, "f", "cst")
		f, c := m.text("f", ""), m.real("cst", 0)
		want, ok := constants[f[strings.LastIndex(f, ".")+1:]]
		if !ok {
			fail("module %s has the activation %s, which is not supported; silu and tanh are", path, f)
		}
		if math.Abs(c/want-1) > 1e-6 {
			fail("module %s multiplies %s by %g; wanted is %g", path, f, c, want)
		}
	}
}

// activation is that of a network, "" where there is none. The factors of its layers must
// be those that nativeNetwork and nativeReadout have.
func (r *modules) activation(path string) string {
	if r.class(path) == "DeepLinearMLP" {
		want, n := 1.0, 0
		for ; ; n++ {
			shape, _, ok := r.out.Tensor64(fmt.Sprintf("%s.weights.%d", strings.TrimPrefix(path, r.top+"."), n))
			if !ok || len(shape) != 2 {
				break
			}
			want /= math.Sqrt(float64(shape[0]))
		}
		r.checkAlpha(path, want)
		return ""
	}
	found := ""
	for _, n := range r.children(path) {
		switch c := r.class(path + "." + n); c {
		case "ScalarLinearLayer":
			if _, biased := r.out.data[strings.TrimPrefix(path, r.top+".")+"."+n+".bias"]; biased {
				fail("module %s has biases, which are not supported", path)
			}
			gain := math.Sqrt2
			if n == "0" {
				gain = 1
			}
			m := r.must(path+"."+n, "in_features")
			r.checkAlpha(path+"."+n, gain/math.Sqrt(m.real("in_features", 0)))
		case "SiLU", "Mish", "GELU":
			found = strings.ToLower(c)
		default:
			fail("module %s.%s is of class %s, which is not supported", path, n, c)
		}
	}
	return found
}

// checkAlpha compares the factor of a layer, a tensor or in older packages a number.
func (r *modules) checkAlpha(path string, want float64) {
	alpha, ok := 0.0, false
	if _, x, is := r.out.Tensor64(strings.TrimPrefix(path, r.top+".") + ".alpha"); is && len(x) == 1 {
		alpha, ok = x[0], true
	} else if _, is := r.at(path).get("alpha"); is {
		alpha, ok = r.at(path).real("alpha", 0), true
	}
	if !ok {
		fail("module %s has no alpha, the factor of its weights", path)
	}
	if !(math.Abs(alpha/want-1) <= 1e-6) {
		fail("module %s multiplies its weights by alpha = %g; wanted is %g: it is of another version of NequIP or of another kind", path, alpha, want)
	}
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
	rc := r.must(r.top+".edge_norm", "r_max").real("r_max", 0)
	return zblConfig(rc, r.must(path+".cutoff", "p").real("p", 0))
}

// checkFactor makes sure that the radial basis is scaled as in NequIPGNNModel.
func (r *modules) checkFactor(path string, cutoff any) {
	rc, _ := cutoff.(float64)
	if f := r.must(path, "factor").real("factor", 0); math.Abs(f*rc*rc/(2*math.Pi)-1) > 1e-6 {
		fail("module %s multiplies by %g; wanted is 2π/r_c²", path, f)
	}
}
