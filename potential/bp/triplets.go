package bp

import (
	"math"

	"github.com/wigner-md/wigner/internal/kernel"
)

// block is about how many triplets are evaluated together: what they need stays in the
// nearest cache.
const block = 256

// triples are the pairs of bonds of a set, row by row: one first bond j, all second bonds.
type triples struct {
	row    []int // where the triplets of each first bond begin, and the end
	blocks []int // first bonds at which blocks begin, and the end
	from2  int   // of the second element's bonds
	most   int   // triplets of a block
	k      []int32
	c      []float64 // cos θ
	d      []float64 // r_jk, where narrow
	f, df  []float64 // bells of r_jk, bell by bell
}

// prefix is how many of the bonds to an element are shorter than the cutoff.
func (g *edges) prefix(s int, cutoff float64) int {
	n := g.from[s+1]
	for n > g.from[s] && !(g.d[n-1] < cutoff) {
		n--
	}
	return n
}

// gather finds the triplets.
func (t *triples) gather(s *triplets, g *edges, calc *scratch) {
	from1, to1 := g.from[s.s1], g.prefix(s.s1, s.cutoff)
	from2, to2 := g.from[s.s2], g.prefix(s.s2, s.cutoff)
	most := (to1 - from1) * (to2 - from2)
	if s.s1 == s.s2 {
		most = most / 2
	}
	t.row, t.blocks = kernel.Room(t.row, to1-from1+1), kernel.Room(t.blocks, to1-from1+2)[:0]
	t.k, t.c = kernel.Room(t.k, most), kernel.Room(t.c, most)
	if s.narrow {
		t.d = kernel.Room(t.d, most)
	}
	t.from2, t.most = from2, 0
	n, begin, rc2 := 0, 0, s.cutoff*s.cutoff
	t.blocks = append(t.blocks, 0)
	for j := from1; j < to1; j++ {
		t.row[j-from1] = n
		if n-begin >= block {
			t.most, begin = max(t.most, n-begin), n
			t.blocks = append(t.blocks, j-from1)
		}
		first := from2
		if s.s1 == s.s2 {
			first = j + 1
		}
		a, inv := g.r[j], g.inv[j]
		for k := first; k < to2; k++ {
			b := &g.r[k]
			if s.narrow {
				x, y, z := b[0]-a[0], b[1]-a[1], b[2]-a[2]
				d2 := x*x + y*y + z*z
				if d2 >= rc2 {
					continue
				}
				t.d[n] = math.Sqrt(d2)
			}
			t.k[n] = int32(k)
			t.c[n] = (a[0]*b[0] + a[1]*b[1] + a[2]*b[2]) * inv * g.inv[k]
			n++
		}
	}
	t.row[to1-from1] = n
	t.most = max(t.most, n-begin)
	t.blocks = append(t.blocks, to1-from1)
	t.k, t.c = t.k[:n], t.c[:n]
	if s.narrow {
		t.d = t.d[:n]
		t.f, t.df = kernel.Room(t.f, n*len(s.bells)), kernel.Room(t.df, n*len(s.bells))
		calc.bells(s.bells, t.d, t.f, t.df, n)
	}
}

// table is what x has of one bell, by the bonds to element s.
func (g *edges) table(x [][]float64, s, bell int) []float64 {
	n := g.from[s+1] - g.from[s]
	return x[s][bell*n : (bell+1)*n]
}

// products fills a with A_m for the triplets of the rows from j0 to j1.
func (t *triples) products(s *triplets, g *edges, gr *group, j0, j1 int, a []float64) {
	begin := t.row[j0]
	n, from2 := t.row[j1]-begin, int32(t.from2)
	for q, m := range gr.bells {
		f1, f2 := g.table(g.f, s.s1, s.b1[m]), g.table(g.f, s.s2, s.b2[m])
		to := a[q*t.most:][:n]
		for j := j0; j < j1; j++ {
			v := f1[j]
			row := to[t.row[j]-begin : t.row[j+1]-begin]
			for k, i := range t.k[t.row[j]:t.row[j+1]] {
				row[k] = v * f2[i-from2]
			}
		}
		if s.narrow {
			kernel.MulRows(to, to, t.f[m*len(t.c)+begin:])
		}
	}
}

// forward adds the set's sums to the functions.
func (t *triples) forward(s *triplets, g *edges, calc *scratch, sums []float64) {
	for q := range s.groups {
		gr := &s.groups[q]
		m, w := len(gr.bells), &gr.waves
		calc.a, calc.rows = kernel.Room(calc.a, m*t.most), kernel.Room(calc.rows, w.rows()*t.most)
		calc.coef = kernel.Room(calc.coef, len(gr.fn))
		clear(calc.coef)
		for b := 1; b < len(t.blocks); b++ {
			j0, j1 := t.blocks[b-1], t.blocks[b]
			begin, n := t.row[j0], t.row[j1]-t.row[j0]
			if n == 0 {
				continue
			}
			t.products(s, g, gr, j0, j1, calc.a)
			_, values := w.evaluate(t.c[begin:begin+n], calc.rows, t.most)
			correlate(n, t.most, m, len(w.list), calc.a, values, calc.coef)
		}
		for k, f := range gr.fn {
			sums[f] = calc.coef[k] * gr.factor[k]
		}
	}
}

// backward adds the set's part of ∂E/∂(bells of bonds) to g.w, and the rest of the
// gradients by the bonds to g.grad and g.diag.
func (t *triples) backward(s *triplets, g *edges, calc *scratch, gg []float64) {
	calc.et, calc.ec = kernel.Room(calc.et, t.most), kernel.Room(calc.ec, t.most)
	for b := 1; b < len(t.blocks); b++ {
		j0, j1 := t.blocks[b-1], t.blocks[b]
		begin, n := t.row[j0], t.row[j1]-t.row[j0]
		if n == 0 {
			continue
		}
		clear(calc.et)
		clear(calc.ec)
		for q := range s.groups {
			gr := &s.groups[q]
			m, w := len(gr.bells), &gr.waves
			nw := len(w.list)
			calc.rows = kernel.Room(calc.rows, w.rows()*t.most)
			calc.s, calc.d = kernel.Room(calc.s, m*t.most), kernel.Room(calc.d, m*t.most)
			calc.coef, calc.der = kernel.Room(calc.coef, len(gr.fn)), kernel.Room(calc.der, len(gr.fn))
			for k, f := range gr.fn {
				v := gg[f] * gr.factor[k]
				calc.coef[k], calc.der[k] = v, v*w.slope[k%nw]
			}
			slopes, values := w.evaluate(t.c[begin:begin+n], calc.rows, t.most)
			combine(n, t.most, m, nw, calc.coef, values, calc.s)
			combine(n, t.most, m, nw, calc.der, slopes, calc.d)
			for q, m := range gr.bells {
				t.spread(s, g, m, j0, j1, calc.s[q*t.most:], calc.d[q*t.most:], calc)
			}
		}
		t.vectors(s, g, j0, j1, calc)
	}
}

// spread takes the bell m of a set with s = ∂E/∂A_m and d = ∂²E/∂A_m∂c of each triplet: it
// adds to the gradients by the bells of the bonds, and to et and ec.
func (t *triples) spread(s *triplets, g *edges, m, j0, j1 int, sum, der []float64, calc *scratch) {
	begin, from2 := t.row[j0], int32(t.from2)
	f1, f2 := g.table(g.f, s.s1, s.b1[m]), g.table(g.f, s.s2, s.b2[m])
	w1, w2 := g.table(g.w, s.s1, s.b1[m]), g.table(g.w, s.s2, s.b2[m])
	for j := j0; j < j1; j++ {
		r0, r1 := t.row[j], t.row[j+1]
		ks := t.k[r0:r1]
		sum, der, ec := sum[r0-begin:][:len(ks)], der[r0-begin:][:len(ks)], calc.ec[r0-begin:][:len(ks)]
		v, w := f1[j], 0.0
		if !s.narrow {
			for n, i := range ks {
				i -= from2
				f := f2[i]
				w += f * sum[n]
				w2[i] += v * sum[n]
				ec[n] += v * f * der[n]
			}
		} else {
			et := calc.et[r0-begin:][:len(ks)]
			ft, dft := t.f[m*len(t.c)+r0:][:len(ks)], t.df[m*len(t.c)+r0:][:len(ks)]
			for n, i := range ks {
				i -= from2
				f, h := f2[i], ft[n]
				y := h * sum[n]
				w += f * y
				w2[i] += v * y
				f *= v
				et[n] += f * dft[n] * sum[n]
				ec[n] += f * h * der[n]
			}
		}
		w1[j] += w
	}
}

// vectors turns ∂E/∂r_jk and ∂E/∂c of the triplets into gradients by the bonds.
func (t *triples) vectors(s *triplets, g *edges, j0, j1 int, calc *scratch) {
	begin, from1 := t.row[j0], g.from[s.s1]
	for j := j0; j < j1; j++ {
		r0, r1 := t.row[j], t.row[j+1]
		ks := t.k[r0:r1]
		ec, et, c := calc.ec[r0-begin:][:len(ks)], calc.et[r0-begin:][:len(ks)], t.c[r0:][:len(ks)]
		a, inv := g.r[from1+j], g.inv[from1+j]
		var d []float64
		if s.narrow {
			d = t.d[r0:][:len(ks)]
		}
		var sum [3]float64
		dj, hj := 0.0, 0.0
		for n, i := range ks {
			q := 0.0
			if d != nil {
				q = et[n] / d[n]
			}
			ik := g.inv[i]
			v := ec[n]*inv*ik - q
			h := ec[n] * c[n]
			dj += q
			hj += h
			g.diag[i] += q - h*ik*ik
			b, gk := &g.r[i], &g.grad[i]
			sum[0] += v * b[0]
			sum[1] += v * b[1]
			sum[2] += v * b[2]
			gk[0] += v * a[0]
			gk[1] += v * a[1]
			gk[2] += v * a[2]
		}
		g.diag[from1+j] += dj - hj*inv*inv
		gj := &g.grad[from1+j]
		for k := range sum {
			gj[k] += sum[k]
		}
	}
}

// correlate adds Σ_t a_m[t] b_k[t] to c[m][k]; rows of n numbers are stride apart.
func correlate(n, stride, m, k int, a, b, c []float64) {
	for i := range m {
		x := a[i*stride:][:n]
		for j := range k {
			c[i*k+j] += kernel.DotRows(x, b[j*stride:][:n])
		}
	}
}

// combine sets y_m[t] = Σ_k c[m][k] b_k[t].
func combine(n, stride, m, k int, c, b, y []float64) {
	for i := range m {
		to := y[i*stride:][:n]
		clear(to)
		for j := range k {
			kernel.AxpyRows(c[i*k+j], b[j*stride:][:n], to)
		}
	}
}

// bells fills f and df with the values and slopes of bells for distances, bell by bell,
// stride apart.
func (c *scratch) bells(list []bell, r, f, df []float64, stride int) {
	n := len(r)
	c.fc, c.dfc = kernel.Room(c.fc, n), kernel.Room(c.dfc, n)
	var have bell // whose cutoff function is in fc
	for k := range list {
		b := &list[k]
		fk, dfk := f[k*stride:][:n], df[k*stride:][:n]
		if b.fc == 0 {
			w := newWindow(b.inner, b.cutoff, cores[b.name])
			for t, x := range r {
				fk[t], dfk[t] = w.at(x)
			}
			continue
		}
		if have.fc != b.fc || have.cutoff != b.cutoff {
			cutRows(b.fc, b.alpha, b.cutoff, r, c.fc, c.dfc)
			have = *b
		}
		kernel.BellRows(b.eta, b.shift, r, c.fc, c.dfc, fk, dfk)
	}
}
