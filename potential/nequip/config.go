package nequip

import (
	"fmt"
	"sort"
	"strconv"
	"strings"

	"github.com/wigner-md/wigner/o3"
)

// config is what a checkpoint's configuration says about the mathematics.
type config struct {
	version     string
	species     map[int]int // atomic number → index
	nspecies    int
	layers      int
	cutoff      float64
	envelope    envelope
	basis       int
	hidden      []int
	lmaxEdge    int
	lmaxNode    int
	parity      bool
	unit        bool        // harmonics of the unit vector
	slotOrder   bool        // radial weights stand in the order of the outputs, not of the paths
	speciesSkip []bool      // by layer: the self connection has matrices per species
	manual      bool        // irreps are given, not found
	bias        bool        // linear maps have a bias
	modal       *modality   // of multi-fidelity models: the one that is evaluated
	readout     *readoutNet // a multi-layer readout, else two linear maps
	native      *native     // NequIP's own, else SevenNet's
	irreps      []o3.Irreps // layers+1, from the embedding to the last output
	output      *o3.Irrep   // what is read out instead of an energy; nil: an energy
}

// table reads typed values of a configuration. Like those of tensors, its
// methods panic with a failure.
type table map[any]any

// get is the value of key, with ok false when it is absent or nil.
func (c table) get(key string) (any, bool) {
	v, ok := c[key]
	return v, ok && v != nil
}

func (c table) integer(key string, def int) int {
	v, ok := c.get(key)
	if !ok {
		return def
	}
	n, ok := toInt(v)
	if !ok {
		fail("configuration: %s is %v, not a whole number", key, v)
	}
	return n
}

func (c table) real(key string, def float64) float64 {
	v, ok := c.get(key)
	if !ok {
		return def
	}
	switch x := v.(type) {
	case float64:
		return x
	case int64:
		return float64(x)
	}
	fail("configuration: %s is %v, not a number", key, v)
	return def
}

func (c table) boolean(key string, def bool) bool {
	v, ok := c.get(key)
	if !ok {
		return def
	}
	b, ok := v.(bool)
	if !ok {
		fail("configuration: %s is %v, not True or False", key, v)
	}
	return b
}

func (c table) text(key, def string) string {
	v, ok := c.get(key)
	if !ok {
		return def
	}
	s, ok := v.(string)
	if !ok {
		fail("configuration: %s is %v, not a text", key, v)
	}
	return s
}

// sub is a dictionary inside the configuration, nil when absent.
func (c table) sub(key string) table {
	v, ok := c.get(key)
	if !ok {
		return nil
	}
	m, ok := v.(map[any]any)
	if !ok {
		fail("configuration: %s is %v, not a dictionary", key, v)
	}
	return m
}

func toInt(v any) (int, bool) {
	switch x := v.(type) {
	case int64:
		return int(x), int64(int32(x)) == x
	case int:
		return x, int(int32(x)) == x
	case float64:
		n := int(x)
		return n, float64(n) == x
	}
	return 0, false
}

// parse reads the configuration and refuses, by name, what is not supported. modal is
// the modality to evaluate, of multi-fidelity models.
func parse(c table, modal string) *config {
	if c.text("_model_type", "") == nativeType {
		if modal != "" {
			fail("the model has no modalities: leave modal = %q out", modal)
		}
		return parseNative(c)
	}
	f := &config{version: c.text("version", "")}
	minor := c.version(f.version)
	c.refuse()
	f.layers = c.integer("num_convolution_layer", 3)
	f.cutoff = c.real("cutoff", 4.5)
	if f.layers < 1 || f.layers > 64 {
		fail("configuration: num_convolution_layer is %d; supported are 1 to 64", f.layers)
	}
	if !(f.cutoff > 0 && f.cutoff < 1e3) {
		fail("configuration: cutoff is %g Å", f.cutoff)
	}
	f.parity = c.boolean("is_parity", true)
	f.unit = c.boolean("_normalize_sph", minor > 9)
	lmax := c.integer("lmax", 1)
	f.lmaxEdge, f.lmaxNode = c.integer("lmax_edge", -1), c.integer("lmax_node", -1)
	if f.lmaxEdge <= 0 { // as in SevenNet, 0 too is lmax
		f.lmaxEdge = lmax
	}
	if f.lmaxNode <= 0 {
		f.lmaxNode = lmax
	}
	if f.lmaxEdge < 0 || f.lmaxEdge > 8 || f.lmaxNode < 0 || f.lmaxNode > 8 {
		fail("configuration: lmax is %d for edges and %d for nodes; supported are 0 to 8", f.lmaxEdge, f.lmaxNode)
	}
	f.slotOrder = minor >= 11 && !strings.HasPrefix(f.version, "0.11.0.dev0")
	c.selfConnection(f)
	f.bias = c.boolean("use_bias_in_linear", false)
	f.readout = c.readoutNet()
	f.modal = c.modality(modal)
	f.envelope = c.cutoffFunction(f.cutoff)
	f.basis = c.radialBasis()
	f.hidden = c.neurons("weight_nn_hidden_neurons", 64, 64)
	c.typeMap(f)
	c.output(f)
	if f.output != nil && (f.modal != nil || f.bias || f.readout != nil) {
		fail("configuration: %s goes with neither modalities, nor biases, nor readout_as_fcn", outputKey)
	}
	c.irreps(f)
	return f
}

// version checks the version and returns its second number.
func (c table) version(s string) int {
	if s == "" {
		fail("configuration has no version; is this a SevenNet checkpoint?")
	}
	parts := strings.SplitN(s, ".", 3)
	var n [2]int
	for k := range n {
		var err error
		if k >= len(parts) {
			fail("configuration: version %q is not of the form 0.10.4", s)
		} else if n[k], err = strconv.Atoi(strings.TrimSpace(parts[k])); err != nil {
			fail("configuration: version %q is not of the form 0.10.4", s)
		}
	}
	if n[0] > 0 || n[1] > newest {
		fail("SevenNet checkpoints of version %s are not supported yet; versions up to 0.%d are", s, newest)
	}
	return n[1]
}

// newest is the last minor version of SevenNet whose checkpoints were compared.
const newest = 13

// selfConnection reads one kind for all layers, or a list.
func (c table) selfConnection(f *config) {
	kinds := make([]any, f.layers)
	switch v, _ := c.get("self_connection_type"); x := v.(type) {
	case nil:
		for t := range kinds {
			kinds[t] = "nequip"
		}
	case []any:
		if len(x) != f.layers {
			fail("configuration: self_connection_type has %d entries for %d layers", len(x), f.layers)
		}
		kinds = x
	default:
		for t := range kinds {
			kinds[t] = v
		}
	}
	for _, k := range kinds {
		if k != "nequip" && k != "linear" {
			fail("configuration: self_connection_type %q is not supported; linear and nequip are", fmt.Sprint(k))
		}
		f.speciesSkip = append(f.speciesSkip, k == "nequip")
	}
}

// refuse names what is known and not supported.
func (c table) refuse() {
	if s := c.text("_model_type", "E3_equivariant_model"); s != "E3_equivariant_model" {
		fail("configuration: model type %q is not supported", s)
	}
	if s := c.text("interaction_type", "nequip"); s != "nequip" {
		fail("configuration: interaction_type %q is not supported; nequip is", s)
	}
	if s := c.text("act_radial", "silu"); s != "silu" {
		fail("configuration: act_radial %q is not supported; silu is", s)
	}
	for _, key := range []string{"act_scalar", "act_gate"} {
		m := c.sub(key)
		if s := m.text("e", "silu"); s != "silu" {
			fail("configuration: %s of even scalars is %q, which is not supported; silu is", key, s)
		}
		if s := m.text("o", "tanh"); s != "tanh" {
			fail("configuration: %s of odd scalars is %q, which is not supported; tanh is", key, s)
		}
	}
}

func (c table) cutoffFunction(rc float64) envelope {
	m := c.sub("cutoff_function")
	switch s := m.text("cutoff_function_name", "poly_cut"); s {
	case "poly_cut":
		p := m.real("poly_cut_p_value", 6)
		if !(p >= 2 && p <= 100) {
			fail("configuration: poly_cut_p_value is %g; supported are 2 to 100", p)
		}
		return polyCut{rc, p}
	case "XPLOR":
		on := m.real("cutoff_on", 0)
		if !(on > 0 && on < rc) {
			fail("configuration: cutoff_on is %g Å; it must lie between 0 and the cutoff %g Å", on, rc)
		}
		return xplor{rc, on}
	default:
		fail("configuration: cutoff function %q is not supported; poly_cut and XPLOR are", s)
		return nil
	}
}

func (c table) radialBasis() int {
	m := c.sub("radial_basis")
	if s := m.text("radial_basis_name", "bessel"); s != "bessel" {
		fail("configuration: radial basis %q is not supported; bessel is", s)
	}
	n := m.integer("bessel_basis_num", 8)
	if n < 1 || n > 1024 {
		fail("configuration: bessel_basis_num is %d; supported are 1 to 1024", n)
	}
	return n
}

// neurons is a list of widths.
func (c table) neurons(key string, def ...int) []int {
	v, ok := c.get(key)
	if !ok {
		return def
	}
	var out []int
	switch list := v.(type) {
	case []any:
		for _, x := range list {
			n, ok := toInt(x)
			if !ok {
				fail("configuration: %s holds %v", key, x)
			}
			out = append(out, n)
		}
	case []int64:
		for _, n := range list {
			out = append(out, int(n))
		}
	default:
		fail("configuration: %s is %v, not a list", key, v)
	}
	for _, n := range out {
		if n < 1 || n > 1<<16 {
			fail("configuration: %s holds %d", key, n)
		}
	}
	return out
}

func (c table) typeMap(f *config) {
	m := c.sub("_type_map")
	f.species = map[int]int{}
	f.nspecies = c.integer("_number_of_species", len(m))
	if len(m) == 0 || f.nspecies < len(m) || f.nspecies > 1024 {
		fail("configuration: _type_map has %d elements, _number_of_species is %d", len(m), f.nspecies)
	}
	seen := map[int]bool{}
	for k, v := range m {
		z, ok := toInt(k)
		n, ok2 := toInt(v)
		if !ok || !ok2 || z < 1 || z > 118 || n < 0 || n >= f.nspecies || seen[n] {
			fail("configuration: _type_map has %v: %v; wanted are atomic numbers from 1 to 118 and different indices below %d", k, v, f.nspecies)
		}
		f.species[z] = n
		seen[n] = true
	}
}

// irreps finds the features between the layers.
func (c table) irreps(f *config) {
	even := o3.Irrep{L: 0, P: 1}
	if v, ok := c.get("irreps_manual"); ok && v != false {
		f.manual = true
		c.manualIrreps(f, v)
		return
	}
	ch := c.integer("channel", 32)
	if ch < 1 || ch > 1<<16 {
		fail("configuration: channel is %d", ch)
	}
	f.irreps = []o3.Irreps{{{Mul: ch, Irrep: even}}}
	for t := range f.layers {
		_, reach := f.paths(t)
		out := make(o3.Irreps, len(reach))
		for k, r := range reach {
			out[k] = o3.MulIrrep{Mul: ch, Irrep: r.Irrep}
		}
		f.irreps = append(f.irreps, out)
	}
}

func (c table) manualIrreps(f *config, v any) {
	list, ok := v.([]any)
	if !ok || len(list) != f.layers+1 {
		fail("configuration: irreps_manual is %v; wanted is a list of %d irreps, one more than layers", v, f.layers+1)
	}
	for t, x := range list {
		s, ok := x.(string)
		if !ok {
			fail("configuration: irreps_manual holds %v, not a text", x)
		}
		irr, err := o3.ParseIrreps(s)
		if err != nil {
			fail("configuration: irreps_manual: %w", err)
		}
		seen := map[o3.Irrep]bool{}
		for k, r := range irr {
			switch {
			case r.Mul == 0 || r.Mul > 1<<16 || r.L > 8:
				fail("configuration: irreps_manual has the term %s, which is not supported", r)
			case seen[r.Irrep]:
				fail("configuration: irreps_manual %q has %s twice, which is not supported", s, r.Irrep)
			case r.P < 0 && !f.parity:
				fail("configuration: irreps_manual %q has odd irreps, but is_parity is False", s)
			case t == f.layers && f.output != nil && (r.Irrep != *f.output || len(irr) > 1):
				fail("configuration: irreps_manual %q: the last features must be %s, the irrep of %s", s, f.output, outputKey)
			case r.L > 0 && (t == 0 || t == f.layers && f.output == nil), r.P < 0 && t == 0:
				fail("configuration: irreps_manual %q: the first and the last features must be even scalars", s)
			}
			if r.L == 0 && k > 0 && irr[k-1].L > 0 {
				fail("configuration: irreps_manual %q has scalars behind other irreps, which is not supported", s)
			}
			seen[r.Irrep] = true
		}
		if irr.Count(o3.Irrep{L: 0, P: 1}) == 0 && (t < f.layers || f.output == nil) {
			fail("configuration: irreps_manual %q has no even scalars, which is not supported", s)
		}
		f.irreps = append(f.irreps, irr)
	}
	if f.output == nil && f.irreps[f.layers].Count(o3.Irrep{L: 0, P: -1}) > 0 {
		fail("configuration: irreps_manual: the last features must be even scalars")
	}
}

// paths are those of layer t, whose input irreps are known: to every l₃ up to
// lmax (from version 0.11 on that of the output where it is given), and in the last
// layer to what is read out and its gates only; in NequIP's own to what the gate takes. The last thing returned
// are the joined irreps of the messages.
func (f *config) paths(t int) ([]o3.Path, o3.Irreps) {
	if f.native != nil {
		gate := gateInput(f.irreps[t+1])
		return o3.Paths(f.irreps[t], o3.SphericalIrreps(f.lmaxEdge, true), func(r o3.Irrep) bool { return gate.Count(r) > 0 })
	}
	last, lmax := t == f.layers-1, f.lmaxNode
	if f.slotOrder && f.manual {
		lmax = f.irreps[t+1].LMax()
	}
	return o3.Paths(f.irreps[t], o3.SphericalIrreps(f.lmaxEdge, f.parity), func(r o3.Irrep) bool {
		even := r.L == 0 && r.P > 0
		switch {
		case last && f.output != nil:
			return r == *f.output || even && f.output.L > 0
		case last:
			return even
		}
		return r.L <= lmax
	})
}

// outputKey is wigner's own key for networks that give a tensor and no energy.
const outputKey = "wigner_output"

// output finds what the network gives.
func (c table) output(f *config) {
	s := c.text(outputKey, "")
	if s == "" {
		return
	}
	irr, err := o3.ParseIrreps(s)
	if err != nil || len(irr) != 1 || irr[0].Mul != 1 || irr[0].L > 8 {
		fail("configuration: %s is %q; wanted is one irrep, such as 1o", outputKey, s)
	}
	if !f.parity && irr[0].P < 0 {
		fail("configuration: %s is %s, but is_parity is False", outputKey, s)
	}
	if v, ok := c.get("irreps_manual"); !ok || v == false {
		fail("configuration: %s needs irreps_manual", outputKey)
	}
	if f.bias || f.readout != nil || f.modal != nil {
		fail("configuration: %s is %s: biases, modalities and multi-layer readouts are for energies", outputKey, s)
	}
	f.output = &irr[0].Irrep
}

// elements are the known atomic numbers, ascending.
func (f *config) elements() []int {
	var z []int
	for k := range f.species {
		z = append(z, k)
	}
	sort.Ints(z)
	return z
}
