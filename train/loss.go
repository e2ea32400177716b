package train

import (
	"math"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/potential"
)

// Loss says what is made small. A weight of zero leaves that label out. Of a potential that
// gives a tensor the loss is that of the target alone, ⟨(T − T*)²⟩ over the components.
type Loss struct {
	Energy, Force, Stress float64 // weights w_E (eV/atom)⁻², w_F (eV/Å)⁻², w_S (eV/Å³)⁻²
	// Huber's δ of each: quadratic below, linear above; 0: quadratic everywhere.
	HuberEnergy, HuberForce, HuberStress float64
}

// rho is ρ and ρ′: x², or Huber's δ(2|x| − δ) beyond δ.
func rho(x, delta float64) (v, d float64) {
	if a := math.Abs(x); delta > 0 && a > delta {
		return delta * (2*a - delta), 2 * math.Copysign(delta, x)
	}
	return x * x, 2 * x
}

// direction is where a sample's positions go: u per atom, and a strain.
type direction struct {
	u      [][3]float64
	strain [3][3]float64
	energy float64   // ∂L/∂E
	target []float64 // ∂L/∂T
	step   float64   // h
}

// Step is the displacement, in Å, of the atom or image that moves furthest in the
// central difference, by default for float32 and float64.
const (
	Step32 = 0.01
	Step64 = 0.0001
)

// Objective evaluates the loss of batches and its gradient on one rank. It is used by
// one goroutine.
type Objective struct {
	Potential potential.Trainable
	Loss      Loss
	Comm      comm.Comm
	Step      float64 // of the central difference, Å

	one    union // of one sample
	all    union // every sample twice
	bonds  potential.Bonds
	energy []float64
	weight []float64
	target []float64
	dirs   []direction
}

// Errors are sums over structures, of all ranks once reduced.
type Errors struct {
	Loss [4]float64 // weighted parts: energy, force, stress, target
	// Sums of |error| and error², and how many: energy per atom (eV), force
	// components (eV/Å), stress components (eV/Å³), components of the target.
	Abs, Square, N [4]float64
}

// Note adds one deviation of kind k.
func (e *Errors) Note(k int, x float64) {
	e.Abs[k] += math.Abs(x)
	e.Square[k] += x * x
	e.N[k]++
}

// Add adds other sums.
func (e *Errors) Add(f *Errors) {
	for k := range e.N {
		e.Loss[k] += f.Loss[k]
		e.Abs[k] += f.Abs[k]
		e.Square[k] += f.Square[k]
		e.N[k] += f.N[k]
	}
}

// MAE is the mean absolute error of energy per atom (k = 0, eV), force components (1,
// eV/Å), stress components (2, eV/Å³) or components of the target (3); NaN without labels.
func (e *Errors) MAE(k int) float64 { return e.Abs[k] / e.N[k] }

// RMSE is the root of the mean squared error, of the same.
func (e *Errors) RMSE(k int) float64 { return math.Sqrt(e.Square[k] / e.N[k]) }

// Total is the whole loss.
func (e *Errors) Total() float64 { return e.Loss[0] + e.Loss[1] + e.Loss[2] + e.Loss[3] }

// counts are the sums of weights that the means of a batch are divided by.
func counts(batch []*sample) (n [4]float64) {
	for _, s := range batch {
		if s.Energy == s.Energy {
			n[0] += s.Weight
		}
		for _, f := range s.Forces {
			for _, v := range f {
				if v == v {
					n[1] += s.Weight
				}
			}
		}
		for k := range s.Stress {
			for _, v := range s.Stress[k] {
				if v == v {
					n[2] += s.Weight
				}
			}
		}
		n[3] += s.Weight * float64(len(s.Target))
	}
	return n
}

// Labels are the sums of the structures' weights over their labels: energies, force
// components, stress components, components of the target. Zero: nothing of the kind counts.
func Labels(list []*Structure) [4]float64 {
	batch := make([]*sample, len(list))
	for k, s := range list {
		batch[k] = &sample{Structure: s}
	}
	return counts(batch)
}

// share is a structure's part w/n of a mean; none where nothing has a weight.
func share(w, n float64) float64 {
	if w == 0 {
		return 0
	}
	return w / n
}

// evaluate computes one sample, adds its errors, and sets its direction unless that is
// nil; n are the counts of the whole batch.
func (o *Objective) evaluate(s *sample, n [4]float64, e *Errors, d *direction) error {
	f := o.one.only(s, o.Potential.Cutoff())
	if c := potential.ComponentsOf(o.Potential); c > 0 {
		return o.tensor(s, c, n[3], e, d)
	}
	o.energy = room(o.energy, f.N)
	o.bonds.Reset(f.Rows)
	if err := o.Potential.Compute(f, &potential.Result{Energy: o.energy, Bonds: &o.bonds}); err != nil {
		return err
	}
	if d != nil {
		d.u = room(d.u, f.N)
		clear(d.u)
		d.strain, d.energy = [3][3]float64{}, 0
	}
	l := &o.Loss
	if s.Energy == s.Energy {
		sum := 0.0
		for _, v := range o.energy[:f.N] {
			sum += v
		}
		x := (sum - s.Energy) / float64(f.N)
		e.Note(0, x)
		v, dv := rho(x, l.HuberEnergy)
		c := l.Energy * share(s.Weight, n[0])
		e.Loss[0] += c * v
		if d != nil {
			d.energy = c * dv / float64(f.N)
		}
	}
	for i, want := range s.Forces {
		for k, w := range want {
			if w != w {
				continue
			}
			x := o.bonds.F[i][k] - w
			e.Note(1, x)
			v, dv := rho(x, l.HuberForce)
			c := l.Force * share(s.Weight, n[1])
			e.Loss[1] += c * v
			if d != nil {
				d.u[i][k] = -c * dv
			}
		}
	}
	for k := range s.Stress {
		for m, w := range s.Stress[k] {
			if w != w {
				continue
			}
			// σ = −W/V, symmetric up to rounding.
			x := -(o.bonds.W[k][m]+o.bonds.W[m][k])/2/s.volume - w
			e.Note(2, x)
			v, dv := rho(x, l.HuberStress)
			c := l.Stress * share(s.Weight, n[2])
			e.Loss[2] += c * v
			if d != nil { // s = −∂L/∂W
				d.strain[k][m] += c * dv / s.volume / 2
				d.strain[m][k] += c * dv / s.volume / 2
			}
		}
	}
	return nil
}

// tensor is evaluate for a potential that gives so many components.
func (o *Objective) tensor(s *sample, components int, n float64, e *Errors, d *direction) error {
	f := &o.one.frame
	o.energy = room(o.energy, f.N*components)
	if err := o.Potential.(potential.Tensorial).Outputs(f, o.energy); err != nil {
		return err
	}
	o.target = room(o.target, components)
	clear(o.target)
	for k, v := range o.energy[:f.N*components] {
		o.target[k%components] += v
	}
	if d != nil {
		d.target = room(d.target, components)
		clear(d.target)
	}
	for k, want := range s.Target {
		x := o.target[k] - want
		e.Note(3, x)
		c := share(s.Weight, n)
		e.Loss[3] += c * x * x
		if d != nil {
			d.target[k] = 2 * c * x
		}
	}
	return nil
}

// tensors is the gradient of a batch of tensors: no differences are needed.
func (o *Objective) tensors(components, mine int, local []float64) error {
	o.weight = room(o.weight, o.all.frame.N*components)
	for k := range mine {
		o.all.place(k, 0, nil)
		p := o.all.parts[k]
		for i := range p.X {
			copy(o.weight[(p.atom+i)*components:], o.dirs[k].target)
		}
	}
	return o.Potential.ParamGradient(&o.all.frame, o.weight, nil, local)
}

// Evaluate adds the errors of this rank's share of the samples, every Size-th, and sums
// them over the ranks. It is collective. see, unless nil, is called with the number of
// each of this rank's samples and its errors.
func (o *Objective) Evaluate(batch []*sample, see func(k int, e *Errors)) (Errors, error) {
	var sum Errors
	n := counts(batch)
	for k := o.Comm.Rank(); k < len(batch); k += o.Comm.Size() {
		var e Errors
		if err := o.evaluate(batch[k], n, &e, nil); err != nil {
			return sum, err
		}
		if see != nil {
			see(k, &e)
		}
		sum.Add(&e)
	}
	return sum, o.reduce(&sum, nil)
}

// Gradient adds the gradient of the batch's loss to g and returns the errors. It is
// collective: the samples are dealt to the ranks, the sums are those of all.
func (o *Objective) Gradient(batch []*sample, g []float64) (Errors, error) {
	var sum Errors
	n := counts(batch)
	o.all.reset()
	cutoff, components := o.Potential.Cutoff(), potential.ComponentsOf(o.Potential)
	mine := 0
	for k := o.Comm.Rank(); k < len(batch); k += o.Comm.Size() {
		if mine == len(o.dirs) {
			o.dirs = append(o.dirs, direction{})
		}
		d := &o.dirs[mine]
		if err := o.evaluate(batch[k], n, &sum, d); err != nil {
			return sum, err
		}
		if components > 0 {
			o.all.add(batch[k])
			mine++
			continue
		}
		d.step = 0 // without labels of forces or stress
		if m := reach(d, cutoff); m > 0 {
			d.step = o.Step / m
		}
		o.all.add(batch[k])
		o.all.add(batch[k])
		mine++
	}
	local := make([]float64, len(g))
	if mine > 0 && components > 0 {
		o.all.build(cutoff)
		if err := o.tensors(components, mine, local); err != nil {
			return sum, err
		}
	} else if mine > 0 {
		o.all.build(cutoff)
		o.weight = room(o.weight, o.all.frame.N)
		for k := range mine {
			d := &o.dirs[k]
			c := 0.0
			if d.step > 0 {
				c = 1 / (2 * d.step)
			}
			o.all.place(2*k, d.step, d)
			o.all.place(2*k+1, -d.step, d)
			for side, w := range [2]float64{d.energy/2 + c, d.energy/2 - c} {
				p := o.all.parts[2*k+side]
				for i := range p.X {
					o.weight[p.atom+i] = w
				}
			}
		}
		o.energy = room(o.energy, o.all.frame.N)
		if err := o.Potential.ParamGradient(&o.all.frame, o.weight, o.energy, local); err != nil {
			return sum, err
		}
	}
	if err := o.reduce(&sum, local); err != nil {
		return sum, err
	}
	for k, v := range local {
		g[k] += v
	}
	return sum, nil
}

// reach is how far, per unit of h, a neighbour moves at most relative to its centre.
func reach(d *direction, cutoff float64) float64 {
	most := 0.0
	for _, u := range d.u {
		most = max(most, math.Sqrt(u[0]*u[0]+u[1]*u[1]+u[2]*u[2]))
	}
	s := 0.0
	for k := range d.strain {
		for _, v := range d.strain[k] {
			s += v * v
		}
	}
	return most + math.Sqrt(s)*cutoff
}

func (o *Objective) reduce(e *Errors, g []float64) error {
	x := g
	for _, p := range []*[4]float64{&e.Loss, &e.Abs, &e.Square, &e.N} {
		x = append(x, p[:]...)
	}
	if err := o.Comm.Allreduce(x, comm.Sum); err != nil {
		return err
	}
	copy(g, x)
	x = x[len(g):]
	for k, p := range []*[4]float64{&e.Loss, &e.Abs, &e.Square, &e.N} {
		copy(p[:], x[4*k:])
	}
	return nil
}
