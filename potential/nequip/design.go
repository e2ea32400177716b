package nequip

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
)

// Design is the size of a new network, in the words of a SevenNet configuration. All
// fields must be set but those with a default.
type Design struct {
	Elements  []int     // atomic numbers
	Features  o3.Irreps // of the layers but the last, as "32x0e+16x1o"
	Layers    int       // convolutions
	LMax      int       // of the harmonics
	Parity    bool      // O(3); else SO(3), and every irrep is written even
	Cutoff    float64   // Å
	Basis     int       // Bessel functions; default 8
	Hidden    []int     // of the radial network; default 64, 64
	Power     float64   // p of the polynomial envelope; default 6
	Neighbors float64   // mean number of neighbours, by whose root sums are divided
	Shift     []float64 // eV, by element
	Scale     []float64 // eV, by element
	Seed      uint64    // of the weights
	// Output is the irrep that the network gives instead of an energy: a sum over the
	// atoms, such as a vector, 1o, or a pseudoscalar, 0o. Shifts must then be zero, and
	// scales are in the unit of the output.
	Output *o3.Irrep
}

// scalars are the even scalars of the features.
func (d *Design) scalars() o3.Irreps {
	return o3.Irreps{{Mul: d.Features.Count(o3.Irrep{L: 0, P: 1}), Irrep: o3.Irrep{L: 0, P: 1}}}
}

// Config is the design as a SevenNet configuration, which Read understands.
func (d *Design) Config() map[any]any {
	species := map[any]any{}
	for k, z := range d.Elements {
		species[int64(z)] = int64(k)
	}
	irreps := []any{d.scalars().String()}
	for range d.Layers - 1 {
		irreps = append(irreps, d.Features.String())
	}
	last := d.scalars()
	if d.Output != nil {
		last[0].Irrep = *d.Output
	}
	irreps = append(irreps, last.String())
	hidden := []any{}
	for _, n := range d.Hidden {
		hidden = append(hidden, int64(n))
	}
	cfg := map[any]any{
		"version":                  "0.10.4",
		"_model_type":              "E3_equivariant_model",
		"interaction_type":         "nequip",
		"_type_map":                species,
		"_number_of_species":       int64(len(d.Elements)),
		"channel":                  int64(d.scalars()[0].Mul),
		"irreps_manual":            irreps,
		"num_convolution_layer":    int64(d.Layers),
		"lmax":                     int64(d.Features.LMax()), // also where lmax_node is 0
		"lmax_edge":                int64(d.LMax),
		"lmax_node":                int64(d.Features.LMax()),
		"is_parity":                d.Parity,
		"cutoff":                   d.Cutoff,
		"cutoff_function":          map[any]any{"cutoff_function_name": "poly_cut", "poly_cut_p_value": d.Power},
		"radial_basis":             map[any]any{"radial_basis_name": "bessel", "bessel_basis_num": int64(d.Basis)},
		"weight_nn_hidden_neurons": hidden,
		"act_radial":               "silu",
		"act_scalar":               map[any]any{"e": "silu", "o": "tanh"},
		"act_gate":                 map[any]any{"e": "silu", "o": "tanh"},
		"self_connection_type":     "linear",
		"_normalize_sph":           true,
		"use_bias_in_linear":       false,
		"readout_as_fcn":           false,
	}
	if d.Output != nil {
		cfg[outputKey] = d.Output.String()
	}
	return cfg
}

// New makes the weights of a design: the configuration and the tensors that Read and
// NewTrainee take. Linear maps begin as normal numbers of variance one, which the
// divisors of e3nn's normalisation bring to size.
func (d Design) New() (cfg map[any]any, w *Tensors, err error) {
	if d.Basis == 0 {
		d.Basis = 8
	}
	if len(d.Hidden) == 0 {
		d.Hidden = []int{64, 64}
	}
	if d.Power == 0 {
		d.Power = 6
	}
	switch {
	case len(d.Elements) == 0 || len(d.Shift) != len(d.Elements) || len(d.Scale) != len(d.Elements):
		return nil, nil, fmt.Errorf("nequip: a design needs elements, and a shift and a scale for each")
	case !(d.Neighbors > 0):
		return nil, nil, fmt.Errorf("nequip: a mean of %g neighbours is not positive", d.Neighbors)
	}
	cfg = d.Config()
	w = &Tensors{blank: &d}
	if _, err := Read(cfg, w); err != nil {
		return nil, nil, err
	}
	w.blank = nil
	return cfg, w, nil
}

// Tensors are named tensors in memory: a potential.Weights in double precision.
type Tensors struct {
	names  []string
	shapes map[string][]int
	data   map[string][]float64
	blank  *Design // while a new network is read: tensors come to be when they are asked for
}

// NewTensors takes parameters as tensors, beside those of rest that are none.
func NewTensors(params []potential.Param, rest potential.Weights) *Tensors {
	t := &Tensors{}
	for _, p := range params {
		t.set(p.Name, p.Shape, slices.Clone(p.Value))
	}
	for present, name := range newTensors(rest).name {
		if _, ok := t.data[present]; ok {
			continue
		}
		if shape, data, ok := potential.Tensor64(rest, name); ok && len(data) > 0 {
			t.set(present, shape, data)
		}
	}
	slices.Sort(t.names)
	return t
}

func (t *Tensors) set(name string, shape []int, data []float64) {
	if t.data == nil {
		t.shapes, t.data = map[string][]int{}, map[string][]float64{}
	}
	t.names = append(t.names, name)
	t.shapes[name], t.data[name] = shape, data
}

// Names is part of potential.Weights.
func (t *Tensors) Names() []string { return slices.Clone(t.names) }

// Tensor is part of potential.Weights.
func (t *Tensors) Tensor(name string) (shape []int, data []float32, ok bool) {
	x, ok := t.data[name]
	for _, v := range x {
		data = append(data, float32(v))
	}
	return t.shapes[name], data, ok
}

// Tensor64 is the tensor in double precision.
func (t *Tensors) Tensor64(name string) (shape []int, data []float64, ok bool) {
	x, ok := t.data[name]
	return t.shapes[name], x, ok
}

// grow makes a tensor of a new network.
func (t *Tensors) grow(name string, dims []int) {
	n := 1
	for _, d := range dims {
		n *= d
	}
	x, d := make([]float64, n), t.blank
	_, part, _ := cut(name)
	switch {
	case name == "edge_embedding.basis_function.coeffs":
		for k := range x {
			x[k] = float64(k+1) * math.Pi / d.Cutoff
		}
	case part == "denominator":
		x[0] = math.Sqrt(d.Neighbors)
	case part == "shift":
		copy(x, d.Shift)
	case part == "scale":
		copy(x, d.Scale)
	default:
		h := fnv.New64a()
		h.Write([]byte(name))
		rng := rand.New(rand.NewPCG(d.Seed, h.Sum64()))
		for k := range x {
			x[k] = rng.NormFloat64()
		}
	}
	t.set(name, slices.Clone(dims), x)
}

// cut separates the last part of a tensor's name.
func cut(name string) (head, tail string, ok bool) {
	for k := len(name) - 1; k >= 0; k-- {
		if name[k] == '.' {
			return name[:k], name[k+1:], true
		}
	}
	return "", name, false
}

// hiddenReadout is the number of channels between the two last maps: half, as in SevenNet.
func (d *Design) hiddenReadout() int { return max(1, d.scalars()[0].Mul/2) }
