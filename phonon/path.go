package phonon

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Lattice is a kind of Bravais lattice whose special points have names.
type Lattice int

// The lattices whose points are known, with the primitive vectors of Setyawan and
// Curtarolo.
const (
	NoLattice Lattice = iota
	Cubic             // a, b, c of the cube
	FCC               // (0 ½ ½), (½ 0 ½), (½ ½ 0)
	BCC               // (−½ ½ ½), (½ −½ ½), (½ ½ −½)
	Hexagonal         // a and b 120° apart
)

// Points are a lattice's special points by name.
func (l Lattice) Points() map[string][3]float64 {
	const h, q, e, t = 0.5, 0.25, 0.375, 1. / 3
	switch l {
	case Cubic:
		return map[string][3]float64{"Γ": {}, "X": {0, h, 0}, "M": {h, h, 0}, "R": {h, h, h}}
	case FCC:
		return map[string][3]float64{"Γ": {}, "X": {h, 0, h}, "U": {0.625, q, 0.625}, "K": {e, e, 0.75}, "L": {h, h, h}, "W": {h, q, 0.75}}
	case BCC:
		return map[string][3]float64{"Γ": {}, "H": {h, -h, h}, "N": {0, 0, h}, "P": {q, q, q}}
	case Hexagonal:
		return map[string][3]float64{"Γ": {}, "M": {h, 0, 0}, "K": {t, t, 0}, "A": {0, 0, h}, "L": {h, 0, h}, "H": {t, t, h}}
	}
	return nil
}

// Path is the usual way through the points.
func (l Lattice) Path() []string {
	switch l {
	case Cubic:
		return []string{"Γ-X-M-Γ-R-X", "M-R"}
	case FCC:
		return []string{"Γ-X-U", "K-Γ-L-W-X"}
	case BCC:
		return []string{"Γ-H-N-Γ-P-H", "P-N"}
	case Hexagonal:
		return []string{"Γ-M-K-Γ-A-L-H-A"}
	}
	return nil
}

// Stop is a point of a path.
type Stop struct {
	Q     [3]float64
	X     float64 // length of the way so far, 1/Å (without 2π)
	Label string  // of special points
	Break bool    // the path begins anew here
}

// CheckPath refuses a path that is none or goes through a point that is not in points.
func CheckPath(path []string, points map[string][3]float64) error {
	for _, piece := range path {
		names := strings.Split(piece, "-")
		if len(names) < 2 {
			return fmt.Errorf("%q is no path: names of points with - between", piece)
		}
		for _, name := range names {
			if name, _, ok := find(name, points); !ok {
				return fmt.Errorf("there is no point %q; known are %s", name, strings.Join(slices.Sorted(maps.Keys(points)), ", "))
			}
		}
	}
	return nil
}

// find is a point by its name in a path.
func find(name string, points map[string][3]float64) (string, [3]float64, bool) {
	name = strings.TrimSpace(name)
	if q, ok := points[name]; ok {
		return name, q, true
	}
	if strings.EqualFold(name, "gamma") || name == "G" {
		name = "Γ"
	}
	q, ok := points[name]
	return name, q, ok
}

// Walk is a path with so many steps on each of its pieces. G and GAMMA mean Γ, unless
// they are points themselves.
func (s *Supercell) Walk(path []string, points map[string][3]float64, steps int) ([]Stop, error) {
	if err := CheckPath(path, points); err != nil {
		return nil, fmt.Errorf("phonon: %w", err)
	}
	inv, err := inverse(s.Prim)
	if err != nil {
		return nil, err
	}
	reciprocal := transposed(inv) // rows
	var out []Stop
	at := 0.0
	for _, piece := range path {
		names := strings.Split(piece, "-")
		var from [3]float64
		for n, name := range names {
			name, q, _ := find(name, points)
			if n == 0 {
				out = append(out, Stop{Q: q, X: at, Label: name, Break: true})
				from = q
				continue
			}
			d := [3]float64{q[0] - from[0], q[1] - from[1], q[2] - from[2]}
			long := length(row(d, reciprocal))
			for k := 1; k <= steps; k++ {
				f := float64(k) / float64(steps)
				p := Stop{Q: [3]float64{from[0] + f*d[0], from[1] + f*d[1], from[2] + f*d[2]}, X: at + f*long}
				if k == steps {
					p.Label, p.Q = name, q
				}
				out = append(out, p)
			}
			at += long
			from = q
		}
	}
	return out, nil
}
