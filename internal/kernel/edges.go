package kernel

import "math"

// Lanes is what arrays over edges are padded to.
const Lanes = 16

// Edges is the batch of edges i←j of one centre atom, as arrays over edges.
// Harmonics stand at Y[m·Stride+e], m = l²+l+μ; entries N … Stride−1 are
// padding that may be read and means nothing. GR and GY collect ∂E/∂r and
// ∂E/∂Y_m of one layer.
type Edges[T Float] struct {
	N, Stride int
	LMax      int
	Unit      bool    // harmonics of the unit vector, else of the raw one
	J         []int32 // feature row of the neighbour
	D         [3][]T  // r_ij = x_j − x_i, Å
	U         [3][]T  // D/R
	R         []T
	Y         []T
	GR, GY    []T

	// Next may hold feature rows that will be needed soon, those of the
	// following centre atom's neighbours: the vector versions fetch them into
	// the cache. It changes no result.
	Next []int32

	// Base may hold for each edge what is added to its rows in a Table: where the
	// functions of its pair of species begin (see Stack).
	Base []int32

	// G is ∂E/∂r_ij by axes, as Gradient leaves it.
	G [3][]T

	g    []T // behind G
	next []int32
}

// MakeNext makes Next that long, in memory of its own.
func (e *Edges[T]) MakeNext(n int) []int32 {
	if cap(e.next) < n {
		e.next = make([]int32, n+n/4)
	}
	e.next = e.next[:n]
	e.Next = e.next
	return e.Next
}

// Resize makes room for n edges and harmonics to lmax, keeping nothing.
func (e *Edges[T]) Resize(n, lmax int) {
	s := max(Lanes, (n+Lanes-1)/Lanes*Lanes)
	m := (lmax + 1) * (lmax + 1)
	e.N, e.Stride, e.LMax, e.Base = n, s, lmax, nil
	if cap(e.R) < s+Lanes || cap(e.Y) < s*m+Lanes {
		// The vector versions begin anywhere and go on by whole vectors.
		c := s + s/4/Lanes*Lanes
		e.J = make([]int32, c)
		for k := range e.D {
			e.D[k], e.U[k] = Make[T](c), Make[T](c)
		}
		e.R, e.GR, e.g = Make[T](c+Lanes), Make[T](c+Lanes), Make[T](3*c)
		e.Y, e.GY = Make[T](c*m+Lanes), Make[T](c*m+Lanes)
	}
	e.J, e.R, e.GR = e.J[:s], e.R[:s], e.GR[:s]
	for k := range e.D {
		e.D[k], e.U[k] = e.D[k][:s], e.U[k][:s]
	}
	e.Y, e.GY = e.Y[:s*m], e.GY[:s*m]
	for k := n; k < s; k++ { // harmless padding
		e.J[k], e.D[0][k], e.D[1][k], e.D[2][k] = 0, 0, 0, 2
	}
}

// Geometry fills R, U and Y from D, for the padding too.
func (e *Edges[T]) Geometry() {
	if f, ok := any(e).(*Edges[float32]); ok && geometry32(choice, f) {
		return
	}
	e.geometryLoops()
}

func (e *Edges[T]) geometryLoops() {
	s := e.Stride
	dx, dy, dz := e.D[0][:s], e.D[1][:s], e.D[2][:s]
	ux, uy, uz, rr := e.U[0][:s], e.U[1][:s], e.U[2][:s], e.R[:s]
	for k := range rr {
		r := T(math.Sqrt(float64(dx[k]*dx[k] + dy[k]*dy[k] + dz[k]*dz[k])))
		q := 1 / r
		rr[k], ux[k], uy[k], uz[k] = r, dx[k]*q, dy[k]*q, dz[k]*q
	}
	v := &e.D
	if e.Unit {
		v = &e.U
	}
	for k := range s {
		e.harmonics(k, v[0][k], v[1][k], v[2][k])
	}
}

// harmonics writes column k of Y: real solid harmonics in e3nn's component
// normalisation, Σ_m Y_lm² = 2l+1 on the unit sphere, polar axis y:
//
//	Y_{l,±m} = √((2l+1)·2·(l−m)!/(l+m)!) Π_l^m(y, s) {C_m, S_m}(z, x),  C_m + i S_m = (z + i x)^m
//	(l−m) Π_l^m = (2l−1) y Π_{l−1}^m − (l+m−1) s Π_{l−2}^m,  Π_m^m = (2m−1)!!,  s = x²+y²+z²
func (e *Edges[T]) harmonics(k int, x, y, z T) {
	n := e.Stride
	q := e.Y[k:]
	q[0] = 1
	if e.LMax == 0 {
		return
	}
	const s3 = 1.7320508075688772
	q[n], q[2*n], q[3*n] = s3*x, s3*y, s3*z
	if e.LMax == 1 {
		return
	}
	const s5, s15 = 2.2360679774997896, 3.872983346207417
	h := x*x + z*z
	q[4*n], q[5*n], q[6*n], q[7*n], q[8*n] = s15*x*z, s15*x*y, s5*(y*y-h/2), s15*y*z, s15/2*(z*z-x*x)
	if e.LMax == 2 {
		return
	}
	s := h + y*y
	c, d := z*z-x*x, 2*x*z // C_2, S_2
	for m := 0; m <= e.LMax; m++ {
		cm, sm := T(1), T(0)
		switch {
		case m == 1:
			cm, sm = z, x
		case m >= 2:
			cm, sm = c, d
			c, d = c*z-d*x, d*z+c*x
		}
		p, pp := T(doubleFactorial(2*m-1)), T(0)
		for l := m; l <= e.LMax; l++ {
			if l > m {
				p, pp = (T(2*l-1)*y*p-T(l+m-1)*s*pp)/T(l-m), p
			}
			if l < 3 {
				continue
			}
			w := p * T(norm(l, m))
			q[(l*l+l+m)*n] = w * cm
			if m > 0 {
				q[(l*l+l-m)*n] = w * sm
			}
		}
	}
}

// gradHarmonics returns Σ_m g_m ∇Y_m at the point v, with the Y_m taken as
// homogeneous polynomials of v.
func gradHarmonics[T Float](lmax int, g []T, stride int, x, y, z T) (a, b, c T) {
	const s3, s5, s15 = 1.7320508075688772, 2.2360679774997896, 3.872983346207417
	n := stride
	if lmax >= 1 {
		a, b, c = s3*g[n], s3*g[2*n], s3*g[3*n]
	}
	if lmax >= 2 {
		g4, g5, g6, g7, g8 := g[4*n], g[5*n], g[6*n], g[7*n], g[8*n]
		a += s15*(z*g4+y*g5) - s5*x*g6 - s15*x*g8
		b += s15*(x*g5+z*g7) + 2*s5*y*g6
		c += s15*(x*g4+y*g7) - s5*z*g6 + s15*z*g8
	}
	if lmax <= 2 {
		return
	}
	s := x*x + y*y + z*z
	var c1, s1 T         // C_{m−1}, S_{m−1}
	c0, s0 := T(1), T(0) // C_m, S_m
	for m := 0; m <= lmax; m++ {
		if m > 0 {
			c1, s1 = c0, s0
			c0, s0 = c1*z-s1*x, s1*z+c1*x
		}
		// Π and its partial derivatives with respect to y and s
		p, pp := T(doubleFactorial(2*m-1)), T(0)
		var py, ppy, ps, pps T
		for l := m; l <= lmax; l++ {
			if l > m {
				f, h, q := T(2*l-1), T(l+m-1), 1/T(l-m)
				p, pp, py, ppy, ps, pps =
					(f*y*p-h*s*pp)*q, p,
					(f*p+f*y*py-h*s*ppy)*q, py,
					(f*y*ps-h*pp-h*s*pps)*q, ps
			}
			if l < 3 {
				continue
			}
			w := T(norm(l, m))
			gc := w * g[(l*l+l+m)*n]
			var gs T
			if m > 0 {
				gs = w * g[(l*l+l-m)*n]
			}
			t := gc*c0 + gs*s0
			a += 2 * x * ps * t
			b += (py + 2*y*ps) * t
			c += 2 * z * ps * t
			a += p * T(m) * (gs*c1 - gc*s1)
			c += p * T(m) * (gc*c1 + gs*s1)
		}
	}
	return
}

func doubleFactorial(n int) float64 {
	f := 1.0
	for ; n > 1; n -= 2 {
		f *= float64(n)
	}
	return f
}

// norm is √((2l+1)·2·(l−m)!/(l+m)!), without the 2 for m = 0.
func norm(l, m int) float64 {
	f := float64(2*l + 1)
	if m > 0 {
		f *= 2
	}
	for k := l - m + 1; k <= l+m; k++ {
		f /= float64(k)
	}
	return math.Sqrt(f)
}

// ZeroGradient clears GR and GY.
func (e *Edges[T]) ZeroGradient() {
	clear(e.GR)
	clear(e.GY)
}

// Gradient turns GR and GY into G, ∂E/∂r_ij of each edge, and returns the sums
// Σ g and Σ r ⊗ g of all, in double precision.
func (e *Edges[T]) Gradient() (sum [3]float64, virial [3][3]float64) {
	s := e.Stride
	for k := range e.G {
		e.G[k] = e.g[k*s : (k+1)*s]
	}
	if f, ok := any(e).(*Edges[float32]); ok && gradient32(choice, f) {
		if edgeSums32(choice, f, &sum, &virial) {
			return sum, virial
		}
	} else {
		e.gradientLoops()
	}
	return e.sumLoops()
}

func (e *Edges[T]) sumLoops() (sum [3]float64, virial [3][3]float64) {
	for k, gx := range e.G[0][:e.N] {
		g := [3]float64{float64(gx), float64(e.G[1][k]), float64(e.G[2][k])}
		for a := range g {
			sum[a] += g[a]
			r := float64(e.D[a][k])
			for b := range g {
				virial[a][b] += r * g[b]
			}
		}
	}
	return sum, virial
}

func (e *Edges[T]) gradientLoops() {
	for k := range e.N {
		ux, uy, uz := e.U[0][k], e.U[1][k], e.U[2][k]
		gr := e.GR[k]
		v, ir := [3]T{e.D[0][k], e.D[1][k], e.D[2][k]}, T(1)
		if e.Unit {
			v = [3]T{ux, uy, uz}
		}
		a, b, c := gradHarmonics(e.LMax, e.GY[k:], e.Stride, v[0], v[1], v[2])
		if e.Unit { // (I − u uᵀ)/r of the harmonics' part
			q := a*ux + b*uy + c*uz
			ir = 1 / e.R[k]
			a, b, c = a-q*ux, b-q*uy, c-q*uz
		}
		s := e.Stride
		e.g[k], e.g[s+k], e.g[2*s+k] = gr*ux+a*ir, gr*uy+b*ir, gr*uz+c*ir
	}
}
