package nequip

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/wigner-md/wigner/potential"
)

// tensors reads a checkpoint's tensors under their present names. Its methods
// panic with a failure, which Read returns as error. It knows what it has handed
// out, so that a tensor that nothing asked for is noticed.
type tensors struct {
	w    potential.Weights
	name map[string]string // present name → name in the file
	used map[string]bool
}

type failure struct{ error }

func fail(format string, args ...any) { panic(failure{fmt.Errorf("nequip: "+format, args...)}) }

// catch turns the panic of a failure into an error.
func catch(err *error) {
	switch r := recover().(type) {
	case nil:
	case failure:
		*err = r.error
	default:
		panic(r)
	}
}

// Names that older files use for the first part of a tensor's name; blanks
// become underscores, and the denominator was once a denumerator.
var oldNames = map[string]string{
	"EdgeEmbedding":                "edge_embedding",
	"reducing nn input to hidden":  "reduce_input_to_hidden",
	"reducing nn hidden to energy": "reduce_hidden_to_energy",
	"rescale atomic energy":        "rescale_atomic_energy",
}

func newTensors(w potential.Weights) *tensors {
	t := &tensors{w: w, name: map[string]string{}, used: map[string]bool{}}
	for _, n := range w.Names() {
		head, tail, _ := strings.Cut(n, ".")
		if now, ok := oldNames[head]; ok {
			head = now
		}
		now := strings.ReplaceAll(head, " ", "_") + "." + strings.ReplaceAll(tail, "denumerator", "denominator")
		if was, ok := t.name[now]; ok {
			fail("tensors %q and %q have the same meaning", was, n)
		}
		t.name[now] = n
	}
	return t
}

// has reports whether there is such a tensor.
func (t *tensors) has(name string) bool { _, ok := t.name[name]; return ok }

// get is the tensor of these dimensions, or flat with as many numbers; why says
// what they follow from. After a failure it is zeros.
func (t *tensors) get(name, why string, dims ...int) []float64 {
	n := 1
	for _, d := range dims {
		n *= d
	}
	if b, is := t.w.(*Tensors); is && b.blank != nil && !t.has(name) {
		b.grow(name, dims)
		t.name[name] = name
	}
	shape, data, ok := t.read(name)
	t.used[name] = true
	switch {
	case !ok:
		fail("the checkpoint has no tensor %s (%s)", name, why)
	case len(data) != n || !slices.Equal(squeeze(shape), squeeze(dims)) && len(squeeze(shape)) > 1:
		fail("tensor %s has %d numbers (shape %v), wanted are %d (shape %v: %s)", name, len(data), shape, n, dims, why)
	}
	for k, v := range data {
		if v-v != 0 {
			fail("tensor %s has the value %v at position %d", name, v, k)
		}
	}
	return data
}

// read is the tensor in double precision, in memory of its own.
func (t *tensors) read(name string) (shape []int, data []float64, ok bool) {
	file, ok := t.name[name]
	if !ok {
		return nil, nil, false
	}
	return potential.Tensor64(t.w, file)
}

// squeeze leaves out dimensions of 1.
func squeeze(shape []int) []int {
	var out []int
	for _, d := range shape {
		if d != 1 {
			out = append(out, d)
		}
	}
	return out
}

// shape is the shape of a tensor, nil when there is none.
func (t *tensors) shape(name string) []int {
	shape, _, _ := t.w.Tensor(t.name[name])
	return shape
}

// size is the number of elements of a tensor, 0 when there is none.
func (t *tensors) size(name string) int {
	_, data, _ := t.w.Tensor(t.name[name])
	return len(data)
}

// finish fails when there is a tensor that was not asked for and is more than a
// constant of the program that wrote the file.
func (t *tensors) finish() {
	var rest []string
	for n := range t.name {
		constant := strings.HasSuffix(n, ".output_mask") || strings.Contains(n, "._w3j_") || strings.Contains(n, ".gate.") || strings.Contains(n, ".equivariant_nonlin.mul.") ||
			strings.Contains(n, "_convolution.convolution.") // of accelerated products: their weights come from weight_nn
		if !t.used[n] && !constant && t.size(n) > 0 {
			rest = append(rest, n)
		}
	}
	if len(rest) > 0 {
		sort.Strings(rest)
		fail("the checkpoint has tensors that this kind of model does not use: %s; it is not supported", strings.Join(rest, ", "))
	}
}
