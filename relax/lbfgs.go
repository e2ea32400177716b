package relax

// lbfgs is the quasi-Newton method with a limited memory, without line search: a
// step is shortened where it is too long, and a pair whose curvature is not
// positive is left out. Products are taken between stored vectors only.
type lbfgs struct {
	m     int
	pairs []int // slots in use, oldest first
	top   map[int]float64
	gram  map[[2]int]float64 // products of columns
	moved bool               // displacement is a step that was made
}

// Columns: the gradient before, then s and y of each slot. There is one slot more
// than pairs: the new one is tried before the oldest goes.
const lbfgsBefore = others

func (l *lbfgs) columns() int { return lbfgsBefore + 1 + 2*(l.m+1) }

func (l *lbfgs) s(slot int) int { return lbfgsBefore + 1 + 2*slot }
func (l *lbfgs) y(slot int) int { return l.s(slot) + 1 }

// firstCurvature is that of the first step, eV/Å²: ASE's.
const firstCurvature = 70

func (l *lbfgs) step(r *run) error {
	if l.top == nil {
		l.top, l.gram = map[int]float64{}, map[[2]int]float64{}
	}
	fresh := -1
	if l.moved {
		fresh = l.free()
		s, y := l.s(fresh), l.y(fresh)
		r.set(s, 1, displacement)
		r.set(y, 1, gradient)
		r.axpy(y, -1, lbfgsBefore)
		top, err := r.largest(s, y)
		if err != nil {
			return err
		}
		l.top[s], l.top[y] = top[0], top[1]
	}
	l.top[gradient] = r.top
	if err := l.products(r, fresh); err != nil {
		return err
	}
	r.set(lbfgsBefore, 1, gradient)
	if fresh >= 0 && l.dot(l.s(fresh), l.y(fresh)) > 1e-10*l.dot(l.s(fresh), l.s(fresh)) {
		l.pairs = append(l.pairs, fresh)
		if len(l.pairs) > l.m {
			l.pairs = l.pairs[1:]
		}
	}
	l.direction(r)
	l.moved = true
	return nil
}

// free is a slot that no pair is in.
func (l *lbfgs) free() int {
	used := map[int]bool{}
	for _, p := range l.pairs {
		used[p] = true
	}
	for slot := 0; ; slot++ {
		if !used[slot] {
			return slot
		}
	}
}

// products is collective: those of the gradient, and of the fresh pair, with all.
func (l *lbfgs) products(r *run, fresh int) error {
	all := []int{gradient}
	slots := l.pairs
	if fresh >= 0 {
		slots = append(append([]int(nil), slots...), fresh)
	}
	for _, p := range slots {
		all = append(all, l.s(p), l.y(p))
	}
	var list []product
	add := func(a, b int) { list = append(list, product{a, b, l.top[a] * l.top[b]}) }
	for _, b := range all {
		add(gradient, b)
		if fresh >= 0 && b != gradient {
			add(l.s(fresh), b)
			add(l.y(fresh), b)
		}
	}
	d, err := r.dots(list)
	if err != nil {
		return err
	}
	for i, p := range list {
		l.gram[[2]int{p.a, p.b}], l.gram[[2]int{p.b, p.a}] = d[i], d[i]
	}
	return nil
}

func (l *lbfgs) dot(a, b int) float64 { return l.gram[[2]int{a, b}] }

// direction is −H g by the recursion of Nocedal, whose vectors are known by their
// coefficients.
func (l *lbfgs) direction(r *run) {
	coef := map[int]float64{gradient: -1}
	along := func(t int) (sum float64) {
		sum = coef[gradient] * l.dot(gradient, t)
		for _, p := range l.pairs {
			sum += coef[l.s(p)]*l.dot(l.s(p), t) + coef[l.y(p)]*l.dot(l.y(p), t)
		}
		return sum
	}
	alpha := make([]float64, len(l.pairs))
	for i := len(l.pairs) - 1; i >= 0; i-- {
		s, y := l.s(l.pairs[i]), l.y(l.pairs[i])
		alpha[i] = along(s) / l.dot(s, y)
		coef[y] -= alpha[i]
	}
	gamma := 1.0 / firstCurvature
	if n := len(l.pairs); n > 0 {
		s, y := l.s(l.pairs[n-1]), l.y(l.pairs[n-1])
		gamma = l.dot(s, y) / l.dot(y, y)
	}
	coef[gradient] *= gamma
	for _, p := range l.pairs {
		coef[l.y(p)] *= gamma
	}
	for i, p := range l.pairs {
		s, y := l.s(p), l.y(p)
		coef[s] += alpha[i] - along(y)/l.dot(s, y)
	}
	if along(gradient) >= 0 { // uphill: begin anew
		l.pairs = nil
		r.set(displacement, -1.0/firstCurvature, gradient)
		return
	}
	r.set(displacement, coef[gradient], gradient)
	for _, p := range l.pairs {
		r.axpy(displacement, coef[l.s(p)], l.s(p))
		r.axpy(displacement, coef[l.y(p)], l.y(p))
	}
}
