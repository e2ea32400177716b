package torch

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// Options of Load. The zero value reads plain values and tensors only.
type Options struct {
	// Inert reports whether a global that this package does not know is accepted as an inert record: calls of
	// it become Objects, and nothing is run. nil accepts none.
	Inert func(module, name string) bool
}

// File is what torch.save was given, as plain Go values: map[any]any, []any (lists, tuples and sets),
// string, int64, float64, bool, nil, []byte, *Tensor, []float64, []int64 and *Array (numpy), *Object and
// Class. A torch.device is its name, as is a dtype.
type File struct {
	Root any

	c      *container
	closer io.Closer
}

// Load reads the pickle of a file; the tensors stay in the file until they are asked for.
func Load(path string, o Options) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && info.IsDir() {
		err = fmt.Errorf("%s is a folder, not a checkpoint", path)
	}
	var file *File
	if err == nil {
		file, err = load(f, info.Size(), path, o)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	file.closer = f
	return file, nil
}

func load(r io.ReaderAt, size int64, name string, o Options) (*File, error) {
	c, err := openContainer(r, size, name)
	if err != nil {
		return nil, err
	}
	data, err := c.read(c.pickle, maxPickle)
	if err != nil {
		return nil, err
	}
	root, err := unpickle(c, data, o.Inert)
	if err != nil {
		return nil, fmt.Errorf("%s: entry %q: %w", name, c.prefix+c.pickle, err)
	}
	return &File{Root: root, c: c}, nil
}

// Close closes the file. Tensors cannot be read afterwards; what has been read stays.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Checkpoint is a training checkpoint: weights by name with the configuration they were made with.
type Checkpoint struct {
	Top    map[any]any // the whole file as saved, tensors unread
	Config map[any]any // "config" or "hyper_parameters", with tensors as []float64 or []int64 like numpy's arrays (see Array)

	file    *File
	weights *Weights
}

// Open reads a checkpoint that has "model_state_dict" and "config", as SevenNet writes them, or "state_dict"
// and "hyper_parameters", as NequIP does. All weights are read and checked here; the states of optimizer
// and scheduler are not.
func Open(path string) (*Checkpoint, error) {
	f, err := Load(path, Options{})
	if err != nil {
		return nil, err
	}
	ck, err := newCheckpoint(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return ck, nil
}

// Close closes the file. Config and Weights stay usable, tensors in Top not.
func (ck *Checkpoint) Close() error { return ck.file.Close() }

// Weights are the tensors of "model_state_dict".
func (ck *Checkpoint) Weights() *Weights { return ck.weights }

func newCheckpoint(f *File) (*Checkpoint, error) {
	bad := func(format string, a ...any) (*Checkpoint, error) {
		return nil, fmt.Errorf("%s: entry %q: %w", f.c.file, f.c.prefix+f.c.pickle, fmt.Errorf(format, a...))
	}
	top, ok := f.Root.(map[any]any)
	if !ok {
		return bad("holds %s, not a dict with model_state_dict and config", plainKind(f.Root))
	}
	if hyper, ok := top["hyper_parameters"].(map[any]any); ok { // of Lightning, as NequIP writes them
		top = map[any]any{"model_state_dict": top["state_dict"], "config": hyper}
	}
	state, ok1 := top["model_state_dict"].(map[any]any)
	config, ok2 := top["config"].(map[any]any)
	if !ok1 || !ok2 {
		return bad("has %s, but needs model_state_dict and config: not a SevenNet checkpoint "+
			"(of a file with weights only, the architecture is not known)", keys(top))
	}
	ck := &Checkpoint{Top: f.Root.(map[any]any), file: f}
	w, err := readWeights(f.c, state)
	if err != nil {
		return nil, err
	}
	ck.weights = w
	n := numbers{left: int64(f.c.size) + 1<<20}
	v, err := n.convert(config)
	if err != nil {
		return bad("config: %w", err)
	}
	ck.Config = v.(map[any]any)
	return ck, nil
}

// keys lists the keys of a dict for a message.
func keys(m map[any]any) string {
	var names []string
	for k := range m {
		names = append(names, clip(fmt.Sprint(k)))
	}
	slices.Sort(names)
	if len(names) > 8 {
		names = append(names[:8], "…")
	}
	return "keys [" + strings.Join(names, ", ") + "]"
}

func plainKind(v any) string {
	switch v := v.(type) {
	case []any:
		return "a list"
	case map[any]any:
		return "a dict"
	case *Object:
		return "an object of " + clip(v.Class)
	case *Tensor:
		return "a tensor"
	}
	return fmt.Sprintf("a %T", v)
}

// numbers replaces the tensors in plain values by their numbers. Shared containers are converted each time
// they are met, so the numbers that may be read are counted.
type numbers struct {
	left int64
}

func (n *numbers) convert(v any) (any, error) {
	if n.left--; n.left < 0 {
		return nil, fmt.Errorf("values grow out of proportion to the file")
	}
	switch v := v.(type) {
	case map[any]any:
		out := make(map[any]any, len(v))
		for k, e := range v {
			c, err := n.convert(e)
			if err != nil {
				return nil, fmt.Errorf("[%s]: %w", clip(fmt.Sprint(k)), err)
			}
			out[k] = c
		}
		return out, nil
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			var err error
			if out[i], err = n.convert(e); err != nil {
				return nil, err
			}
		}
		return out, nil
	case *Tensor:
		if n.left -= int64(v.Len()); n.left < 0 {
			return nil, fmt.Errorf("values grow out of proportion to the file")
		}
		return v.numbers()
	}
	return v, nil
}

// numbers is the tensor as a number, []float64, []int64 or Array.
func (t *Tensor) numbers() (any, error) {
	if t.isInt() {
		x, err := t.Int64()
		switch {
		case err != nil:
			return nil, err
		case len(t.Shape) == 0:
			return x[0], nil
		case len(t.Shape) == 1:
			return x, nil
		}
		return &Array{Shape: t.Shape, Int: x}, nil
	}
	x, err := t.Float64()
	switch {
	case err != nil:
		return nil, err
	case len(t.Shape) == 0:
		return x[0], nil
	case len(t.Shape) == 1:
		return x, nil
	}
	return &Array{Shape: t.Shape, Float: x}, nil
}
