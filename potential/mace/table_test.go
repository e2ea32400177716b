package mace

import (
	"testing"

	"github.com/wigner-md/wigner/io/torch"
)

// Tables of a pair are kept as parts of the newest stack, whose numbers stay what they were.
func TestTablesOnce(t *testing.T) {
	f, err := torch.OpenModule("testdata/unshifted.model") // with Agnesi's transform: a table for each pair
	if err != nil {
		t.Fatal(err)
	}
	m, err := Read(f.Config, f.Weights(), "")
	if err != nil {
		t.Fatal(err)
	}
	New32(m)
	p := m.tables
	first := p.with([]int32{0})
	before := append([]float32(nil), first.weights[0].Coef...)
	second := p.with([]int32{1})
	if first.pairs != 1 || second.pairs != 3 {
		t.Fatalf("%d pairs, then %d", first.pairs, second.pairs)
	}
	for layer := range m.layer {
		for which, stack := range [][]float32{second.weights[layer].Coef, second.density[layer].Coef} {
			if n := len(p.one[[3]int{layer, 0, 0}][which].Coef); len(stack) != 3*n || cap(stack) != 3*n {
				t.Errorf("layer %d: a stack of %d numbers (%d allocated) for 3 tables of %d", layer, len(stack), cap(stack), n)
			}
			for k, q := range [][2]int{{0, 0}, {0, 1}, {1, 1}} {
				one := p.one[[3]int{layer, q[0], q[1]}][which].Coef
				if &one[0] != &stack[k*len(one)] {
					t.Errorf("layer %d: the table of %v is held twice", layer, q)
				}
			}
		}
	}
	if &first.weights[0].Coef[0] == &second.weights[0].Coef[0] {
		t.Error("a table in use was moved")
	}
	for k, v := range before {
		if second.weights[0].Coef[k] != v {
			t.Fatalf("number %d is %v, was %v", k, second.weights[0].Coef[k], v)
		}
	}
}
