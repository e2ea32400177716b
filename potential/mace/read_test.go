package mace_test

import (
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/io/torch"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/mace"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// file is a model's attributes and tensors, which a test may change.
type file struct {
	cfg     map[any]any
	tensors map[string]tensor
}

type tensor struct {
	shape []int
	data  []float64
}

func (f *file) Names() []string { return slices.Sorted(maps.Keys(f.tensors)) }

func (f *file) Tensor64(name string) (shape []int, data []float64, ok bool) {
	t, ok := f.tensors[name]
	return t.shape, t.data, ok
}

func (f *file) Tensor(name string) (shape []int, data []float32, ok bool) {
	t, ok := f.tensors[name]
	for _, v := range t.data {
		data = append(data, float32(v))
	}
	return t.shape, data, ok
}

// at are the attributes of a submodule.
func (f *file) at(path string) map[any]any { return f.cfg[path].(map[any]any) }

func load(t testing.TB, model string) *file {
	t.Helper()
	return loadFile(t, filepath.Join(folder, model, model+".model"))
}

func loadFile(t testing.TB, path string) *file {
	t.Helper()
	m, err := torch.OpenModule(path)
	if err != nil {
		t.Fatal(err)
	}
	f := &file{m.Config, map[string]tensor{}}
	w := m.Weights()
	for _, n := range w.Names() {
		shape, data, _ := w.Tensor64(n)
		f.tensors[n] = tensor{shape, data}
	}
	return f
}

// copy is a copy that may be changed.
func (f *file) copy() *file {
	out := &file{map[any]any{}, maps.Clone(f.tensors)}
	for k, v := range f.cfg {
		out.cfg[k] = maps.Clone(v.(map[any]any))
	}
	return out
}

func TestHeads(t *testing.T) {
	f := load(t, "tiny-density")
	for _, c := range []struct{ head, want string }{
		{"pt_head", ""}, {"extra", ""}, {mace.AnyHead, ""},
		{"", "give head = one of pt_head, extra"},
		{"Extra", `no head "Extra"; its heads are pt_head, extra`},
	} {
		m, err := mace.Read(f.cfg, f, c.head)
		switch {
		case c.want == "" && (err != nil || c.head != mace.AnyHead && m.Head() != c.head):
			t.Errorf("head %q: %v", c.head, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
			t.Errorf("head %q: %v; wanted %q", c.head, err, c.want)
		}
	}
	f.at("")["heads"] = []any{"pt_head", "default"}
	if m, err := mace.Read(f.cfg, f, ""); err != nil || m.Head() != "default" {
		t.Errorf("a head called default: %v", err)
	}
}

// What is not supported is refused by its name.
func TestRefused(t *testing.T) {
	f := load(t, "tiny-density")
	class := func(path, name string) func(*file) {
		return func(f *file) {
			if f.cfg[path] == nil {
				f.cfg[path] = map[any]any{}
			}
			f.at(path)["class"] = "mace.modules.x." + name
		}
	}
	settings := func(name string, v any) func(*file) { return func(f *file) { f.at("products.0")[name] = v } }
	off := f.copy()
	settings("cueq_config", map[any]any{"class": "mace.x.CuEquivarianceConfig", "enabled": false})(off)
	if _, err := mace.Read(off.cfg, off, "extra"); err != nil {
		t.Errorf("cuequivariance not in use: %v", err)
	}
	for _, c := range []struct {
		what string
		f    func(*file)
		want []string
	}{
		{"model", class("", "PolarMACE"), []string{"PolarMACE", "long-range"}},
		{"unknown model", class("", "OtherMACE"), []string{"OtherMACE", "not known"}},
		{"interaction", class("interactions.1", "RealAgnosticAttResidualInteractionBlock"), []string{"interactions.1", "RealAgnosticAttResidualInteractionBlock"}},
		{"readout", class("readouts.0", "LinearDipoleReadoutBlock"), []string{"readouts.0", "LinearDipoleReadoutBlock"}},
		{"basis", class("radial_embedding.bessel_fn", "GaussianBasis"), []string{"GaussianBasis", "BesselBasis is"}},
		{"transform", class("radial_embedding.distance_transform", "SoftTransform"), []string{"SoftTransform"}},
		{"embedding", class("joint_embedding", "GenericJointEmbedding"), []string{"joint_embedding"}},
		{"product", class("products.0", "OtherBlock"), []string{"products.0", "OtherBlock"}},
		{"cuequivariance", settings("cueq_config", map[any]any{}), []string{"cueq_config", "convert it"}},
		{"cuequivariance in use", settings("cueq_config", map[any]any{"class": "mace.x.CuEquivarianceConfig", "enabled": true}), []string{"cueq_config", "convert it"}},
		{"openequivariance in use", settings("oeq_config", map[any]any{"enabled": true}), []string{"oeq_config", "convert it"}},
		{"unread tensor", func(f *file) { f.tensors["interactions.0.linear.bias"] = tensor{[]int{2}, []float64{0, 1}} }, []string{"interactions.0.linear.bias", "not known"}},
		{"other layout", func(f *file) { f.at("interactions.1.linear_up")["class"] = "cuequivariance_torch.x.Linear" }, []string{"interactions.1.linear_up", "cuequivariance_torch.x.Linear"}},
		{"other product", func(f *file) { f.at("interactions.0.conv_tp")["class"] = "openequivariance.TensorProduct" }, []string{"interactions.0.conv_tp"}},
		{"other embedding", func(f *file) { f.at("node_embedding.linear")["class"] = "x.Linear" }, []string{"node_embedding.linear"}},
		{"SO3", func(f *file) { f.at("")["use_so3"] = true }, []string{"use_so3"}},
		{"no readout activation", func(f *file) { delete(f.cfg, "readouts.1.non_linearity.acts.0") }, []string{"readouts.1.non_linearity.acts.0"}},
		{"no radial activation", func(f *file) { delete(f.cfg, "interactions.0.conv_tp_weights.layer0.act") }, []string{"conv_tp_weights", "no activation"}},
		{"NaN attribute", func(f *file) {
			delete(f.tensors, "pair_repulsion_fn.a_exp")
			f.at("pair_repulsion_fn")["a_exp"] = math.NaN()
		}, []string{"pair_repulsion_fn.a_exp", "NaN"}},
		{"gate", func(f *file) { f.at("readouts.1.non_linearity.acts.0")["f"] = "torch.sin" }, []string{"torch.sin"}},
		{"multiplicities", func(f *file) { f.at("interactions.1")["target_irreps"] = "16x0e+8x1o" }, []string{"16x0e+8x1o"}},
		{"tensor", func(f *file) { delete(f.tensors, "interactions.1.linear.weight") }, []string{"interactions.1.linear.weight"}},
		{"NaN", func(f *file) {
			q := f.tensors["r_max"]
			q.data = []float64{math.NaN()}
			f.tensors["r_max"] = q
		}, []string{"r_max", "NaN"}},
	} {
		g := f.copy()
		c.f(g)
		_, err := mace.Read(g.cfg, g, "extra")
		for _, w := range c.want {
			if err == nil || !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v; wanted %q in it", c.what, err, w)
			}
		}
	}
}

func TestGateRefused(t *testing.T) {
	f := loadFile(t, "testdata/non-linear.model")
	for _, name := range []string{"_scalar_cst", "_gate_cst"} {
		g := f.copy()
		delete(g.at("interactions.1.equivariant_nonlin"), name)
		if _, err := mace.Read(g.cfg, g, "a"); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

// mutate changes one attribute or tensor, and says which.
func (f *file) mutate(n uint64) string {
	paths := make([]string, 0, len(f.cfg))
	for k := range f.cfg {
		paths = append(paths, k.(string))
	}
	slices.Sort(paths)
	names := f.Names()
	if k := n % 4; k == 0 || k == 1 {
		n /= 4
		path := paths[n%uint64(len(paths))]
		n /= uint64(len(paths))
		if k == 0 && n%2 == 0 {
			delete(f.cfg, path)
			return "without " + path
		}
		n /= 2
		a := f.at(path)
		var keys []string
		for k := range a {
			keys = append(keys, k.(string))
		}
		slices.Sort(keys)
		if len(keys) == 0 {
			return ""
		}
		key := keys[n%uint64(len(keys))]
		n /= uint64(len(keys))
		values := []any{nil, int64(0), int64(-1), int64(7), 1e300, -0.5, "", "16x0e", "8x0e+8x1o", "3x2e", "16x0e+16x1o+16x0e",
			"16x5o", []any{}, []any{"x", int64(3)}, true, false, map[any]any{}, int64(1) << 40}
		v := values[n%uint64(len(values))]
		a[key] = v
		return fmt.Sprintf("%s.%s = %v", path, key, v)
	}
	n /= 4
	name := names[n%uint64(len(names))]
	n /= uint64(len(names))
	q := f.tensors[name]
	switch n % 6 {
	case 0:
		delete(f.tensors, name)
		return "without " + name
	case 1:
		q = tensor{[]int{0}, nil}
	case 2:
		q.data = append(slices.Clone(q.data), 1)
		q.shape = []int{len(q.data)}
	case 3:
		q = tensor{nil, []float64{float64(n / 6 % 1000)}}
	case 4:
		q.shape = append(slices.Clone(q.shape), 1)
	case 5:
		q.data = slices.Clone(q.data)
		for k := range q.data {
			q.data[k] = []float64{-1, 0, 1e30, 0.5}[(n/6+uint64(k))%4]
		}
	}
	f.tensors[name] = q
	return fmt.Sprintf("%s: change %d", name, n%6)
}

// tryMutant reads a changed file: an error, or a model that can be asked.
func tryMutant(t *testing.T, f *file, n ...uint64) (accepted bool) {
	g := f.copy()
	var what []string
	for _, k := range n {
		what = append(what, g.mutate(k))
	}
	defer func() {
		if r := recover(); r != nil {
			t.Fatalf("%v: panic: %v", what, r)
		}
	}()
	m, err := mace.Read(g.cfg, g, "")
	if err != nil {
		return false
	}
	_, _, _ = m.Layers(), m.Elements(), m.Describe()
	p := mace.New64(m)
	sys := potentialtest.System{Z: []int{1, 8, 1}, X: [][3]float64{{0, 0, 0}, {0.9, 0.1, 0}, {0, 1, 0.2}}}
	for _, z := range sys.Z {
		if !p.Supports(z) {
			return true
		}
	}
	if _, err := potentialtest.Evaluate(sys, potentialtest.Setup{}, func() potential.Potential { return mace.New64(m) }); err != nil {
		t.Fatalf("%v: %v", what, err)
	}
	return true
}

// Files with one thing changed, and with two, are refused or evaluated, without a panic.
func TestMutants(t *testing.T) {
	f := load(t, "tiny-c3-f32")
	x := uint64(12345)
	accepted := 0
	for range 1500 {
		x = x*6364136223846793005 + 1442695040888963407
		if tryMutant(t, f, x>>7) {
			accepted++
		}
	}
	t.Logf("%d of 1500 accepted", accepted)
	if accepted == 0 || accepted == 1500 {
		t.Error("all or none: the test tests too little")
	}
}

func FuzzRead(f *testing.F) {
	small := load(f, "tiny-c3-f32")
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) { tryMutant(t, small, a, b) })
}

// Edges shorter than the tables' first knot are evaluated by the networks, messages and
// density alike, with the same energy, forces and virial as in double precision.
func TestShortEdges(t *testing.T) {
	for name, m := range map[string]*mace.Model{
		"tiny-c2": openReference(t, "tiny-c2", ""), "tiny-density": openReference(t, "tiny-density", "extra"),
		"non-linear": open(t, "testdata/non-linear.model", "b"),
	} {
		if !m.Tabulated() {
			t.Fatalf("%s has no tables", name)
		}
		low := m.RadialErrors()[0].Min
		for _, d := range []float64{low / 2, low - 0.1, low - 1e-4, low + 1e-4} {
			zs := m.Elements()
			a, b := zs[0], zs[len(zs)-1]
			s := potentialtest.System{X: [][3]float64{{0, 0, 0}, {d, 0, 0}, {d, 2, 0.1}, {0.3, 2, 0.7}}, Z: []int{a, b, a, b}}
			want, err := potentialtest.Evaluate(s, potentialtest.Setup{}, func() potential.Potential { return mace.New64(m) })
			if err != nil {
				t.Fatal(err)
			}
			got, err := potentialtest.Evaluate(s, potentialtest.Setup{}, func() potential.Potential { return mace.New32(m) })
			if err != nil {
				t.Fatal(err)
			}
			e, _, f, w := potentialtest.Deviation(got, want)
			size := 1.0
			for _, v := range want.Forces {
				for _, x := range v {
					size = max(size, math.Abs(x))
				}
			}
			// As in SevenNet's test, 2e-5 of the largest force: rounding.
			if !(e <= 2e-5*math.Max(1, math.Abs(want.Energy))) || !(f <= 2e-5*size) || !(w <= 1e-4*size) {
				t.Errorf("%s, d = %g Å: energy differs by %.1e eV of %.1e, force by %.1e of %.1e eV/Å, virial by %.1e", name, d, e, want.Energy, f, size, w)
			}
		}
	}
}
