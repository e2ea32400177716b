package naive

import (
	"fmt"
	"slices"

	"github.com/wigner-md/wigner/potential"
)

// Config is the model without its numbers, in plain values; Read takes it back.
func (m *Model) Config() map[any]any {
	list := func(x []int) []any {
		var out []any
		for _, v := range x {
			out = append(out, int64(v))
		}
		return out
	}
	return map[any]any{
		"kind": string(m.Kind), "centred": m.Centred, "sorted": m.Sorted, "hidden": list(m.Hidden), "elements": list(m.Z),
		"shift_eV": m.Shift, "scale_eV": m.Scale,
	}
}

// Tensors are the numbers of the model, by the names of its file. The weights are views.
func (m *Model) Tensors() []potential.Param {
	return append(m.Potential().Params(), potential.Param{Name: "mean", Shape: []int{m.Inputs()}, Value: m.Mean},
		potential.Param{Name: "span", Shape: []int{m.Inputs()}, Value: m.Span})
}

// Read makes a model of what Config and Tensors gave.
func Read(cfg map[any]any, w potential.Weights) (*Model, error) {
	m := &Model{}
	var err error
	fail := func(key string) {
		if err == nil {
			err = fmt.Errorf("naive: config: %q is missing or of another type: %v", key, cfg[key])
		}
	}
	kind, ok := cfg["kind"].(string)
	if !ok {
		fail("kind")
	}
	m.Kind = Kind(kind)
	for key, to := range map[string]*bool{"centred": &m.Centred, "sorted": &m.Sorted} {
		if *to, ok = cfg[key].(bool); !ok {
			fail(key)
		}
	}
	for key, to := range map[string]*float64{"shift_eV": &m.Shift, "scale_eV": &m.Scale} {
		if *to, ok = cfg[key].(float64); !ok {
			fail(key)
		}
	}
	for key, to := range map[string]*[]int{"hidden": &m.Hidden, "elements": &m.Z} {
		all, _ := cfg[key].([]any)
		for _, v := range all {
			n, ok := v.(int64)
			if !ok || n < 0 || n > 1<<20 {
				fail(key)
			}
			*to = append(*to, int(n))
		}
	}
	if err == nil {
		err = m.prepare()
	}
	if err != nil {
		return nil, err
	}
	m.Theta = make([]float64, m.Parameters())
	m.Mean, m.Span = make([]float64, m.Inputs()), make([]float64, m.Inputs())
	for _, p := range m.Tensors() {
		shape, data, ok := potential.Tensor64(w, p.Name)
		if !ok || !slices.Equal(shape, p.Shape) || len(data) != len(p.Value) {
			return nil, fmt.Errorf("naive: tensor %q is missing or has the shape %v instead of %v", p.Name, shape, p.Shape)
		}
		copy(p.Value, data)
	}
	for k, s := range m.Span {
		if !(s > 0) {
			return nil, fmt.Errorf("naive: span[%d] is %v", k, s)
		}
	}
	return m, nil
}
