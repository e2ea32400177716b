package soap

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/potential"
)

// tensors are weights in memory.
type tensors []potential.Param

func (w tensors) Names() []string { return nil }
func (w tensors) Tensor(string) ([]int, []float32, bool) {
	return nil, nil, false
}
func (w tensors) Tensor64(name string) ([]int, []float64, bool) {
	for _, p := range w {
		if p.Name == name {
			return p.Shape, p.Value, true
		}
	}
	return nil, nil, false
}

// A model that is read again gives the same bits; what does not fit is refused by name.
func TestFile(t *testing.T) {
	for _, zeta := range []int{0, 2} {
		for _, s := range tests {
			m := random(t, s, zeta)
			cfg := m.Config()
			again, err := Read(cfg, tensors(m.Tensors()))
			if err != nil {
				t.Fatal(err)
			}
			f := cellFrame(rand.New(rand.NewPCG(2, 2)), m.Potential().Cutoff())
			var e [2][]float64
			for k, x := range []*Model{m, again} {
				var b potential.Bonds
				b.Reset(f.Rows)
				e[k] = make([]float64, f.N)
				if err := x.Potential().Compute(f, &potential.Result{Energy: e[k], Bonds: &b}); err != nil {
					t.Fatal(err)
				}
			}
			for i, v := range e[0] {
				if v != e[1][i] {
					t.Errorf("ζ = %d: energy %v, read again %v", zeta, v, e[1][i])
				}
			}
			for key := range cfg {
				was := cfg[key]
				cfg[key] = complex(1, 0)
				if _, err := Read(cfg, tensors(m.Tensors())); err == nil || !strings.Contains(err.Error(), key.(string)) {
					t.Errorf("a config whose %v is no such value: %v", key, err)
				}
				cfg[key] = was
			}
			for k, p := range m.Tensors() {
				some := append([]potential.Param(nil), m.Tensors()...)
				if _, err := Read(cfg, tensors(append(some[:k:k], some[k+1:]...))); err == nil || !strings.Contains(err.Error(), p.Name) {
					t.Errorf("without %s: %v", p.Name, err)
				}
				cut := append([]potential.Param(nil), m.Tensors()...)
				cut[k].Shape, cut[k].Value = []int{1}, p.Value[:1]
				if _, err := Read(cfg, tensors(cut)); err == nil {
					t.Errorf("%s cut is not refused", p.Name)
				}
			}
		}
	}
}

// The farthest points are apart, and copies are not taken twice.
func TestFarthest(t *testing.T) {
	d, err := NewDescriptor(tests[0])
	if err != nil {
		t.Fatal(err)
	}
	e := d.Environments()
	f := cellFrame(rand.New(rand.NewPCG(4, 4)), d.Cutoff)
	for range 3 { // the same environments again
		if err := e.Add(f, 0, 1); err != nil {
			t.Fatal(err)
		}
	}
	all, nf := e.Farthest(100), d.Features()
	for z, q := range all {
		if n := len(q) / nf; n != 2 { // two atoms of each element
			t.Fatalf("element %d: %d points of two environments", z, n)
		}
		dot := 0.0
		for k := range nf {
			dot += q[k] * q[nf+k]
		}
		if 1-dot < 1e-6 {
			t.Errorf("points are alike: %v", dot)
		}
	}
	if one := e.Farthest(1); len(one[0]) != nf {
		t.Errorf("%d numbers of one point", len(one[0]))
	}
}
