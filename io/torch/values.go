package torch

import (
	"fmt"
	"strconv"
	"strings"
)

// Object is an inert record of an object of a class that Options.Inert accepted. Nothing of the class is
// known or run.
type Object struct {
	Class string // "module.Name"
	Args  []any  // arguments that the pickle calls the class with
	State any    // what BUILD sets, usually map[any]any of the attributes; nil without BUILD
	List  []any  // elements that the pickle appends (subclasses of list)
	Items Pairs  // items that the pickle sets (subclasses of dict)
}

// Pairs are the items of a dict in the file's order.
type Pairs []Pair

// Pair is one item of a dict.
type Pair struct{ Key, Value any }

// Class is a global that Options.Inert accepted, met as a value and not called.
type Class string

// TupleKey stands for a tuple of scalars used as key of a dict, as "(1, a)": Go's maps have no such keys.
type TupleKey string

// Array is a numpy array of two or more dimensions (or none of them being plain), in C order; exactly one
// of Float and Int is set. Arrays of one dimension become []float64 or []int64 instead.
type Array struct {
	Shape []int
	Float []float64
	Int   []int64
}

// The machine's own mutable values. Pickles build a container first and fill it later, and refer to it
// again by identity, hence pointers; plain() turns them into Go values at the end.
type (
	list  struct{ elems []any }
	tuple struct{ elems []any }
	dict  struct {
		pairs Pairs
		at    map[any]int
	}
	object struct {
		class Class
		args  []any
		state any
		list  list
		items dict
	}
	dtype struct {
		code string // numpy's letter and size, as in "f8"
	}
	ndarray struct {
		view *Tensor // shape, type and strides over data; nil until BUILD
		data []byte
	}
	storage struct {
		typ   dataType
		key   string
		numel int64
	}
)

// key turns a value into a key of a Go map.
func key(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, int64, float64, string, Class:
		return v, nil
	case *tuple:
		return tupleKey(v)
	}
	return nil, fmt.Errorf("%s as key of a dict", kind(v))
}

func tupleKey(t *tuple) (any, error) {
	if len(t.elems) > 16 {
		return nil, fmt.Errorf("tuple of %d elements as key of a dict", len(t.elems))
	}
	var b strings.Builder
	for i, e := range t.elems {
		if i > 0 {
			b.WriteString(", ")
		}
		switch e := e.(type) {
		case nil, bool, int64, float64:
			fmt.Fprint(&b, e)
		case string:
			if len(e) > 256 {
				return nil, fmt.Errorf("tuple with a text of %d bytes as key of a dict", len(e))
			}
			b.WriteString(e)
		default:
			return nil, fmt.Errorf("tuple with %s as key of a dict", kind(e))
		}
	}
	return TupleKey("(" + b.String() + ")"), nil
}

func (d *dict) set(k, v any) error {
	k, err := key(k)
	if err != nil {
		return err
	}
	if i, ok := d.at[k]; ok {
		d.pairs[i].Value = v
		return nil
	}
	if d.at == nil {
		d.at = map[any]int{}
	}
	d.at[k] = len(d.pairs)
	d.pairs = append(d.pairs, Pair{k, v})
	return nil
}

// kind names a value's type for messages.
func kind(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		return "a bool"
	case int64:
		return "an int"
	case float64:
		return "a float"
	case string:
		return "a text"
	case []byte:
		return "bytes"
	case *list:
		return "a list"
	case *tuple:
		return "a tuple"
	case *dict:
		return "a dict"
	case *object:
		return "an object of " + clip(string(v.class))
	case Class:
		return "the class " + clip(string(v))
	case *global:
		return "the global " + clip(v.name)
	case *Tensor:
		return "a tensor"
	case *ndarray:
		return "a numpy array"
	case *dtype:
		return "a numpy dtype"
	case *storage:
		return "a storage"
	}
	return fmt.Sprintf("%T", v)
}

// clip quotes text of a file for a message.
func clip(s string) string {
	if len(s) > 120 {
		s = s[:120] + "…"
	}
	return strconv.Quote(s)
}

// maxDepth is how deep values may be nested; real files have about ten levels, module trees thirty.
const maxDepth = 500

// plainer turns the machine's values into plain Go values, each shared container once.
type plainer struct {
	done map[any]any // container → plain value, nil while under way
}

func (p *plainer) plain(v any, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("values nested deeper than %d", maxDepth)
	}
	switch v := v.(type) {
	case nil, bool, int64, float64, string, []byte, Class, *Tensor:
		return v, nil
	case *dtype:
		return "numpy." + v.code, nil
	case *ndarray:
		return p.shared(v, func() (any, error) { return v.plain() })
	case *list:
		return p.shared(v, func() (any, error) { return p.elems(v.elems, depth) })
	case *tuple:
		return p.shared(v, func() (any, error) { return p.elems(v.elems, depth) })
	case *dict:
		return p.shared(v, func() (any, error) { return p.dict(v, depth) })
	case *object:
		return p.object(v, depth)
	}
	return nil, fmt.Errorf("%s where a value is expected", kind(v))
}

// shared converts a container the first time it is met. Only objects may contain themselves.
func (p *plainer) shared(v any, convert func() (any, error)) (any, error) {
	if got, met := p.done[v]; met {
		if got == nil {
			return nil, fmt.Errorf("%s that contains itself", kind(v))
		}
		return got, nil
	}
	p.done[v] = nil
	got, err := convert()
	if err == nil {
		p.done[v] = got
	}
	return got, err
}

func (p *plainer) elems(elems []any, depth int) ([]any, error) {
	out := make([]any, len(elems))
	for i, e := range elems {
		var err error
		if out[i], err = p.plain(e, depth+1); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (p *plainer) dict(d *dict, depth int) (any, error) {
	out := make(map[any]any, len(d.pairs))
	for _, kv := range d.pairs {
		v, err := p.plain(kv.Value, depth+1)
		if err != nil {
			return nil, fmt.Errorf("[%s]: %w", clip(fmt.Sprint(kv.Key)), err)
		}
		out[kv.Key] = v
	}
	return out, nil
}

func (p *plainer) object(o *object, depth int) (any, error) {
	if got, met := p.done[o]; met {
		return got, nil
	}
	out := &Object{Class: string(o.class)}
	p.done[o] = out
	var err error
	if out.Args, err = p.elems(o.args, depth); err != nil {
		return nil, err
	}
	if out.List, err = p.elems(o.list.elems, depth); err != nil {
		return nil, err
	}
	for _, kv := range o.items.pairs {
		v, err := p.plain(kv.Value, depth+1)
		if err != nil {
			return nil, err
		}
		out.Items = append(out.Items, Pair{kv.Key, v})
	}
	out.State, err = p.plain(o.state, depth+1)
	return out, err
}
