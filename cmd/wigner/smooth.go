package main

import (
	"fmt"
	"math"
	"slices"
)

// Bounds of what may jump at a cutoff: nothing that dynamics could feel.
const (
	energyJump = 1e-7 // eV, times the largest atomic energy
	forceJump  = 1e-6 // eV/Å, times the largest force
)

// smoothness moves pairs of atoms through each cutoff and looks for jumps of energy and
// forces there. Pairs are those whose distance is nearest to the cutoff.
func (c *checker) smoothness() {
	if c.src.Whole || c.err != nil {
		return
	}
	for _, rc := range c.src.cutoffs() {
		pairs := c.pairsNear(rc)
		name := fmt.Sprintf("cutoff %.6g Å: ", rc)
		if len(pairs) == 0 {
			c.report(name+"jumps", "", 0, "no pair of atoms stands near it")
			continue
		}
		de, df := 0.0, 0.0
		for _, p := range pairs {
			e, f := c.jump(p, rc)
			de, df = worst(de, e), worst(df, f)
		}
		note := fmt.Sprintf("%d pairs moved through it", len(pairs))
		if c.src.Cut {
			c.report(name+"energy jumps", "eV", de, "the potential is cut off there: a shift or a switch would smooth it")
			c.report(name+"forces jump", "eV/Å", df, "the same")
			continue
		}
		c.expect(name+"energy jumps", "eV", de, energyJump*c.energy, note)
		c.expect(name+"forces jump", "eV/Å", df, forceJump*c.force, note)
	}
}

// cutoffs are those of the parts, each once.
func (s *source) cutoffs() (out []float64) {
	if s.Parts == nil {
		return []float64{s.Cutoff}
	}
	for _, p := range s.Parts {
		for _, rc := range p.cutoffs() {
			if !slices.Contains(out, rc) {
				out = append(out, rc)
			}
		}
	}
	return out
}

// nearPair is an atom j, and the unit vector from an atom i or an image of it to j, at a
// distance d.
type nearPair struct {
	j int
	u [3]float64
	d float64
}

// pairsNear are up to four pairs, not of an atom and its own image, whose distance is
// nearest to rc, and in a periodic system within half an Å of it. In a molecule an atom may
// move further, as there is space around it, but not to another atom.
func (c *checker) pairsNear(rc float64) (out []nearPair) {
	s, reach := c.sys, [3]int{}
	for k, p := range s.PBC {
		if !p {
			continue
		}
		// Height of the cell over the plane of the two other vectors.
		a, b := s.Vectors[(k+1)%3], s.Vectors[(k+2)%3]
		n := [3]float64{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
		h, v := length(n), s.Vectors[k]
		reach[k] = int(math.Ceil((rc+0.5)*h/math.Abs(n[0]*v[0]+n[1]*v[1]+n[2]*v[2]))) + 1
	}
	for i := range s.X {
		for j := range s.X {
			if i == j || i > 64 { // a few dozen centres are enough
				continue
			}
			for a := -reach[0]; a <= reach[0]; a++ {
				for b := -reach[1]; b <= reach[1]; b++ {
					for m := -reach[2]; m <= reach[2]; m++ {
						var u [3]float64
						for k := range u {
							u[k] = s.X[j][k] - s.X[i][k] + float64(a)*s.Vectors[0][k] + float64(b)*s.Vectors[1][k] + float64(m)*s.Vectors[2][k]
						}
						d := length(u)
						if math.Abs(d-rc) > 0.5 && s.PBC != [3]bool{} {
							continue
						}
						for k := range u {
							u[k] /= d
						}
						if s.PBC == [3]bool{} && c.crowded(j, u, rc-d) {
							continue
						}
						out = append(out, nearPair{j, u, d})
					}
				}
			}
		}
		slices.SortStableFunc(out, func(p, q nearPair) int {
			return int(math.Copysign(1, math.Abs(p.d-rc)-math.Abs(q.d-rc)))
		})
		out = out[:min(len(out), 4)]
	}
	return out
}

// crowded reports whether an atom that is moved so far along u comes close to another, Å.
func (c *checker) crowded(j int, u [3]float64, by float64) bool {
	const near = 0.5
	for i, x := range c.sys.X {
		var was, is [3]float64
		for k := range x {
			was[k] = c.sys.X[j][k] - x[k]
			is[k] = was[k] + by*u[k]
		}
		if i != j && length(is) < min(near, length(was)) {
			return true
		}
	}
	return false
}

// jump is what energy and forces have at the cutoff that their slopes on both sides do
// not explain: with steps of h, from −3h, −h, h and 3h around it.
func (c *checker) jump(p nearPair, rc float64) (de, df float64) {
	const h = 1e-5
	at := func(t float64) *answer {
		s := c.sys.changed(nil, false)
		for k := range p.u {
			s.X[p.j][k] += p.u[k] * (rc - p.d + t)
		}
		return c.ask(s, 1)
	}
	a, b, d, e := at(-3*h), at(-h), at(h), at(3*h)
	along := func(x *answer) (f float64) {
		for k, v := range x.F[p.j] {
			f += v * p.u[k]
		}
		return f
	}
	sum := 0.0 // energy, atom by atom, which loses less
	for i := range b.Ei {
		sum += d.Ei[i] - b.Ei[i]
	}
	de = math.Abs(sum + 2*h*(along(b)+along(d))/2)
	for i := range b.F {
		for k := range b.F[i] {
			df = worst(df, math.Abs(d.F[i][k]-b.F[i][k]-(b.F[i][k]-a.F[i][k]+e.F[i][k]-d.F[i][k])/2))
		}
	}
	return de, df
}
