package projection

import (
	"fmt"
	"math"

	"github.com/wigner-md/wigner/domain"
)

// Lattice is a crystal as a rule: the unit cell Basis, repeated along each lattice
// vector of Cell, fills the fraction Inside of it from 0 on.
type Lattice struct {
	Cell     domain.Cell
	Repeat   [3]int
	Inside   [3]float64
	Basis    [][3]float64 // of one unit cell, 0 ≤ s < 1 along its own vectors
	Occupied float64      // fraction of the sites that hold an atom, in the mean
	// Degree is the number of neighbours of each atom of the basis where the
	// caller knows it; nil: it is counted.
	Degree []float64

	bonds  []bond
	cutoff float64
	within bool // every site has all its neighbours
}

// bond leads from a site of the basis to another, Δ unit cells away.
type bond struct {
	from, to int
	delta    [3]int
}

// Check looks for what cannot be counted.
func (l *Lattice) Check() error {
	for k := range l.Repeat {
		if l.Repeat[k] < 1 || !(l.Inside[k] > 0 && l.Inside[k] <= 1) {
			return fmt.Errorf("projection: lattice repeated %v times inside %v of the cell", l.Repeat, l.Inside)
		}
	}
	if len(l.Basis) == 0 || !(l.Occupied > 0 && l.Occupied <= 1) {
		return fmt.Errorf("projection: lattice with %d atoms in its unit cell, occupied to %g", len(l.Basis), l.Occupied)
	}
	return nil
}

// Atoms is the number of atoms, in the mean where sites are empty.
func (l *Lattice) Atoms() float64 {
	n := float64(len(l.Basis)) * l.Occupied
	for _, r := range l.Repeat {
		n *= float64(r)
	}
	return n
}

// run is a range of unit cells along one direction, from ≤ i < to.
type run struct{ from, to int }

func (r run) len() int { return max(0, r.to-r.from) }

func (r run) and(s run) run { return run{max(r.from, s.from), min(r.to, s.to)} }

// below is the number of unit cells along direction k whose site at b has a
// fractional coordinate s < x, or s ≤ x where closed.
func (l *Lattice) below(k int, b, x float64, closed bool) int {
	n := l.Repeat[k]
	scale := l.Inside[k] / float64(n)
	guess := math.Floor(x/scale - b)
	i := int(max(0, min(guess-1, float64(n)))) // also where x is infinite
	for ; i < n; i++ {
		if s := (float64(i) + b) * scale; s > x || s == x && !closed {
			break
		}
	}
	return i
}

// own is the run of unit cells whose site at b lies in a brick, lo ≤ s < hi.
func (l *Lattice) own(k int, b, lo, hi float64) run {
	return run{l.below(k, b, lo, false), l.below(k, b, hi, false)}
}

// closed is own for lo ≤ s ≤ hi.
func (l *Lattice) closed(k int, b, lo, hi float64) run {
	return run{l.below(k, b, lo, false), l.below(k, b, hi, true)}
}

// union is the number of unit cells in any of the runs.
func union(runs []run) (n int) {
	if len(runs) == 1 {
		return runs[0].len()
	}
	// A handful at most: what each adds to those before it.
	for i, r := range runs {
		cut := []run{r}
		for _, q := range runs[:i] {
			var rest []run
			for _, c := range cut {
				for _, piece := range []run{{c.from, min(c.to, q.from)}, {max(c.from, q.to), c.to}} {
					if q.len() == 0 {
						piece = c
					}
					if piece.len() > 0 {
						rest = append(rest, piece)
					}
					if q.len() == 0 {
						break
					}
				}
			}
			cut = rest
		}
		for _, c := range cut {
			n += c.len()
		}
	}
	return n
}

// neighbours finds the bonds shorter than cutoff (Å).
func (l *Lattice) neighbours(cutoff float64) {
	l.bonds, l.cutoff, l.within = l.bonds[:0], cutoff, true
	periodic := l.Cell.Periodic()
	var images [3]int
	for k := range periodic {
		if l.bounded(k) {
			l.within = false
			if periodic[k] {
				images[k] = int(cutoff/l.Cell.Height(k)) + 1
			}
		}
	}
	for b := range l.Basis {
		for c := range l.Basis {
			for x := -images[0]; x <= images[0]; x++ {
				for y := -images[1]; y <= images[1]; y++ {
					for z := -images[2]; z <= images[2]; z++ {
						l.bondsOf(b, c, [3]int{x, y, z})
					}
				}
			}
		}
	}
}

// bounded is whether the crystal ends along direction k.
func (l *Lattice) bounded(k int) bool { return !l.Cell.Periodic()[k] || l.Inside[k] < 1 }

// bondsOf finds the bonds from site b to the image of site c that is m cells away.
func (l *Lattice) bondsOf(b, c int, m [3]int) {
	var from, to [3]int
	var scale, db [3]float64
	for k := range scale {
		scale[k] = l.Inside[k] / float64(l.Repeat[k])
		db[k] = l.Basis[c][k] - l.Basis[b][k]
		reach := l.cutoff / l.Cell.Height(k)
		from[k] = int(math.Ceil((-reach-float64(m[k]))/scale[k] - db[k]))
		to[k] = int(math.Floor((reach-float64(m[k]))/scale[k] - db[k]))
	}
	for x := from[0]; x <= to[0]; x++ {
		for y := from[1]; y <= to[1]; y++ {
			for z := from[2]; z <= to[2]; z++ {
				d := [3]int{x, y, z}
				if b == c && d == [3]int{} && m == [3]int{} {
					continue
				}
				var s [3]float64
				for k := range s {
					s[k] = (float64(d[k])+db[k])*scale[k] + float64(m[k])
				}
				v := l.Cell.Cart(s)
				if v[0]*v[0]+v[1]*v[1]+v[2]*v[2] < l.cutoff*l.cutoff {
					l.bonds = append(l.bonds, bond{b, c, d})
				}
			}
		}
	}
}

// edges is the number of directed edges of the atoms in a brick, whose runs are
// own, by site of the basis.
func (l *Lattice) edges(own [][3]run) (n float64) {
	if l.Degree != nil {
		for b, r := range own {
			n += l.Degree[b] * float64(r[0].len()) * float64(r[1].len()) * float64(r[2].len())
		}
		return n * l.Occupied
	}
	for _, d := range l.bonds {
		m := 1
		for k, r := range own[d.from] {
			if l.bounded(k) {
				r = r.and(run{-d.delta[k], l.Repeat[k] - d.delta[k]})
			}
			m *= r.len()
		}
		n += float64(m)
	}
	return n * l.Occupied * l.Occupied
}
