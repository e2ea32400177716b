package crystal

import (
	"fmt"
	"math"
	"strings"
)

// prototype is a unit cell: its basis in fractional coordinates of the
// conventional cell, by sublattice.
type prototype struct {
	name  string
	basis [][][3]float64
	hex   bool
}

const h, q, t = 1. / 2, 1. / 4, 3. / 4

var fcc = [][3]float64{{0, 0, 0}, {0, h, h}, {h, 0, h}, {h, h, 0}}

// shifted is fcc moved by (d, d, d), inside the cell.
func shifted(d float64) (out [][3]float64) {
	for _, x := range fcc {
		for k := range x {
			x[k] = math.Mod(x[k]+d, 1)
		}
		out = append(out, x)
	}
	return out
}

// prototypes are those that can be built.
func prototypes() []prototype {
	return []prototype{
		{name: "fcc", basis: [][][3]float64{fcc}},
		{name: "bcc", basis: [][][3]float64{{{0, 0, 0}, {h, h, h}}}},
		{name: "hcp", basis: [][][3]float64{{{1. / 3, 2. / 3, q}, {2. / 3, 1. / 3, t}}}, hex: true},
		{name: "diamond", basis: [][][3]float64{append(shifted(0), shifted(q)...)}},
		{name: "rocksalt", basis: [][][3]float64{fcc, shifted(h)}},
		{name: "cscl", basis: [][][3]float64{{{0, 0, 0}}, {{h, h, h}}}},
		{name: "zincblende", basis: [][][3]float64{fcc, shifted(q)}},
		{name: "fluorite", basis: [][][3]float64{fcc, append(shifted(q), shifted(t)...)}},
		{name: "perovskite", basis: [][][3]float64{{{0, 0, 0}}, {{h, h, h}}, {{h, h, 0}, {h, 0, h}, {0, h, h}}}},
	}
}

// Prototypes are the names that Spec.Prototype may have.
func Prototypes() (names []string) {
	for _, p := range prototypes() {
		names = append(names, p.name)
	}
	return names
}

func find(name string) (prototype, error) {
	for _, p := range prototypes() {
		if strings.EqualFold(p.name, name) {
			return p, nil
		}
	}
	return prototype{}, fmt.Errorf("crystal: no prototype %q; there are %s", name, strings.Join(Prototypes(), ", "))
}

// vectors are the lattice vectors of the conventional cell, as rows (Å).
func (p *prototype) vectors(a, c float64) [3][3]float64 {
	if !p.hex {
		return [3][3]float64{{a, 0, 0}, {0, a, 0}, {0, 0, a}}
	}
	if c == 0 {
		c = a * math.Sqrt(8./3)
	}
	return [3][3]float64{{a, 0, 0}, {-a / 2, a * math.Sqrt(3) / 2, 0}, {0, 0, c}}
}
