package mace

import (
	"fmt"
	"math"
	"strings"

	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/linear"
)

// tree is a model's attributes by the paths of its submodules, and its tensors. Its
// methods panic with a failure, which Read returns as error.
type tree struct {
	cfg  map[any]any
	w    potential.Weights
	read int             // trained numbers that were asked for
	seen map[string]bool // tensors that were asked for
}

type failure struct{ error }

func fail(format string, args ...any) { panic(failure{fmt.Errorf("mace: "+format, args...)}) }

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

// tensor is a tensor in double precision; ok is false where there is none.
func (t *tree) tensor(name string) (shape []int, data []float64, ok bool) {
	shape, data, ok = potential.Tensor64(t.w, name)
	for k, v := range data {
		if v-v != 0 {
			fail("tensor %s has the value %v at position %d", name, v, k)
		}
	}
	if t.seen == nil {
		t.seen = map[string]bool{}
	}
	t.seen[name] = true
	return shape, data, ok
}

// get is the tensor with so many numbers; why says what they follow from.
func (t *tree) get(name, why string, n int) []float64 {
	shape, data, ok := t.tensor(name)
	if !ok {
		fail("the file has no tensor %s (%s)", name, why)
	}
	if len(data) != n {
		fail("tensor %s has %d numbers (shape %v), wanted are %d (%s)", name, len(data), shape, n, why)
	}
	t.read += n
	return data
}

// scalar is a tensor of one number, or an attribute; missing ones are a failure.
func (t *tree) scalar(name string) float64 {
	if _, data, ok := t.tensor(name); ok {
		if len(data) != 1 {
			fail("tensor %s has %d numbers, wanted is one", name, len(data))
		}
		return data[0]
	}
	path, attr := "", name
	if k := strings.LastIndexByte(name, '.'); k >= 0 {
		path, attr = name[:k], name[k+1:]
	}
	switch v := t.attr(path, attr).(type) {
	case float64:
		if v-v != 0 {
			fail("%s is %v", name, v)
		}
		return v
	case int64:
		return float64(v)
	}
	fail("the file has no number %s", name)
	return 0
}

// at are the attributes of a submodule, nil where there is none.
func (t *tree) at(path string) map[any]any {
	m, _ := t.cfg[path].(map[any]any)
	return m
}

func (t *tree) attr(path, name string) any { return t.at(path)[name] }

// class is the class of a submodule without its modules, "" where there is none.
func (t *tree) class(path string) string {
	s, _ := t.attr(path, "class").(string)
	return s[strings.LastIndexByte(s, '.')+1:]
}

// layout requires of a submodule that it is e3nn's class of this name, whose order of
// weights is the one that is read; accelerating libraries have others.
func (t *tree) layout(path, class string) {
	s, _ := t.attr(path, "class").(string)
	if !strings.HasPrefix(s, "e3nn.o3.") || !strings.HasSuffix(s, "."+class) {
		fail("%s is of class %q; e3nn's %s is supported (convert models of accelerating libraries to e3nn form first)", path, s, class)
	}
}

// unread fails on a tensor that nothing here has read: it would mean something that this
// package does not do.
func (t *tree) unread(layers int) {
	last := fmt.Sprintf("products.%d.symmetric_contractions.contractions.", layers-1)
	for _, name := range t.w.Names() {
		if t.seen[name] {
			continue
		}
		_, data, ok := t.w.Tensor(name)
		if !ok || len(data) == 0 || strings.HasPrefix(name, last) { // of which scalars alone are used
			continue
		}
		switch part := name[strings.LastIndexByte(name, '.')+1:]; {
		case part == "output_mask", part == "r_max", part == "num_interactions", part == "mean", part == "std":
		case part == "avg_num_neighbors": // divided by the density instead
		case strings.HasPrefix(part, "_w3j"), strings.HasPrefix(part, "weights_") && strings.HasSuffix(part, "_zeroed"):
		default:
			fail("the model has a tensor %s (%d numbers), whose meaning is not known: not supported", name, len(data))
		}
	}
}

// flag is a truth value, or what it is where it is absent.
func (t *tree) flag(path, name string, absent bool) bool {
	switch v := t.attr(path, name).(type) {
	case nil:
		return absent
	case bool:
		return v
	case int64:
		return v != 0
	}
	fail("%s of %q is no truth value", name, path)
	return false
}

// most bounds the orders and channels of what a file may ask for.
const (
	maxL        = 6
	maxChannels = 4096
	maxTensor   = 1 << 28
)

// irreps is an attribute of that kind.
func (t *tree) irreps(path, name string) o3.Irreps {
	s, ok := t.attr(path, name).(string)
	if !ok {
		fail("%s of %s is missing", name, path)
	}
	r, err := o3.ParseIrreps(s)
	if err != nil {
		fail("%s of %s: %w", name, path, err)
	}
	for _, b := range r {
		if b.L > maxL || b.Mul < 1 || b.Mul > maxChannels {
			fail("%s of %s is %s: orders to %d and 1 to %d channels are supported", name, path, r, maxL, maxChannels)
		}
	}
	if len(r) == 0 || len(r) > 64 {
		fail("%s of %s is %q", name, path, s)
	}
	return r
}

// linear reads e3nn's o3.Linear (species = 0), or a FullyConnectedTensorProduct with the
// one-hot species.
func (t *tree) linear(name string, in, out o3.Irreps, species int) *linear.Maps {
	class := "Linear"
	if species > 0 {
		class = "FullyConnectedTensorProduct"
	}
	t.layout(name, class)
	m := linear.Between(in, out)
	n := m.Size(species)
	if n > maxTensor {
		fail("%s: %s → %s is too large", name, in, out)
	}
	m.Fold(t.get(name+".weight", in.String()+" → "+out.String(), n), species, 0)
	return m
}

// children counts the submodules 0, 1, … of a list.
func (t *tree) children(path string) int {
	n := 0
	for t.at(fmt.Sprintf("%s.%d", path, n)) != nil {
		n++
	}
	return n
}

func scaled(w []float64, f float64) []float64 {
	out := make([]float64, len(w))
	for k, v := range w {
		out[k] = f * v
	}
	return out
}

// integer is a small whole number.
func integer(name string, v float64, low, high int) int {
	if v != math.Trunc(v) || v < float64(low) || v > float64(high) {
		fail("%s is %v, wanted is a whole number from %d to %d", name, v, low, high)
	}
	return int(v)
}
