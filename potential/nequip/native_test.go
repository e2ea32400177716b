package nequip_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/io/torch"
	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// openNative reads a checkpoint or a package of NequIP.
func openNative(t testing.TB, path string) *nequip.Model {
	t.Helper()
	cfg, w, err := readNative(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := nequip.Read(cfg, w)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func readNative(path string) (map[any]any, *nequip.Tensors, error) {
	if strings.HasSuffix(path, ".zip") {
		m, err := torch.OpenModule(path)
		if err != nil {
			return nil, nil, err
		}
		return nequip.FromModules(m.Config, m.Versions["nequip"], m.Weights())
	}
	ck, err := torch.Open(path)
	if err != nil {
		return nil, nil, err
	}
	defer ck.Close()
	return nequip.FromLightning(ck.Config, ck.Weights())
}

// NequIP's own networks against nequip in double precision (testdata/README.md); the one
// with a repulsion is compared in cmd/wigner, which adds it.
func TestNative(t *testing.T) {
	files, err := filepath.Glob("testdata/nequip-*.ckpt")
	if err != nil || len(files) < 5 {
		t.Fatalf("%d checkpoints (%v)", len(files), err)
	}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".ckpt")
		if name == "nequip-natural" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			m := openNative(t, path)
			if m.Group() != potential.O3 {
				t.Error("NequIP's networks are equivariant under inversion")
			}
			if out := m.Layers()[min(2, len(m.Layers())-1)].Out; strings.HasPrefix(name, "nequip-odd") != (out.Count(o3.Irrep{L: 0, P: -1}) > 0) {
				t.Errorf("features %s behind the third layer: odd scalars are of nequip-odd", out)
			}
			frames := potentialtest.ReadReferences(t, strings.TrimSuffix(path, ".ckpt")+".extxyz")
			for _, p := range precisions(m) {
				if p.Bars == bars32 {
					p.Relative = 1e-5
				}
				t.Run(p.Name, func(t *testing.T) { p.Compare(t, frames, 1) })
			}
			for _, r := range frames[:2] {
				t.Logf("on ranks: %v", ranks64(t, m, &r))
			}
		})
	}
}

// Packages hold the same, but 1/√N in the model's precision: 3e-8 of it in single. It is
// compared with the checkpoint's, which then stands in its place.
func TestNativePackage(t *testing.T) {
	files, err := filepath.Glob("testdata/nequip-*.nequip.zip")
	if err != nil || len(files) < 4 {
		t.Fatalf("%d packages (%v)", len(files), err)
	}
	for _, path := range files {
		base := strings.TrimSuffix(path, ".nequip.zip")
		if filepath.Base(base) == "nequip-natural" { // with a repulsion: cmd/wigner
			continue
		}
		cfg, w, err := readNative(path)
		if err != nil {
			t.Fatal(err)
		}
		exact, _, err := readNative(base + ".ckpt")
		if err != nil {
			t.Fatal(err)
		}
		rounded, norm := cfg["norm"].([]any), exact["norm"].([]any)
		for k, x := range norm {
			if len(norm) != len(rounded) || math.Abs(rounded[k].(float64)/x.(float64)-1) > 6e-8 {
				t.Errorf("%s: norm %v; that of the checkpoint is %v", path, rounded, norm)
			}
		}
		cfg["norm"] = norm
		m, err := nequip.Read(cfg, w)
		if err != nil {
			t.Fatal(err)
		}
		precisions(m)[0].Compare(t, potentialtest.ReadReferences(t, base+".extxyz"), 1)
	}
}

// What is not supported is refused, and the error names it.
func TestNativeRefused(t *testing.T) {
	ck, err := torch.Open("testdata/nequip-shift.ckpt")
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	args := ck.Config["model"].(map[any]any)
	for _, c := range []struct {
		key   string
		value any
		want  []string
	}{
		{"_target_", "allegro.model.AllegroModel", []string{"allegro.model.AllegroModel", "NequIPGNNModel"}},
		{"_target_", "nequip.model.ModelFromPackage", []string{"another file", "nequip-package build"}},
		{"per_edge_type_cutoff", map[any]any{"Si": 2.0}, []string{"per_edge_type_cutoff"}},
		{"categorical_graph_field_embed", []any{map[any]any{"field": "charge"}}, []string{"categorical_graph_field_embed"}},
		{"convnet_resnet", true, []string{"convnet_resnet"}},
		{"convnet_nonlinearity_type", "norm", []string{"convnet_nonlinearity_type", "norm"}},
		{"convnet_nonlinearity_scalars", map[any]any{"e": "ssp"}, []string{"convnet_nonlinearity_scalars", "ssp"}},
		{"pair_potential", map[any]any{"_target_": "nequip.nn.pair_potential.LennardJones"}, []string{"LennardJones", "ZBL"}},
		{"pair_potential", map[any]any{"_target_": "nequip.nn.pair_potential.ZBL", "units": "real"}, []string{"real", "metal"}},
		{"type_names", []any{"Si1"}, []string{"Si1", "symbol"}},
		{"type_names", nil, []string{"type_names"}},
		{"avg_num_neighbors", nil, []string{"avg_num_neighbors"}},
		{"avg_num_neighbors", -1.0, []string{"norm", "NaN"}},
		{"r_max", 0.0, []string{"cutoff", "0"}},
		{"l_max", int64(99), []string{"l_max", "99"}},
		{"num_layers", int64(0), []string{"num_layers", "0"}},
		{"num_layers", int64(3), []string{"layer1_convnet.conv.linear_2.weight"}},
		{"num_features", []any{int64(3)}, []string{"num_features"}},
		{"num_features", []any{int64(4), int64(0)}, []string{"num_features", "0"}},
		{"num_bessels", int64(5), []string{"bessel_weights"}},
		{"polynomial_cutoff_p", 1.0, []string{"poly_cut_p_value"}},
		{"readout_mlp_hidden_layers_depth", int64(1), nil}, // the tensors say how many there are
		{"parity", true, nil}, // two layers of order 1 reach natural parities only
	} {
		hyper := maps.Clone(ck.Config)
		model := maps.Clone(args)
		model[c.key] = c.value
		hyper["model"] = model
		cfg, w, err := nequip.FromLightning(hyper, ck.Weights())
		if err == nil {
			_, err = nequip.Read(cfg, w)
		}
		check(t, fmt.Sprintf("%s = %v", c.key, c.value), err, c.want)
	}
	cfg, w, err := nequip.FromLightning(ck.Config, ck.Weights())
	if err != nil {
		t.Fatal(err)
	}
	_, err = nequip.NewTrainee[float64](cfg, w)
	check(t, "training", err, []string{"not trained"})
	_, _, err = nequip.Checkpoint(cfg, w)
	check(t, "for SevenNet", err, []string{"SevenNet"})

	info := ck.Config["info_dict"].(map[any]any)
	const module = "training_module"
	for _, c := range []struct {
		key   string
		value any
		want  []string
	}{
		// Its state_dict has weights between those of the model, unless it was saved in evaluation.
		{module, map[any]any{"_target_": "nequip.train.ScheduleFreeLightningModule"}, []string{`"ScheduleFreeLightningModule"`, "nequip-package build"}},
		{module, map[any]any{"_target_": "nequip.train.ConFIGLightningModule"}, []string{`"ConFIGLightningModule"`, "nequip-package build"}},
		{module, nil, []string{`training module ""`, "nequip-package build"}},
		{module, map[any]any{"_target_": "nequip.train.EMALightningModule"}, []string{"0 averaged weights"}},
		{"versions", map[any]any{"nequip": "0.15.0"}, []string{"NequIP 0.15.0", "0.19", "nequip-package build"}},
		{"versions", map[any]any{"nequip": "0.20.0"}, []string{"NequIP 0.20.0", "0.19", "nequip-package build"}},
		{"versions", nil, []string{"unknown", "0.19", "nequip-package build"}},
	} {
		hyper, changed := maps.Clone(ck.Config), maps.Clone(info)
		changed[c.key] = c.value
		hyper["info_dict"] = changed
		_, _, err := nequip.FromLightning(hyper, ck.Weights())
		check(t, fmt.Sprintf("%s = %v", c.key, c.value), err, c.want)
	}
	_, _, err = nequip.FromLightning(map[any]any{"model": args}, ck.Weights()) // of NequIP before 0.7
	check(t, "no info_dict", err, []string{"no info_dict", "older", "nequip-package build"})
}

// So are modules of a package that are not as the evaluation takes them, or lack something.
func TestNativePackageRefused(t *testing.T) {
	m, err := torch.OpenModule("testdata/nequip-parity.nequip.zip")
	if err != nil {
		t.Fatal(err)
	}
	if !m.Package || m.Versions["nequip"] != "0.19.1" || m.Versions["e3nn"] != "0.6.0" || len(m.Versions) != 3 {
		t.Errorf("package: %v, versions %v", m.Package, m.Versions)
	}
	const top = "sole_model.model.func."
	const act = "layer1_convnet.equivariant_nonlin.act_scalars.acts.0"
	const readout = "per_atom_energy_readout.mlp_module.mlp.0"
	none := map[string]any{"class": "nequip.Other"}
	for _, c := range []struct {
		path   string
		change map[string]any
		want   []string
	}{
		{"edge_norm", map[string]any{"_per_edge_type": true}, []string{"edge_norm", "cutoffs by pair of types"}},
		{"type_embed", map[string]any{"do_categorical_graph_field_embed": true}, []string{"type_embed", "whole structure"}},
		{"layer1_convnet", map[string]any{"resnet": true}, []string{"layer1_convnet", "residual"}},
		{"layer1_convnet.equivariant_nonlin", map[string]any{"class": "e3nn.nn.NormActivation"}, []string{"layer1_convnet.equivariant_nonlin", "NormActivation", "Gate"}},
		{"layer0_convnet.conv", map[string]any{"class": "allegro.nn.Other"}, []string{"layer0_convnet.conv", "Other", "InteractionBlock"}},
		{"layer0_convnet.conv.edge_mlp.mlp.1", map[string]any{"class": "torch.nn.Tanh"}, []string{"layer0_convnet.conv.edge_mlp.mlp.1", "Tanh"}},
		{"layer0_convnet.conv.tp_scatter", none, []string{"layer0_convnet.conv.tp_scatter", "Other", "TensorProductScatter"}},
		{"bessel_encode.cutoff", none, []string{"bessel_encode.cutoff", "Other", "PolynomialCutoff"}},
		{"per_atom_energy_readout", none, []string{"per_atom_energy_readout", "Other", "ScalarMLP"}},
		{"an_extension", none, []string{"an_extension", "Other"}},
		{"pair_potential", map[string]any{"class": "nequip.nn.pair_potential.LennardJones"}, []string{"pair_potential", "LennardJones", "ZBL"}},
		{act, map[string]any{"f": "torch.abs"}, []string{act, "torch.abs", "silu and tanh"}},
		{act, map[string]any{"cst": 1.5}, []string{act, "1.5", "1.679"}},
		{act, map[string]any{"cst": nil}, []string{act, "no attribute cst"}},
		{"factor", map[string]any{"factor": 1.0}, []string{"factor", "2π/r_c²"}},
		{"factor", map[string]any{"factor": nil}, []string{"factor", "no attribute factor"}},
		{"spharm.sh", map[string]any{"normalization": "integral"}, []string{"spharm.sh", "integral", "component"}},
		{"spharm.sh", map[string]any{"normalize": false}, []string{"spharm.sh", "normalize false"}},
		{"spharm.sh", map[string]any{"normalize": nil}, []string{"spharm.sh", "no attribute normalize"}},
		{"spharm", map[string]any{"irreps_edge_sh": nil}, []string{"spharm", "no attribute irreps_edge_sh"}},
		{"bessel_encode", map[string]any{"num_bessels": nil}, []string{"bessel_encode", "no attribute num_bessels"}},
		{"bessel_encode.cutoff", map[string]any{"p": nil}, []string{"bessel_encode.cutoff", "no attribute p"}},
		{"edge_norm", map[string]any{"r_max": nil}, []string{"edge_norm", "no attribute r_max"}},
		{"layer2_convnet", map[string]any{"resnet": nil}, []string{"layer2_convnet", "no attribute resnet"}},
		{"layer2_convnet", map[string]any{"feature_irreps_hidden": nil}, []string{"layer2_convnet", "no attribute feature_irreps_hidden"}},
		{"layer2_convnet.conv", map[string]any{"use_sc": nil}, []string{"layer2_convnet.conv", "no attribute use_sc"}},
		{"total_energy_sum", map[string]any{"constant": 0.5}, []string{"total_energy_sum", "0.5"}},
		{"total_energy_sum", map[string]any{"reduce": "mean"}, []string{"total_energy_sum", "mean"}},
		{readout, map[string]any{"in_features": int64(9)}, []string{readout, "alpha"}},
		{readout, map[string]any{"in_features": nil}, []string{readout, "no attribute in_features"}},
	} {
		tree := maps.Clone(m.Config)
		attrs := map[any]any{}
		if old, ok := tree[top+c.path].(map[any]any); ok {
			attrs = maps.Clone(old)
		}
		for k, v := range c.change {
			attrs[k] = v
		}
		tree[top+c.path] = attrs
		_, _, err := nequip.FromModules(tree, "0.19.1", m.Weights())
		check(t, fmt.Sprintf("%s: %v", c.path, c.change), err, c.want)
	}
	tree := maps.Clone(m.Config)
	tree["sole_model.model"] = map[any]any{"class": "nequip.Other"}
	_, _, err = nequip.FromModules(tree, "0.19.1", m.Weights())
	check(t, "model", err, []string{"sole_model.model", "Other", "ForceStressOutput"})
}

// The factors of linear layers are those of the package, to 1e-6: another normalisation,
// as another version of NequIP may have, would give other numbers.
func TestNativeAlpha(t *testing.T) {
	m, err := torch.OpenModule("testdata/nequip-parity.nequip.zip")
	if err != nil {
		t.Fatal(err)
	}
	layers := 0
	for _, name := range m.Weights().Names() {
		if !strings.HasSuffix(name, ".alpha") {
			continue
		}
		layers++
		path := strings.TrimSuffix(name, ".alpha")
		_, _, err := nequip.FromModules(m.Config, "0.19.1", changed{m.Weights(), name, 1 + 3e-6})
		check(t, name, err, []string{path, "alpha"})
		_, _, err = nequip.FromModules(m.Config, "0.19.1", changed{m.Weights(), name, 1 + 3e-7})
		check(t, name, err, nil)
		_, _, err = nequip.FromModules(m.Config, "0.19.1", changed{m.Weights(), name, 0})
		check(t, name, err, []string{path, "no alpha"})
	}
	if layers != 10 { // three radial networks of three matrices, the readout
		t.Errorf("%d layers", layers)
	}

	// A deep linear readout has the product of its layers' factors, 1/6 for two of width 6.
	m, err = torch.OpenModule("testdata/nequip-linear.nequip.zip")
	if err != nil {
		t.Fatal(err)
	}
	const deep = "sole_model.model.func.per_atom_energy_readout.mlp_module.mlp"
	if _, x, _ := m.Weights().Tensor64(deep + ".alpha"); len(x) != 1 || math.Abs(6*x[0]-1) > 1e-6 {
		t.Errorf("alpha of the deep linear readout: %v", x)
	}
	_, _, err = nequip.FromModules(m.Config, "0.19.1", changed{m.Weights(), deep + ".alpha", 1 + 3e-6})
	check(t, "deep linear", err, []string{deep, "alpha"})
}

// In SevenNet's configurations lmax_edge and lmax_node of 0 or less stand for lmax
// (sevenn 0.10.4, model_build.py: they count where they are greater than 0).
func TestOrderZero(t *testing.T) {
	ck, err := torch.Open("../../testdata/sevennet-tiny/linear-l2.pth")
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	want := ""
	for _, order := range []int64{2, 0, -1} {
		cfg := maps.Clone(ck.Config)
		cfg["lmax_edge"], cfg["lmax_node"] = order, order
		m, err := nequip.Read(cfg, ck.Weights())
		if err != nil {
			t.Fatalf("lmax_edge = lmax_node = %d: %v", order, err)
		}
		if got := fmt.Sprint(m.Layers()); want == "" {
			want = got
		} else if got != want {
			t.Errorf("lmax_edge = lmax_node = %d: %s; wanted %s", order, got, want)
		}
	}
}

// changed are weights with one multiplied by f, or left out where f is 0.
type changed struct {
	potential.Weights
	name string
	f    float64
}

func (c changed) Names() []string {
	return slices.DeleteFunc(slices.Clone(c.Weights.Names()), func(n string) bool { return n == c.name && c.f == 0 })
}

func (c changed) Tensor64(name string) ([]int, []float64, bool) {
	shape, data, ok := potential.Tensor64(c.Weights, name)
	if name == c.name {
		data = slices.Clone(data)
		for k := range data {
			data[k] *= c.f
		}
	}
	return shape, data, ok
}

// Whatever stands in the arguments and in the configuration, the readers return: a model or
// an error.
func TestNativeSurvives(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	ck, err := torch.Open("testdata/nequip-linear.ckpt")
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	values := []any{nil, true, false, int64(0), int64(-1), int64(2), int64(1 << 40), 0.5, -1e300, math.NaN(), math.Inf(1), "", "silu", "None", "6x0e",
		[]any{}, []any{int64(1)}, []any{nil}, []any{"6x0e", "6x0e"}, []any{"Si", "O"}, []any{true}, map[any]any{}, map[any]any{"Si": 1.0, "O": 2.0},
		map[any]any{int64(1): "x"}, []float64{1}, "NequIP", "nequip.model.FullNequIPGNNModel", "nequip.model.PresetNequIPGNNModel", "nequip.model.modify"}
	args := ck.Config["model"].(map[any]any)
	good, w, err := nequip.FromLightning(ck.Config, ck.Weights())
	if err != nil {
		t.Fatal(err)
	}
	keys := func(m map[any]any, more ...string) (out []string) {
		for k := range m {
			out = append(out, k.(string))
		}
		sort.Strings(out)
		return append(out, more...)
	}
	change := func(m map[any]any, keys []string) map[any]any {
		m = maps.Clone(m)
		for range 1 + rng.IntN(2) {
			m[keys[rng.IntN(len(keys))]] = values[rng.IntN(len(values))]
		}
		return m
	}
	argKeys := keys(args, "preset", "modifiers", "model", "pair_potential", "feature_irreps_hidden", "irreps_edge_sh", "parity", "readout_mlp_nonlinearity")
	accepted := 0
	for range 3000 {
		hyper := maps.Clone(ck.Config)
		hyper["model"] = change(args, argKeys)
		cfg, w2, err := nequip.FromLightning(hyper, ck.Weights())
		if err == nil {
			_, err = nequip.Read(cfg, w2)
		}
		if err == nil {
			accepted++
		} else if !strings.HasPrefix(err.Error(), "nequip: ") {
			t.Errorf("error %q", err)
		}
		if m, err := nequip.Read(change(good, keys(good)), w); (m == nil) == (err == nil) {
			t.Fatalf("model %v, error %v", m, err)
		}
	}
	if accepted == 0 {
		t.Error("nothing was accepted: the test tests too little")
	}
}
