package nequip_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"sort"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/io/torch"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// complete is a random model whose weights are all made up.
func complete(seed uint64) *twin {
	t := randomTwin(seed)
	x, s := cluster(t.rng, 4, t.ns, t.rc)
	t.of(x, s)
	return t
}

// What is not supported is refused, and the error names it.
func TestRefused(t *testing.T) {
	good := complete(3)
	if _, err := nequip.Read(good.cfg, good.w); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		key   string
		value any
		want  []string
	}{
		{"version", nil, []string{"version", "SevenNet"}},
		{"version", "ten", []string{"version", "ten"}},
		{"version", "0.14.0", []string{"0.14.0", "up to 0.13"}},
		{"version", "1.0", []string{"1.0", "not supported"}},
		{"_model_type", "other", []string{"model type", "other"}},
		{"interaction_type", "mace", []string{"interaction_type", "mace"}},
		{"use_bias_in_linear", true, []string{"linear.bias"}},
		{"readout_as_fcn", true, []string{"readout_FCN.fcn.layer0.weight"}},
		{"use_modality", true, []string{"_modal_map", "two or more"}},
		{"_modal_map", map[any]any{"PBE": int64(0)}, nil}, // not used
		{"_number_of_modalities", int64(2), nil},
		{"act_radial", "relu", []string{"act_radial", "relu"}},
		{"act_gate", map[any]any{"e": "abs"}, []string{"act_gate", "abs"}},
		{"act_scalar", map[any]any{"o": "sin"}, []string{"act_scalar", "sin"}},
		{"self_connection_type", "mace", []string{"self_connection_type", "mace"}},
		{"radial_basis", map[any]any{"radial_basis_name": "gauss"}, []string{"radial basis", "gauss"}},
		{"radial_basis", map[any]any{"bessel_basis_num": int64(0)}, []string{"bessel_basis_num", "0"}},
		{"radial_basis", "bessel", []string{"radial_basis", "dictionary"}},
		{"cutoff_function", map[any]any{"cutoff_function_name": "cos"}, []string{"cutoff function", "cos"}},
		{"cutoff_function", map[any]any{"cutoff_function_name": "XPLOR", "cutoff_on": 99.0}, []string{"cutoff_on", "99"}},
		{"cutoff_function", map[any]any{"poly_cut_p_value": 1.0}, []string{"poly_cut_p_value", "1"}},
		{"cutoff", -1.0, []string{"cutoff", "-1"}},
		{"cutoff", "far", []string{"cutoff", "far"}},
		{"cutoff", math.NaN(), []string{"cutoff", "NaN"}},
		{"num_convolution_layer", int64(0), []string{"num_convolution_layer", "0"}},
		{"num_convolution_layer", int64(9), []string{"irreps_manual", "10"}},
		{"lmax", int64(9), []string{"lmax", "9"}},
		{"is_parity", "yes", []string{"is_parity", "yes"}},
		{"weight_nn_hidden_neurons", int64(3), []string{"weight_nn_hidden_neurons", "3"}},
		{"weight_nn_hidden_neurons", []any{"x"}, []string{"weight_nn_hidden_neurons", "x"}},
		{"_type_map", map[any]any{}, []string{"_type_map"}},
		{"_type_map", map[any]any{int64(200): int64(0)}, []string{"_type_map", "200"}},
		{"_type_map", map[any]any{int64(1): int64(0), int64(2): int64(0)}, []string{"_type_map", "different indices"}},
		{"irreps_manual", "8x0e", []string{"irreps_manual", "list"}},
		{"channel", int64(-3), nil}, // irreps are given by hand: not read
	} {
		cfg := maps.Clone(good.cfg)
		cfg[c.key] = c.value
		_, err := nequip.Read(cfg, good.w)
		check(t, fmt.Sprintf("%s = %v", c.key, c.value), err, c.want)
	}
}

// A multi-fidelity model wants one of its modalities; others want none.
func TestRefusedModals(t *testing.T) {
	good := complete(3)
	_, err := nequip.ReadModal(good.cfg, good.w, "PBE")
	check(t, "modal of a model of one fidelity", err, []string{"no modalities", "PBE"})
	ck, err := torch.Open("testdata/new-modal.pth")
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	_, err = nequip.Read(ck.Config, ck.Weights())
	check(t, "no modal", err, []string{"mpa, omat24, r2scan", "--modal"})
	_, err = nequip.ReadModal(ck.Config, ck.Weights(), "pbe")
	check(t, "unknown modal", err, []string{"pbe", "mpa, omat24, r2scan"})
	for _, m := range []any{map[any]any{"a": int64(0), "b": int64(2)}, map[any]any{"a": int64(0), "b": int64(0)}, map[any]any{int64(1): int64(0)}, int64(3),
		map[any]any{"a": int64(0), "b": int64(1)}} {
		cfg := maps.Clone(ck.Config)
		cfg["_modal_map"] = m
		_, err = nequip.ReadModal(cfg, ck.Weights(), "a")
		check(t, fmt.Sprint(m), err, []string{"_modal_map"})
	}
	cfg := maps.Clone(ck.Config)
	cfg["readout_as_fcn"], cfg["readout_fcn_activation"] = true, "sin"
	_, err = nequip.ReadModal(cfg, ck.Weights(), "mpa")
	check(t, "activation", err, []string{"readout_fcn_activation", "sin", "relu"})
}

// check that an error has every part, and none when no part is wanted.
func check(t *testing.T, what string, err error, want []string) {
	t.Helper()
	if want == nil {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return
	}
	if err == nil {
		t.Errorf("%s: accepted", what)
		return
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%s: the error %q does not mention %q", what, err, w)
		}
	}
}

func TestRefusedIrreps(t *testing.T) {
	good := complete(3)
	layers := len(good.irreps) - 1
	for text, want := range map[string][]string{
		"8x0e+4x1":        {"parity", "4x1"},
		"8x0e+4x0e":       {"twice"},
		"4x1e+8x0e":       {"behind"},
		"4x1e":            {"no even scalars"},
		"8x0e+2x9e":       {"2x9e"},
		"8x0e+0x1e":       {"0x1e"},
		"999999999x0e":    {"multiplicity"},
		"8x0e+\x00":       {"irreps_manual"},
		"8x0e + 70000x1e": {"70000x1e"},
	} {
		list := []any{"3x0e"}
		for range layers - 1 {
			list = append(list, text)
		}
		cfg := maps.Clone(good.cfg)
		cfg["irreps_manual"] = append(list, "3x0e")
		_, err := nequip.Read(cfg, good.w)
		check(t, text, err, want)
	}
	for _, ends := range [][2]string{{"3x0e+1x1e", "3x0e"}, {"3x0e", "3x0e+1x1e"}, {"3x0e", "3x0e+2x2e"}} {
		cfg := maps.Clone(good.cfg)
		list := []any{ends[0]}
		for range layers - 1 {
			list = append(list, "3x0e")
		}
		cfg["irreps_manual"] = append(list, ends[1])
		_, err := nequip.Read(cfg, good.w)
		check(t, fmt.Sprint(ends), err, []string{"scalars"})
	}
}

// A missing, wrongly sized, surplus or senseless tensor is named.
func TestTensors(t *testing.T) {
	good := complete(3)
	for _, name := range good.w.Names() {
		w := good.w.clone()
		delete(w, name)
		_, err := nequip.Read(good.cfg, w)
		if strings.Contains(name, "_w3j_") {
			check(t, "without "+name, err, nil) // signs that are not told are those of o3
		} else {
			check(t, "without "+name, err, []string{name})
		}
		w = good.w.clone()
		w[name] = append(w[name], 1)
		_, err = nequip.Read(good.cfg, w)
		if name == "reduce_hidden_to_energy.linear.weight" { // sets the size of the other readout tensor
			check(t, "longer "+name, err, []string{name, "reduce_input_to_hidden.linear.weight has", fmt.Sprint(len(w[name]))})
			continue
		}
		check(t, "longer "+name, err, []string{name, fmt.Sprint(len(w[name]))})
		if len(good.w[name]) == 0 {
			continue
		}
		w = good.w.clone()
		w[name][0] = float32(math.Inf(1))
		_, err = nequip.Read(good.cfg, w)
		check(t, "infinite "+name, err, []string{name, "Inf"})
	}
	w := good.w.clone()
	w["extra.weight"] = []float32{1}
	_, err := nequip.Read(good.cfg, w)
	check(t, "surplus tensor", err, []string{"extra.weight"})

	w = good.w.clone()
	w["0_self_interaction_1.linear.bias"] = []float32{1}
	_, err = nequip.Read(good.cfg, w)
	check(t, "bias", err, []string{"0_self_interaction_1.linear.bias"})

	w = good.w.clone()
	w["0_self_interaction_1.linear.bias"], w["0_convolution.convolution.output_mask"] = nil, []float32{1, 1}
	_, err = nequip.Read(good.cfg, w)
	check(t, "empty bias, constant", err, nil)

	w = good.w.clone()
	w["0_convolution.convolution._compiled_main_left_right._w3j_1_1_2"] = make([]float32, 45)
	_, err = nequip.Read(good.cfg, w)
	check(t, "zero coupling", err, []string{"_w3j_1_1_2", "not the coupling"})

	w = good.w.clone()
	w["0_convolution.convolution._compiled_main_left_right._w3j_1_1_9"] = make([]float32, 1)
	_, err = nequip.Read(good.cfg, w)
	check(t, "coupling that does not exist", err, []string{"_w3j_1_1_9"})
}

// Whatever stands in the configuration, Read returns: a model or an error.
func TestReadSurvives(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	values := []any{nil, true, false, int64(0), int64(-1), int64(1), int64(3), int64(1 << 40), 0.5, -1e300, math.NaN(), math.Inf(1), "", "silu", "x",
		[]any{}, []any{int64(1)}, []any{nil}, map[any]any{}, map[any]any{int64(1): "x"}, []float64{1}, []int64{1, 2}, "8x0e", []any{"8x0e"}}
	accepted := 0
	for seed := range uint64(60) {
		good := complete(seed % 6)
		var keys []string
		for k := range good.cfg {
			keys = append(keys, k.(string))
		}
		keys = append(keys, "irreps_manual", "channel", "lmax_edge", "act_gate", "act_scalar", "interaction_type")
		sort.Strings(keys)
		for range 20 {
			cfg := maps.Clone(good.cfg)
			for range 1 + rng.IntN(2) {
				cfg[keys[rng.IntN(len(keys))]] = values[rng.IntN(len(values))]
			}
			m, err := nequip.Read(cfg, good.w)
			if (m == nil) == (err == nil) {
				t.Fatalf("%v: model %v, error %v", cfg, m, err)
			}
			if err == nil {
				accepted++
			} else if !strings.HasPrefix(err.Error(), "nequip: ") {
				t.Errorf("error %q", err)
			}
		}
	}
	if accepted == 0 {
		t.Error("nothing was accepted: the test tests too little")
	}
}

// Atoms on the same place have no finite energies; unknown elements are errors.
func TestBadFrames(t *testing.T) {
	good := complete(3)
	m, err := nequip.Read(good.cfg, good.w)
	if err != nil {
		t.Fatal(err)
	}
	if m.Elements()[0] != 14-good.ns+1 || New(m).Supports(1) || !New(m).Supports(14) {
		t.Errorf("elements %v", m.Elements())
	}
	s := potentialtest.System{X: [][3]float64{{0, 0, 0}, {1.5, 0, 0}, {2, 1, 0}}, Z: []int{14, 14, 14}}
	p := nequip.New64(m)
	potentialtest.Alone(t, s, p, 0, func(f *potential.Frame, r *potential.Result) error {
		r.Bonds.Reset(f.Rows)
		f.X[1] = f.X[0]
		if err := p.Compute(f, r); err != nil || !math.IsNaN(r.Energy[0]) || !math.IsNaN(r.Energy[1]) {
			t.Errorf("same place: %v, energies %v", err, r.Energy)
		}
		f.X[1][0]++
		f.Species[2] = 92
		check(t, "unknown element", p.Compute(f, r), []string{fmt.Sprint(f.ID[2]), "92"})
		return nil
	})
}

// New is any evaluator of m.
func New(m *nequip.Model) potential.Potential { return nequip.New64(m) }

// Edges shorter than the table's first knot are evaluated by the network, with
// the same energy and forces across it.
func TestShortEdges(t *testing.T) {
	for _, path := range tiny(t)[:2] {
		m := openFile(t, path)
		low := m.RadialErrors()[0].Min
		for _, d := range []float64{low - 0.1, low - 1e-4, low + 1e-4} {
			z := m.Elements()[0]
			s := potentialtest.System{X: [][3]float64{{0, 0, 0}, {d, 0, 0}, {d, 2, 0.1}, {0.3, 2, 0.7}}, Z: []int{z, z, z, z}}
			a, err := potentialtest.Evaluate(s, potentialtest.Setup{}, func() potential.Potential { return nequip.New64(m) })
			if err != nil {
				t.Fatal(err)
			}
			b, err := potentialtest.Evaluate(s, potentialtest.Setup{}, func() potential.Potential { return nequip.New32(m) })
			if err != nil {
				t.Fatal(err)
			}
			size := max(1, potentialtest.Largest(a.Forces))
			for i := range a.Forces {
				for k := range 3 {
					if x := math.Abs(a.Forces[i][k] - b.Forces[i][k]); !(x <= 2e-5*size) {
						t.Errorf("%s, d = %g Å: force differs by %.1e of %.1e", path, d, x, size)
					}
				}
			}
		}
	}
}

// The tables' errors are what is promised, for the published models too.
func TestRadialErrors(t *testing.T) {
	m := open(t, "sevennet-l3i5")
	for n, e := range m.RadialErrors() {
		if !(e.Value > 0 && e.Value < 1e-5) || !(e.Slope > 0 && e.Slope < 1e-3) || e.Min != 0.5 {
			t.Errorf("layer %d: %+v", n, e)
		}
	}
	if n := m.Parameters(); n != 1171144 { // linear maps, radial networks and 8 frequencies, counted by hand
		t.Errorf("%d parameters", n)
	}
	if l := m.Layers()[1]; l.Paths != 34 || l.Weights != 1760 || l.Message.String() != "256x0e+480x1e+544x2e+480x3e" {
		t.Errorf("layer 1: %+v", l)
	}
	if m.Group() != potential.SO3 || m.Version() != "0.9.2" || len(m.Elements()) != 89 {
		t.Errorf("group %v, version %s, %d elements", m.Group(), m.Version(), len(m.Elements()))
	}
}
