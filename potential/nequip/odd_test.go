package nequip

import (
	"math"
	"testing"

	"github.com/wigner-md/wigner/io/torch"
	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/linear"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// In nequip-odd-six the odd scalars, and with them tanh, matter: without them the energies are
// others by a thousand times what TestNative lets through.
func TestOddScalarsReachEnergy(t *testing.T) {
	read := func() *Model {
		ck, err := torch.Open("testdata/nequip-odd-six.ckpt")
		if err != nil {
			t.Fatal(err)
		}
		defer ck.Close()
		cfg, w, err := FromLightning(ck.Config, ck.Weights())
		if err != nil {
			t.Fatal(err)
		}
		m, err := Read(cfg, w)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	whole, without := read(), read()
	layers := 0
	for n := range without.layer {
		l := &without.layer[n]
		odd := false
		for _, all := range []*linear.Maps{l.lin2, l.skip} {
			for _, p := range all.Pairs {
				if l.gate[p.Out].Irrep != (o3.Irrep{L: 0, P: -1}) {
					continue
				}
				odd = true
				for _, q := range p.Species {
					clear(q.W)
				}
			}
		}
		if odd {
			layers++
		}
	}
	if layers < 3 { // behind the third, fourth and fifth
		t.Fatalf("odd scalars in %d layers", layers)
	}
	most := 0.0
	for _, f := range potentialtest.ReadReferences(t, "testdata/nequip-odd-six.extxyz") {
		var e [2]float64
		for k, m := range []*Model{whole, without} {
			got, err := potentialtest.Evaluate(f.System, potentialtest.Setup{}, func() potential.Potential { return New64(m) })
			if err != nil {
				t.Fatal(err)
			}
			e[k] = got.Energy
		}
		most = math.Max(most, math.Abs(e[1]-e[0])/float64(len(f.System.X)))
	}
	t.Logf("odd scalars in %d layers; without them energies differ by up to %.2g eV/atom", layers, most)
	if !(most > 1e-6) {
		t.Errorf("without odd scalars the energies differ by %.2g eV/atom: the model tests nothing of them", most)
	}
}
