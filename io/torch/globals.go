package torch

import (
	"fmt"
	"strconv"
	"strings"
)

// global is a name that a pickle may mention: how its call is answered, or the storage type it stands for.
type global struct {
	name string
	call func(u *unpickler, args []any) (any, error)
	typ  *dataType
}

// lookup finds a global. What is not here and not accepted by Options.Inert is refused.
func (u *unpickler) lookup(module, name string) (any, error) {
	full := module + "." + name
	if module == "torch" || module == "torch.storage" {
		for i := range dataTypes {
			if t := &dataTypes[i]; t.storage == name {
				return &global{name: full, typ: t}, nil
			}
		}
	}
	if module == "torch" {
		for _, t := range dataTypes {
			if t.name == name {
				return full, nil // a dtype as value: its name
			}
		}
	}
	if call := builtin(full); call != nil {
		return &global{name: full, call: call}, nil
	}
	if full == "builtins.getattr" || full == "__builtin__.getattr" {
		if u.inert != nil {
			return &global{name: full, call: attribute}, nil
		}
	}
	if u.inert != nil && u.inert(module, name) {
		return Class(full), nil
	}
	return nil, fmt.Errorf("global %s is not one that this kind of file needs, so the file is refused "+
		"(nothing in it was executed)", clip(full))
}

// builtin is the whole list of callables. Each is harmless: it makes a value and does nothing else.
func builtin(full string) func(u *unpickler, args []any) (any, error) {
	// numpy 2 renamed numpy.core to numpy._core.
	full = strings.Replace(full, "numpy._core.", "numpy.core.", 1)
	switch full {
	case "collections.OrderedDict", "__builtin__.dict", "builtins.dict":
		return orderedDict
	case "__builtin__.set", "builtins.set", "__builtin__.frozenset", "builtins.frozenset",
		"__builtin__.list", "builtins.list":
		return listOf
	case "__builtin__.bytes", "builtins.bytes": // empty bytes; others come through _codecs.encode
		return func(_ *unpickler, args []any) (any, error) {
			if len(args) != 0 {
				return nil, fmt.Errorf("bytes of %d arguments", len(args))
			}
			return []byte{}, nil
		}
	case "__builtin__.slice", "builtins.slice", "__builtin__.complex", "builtins.complex":
		return func(_ *unpickler, args []any) (any, error) { return &tuple{args}, nil }
	case "_codecs.encode":
		return encode
	case "torch._utils._rebuild_tensor_v2":
		return rebuildTensor
	case "torch._utils._rebuild_parameter":
		return rebuildParameter
	case "torch.device":
		return device
	case "torch.Size":
		return func(_ *unpickler, args []any) (any, error) { return one(args) }
	case "numpy.ndarray":
		return func(*unpickler, []any) (any, error) { return nil, fmt.Errorf("numpy.ndarray is called") }
	case "numpy.core.multiarray._reconstruct":
		return func(_ *unpickler, args []any) (any, error) {
			if len(args) != 3 {
				return nil, fmt.Errorf("numpy _reconstruct with %d arguments", len(args))
			}
			if g, ok := args[0].(*global); !ok || g.name != "numpy.ndarray" {
				return nil, fmt.Errorf("numpy _reconstruct of %s", kind(args[0]))
			}
			return &ndarray{}, nil
		}
	case "numpy.core.multiarray.scalar":
		return func(_ *unpickler, args []any) (any, error) { return numpyScalar(args) }
	case "numpy.dtype":
		return func(_ *unpickler, args []any) (any, error) { return newDtype(args) }
	}
	return nil
}

// functions is the class whose methods are torch's compiled functions: torch.tanh is pickled as
// getattr(torch._C._VariableFunctionsClass, "tanh").
const functions = "torch._C._VariableFunctionsClass"

// attribute is getattr of that class, which names a function; of nothing else.
func attribute(_ *unpickler, args []any) (any, error) {
	if len(args) == 2 {
		name, text := args[1].(string)
		if class, ok := args[0].(Class); ok && class == functions && text && isIdentifier(name) {
			return Class("torch." + name), nil
		}
	}
	return nil, fmt.Errorf("getattr is called on other than (%s, name of a function), so the file is refused "+
		"(nothing in it was executed)", functions)
}

func isIdentifier(s string) bool {
	for k, c := range s {
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (k == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && len(s) <= 64
}

func one(args []any) (any, error) {
	if len(args) != 1 {
		return nil, fmt.Errorf("%d arguments, expected 1", len(args))
	}
	return args[0], nil
}

// orderedDict is OrderedDict() or OrderedDict([[k, v], …]).
func orderedDict(_ *unpickler, args []any) (any, error) {
	d := &dict{}
	if len(args) == 0 {
		return d, nil
	}
	pairs, ok := args[0].(*list)
	if !ok || len(args) != 1 {
		return nil, fmt.Errorf("dict of %d arguments, the first %s", len(args), kind(args[0]))
	}
	for _, e := range pairs.elems {
		var kv []any
		switch e := e.(type) {
		case *list:
			kv = e.elems
		case *tuple:
			kv = e.elems
		}
		if len(kv) != 2 {
			return nil, fmt.Errorf("dict of a list that holds %s instead of pairs", kind(e))
		}
		if err := d.set(kv[0], kv[1]); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// listOf is set(list), frozenset(list) and list(list): all become lists.
func listOf(_ *unpickler, args []any) (any, error) {
	if len(args) == 0 {
		return &list{}, nil
	}
	l, ok := args[0].(*list)
	if !ok || len(args) != 1 {
		return nil, fmt.Errorf("set of %d arguments, the first %s", len(args), kind(args[0]))
	}
	return l, nil
}

// encode is _codecs.encode(text, "latin1"), by which protocol 2 writes bytes.
func encode(u *unpickler, args []any) (any, error) {
	if len(args) != 2 {
		return nil, fmt.Errorf("_codecs.encode with %d arguments", len(args))
	}
	s, ok := args[0].(string)
	if codec, _ := args[1].(string); !ok || (codec != "latin1" && codec != "latin-1") {
		return nil, fmt.Errorf("_codecs.encode of %s: only texts in latin1 are known", kind(args[0]))
	}
	if err := u.spend(int64(len(s))); err != nil {
		return nil, err
	}
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xFF {
			return nil, fmt.Errorf("_codecs.encode: %q is not in latin1", r)
		}
		b = append(b, byte(r))
	}
	return b, nil
}

// rebuildTensor is _rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks[, metadata]).
func rebuildTensor(u *unpickler, args []any) (any, error) {
	if len(args) < 6 || len(args) > 7 {
		return nil, fmt.Errorf("_rebuild_tensor_v2 with %d arguments", len(args))
	}
	s, ok1 := args[0].(*storage)
	offset, ok2 := args[1].(int64)
	if !ok1 || !ok2 {
		return nil, fmt.Errorf("_rebuild_tensor_v2 of %s at %s", kind(args[0]), kind(args[1]))
	}
	shape, err := ints(args[2])
	if err != nil {
		return nil, fmt.Errorf("_rebuild_tensor_v2: size: %w", err)
	}
	stride, err := ints(args[3])
	if err != nil {
		return nil, fmt.Errorf("_rebuild_tensor_v2: stride: %w", err)
	}
	return newTensor(u.c, s, offset, shape, stride)
}

// rebuildParameter is _rebuild_parameter(tensor, requires_grad, hooks).
func rebuildParameter(_ *unpickler, args []any) (any, error) {
	if len(args) != 3 {
		return nil, fmt.Errorf("_rebuild_parameter with %d arguments", len(args))
	}
	t, ok := args[0].(*Tensor)
	if !ok {
		return nil, fmt.Errorf("_rebuild_parameter of %s", kind(args[0]))
	}
	return t, nil
}

// device is torch.device("cuda") or torch.device("cuda", 0): its name.
func device(_ *unpickler, args []any) (any, error) {
	if len(args) == 1 || len(args) == 2 {
		name, ok := args[0].(string)
		if ok && len(args) == 1 {
			return name, nil
		}
		if n, isInt := args[len(args)-1].(int64); ok && isInt && len(name) < 64 {
			return fmt.Sprintf("%s:%d", name, n), nil
		}
	}
	return nil, fmt.Errorf("torch.device with %d arguments", len(args))
}

// persistent is the pickle's reference to an entry data/KEY:
// ("storage", storage type, key, location, number of elements).
func (u *unpickler) persistent(id any) (any, error) {
	t, ok := id.(*tuple)
	if !ok || len(t.elems) != 5 {
		return nil, fmt.Errorf("persistent id that is %s", kind(id))
	}
	tag, _ := t.elems[0].(string)
	typ, ok1 := t.elems[1].(*global)
	key, ok2 := t.elems[2].(string)
	if n, is := t.elems[2].(int64); is { // in packages
		key, ok2 = strconv.FormatInt(n, 10), true
	}
	numel, ok3 := t.elems[4].(int64)
	if tag != "storage" || !ok1 || typ.typ == nil || !ok2 || !ok3 {
		return nil, fmt.Errorf("persistent id (%s, %s, %s, …) that is no storage", clip(tag), kind(t.elems[1]), kind(t.elems[2]))
	}
	if len(key) > 64 || strings.Contains(key, "/") {
		return nil, fmt.Errorf("storage key %s", clip(key))
	}
	if u.c == nil { // a pickle without its archive, in tests
		return &storage{*typ.typ, key, max(0, min(numel, 1<<20))}, nil
	}
	n, ok := u.c.length(u.c.storage(key))
	if !ok {
		return nil, fmt.Errorf("entry %q is missing", u.c.prefix+u.c.storage(key))
	}
	if numel < 0 || uint64(numel) > n || uint64(numel)*uint64(typ.typ.size) != n {
		return nil, fmt.Errorf("entry %q has %d bytes, which are not %d elements of %s", u.c.prefix+u.c.storage(key),
			n, numel, typ.typ.name)
	}
	return &storage{*typ.typ, key, numel}, nil
}
