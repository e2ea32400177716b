package pair

// tail is what is added to u so that it ends smoothly: energy, slope and curvature
// are zero at the cutoff, and up to r1 only a constant is added, so that forces
// there are those of u itself:
//
//	S(r) = c                                   for r ≤ r1
//	S(r) = c + A/3 (r−r1)³ + B/4 (r−r1)⁴       up to the cutoff r_c, with t = r_c − r1,
//	A = (t u″ − 3 u′)/t²,  B = (2 u′ − t u″)/t³,  c = t u′/2 − t² u″/12 − u   at r_c
//
// It is the switch of LAMMPS's pair styles zbl and tersoff/zbl's kin (pair_zbl in
// the manual) and the force switch of GROMACS for r⁻¹² and r⁻⁶.
type tail struct{ r1, a, b, c float64 }

// newTail makes the tail of a function that has the value u and the derivatives
// du and ddu at the cutoff rc.
func newTail(r1, rc, u, du, ddu float64) tail {
	t := rc - r1
	return tail{r1, (t*ddu - 3*du) / (t * t), (2*du - t*ddu) / (t * t * t), t*du/2 - t*t*ddu/12 - u}
}

// at is what S adds to the constant c, and its derivative, for r beyond r1.
func (s *tail) at(r float64) (u, du float64) {
	x := r - s.r1
	return x * x * x * (s.a/3 + s.b/4*x), x * x * (s.a + s.b*x)
}
