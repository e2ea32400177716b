//go:build amd64 && !noasm

package kernel

import "testing"

// The models' shapes have generated kernels.
func TestFusedRecognised(t *testing.T) {
	for _, s := range shapes {
		for _, p := range []path{avx2, avx512, avx512fma} {
			if newFused(p, s.s, smooth(s.s.Weights)) == nil {
				t.Errorf("%v: %s is not recognised", p, s.name)
			}
		}
	}
}

// The tables of a pass have the same bits whenever they are made: ranks share them, and
// a resumed run goes on with them.
func TestFusedTablesAreTheSame(t *testing.T) {
	for _, s := range shapes {
		c := newFused(avx512, s.s, smooth(s.s.Weights))
		for i := range c.passes {
			for _, p := range c.passes[i].paths {
				f, _ := c.multiple(&p)
				for range 30 {
					if g, _ := c.multiple(&p); g != f {
						t.Fatalf("%s: the multiple of a coupling is %v, and then %v", s.name, f, g)
					}
				}
			}
		}
	}
}

// What shapes without kernels of their own run on.
func BenchmarkConvAny(b *testing.B) {
	cr := silicon(8)
	for _, s := range shapes {
		tab := radialTable(s.s.Weights)
		for _, p := range paths() {
			b.Run(s.name+"/"+p.String(), func(b *testing.B) { cr.bench(b, p, s.s, newVectors(p, s.s, tab)) })
		}
	}
}
