package phonon

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// rocksalt is the cube of rock salt, its primitive cell, and a supercell.
func rocksalt(n int) Crystal {
	const a = 4.2
	c := Crystal{Cell: [3][3]float64{{a}, {0, a}, {0, 0, a}}, Repeat: [3]int{n, n, n}, Primitive: [3][3]float64{{0, .5, .5}, {.5, 0, .5}, {.5, .5, 0}}}
	for i, f := range [][3]float64{{}, {0, .5, .5}, {.5, 0, .5}, {.5, .5, 0}, {.5, .5, .5}, {.5, 0, 0}, {0, .5, 0}, {0, 0, .5}} {
		z, m := int32(12), 24.305
		if i > 3 {
			z, m = 8, 15.999
		}
		c.Z, c.Mass = append(c.Z, z), append(c.Mass, m)
		c.X = append(c.X, [3]float64{f[0] * a, f[1] * a, f[2] * a})
	}
	return c
}

// springs are the force constants of springs between nearest neighbours.
func springs(s *Supercell, k float64) Constants {
	phi := make(Constants, len(s.Basis))
	for i, b := range s.Basis {
		phi[i] = make([][3][3]float64, len(s.SX))
		for j := range s.SX {
			for _, v := range s.images[i][j] {
				d := row(v, s.Prim)
				r := length(d)
				if r < 1 || r > 2.2 {
					continue
				}
				for a := range 3 {
					for c := range 3 {
						x := k * d[a] * d[c] / (r * r)
						phi[i][j][a][c] -= x
						phi[i][b][a][c] += x
					}
				}
			}
		}
	}
	return phi
}

// Rock salt with springs of k between neighbours is three chains in which the two
// masses alternate: ω² = k(1/m + 1/M) ± k √((1/m + 1/M)² − 4 sin²(qa/2·…)/mM), known
// of every text book; along (100) the two others' chains move as rigid planes.
func TestSprings(t *testing.T) {
	s, err := New(rocksalt(2))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Basis) != 2 || len(s.SX) != 64 {
		t.Fatalf("%d atoms in the primitive cell, %d in the supercell", len(s.Basis), len(s.SX))
	}
	const k = 3.0
	phi := springs(s, k)
	if d := s.Symmetrise(phi); d > 1e-12 {
		t.Errorf("drift %v", d)
	}
	m := s.Modes(phi)
	mu := 1/24.305 + 1/15.999
	for _, x := range []float64{0, 0.1, 0.25, 0.5} {
		// q = x (b1 + b2) is 2x along z in units of 2π/a: the chain along z has the phase 2πx
		// between neighbours a/2 apart; the chains along x and y have none.
		if err := m.Solve([3]float64{x, x, 0}, true); err != nil {
			t.Fatal(err)
		}
		root := math.Sqrt(mu*mu - 4*math.Pow(math.Sin(2*math.Pi*x), 2)/(24.305*15.999))
		want := []float64{0, 0, math.Sqrt(k*(mu-root)) / terahertz, math.Sqrt(k*(mu+root)) / terahertz, math.Sqrt(2*k*mu) / terahertz, math.Sqrt(2*k*mu) / terahertz}
		for i, f := range m.Freq {
			if math.Abs(f-want[i]) > 1e-5 {
				t.Errorf("x = %v: frequencies %v, want %v", x, m.Freq, want)
				break
			}
		}
		for i, w := range m.Weight {
			if math.Abs(w[0]+w[1]-1) > 1e-12 {
				t.Errorf("x = %v: mode %d has the weights %v", x, i, w)
			}
		}
	}
}

// Noise is taken out: sums and exchange are exact afterwards.
func TestSymmetrise(t *testing.T) {
	s, err := New(rocksalt(2))
	if err != nil {
		t.Fatal(err)
	}
	phi := springs(s, 3)
	rng := rand.New(rand.NewPCG(1, 1))
	for i := range phi {
		for j := range phi[i] {
			for a := range 9 {
				phi[i][j][a/3][a%3] += 1e-3 * rng.NormFloat64()
			}
		}
	}
	if d := s.Symmetrise(phi); d < 1e-3 || d > 0.1 {
		t.Errorf("drift %v of noise", d)
	}
	for i := range phi {
		sum := s.sum(phi, i)
		for a := range 3 {
			for c := range 3 {
				if math.Abs(sum[a][c]+sum[c][a]) > 1e-12 {
					t.Errorf("atom %d: a translation makes %v", i, sum)
				}
			}
		}
		for j := range phi[i] {
			if transposed(phi[i][j]) != phi[s.Kind[j]][s.partner[i][j]] {
				t.Fatalf("Φ of %d and %d is not its partner's transposed", i, j)
			}
		}
	}
}

// Least squares of displacements find the constants that made the forces.
func TestConstants(t *testing.T) {
	s, err := New(rocksalt(2))
	if err != nil {
		t.Fatal(err)
	}
	phi := springs(s, 3)
	list := s.Displacements(0.01)
	for n := range list {
		d := &list[n]
		i := 0
		for s.Basis[i] != d.Atom {
			i++
		}
		d.F = make([][3]float64, len(s.SX))
		for j := range d.F {
			f := row(d.U, phi[i][j])
			for c := range f {
				d.F[j][c] = -f[c]
			}
		}
	}
	got, err := s.Constants(list)
	if err != nil {
		t.Fatal(err)
	}
	for i := range phi {
		for j := range phi[i] {
			for a := range 9 {
				if math.Abs(got[i][j][a/3][a%3]-phi[i][j][a/3][a%3]) > 1e-12 {
					t.Fatalf("Φ of %d and %d is %v, want %v", i, j, got[i][j], phi[i][j])
				}
			}
		}
	}
	for what, bad := range map[string][]Displaced{"has 2 displacements": list[:2], "all three directions": {list[0], list[1], list[2], list[3]}, "has 0 displacements": list[:6]} {
		if _, err := s.Constants(bad); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%v, want %q", err, what)
		}
	}
	list[3].F = list[3].F[:5]
	if _, err := s.Constants(list); err == nil || !strings.Contains(err.Error(), "forces on 5 atoms") {
		t.Errorf("%v", err)
	}
}

func TestBadCells(t *testing.T) {
	for want, change := range map[string]func(*Crystal){
		"a supercell of":     func(c *Crystal) { c.Repeat[1] = 0 },
		"of another element": func(c *Crystal) { c.Primitive = [3][3]float64{{.5, 0, 0}, {0, 1, 0}, {0, 0, 1}} },
		"is none of this":    func(c *Crystal) { c.X[1][0] += 0.1 },
		"whole number":       func(c *Crystal) { c.Primitive = [3][3]float64{{.7, 0, 0}, {0, 1, 0}, {0, 0, 1}} },
		"lie in a plane":     func(c *Crystal) { c.Primitive = [3][3]float64{{1, 0, 0}, {0, 1, 0}, {1, 1, 0}} },
	} {
		c := rocksalt(2)
		change(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

// A mesh stands for all its points, with Γ for odd numbers only.
func TestMesh(t *testing.T) {
	for _, n := range [][3]int{{1, 1, 1}, {2, 2, 2}, {3, 4, 5}, {6, 1, 3}} {
		sum, gamma := 0.0, false
		for _, p := range Mesh(n) {
			sum += p.Weight
			gamma = gamma || p.Q == [3]float64{}
		}
		odd := n[0]%2*(n[1]%2)*(n[2]%2) == 1
		if sum != float64(n[0]*n[1]*n[2]) || gamma != odd {
			t.Errorf("%v: weight %v, Γ %v", n, sum, gamma)
		}
	}
}

// S = −dF/dT and C = T dS/dT by differences; C tends to k, F to hν/2.
func TestThermal(t *testing.T) {
	at := func(T float64) Thermal {
		h := Thermal{T: T}
		h.Add(5, 1)
		h.Add(2, 0.5)
		h.Add(-1, 1)
		return h
	}
	if h := at(0); math.Abs(h.Free-planck*3) > 1e-15 || h.Entropy != 0 || h.Heat != 0 {
		t.Errorf("at zero: %+v", h)
	}
	if h := at(1e5); math.Abs(h.Heat/boltzmann-1.5) > 1e-5 {
		t.Errorf("C = %v k at 10⁵ K", h.Heat/boltzmann)
	}
	for _, T := range []float64{20, 100, 700} {
		d := T * 1e-4
		lo, mid, hi := at(T-d), at(T), at(T+d)
		if s := (lo.Free - hi.Free) / (2 * d); math.Abs(s-mid.Entropy) > 1e-7*boltzmann+1e-6*mid.Entropy {
			t.Errorf("%v K: S = %v, −dF/dT = %v", T, mid.Entropy, s)
		}
		if c := T * (hi.Entropy - lo.Entropy) / (2 * d); math.Abs(c-mid.Heat) > 1e-7*boltzmann+1e-6*mid.Heat {
			t.Errorf("%v K: C = %v, T dS/dT = %v", T, mid.Heat, c)
		}
	}
}

// Of the modes at Γ the three smallest in size are translations, whatever the sign that
// rounding gives them; thermal properties without them do not depend on it.
func TestTranslations(t *testing.T) {
	points := Mesh([3]int{3, 1, 1})
	gamma := -1
	var thermal [2]Thermal
	for k, rounding := range []float64{1e-7, -1e-7} {
		var freq []float64
		for i, p := range points {
			f := []float64{-2, 3, 4, 5, 6, 7}
			if p.Q == ([3]float64{}) {
				gamma, f = i, []float64{-2, -rounding, 2 * rounding, rounding / 3, 6, 7}
			}
			freq = append(freq, f...)
		}
		thermal[k].T = 300
		for i, still := range Translations(points, freq) {
			if want := i/6 == gamma && i%6 >= 1 && i%6 <= 3; still != want {
				t.Errorf("mode %d of point %d: %v", i%6, i/6, still)
			}
			if !still {
				thermal[k].Add(freq[i], points[i/6].Weight)
			}
		}
	}
	if gamma < 0 || thermal[0] != thermal[1] {
		t.Errorf("by rounding %+v or %+v", thermal[0], thermal[1])
	}
}

// The density integrates to the modes, and the parts to the whole.
func TestStates(t *testing.T) {
	g := NewStates(0, 10, 401, 2)
	g.Add(4, 1, 0.2, []float64{0.3, 0.7})
	g.Add(6, 0.5, 0.2, []float64{1, 0})
	var sum, part float64
	for k, x := range g.Total {
		sum += x * 10 / 400
		part += g.Part[0][k] * 10 / 400
	}
	if math.Abs(sum-1.5) > 1e-6 || math.Abs(part-0.8) > 1e-6 {
		t.Errorf("integrals %v and %v", sum, part)
	}
}

// The way from Γ to X of a face-centred cube is 1/a long.
func TestWalk(t *testing.T) {
	s, err := New(rocksalt(1))
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Walk([]string{"G-X", "gamma-L"}, FCC.Points(), 10)
	if err != nil || len(w) != 22 {
		t.Fatal(len(w), err)
	}
	if x := w[10]; math.Abs(x.X-1/4.2) > 1e-12 || x.Label != "X" || x.Q != [3]float64{0.5, 0, 0.5} {
		t.Errorf("X is %+v", x)
	}
	if l := w[21]; math.Abs(l.X-(1+math.Sqrt(0.75))/4.2) > 1e-12 || l.Label != "L" || !w[11].Break || w[11].Label != "Γ" {
		t.Errorf("L is %+v, after %+v", l, w[11])
	}
	for _, bad := range []string{"Γ", "Γ-Y"} {
		if _, err := s.Walk([]string{bad}, FCC.Points(), 10); err == nil {
			t.Errorf("%q is a path", bad)
		}
	}
	// A point of this name is meant before Γ.
	own := map[string][3]float64{"Γ": {}, "G": {0.25, 0, 0}}
	if w, err := s.Walk([]string{"gamma-G"}, own, 1); err != nil || w[1].Q != own["G"] || w[1].Label != "G" || w[0].Label != "Γ" {
		t.Errorf("%+v, %v", w, err)
	}
	for _, l := range []Lattice{Cubic, FCC, BCC, Hexagonal} {
		if _, err := s.Walk(l.Path(), l.Points(), 2); err != nil {
			t.Error(err)
		}
	}
}

// The supercell of two sheared cells repeats itself by less than its vectors.
func TestShortest(t *testing.T) {
	for _, c := range []struct {
		cell [3][3]float64
		want float64
	}{
		{[3][3]float64{{3, 0, 0}, {0, 4, 0}, {0, 0, 5}}, 6},
		{[3][3]float64{{3, 0, 0}, {0, 4, 0}, {3, 0, 1}}, 2}, // 2(c − a)
		{[3][3]float64{{0, 2, 2}, {2, 0, 2}, {2, 2, 0}}, 4 * math.Sqrt2},
	} {
		s, err := New(Crystal{Cell: c.cell, Z: []int32{18}, X: make([][3]float64, 1), Mass: []float64{40}, Repeat: [3]int{2, 2, 2}})
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Shortest(); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v: %v, want %v", c.cell, got, c.want)
		}
	}
}
