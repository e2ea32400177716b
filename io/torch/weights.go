package torch

import (
	"fmt"
	"slices"
)

// Weights are tensors by name, read into memory. They are not changed by any method and may be shared.
type Weights struct {
	names   []string
	tensors map[string]weight
}

// weight is one tensor in the precision of the file; integers count as double.
type weight struct {
	shape []int
	f32   []float32
	f64   []float64
}

// Names are the names of all tensors, sorted.
func (w *Weights) Names() []string { return slices.Clone(w.names) }

// Tensor returns shape and elements of a tensor in row-major order, in single precision; doubles are
// rounded. The slices are not to be written to.
func (w *Weights) Tensor(name string) (shape []int, data []float32, ok bool) {
	t, ok := w.tensors[name]
	if !ok {
		return nil, nil, false
	}
	if t.f64 == nil {
		return t.shape, t.f32, true
	}
	data = make([]float32, len(t.f64))
	for i, x := range t.f64 {
		data[i] = float32(x)
	}
	return t.shape, data, true
}

// Tensor64 is Tensor in double precision: exact for a file of either precision.
func (w *Weights) Tensor64(name string) (shape []int, data []float64, ok bool) {
	t, ok := w.tensors[name]
	if !ok {
		return nil, nil, false
	}
	if t.f64 != nil {
		return t.shape, t.f64, true
	}
	data = make([]float64, len(t.f32))
	for i, x := range t.f32 {
		data[i] = float64(x)
	}
	return t.shape, data, true
}

// readWeights reads the tensors of a state dict. Values of other types are left out: state dicts may carry
// extra state, which is no weight.
func readWeights(c *container, state map[any]any) (*Weights, error) {
	w := &Weights{tensors: map[string]weight{}}
	// Storages may be shared by several tensors, so the elements can be more than the file's; a bound on the
	// sum keeps a small file from asking for much memory.
	left := 16 * int64(c.size)
	cache := map[string][]byte{}
	for k, v := range state {
		t, ok := v.(*Tensor)
		if !ok {
			continue
		}
		name, ok := k.(string)
		if !ok {
			return nil, fmt.Errorf("%s: entry %q: model_state_dict has the key %s, which is no text", c.file, c.prefix+c.pickle, clip(fmt.Sprint(k)))
		}
		if left -= 4 * int64(t.Len()); left < 0 {
			return nil, fmt.Errorf("%s: the tensors of model_state_dict need more than 16 times the size of the file", c.file)
		}
		one, err := readWeight(t, cache)
		if err != nil {
			return nil, fmt.Errorf("%w (tensor %s)", err, clip(name))
		}
		w.tensors[name] = one
		w.names = append(w.names, name)
	}
	slices.Sort(w.names)
	return w, nil
}

func readWeight(t *Tensor, cache map[string][]byte) (weight, error) {
	one := weight{shape: slices.Clone(t.Shape)}
	raw, err := t.raw(cache)
	if err != nil {
		return one, err
	}
	if t.DType == "float64" || t.isInt() {
		one.f64, err = floats[float64](t, raw)
	} else {
		one.f32, err = floats[float32](t, raw)
	}
	return one, err
}
