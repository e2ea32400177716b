package soap

import (
	"fmt"
	"slices"

	"github.com/wigner-md/wigner/potential"
)

// Config is the model without its numbers, in plain values; Read takes it back.
func (m *Model) Config() map[any]any {
	elements := []any{}
	for _, z := range m.Elements {
		elements = append(elements, int64(z))
	}
	return map[any]any{
		"elements": elements, "cutoff_A": m.Settings.Cutoff, "sigma_A": m.Sigma, "nmax": int64(m.N), "lmax": int64(m.L),
		"basis": string(m.Basis), "cutoff_function": string(m.Envelope), "cutoff_power": m.Power, "cutoff_width_A": m.Width,
		"central_weight": m.Central, "zeta": int64(m.Zeta),
	}
}

// Tensors are the numbers of the model, by the names of its file; the coefficients are a
// view. The orthonormalisation of the radial functions is among them, since it is
// ill-conditioned: another machine's rounding would make it another model.
func (m *Model) Tensors() []potential.Param {
	out := []potential.Param{
		{Name: "coefficients", Shape: []int{len(m.Theta)}, Value: m.Theta},
		{Name: "reference_eV", Shape: []int{len(m.Reference)}, Value: m.Reference},
		{Name: "orthonormal", Shape: []int{m.L + 1, m.N, m.N}, Value: m.radial.beta},
	}
	for k, q := range m.Points {
		nf := m.Features()
		out = append(out, potential.Param{Name: fmt.Sprintf("points.%d", m.Elements[k]), Shape: []int{len(q) / nf, nf}, Value: q})
	}
	return out
}

// Read makes a model of what Config and Tensors gave.
func Read(cfg map[any]any, w potential.Weights) (*Model, error) {
	s, zeta, err := settings(cfg)
	if err != nil {
		return nil, err
	}
	if s, err = s.filled(); err != nil {
		return nil, err
	}
	get := func(name string, dims ...int) (data []float64) {
		shape, data, ok := potential.Tensor64(w, name)
		if ok && len(dims) == 2 && dims[0] < 0 && len(shape) == 2 {
			dims[0] = shape[0]
		}
		if err == nil && (!ok || dims != nil && !slices.Equal(shape, dims)) {
			err = fmt.Errorf("soap: tensor %q is missing or has the shape %v instead of %v", name, shape, dims)
		}
		return data
	}
	r := bare(&s)
	r.beta = get("orthonormal", s.L+1, s.N, s.N)
	m := &Model{Zeta: int(zeta), Reference: get("reference_eV", len(s.Elements)), Theta: get("coefficients")}
	if zeta > 0 {
		for _, z := range s.Elements {
			m.Points = append(m.Points, get(fmt.Sprintf("points.%d", z), -1, s.Features()))
		}
	}
	if err != nil {
		return nil, err
	}
	m.Descriptor = prepared(s, r)
	if err := m.prepare(); err != nil {
		return nil, err
	}
	if len(m.Theta) != m.Coefficients() {
		return nil, fmt.Errorf("soap: %d coefficients; the model needs %d", len(m.Theta), m.Coefficients())
	}
	return m, nil
}

// settings reads the configuration.
func settings(cfg map[any]any) (s Settings, zeta int64, err error) {
	fail := func(key string) {
		if err == nil {
			err = fmt.Errorf("soap: config: %q is missing or of another type: %v", key, cfg[key])
		}
	}
	for key, to := range map[string]*float64{"cutoff_A": &s.Cutoff, "sigma_A": &s.Sigma, "cutoff_power": &s.Power, "cutoff_width_A": &s.Width, "central_weight": &s.Central} {
		var ok bool
		if *to, ok = cfg[key].(float64); !ok {
			fail(key)
		}
	}
	var n, l int64
	for key, to := range map[string]*int64{"nmax": &n, "lmax": &l, "zeta": &zeta} {
		var ok bool
		if *to, ok = cfg[key].(int64); !ok || *to < 0 || *to > 1000 {
			fail(key)
		}
	}
	basis, a := cfg["basis"].(string)
	envelope, b := cfg["cutoff_function"].(string)
	elements, c := cfg["elements"].([]any)
	for key, ok := range map[string]bool{"basis": a, "cutoff_function": b, "elements": c} {
		if !ok {
			fail(key)
		}
	}
	for _, v := range elements {
		z, ok := v.(int64)
		if !ok {
			fail("elements")
		}
		s.Elements = append(s.Elements, int(z))
	}
	s.N, s.L, s.Basis, s.Envelope = int(n), int(l), Basis(basis), CutoffFunction(envelope)
	return s, zeta, err
}
