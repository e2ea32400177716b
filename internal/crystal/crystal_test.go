package crystal

import (
	"math"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/philox"
)

func build(t testing.TB, s Spec) (*Crystal, *domain.Atoms) {
	t.Helper()
	c, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return c, c.Build(domain.NewGrid(c.Cell(), [3]int{1, 1, 1}, [3]float64{}, [3]float64{1, 1, 1}), 0)
}

// nearest counts the pairs at the least distance from atom 0, over all images.
func nearest(cell domain.Cell, a *domain.Atoms, i int) (d float64, n int, z []int32) {
	d = math.Inf(1)
	for j := range a.N {
		for x := int32(-2); x <= 2; x++ {
			for y := int32(-2); y <= 2; y++ {
				for w := int32(-2); w <= 2; w++ {
					s, r := cell.Shift([3]int32{x, y, w}), 0.0
					for k := range s {
						r += math.Pow(a.X[j][k]+s[k]-a.X[i][k], 2)
					}
					r = math.Sqrt(r)
					switch {
					case r < 1e-6 || r > d+1e-6:
					case r < d-1e-6:
						d, n, z = r, 1, []int32{a.Species[j]}
					default:
						n++
						z = append(z, a.Species[j])
					}
				}
			}
		}
	}
	return d, n, z
}

// Coordination numbers and nearest distances in units of a, from geometry
// (any textbook of crystallography).
func TestPrototypes(t *testing.T) {
	for _, c := range []struct {
		name     string
		elements string
		atoms    int
		d        float64
		n        int
		unlike   bool
	}{
		{"fcc", "Cu", 4, math.Sqrt(0.5), 12, false},
		{"bcc", "Fe", 2, math.Sqrt(0.75), 8, false},
		{"hcp", "Mg", 2, 1, 12, false},
		{"diamond", "Si", 8, math.Sqrt(3) / 4, 4, false},
		{"rocksalt", "Na Cl", 8, 0.5, 6, true},
		{"CsCl", "Cs Cl", 2, math.Sqrt(0.75), 8, true},
		{"zincblende", "Zn S", 8, math.Sqrt(3) / 4, 4, true},
		{"fluorite", "Ca F", 12, math.Sqrt(3) / 4, 8, true},
		{"perovskite", "Sr Ti O", 5, math.Sqrt(0.5), 12, true},
	} {
		cr, a := build(t, Spec{Prototype: c.name, Elements: strings.Fields(c.elements), A: 4})
		if a.N != c.atoms || cr.Count() != int64(c.atoms) {
			t.Errorf("%s: %d atoms, %d counted, want %d", c.name, a.N, cr.Count(), c.atoms)
		}
		d, n, z := nearest(cr.Cell(), a, 0)
		if math.Abs(d-4*c.d) > 1e-9 || n != c.n || slices.Contains(z, a.Species[0]) == c.unlike {
			t.Errorf("%s: %d neighbours %v at %g Å, want %d at %g", c.name, n, z, d, c.n, 4*c.d)
		}
	}
	// In perovskite the B atom has six X at a/2, in fluorite the anion four cations.
	_, a := build(t, Spec{Prototype: "perovskite", Elements: []string{"Sr", "Ti", "O"}, A: 4})
	cr, _ := build(t, Spec{Prototype: "perovskite", Elements: []string{"Sr", "Ti", "O"}, A: 4})
	if d, n, z := nearest(cr.Cell(), a, 1); math.Abs(d-2) > 1e-9 || n != 6 || z[0] != 8 {
		t.Errorf("Ti in SrTiO3: %d of %d at %g", n, z[0], d)
	}
	cr, a = build(t, Spec{Prototype: "fluorite", Elements: []string{"Ca", "F"}, A: 4})
	if d, n, z := nearest(cr.Cell(), a, 11); math.Abs(d-math.Sqrt(3)) > 1e-9 || n != 4 || z[0] != 20 {
		t.Errorf("F in CaF2: %d of %d at %g", n, z[0], d)
	}
}

type atom struct {
	z int32
	x [3]float64
}

// Any ranks make the same crystal to the last bit, each atom once, and the IDs
// are 1 … N.
func TestSameOnAnyRanks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Spec{
			Prototype: rapid.SampledFrom([]string{"fcc", "hcp", "rocksalt", "perovskite"}).Draw(t, "prototype"),
			A:         4,
			Vacancies: rapid.SampledFrom([]float64{0, 0.03, 0.4}).Draw(t, "vacancies"),
			Rattle:    rapid.SampledFrom([]float64{0, 0.05, 0.6}).Draw(t, "rattle"),
			Seed:      rapid.Uint64().Draw(t, "seed"),
			Strain:    [3][3]float64{{0.01, 0.1, 0}, {0, -0.02, 0.03}, {0.05, 0, 0}},
		}
		p, _ := find(s.Prototype)
		s.Elements = []string{"Ni", "Al", "O"}[:len(p.basis)]
		s.Alloy = []Alloy{{"Ni", "Co", 0.3}, {"Ni", "Cr", 0.21}}
		for k := range 3 {
			s.Repeat[k] = rapid.IntRange(1, 4).Draw(t, "repeat")
			s.Open[k] = rapid.Bool().Draw(t, "open")
			s.Vacuum[k] = rapid.SampledFrom([]float64{0, 1.7, 6}).Draw(t, "vacuum")
		}
		c, err := New(s)
		if err != nil {
			t.Fatal(err)
		}
		ref := map[int64]atom{}
		for _, ranks := range []int{1, rapid.IntRange(2, 13).Draw(t, "ranks")} {
			lo, hi := c.Bounds()
			part := domain.NewPartition(c.Cell(), ranks, lo, hi)
			got := map[int64]atom{}
			for r := range ranks {
				a := c.Build(part, r)
				for i, id := range a.ID[:a.N] {
					if _, twice := got[id]; twice {
						t.Fatalf("%d ranks: atom %d is made twice", ranks, id)
					}
					got[id] = atom{a.Species[i], a.X[i]}
				}
				if !slices.IsSorted(a.ID[:a.N]) {
					t.Fatalf("IDs of rank %d are not sorted", r)
				}
			}
			if int64(len(got)) != c.Count() {
				t.Fatalf("%d ranks: %d atoms made, %d counted", ranks, len(got), c.Count())
			}
			count := map[int]int64{}
			for id := int64(1); id <= c.Count(); id++ {
				g, ok := got[id]
				if !ok {
					t.Fatalf("%d ranks: atom %d is missing", ranks, id)
				}
				count[int(g.z)]++
				if ranks == 1 {
					ref[id] = g
				} else if ref[id] != g {
					t.Fatalf("%d ranks: atom %d is %v, on one rank %v", ranks, id, g, ref[id])
				}
			}
			for z, n := range c.Composition() {
				if count[z] != n {
					t.Fatalf("%d atoms of %s, composition says %d", count[z], element.Symbol(z), n)
				}
			}
		}
	})
}

// An alloy has exactly the number that its fraction says: CrCoNi with 500
// sites has round(500/3) = 167, then 333 − 167 = 166.
func TestExactComposition(t *testing.T) {
	c, _ := build(t, Spec{Prototype: "fcc", Elements: []string{"Cr"}, A: 3.56, Repeat: [3]int{5, 5, 5}, Seed: 3,
		Alloy: []Alloy{{"Cr", "Co", 1. / 3}, {"Cr", "Ni", 1. / 3}}})
	n := c.Composition()
	if n[27] != 167 || n[28] != 166 || n[24] != 167 {
		t.Errorf("composition %v", n)
	}
	c, a := build(t, Spec{Prototype: "bcc", Elements: []string{"Fe"}, A: 2.87, Repeat: [3]int{10, 10, 10}, Vacancies: 0.01, Seed: 3})
	if c.Count() != 1980 || a.N != 1980 {
		t.Errorf("%d atoms are left of 2000 with 1 %% vacancies", c.Count())
	}
	other, _ := build(t, Spec{Prototype: "bcc", Elements: []string{"Fe"}, A: 2.87, Repeat: [3]int{10, 10, 10}, Vacancies: 0.01, Seed: 4})
	if slices.Equal(c.vacant, other.vacant) {
		t.Error("another seed leaves the same sites empty")
	}
}

// of is a bijection and inverse its inverse, for every size up to 600.
func TestPermutation(t *testing.T) {
	for m := range uint64(600) {
		p := newPermutation(m, 5, philox.Vacancy)
		seen := make([]bool, m)
		for i := range m {
			j := p.of(i)
			if j >= m || seen[j] || p.inverse(j) != i {
				t.Fatalf("m = %d: π(%d) = %d", m, i, j)
			}
			seen[j] = true
		}
	}
}

// The vacant sites are spread evenly and without order: over 400 seeds, χ² of
// the numbers in 100 bins (mean 99 d.o.f.), and of the joint pairs of
// neighbouring sites. Bounds are the mean plus five standard deviations √(2·99).
func TestPermutationIsUniform(t *testing.T) {
	const m, k, seeds, bins = 1000, 100, 400, 100
	var count [bins]float64
	pairs := 0.0
	for seed := range uint64(seeds) {
		p := newPermutation(m, seed, philox.Vacancy)
		var vacant [m]bool
		for i := range uint64(k) {
			v := p.inverse(i)
			vacant[v] = true
			count[v*bins/m]++
		}
		for i := range m {
			if vacant[i] && vacant[(i+1)%m] {
				pairs++
			}
		}
	}
	chi2, want := 0.0, float64(k*seeds)/bins
	for _, n := range count {
		chi2 += (n - want) * (n - want) / want
	}
	if chi2 > 99+5*math.Sqrt(2*99) {
		t.Errorf("χ² of the places %g", chi2)
	}
	// k(k−1)/(m−1) neighbouring pairs are expected in each, Poisson.
	if e := float64(seeds) * k * (k - 1) / (m - 1); math.Abs(pairs-e) > 5*math.Sqrt(e) {
		t.Errorf("%g neighbouring pairs, want %g", pairs, e)
	}
}

// The rattle has the variance asked for (four standard errors).
func TestRattle(t *testing.T) {
	s := Spec{Prototype: "diamond", Elements: []string{"Si"}, A: 5.43, Repeat: [3]int{10, 10, 10}, Seed: 1}
	_, still := build(t, s)
	s.Rattle = 0.05
	_, a := build(t, s)
	sum, n := 0.0, float64(3*a.N)
	for i := range a.N {
		for k := range a.X[i] {
			sum += math.Pow(a.X[i][k]-still.X[i][k], 2)
		}
	}
	if v := sum / n / (0.05 * 0.05); math.Abs(v-1) > 4*math.Sqrt(2/n) {
		t.Errorf("variance of the rattle is %g of what it should be", v)
	}
}

// Strain: each lattice vector a becomes a(1+ε), and the atoms follow.
func TestStrain(t *testing.T) {
	c, a := build(t, Spec{Prototype: "bcc", Elements: []string{"Fe"}, A: 2, Repeat: [3]int{2, 1, 1},
		Strain: [3][3]float64{{0.1, 0.2, 0}, {0, 0, 0}, {0, 0, -0.5}}})
	cell := c.Cell()
	if got, want := cell.Vectors(), [3][3]float64{{4.4, 0.8, 0}, {0, 2, 0}, {0, 0, 1}}; !close3(got, want) {
		t.Errorf("cell %v, want %v", got, want)
	}
	if got, want := a.X[1], [3]float64{1.1, 1.2, 0.5}; !close3([3][3]float64{got}, [3][3]float64{want}) {
		t.Errorf("second atom at %v, want %v", got, want)
	}
}

func close3(a, b [3][3]float64) bool {
	for k := range a {
		for l := range a {
			if math.Abs(a[k][l]-b[k][l]) > 1e-12 {
				return false
			}
		}
	}
	return true
}

// Counts by hand: 8·4³ = 512, 8·24³ = 110592; the hexagonal cell's edges have
// heights 2.774, 2.774, 5.211 Å, of which 9×9×5 come nearest to a cube of 26 Å.
func TestNearest(t *testing.T) {
	for _, c := range []struct {
		spec Spec
		n    int64
		want [3]int
	}{
		{Spec{Prototype: "diamond", Elements: []string{"Si"}, A: 5.43}, 512, [3]int{4, 4, 4}},
		{Spec{Prototype: "diamond", Elements: []string{"Si"}, A: 5.43}, 513, [3]int{5, 5, 5}},
		{Spec{Prototype: "diamond", Elements: []string{"Si"}, A: 5.43}, 100000, [3]int{24, 24, 24}},
		{Spec{Prototype: "fcc", Elements: []string{"Cu"}, A: 3.61}, 1, [3]int{1, 1, 1}},
		{Spec{Prototype: "hcp", Elements: []string{"Mg"}, A: 3.203, C: 5.211}, 800, [3]int{9, 9, 5}},
	} {
		s, err := Nearest(c.spec, c.n)
		if err != nil {
			t.Fatal(err)
		}
		if s.Repeat != c.want {
			t.Errorf("%s, %d atoms: repeat %v, want %v", c.spec.Prototype, c.n, s.Repeat, c.want)
		}
	}
}

func TestBadSpecs(t *testing.T) {
	good := Spec{Prototype: "fcc", Elements: []string{"Cu"}, A: 3.6}
	for want, change := range map[string]func(*Spec){
		"no prototype":           func(s *Spec) { s.Prototype = "bbc" },
		"needs 1 elements":       func(s *Spec) { s.Elements = []string{"Cu", "Au"} },
		`"Xx" is no element`:     func(s *Spec) { s.Elements = []string{"Xx"} },
		"lattice constant a":     func(s *Spec) { s.A = math.NaN() },
		"no lattice constant c":  func(s *Spec) { s.C = 4 },
		"repeat":                 func(s *Spec) { s.Repeat[1] = -1 },
		"vacancies: fraction":    func(s *Spec) { s.Vacancies = 1 },
		"leave no atom":          func(s *Spec) { s.Vacancies = 0.99 },
		"rattle":                 func(s *Spec) { s.Rattle = -1 },
		"vacuum":                 func(s *Spec) { s.Vacuum[2] = -1 },
		"not among the elements": func(s *Spec) { s.Alloy = []Alloy{{"Ni", "Cu", 0.1}} },
		`alloy: "Q" is no`:       func(s *Spec) { s.Alloy = []Alloy{{"Cu", "Q", 0.1}} },
		"fraction 2 of Ni":       func(s *Spec) { s.Alloy = []Alloy{{"Cu", "Ni", 2}} },
		"add up to 1.2":          func(s *Spec) { s.Alloy = []Alloy{{"Cu", "Ni", 0.6}, {"Cu", "Au", 0.6}} },
		"singular":               func(s *Spec) { s.Strain[0][0] = -1; s.Strain[0][1] = 1 },
	} {
		s := good
		change(&s)
		if _, err := New(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want one with %q", err, want)
		}
	}
}

// Ten million atoms, one rank of 1000: its part only.
func BenchmarkBuild(b *testing.B) {
	s, err := Nearest(Spec{Prototype: "diamond", Elements: []string{"Si"}, A: 5.43, Rattle: 0.05, Seed: 1}, 10_000_000)
	if err != nil {
		b.Fatal(err)
	}
	c, err := New(s)
	if err != nil {
		b.Fatal(err)
	}
	lo, hi := c.Bounds()
	part := domain.NewPartition(c.Cell(), 1000, lo, hi)
	n := 0
	for i := range b.N {
		n += c.Build(part, i%1000).N
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/atom")
}
