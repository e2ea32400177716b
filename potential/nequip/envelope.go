package nequip

import "math"

// envelope is the cutoff function f(r). It consists of pieces that meet at
// kinks; each piece's formula may be evaluated anywhere.
type envelope interface {
	// kinks are the inner borders of the pieces, ascending; piece is the
	// number of the piece that r lies in.
	kinks() []float64
	piece(r float64) int
	// at is f and f′ by the formula of the given piece.
	at(r float64, piece int) (f, df float64)
}

// polyCut is 1 − (p+1)(p+2)/2 xᵖ + p(p+2) xᵖ⁺¹ − p(p+1)/2 xᵖ⁺², x = r/r_c
// (J. Gasteiger et al., arXiv:2003.03123, eq. 8).
type polyCut struct{ rc, p float64 }

func (polyCut) kinks() []float64  { return nil }
func (polyCut) piece(float64) int { return 0 }

func (c polyCut) at(r float64, _ int) (f, df float64) {
	p, x := c.p, r/c.rc
	a, b, d := (p+1)*(p+2)/2, p*(p+2), p*(p+1)/2
	xp := math.Pow(x, p-1)
	return 1 - xp*x*(a-x*(b-x*d)), -xp * (a*p - x*(b*(p+1)-x*d*(p+2))) / c.rc
}

// xplor is 1 below r_on and
// (r_c²−r²)² (r_c²+2r²−3r_on²) / (r_c²−r_on²)³ above.
type xplor struct{ rc, on float64 }

func (c xplor) kinks() []float64 { return []float64{c.on} }

func (c xplor) piece(r float64) int {
	if r < c.on {
		return 0
	}
	return 1
}

func (c xplor) at(r float64, piece int) (f, df float64) {
	if piece == 0 {
		return 1, 0
	}
	a, b, q := c.rc*c.rc, c.on*c.on, r*r
	d := (a - b) * (a - b) * (a - b)
	u, v := a-q, a+2*q-3*b
	return u * u * v / d, r * (4*u*u - 4*u*v) / d
}
