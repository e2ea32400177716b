package nequip

import (
	"fmt"
	"sort"
	"strings"

	"github.com/wigner-md/wigner/potential"
)

// tensors reads a checkpoint's tensors under their present names; the first
// error stays. It knows what it has handed out, so that a tensor that nothing
// asked for is noticed.
type tensors struct {
	w    potential.Weights
	name map[string]string // present name → name in the file
	used map[string]bool
	err  error
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
		if was, ok := t.name[now]; ok && t.err == nil {
			t.err = fmt.Errorf("nequip: tensors %q and %q have the same meaning", was, n)
		}
		t.name[now] = n
	}
	return t
}

// fail keeps the first error.
func (t *tensors) fail(format string, args ...any) {
	if t.err == nil {
		t.err = fmt.Errorf("nequip: "+format, args...)
	}
}

// has reports whether there is such a tensor.
func (t *tensors) has(name string) bool { _, ok := t.name[name]; return ok }

// get is the tensor of this many numbers, in double precision; why says what
// the size follows from. After a failure it is zeros.
func (t *tensors) get(name string, n int, why string) []float64 {
	out := make([]float64, max(n, 0))
	file, ok := t.name[name]
	if !ok {
		t.fail("the checkpoint has no tensor %s (%s)", name, why)
		return out
	}
	t.used[name] = true
	shape, data, ok := t.w.Tensor(file)
	if !ok {
		t.fail("the checkpoint has no tensor %s (%s)", name, why)
		return out
	}
	if len(data) != n {
		t.fail("tensor %s has %d numbers (shape %v), wanted are %d (%s)", name, len(data), shape, n, why)
		return out
	}
	for k, v := range data {
		if v-v != 0 {
			t.fail("tensor %s has the value %v at position %d", name, v, k)
			return out
		}
		out[k] = float64(v)
	}
	return out
}

// size is the number of elements of a tensor, 0 when there is none.
func (t *tensors) size(name string) int {
	_, data, _ := t.w.Tensor(t.name[name])
	return len(data)
}

// finish returns the first error, or one that names a tensor which was not
// asked for and is more than a constant of the program that wrote the file.
func (t *tensors) finish() error {
	var rest []string
	for n := range t.name {
		constant := strings.HasSuffix(n, ".output_mask") || strings.Contains(n, "._w3j_") || strings.Contains(n, ".gate.")
		if !t.used[n] && !constant && t.size(n) > 0 {
			rest = append(rest, n)
		}
	}
	if t.err == nil && len(rest) > 0 {
		sort.Strings(rest)
		t.fail("the checkpoint has tensors that this kind of model does not use: %s; it is not supported", strings.Join(rest, ", "))
	}
	return t.err
}
