package bp

import (
	"cmp"
	"slices"
	"strings"
)

// Potential is a model that is ready to be evaluated. It is shared between ranks; each has
// its own Evaluator.
type Potential struct {
	spec    *Spec
	index   [128]int8 // element of an atomic number, -1 where there is none
	centres []centre
	cutoff  float64
}

// centre is an element as the centre of environments.
type centre struct {
	bells  [][]bell   // by the neighbour's element
	radial []radial   // functions of one bond
	sets   []triplets // of two
	net    network
	params int // of the elements before
}

// radial is a function that is the sum of a bell over the bonds to an element.
type radial struct{ species, bell, function int }

// triplets are the pairs of bonds that groups of functions have in common: those to
// elements s1 and s2, shorter than the cutoff, and with narrow the third side too.
type triplets struct {
	s1, s2 int
	narrow bool
	cutoff float64
	bells  []bell // of distance
	b1, b2 []int  // where they are among the centre's bells of s1 and of s2
	groups []group
}

// group is M bells of a set times N waves.
type group struct {
	bells  []int // of the set
	waves  waves
	fn     []int     // [M][N] functions
	factor []float64 // [M][N] of the sums
}

// New prepares a model. The weights stay those of the spec: who changes them changes the
// potential.
func New(s *Spec) (*Potential, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	p := &Potential{spec: s}
	for k := range p.index {
		p.index[k] = -1
	}
	for k, e := range s.Elements {
		p.index[e.Z] = int8(k)
	}
	params := 0
	for k := range s.Elements {
		e := &s.Elements[k]
		c := centre{bells: make([][]bell, len(s.Elements)), net: newNetwork(e, s.NormalizeNodes), params: params}
		params += c.net.size()
		for n := range e.Functions {
			p.cutoff = max(p.cutoff, e.Functions[n].Cutoff)
		}
		p.compile(&c, e)
		p.centres = append(p.centres, c)
	}
	return p, nil
}

// bellOf is the function of distance in f.
func (p *Potential) bellOf(f *Function) bell {
	if f.compact() {
		return bell{cutoff: f.Cutoff, inner: f.Inner, name: f.Core}
	}
	return bell{eta: f.Eta, shift: f.Shift, cutoff: f.Cutoff, alpha: p.spec.CutoffAlpha, fc: p.spec.CutoffType}
}

// compareBells brings those of one cutoff function together.
func compareBells(a, b bell) int {
	return cmp.Or(cmp.Compare(a.cutoff, b.cutoff), a.fc-b.fc, cmp.Compare(a.eta, b.eta), cmp.Compare(a.shift, b.shift),
		cmp.Compare(a.inner, b.inner), strings.Compare(a.name, b.name))
}

// compile sorts the functions of an element into bells, sets and groups.
func (p *Potential) compile(c *centre, e *Element) {
	at := func(z int) int { return int(p.index[z]) }
	for n := range e.Functions {
		f := &e.Functions[n]
		for _, z := range []int{f.Z1, f.Z2} {
			if z > 0 {
				c.bells[at(z)] = append(c.bells[at(z)], p.bellOf(f))
			}
		}
	}
	for s := range c.bells {
		slices.SortFunc(c.bells[s], compareBells)
		c.bells[s] = slices.Compact(c.bells[s])
	}
	find := func(s int, b bell) int { return slices.Index(c.bells[s], b) }
	type key struct {
		s1, s2 int
		narrow bool
		cutoff float64
	}
	by, order := map[key][]int{}, []key{}
	for n := range e.Functions {
		f := &e.Functions[n]
		if !f.angular() {
			c.radial = append(c.radial, radial{at(f.Z1), find(at(f.Z1), p.bellOf(f)), n})
			continue
		}
		k := key{min(at(f.Z1), at(f.Z2)), max(at(f.Z1), at(f.Z2)), f.narrow(), f.Cutoff}
		if by[k] == nil {
			order = append(order, k)
		}
		by[k] = append(by[k], n)
	}
	for _, k := range order {
		t := triplets{s1: k.s1, s2: k.s2, narrow: k.narrow, cutoff: k.cutoff}
		for _, n := range by[k] {
			t.bells = append(t.bells, p.bellOf(&e.Functions[n]))
		}
		slices.SortFunc(t.bells, compareBells)
		t.bells = slices.Compact(t.bells)
		for _, b := range t.bells {
			t.b1, t.b2 = append(t.b1, find(t.s1, b)), append(t.b2, find(t.s2, b))
		}
		t.group(p, e, by[k])
		c.sets = append(c.sets, t)
	}
}

// group puts bells with the same waves together.
func (t *triplets) group(p *Potential, e *Element, functions []int) {
	of := make([]map[wave]int, len(t.bells))
	for _, n := range functions {
		f := &e.Functions[n]
		m := slices.Index(t.bells, p.bellOf(f))
		if of[m] == nil {
			of[m] = map[wave]int{}
		}
		of[m][waveOf(f)] = n
	}
	var lists [][]wave
	for m, ws := range of {
		var list []wave
		for w := range ws {
			list = append(list, w)
		}
		slices.SortFunc(list, compareWaves)
		k := slices.IndexFunc(lists, func(l []wave) bool { return slices.Equal(l, list) })
		if k < 0 {
			k = len(lists)
			lists = append(lists, list)
			t.groups = append(t.groups, group{waves: newWaves(list)})
		}
		g := &t.groups[k]
		g.bells = append(g.bells, m)
		for n, w := range list {
			g.fn, g.factor = append(g.fn, ws[w]), append(g.factor, g.waves.factor[n])
		}
	}
}

// Cutoff is that of the function that reaches furthest, Å.
func (p *Potential) Cutoff() float64 { return p.cutoff }

// Supports reports whether there is a network for the element.
func (p *Potential) Supports(z int) bool { return z > 0 && z < len(p.index) && p.index[z] >= 0 }

// Spec is what the potential was made of.
func (p *Potential) Spec() *Spec { return p.spec }

// Functions is how many functions an element has, and in how many groups the angular ones
// are evaluated.
func (p *Potential) Functions(element int) (functions, groups int) {
	for _, t := range p.centres[element].sets {
		groups += len(t.groups)
	}
	return len(p.spec.Elements[element].Functions), groups
}

// Parameters is the number of weights and biases.
func (p *Potential) Parameters() (n int) {
	for k := range p.centres {
		n += p.centres[k].net.size()
	}
	return n
}
