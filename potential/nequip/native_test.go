package nequip_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/io/torch"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/nequip"
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
		return nequip.FromModules(m.Config, m.Weights())
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
			frames := readReferences(t, strings.TrimSuffix(path, ".ckpt")+".extxyz")
			for _, p := range precisions(m) {
				rel := 0.0
				if p.bars == bars32 {
					rel = 1e-5
				}
				t.Run(p.name, func(t *testing.T) { compare(t, frames, p, rel) })
			}
			for _, r := range frames[:2] {
				t.Logf("on ranks: %v", ranks64(t, m, &r))
			}
		})
	}
}

// Packages hold the same, but 1/√N in the model's precision: 3e-8 of it in single.
func TestNativePackage(t *testing.T) {
	for _, name := range []string{"nequip-parity", "nequip-readout"} {
		m := openNative(t, "testdata/"+name+".nequip.zip")
		compare(t, readReferences(t, "testdata/"+name+".extxyz"), precision{"float64", func() potential.Potential { return nequip.New64(m) }, bars64}, 0)
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

	m, err := torch.OpenModule("testdata/nequip-parity.nequip.zip")
	if err != nil {
		t.Fatal(err)
	}
	const top = "sole_model.model.func."
	for path, change := range map[string]map[any]any{
		top + "edge_norm":                                {"_per_edge_type": true},
		top + "type_embed":                               {"do_categorical_graph_field_embed": true},
		top + "layer1_convnet":                           {"resnet": true},
		top + "layer1_convnet.equivariant_nonlin":        {"class": "e3nn.nn.NormActivation"},
		top + "layer0_convnet.conv":                      {"class": "allegro.nn.Other"},
		top + "factor":                                   {"factor": 1.0},
		top + "layer0_convnet.conv.edge_mlp.mlp.1":       {"class": "torch.nn.Tanh"},
		top + "bessel_encode.cutoff":                     {"class": "nequip.Other"},
		top + "per_atom_energy_readout":                  {"class": "nequip.Other"},
		top + "an_extension":                             {"class": "nequip.Other"},
		"sole_model.model":                               {"class": "nequip.Other"},
		top + "layer0_convnet.conv.tp_scatter":           {"class": "nequip.Other"},
		top + "pair_potential":                           {"class": "nequip.nn.pair_potential.LennardJones"},
		top + "layer1_convnet.equivariant_nonlin.act.xx": {"f": "torch.abs"},
	} {
		tree := maps.Clone(m.Config)
		old, _ := tree[path].(map[any]any)
		attrs := maps.Clone(old)
		if attrs == nil {
			attrs = map[any]any{}
		}
		maps.Copy(attrs, change)
		tree[path] = attrs
		_, _, err := nequip.FromModules(tree, m.Weights())
		check(t, path, err, []string{strings.TrimPrefix(path, top)[:4]})
	}
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
