package nequip_test

import (
	"math"
	"path/filepath"
	"testing"

	"github.com/wigner-md/wigner/io/torch"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// steep are the weights of a checkpoint whose radial networks are made to turn a hundred
// times as fast with the distance.
type steep struct{ potential.Weights }

func (s steep) Tensor(name string) (shape []int, data []float32, ok bool) {
	shape, data, ok = s.Weights.Tensor(name)
	if ok, _ := filepath.Match("*weight_nn.layer0.weight", name); ok {
		for k := range data {
			data[k] *= 100
		}
	}
	return shape, data, ok
}

// Radial functions that no table follows within the bound are evaluated, and the forces
// are those of double precision.
func TestTooSteepForTables(t *testing.T) {
	path := filepath.Join("..", "..", "testdata", "sevennet-tiny", "parity-nequip.pth")
	if m := openFile(t, path); !m.Tabulated() {
		t.Error("the checkpoint itself is not tabulated")
	}
	ck, err := torch.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer ck.Close()
	m, err := nequip.Read(ck.Config, steep{ck.Weights()})
	if err != nil {
		t.Fatal(err)
	}
	if m.Tabulated() {
		t.Fatalf("tabulated with deviations %+v", m.RadialErrors())
	}
	s := learnSystem(m.Elements())
	var f [2][][3]float64
	for k, mk := range []func() potential.Potential{func() potential.Potential { return nequip.New32(m) }, func() potential.Potential { return nequip.New64(m) }} {
		o, err := potentialtest.Evaluate(s, potentialtest.Setup{}, mk)
		if err != nil {
			t.Fatal(err)
		}
		f[k] = o.Forces
	}
	largest := 0.0
	for _, v := range f[1] {
		for _, x := range v {
			largest = max(largest, math.Abs(x))
		}
	}
	for i := range f[0] {
		for k := range 3 {
			// rounding of single precision, a hundred times as large as usual
			if d := math.Abs(f[0][i][k] - f[1][i][k]); d > 1e-3*largest {
				t.Errorf("force %d differs by %g of %g", i, d, largest)
			}
		}
	}
}
