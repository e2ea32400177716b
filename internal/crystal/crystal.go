package crystal

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/philox"
)

// Spec says what to build.
type Spec struct {
	Prototype string        // one of Prototypes
	Elements  []string      // one symbol for each sublattice: A, B, X of perovskite; cation, anion of fluorite
	A         float64       // lattice constant, Å
	C         float64       // hcp only, Å; 0: a·√(8/3)
	Repeat    [3]int        // unit cells along each lattice vector; 0 is 1
	Alloy     []Alloy       // random substitution
	Vacancies float64       // fraction of the sites left empty
	Rattle    float64       // standard deviation of a Gaussian displacement per component, Å
	Strain    [3][3]float64 // ε: each lattice vector a becomes a·(1+ε), a row times a matrix
	Open      [3]bool       // not periodic along these lattice vectors
	Vacuum    [3]float64    // added to the length of each lattice vector, Å
	Seed      uint64        // of alloy, vacancies and rattle
}

// Alloy puts By on a fraction of the sites that the prototype gives to Replace.
// Several of the same Replace share its sites; their fractions add up to at most 1.
type Alloy struct {
	Replace, By string
	Fraction    float64
}

// Crystal is a crystal not yet built. It is immutable and may be shared.
type Crystal struct {
	spec    Spec
	cell    domain.Cell
	unit    [3][3]float64 // strained vectors of the unit cell
	basis   [][3]float64  // by basis atom, over all sublattices
	class   []int         // by basis atom: index of classes
	place   []uint64      // by basis atom: its number among its class's in the cell
	classes []class
	vacant  []uint64   // sites, rising
	inside  [3]float64 // the part of each cell vector that the crystal fills, less than 1 with vacuum
}

// class is all sites that the prototype gives to one element.
type class struct {
	z       int
	perCell uint64
	perm    permutation
	upTo    []uint64 // π(site of the class) < upTo[i] has element by[i]
	by      []int
}

// New checks the specification and prepares the crystal. Errors name the field.
func New(s Spec) (*Crystal, error) {
	p, err := find(s.Prototype)
	if err != nil {
		return nil, err
	}
	if err := s.check(&p); err != nil {
		return nil, err
	}
	for k := range s.Repeat {
		s.Repeat[k] = max(1, s.Repeat[k])
	}
	c := &Crystal{spec: s}
	if err := c.lattice(&p); err != nil {
		return nil, err
	}
	c.sublattices(&p)
	if err := c.mix(); err != nil {
		return nil, err
	}
	sites := c.sites()
	perm := newPermutation(sites, s.Seed, philox.Vacancy)
	for k := range uint64(math.Round(s.Vacancies * float64(sites))) {
		c.vacant = append(c.vacant, perm.inverse(k))
	}
	slices.Sort(c.vacant)
	if c.Count() == 0 {
		return nil, errors.New("crystal: vacancies leave no atom")
	}
	return c, nil
}

func (s *Spec) check(p *prototype) error {
	if len(s.Elements) != len(p.basis) {
		return fmt.Errorf("crystal: %s needs %d elements, %d given", p.name, len(p.basis), len(s.Elements))
	}
	for _, e := range s.Elements {
		if _, ok := element.Number(e); !ok {
			return fmt.Errorf("crystal: elements: %q is no element", e)
		}
	}
	if !(s.A > 0) || math.IsInf(s.A, 0) {
		return fmt.Errorf("crystal: lattice constant a = %g Å is not positive", s.A)
	}
	if !(s.C >= 0) || math.IsInf(s.C, 0) {
		return fmt.Errorf("crystal: lattice constant c = %g Å is not positive", s.C)
	}
	if s.C > 0 && !p.hex {
		return fmt.Errorf("crystal: %s is cubic: it has no lattice constant c", p.name)
	}
	sites := 1.0
	for k, n := range s.Repeat {
		if n < 0 {
			return fmt.Errorf("crystal: repeat %v is not positive", s.Repeat)
		}
		if !(s.Vacuum[k] >= 0) || math.IsInf(s.Vacuum[k], 0) {
			return fmt.Errorf("crystal: vacuum %v Å is negative", s.Vacuum)
		}
		sites *= float64(max(n, 1))
	}
	if sites > 1<<50 {
		return fmt.Errorf("crystal: repeat %v makes more than 10¹⁵ unit cells", s.Repeat)
	}
	if !(s.Vacancies >= 0 && s.Vacancies < 1) {
		return fmt.Errorf("crystal: vacancies: fraction %g is not in 0 … 1", s.Vacancies)
	}
	if !(s.Rattle >= 0 && s.Rattle < s.A) {
		return fmt.Errorf("crystal: rattle of %g Å is not in 0 … a", s.Rattle)
	}
	return nil
}

// lattice makes the unit cell and the cell.
func (c *Crystal) lattice(p *prototype) error {
	s := &c.spec
	a := p.vectors(s.A, s.C)
	for k, v := range a {
		for l := range v {
			for m := range v {
				a[k][l] += v[m] * s.Strain[m][l]
			}
		}
	}
	c.unit = a
	for k := range a {
		long := 0.0
		for l := range a[k] {
			a[k][l] *= float64(s.Repeat[k])
			long += a[k][l] * a[k][l]
		}
		long = math.Sqrt(long)
		c.inside[k] = long / (long + s.Vacuum[k])
		for l := range a[k] {
			a[k][l] *= 1 + s.Vacuum[k]/long
		}
	}
	cell, err := domain.NewCell(a, [3]bool{!s.Open[0], !s.Open[1], !s.Open[2]})
	if err != nil {
		return fmt.Errorf("crystal: %w", err)
	}
	c.cell = cell
	return nil
}

// sublattices lays out the basis and gathers the sites of each element.
func (c *Crystal) sublattices(p *prototype) {
	for i, sub := range p.basis {
		z, _ := element.Number(c.spec.Elements[i])
		n := slices.IndexFunc(c.classes, func(l class) bool { return l.z == z })
		if n < 0 {
			n = len(c.classes)
			c.classes = append(c.classes, class{z: z})
		}
		for _, x := range sub {
			c.basis = append(c.basis, x)
			c.class = append(c.class, n)
			c.place = append(c.place, c.classes[n].perCell)
			c.classes[n].perCell++
		}
	}
}

// mix prepares the alloys.
func (c *Crystal) mix() error {
	fraction := make([]float64, len(c.classes))
	for i := range c.classes {
		l := &c.classes[i]
		l.perm = newPermutation(l.perCell*c.cells(), c.spec.Seed, philox.Alloy|philox.Stream(l.z)<<8)
	}
	for _, a := range c.spec.Alloy {
		z, _ := element.Number(a.Replace)
		n := slices.IndexFunc(c.classes, func(l class) bool { return l.z == z })
		if n < 0 {
			return fmt.Errorf("crystal: alloy: %q is not among the elements %v", a.Replace, c.spec.Elements)
		}
		by, ok := element.Number(a.By)
		if !ok {
			return fmt.Errorf("crystal: alloy: %q is no element", a.By)
		}
		if !(a.Fraction >= 0 && a.Fraction <= 1) {
			return fmt.Errorf("crystal: alloy: fraction %g of %s is not in 0 … 1", a.Fraction, a.By)
		}
		fraction[n] += a.Fraction
		if fraction[n] > 1+1e-9 {
			return fmt.Errorf("crystal: alloy: fractions that replace %s add up to %g", a.Replace, fraction[n])
		}
		l := &c.classes[n]
		// Rounding the running sum keeps the total right.
		l.upTo = append(l.upTo, uint64(math.Round(min(1, fraction[n])*float64(l.perm.m))))
		l.by = append(l.by, by)
	}
	return nil
}

func (c *Crystal) cells() uint64 {
	r := c.spec.Repeat
	return uint64(r[0]) * uint64(r[1]) * uint64(r[2])
}

func (c *Crystal) sites() uint64 { return c.cells() * uint64(len(c.basis)) }

// Cell is the cell of the whole crystal.
func (c *Crystal) Cell() domain.Cell { return c.cell }

// Repeat is the number of unit cells along each lattice vector.
func (c *Crystal) Repeat() [3]int { return c.spec.Repeat }

// Basis is the sites of one unit cell, 0 ≤ s < 1 along its own vectors.
func (c *Crystal) Basis() [][3]float64 { return slices.Clone(c.basis) }

// Occupied is the fraction of the sites that hold an atom.
func (c *Crystal) Occupied() float64 { return float64(c.Count()) / float64(c.sites()) }

// Bounds are the fractional bounds of the atoms before they are displaced, for
// domain.NewPartition.
func (c *Crystal) Bounds() (lo, hi [3]float64) { return lo, c.inside }

// Count is the number of atoms of the whole crystal.
func (c *Crystal) Count() int64 { return int64(c.sites()) - int64(len(c.vacant)) }

// Composition is the number of atoms of the whole crystal by atomic number.
func (c *Crystal) Composition() map[int]int64 {
	n := map[int]int64{}
	for i := range c.classes {
		l := &c.classes[i]
		rest := l.perm.m
		for k, z := range l.by {
			m := l.upTo[k]
			if k > 0 {
				m -= l.upTo[k-1]
			}
			n[z] += int64(m)
			rest -= m
		}
		n[l.z] += int64(rest)
	}
	for _, s := range c.vacant {
		n[c.element(s)]--
	}
	for z, m := range n {
		if m == 0 {
			delete(n, z)
		}
	}
	return n
}

// element is the atomic number on a site.
func (c *Crystal) element(site uint64) int {
	b := site % uint64(len(c.basis))
	l := &c.classes[c.class[b]]
	if len(l.by) == 0 {
		return l.z
	}
	i := l.perm.of(site/uint64(len(c.basis))*l.perCell + c.place[b])
	for k, up := range l.upTo {
		if i < up {
			return l.by[k]
		}
	}
	return l.z
}

// Build makes the atoms that rank owns, in the order of their IDs, and no
// others. Positions are at most a displacement outside the cell. It may be called from many goroutines.
func (c *Crystal) Build(part domain.Partition, rank int) *domain.Atoms {
	cells := c.reach(part, rank)
	r, nb := c.spec.Repeat, uint64(len(c.basis))
	a := &domain.Atoms{}
	cut := part.N() > 1
	if n := int(c.Count()/int64(part.N())) * 9 / 8; n > 0 {
		a.ID, a.Species, a.X = make([]int64, 0, n), make([]int32, 0, n), make([][3]float64, 0, n)
	}
	for _, i := range cells[0] {
		for _, j := range cells[1] {
			for _, k := range cells[2] {
				u := [3]int{i, j, k}
				first := ((uint64(i)*uint64(r[1])+uint64(j))*uint64(r[2]) + uint64(k)) * nb
				for b := range nb {
					x := c.at(u, first+b)
					if cut {
						w, _ := c.cell.Wrap(x)
						if part.Owner(c.cell.Frac(w)) != rank {
							continue
						}
					}
					before, vacant := slices.BinarySearch(c.vacant, first+b)
					if vacant {
						continue
					}
					a.ID = append(a.ID, int64(first+b)+1-int64(before))
					a.Species = append(a.Species, int32(c.element(first+b)))
					a.X = append(a.X, x)
				}
			}
		}
	}
	a.N = len(a.ID)
	a.V, a.Image = make([][3]float64, a.N), make([][3]int32, a.N)
	return a
}

// at is the position of a site in unit cell u.
func (c *Crystal) at(u [3]int, site uint64) (x [3]float64) {
	b := &c.basis[site%uint64(len(c.basis))]
	for k := range u {
		for l := range x {
			x[l] += (float64(u[k]) + b[k]) * c.unit[k][l]
		}
	}
	if c.spec.Rattle > 0 {
		d := philox.Normal(c.spec.Seed, philox.Rattle, site, 0)
		for l := range x {
			x[l] += c.spec.Rattle * d[l]
		}
	}
	return x
}

// reach lists, along each lattice vector, the unit cells that can have atoms in
// the brick of rank.
func (c *Crystal) reach(part domain.Partition, rank int) (cells [3][]int) {
	lo, hi := part.Box(rank)
	for k, n := range c.spec.Repeat {
		scale := float64(n) / c.inside[k] // unit cells in the cell, vacuum included
		margin := math.Sqrt(3)*philox.MaxNormal*c.spec.Rattle*scale/c.cell.Height(k) + 1e-6
		l, h := lo[k]*scale-margin, hi[k]*scale+margin
		for i := range n {
			in := func(m float64) bool { return float64(i+1)+m*scale >= l && float64(i)+m*scale <= h }
			if in(0) || !c.spec.Open[k] && (in(-1) || in(1)) {
				cells[k] = append(cells[k], i)
			}
		}
	}
	return cells
}

// Nearest returns s with the Repeat that makes the most nearly cubic supercell
// of at least n sites: an exact cube where the unit cell is one.
func Nearest(s Spec, n int64) (Spec, error) {
	p, err := find(s.Prototype)
	if err != nil {
		return s, err
	}
	if n < 1 {
		return s, fmt.Errorf("crystal: a supercell of %d atoms", n)
	}
	s.Repeat = [3]int{1, 1, 1}
	c, err := New(Spec{Prototype: s.Prototype, Elements: s.Elements, A: s.A, C: s.C, Strain: s.Strain})
	if err != nil {
		return s, err
	}
	basis := 0
	for _, sub := range p.basis {
		basis += len(sub)
	}
	s.Repeat = CubicRepeat(c.cell, int64(basis), n)
	return s, nil
}

// CubicRepeat is how often a cell with this many atoms is to be repeated along
// each vector for the most nearly cubic supercell of at least n atoms: the
// smallest edge L such that max(1, round(L/height)) repeats are enough.
func CubicRepeat(cell domain.Cell, atoms, n int64) [3]int {
	repeat := [3]int{1, 1, 1}
	for float64(repeat[0])*float64(repeat[1])*float64(repeat[2])*float64(atoms) < float64(n) {
		// The next edge at which a repeat grows; all that grow there do.
		next := math.Inf(1)
		for k, r := range repeat {
			next = min(next, (float64(r)+0.5)*cell.Height(k))
		}
		for k, r := range repeat {
			if (float64(r)+0.5)*cell.Height(k) <= next*(1+1e-9) {
				repeat[k]++
			}
		}
	}
	return repeat
}
