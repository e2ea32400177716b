package ensemble

// matrix is 3×3, acting on columns.
type matrix = [3][3]float64

var identity = matrix{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}

// plus is a + c·b.
func plus(a matrix, c float64, b *matrix) matrix {
	for k := range a {
		for l := range a[k] {
			a[k][l] += c * b[k][l]
		}
	}
	return a
}

func scaled(a matrix, c float64) matrix { return plus(matrix{}, c, &a) }

func times(a, b *matrix) (c matrix) {
	for k := range c {
		for l := range c[k] {
			c[k][l] = a[k][0]*b[0][l] + a[k][1]*b[1][l] + a[k][2]*b[2][l]
		}
	}
	return c
}

func trace(a *matrix) float64 { return a[0][0] + a[1][1] + a[2][2] }

// inner is Σ a_kl b_kl, the square of Frobenius's norm where a is b.
func inner(a, b *matrix) (s float64) {
	for k := range a {
		for l := range a[k] {
			s += a[k][l] * b[k][l]
		}
	}
	return s
}

func det(a *matrix) float64 {
	return a[0][0]*(a[1][1]*a[2][2]-a[1][2]*a[2][1]) -
		a[0][1]*(a[1][0]*a[2][2]-a[1][2]*a[2][0]) +
		a[0][2]*(a[1][0]*a[2][1]-a[1][1]*a[2][0])
}

func inverse(a *matrix) (b matrix) {
	d := det(a)
	for k := range b {
		for l := range b[k] {
			i, j, m, n := (l+1)%3, (l+2)%3, (k+1)%3, (k+2)%3
			b[k][l] = (a[i][m]*a[j][n] - a[i][n]*a[j][m]) / d
		}
	}
	return b
}

func apply(m *matrix, x [3]float64) (y [3]float64) {
	for k := range y {
		y[k] = m[k][0]*x[0] + m[k][1]*x[1] + m[k][2]*x[2]
	}
	return y
}

// terms of the series below: with |a| ≤ 1 the rest is less than a bit.
const terms = 18

// exponential gives e^a and (e^a − 1)/a = ∫₀¹ e^{sa} ds, for small a.
func exponential(a matrix) (e, phi matrix) {
	e, phi = identity, identity
	term := identity
	for n := 1; n <= terms; n++ {
		term = times(&term, &a)
		term = scaled(term, 1/float64(n))
		e = plus(e, 1, &term)
		phi = plus(phi, 1/float64(n+1), &term)
	}
	return e, phi
}
