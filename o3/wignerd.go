package o3

import "math"

// WignerD is D_l(R) [2l+1, 2l+1], row-major, in the real basis of Y_l, of the
// proper part of the orthogonal matrix R (R itself, or −R when det R < 0), so
// that Y_l(Rx) = D_l(R) Y_l(x) for rotations. Inversion acts through the
// parity of an irrep, see Irrep.Matrix.
//
// D_1 is R, and D_l is the part of D_1 ⊗ D_(l−1) that C(1,l−1,l) projects out.
func WignerD(l int, R [3][3]float64) []float64 {
	if det(R) < 0 {
		for i := range R {
			for j := range R[i] {
				R[i][j] = -R[i][j]
			}
		}
	}
	if l == 0 {
		return []float64{1}
	}
	D := make([]float64, 0, 9)
	for i := range R {
		D = append(D, R[i][:]...)
	}
	for n := 2; n <= l; n++ {
		D = raise(n, R, D)
	}
	return D
}

// raise makes D_l from D_1 = R and D_(l−1):
// D_l[k,q] = (2l+1) Σ C[i,j,k] R[i,a] D_(l−1)[j,b] C[a,b,q].
func raise(l int, R [3][3]float64, D []float64) []float64 {
	c := Coupling(1, l-1, l)
	n, p := 2*l+1, 2*l-1
	out := make([]float64, n*n)
	rc := make([]float64, 3*p) // Σ_ab R[i,a] D[j,b] C[a,b,q] for one q
	for q := range n {
		clear(rc)
		for a := range 3 {
			for b := range p {
				w := c.At(a, b, q)
				if w == 0 {
					continue
				}
				for i := range 3 {
					for j := range p {
						rc[i*p+j] += R[i][a] * D[j*p+b] * w
					}
				}
			}
		}
		for i := range 3 {
			for j := range p {
				for k := range n {
					out[k*n+q] += float64(n) * c.At(i, j, k) * rc[i*p+j]
				}
			}
		}
	}
	return out
}

// Matrix is the representation of the orthogonal matrix R (proper or not) on
// one copy of the irrep [2L+1, 2L+1]: D_L of the proper part, times the parity
// when R inverts.
func (r Irrep) Matrix(R [3][3]float64) []float64 {
	D := WignerD(r.L, R)
	if r.P < 0 && det(R) < 0 {
		for k := range D {
			D[k] = -D[k]
		}
	}
	return D
}

// Apply transforms in place a vector x of these irreps, stored in e3nn's order:
// the terms one after another, each [Mul][2L+1].
func (s Irreps) Apply(R [3][3]float64, x []float64) {
	if len(x) != s.Dim() {
		panic("o3: vector does not have the dimension of its irreps")
	}
	for _, m := range s {
		d := m.Irrep.Dim()
		D := m.Matrix(R)
		y := make([]float64, d)
		for range m.Mul {
			for i := range y {
				y[i] = 0
				for j := range d {
					y[i] += D[i*d+j] * x[j]
				}
			}
			copy(x, y)
			x = x[d:]
		}
	}
}

// RotationFromQuaternion is the proper rotation of the quaternion
// (w, x, y, z), of any length but zero.
func RotationFromQuaternion(q [4]float64) [3][3]float64 {
	n := math.Sqrt(q[0]*q[0] + q[1]*q[1] + q[2]*q[2] + q[3]*q[3])
	w, x, y, z := q[0]/n, q[1]/n, q[2]/n, q[3]/n
	return [3][3]float64{
		{1 - 2*(y*y+z*z), 2 * (x*y - w*z), 2 * (x*z + w*y)},
		{2 * (x*y + w*z), 1 - 2*(x*x+z*z), 2 * (y*z - w*x)},
		{2 * (x*z - w*y), 2 * (y*z + w*x), 1 - 2*(x*x+y*y)},
	}
}

func det(a [3][3]float64) float64 {
	return a[0][0]*(a[1][1]*a[2][2]-a[1][2]*a[2][1]) -
		a[0][1]*(a[1][0]*a[2][2]-a[1][2]*a[2][0]) +
		a[0][2]*(a[1][0]*a[2][1]-a[1][1]*a[2][0])
}
