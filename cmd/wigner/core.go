package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/potential/pair"
)

// coreKey is where the configuration of a model file has its fixed repulsion.
const coreKey = nequip.CoreKey

// coreOf is the fixed repulsion of a model's configuration; nil without.
func coreOf(config map[any]any, supports func(z int) bool) (*pair.Curves, error) {
	v, ok := config[coreKey]
	if !ok || v == nil {
		return nil, nil
	}
	var at [3]float64
	m, _ := v.(map[any]any)
	keys := []string{"switch_A", "cutoff_A"}
	if _, is := m["power"]; is { // of NequIP's models
		keys = []string{"power", "cutoff_A", "coulomb_eV_A"}
	}
	for k, key := range keys {
		switch x := m[key].(type) {
		case float64:
			at[k] = x
		case int64:
			at[k] = float64(x)
		default:
			return nil, usagef("configuration: %s is %v; wanted are %s", coreKey, v, strings.Join(keys, ", "))
		}
	}
	var elements []int
	for z := 1; z <= element.Max; z++ {
		if supports(z) {
			elements = append(elements, z)
		}
	}
	if len(keys) == 3 {
		c, err := pair.NewZBLEnveloped(elements, at[1], at[0], at[2])
		return c, usage(err)
	}
	c, err := pair.NewZBL(elements, at[0], at[1])
	return c, usage(err)
}

// addCore gives a model's configuration the repulsion that a training asks for. The
// configuration may be that of the model that training begins with, and is not changed.
func addCore(config map[any]any, m *input.Network) (map[any]any, error) {
	if m.CoreCutoff == 0 {
		return config, nil
	}
	if config[coreKey] != nil {
		return nil, usagef("model.zbl_cutoff_A: %s has a repulsion of its own: leave it out", m.First())
	}
	out := map[any]any{coreKey: map[any]any{"switch_A": m.CoreSwitch, "cutoff_A": m.CoreCutoff}}
	for k, v := range config {
		out[k] = v
	}
	return out, nil
}

// withCore is a model's source with its repulsion added.
func (s *source) withCore(c *pair.Curves) *source {
	if c == nil {
		return s
	}
	out := sumOf([]*source{s, {
		Name: "its ZBL", Family: "ZBL", Precision: "float64", Cutoff: c.Cutoff(), Supports: c.Supports,
		New: func() (potential.Potential, error) { return c.Evaluator(), nil },
	}})
	out.Describe = func(w io.Writer) {
		fmt.Fprintf(w, "%-12s ZBL repulsion, added within %g Å\n", "core", c.Cutoff())
		s.Describe(w)
	}
	return out
}
