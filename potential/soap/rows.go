package soap

import (
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/potential"
)

// rows is the scratch of Rows.
type rows struct {
	slot  []int32   // of each feature row in jac; −1
	used  []int32   // feature rows that have slots
	jac   []float64 // ∂p/∂x by slot and axis, then the virial's nine rows, [Features] each
	cross []float64 // jac · q̂
	dc    []float64 // of an edge, by axis [lm][n]
	dp    []float64 // of an edge, by axis [Features]
}

// Rows writes what the frame's energy, forces and virial are linear in: the derivatives by
// each coefficient, K of them, of ΣE_i to energy [K], of the force on
// each row below N to force [3N][K], and of the virial to virial [9][K]. The frame has no
// ghosts of other ranks.
func (p *Potential) Rows(f *potential.Frame, energy, force, virial []float64) error {
	k := p.Coefficients()
	clear(energy[:k])
	clear(force[:3*f.N*k])
	clear(virial[:9*k])
	r := &p.rows
	if len(r.slot) < f.Rows {
		r.slot = make([]int32, f.Rows)
		for i := range r.slot {
			r.slot[i] = -1
		}
	}
	phi := make([]float64, len(p.u))
	for i := range f.N {
		p.environment(f, i)
		z := p.w.centre
		at, n := p.first[z], p.first[z+1]-p.first[z]
		p.jacobian(i)
		length := p.phi(phi)
		for m, v := range phi[:n] {
			energy[at+m] += v
		}
		lines := 3*len(r.used) + 9
		chain := r.jac // of the linear model, whose coefficients are those of p
		if p.Zeta > 0 {
			r.cross = kernel.Room(r.cross, lines*n)
			p.chain(lines, n, length)
			chain = r.cross
		}
		for s, row := range r.used {
			for c := range 3 {
				to, from := force[(3*int(row)+c)*k+at:][:n], chain[(3*s+c)*n:][:n]
				for m, v := range from {
					to[m] -= v
				}
			}
			r.slot[row] = -1
		}
		for c := range 9 {
			to, from := virial[c*k+at:][:n], chain[(3*len(r.used)+c)*n:][:n]
			for m, v := range from {
				to[m] -= v
			}
		}
	}
	return nil
}

// Basis gives the coefficients as θ = Tω, T [Coefficients][n], such that Σω² is the norm
// of the function that the kernel model fits, which is what its regularisation makes small.
// Points that are combinations of others within rounding have no ω of their own. The linear
// model has none.
func (p *Potential) Basis() (t []float64, n int) {
	if p.Zeta == 0 {
		return nil, 0
	}
	k, nf := p.Coefficients(), p.Features()
	var parts [][]float64
	var ranks []int
	for z := range p.Elements {
		m := p.first[z+1] - p.first[z]
		dots := make([]float64, m*m)
		kernel.Gemm(m, p.Points[z], nf, p.to[z], dots, m, false)
		a := mat.NewSymDense(m, nil)
		for i := range m {
			for j := i; j < m; j++ {
				a.SetSym(i, j, power(dots[i*m+j], p.Zeta))
			}
		}
		// PᵀAP = UᵀU: the leading block's U has the inverse that T is.
		var c mat.PivotedCholesky
		c.Factorize(a, redundant*float64(m))
		r := c.Rank()
		var u mat.TriDense
		c.UTo(&u)
		inv := mat.NewTriDense(r, mat.Upper, nil)
		for i := range r {
			for j := i; j < r; j++ {
				inv.SetTri(i, j, u.At(i, j))
			}
		}
		if err := inv.InverseTri(inv); err != nil {
			panic("soap: " + err.Error()) // redundant keeps its condition
		}
		part := make([]float64, m*r)
		for i, row := range c.ColumnPivots(nil)[:r] {
			for j := i; j < r; j++ {
				part[row*r+j] = inv.At(i, j)
			}
		}
		parts, ranks = append(parts, part), append(ranks, r)
		n += r
	}
	t = make([]float64, k*n)
	at := 0
	for z, part := range parts {
		r := ranks[z]
		for i := range p.first[z+1] - p.first[z] {
			copy(t[(p.first[z]+i)*n+at:], part[i*r:(i+1)*r])
		}
		at += r
	}
	return t, n
}

// redundant is how much, squared and per point, a point must differ from all others.
const redundant = 1e-14

// chain turns the derivatives of p into those of the kernels: with s = p̂·q̂,
// ∂s^ζ = ζ s^{ζ−1} (∂p·q̂ − s ∂p·p̂)/|p|.
func (p *Potential) chain(lines, n int, length float64) {
	r, nf := &p.rows, p.Features()
	kernel.Gemm(lines, r.jac, nf, p.to[p.w.centre], r.cross, n, false)
	u := p.u[:n]
	for m := range u {
		u[m] = float64(p.Zeta) * power(p.s[m], p.Zeta-1) / length
	}
	for line := range lines {
		along := 0.0
		for m, v := range r.jac[line*nf:][:nf] {
			along += v * p.w.p[m]
		}
		for m, v := range r.cross[line*n:][:n] {
			r.cross[line*n+m] = u[m] * (v - along*p.s[m])
		}
	}
}

// jacobian fills jac with ∂p_i/∂x of atom i and its neighbours, summed by feature row,
// and Σ r ⊗ ∂p/∂r.
func (p *Potential) jacobian(i int) {
	r, w, nf := &p.rows, p.w, p.Features()
	d := p.Descriptor
	lm := d.sphere.Len()
	r.used = append(r.used[:0], int32(i))
	r.slot[i] = 0
	for _, row := range p.row {
		if r.slot[row] < 0 {
			r.slot[row] = int32(len(r.used))
			r.used = append(r.used, row)
		}
	}
	r.jac = kernel.Room(r.jac, (3*len(r.used)+9)*nf)
	clear(r.jac)
	r.dc, r.dp = kernel.Room(r.dc, 3*d.N*lm), kernel.Room(r.dp, 3*nf)
	virial := r.jac[3*len(r.used)*nf:]
	for e, row := range p.row {
		w.differentiate(e, r.dc, r.dp)
		v := w.r[e]
		for c := range 3 {
			dp := r.dp[c*nf:][:nf]
			own, other := r.jac[c*nf:][:nf], r.jac[(3*int(r.slot[row])+c)*nf:][:nf]
			wx, wy, wz := virial[c*nf:][:nf], virial[(3+c)*nf:][:nf], virial[(6+c)*nf:][:nf]
			for m, g := range dp {
				own[m] -= g
				other[m] += g
				wx[m] += v[0] * g
				wy[m] += v[1] * g
				wz[m] += v[2] * g
			}
		}
	}
}

// differentiate writes ∂p/∂r of edge e by axis to dp [3][Features].
func (w *place) differentiate(e int, dc, dp []float64) {
	d := w.d
	lm, nl, nf := d.sphere.Len(), d.N*(d.L+1), len(w.p)
	h, dh, y, dy := w.h[e*nl:][:nl], w.dh[e*nl:][:nl], w.y[e*lm:][:lm], w.dy[e*lm:][:lm]
	inv := 1 / w.dist[e]
	unit := [3]float64{w.r[e][0] * inv, w.r[e][1] * inv, w.r[e][2] * inv}
	for l := range d.L + 1 {
		for m := l * l; m < (l+1)*(l+1); m++ {
			radial := dy[m][0]*unit[0] + dy[m][1]*unit[1] + dy[m][2]*unit[2]
			for c := range 3 {
				across, along := (dy[m][c]-radial*unit[c])*inv, unit[c]*y[m]
				to := dc[(c*lm+m)*d.N:][:d.N]
				for n := range to {
					to[n] = h[l*d.N+n]*across + dh[l*d.N+n]*along
				}
			}
		}
	}
	clear(dp)
	s := int(w.element[e])
	for t, here := range w.present {
		if !here {
			continue
		}
		for c := range 3 {
			for l := range d.L + 1 {
				w.product(dc[c*lm*d.N:], w.c[t*lm*d.N:], l)
				w.spread(s, t, l, dp[c*nf:][:nf])
			}
		}
	}
}

// spread adds block, the products of a change of c of element s with c of t, to the
// change of p.
func (w *place) spread(s, t, l int, dp []float64) {
	d := w.d
	f := d.factor[l]
	for n := range d.N {
		for k, v := range w.block[n*d.N:][:d.N] {
			a, b := s*d.N+n, t*d.N+k
			switch {
			case a == b:
				dp[d.at(a, b)+l] += 2 * f * v
			case a < b:
				dp[d.at(a, b)+l] += math.Sqrt2 * f * v
			default:
				dp[d.at(b, a)+l] += math.Sqrt2 * f * v
			}
		}
	}
}
