package train

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/potential"
)

// Linear is a potential whose energy is linear in its parameters, so that a loss of
// squares has its least value where a linear system says.
type Linear interface {
	potential.Trainable
	// Rows writes the derivatives by each parameter, K of them, of the energy to
	// energy [K], of the forces to force [3N][K] and of the virial to virial [9][K].
	// The frame has no ghosts of other ranks.
	Rows(f *potential.Frame, energy, force, virial []float64) error
	// Basis gives the parameters as θ = Tω, T [K][n], such that Σω² is what the
	// regularisation λΣω² should keep small. Where it is nil each parameter is
	// regularised by its own diagonal of the normal equations.
	Basis() (t []float64, n int)
}

// MostCoefficients bounds a fit: two matrices of their square are kept on each rank.
const MostCoefficients = 15000

// Ridge is the fit with one λ: the losses without the regularisation.
type Ridge struct {
	Lambda       float64 // of a loss whose normal equations have 1 as their mean diagonal
	Train, Valid float64
	Norm         float64 // √Σω²; without a basis √Σθ², weighted by the diagonal over its mean
	Best         bool
}

// normal are normal equations: the loss is θᵀAθ − 2bᵀθ + c.
type normal struct {
	k   int
	sum []float64 // A [K][K] of which the upper triangle is made, b, c

	basis                 []float64              // T [parameters][K]; nil: none
	packed                kernel.Matrix[float64] // of it
	energy, force, virial []float64              // rows of one structure, by parameters
	xw                    []float64              // x · T
	x, xt                 []float64              // weighted rows with their labels, and transposed
}

// newNormal begins with none, in a basis T [parameters][n] or, where it is nil, in the
// parameters themselves.
func newNormal(parameters int, basis []float64, n int) *normal {
	if basis == nil {
		n = parameters
	}
	out := &normal{k: n, sum: make([]float64, n*n+n+1), basis: basis}
	if basis != nil {
		out.packed = kernel.Pack[float64](basis, parameters, n, 1)
	}
	return out
}

// parameters is their number.
func (n *normal) parameters() int {
	if n.basis != nil {
		return n.packed.K
	}
	return n.k
}

// parametersOf are θ = Tω.
func (n *normal) parametersOf(omega []float64) []float64 {
	if n.basis == nil {
		return omega
	}
	out := make([]float64, n.parameters())
	for k := range out {
		for m, v := range omega {
			out[k] += n.basis[k*n.k+m] * v
		}
	}
	return out
}

func (n *normal) a() []float64 { return n.sum[:n.k*n.k] }
func (n *normal) b() []float64 { return n.sum[n.k*n.k:][:n.k] }
func (n *normal) c() float64   { return n.sum[n.k*n.k+n.k] }

// loss is θᵀAθ − 2bᵀθ + c.
func (n *normal) loss(theta []float64) float64 {
	sum := n.c()
	for i, t := range theta {
		row := n.a()[i*n.k:]
		sum += t * (t*row[i] - 2*n.b()[i])
		for j := i + 1; j < n.k; j++ {
			sum += 2 * t * theta[j] * row[j]
		}
	}
	return max(sum, 0)
}

// block is the number of columns of A that are made at a time.
const block = 128

// add takes R rows of derivatives x [R][K], weighted, with residuals y [R] at θ = 0.
func (n *normal) add(x, y []float64) {
	k, r := n.k, len(y)
	n.xt = room(n.xt, k*r)
	for i := range r {
		for j, v := range x[i*k:][:k] {
			n.xt[j*r+i] = v
		}
	}
	cols := make([]float64, r*block)
	for from := 0; from < k; from += block {
		to := min(from+block, k)
		for i := range r {
			copy(cols[i*(to-from):], x[i*k+from:i*k+to])
		}
		kernel.Gemm(to, n.xt, r, kernel.Pack[float64](cols, r, to-from, 1), n.a()[from:], k, true)
	}
	b, c := n.b(), &n.sum[k*k+k]
	for i, v := range y {
		*c += v * v
		for j, w := range x[i*k:][:k] {
			b[j] += v * w
		}
	}
}

// rows makes the weighted rows of derivatives of a sample by the parameters, in n.x, and
// their residuals at θ = 0; count are those of the whole set.
func (o *Objective) rows(p Linear, s *sample, count [4]float64, n *normal) ([]float64, error) {
	f, k := o.one.only(s, o.Potential.Cutoff()), n.parameters()
	n.energy, n.force, n.virial = room(n.energy, k), room(n.force, 3*f.N*k), room(n.virial, 9*k)
	if err := p.Rows(f, n.energy, n.force, n.virial); err != nil {
		return nil, err
	}
	// What does not depend on the parameters, which are zero now, is left out of the labels.
	o.energy = room(o.energy, f.N)
	o.bonds.Reset(f.Rows)
	if err := o.Potential.Compute(f, &potential.Result{Energy: o.energy, Bonds: &o.bonds}); err != nil {
		return nil, err
	}
	offset := 0.0
	for _, e := range o.energy[:f.N] {
		offset += e
	}
	n.x = n.x[:0]
	var y []float64
	take := func(label, weight float64, row func(m int) float64) {
		if label != label || weight == 0 {
			return
		}
		w := math.Sqrt(weight)
		for m := range k {
			n.x = append(n.x, w*row(m))
		}
		y = append(y, w*label)
	}
	l, atoms := &o.Loss, float64(f.N)
	take((s.Energy-offset)/atoms, l.Energy*share(s.Weight, count[0]), func(m int) float64 { return n.energy[m] / atoms })
	for i, v := range s.Forces {
		for c := range v {
			row := n.force[(3*i+c)*k:]
			take(v[c]-o.bonds.F[i][c], l.Force*share(s.Weight, count[1]), func(m int) float64 { return row[m] })
		}
	}
	for c := range 9 {
		row, turned := n.virial[c*k:], n.virial[(c%3*3+c/3)*k:]
		fixed := -(o.bonds.W[c/3][c%3] + o.bonds.W[c%3][c/3]) / 2 / s.volume
		take(s.Stress[c/3][c%3]-fixed, l.Stress*share(s.Weight, count[2]), func(m int) float64 { return -(row[m] + turned[m]) / 2 / s.volume })
	}
	return y, nil
}

// absorb adds a sample to the normal equations.
func (o *Objective) absorb(p Linear, s *sample, count [4]float64, n *normal) error {
	y, err := o.rows(p, s, count, n)
	if err != nil {
		return err
	}
	x := n.x
	if n.basis != nil {
		n.xw = room(n.xw, len(y)*n.k)
		kernel.Gemm(len(y), n.x, n.packed.K, n.packed, n.xw, n.k, false)
		x = n.xw
	}
	n.add(x, y)
	return nil
}

// pass is collective: it calls see with each of the samples that this rank was dealt.
func (f *Fit) pass(list []*sample, see func(s *sample) error, done func(n int)) error {
	for at := 0; at < len(list); at += f.o.Comm.Size() {
		if stop, err := f.stopped(); stop || err != nil {
			return errors.Join(err, ErrStopped)
		}
		if k := at + f.o.Comm.Rank(); k < len(list) {
			if err := see(list[k]); err != nil {
				return err
			}
		}
		if done != nil {
			done(min(at+f.o.Comm.Size(), len(list)))
		}
	}
	return nil
}

// gather is collective: the normal equations of all samples.
func (f *Fit) gather(p Linear, list []*sample, n *normal, done func(n int)) (*normal, error) {
	count := counts(list)
	err := f.pass(list, func(s *sample) error { return f.o.absorb(p, s, count, n) }, done)
	if err != nil {
		return nil, err
	}
	return n, f.o.Comm.Allreduce(n.sum, comm.Sum)
}

// losses is collective: the loss of the samples with each set of parameters, from the residuals
// themselves. θᵀAθ − 2bᵀθ + c would lose all digits of a loss that is small beside c.
func (f *Fit) losses(p Linear, list []*sample, n *normal, thetas [][]float64, done func(n int)) ([]float64, error) {
	k, m := n.parameters(), len(thetas)
	w := make([]float64, k*m)
	for j, theta := range thetas {
		for i, v := range theta {
			w[i*m+j] = v
		}
	}
	packed, count, out := kernel.Pack[float64](w, k, m, 1), counts(list), make([]float64, m)
	var says []float64
	err := f.pass(list, func(s *sample) error {
		y, err := f.o.rows(p, s, count, n)
		if err != nil {
			return err
		}
		says = room(says, len(y)*m)
		kernel.Gemm(len(y), n.x, k, packed, says, m, false)
		for i, v := range y {
			for j := range out {
				out[j] += (v - says[i*m+j]) * (v - says[i*m+j])
			}
		}
		return nil
	}, done)
	if err != nil {
		return nil, err
	}
	return out, f.o.Comm.Allreduce(out, comm.Sum)
}

// trusted is the loss, as a part of c, above which θᵀAθ − 2bᵀθ + c has seven digits and more.
const trusted = 1e-6

// Least finds the parameters of a Linear potential that make the loss of the training
// structures plus the regularisation least, for each λ, and puts those into the potential that have
// the least loss on the validation structures. It is collective. done is told how many
// structures are through, of both sets; it may be nil.
func (f *Fit) Least(lambda []float64, done func(n int)) ([]Ridge, error) {
	learner := f.o.Potential
	if s, is := learner.(interface{ Learner() potential.Trainable }); is {
		learner = s.Learner()
	}
	p, ok := learner.(Linear)
	if !ok {
		return nil, fmt.Errorf("train: the potential is not linear in its parameters")
	}
	if len(f.valid) == 0 && len(lambda) != 1 {
		return nil, fmt.Errorf("train: there are no validation structures to choose one of %d regularisations by: give some, or one regularisation", len(lambda))
	}
	if f.n > MostCoefficients {
		return nil, fmt.Errorf("train: %d coefficients: their normal equations would take %.0f GB on each rank; at most %d are fitted", f.n, float64(f.n)*float64(f.n)*16e-9, MostCoefficients)
	}
	f.o.Loss = f.Stages[0].Loss
	f.put(make([]float64, f.n))
	basis, rank := p.Basis()
	fit, err := f.gather(p, f.train, newNormal(f.n, basis, rank), done)
	if err != nil {
		return nil, err
	}
	out, solved, thetas, cancelled := fit.solutions(lambda)
	if len(solved) == 0 {
		return nil, fmt.Errorf("train: the normal equations are singular within rounding with every regularisation of %v: give a larger one", lambda)
	}
	if cancelled {
		x, err := f.losses(p, f.train, fit, thetas, nil)
		if err != nil {
			return nil, err
		}
		for m, i := range solved {
			out[i].Train = x[m]
		}
	}
	best := 0
	if len(f.valid) > 0 {
		x, err := f.losses(p, f.valid, fit, thetas, func(n int) {
			if done != nil {
				done(len(f.train) + n)
			}
		})
		if err != nil {
			return nil, err
		}
		for m, i := range solved {
			out[i].Valid = x[m]
			if x[m] < x[best] {
				best = m
			}
		}
	}
	out[solved[best]].Best = true
	s, theta := &f.State, thetas[best]
	s.Theta, s.BestTheta, s.BestError = theta, theta, out[solved[best]].Valid
	f.put(s.Theta)
	return out, nil
}

// solutions are the fits with each λ, and the parameters of those that could be solved; cancelled
// says that a loss has too few digits.
func (n *normal) solutions(lambda []float64) (out []Ridge, solved []int, thetas [][]float64, cancelled bool) {
	omega := n.weights()
	for i, l := range lambda {
		r := Ridge{Lambda: l, Train: math.NaN(), Valid: math.NaN()}
		if t := n.solve(omega, l); t != nil {
			r.Train = n.loss(t)
			cancelled = cancelled || !(r.Train > trusted*n.c())
			for k, v := range t {
				r.Norm += v * v * omega[k]
			}
			r.Norm = math.Sqrt(r.Norm / mean(omega))
			solved, thetas = append(solved, i), append(thetas, n.parametersOf(t))
		}
		out = append(out, r)
	}
	return out, solved, thetas, cancelled
}

// weights are what λ is multiplied with on the diagonal: the mean diagonal of A in a basis
// of its own, else the diagonal itself, but such that a feature that never varies does not
// make the system singular.
func (n *normal) weights() []float64 {
	out := make([]float64, n.k)
	for i := range out {
		out[i] = n.a()[i*n.k+i]
	}
	m := mean(out)
	for i := range out {
		if n.basis != nil {
			out[i] = m
		}
		out[i] = max(out[i], 1e-10*m)
	}
	return out
}

func mean(x []float64) (m float64) {
	for _, v := range x {
		m += v / float64(len(x))
	}
	return m
}

// solve is the solution of (A + λ diag ω)θ = b by Cholesky's factors, or nil where there is
// none; a second step makes up for the rounding of the first.
func (n *normal) solve(omega []float64, lambda float64) []float64 {
	k := n.k
	m := mat.NewSymDense(k, nil)
	for i := range k {
		for j := i; j < k; j++ {
			m.SetSym(i, j, n.a()[i*k+j])
		}
		m.SetSym(i, i, n.a()[i*k+i]+lambda*omega[i])
	}
	var c mat.Cholesky
	if !c.Factorize(m) {
		return nil
	}
	b, x, rest := mat.NewVecDense(k, n.b()), mat.NewVecDense(k, nil), mat.NewVecDense(k, nil)
	for range 2 {
		rest.MulVec(m, x)
		rest.SubVec(b, rest)
		var step mat.VecDense
		var singular mat.Condition
		if err := c.SolveVecTo(&step, rest); err != nil && !errors.As(err, &singular) {
			return nil
		}
		x.AddVec(x, &step)
	}
	theta := x.RawVector().Data
	for _, v := range theta {
		if v-v != 0 {
			return nil
		}
	}
	return theta
}
