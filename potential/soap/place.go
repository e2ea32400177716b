package soap

import (
	"math"

	"github.com/wigner-md/wigner/internal/kernel"
)

// place is one atom's environment: what stays between the ways there and back.
type place struct {
	d       *Descriptor
	centre  int
	element []int8
	r       [][3]float64 // of the neighbours within the cutoff
	dist    []float64
	h, dh   []float64    // [edge][l][n]
	y       []float64    // [edge][lm]
	dy      [][3]float64 // [edge][lm], gradients at the unit vector as of polynomials in space
	c, g    []float64    // [s][lm][n]: the expansion, and ∂E/∂c
	present []bool       // elements that are there
	p, gp   []float64    // power spectrum, √2 included, and ∂E/∂p
	block   []float64    // [n][n] of two elements and one l
	grad    [][3]float64 // [edge]
}

func newPlace(d *Descriptor) *place {
	lm, a := d.sphere.Len(), len(d.Elements)*d.N
	return &place{d: d, c: make([]float64, a*lm), g: make([]float64, a*lm), present: make([]bool, len(d.Elements)),
		p: make([]float64, d.Features()), gp: make([]float64, d.Features()), block: make([]float64, d.N*d.N)}
}

// begin forgets the neighbours; add takes one, with its distance below the cutoff.
func (w *place) begin(centre int) {
	w.centre, w.element, w.r, w.dist = centre, w.element[:0], w.r[:0], w.dist[:0]
}

func (w *place) add(element int8, r [3]float64, dist float64) {
	w.element, w.r, w.dist = append(w.element, element), append(w.r, r), append(w.dist, dist)
}

// expand finds c of the neighbours.
func (w *place) expand() {
	d, n := w.d, len(w.r)
	lm, nl := d.sphere.Len(), d.N*(d.L+1)
	w.h, w.dh = kernel.Room(w.h, n*nl), kernel.Room(w.dh, n*nl)
	w.y, w.dy, w.grad = kernel.Room(w.y, n*lm), kernel.Room(w.dy, n*lm), kernel.Room(w.grad, n)
	clear(w.c)
	clear(w.present)
	self := w.c[w.centre*lm*d.N:]
	for k, v := range d.self {
		self[k] += v
		w.present[w.centre] = w.present[w.centre] || v != 0
	}
	for e, r := range w.r {
		h, y := w.h[e*nl:][:nl], w.y[e*lm:][:lm]
		dist := w.dist[e]
		d.radii(dist, h, w.dh[e*nl:][:nl])
		d.sphere.Raw([3]float64{r[0] / dist, r[1] / dist, r[2] / dist}, y, w.dy[e*lm:][:lm])
		s := int(w.element[e])
		w.present[s] = true
		c := w.c[s*lm*d.N:][:lm*d.N]
		for l := range d.L + 1 {
			hl := h[l*d.N:][:d.N]
			for m := l * l; m < (l+1)*(l+1); m++ {
				x, to := y[m], c[m*d.N:][:d.N]
				for n, v := range hl {
					to[n] += v * x
				}
			}
		}
	}
}

// blocks calls f for each pair of elements that are there and each l, with the place of
// the pair (s, 0), (t, 0) in the power spectrum.
func (w *place) blocks(f func(s, t, l int)) {
	for s, here := range w.present {
		for t := s; here && t < len(w.present); t++ {
			if !w.present[t] {
				continue
			}
			for l := range w.d.L + 1 {
				f(s, t, l)
			}
		}
	}
}

// at is where l = 0 of a pair a ≤ b stands in the power spectrum.
func (d *Descriptor) at(a, b int) int {
	size := len(d.Elements) * d.N
	return (a*size - a*(a-1)/2 + b - a) * (d.L + 1)
}

// product sets block to Σ_m x_n y_k of one l.
func (w *place) product(x, y []float64, l int) {
	n := w.d.N
	clear(w.block)
	for m := l * l; m < (l+1)*(l+1); m++ {
		b := y[m*n:][:n]
		for i, v := range x[m*n:][:n] {
			row := w.block[i*n:][:n]
			for k, u := range b {
				row[k] += v * u
			}
		}
	}
}

// power finds p of c.
func (w *place) power() {
	d, lm := w.d, w.d.sphere.Len()
	clear(w.p)
	w.blocks(func(s, t, l int) {
		w.product(w.c[s*lm*d.N:], w.c[t*lm*d.N:], l)
		for n := range d.N {
			from := 0
			if s == t {
				from = n
			}
			for k := from; k < d.N; k++ {
				f := math.Sqrt2 * d.factor[l]
				if s == t && k == n {
					f = d.factor[l]
				}
				w.p[d.at(s*d.N+n, t*d.N+k)+l] = f * w.block[n*d.N+k]
			}
		}
	})
}

// back finds g = ∂E/∂c of gp = ∂E/∂p.
func (w *place) back() {
	d, lm := w.d, w.d.sphere.Len()
	clear(w.g)
	w.blocks(func(s, t, l int) {
		// The matrix between c of s and of t, symmetric where they are one.
		f := math.Sqrt2 * d.factor[l]
		for n := range d.N {
			from := 0
			if s == t {
				from = n
				w.block[n*d.N+n] = 2 * d.factor[l] * w.gp[d.at(s*d.N+n, s*d.N+n)+l]
				from++
			}
			for k := from; k < d.N; k++ {
				v := f * w.gp[d.at(s*d.N+n, t*d.N+k)+l]
				w.block[n*d.N+k] = v
				if s == t {
					w.block[k*d.N+n] = v
				}
			}
		}
		for m := l * l; m < (l+1)*(l+1); m++ {
			x, y := w.c[(s*lm+m)*d.N:][:d.N], w.c[(t*lm+m)*d.N:][:d.N]
			gx, gy := w.g[(s*lm+m)*d.N:][:d.N], w.g[(t*lm+m)*d.N:][:d.N]
			for n := range gx {
				sum, xn := 0.0, x[n]
				row := w.block[n*d.N:][:d.N]
				if s == t {
					for k, v := range row {
						sum += v * y[k]
					}
				} else {
					for k, v := range row {
						sum += v * y[k]
						gy[k] += v * xn
					}
				}
				gx[n] += sum
			}
		}
	})
}

// edges finds grad = ∂E/∂r of each edge, of g.
func (w *place) edges() {
	d := w.d
	lm, nl := d.sphere.Len(), d.N*(d.L+1)
	for e, r := range w.r {
		h, dh := w.h[e*nl:][:nl], w.dh[e*nl:][:nl]
		y, dy := w.y[e*lm:][:lm], w.dy[e*lm:][:lm]
		g := w.g[int(w.element[e])*lm*d.N:][:lm*d.N]
		var out [3]float64
		along := 0.0
		for l := range d.L + 1 {
			hl, dhl := h[l*d.N:][:d.N], dh[l*d.N:][:d.N]
			for m := l * l; m < (l+1)*(l+1); m++ {
				q, dq := 0.0, 0.0
				dhl := dhl[:len(hl)]
				for n, x := range g[m*d.N:][:len(hl)] {
					q += hl[n] * x
					dq += dhl[n] * x
				}
				t := &dy[m]
				along += dq * y[m]
				out[0] += q * t[0]
				out[1] += q * t[1]
				out[2] += q * t[2]
			}
		}
		// Of the harmonics' gradients the part across r counts, over |r|.
		inv := 1 / w.dist[e]
		radial := (out[0]*r[0] + out[1]*r[1] + out[2]*r[2]) * inv * inv
		for c := range out {
			w.grad[e][c] = (out[c] - radial*r[c] + along*r[c]) * inv
		}
	}
}
