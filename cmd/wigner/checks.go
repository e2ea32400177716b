package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
)

// answer is what a potential says of a system.
type answer struct {
	E  float64       // eV
	Ei []float64     // eV
	F  [][3]float64  // eV/Å
	W  [3][3]float64 // eV
}

// ask evaluates a system on some ranks of this process.
func ask(src *source, s *system, ranks int) (*answer, error) {
	out := &answer{}
	err := inproc.Run(ranks, func(c comm.Comm) error {
		x, err := share(c, s, [3]int{})
		if err != nil {
			return err
		}
		pot, err := src.New()
		if err != nil {
			return err
		}
		e := md.Evaluator{Comm: c, Potential: pot, Cell: x.Cell, Partition: x.Partition, Atoms: x.Atoms, Guard: anyForce}
		if err := e.Evaluate(); err != nil {
			return err
		}
		sum, err := e.Totals(nil)
		if err != nil {
			return err
		}
		move := md.Redistributor{Comm: c}
		t, err := move.Gather(e.Atoms, e.Energy, md.Fields{F: true, Energy: true})
		if err == nil && c.Rank() == 0 {
			*out = answer{sum.Energy, append([]float64(nil), t.Energy...), append([][3]float64(nil), t.F...), sum.Virial}
		}
		return err
	})
	return out, err
}

// checker goes through the checks; the first error ends it.
type checker struct {
	src, single *source
	sys         *system
	base        *answer
	energy      float64 // largest atomic energy, at least 1 eV
	binding     float64 // the same, counted from the atom alone: no reference energy matters
	pressing    float64 // largest of force, binding, and the virial's components by atom, eV
	force       float64 // largest force, at least 1 eV/Å
	noise       float64 // of atomic energies, eV: their largest change under translation and rotation
	rng         *rand.Rand
	out         []verdict
	err         error
}

// ask evaluates a variant of the system; after an error it gives zeros.
func (c *checker) ask(s *system, ranks int) *answer {
	n := len(s.X)
	none := &answer{Ei: make([]float64, n), F: make([][3]float64, n)}
	if c.err != nil {
		return none
	}
	a, err := ask(c.src, s, ranks)
	if err != nil {
		c.err = err
		return none
	}
	return a
}

// expect adds a line that must hold.
func (c *checker) expect(name, unit string, figure, bound float64, note string) {
	v := verdict{name, number(figure), bound, unit, "pass", note}
	if !(figure <= bound) {
		v.Status = "fail"
	}
	c.out = append(c.out, v)
}

// report adds a line that is only told.
func (c *checker) report(name, unit string, figure float64, note string) {
	c.out = append(c.out, verdict{name, number(figure), 0, unit, "note", note})
}

// rounding is what is let pass in double precision, as a part of the largest
// magnitude.
const rounding = 1e-10

// singleRounding is that of rotations where the file has couplings in single precision, whose
// rounding is 6e-8.
const singleRounding = 1e-7

func (c *checker) all() error {
	c.rng = rand.New(rand.NewPCG(1, 2))
	c.base = c.ask(c.sys, 1)
	c.energy, c.force = 1, 1
	for i, f := range c.base.F {
		c.energy, c.force = max(c.energy, math.Abs(c.base.Ei[i])), max(c.force, length(f))
	}
	c.binding = c.bound()
	c.pressing = max(c.force, c.binding)
	for _, row := range c.base.W {
		for _, w := range row {
			c.pressing = max(c.pressing, math.Abs(w)/float64(len(c.base.F)))
		}
	}
	c.translation()
	c.rotation()
	c.mirror()
	c.permutation()
	c.netForce()
	c.forces()
	c.virial()
	c.smoothness()
	c.ranks()
	c.supercell()
	c.precision()
	return c.err
}

// bound is the largest atomic energy counted from that of the atom alone in space, at least
// 1 eV. Where a potential does not know atoms alone, all energies are counted from the mean
// of their element.
func (c *checker) bound() float64 {
	alone, most := map[int32]float64{}, 1.0
	for i, z := range c.sys.Z {
		if _, ok := alone[z]; !ok {
			a, err := ask(c.src, &system{Z: []int32{z}, X: make([][3]float64, 1)}, 1)
			if err == nil && !math.IsNaN(a.E) && !math.IsInf(a.E, 0) {
				alone[z] = a.E
			} else {
				alone[z] = meanOf(c.base.Ei, c.sys.Z, z)
			}
		}
		most = worst(most, math.Abs(c.base.Ei[i]-alone[z]))
	}
	return most
}

// meanOf is the mean of what belongs to an element.
func meanOf(x []float64, zs []int32, z int32) float64 {
	sum, n := 0.0, 0.0
	for i, v := range x {
		if zs[i] == z {
			sum, n = sum+v, n+1
		}
	}
	return sum / n
}

// compare is the largest difference of atomic energies and forces.
func (c *checker) compare(a *answer, turn func(f [3]float64) [3]float64, order []int) (de, df float64) {
	for i := range c.base.F {
		j := i
		if order != nil {
			j = order[i]
		}
		f := c.base.F[i]
		if turn != nil {
			f = turn(f)
		}
		de = worst(de, math.Abs(a.Ei[j]-c.base.Ei[i]))
		for k := range f {
			df = worst(df, math.Abs(a.F[j][k]-f[k]))
		}
	}
	return de, df
}

// worst is the larger one, or NaN where one is NaN.
func worst(a, b float64) float64 {
	if math.IsNaN(a) || math.IsNaN(b) {
		return math.NaN()
	}
	return max(a, b)
}

func (c *checker) translation() {
	d := [3]float64{1.2345, -0.6789, 3.14159}
	s := c.sys.changed(func(x [3]float64) [3]float64 { return add(x, d) }, false)
	de, df := c.compare(c.ask(s, 1), nil, nil)
	c.heard(de)
	c.expect("translation: atomic energies", "eV", de, rounding*c.energy, "")
	c.expect("translation: forces", "eV/Å", df, rounding*c.force, "")
}

// heard takes a change of the atomic energies as their rounding, unless it is more: a
// potential without the symmetry says nothing about rounding.
func (c *checker) heard(de float64) {
	if de <= rounding*c.energy {
		c.noise = max(c.noise, de)
	}
}

func (c *checker) rotation() {
	r := o3.RandomRotation(c.rng)
	turn := func(x [3]float64) [3]float64 { return apply(r, x) }
	de, df := c.compare(c.ask(c.sys.changed(turn, true), 1), turn, nil)
	bound, note := rounding, ""
	if c.src.Single {
		bound, note = singleRounding, "its couplings are stored in single precision"
	} else {
		c.heard(de)
	}
	c.expect("rotation: atomic energies", "eV", de, bound*c.energy, note)
	c.expect("rotation: forces turn along", "eV/Å", df, bound*c.force, note)
}

func (c *checker) mirror() {
	turn := func(x [3]float64) [3]float64 { return [3]float64{-x[0], -x[1], -x[2]} }
	a := c.ask(c.sys.changed(turn, true), 1)
	de, df := c.compare(a, turn, nil)
	if c.group() == potential.SO3 {
		c.report("mirror image: atomic energies", "eV", de, "the potential has no parity")
		c.report("mirror image: forces", "eV/Å", df, "the potential has no parity")
		return
	}
	c.expect("mirror image: atomic energies", "eV", de, rounding*c.energy, "")
	c.expect("mirror image: forces", "eV/Å", df, rounding*c.force, "")
}

func (c *checker) group() potential.Group {
	p, err := c.src.New()
	if err != nil {
		return potential.O3
	}
	return potential.GroupOf(p)
}

func (c *checker) permutation() {
	order := c.rng.Perm(len(c.sys.X))
	if c.src.Whole { // slots have elements: like atoms change places only
		for i := range order {
			order[i] = i
		}
		for i := range order {
			j := i + c.rng.IntN(len(order)-i)
			if c.sys.Z[order[i]] == c.sys.Z[order[j]] {
				order[i], order[j] = order[j], order[i]
			}
		}
	}
	s := &system{Vectors: c.sys.Vectors, PBC: c.sys.PBC, Z: make([]int32, len(order)), X: make([][3]float64, len(order))}
	for i, j := range order {
		s.X[j], s.Z[j] = c.sys.X[i], c.sys.Z[i]
	}
	de, df := c.compare(c.ask(s, 1), nil, order)
	c.expect("permutation: atomic energies", "eV", de, rounding*c.energy, "")
	c.expect("permutation: forces", "eV/Å", df, rounding*c.force, "")
}

func (c *checker) netForce() {
	var sum [3]float64
	for _, f := range c.base.F {
		sum = add(sum, f)
	}
	c.expect("forces add up to zero", "eV/Å", length(sum)/math.Sqrt(float64(len(c.base.F))), rounding*c.force, "")
}

// forces compares −F·v with the derivative of the energy along displacements
// v, three of all atoms together and three of one atom each.
func (c *checker) forces() {
	const h = 1e-4
	bad := 0.0
	for trial := range 6 {
		v := make([][3]float64, len(c.sys.X))
		if one := c.rng.IntN(len(v)); trial < 3 {
			v[one] = normal(c.rng)
		} else {
			for i := range v {
				v[i] = normal(c.rng)
			}
		}
		want, norm := 0.0, 0.0
		for i, f := range c.base.F {
			for k := range f {
				want -= f[k] * v[i][k]
				norm += v[i][k] * v[i][k]
			}
		}
		got := c.slope(h, func(t float64) *system {
			s := c.sys.changed(nil, false)
			for i := range s.X {
				for k := range s.X[i] {
					s.X[i][k] += t * v[i][k]
				}
			}
			return s
		})
		bad = worst(bad, math.Abs(got-want)/math.Sqrt(norm))
	}
	c.expect("forces: finite differences", "eV/Å", bad, 1e-5*c.force, "6 directions, steps of 1e-4 Å")
}

// virial compares W with the derivative of the energy under strain:
// dE/dε_kl = −W_kl.
func (c *checker) virial() {
	const h = 1e-5
	bad, scale := 0.0, c.pressing*float64(len(c.sys.X))
	for kl := range 6 {
		k, l := [6]int{0, 1, 2, 0, 0, 1}[kl], [6]int{0, 1, 2, 1, 2, 2}[kl]
		got := c.slope(h, func(t float64) *system {
			return c.sys.changed(func(x [3]float64) [3]float64 {
				y := x
				y[l] += t / 2 * x[k]
				y[k] += t / 2 * x[l]
				return y
			}, true)
		})
		bad = worst(bad, math.Abs(got+(c.base.W[k][l]+c.base.W[l][k])/2))
	}
	// The difference multiplies the rounding of the energies, as the translation showed it.
	c.expect("virial: strain derivatives", "eV", bad, 1e-6*scale+float64(len(c.sys.X))*c.noise/h, "6 strains of 1e-5")
}

// slope is the central difference of the energy. Atomic energies are
// subtracted one by one, which loses less than their sums.
func (c *checker) slope(h float64, at func(t float64) *system) float64 {
	up, down := c.ask(at(h), 1), c.ask(at(-h), 1)
	d := 0.0
	for i := range up.Ei {
		d += up.Ei[i] - down.Ei[i]
	}
	return d / (2 * h)
}

func (c *checker) ranks() {
	if c.src.Whole {
		c.report("several ranks", "", 0, "left out: the model sees a molecule whole, on one rank")
		return
	}
	for _, n := range []int{2, 3, 8} {
		a := c.ask(c.sys, n)
		de, df := c.compare(a, nil, nil)
		dw := c.virialError(a) / float64(len(c.base.F))
		c.expect(fmt.Sprintf("%d ranks: all results", n), "", worst(worst(de, df), dw), rounding*max(c.energy, c.force), "eV, eV/Å, eV per atom")
	}
}

// virialError is the largest difference of the virials, eV.
func (c *checker) virialError(a *answer) (dw float64) {
	for k := range a.W {
		for l := range a.W[k] {
			dw = worst(dw, math.Abs(a.W[k][l]-c.base.W[k][l]))
		}
	}
	return dw
}

func (c *checker) supercell() {
	n := [3]int{1, 1, 1}
	times := 1
	for k, p := range c.sys.PBC {
		if p && (len(c.sys.X) <= 100 || times == 1) {
			n[k], times = 2, times*2
		}
	}
	if times == 1 {
		return
	}
	a := c.ask(c.sys.repeat(n), 1)
	de, df := math.Abs(a.E-float64(times)*c.base.E)/float64(len(a.Ei)), 0.0
	for i, f := range a.F {
		for k := range f {
			df = worst(df, math.Abs(f[k]-c.base.F[i%len(c.base.F)][k]))
		}
	}
	note := fmt.Sprintf("%d × %d × %d cells", n[0], n[1], n[2])
	c.expect("supercell: energy per atom", "eV", de, rounding*c.energy, note)
	c.expect("supercell: forces", "eV/Å", df, rounding*c.force, note)
}

// precision: the bounds are those that SevenNet's own single precision meets.
func (c *checker) precision() {
	if c.single == nil || c.err != nil {
		return
	}
	a, err := ask(c.single, c.sys, 1)
	if err != nil {
		c.err = err
		return
	}
	_, df := c.compare(a, nil, nil)
	c.expect("float32: energy per atom", "eV", math.Abs(a.E-c.base.E)/float64(len(a.Ei)), 4e-6, "")
	c.expect("float32: forces", "eV/Å", df, 5e-5*c.force, "")
	c.expect("float32: virial per atom", "eV", c.virialError(a)/float64(len(a.Ei)), 5e-5*c.pressing, "")
}

// changed is the system with every position, and where cell is set every
// lattice vector, put through f.
func (s *system) changed(f func(x [3]float64) [3]float64, cell bool) *system {
	out := &system{Vectors: s.Vectors, PBC: s.PBC, Z: s.Z, X: append([][3]float64(nil), s.X...)}
	if f == nil {
		return out
	}
	for i, x := range s.X {
		out.X[i] = f(x)
	}
	if cell {
		for k, v := range s.Vectors {
			out.Vectors[k] = f(v)
		}
	}
	return out
}

func add(a, b [3]float64) [3]float64 {
	for k := range a {
		a[k] += b[k]
	}
	return a
}

func length(a [3]float64) float64 { return math.Sqrt(a[0]*a[0] + a[1]*a[1] + a[2]*a[2]) }

func normal(r *rand.Rand) (v [3]float64) {
	for k := range v {
		v[k] = r.NormFloat64()
	}
	return v
}

func apply(m [3][3]float64, x [3]float64) (y [3]float64) {
	for k := range y {
		for l := range x {
			y[k] += m[k][l] * x[l]
		}
	}
	return y
}

// system is the whole structure in this process.
func (f *form) system(supports func(z int) bool) (*system, error) {
	if f.crystal == nil {
		return f.read(supports)
	}
	cell := f.crystal.Cell()
	a := f.crystal.Build(domain.NewGrid(cell, [3]int{1, 1, 1}, [3]float64{}, [3]float64{1, 1, 1}), 0)
	s := &system{Vectors: cell.Vectors(), PBC: cell.Periodic(), Z: a.Species[:a.N], X: a.X[:a.N]}
	if _, err := s.check(supports); err != nil {
		return nil, usage(err)
	}
	return s, nil
}
