//go:build amd64 && !noasm

package kernel

// vectors64 is how many numbers a path's vectors of double precision hold.
func vectors64(p path) int {
	switch {
	case p >= avx512:
		return 8
	case p == avx2:
		return 4
	}
	return 0
}

// whole is the number of whole vectors among n numbers of double precision, and of the
// numbers in them.
func whole(p path, n int) (vectors, numbers int) { return filled(vectors64(p), n) }

// filled is whole for vectors of w numbers.
func filled(w, n int) (vectors, numbers int) {
	if w == 0 || n < w {
		return 0, 0
	}
	return n / w, n / w * w
}

// Each does as many of the first numbers as fill vectors, and returns how many.

func mulRows(p path, to, x, y []float64) int {
	v, n := whole(p, len(to))
	switch {
	case v == 0:
	case p >= avx512:
		mulRowsAVX512(v, &to[0], &x[0], &y[0])
	default:
		mulRowsAVX2(v, &to[0], &x[0], &y[0])
	}
	return n
}

func axpyRows(p path, c float64, x, y []float64) int {
	v, n := whole(p, len(x))
	switch {
	case v == 0:
	case p >= avx512:
		axpyRowsAVX512(v, c, &x[0], &y[0])
	default:
		axpyRowsAVX2(v, c, &x[0], &y[0])
	}
	return n
}

func axpyRows32(p path, c float32, x, y []float32) int {
	v, n := filled(2*vectors64(p), len(x))
	switch {
	case v == 0:
	case p >= avx512:
		axpyRows32AVX512(v, c, &x[0], &y[0])
	default:
		axpyRows32AVX2(v, c, &x[0], &y[0])
	}
	return n
}

func dotRows(p path, x, y []float64) (float64, int) {
	v, n := whole(p, len(x))
	if v == 0 {
		return 0, 0
	}
	var s [8]float64
	if p >= avx512 {
		dotRowsAVX512(v, &x[0], &y[0], &s[0])
	} else {
		dotRowsAVX2(v, &x[0], &y[0], &s[0])
	}
	return ((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7])), n
}

func bellRows(p path, eta, shift float64, r, fc, dfc, f, df []float64) int {
	v, n := whole(p, len(r))
	switch {
	case v == 0:
	case p >= avx512:
		bellRowsAVX512(v, eta, shift, &r[0], &fc[0], &dfc[0], &f[0], &df[0])
	default:
		bellRowsAVX2(v, eta, shift, &r[0], &fc[0], &dfc[0], &f[0], &df[0])
	}
	return n
}

func cosineRows(p path, cutoff float64, r, fc, dfc []float64) int {
	v, n := whole(p, len(r))
	switch {
	case v == 0:
	case p >= avx512:
		cosineRowsAVX512(v, cutoff, 1/cutoff, &r[0], &fc[0], &dfc[0])
	default:
		cosineRowsAVX2(v, cutoff, 1/cutoff, &r[0], &fc[0], &dfc[0])
	}
	return n
}
