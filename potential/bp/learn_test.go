package bp

import (
	"fmt"
	"math"
	"reflect"
	"testing"

	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// tensors are weights by name, as a file has them.
type tensors map[string]potential.Param

func (t tensors) Names() (out []string) {
	for n := range t {
		out = append(out, n)
	}
	return out
}

func (t tensors) Tensor(string) ([]int, []float32, bool) { panic("no single precision") }

func (t tensors) Tensor64(name string) ([]int, []float64, bool) {
	p, ok := t[name]
	return p.Shape, p.Value, ok
}

func tensorsOf(s *Spec) tensors {
	t := tensors{}
	for _, p := range s.Params() {
		t[p.Name] = p
	}
	return t
}

// Every parameter's gradient against central differences of the energy, and on three ranks.
func TestParamGradient(t *testing.T) {
	for _, x := range examples[:6] {
		s := example(x.types, x.kind, x.alpha, x.act)
		mk := func() potential.Trainable {
			n, err := NewTrainee(s.Config(), tensorsOf(s))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		d := potentialtest.Differences{Step: 1e-5, Each: 3, Within: func(want, _ float64) float64 {
			return 1e-7*math.Abs(want) + 1e-8 // rounded at some 1e-16·10 eV/2e-5
		}}
		d.Trainable(t, fmt.Sprint(x.types), crystalOf(3), mk, 3, 1e-11)
	}
}

// A model goes through a file's configuration and tensors and is the same; what does not
// fit is an error that says where.
func TestConfig(t *testing.T) {
	for _, x := range examples {
		s := example(x.types, x.kind, x.alpha, x.act)
		got, err := Read(s.Config(), tensorsOf(s))
		if err != nil || !reflect.DeepEqual(got, s) {
			t.Fatalf("%v: %v\n%+v\n%+v", x.types, err, got, s)
		}
	}
	s := example([]int{2, 3}, 1, 0, "ttl")
	for want, spoil := range map[string]func(c map[any]any, w tensors){
		"bp: configuration: config.cutoff_function is x, not a whole number": func(c map[any]any, _ tensors) { c["cutoff_function"] = "x" },
		"bp: cutoff function 9, inner part 0":                                func(c map[any]any, _ tensors) { c["cutoff_function"] = int64(9) },
		"bp: configuration: config.elements is 3, not a list":                func(c map[any]any, _ tensors) { c["elements"] = int64(3) },
		"bp: element 6, function 2: the same as function 1": func(c map[any]any, _ tensors) {
			f := c["elements"].([]any)[0].(map[any]any)["functions"].([]any)
			f[1] = f[0]
		},
		"bp: no tensor O.2.bias":           func(_ map[any]any, w tensors) { delete(w, "O.2.bias") },
		"bp: tensor X belongs to no layer": func(_ map[any]any, w tensors) { w["X"] = potential.Param{} },
		"bp: element 6: layer 1 has 37 inputs, 5 outputs, 185 weights and 4 biases; 37 come in": func(_ map[any]any, w tensors) {
			w["C.1.bias"] = potential.Param{Value: make([]float64, 4)}
		},
		"bp: configuration: config.elements[1].functions[1].neighbours is [Q], not an element's symbol": func(c map[any]any, _ tensors) {
			c["elements"].([]any)[0].(map[any]any)["functions"].([]any)[0].(map[any]any)["neighbours"] = []any{"Q"}
		},
	} {
		c, w := s.Config(), tensorsOf(s)
		spoil(c, w)
		if _, err := Read(c, w); err == nil || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// A new model's functions have mean 0 and deviation 1 over the data that it was made for,
// and constant ones are left out.
func TestDesign(t *testing.T) {
	d := Design{Elements: []int{6, 8}, Cutoff: 4, Shortest: 1.5, Radial: 4, Angular: 1, Hidden: []int{6}, Shift: []float64{-1, -2}, Scale: 0.7, Seed: 5}
	var frames []*potential.Frame
	keep := &keeper{cutoff: 4, frames: &frames}
	for n := range 3 {
		if _, err := potentialtest.Evaluate(crystalOf(uint64(n)), potentialtest.Setup{}, func() potential.Potential { return keep }); err != nil {
			t.Fatal(err)
		}
	}
	each := func(_ float64, see func(*potential.Frame) error) error {
		for _, f := range frames {
			if err := see(f); err != nil {
				return err
			}
		}
		return nil
	}
	s, err := d.New(each)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(s.Elements[0].Functions); n < 20 || n > 2*4+3*8 {
		t.Errorf("%d functions of carbon", n)
	}
	p := build(t, s)
	e := p.Evaluator()
	for k, el := range s.Elements {
		sum, square, n := make([]float64, len(el.Functions)), make([]float64, len(el.Functions)), 0.0
		for _, f := range frames {
			e.Describe(f, func(i int, g []float64) {
				if int(p.index[f.Species[i]]) != k {
					return
				}
				n++
				for m, v := range g {
					x := el.Functions[m].Factor * (v - el.Functions[m].Zero)
					sum[m], square[m] = sum[m]+x, square[m]+x*x
				}
			})
		}
		for m := range sum {
			if math.Abs(sum[m]/n) > 1e-6 || math.Abs(square[m]/n-1) > 1e-6 {
				t.Errorf("element %d, function %d: mean %g, square %g", k, m, sum[m]/n, square[m]/n)
			}
		}
	}
	again, err := d.New(each)
	if err != nil || !reflect.DeepEqual(again, s) {
		t.Errorf("the same seed gives another model (%v)", err)
	}
}

// keeper keeps the frames that it is asked to compute.
type keeper struct {
	cutoff float64
	frames *[]*potential.Frame
}

func (k *keeper) Cutoff() float64   { return k.cutoff }
func (k *keeper) Supports(int) bool { return true }
func (k *keeper) Compute(f *potential.Frame, _ *potential.Result) error {
	*k.frames = append(*k.frames, f)
	return nil
}
