package kernel

// The inner loops of Loops: one pass over the channels u for a handful of terms,
// whose factors stay in registers. Slices are cut to one length first, so that the
// compiler drops the checks of bounds.

// gather adds w·Σ_q m_q x_a(q) to out, a(q) the components of x in the list.
func gather[T Float](w, x, out []T, list []int, m *[mostTerms]T) {
	n := len(w)
	out = out[:n]
	row := func(q int) []T { return x[list[q]*n:][:n] }
	switch len(list) {
	case 1:
		x0 := row(0)
		m0 := m[0]
		for u, v := range w {
			out[u] += v * (m0 * x0[u])
		}
	case 2:
		x0, x1 := row(0), row(1)
		m0, m1 := m[0], m[1]
		for u, v := range w {
			out[u] += v * (m0*x0[u] + m1*x1[u])
		}
	case 3:
		x0, x1, x2 := row(0), row(1), row(2)
		m0, m1, m2 := m[0], m[1], m[2]
		for u, v := range w {
			out[u] += v * (m0*x0[u] + m1*x1[u] + m2*x2[u])
		}
	case 4:
		x0, x1, x2, x3 := row(0), row(1), row(2), row(3)
		m0, m1, m2, m3 := m[0], m[1], m[2], m[3]
		for u, v := range w {
			out[u] += v * (m0*x0[u] + m1*x1[u] + m2*x2[u] + m3*x3[u])
		}
	case 5:
		x0, x1, x2, x3, x4 := row(0), row(1), row(2), row(3), row(4)
		m0, m1, m2, m3, m4 := m[0], m[1], m[2], m[3], m[4]
		for u, v := range w {
			out[u] += v * (m0*x0[u] + m1*x1[u] + m2*x2[u] + m3*x3[u] + m4*x4[u])
		}
	}
}

// spread adds m_q·w·x to component k(q) of out, components step apart.
func spread[T Float](w, x, out []T, step int, list []int, m *[mostTerms]T) {
	n := len(w)
	x = x[:n]
	row := func(q int) []T { return out[list[q]*step:][:n] }
	switch len(list) {
	case 1:
		o0 := row(0)
		m0 := m[0]
		for u, v := range w {
			v *= x[u]
			o0[u] += m0 * v
		}
	case 2:
		o0, o1 := row(0), row(1)
		m0, m1 := m[0], m[1]
		for u, v := range w {
			v *= x[u]
			o0[u] += m0 * v
			o1[u] += m1 * v
		}
	case 3:
		o0, o1, o2 := row(0), row(1), row(2)
		m0, m1, m2 := m[0], m[1], m[2]
		for u, v := range w {
			v *= x[u]
			o0[u] += m0 * v
			o1[u] += m1 * v
			o2[u] += m2 * v
		}
	case 4:
		o0, o1, o2, o3 := row(0), row(1), row(2), row(3)
		m0, m1, m2, m3 := m[0], m[1], m[2], m[3]
		for u, v := range w {
			v *= x[u]
			o0[u] += m0 * v
			o1[u] += m1 * v
			o2[u] += m2 * v
			o3[u] += m3 * v
		}
	case 5:
		o0, o1, o2, o3, o4 := row(0), row(1), row(2), row(3), row(4)
		m0, m1, m2, m3, m4 := m[0], m[1], m[2], m[3], m[4]
		for u, v := range w {
			v *= x[u]
			o0[u] += m0 * v
			o1[u] += m1 * v
			o2[u] += m2 * v
			o3[u] += m3 * v
			o4[u] += m4 * v
		}
	}
}

// adjoint takes h = Σ_q y_q B_b(q), b(q) the rows of B in the list. It adds w·h to
// gx, sets sums_q = Σ_u w x B_b(q) and returns Σ_u d x h.
func adjoint[T Float](w, d, x, gx, b []T, list []int, y, sums *[mostTerms]T) (gr T) {
	n := len(w)
	d, x, gx = d[:n], x[:n], gx[:n]
	row := func(q int) []T { return b[list[q]*n:][:n] }
	switch len(list) {
	case 1:
		b0 := row(0)
		y0 := y[0]
		var s0 T
		for u, v := range w {
			t := x[u]
			wx := v * t
			c := b0[u]
			h := y0 * c
			s0 += wx * c
			gx[u] += v * h
			gr += d[u] * t * h
		}
		sums[0] = s0
	case 2:
		b0, b1 := row(0), row(1)
		y0, y1 := y[0], y[1]
		var s0, s1 T
		for u, v := range w {
			t := x[u]
			wx := v * t
			c := b0[u]
			h := y0 * c
			s0 += wx * c
			c = b1[u]
			h += y1 * c
			s1 += wx * c
			gx[u] += v * h
			gr += d[u] * t * h
		}
		sums[0], sums[1] = s0, s1
	case 3:
		b0, b1, b2 := row(0), row(1), row(2)
		y0, y1, y2 := y[0], y[1], y[2]
		var s0, s1, s2 T
		for u, v := range w {
			t := x[u]
			wx := v * t
			c := b0[u]
			h := y0 * c
			s0 += wx * c
			c = b1[u]
			h += y1 * c
			s1 += wx * c
			c = b2[u]
			h += y2 * c
			s2 += wx * c
			gx[u] += v * h
			gr += d[u] * t * h
		}
		sums[0], sums[1], sums[2] = s0, s1, s2
	case 4:
		b0, b1, b2, b3 := row(0), row(1), row(2), row(3)
		y0, y1, y2, y3 := y[0], y[1], y[2], y[3]
		var s0, s1, s2, s3 T
		for u, v := range w {
			t := x[u]
			wx := v * t
			c := b0[u]
			h := y0 * c
			s0 += wx * c
			c = b1[u]
			h += y1 * c
			s1 += wx * c
			c = b2[u]
			h += y2 * c
			s2 += wx * c
			c = b3[u]
			h += y3 * c
			s3 += wx * c
			gx[u] += v * h
			gr += d[u] * t * h
		}
		sums[0], sums[1], sums[2], sums[3] = s0, s1, s2, s3
	case 5:
		b0, b1, b2, b3, b4 := row(0), row(1), row(2), row(3), row(4)
		y0, y1, y2, y3, y4 := y[0], y[1], y[2], y[3], y[4]
		var s0, s1, s2, s3, s4 T
		for u, v := range w {
			t := x[u]
			wx := v * t
			c := b0[u]
			h := y0 * c
			s0 += wx * c
			c = b1[u]
			h += y1 * c
			s1 += wx * c
			c = b2[u]
			h += y2 * c
			s2 += wx * c
			c = b3[u]
			h += y3 * c
			s3 += wx * c
			c = b4[u]
			h += y4 * c
			s4 += wx * c
			gx[u] += v * h
			gr += d[u] * t * h
		}
		sums[0], sums[1], sums[2], sums[3], sums[4] = s0, s1, s2, s3, s4
	}
	return gr
}
