package potentialtest

import (
	"math"
	"testing"

	"github.com/wigner-md/wigner/potential"
)

func (s *suite) supports(t *testing.T) {
	p := s.mk()
	for _, z := range s.Elements {
		if !p.Supports(z) {
			t.Errorf("element %d is not supported", z)
		}
	}
	for _, z := range []int{-1, 0, 119, 1 << 20} {
		if p.Supports(z) {
			t.Errorf("element %d is supported", z)
		}
	}
}

// slope is the derivative of f at 0 by five points: an error of h⁴.
func slope(h float64, f func(float64) float64) float64 {
	return (f(-2*h) - 8*f(-h) + 8*f(h) - f(2*h)) / (12 * h)
}

// rough is whether the potential may jump at a cutoff.
func (s *suite) rough() bool { return s.EnergyJump > 0 || s.ForceJump > 0 }

// tame is a structure for finite differences of the energies that change gives.
// Where the potential jumps, differences across a jump mean nothing; they do not
// converge with the step, and another structure is taken.
func (s *suite) tame(t *testing.T, h float64, changes func(System) []func(float64) float64) (System, []float64) {
	t.Helper()
	for range 50 {
		sys := s.random(s.Atoms, crystal)
		var slopes []float64
		ok := true
		for _, f := range changes(sys) {
			d := slope(h, f)
			if s.rough() && math.Abs(d-slope(h/2, f)) > s.Difference/10 {
				ok = false
				break
			}
			slopes = append(slopes, d)
		}
		if ok {
			return sys, slopes
		}
	}
	t.Fatal("no structure found whose finite differences of the energy converge")
	return System{}, nil
}

// forces compares forces with differences of the energy.
func (s *suite) forces(t *testing.T) {
	sys, slopes := s.tame(t, s.Step, func(sys System) (f []func(float64) float64) {
		for i := range min(len(sys.X), 5) {
			for k := range 3 {
				f = append(f, func(h float64) float64 {
					moved := sys.copy()
					moved.X[i][k] += h
					return s.energy(t, moved)
				})
			}
		}
		return f
	})
	want := s.evaluate(t, sys, Setup{})
	worst := 0.0
	for n, d := range slopes {
		f := want.Forces[n/3][n%3]
		worst = max(worst, math.Abs(d+f))
		if !(math.Abs(d+f) <= s.Difference*scale(want)) {
			t.Errorf("atom %d, component %d: force %.9g, −dE/dx %.9g eV/Å", n/3, n%3, f, -d)
		}
	}
	t.Logf("worst deviation %.2g eV/Å, largest magnitude %.3g", worst, scale(want))
}

// virial compares W_kl with −dE/dε_kl, where a strain ε takes x to x(1+ε), for
// all nine components: the antisymmetric part says that rotations do nothing.
func (s *suite) virial(t *testing.T) {
	// No edge changes by more than Step.
	sys, slopes := s.tame(t, s.Step/s.cutoff, func(sys System) (f []func(float64) float64) {
		for n := range 9 {
			f = append(f, func(h float64) float64 {
				m := [3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}
				m[n/3][n%3] += h
				return s.energy(t, sys.mapped(m))
			})
		}
		return f
	})
	want := s.evaluate(t, sys, Setup{})
	size := scale(want) * float64(len(sys.X))
	worst := 0.0
	for n, d := range slopes {
		w := want.Virial[n/3][n%3]
		worst = max(worst, math.Abs(d+w))
		if !(math.Abs(d+w) <= s.Difference*size) {
			t.Errorf("W[%d][%d] = %.9g, −dE/dε = %.9g eV", n/3, n%3, w, -d)
		}
	}
	t.Logf("worst deviation %.2g eV, largest magnitude %.3g", worst, size)
	var sum [3][3]float64
	for _, w := range want.Virials {
		for n := range 9 {
			sum[n/3][n%3] += w[n/3][n%3]
		}
	}
	for n := range 9 {
		if !(math.Abs(sum[n/3][n%3]-want.Virial[n/3][n%3]) <= s.Same*size) {
			t.Errorf("ΣW_i[%d][%d] = %.9g, W = %.9g eV", n/3, n%3, sum[n/3][n%3], want.Virial[n/3][n%3])
		}
	}
}

// turned is what an outcome should be after all vectors were mapped by m.
func (o *Outcome) turned(m [3][3]float64) *Outcome {
	p := &Outcome{Energy: o.Energy, Energies: o.Energies, Forces: make([][3]float64, len(o.Forces))}
	for i, f := range o.Forces {
		p.Forces[i] = times(f, m)
	}
	p.Virial = turned(o.Virial, m)
	for _, w := range o.Virials {
		p.Virials = append(p.Virials, turned(w, m))
	}
	return p
}

// turned is mᵀ w m.
func turned(w, m [3][3]float64) (v [3][3]float64) {
	for a := range 3 {
		for b := range 3 {
			for k := range 3 {
				for l := range 3 {
					v[k][l] += w[a][b] * m[a][k] * m[b][l]
				}
			}
		}
	}
	return v
}

// turn is a random proper rotation, of a random unit quaternion.
func (s *suite) turn() [3][3]float64 {
	var q [4]float64
	n := 0.0
	for k := range q {
		q[k] = s.rng.NormFloat64()
		n += q[k] * q[k]
	}
	for k := range q {
		q[k] /= math.Sqrt(n)
	}
	w, x, y, z := q[0], q[1], q[2], q[3]
	return [3][3]float64{
		{1 - 2*(y*y+z*z), 2 * (x*y - w*z), 2 * (x*z + w*y)},
		{2 * (x*y + w*z), 1 - 2*(x*x+z*z), 2 * (y*z - w*x)},
		{2 * (x*z - w*y), 2 * (y*z + w*x), 1 - 2*(x*x+y*y)},
	}
}

// rotation turns the whole structure; forces and virial must turn with it. With
// O(3) the mirror image must have the same energy; with SO(3) the difference is
// only reported.
func (s *suite) rotation(t *testing.T) {
	inversion := [3][3]float64{{-1, 0, 0}, {0, -1, 0}, {0, 0, -1}}
	for _, periodic := range [][3]bool{crystal, molecule} {
		sys := s.random(s.Atoms, periodic)
		want := s.evaluate(t, sys, Setup{})
		for range 3 {
			m := s.turn()
			s.same(t, "rotation", s.evaluate(t, sys.mapped(m), Setup{}), want.turned(m))
		}
		got := s.evaluate(t, sys.mapped(inversion), Setup{})
		if potential.GroupOf(s.mk()) == potential.O3 {
			s.same(t, "inversion", got, want.turned(inversion))
		} else {
			e, _, f, _ := Deviation(got, want.turned(inversion))
			t.Logf("the mirror image differs by %.3g eV/atom and %.3g eV/Å (group SO(3))", e, f)
		}
	}
}

func (s *suite) translation(t *testing.T) {
	for _, periodic := range [][3]bool{crystal, slab, molecule} {
		sys := s.random(s.Atoms, periodic)
		want := s.evaluate(t, sys, Setup{Ranks: 2})
		for range 3 {
			moved := sys.copy()
			d := [3]float64{20 * s.rng.NormFloat64(), 20 * s.rng.NormFloat64(), 20 * s.rng.NormFloat64()}
			for i := range moved.X {
				for k := range d {
					moved.X[i][k] += d[k]
				}
			}
			s.same(t, "translation", s.evaluate(t, moved, Setup{Ranks: 2}), want)
		}
	}
}

func (s *suite) permutation(t *testing.T) {
	sys := s.random(s.Atoms, crystal)
	o := s.evaluate(t, sys, Setup{})
	order := s.rng.Perm(len(sys.X))
	shuffled, want := sys.copy(), &Outcome{Energy: o.Energy, Virial: o.Virial, Energies: make([]float64, len(order)), Forces: make([][3]float64, len(order))}
	for to, from := range order {
		shuffled.X[to], shuffled.Z[to] = sys.X[from], sys.Z[from]
		want.Energies[to], want.Forces[to] = o.Energies[from], o.Forces[from]
	}
	s.same(t, "other order of atoms", s.evaluate(t, shuffled, Setup{}), want)
}

func (s *suite) netForce(t *testing.T) {
	for _, ranks := range []int{1, 4} {
		o := s.evaluate(t, s.random(2*s.Atoms, crystal), Setup{Ranks: ranks})
		var net [3]float64
		for _, f := range o.Forces {
			for k := range net {
				net[k] += f[k]
			}
		}
		for k, x := range net {
			if !(math.Abs(x) <= s.Same*scale(o)*float64(len(o.Forces))) {
				t.Errorf("%d ranks: net force %.3g eV/Å along axis %d", ranks, x, k)
			}
		}
	}
}

// copies is what an outcome should be for copies of the structure.
func (o *Outcome) copies(n int) *Outcome {
	p := &Outcome{Energy: float64(n) * o.Energy}
	for range n {
		p.Energies, p.Forces = append(p.Energies, o.Energies...), append(p.Forces, o.Forces...)
	}
	for k := range p.Virial {
		for l := range p.Virial[k] {
			p.Virial[k][l] = float64(n) * o.Virial[k][l]
		}
	}
	return p
}

// supercell: 2×2×2 cells have eight times the energy and the same forces.
func (s *suite) supercell(t *testing.T) {
	sys := s.random(max(s.Atoms/2, 1), crystal)
	s.same(t, "2×2×2 supercell", s.evaluate(t, sys.Repeat([3]int{2, 2, 2}), Setup{}), s.evaluate(t, sys, Setup{}).copies(8))
}

// smallCell: a cell far smaller than the cutoff, whose atoms see many images of
// themselves, against its supercell, which is larger than the cutoff.
func (s *suite) smallCell(t *testing.T) {
	for n := 1; n <= 2; n++ {
		sys := s.random(n, crystal)
		var k [3]int
		for d := range k {
			k[d] = 2 + d%2
		}
		want := s.evaluate(t, sys, Setup{}).copies(k[0] * k[1] * k[2])
		s.same(t, "cell smaller than the cutoff", s.evaluate(t, sys.Repeat(k), Setup{}), want)
	}
}

// isolated: an atom alone has no edges, and no force.
func (s *suite) isolated(t *testing.T) {
	for _, z := range s.Elements {
		for _, periodic := range [][3]bool{molecule, crystal} {
			l := 2.5 * s.cutoff
			sys := System{Cell: [3][3]float64{{l, 0, 0}, {0, l, 0}, {0, 0, l}}, Periodic: periodic, Z: []int{z}, X: [][3]float64{{1, 2, 3}}}
			o := s.evaluate(t, sys, Setup{Ranks: 2})
			if math.IsNaN(o.Energy) || math.IsInf(o.Energy, 0) || o.Forces[0] != ([3]float64{}) || o.Virial != ([3][3]float64{}) {
				t.Errorf("element %d alone: energy %v, force %v, virial %v", z, o.Energy, o.Forces[0], o.Virial)
			}
		}
	}
	// Two atoms beyond the cutoff have the energies of isolated atoms.
	a, b := s.Elements[0], s.Elements[len(s.Elements)-1]
	one := func(z ...int) float64 {
		sys := System{Z: z}
		for i := range z {
			sys.X = append(sys.X, [3]float64{float64(i) * 1.01 * s.cutoff, 0, 0})
		}
		return s.energy(t, sys)
	}
	if got, want := one(a, b), one(a)+one(b); !(math.Abs(got-want) <= s.Same*max(1, math.Abs(want))) {
		t.Errorf("two atoms beyond the cutoff: energy %.12g, alone %.12g", got, want)
	}
}

// smooth lets an atom cross the cutoff of one atom of a cluster, for every pair
// of elements.
func (s *suite) smooth(t *testing.T) {
	cluster := s.random(max(s.Atoms/3, 2), molecule)
	last := 0
	for i, x := range cluster.X {
		if x[0] > cluster.X[last][0] {
			last = i
		}
	}
	h := 1e-6
	if s.Precision == 32 {
		h = 1e-4
	}
	for _, a := range s.Elements {
		for _, b := range s.Elements {
			at := func(beyond float64) *Outcome {
				sys := cluster.copy()
				x := sys.X[last]
				x[0] += s.cutoff + beyond
				sys.Z[last] = a
				sys.X, sys.Z = append(sys.X, x), append(sys.Z, b)
				return s.evaluate(t, sys, Setup{})
			}
			in, out := at(-h), at(h)
			energy := math.Abs(in.Energy - out.Energy)
			_, _, force, _ := Deviation(in, out)
			// Between the two, a smooth potential changes by the force and by a
			// curvature of some eV/Å² times the distance 2h.
			if allowed := s.EnergyJump + (s.Same+10*h)*scale(out); !(energy <= allowed) {
				t.Errorf("elements %d and %d: the energy jumps by %.3g eV at the cutoff; allowed %.3g", a, b, energy, allowed)
			}
			if allowed := s.ForceJump + (s.Same+10*h)*scale(out); !(force <= allowed) {
				t.Errorf("elements %d and %d: a force jumps by %.3g eV/Å at the cutoff; allowed %.3g", a, b, force, allowed)
			}
		}
	}
}
