package torch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Module is a pickled torch module, flattened: the tree of its submodules as plain attributes, and its
// parameters and buffers by their names, as state_dict would call them.
//
//	Config[path]["class"]     class of the submodule at path ("" is the whole, "interactions.0" …)
//	Config[path][attribute]   attributes that are plain values; an object is a dict of its "class" and the plain part of its state
//
// Functions and classes as values are their names; e3nn's Irreps, text ("16x0e+16x1o").
type Module struct {
	Config map[any]any
	// Package says that the file is a package of NequIP; Versions are those of the programs that wrote it.
	Package  bool
	Versions map[string]string

	weights *Weights
}

// Weights are the parameters and buffers, those of integers included.
func (m *Module) Weights() *Weights { return m.weights }

// OpenModule reads a file of torch.save(module), without the classes: whatever belongs to the packages
// mace, nequip, e3nn and torch (and those that accelerate them) becomes an inert record, any other global is refused, nothing is run.
func OpenModule(path string) (*Module, error) {
	f, err := Load(path, Options{Inert: inert})
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return newModule(f)
}

// IsModule tells whether a file holds a module, and not a checkpoint of plain values.
func IsModule(path string) (bool, error) {
	f, err := Load(path, Options{Inert: func(string, string) bool { return true }})
	if err != nil {
		return false, err
	}
	defer f.Close()
	_, ok := f.Root.(*Object)
	return ok, nil
}

// inert accepts all globals of the packages that a model's classes are from.
func inert(module, _ string) bool {
	top, _, _ := strings.Cut(module, ".")
	return slices.Contains([]string{"mace", "e3nn", "torch", "nequip", "allegro", "cuequivariance", "cuequivariance_torch", "openequivariance"}, top)
}

func newModule(f *File) (*Module, error) {
	bad := func(err error) error { return fmt.Errorf("%s: entry %q: %w", f.c.file, f.c.prefix+f.c.pickle, err) }
	root, ok := f.Root.(*Object)
	if !ok {
		if top, ok := f.Root.(map[any]any); ok {
			return nil, bad(fmt.Errorf("holds a dict with %s, not a module: a training checkpoint has neither classes nor "+
				"irreps; use the .model file that the training wrote", keys(top)))
		}
		return nil, bad(fmt.Errorf("holds %s, not a module", plainKind(f.Root)))
	}
	w := &walker{config: map[any]any{}, state: map[any]any{}, left: maxModules}
	if err := w.module("", root, 0); err != nil {
		return nil, bad(err)
	}
	weights, err := readWeights(f.c, w.state)
	if err != nil {
		return nil, err
	}
	m := &Module{Config: w.config, Package: f.c.pickle == packagePickle, weights: weights}
	if _, ok := f.c.length(packageNotes); m.Package && ok {
		text, err := f.c.read(packageNotes, 1<<20)
		if err != nil {
			return nil, err
		}
		m.Versions = versions(string(text))
	}
	return m, nil
}

// versions reads the mapping "versions" of a package's notes, which are plain YAML.
func versions(text string) map[string]string {
	out := map[string]string{}
	_, text, _ = strings.Cut("\n"+text, "\nversions:\n")
	for line := range strings.Lines(text) {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if !ok || line[0] != ' ' {
			break
		}
		out[name] = strings.Trim(strings.TrimSpace(value), `'"`)
	}
	return out
}

// maxModules bounds the visits, since a module may be shared; those of published files have a few hundred.
const maxModules = 1 << 16

// walker flattens a tree of modules.
type walker struct {
	config, state map[any]any
	left          int
}

// skipped attributes are no part of what a module computes: compiled code, hooks and the like.
func skipped(name string) bool {
	switch name {
	case "_modules", "_parameters", "_buffers", "__codegen__", "_non_persistent_buffers_set",
		"_profiling_str", "_specialized_code", "_is_full_backward_hook":
		return true
	}
	return strings.Contains(name, "_hook")
}

func (w *walker) module(path string, o *Object, depth int) error {
	if w.left--; w.left < 0 || depth > 64 {
		return fmt.Errorf("module %s: more than %d modules, or nested deeper than 64", clip(path), maxModules)
	}
	state, ok := o.State.(map[any]any)
	if !ok {
		return fmt.Errorf("module %s of class %s has no state", clip(path), clip(o.Class))
	}
	if _, has := state["_modules"].(map[any]any); !has {
		return fmt.Errorf("module %s: %s is no module", clip(path), clip(o.Class))
	}
	attrs := map[any]any{"class": o.Class}
	w.config[path] = attrs
	for k, v := range state {
		name, ok := k.(string)
		if !ok || skipped(name) {
			continue
		}
		if t, ok := v.(*Tensor); ok { // a tensor that is a plain attribute
			w.state[join(path, name)] = t
			continue
		}
		if p, ok := w.value(v, 0); ok {
			attrs[name] = p
		}
	}
	for _, group := range []string{"_parameters", "_buffers"} {
		tensors, _ := state[group].(map[any]any)
		for k, v := range tensors {
			name, ok := k.(string)
			if t, is := v.(*Tensor); ok && is {
				w.state[join(path, name)] = t
			}
		}
	}
	for k, v := range state["_modules"].(map[any]any) {
		name, ok := k.(string)
		if !ok || strings.Contains(name, ".") {
			return fmt.Errorf("module %s has a submodule named %s", clip(path), clip(fmt.Sprint(k)))
		}
		switch v := v.(type) {
		case nil:
		case *Object:
			if !isModule(v) { // compiled code, which is made again from the rest
				w.config[join(path, name)] = map[any]any{"class": v.Class}
				continue
			}
			if err := w.module(join(path, name), v, depth+1); err != nil {
				return err
			}
		default:
			return fmt.Errorf("submodule %s is %s", clip(join(path, name)), plainKind(v))
		}
	}
	return nil
}

func isModule(o *Object) bool {
	state, _ := o.State.(map[any]any)
	_, ok := state["_modules"].(map[any]any)
	return ok
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// value is an attribute in plain form; ok is false where it has none.
func (w *walker) value(v any, depth int) (any, bool) {
	if w.left--; w.left < -16*maxModules || depth > 8 {
		return nil, false
	}
	switch v := v.(type) {
	case nil, bool, int64, float64, string:
		return v, true
	case Class:
		return string(v), true
	case []any:
		out := make([]any, 0, len(v))
		for _, e := range v {
			p, ok := w.value(e, depth+1)
			if !ok {
				return nil, false
			}
			out = append(out, p)
		}
		return out, true
	case map[any]any:
		out := make(map[any]any, len(v))
		for k, e := range v {
			p, ok := w.value(e, depth+1)
			if _, text := k.(string); !ok || !text {
				return nil, false
			}
			out[k] = p
		}
		return out, true
	case *Object:
		if s, ok := irrepsText(v); ok {
			return s, true
		}
		if depth == 0 {
			return w.record(v), true
		}
	}
	return nil, false
}

// record is another object as its class with the plain part of its state, as config classes are.
func (w *walker) record(o *Object) map[any]any {
	out := map[any]any{}
	state, _ := o.State.(map[any]any)
	for k, e := range state {
		name, text := k.(string)
		if p, ok := w.value(e, 1); ok && text {
			out[name] = p
		}
	}
	out["class"] = o.Class
	return out
}

// irrepsText is an e3nn Irreps record as text: a tuple of (mul, (l, p)).
func irrepsText(o *Object) (string, bool) {
	if !strings.HasPrefix(o.Class, "e3nn.o3.") || !strings.HasSuffix(o.Class, ".Irreps") {
		return "", false
	}
	items := o.List
	if len(o.Args) == 1 {
		items, _ = o.Args[0].([]any)
	}
	var terms []string
	for _, item := range items {
		mul, ir, ok := pair(item)
		if !ok {
			return "", false
		}
		n, ok1 := mul.(int64)
		lv, pv, ok2 := pair(ir)
		l, ok3 := lv.(int64)
		p, ok4 := pv.(int64)
		if !ok1 || !ok2 || !ok3 || !ok4 || n < 0 || l < 0 || p*p != 1 {
			return "", false
		}
		terms = append(terms, strconv.FormatInt(n, 10)+"x"+strconv.FormatInt(l, 10)+map[int64]string{1: "e", -1: "o"}[p])
	}
	return strings.Join(terms, "+"), true
}

// pair is a tuple of two, or the record of a class of such tuples.
func pair(v any) (a, b any, ok bool) {
	if o, is := v.(*Object); is {
		if len(o.Args) == 2 {
			return o.Args[0], o.Args[1], true
		}
		if len(o.Args) != 1 {
			return nil, nil, false
		}
		v = o.Args[0]
	}
	e, is := v.([]any)
	if !is || len(e) != 2 {
		return nil, nil, false
	}
	return e[0], e[1], true
}
