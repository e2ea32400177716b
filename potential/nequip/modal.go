package nequip

import (
	"slices"
	"strings"
)

// modality is the fidelity of a multi-fidelity model that is evaluated. SevenNet appends
// the one-hot modality to the scalars that enter some of the linear maps; for one
// modality that is a bias of the even scalars.
type modality struct {
	n, index     int
	where        map[string]bool // groups of maps: nodes, intro, outro, output
	shift, scale bool            // there is one for each modality
}

// in reports whether the modality enters a group of maps.
func (m *modality) in(group string) *modality {
	if m == nil || !m.where[group] {
		return nil
	}
	return m
}

// extra is what the linear maps have that the modality m enters.
func (c *config) extra(m *modality) extra {
	x := extra{bias: c.bias}
	if m != nil {
		x.modals, x.modal = m.n, m.index
	}
	return x
}

// Modals are the modalities of a multi-fidelity model, in the order of their
// numbers; none for others, and for a configuration that Read refuses.
func Modals(cfg map[any]any) (names []string) {
	var err error
	defer catch(&err)
	c := table(cfg)
	if !c.boolean("use_modality", false) {
		return nil
	}
	return c.modals()
}

// modals are the keys of _modal_map by their numbers, which must count from 0.
func (c table) modals() []string {
	m := c.sub("_modal_map")
	names := make([]string, len(m))
	seen := make([]bool, len(m))
	for k, v := range m {
		name, ok := k.(string)
		n, isInt := toInt(v)
		if !ok || name == "" || !isInt || n < 0 || n >= len(m) || seen[n] {
			fail("configuration: _modal_map has %v: %v; wanted are names, and numbers that count from 0", k, v)
		}
		names[n], seen[n] = name, true
	}
	return names
}

// modality finds the modality by name, nil for models of one fidelity.
func (c table) modality(name string) *modality {
	if !c.boolean("use_modality", false) {
		if name != "" {
			fail("the model has no modalities: leave modal = %q out", name)
		}
		return nil
	}
	names := c.modals()
	if n := c.integer("_number_of_modalities", len(names)); len(names) < 2 || n != len(names) {
		fail("configuration: _modal_map has %d modalities, _number_of_modalities is %d; wanted are two or more", len(names), n)
	}
	k := slices.Index(names, name)
	switch {
	case name == "":
		fail("the model is multi-fidelity: choose one of its modalities with modal (in the config) or --modal: %s", strings.Join(names, ", "))
	case k < 0:
		fail("the model has no modality %q; it has %s", name, strings.Join(names, ", "))
	}
	m := &modality{n: len(names), index: k, where: map[string]bool{}}
	for group, key := range map[string]string{"nodes": "use_modal_node_embedding", "intro": "use_modal_self_inter_intro",
		"outro": "use_modal_self_inter_outro", "output": "use_modal_output_block"} {
		m.where[group] = c.boolean(key, false)
	}
	m.shift, m.scale = c.boolean("use_modal_wise_shift", false), c.boolean("use_modal_wise_scale", false)
	return m
}
