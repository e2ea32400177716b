package md

import (
	"math"
	"testing"
)

func TestListLife(t *testing.T) {
	// One of 1e6 atoms in the mean exceeds u where erfc(u/√2) + √(2/π) u exp(−u²/2)
	// is 1e-6: by bisection with Python's math.erfc.
	if u := fastest(1e6); math.Abs(u-5.5376) > 1e-3 {
		t.Errorf("fastest of 1e6: %g", u)
	}
	dt := Femtosecond
	a, b := ListLife(0.5, 1e6, 300, 28.0855, dt), ListLife(1, 1e6, 300, 28.0855, dt)
	if !(b >= 2*a && b <= 2*a+1) {
		t.Errorf("twice the skin lives %g steps, the skin %g", b, a)
	}
	if n := ListLife(0.5, 1e3, 0, 28, dt); !math.IsInf(n, 1) {
		t.Errorf("at rest a list lives %g steps", n)
	}
	if n := ListLife(0.01, 1e6, 5000, 1, dt); n != 1 {
		t.Errorf("the shortest life is %g steps", n)
	}
}

// Hot, light and many atoms want more skin than cold, heavy and few ones; silicon at
// room temperature wants some more than the half Å that is the default.
func TestBestSkin(t *testing.T) {
	skin := func(n, kelvin, mass float64) float64 { return BestSkin(5, n, kelvin, mass, Femtosecond) }
	si := skin(1e5, 300, 28.0855)
	if !(si >= 0.5 && si <= 0.9) {
		t.Errorf("silicon at 300 K: %g Å", si)
	}
	for what, s := range map[string][2]float64{
		"hot":   {skin(1e5, 2000, 28.0855), si},
		"light": {skin(1e5, 300, 1), si},
		"many":  {skin(1e9, 300, 28.0855), skin(100, 300, 28.0855)},
		"warm":  {si, skin(1e5, 10, 28.0855)},
	} {
		if s[0] <= s[1] {
			t.Errorf("%s: %g Å against %g", what, s[0], s[1])
		}
	}
	if s := skin(1e5, 0, 28); s != 0.1 {
		t.Errorf("at rest: %g Å", s)
	}
}
