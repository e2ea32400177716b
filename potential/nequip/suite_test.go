package nequip_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// The suite that every potential must pass, with every tiny checkpoint in both
// precisions. The step of differences is small because the second derivative of
// XPLOR jumps, and with it that of the energy when an edge crosses r_on.
func TestSuite(t *testing.T) {
	for n, path := range tiny(t) {
		if testing.Short() && n%3 != 0 {
			continue
		}
		m := openFile(t, path)
		t.Run(strings.TrimSuffix(filepath.Base(path), ".pth"), func(t *testing.T) {
			t.Run("float64", func(t *testing.T) {
				potentialtest.Run(t, func() potential.Potential { return nequip.New64(m) },
					potentialtest.Options{Elements: m.Elements(), Step: 1e-4})
			})
			t.Run("float32", func(t *testing.T) {
				potentialtest.Run(t, func() potential.Potential { return nequip.New32(m) },
					potentialtest.Options{Elements: m.Elements(), Precision: 32})
			})
		})
	}
}
