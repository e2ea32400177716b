package soap

import (
	"math"

	"github.com/wigner-md/wigner/o3"
)

// knots is the number of intervals of the tables: errors are some 1e-11 of the largest
// value at σ = 0.5 Å and fall with the fourth power.
const knots = 1024

// Descriptor is a power spectrum ready to be computed. It is immutable and shared.
type Descriptor struct {
	Settings
	radial  *radial
	sphere  *o3.Harmonics
	species [128]int8 // atomic number → element, or −1
	table   []float64 // [knot][value, slope·h][l][n] of f_c I_nl/√4π
	step    float64   // h, Å
	self    []float64 // [n]: the central atom's part of c_n00
	factor  []float64 // [l], π √(8/(2l+1))
}

// NewDescriptor checks the settings and makes the tables.
func NewDescriptor(s Settings) (*Descriptor, error) {
	s, err := s.filled()
	if err != nil {
		return nil, err
	}
	r, err := newRadial(&s)
	if err != nil {
		return nil, err
	}
	return prepared(s, r), nil
}

// prepared makes the tables of orthonormal radial functions.
func prepared(s Settings, r *radial) *Descriptor {
	d := &Descriptor{Settings: s, radial: r, sphere: o3.NewHarmonics(s.L), step: s.Cutoff / knots}
	for z := range d.species {
		d.species[z] = -1
	}
	for k, z := range s.Elements {
		d.species[z] = int8(k)
	}
	for l := range s.L + 1 {
		d.factor = append(d.factor, math.Pi*math.Sqrt(8/float64(2*l+1)))
	}
	nl := s.N * (s.L + 1)
	d.table = make([]float64, 2*(knots+1)*nl)
	norm := 1 / math.Sqrt(4*math.Pi)
	for k := range knots + 1 {
		x := float64(k) * d.step
		v, dv := d.table[2*k*nl:][:nl], d.table[(2*k+1)*nl:][:nl]
		r.integrals(x, v, dv)
		f, df := s.envelope(x)
		if k == 0 {
			for n := range s.N {
				d.self = append(d.self, s.Central*norm*v[n])
			}
		}
		for i := range v {
			v[i], dv[i] = norm*f*v[i], norm*d.step*(df*v[i]+f*dv[i])
		}
	}
	return d
}

// Supports reports whether the element of atomic number z has a channel.
func (d *Descriptor) Supports(z int) bool { return z > 0 && z < len(d.species) && d.species[z] >= 0 }

// radii sets v and dv [l][n] to the table's functions and slopes at r < r_c.
func (d *Descriptor) radii(r float64, v, dv []float64) {
	x := r / d.step
	k := max(min(int(x), knots-1), 0) // NaN has any, and goes on to the energy
	t := x - float64(k)
	nl := len(v)
	rows := d.table[2*k*nl : (2*k+4)*nl]
	v0, d0, v1, d1 := rows[:nl], rows[nl:2*nl], rows[2*nl:3*nl], rows[3*nl:4*nl]
	u := 1 - t
	a0, b0, a1, b1 := u*u*(1+2*t), t*u*u, t*t*(3-2*t), -t*t*u
	s := 1 / d.step
	c, e0, e1 := 6*t*u*s, u*(1-3*t)*s, t*(3*t-2)*s
	dv, d0, v1, d1 = dv[:nl], d0[:nl], v1[:nl], d1[:nl]
	for i, p := range v0[:nl] {
		v[i] = a0*p + b0*d0[i] + a1*v1[i] + b1*d1[i]
		dv[i] = c*(v1[i]-p) + e0*d0[i] + e1*d1[i]
	}
}

// Edge is a neighbour: its element (see Settings.Elements) and r_ij, Å.
type Edge struct {
	Element int
	R       [3]float64
}

// Spectrum writes the power spectrum of an atom of element centre with these neighbours to
// dst [Features], as the package comment has it, without √2.
func (d *Descriptor) Spectrum(centre int, neighbours []Edge, dst []float64) {
	w := newPlace(d)
	w.begin(centre)
	for _, n := range neighbours {
		if r := math.Sqrt(n.R[0]*n.R[0] + n.R[1]*n.R[1] + n.R[2]*n.R[2]); r < d.Cutoff {
			w.add(int8(n.Element), n.R, r)
		}
	}
	w.expand()
	w.power()
	copy(dst, w.p)
	for a := range len(d.Elements) * d.N {
		for b := a + 1; b < len(d.Elements)*d.N; b++ {
			for l := range d.L + 1 {
				dst[d.at(a, b)+l] /= math.Sqrt2
			}
		}
	}
}
