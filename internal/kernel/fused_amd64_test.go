//go:build amd64 && !noasm

package kernel

import "testing"

// The models' shapes have generated kernels.
func TestFusedRecognised(t *testing.T) {
	for _, s := range shapes {
		if newFused(avx512, s.s, smooth(s.s.Weights)) == nil {
			t.Errorf("%s is not recognised", s.name)
		}
	}
}
