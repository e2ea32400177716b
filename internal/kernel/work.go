package kernel

// Work counts the useful floating-point operations of this convolution for one
// edge: those of the algorithm as it is best written down, a multiply-add as two,
// with a cubic B-spline of four coefficients for each radial weight. What a kernel
// does beyond that (lanes without channels, values made twice) is not counted, so
// that fractions of a machine's peak compare. first tells of a layer whose backward
// pass needs no gradient of x. The harmonics and the fold of the couplings, once for
// all channels, are left out: some per cent.
func (s *Shape) Work(first bool) (forward, backward float64) {
	for b, x := range s.X {
		f, g := 0, 0
		scalars := 0 // paths of l1 = 0
		for i := range s.Paths {
			p := &s.Paths[i]
			if p.X != b {
				continue
			}
			pf, pb := s.pathWork(p)
			f, g = f+4+pf, g+8+pb
			if first {
				g -= 2*x.L + 1 // g_a += W h_a
			}
			if x.L == 0 {
				scalars++
			}
		}
		if scalars > 1 { // R += x·Σ D h: one product with x for all of them
			g -= scalars - 1
		}
		forward += 2 * float64(f*x.Mul)
		backward += 2 * float64(g*x.Mul)
	}
	return forward, backward
}

// pathWork counts multiply-adds of one path and channel, without the radial
// weights W and their slopes D. M[a,k] = Σ_b C[a,b,k] Y_b is the same for all
// channels; B[a,b] = Σ_k C[a,b,k] g_k is made once for each centre atom.
func (s *Shape) pathWork(p *Path) (forward, backward int) {
	n1, n2, n3 := 2*s.X[p.X].L+1, 2*p.L2+1, 2*s.Agg[p.Agg].L+1
	m, b := map[[2]int]bool{}, map[[2]int]bool{}
	for _, t := range p.Terms {
		m[[2]int{t.I, t.K}], b[[2]int{t.I, t.J}] = true, true
	}
	switch {
	case p.L2 == 0: // Y is 1: W x_a into the aggregate; W g_a, and D·Σ x_a g_a
		return n1, 2*n1 + 1
	case n3 == 1: // W·Σ M x; q = W b, Z_m += q x_m, g_m += q Y_m, D·b·Σ x_m Y_m
		return 1 + len(m), 3*n1 + 3
	}
	// W on the shorter side; h = B Y (or its transpose, T = B x), twice B, the
	// products with W and D on the shorter side.
	return min(n1, n3) + len(m), 2*len(b) + 3*min(n1, n2) + 1
}
