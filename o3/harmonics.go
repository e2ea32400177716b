package o3

import "math"

// Harmonics evaluates the real spherical harmonics Y_0 … Y_LMax of one vector.
// It holds the normalisation constants; it is immutable and may be shared.
//
// With the angle around the polar axis y taken from z to x,
//
//	Y_l,±m(v) = N_lm Q_lm(y, r²) · (Re for +m, Im for −m) (z + i x)^m,
//	N_lm = √((2 − δ_m0)(2l+1)(l−m)!/(l+m)!),
//
// where Q_lm is the associated Legendre function of y/r without its factor
// (1 − y²/r²)^(m/2) and without the Condon–Shortley phase, made homogeneous
// of degree l−m:
//
//	Q_mm = (2m−1)!!,  (l−m) Q_lm = (2l−1) y Q_(l−1)m − (l+m−1) r² Q_(l−2)m.
type Harmonics struct {
	lmax int
	norm [][]float64 // [l][m]
}

// NewHarmonics prepares orders 0 … lmax.
func NewHarmonics(lmax int) *Harmonics {
	if lmax < 0 {
		panic("o3: negative order of harmonics")
	}
	h := &Harmonics{lmax: lmax, norm: make([][]float64, lmax+1)}
	for l := range h.norm {
		h.norm[l] = make([]float64, l+1)
		q := 2 * float64(2*l+1) // 2 (2l+1) (l−m)!/(l+m)!
		h.norm[l][0] = math.Sqrt(float64(2*l + 1))
		for m := 1; m <= l; m++ {
			q /= float64((l + m) * (l - m + 1))
			h.norm[l][m] = math.Sqrt(q)
		}
	}
	return h
}

// Len is the number of components, (lmax+1)².
func (h *Harmonics) Len() int { return (h.lmax + 1) * (h.lmax + 1) }

// Raw fills Y [(lmax+1)²] with the homogeneous polynomials of v, order l at
// l²…(l+1)²−1, and, unless dY is nil, dY [(lmax+1)²] with their gradients.
func (h *Harmonics) Raw(v [3]float64, Y []float64, dY [][3]float64) {
	if len(Y) < h.Len() || (dY != nil && len(dY) < h.Len()) {
		panic("o3: slice for harmonics is too short")
	}
	x, y, z := v[0], v[1], v[2]
	r2 := x*x + y*y + z*z
	c, s := 1.0, 0.0   // (z + i x)^m
	c1, s1 := 0.0, 0.0 // (z + i x)^(m−1), for the derivative m (z+ix)^(m−1)
	qmm := 1.0
	for m := 0; m <= h.lmax; m++ {
		q, q1 := qmm, 0.0     // Q_lm, Q_(l−1)m
		qy, qy1 := 0.0, 0.0   // ∂Q/∂y at fixed r²
		qr, qr1 := 0.0, 0.0   // ∂Q/∂(r²)
		f := float64(m)       // ∂_z (z+ix)^m = m (z+ix)^(m−1), ∂_x = i times that
		cz, sz := f*c1, f*s1  // ∂_z of Re and Im
		cx, sx := -f*s1, f*c1 // ∂_x of Re and Im
		for l := m; l <= h.lmax; l++ {
			if l > m {
				a, b := float64(2*l-1)/float64(l-m), float64(l+m-1)/float64(l-m)
				q, q1, qy, qy1, qr, qr1 = a*y*q-b*r2*q1, q,
					a*(q+y*qy)-b*r2*qy1, qy,
					a*y*qr-b*(q1+r2*qr1), qr
			}
			n := h.norm[l][m]
			p, k := l*l+l+m, l*l+l-m
			Y[p] = n * q * c
			if m > 0 {
				Y[k] = n * q * s
			}
			if dY == nil {
				continue
			}
			gx, gy, gz := 2*x*qr, qy+2*y*qr, 2*z*qr
			dY[p] = [3]float64{n * (gx*c + q*cx), n * gy * c, n * (gz*c + q*cz)}
			if m > 0 {
				dY[k] = [3]float64{n * (gx*s + q*sx), n * gy * s, n * (gz*s + q*sz)}
			}
		}
		qmm *= float64(2*m + 1)
		c1, s1 = c, s
		c, s = c*z-s*x, c*x+s*z
	}
}

// Unit fills Y with the harmonics of v/|v| and, unless dY is nil, dY with their
// gradients with respect to v: (I − n nᵀ)∇Y(n)/r. v must not be zero.
func (h *Harmonics) Unit(v [3]float64, Y []float64, dY [][3]float64) {
	r := math.Sqrt(v[0]*v[0] + v[1]*v[1] + v[2]*v[2])
	n := [3]float64{v[0] / r, v[1] / r, v[2] / r}
	h.Raw(n, Y, dY)
	if dY == nil {
		return
	}
	for k := range dY[:h.Len()] {
		g := &dY[k]
		d := g[0]*n[0] + g[1]*n[1] + g[2]*n[2]
		for a := range g {
			g[a] = (g[a] - d*n[a]) / r
		}
	}
}
