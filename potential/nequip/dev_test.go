package nequip_test

import (
	"os"
	"testing"

	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

func TestDev(t *testing.T) {
	if os.Getenv("DEV") == "" {
		t.Skip()
	}
	ref := references[0]
	if os.Getenv("DEV") == "l3" {
		ref = references[1]
	}
	m := open(t, ref.model)
	for _, e := range m.RadialErrors() {
		t.Logf("%+v", e)
	}
	for _, r := range readReferences(t, ref.file) {
		a, _ := potentialtest.Evaluate(r.sys, potentialtest.Setup{}, func() potential.Potential { return nequip.New32(m) })
		b, _ := potentialtest.Evaluate(r.sys, potentialtest.Setup{}, func() potential.Potential { return nequip.New32Exact(m) })
		fm := 0.0
		for _, f := range r.forces {
			for _, x := range f {
				fm = max(fm, x, -x)
			}
		}
		t.Logf("%s fmax %.2f\n    table %v\n    exact %v", r.name, fm, r.deviation(a), r.deviation(b))
	}
}
