package element

import "testing"

func TestRoundTrip(t *testing.T) {
	for z := 1; z <= Max; z++ {
		if got, ok := Number(Symbol(z)); !ok || got != z {
			t.Errorf("Number(Symbol(%d) = %q) = %d, %v", z, Symbol(z), got, ok)
		}
		// No atom is lighter than its protons' share: A ≥ Z·1.007 and A < 3Z for Z > 1 hold for all elements.
		if m := Mass(z); m < 1.007*float64(z) || (z > 1 && m > 3*float64(z)) {
			t.Errorf("Mass(%d) = %v is absurd", z, m)
		}
	}
}

// A few numbers read from doi:10.1515/pac-2015-0305, Tables 1 and 3.
func TestKnown(t *testing.T) {
	for _, c := range []struct {
		symbol string
		z      int
		mass   float64
	}{
		{"H", 1, 1.008}, {"C", 6, 12.011}, {"O", 8, 15.999}, {"Si", 14, 28.085}, {"Ar", 18, 39.948},
		{"Co", 27, 58.933194}, {"Cu", 29, 63.546}, {"No", 102, 259.101}, {"U", 92, 238.02891}, {"Og", 118, 294.214},
	} {
		z, ok := Number(c.symbol)
		if !ok || z != c.z || Mass(z) != c.mass {
			t.Errorf("%s: Z = %d (%v), mass %v; want %d, %v", c.symbol, z, ok, Mass(z), c.z, c.mass)
		}
	}
}

func TestUnknown(t *testing.T) {
	for _, s := range []string{"", "X", "si", "SI", "Si1", "Xx", "\x00", "Sí", "O2", "Qq"} {
		if z, ok := Number(s); ok {
			t.Errorf("Number(%q) = %d, want none", s, z)
		}
	}
	for _, z := range []int{-1, 0, Max + 1, 1 << 40} {
		if Symbol(z) != "" || Mass(z) != 0 {
			t.Errorf("Z = %d has symbol %q, mass %v", z, Symbol(z), Mass(z))
		}
	}
}
