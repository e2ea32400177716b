//go:build amd64 && !noasm

package kernel

import "testing"

// The models' shapes have generated kernels.
func TestFusedRecognised(t *testing.T) {
	for _, s := range shapes {
		for _, p := range []path{avx2, avx512} {
			if newFused(p, s.s, smooth(s.s.Weights)) == nil {
				t.Errorf("%v: %s is not recognised", p, s.name)
			}
		}
	}
}
