package pair

import (
	"fmt"
	"math"

	"github.com/wigner-md/wigner/potential"
)

// curve is u(r) of one pair of elements, as the sum of a few exponentials times
// powers of r; it gives u and u′, and u″ for the switch.
type curve interface {
	at(r float64) (u, du float64)
	curvature(r float64) float64
}

// Curves is a sum over pairs of any curves: E_i = ½ Σ_j [u(r_ij) + S(r_ij)] for
// r < r_c. It is immutable; each rank has an Evaluator.
type Curves struct {
	square[cut]
	cutoff float64
}

// cut is a curve with its end.
type cut struct {
	curve  curve
	rc2    float64
	tail   tail
	smooth bool
}

// newCut ends a curve at cutoff, smoothly from inner on where that is not zero.
func newCut(what string, z [2]int, c curve, inner, cutoff float64) (cut, error) {
	out := cut{curve: c, rc2: cutoff * cutoff, smooth: inner != 0}
	if !out.smooth {
		return out, nil
	}
	if err := checkSwitch(what, z, inner, cutoff); err != nil {
		return out, err
	}
	u, du := c.at(cutoff)
	out.tail = newTail(inner, cutoff, u, du, c.curvature(cutoff))
	return out, nil
}

// Cutoff is the largest cutoff of the table, Å.
func (c *Curves) Cutoff() float64 { return c.cutoff }

// CurvesEvaluator is one rank's evaluation of Curves.
type CurvesEvaluator struct {
	*Curves
	j    []int32
	r, g [][3]float64
}

// Evaluator makes one for a rank.
func (c *Curves) Evaluator() *CurvesEvaluator { return &CurvesEvaluator{Curves: c} }

// Compute evaluates one frame. Distances of zero are the neighbour list's to
// refuse, elements the caller's, by Supports.
func (c *CurvesEvaluator) Compute(f *potential.Frame, res *potential.Result) error {
	for i := range f.N {
		js := f.List.J[f.List.Row[i]:f.List.Row[i+1]]
		if len(js) > cap(c.j) {
			n := len(js) + len(js)/4
			c.j, c.r, c.g = make([]int32, n), make([][3]float64, n), make([][3]float64, n)
		}
		x := f.X[i]
		row := c.table[int(c.index[f.Species[i]])*c.n:]
		j, r, g := c.j[:len(js)], c.r[:len(js)], c.g[:len(js)]
		n, e := 0, 0.0
		for _, k := range js {
			d := f.X[k]
			d2 := 0.0
			for l := range d {
				d[l] -= x[l]
				d2 += d[l] * d[l]
			}
			t := &row[c.index[f.Species[k]]]
			if d2 >= t.rc2 {
				continue
			}
			dist := math.Sqrt(d2)
			u, du := t.curve.at(dist)
			if t.smooth {
				u += t.tail.c
				if dist > t.tail.r1 {
					s, ds := t.tail.at(dist)
					u, du = u+s, du+ds
				}
			}
			e += u
			half := du / (2 * dist)
			j[n], r[n] = f.Home[k], d
			for l := range d {
				g[n][l] = half * d[l]
			}
			n++
		}
		res.Energy[i] = e / 2
		res.Bonds.Add(int32(i), j[:n], r[:n], g[:n])
	}
	return nil
}

// Morse is the parameters of one pair of elements of the potential
//
//	u(r) = D [e^{−2α(r−r0)} − 2 e^{−α(r−r0)}]
//
// as LAMMPS's pair style morse has it.
type Morse struct {
	Z      [2]int  // atomic numbers; their order does not matter
	Depth  float64 // D, eV
	Alpha  float64 // α, 1/Å
	R0     float64 // distance of the minimum, Å
	Cutoff float64 // Å
	Switch float64 // Å; where the smooth way to zero begins; 0: u ends with a jump
}

func (m Morse) at(r float64) (u, du float64) {
	e := math.Exp(-m.Alpha * (r - m.R0))
	return m.Depth * e * (e - 2), 2 * m.Depth * m.Alpha * e * (1 - e)
}

func (m Morse) curvature(r float64) float64 {
	e := math.Exp(-m.Alpha * (r - m.R0))
	return 2 * m.Depth * m.Alpha * m.Alpha * e * (2*e - 1)
}

// NewMorse makes the potential of an explicit table, which must hold every pair
// among its elements once: nothing is mixed.
func NewMorse(table []Morse) (*Curves, error) {
	out := &Curves{}
	var list []entry[cut]
	for _, m := range table {
		if err := positive("Morse", m.Z, named{"depth", m.Depth}, named{"alpha", m.Alpha}, named{"r0", m.R0}, named{"cutoff", m.Cutoff}); err != nil {
			return nil, err
		}
		c, err := newCut("Morse", m.Z, m, m.Switch, m.Cutoff)
		if err != nil {
			return nil, err
		}
		list = append(list, entry[cut]{m.Z, c})
		out.cutoff = max(out.cutoff, m.Cutoff)
	}
	var err error
	out.square, err = newSquare("Morse", list)
	if err != nil {
		return nil, err
	}
	return out, nil
}

// coulomb is e²/4πε₀ in eV·Å (CODATA 2018).
const coulomb = 14.3996454784

// zbl is the universal screened repulsion of two nuclei,
//
//	u(r) = (e²/4πε₀) Z_i Z_j/r φ(r/a),  a = 0.46850 Å/(Z_i^0.23 + Z_j^0.23)
type zbl struct{ zz, scale float64 }

// φ(x) = Σ c e^{−d x}
var (
	zblC = [4]float64{0.18175, 0.50986, 0.28022, 0.02817}
	zblD = [4]float64{3.19980, 0.94229, 0.40290, 0.20162}
)

func newZBL(z [2]int, coulomb float64) zbl {
	return zbl{coulomb * float64(z[0]) * float64(z[1]), (math.Pow(float64(z[0]), 0.23) + math.Pow(float64(z[1]), 0.23)) / 0.46850}
}

// phi is Σ c (d/a)^k e^{−d r/a} for k = 0, 1, 2.
func (p zbl) phi(r float64) (s [3]float64) {
	for k, c := range zblC {
		d := zblD[k] * p.scale
		e := c * math.Exp(-d*r)
		s[0] += e
		s[1] += d * e
		s[2] += d * d * e
	}
	return s
}

func (p zbl) at(r float64) (u, du float64) {
	s := p.phi(r)
	return p.zz * s[0] / r, -p.zz * (s[1] + s[0]/r) / r
}

func (p zbl) curvature(r float64) float64 {
	s := p.phi(r)
	return p.zz * (s[2] + 2*s[1]/r + 2*s[0]/(r*r)) / r
}

// NewZBL makes the repulsion of all pairs of the elements zs. It begins to go
// smoothly to zero at inner and has gone there at cutoff, both in Å.
func NewZBL(zs []int, inner, cutoff float64) (*Curves, error) {
	var list []entry[cut]
	for i, a := range zs {
		for _, b := range zs[i:] {
			z := [2]int{a, b}
			if err := positive("ZBL", z, named{"inner cutoff", inner}, named{"cutoff", cutoff}); err != nil {
				return nil, err
			}
			if a < 1 || b < 1 {
				return nil, fmt.Errorf("pair: ZBL: %d is no atomic number", min(a, b))
			}
			c, err := newCut("ZBL", z, newZBL(z, coulomb), inner, cutoff)
			if err != nil {
				return nil, err
			}
			list = append(list, entry[cut]{z, c})
		}
	}
	s, err := newSquare("ZBL", list)
	if err != nil {
		return nil, err
	}
	return &Curves{square: s, cutoff: cutoff}, nil
}

// enveloped is a curve times the polynomial of Gasteiger, Groß and Günnemann (DimeNet,
// arXiv:2003.03123, eq. 8) that falls from 1 at r = 0 to 0 at r_c.
type enveloped struct {
	zbl
	rc, p float64
}

func (e enveloped) at(r float64) (u, du float64) {
	u, du = e.zbl.at(r)
	x, p := r/e.rc, e.p
	f := 1 - (p+1)*(p+2)/2*math.Pow(x, p) + p*(p+2)*math.Pow(x, p+1) - p*(p+1)/2*math.Pow(x, p+2)
	df := -p * (p + 1) * (p + 2) / 2 * math.Pow(x, p-1) * (1 - x) * (1 - x) / e.rc
	return u * f, du*f + u*df
}

// NewZBLEnveloped makes the repulsion of all pairs of the elements zs as NequIP has it:
// under a polynomial envelope of power p ≥ 2 that ends at cutoff (Å), with e²/4πε₀ as
// given (eV·Å).
func NewZBLEnveloped(zs []int, cutoff, p, coulomb float64) (*Curves, error) {
	var list []entry[cut]
	for i, a := range zs {
		for _, b := range zs[i:] {
			z := [2]int{a, b}
			if err := positive("ZBL", z, named{"power", p - 1}, named{"cutoff", cutoff}, named{"e²/4πε₀", coulomb}); err != nil {
				return nil, err
			}
			c, err := newCut("ZBL", z, enveloped{newZBL(z, coulomb), cutoff, p}, 0, cutoff)
			if err != nil {
				return nil, err
			}
			list = append(list, entry[cut]{z, c})
		}
	}
	s, err := newSquare("ZBL", list)
	if err != nil {
		return nil, err
	}
	return &Curves{square: s, cutoff: cutoff}, nil
}
