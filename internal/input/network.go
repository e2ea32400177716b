package input

import (
	"reflect"
	"slices"
	"strings"
)

// The kinds of models.
const (
	KindNequIP    = "nequip" // NequIP and SevenNet, the default
	KindMACE      = "mace"   // is not trained here
	KindBP        = "bp"     // Behler–Parrinello
	KindRaw       = "raw"
	KindDistances = "distances"
	KindSOAP      = "soap"
)

// What a network gives.
const (
	OutputEnergy       = "energy"
	OutputDipole       = "dipole"
	OutputPseudoscalar = "pseudoscalar"
)

// begun is whether there are weights to go on from.
func (m *Network) begun() bool { return m.Init != "" || len(m.Members) > 0 }

// First names what the model begins with.
func (m *Network) First() string {
	if len(m.Members) > 0 {
		return "the committee of " + strings.Join(m.Members, ", ")
	}
	return m.Init
}

// FirstKey is the key that says so.
func (m *Network) FirstKey() string {
	if len(m.Members) > 0 {
		return "model.committee"
	}
	return "model.init"
}

// Gives is the output, or its default.
func (m *Network) Gives() string {
	if m.Output == "" {
		return OutputEnergy
	}
	return m.Output
}

// Tensor is whether the output is no energy.
func (m *Network) Tensor() bool { return m.Gives() != OutputEnergy }

// Family is the kind, or its default.
func (m *Network) Family() string {
	if m.Kind == "" {
		return KindNequIP
	}
	return m.Kind
}

// double is whether the kind knows no single precision.
func (m *Network) double() bool { return m.whole() || m.Kind == KindBP || m.Kind == KindSOAP }

// whole is whether the kind sees a molecule whole.
func (m *Network) whole() bool { return m.Kind == KindRaw || m.Kind == KindDistances }

// sizes calls f for each key that is given and belongs to some kinds only.
func (m *Network) sizes(f func(key string, kinds []string)) {
	v := reflect.ValueOf(*m)
	for _, field := range fields(v.Type()) {
		if kinds := field.Tag.Get("kinds"); kinds != "" && !v.FieldByIndex(field.Index).IsZero() {
			f("model."+tag(field), strings.Fields(kinds))
		}
	}
}

func (m *Network) check(k *checker) {
	k.among("model.kind", m.Family(), KindNequIP, KindBP, KindRaw, KindDistances, KindSOAP)
	m.core(k)
	k.among("model.output", m.Gives(), OutputEnergy, OutputDipole, OutputPseudoscalar)
	if m.Tensor() && m.Family() != KindNequIP {
		k.bad("model.output", "models of kind %s give energies only", m.Family())
	}
	if m.Tensor() && m.CoreCutoff != 0 {
		k.bad("model.zbl_cutoff_A", "a repulsion is an energy, and the model gives a %s: leave it out", m.Output)
	}
	if m.Tensor() && m.Parity != nil && !*m.Parity {
		k.bad("model.parity", "a %s needs parity", m.Output)
	}
	if m.begun() {
		if m.Init != "" && len(m.Members) > 0 {
			k.bad("model.committee", "the model begins with %s already: leave one of the two out", m.Init)
		}
		if len(m.Members) == 1 {
			k.bad("model.committee", "one model is none: model.init begins with it")
		}
		m.sizes(func(key string, _ []string) { k.bad(key, "the sizes are those of %s: leave it out", m.First()) })
		return
	}
	m.sizes(func(key string, kinds []string) {
		if !slices.Contains(kinds, m.Family()) {
			k.bad(key, "belongs to a model of kind %s, not to kind %q", strings.Join(kinds, ", "), m.Family())
		}
	})
	for _, w := range m.Hidden {
		k.within("model.hidden", float64(w), 1, 1<<14)
	}
	switch m.Family() {
	case KindNequIP:
		m.nequip(k)
	case KindBP:
		m.bp(k)
	}
}

// core checks the fixed repulsion.
func (m *Network) core(k *checker) {
	switch {
	case m.CoreCutoff == 0 && m.CoreSwitch == 0:
		return
	case m.whole():
		k.bad("model.zbl_cutoff_A", "a model of kind %q has no neighbours to repel: leave it out", m.Family())
	}
	k.positive("model.zbl_cutoff_A", m.CoreCutoff, 100)
	k.switched("model.zbl_switch_A", m.CoreSwitch, m.CoreCutoff)
	if m.Cutoff > 0 {
		k.within("model.zbl_cutoff_A", m.CoreCutoff, 0, m.Cutoff)
	}
}

func (m *Network) bp(k *checker) {
	if len(m.Functions) > 0 {
		for key, given := range map[string]bool{"cutoff_A": m.Cutoff != 0, "radial_functions": m.SymRadial != 0, "angular_functions": m.SymAngular != 0} {
			if given {
				k.bad("model."+key, "symmetry_functions say it: leave it out")
			}
		}
		return
	}
	k.positive("model.cutoff_A", m.Cutoff, 100)
	k.within("model.radial_functions", float64(m.SymRadial), 0, 1000)
	k.within("model.angular_functions", float64(m.SymAngular), 0, 100)
}

func (m *Network) nequip(k *checker) {
	if m.Features == "" {
		k.bad("model.features", "missing: the irreps between the layers, such as \"32x0e+16x1o+16x2e\", or init = \"…\" to go on from a model")
	}
	k.within("model.layers", float64(m.Layers), 1, 64)
	k.within("model.lmax", float64(m.LMax), 0, 8)
	k.positive("model.cutoff_A", m.Cutoff, 100)
	k.within("model.radial_basis", float64(m.Basis), 0, 1024)
	k.within("model.envelope_power", m.Power, 0, 100)
	if m.Power != 0 && m.Power < 2 {
		k.bad("model.envelope_power", "%g: it must be 2 or more", m.Power)
	}
	for _, n := range m.Radial {
		k.within("model.radial_hidden", float64(n), 1, 1<<16)
	}
}
