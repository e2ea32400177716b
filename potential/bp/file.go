package bp

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/potential"
)

// number is a key of a function in a configuration.
type number struct {
	key string
	of  func(f *Function) *float64
}

// numbers are all; a file leaves out those that are 0.
var numbers = []number{
	{"eta_per_A2", func(f *Function) *float64 { return &f.Eta }},
	{"shift_A", func(f *Function) *float64 { return &f.Shift }},
	{"lambda", func(f *Function) *float64 { return &f.Lambda }},
	{"zeta", func(f *Function) *float64 { return &f.Zeta }},
	{"inner_A", func(f *Function) *float64 { return &f.Inner }},
	{"cutoff_A", func(f *Function) *float64 { return &f.Cutoff }},
	{"left_deg", func(f *Function) *float64 { return &f.Left }},
	{"right_deg", func(f *Function) *float64 { return &f.Right }},
	{"zero", func(f *Function) *float64 { return &f.Zero }},
	{"factor", func(f *Function) *float64 { return &f.Factor }},
	{"min", func(f *Function) *float64 { return &f.Min }},
	{"max", func(f *Function) *float64 { return &f.Max }},
	{"low", func(f *Function) *float64 { return &f.Low }},
}

// Config is the model without its weights, as a file has it.
func (s *Spec) Config() map[any]any {
	elements := []any{}
	for _, e := range s.Elements {
		functions, layers := []any{}, []any{}
		for _, f := range e.Functions {
			neighbours := []any{element.Symbol(f.Z1)}
			if f.Z2 > 0 {
				neighbours = append(neighbours, element.Symbol(f.Z2))
			}
			m := map[any]any{"type": int64(f.Type), "neighbours": neighbours}
			for _, n := range numbers {
				if x := *n.of(&f); x != 0 {
					m[n.key] = x
				}
			}
			if f.Core != "" {
				m["core"] = f.Core
			}
			functions = append(functions, m)
		}
		for _, l := range e.Layers {
			layers = append(layers, map[any]any{"width": int64(l.Out), "activation": string(l.Activation)})
		}
		elements = append(elements, map[any]any{"element": element.Symbol(e.Z), "shift_eV": e.Shift, "functions": functions, "layers": layers})
	}
	return map[any]any{
		"cutoff_function": int64(s.CutoffType), "cutoff_alpha": s.CutoffAlpha, "normalize_nodes": s.NormalizeNodes,
		"energy_scale_eV": s.EnergyScale, "elements": elements,
	}
}

// Params are the weights and biases: views.
func (s *Spec) Params() (out []potential.Param) {
	for _, e := range s.Elements {
		for n := range e.Layers {
			l := &e.Layers[n]
			name := element.Symbol(e.Z) + "." + strconv.Itoa(n+1)
			out = append(out, potential.Param{Name: name + ".weight", Shape: []int{l.In, l.Out}, Value: l.W},
				potential.Param{Name: name + ".bias", Shape: []int{l.Out}, Value: l.B})
		}
	}
	return out
}

// table reads a configuration; the first failure stays.
type table struct {
	m   map[any]any
	at  string
	err *error
}

func (t table) fail(key, want string) {
	if *t.err == nil {
		*t.err = fmt.Errorf("bp: configuration: %s.%s is %v, not %s", t.at, key, t.m[key], want)
	}
}

func (t table) float(key string) float64 {
	switch x := t.m[key].(type) {
	case float64:
		return x
	case int64:
		return float64(x)
	case nil:
		return 0
	}
	t.fail(key, "a number")
	return 0
}

func (t table) int(key string) int {
	x, ok := t.m[key].(int64)
	if !ok || x < 0 || x > 1<<20 {
		t.fail(key, "a whole number")
		return 0
	}
	return int(x)
}

func (t table) text(key string) string {
	x, ok := t.m[key].(string)
	if !ok {
		t.fail(key, "text")
	}
	return x
}

func (t table) list(key string) []any {
	x, ok := t.m[key].([]any)
	if !ok {
		t.fail(key, "a list")
	}
	return x
}

// tables are the entries of a list of tables.
func (t table) tables(key string) (out []table) {
	for n, v := range t.list(key) {
		m, ok := v.(map[any]any)
		if !ok {
			t.fail(key, "a list of tables")
			return nil
		}
		out = append(out, table{m, fmt.Sprintf("%s.%s[%d]", t.at, key, n+1), t.err})
	}
	return out
}

func (t table) z(v any, key string) int {
	s, _ := v.(string)
	z, ok := element.Number(s)
	if !ok {
		t.fail(key, "an element's symbol")
	}
	return z
}

// Read makes a model of a configuration and weights as a file has them.
func Read(config map[any]any, w potential.Weights) (*Spec, error) {
	var err error
	t := table{config, "config", &err}
	s := &Spec{CutoffType: t.int("cutoff_function"), CutoffAlpha: t.float("cutoff_alpha"), EnergyScale: t.float("energy_scale_eV")}
	s.NormalizeNodes, _ = config["normalize_nodes"].(bool)
	for _, q := range t.tables("elements") {
		e := Element{Z: q.z(q.m["element"], "element"), Shift: q.float("shift_eV")}
		for _, x := range q.tables("functions") {
			e.Functions = append(e.Functions, x.function())
		}
		in := len(e.Functions)
		for _, x := range q.tables("layers") {
			a := x.text("activation")
			if len(a) != 1 {
				x.fail("activation", "a letter")
				break
			}
			l := Layer{In: in, Out: x.int("width"), Activation: a[0]}
			e.Layers, in = append(e.Layers, l), l.Out
		}
		s.Elements = append(s.Elements, e)
	}
	if err != nil {
		return nil, err
	}
	names := w.Names()
	for k := range s.Elements {
		e := &s.Elements[k]
		for n := range e.Layers {
			l := &e.Layers[n]
			name := element.Symbol(e.Z) + "." + strconv.Itoa(n+1)
			for _, q := range []struct {
				name string
				to   *[]float64
			}{{name + ".weight", &l.W}, {name + ".bias", &l.B}} {
				_, data, ok := potential.Tensor64(w, q.name)
				if !ok {
					return nil, fmt.Errorf("bp: no tensor %s", q.name)
				}
				*q.to = data
				names = slices.DeleteFunc(names, func(n string) bool { return n == q.name })
			}
		}
	}
	if len(names) > 0 {
		return nil, fmt.Errorf("bp: tensor %s belongs to no layer", names[0])
	}
	return s, s.check()
}

func (t table) function() Function {
	f := Function{Type: t.int("type")}
	for k, v := range t.list("neighbours") {
		switch k {
		case 0:
			f.Z1 = t.z(v, "neighbours")
		case 1:
			f.Z2 = t.z(v, "neighbours")
		default:
			t.fail("neighbours", "one or two symbols")
		}
	}
	for _, n := range numbers {
		*n.of(&f) = t.float(n.key)
	}
	if t.m["core"] != nil {
		f.Core = t.text("core")
	}
	return f
}
