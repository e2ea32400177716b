package train

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/internal/philox"
	"github.com/wigner-md/wigner/potential"
)

// Stage is a part of the training with a loss of its own; it begins with its From'th
// epoch, from 0.
type Stage struct {
	From     int
	Loss     Loss
	Schedule Schedule // Rate 0: that of the stage before goes on
}

// Options say how to train.
type Options struct {
	Epochs   int
	Batch    int // structures per step
	Seed     uint64
	Adam     Adam
	Stages   []Stage // at least one, from epoch 0
	Clip     float64 // largest norm of the gradient; 0: any
	EMA      float64 // decay of the mean of the weights per step; 0: none
	Validate int     // epochs between validations, default 1
	Patience int     // validations without improvement after which training ends; 0: never
	Step     float64 // of the central difference, Å
	Frozen   func(name string) bool
	// Stop, unless nil, is asked on every rank between steps; where one says so the
	// epoch in hand is given up and Epoch returns ErrStopped.
	Stop func() bool
}

// ErrStopped is what Epoch returns when it was told to stop: the state is that of the
// beginning of the epoch.
var ErrStopped = errors.New("train: stopped")

// Epoch is what one epoch gave.
type Epoch struct {
	Number int // from 1
	Rate   float64
	Train  Errors  // at the weights of the moment
	Valid  Errors  // with the mean weights; N is zero where it was not made
	Norm   float64 // of the gradient, mean over steps
	Best   bool
}

// Fit trains a potential. It is used by one goroutine per rank, and all of its methods
// are collective.
type Fit struct {
	Options
	State State

	o            Objective
	train, valid []*sample
	params       []potential.Param
	n            int
	g            []float64
	frozen       []bool
}

// State is what a training that goes on needs, the same on every rank.
type State struct {
	Epoch     int // epochs completed
	Theta     []float64
	EMA       []float64 // nil without
	BestTheta []float64 // the weights that validated best in this stage
	BestError float64   // their validation loss
	Since     int       // validations since
	Adam      Adam
	Schedule  Schedule
	Stage     int
}

// NewFit prepares a training on this rank.
func NewFit(c comm.Comm, p potential.Trainable, train, valid []*Structure, opt Options) (*Fit, error) {
	f := &Fit{Options: opt, o: Objective{Potential: p, Comm: c, Step: opt.Step}, params: p.Params()}
	if len(opt.Stages) == 0 || opt.Stages[0].From != 0 || opt.Batch < 1 {
		return nil, fmt.Errorf("train: a first stage from epoch 0 and a batch of at least 1 are needed")
	}
	var err error
	if f.train, err = sampled(c, train, p); err != nil {
		return nil, err
	}
	if f.valid, err = sampled(c, valid, p); err != nil {
		return nil, err
	}
	decays := []bool{}
	for _, q := range f.params {
		cold := opt.Frozen != nil && opt.Frozen(q.Name)
		f.State.Theta = append(f.State.Theta, q.Value...)
		for range q.Value {
			f.frozen = append(f.frozen, cold)
			decays = append(decays, opt.Adam.Decay > 0 && !cold)
		}
	}
	f.n = len(f.State.Theta)
	f.g = make([]float64, f.n)
	f.State.Adam, f.State.Schedule = opt.Adam, opt.Stages[0].Schedule
	f.State.Adam.start(f.n, decays)
	f.State.BestError = math.Inf(1)
	if opt.EMA > 0 {
		f.State.EMA = slices.Clone(f.State.Theta)
	}
	return f, nil
}

// sampled are the samples, which ranks of a process share.
func sampled(c comm.Comm, list []*Structure, p potential.Potential) (out []*sample, err error) {
	for _, s := range list {
		var x *sample
		if x, err = s.sample(p.Cutoff()); err != nil {
			break
		}
		out = append(out, x)
	}
	return out, comm.AnyError(c, err)
}

// Resume puts a state in place of the first one. The error names the key of the
// configuration that the state does not fit.
func (f *Fit) Resume(s State) error {
	if err := f.fits(&s); err != nil {
		return err
	}
	decays := f.State.Adam.decays
	opt := f.State.Adam
	f.State = s
	a := &f.State.Adam
	a.Beta1, a.Beta2, a.Epsilon, a.Decay, a.AMSGrad = opt.Beta1, opt.Beta2, opt.Epsilon, opt.Decay, opt.AMSGrad
	a.start(f.n, decays)
	f.put(f.State.Theta)
	return nil
}

// fits refuses a state that is not one of this training.
func (f *Fit) fits(s *State) error {
	a, own := &s.Adam, &f.State
	for _, x := range []struct {
		name string
		x    []float64
		free bool // may be absent
	}{
		{"weights", s.Theta, false}, {"mean weights", s.EMA, true}, {"best weights", s.BestTheta, true},
		{"first moments", a.M, false}, {"second moments", a.V, false}, {"largest second moments", a.VMax, true},
	} {
		if len(x.x) != f.n && !(x.free && x.x == nil) {
			return fmt.Errorf("model: the saved state has %d %s, the model %d parameters", len(x.x), x.name, f.n)
		}
	}
	switch {
	case s.Epoch < 0 || s.Since < 0 || a.T < 0:
		return fmt.Errorf("the saved state has negative counters")
	case s.Stage < 0 || s.Stage >= len(f.Stages):
		return fmt.Errorf("stage: the saved state is in stage %d after the first, and here are %d", s.Stage, len(f.Stages)-1)
	case (a.VMax != nil) != own.Adam.AMSGrad:
		return fmt.Errorf("optimizer.amsgrad: the saved state was made with %t, here it is %t", a.VMax != nil, own.Adam.AMSGrad)
	case (s.EMA != nil) != (own.EMA != nil):
		return fmt.Errorf("optimizer.ema: one of the saved state and this configuration has a mean of the weights, the other none")
	}
	return nil
}

// put makes the potential follow theta.
func (f *Fit) put(theta []float64) {
	for _, q := range f.params {
		copy(q.Value, theta)
		theta = theta[len(q.Value):]
	}
	f.o.Potential.Update()
}

// Best puts the weights that validated best into the potential; without validation the
// mean weights, or the last.
func (f *Fit) Best() {
	switch {
	case f.State.BestTheta != nil:
		f.put(f.State.BestTheta)
	case f.State.EMA != nil:
		f.put(f.State.EMA)
	default:
		f.put(f.State.Theta)
	}
}

// order is the epoch's permutation of n: a function of seed and epoch.
func (f *Fit) order(n int) []int {
	out := make([]int, n)
	key := make([]uint64, n)
	for k := range out {
		out[k] = k
		key[k] = philox.Uniform(f.Seed, philox.Batches, uint64(f.State.Epoch), uint64(k))[0]
	}
	slices.SortFunc(out, func(a, b int) int {
		switch {
		case key[a] < key[b]:
			return -1
		case key[a] > key[b]:
			return 1
		}
		return a - b
	})
	return out
}

// stage goes to the stage of the epoch in hand.
func (f *Fit) stage() {
	for k := f.State.Stage + 1; k < len(f.Stages) && f.Stages[k].From <= f.State.Epoch; k++ {
		f.State.Stage = k
		if f.Stages[k].Schedule.Rate > 0 {
			f.State.Schedule = f.Stages[k].Schedule
		}
		// What was best by another measure goes on as the start of this stage.
		f.State.BestError, f.State.Since = math.Inf(1), 0
		if f.State.EMA != nil {
			copy(f.State.Theta, f.State.EMA)
		}
	}
	f.o.Loss = f.Stages[f.State.Stage].Loss
}

// span is the first epoch of the present stage and its number of epochs, over which its
// schedule runs.
func (f *Fit) span() (from, epochs float64) {
	k := f.State.Stage
	for k > 0 && f.Stages[k].Schedule.Rate == 0 {
		k--
	}
	first, last := f.Stages[k].From, f.Epochs
	for _, s := range f.Stages[k+1:] {
		if s.Schedule.Rate > 0 {
			last = s.From
			break
		}
	}
	return float64(first), float64(last - first)
}

// stopped is whether a rank was told to stop.
func (f *Fit) stopped() (bool, error) {
	if f.Stop == nil {
		return false, nil
	}
	n := []int64{0}
	if f.Stop() {
		n[0] = 1
	}
	err := f.o.Comm.AllreduceInt(n, comm.Max)
	return n[0] != 0, err
}

// clone is a copy that shares no memory.
func (s *State) clone() State {
	c := *s
	c.Theta, c.EMA, c.BestTheta = slices.Clone(s.Theta), slices.Clone(s.EMA), slices.Clone(s.BestTheta)
	c.Adam.M, c.Adam.V, c.Adam.VMax = slices.Clone(s.Adam.M), slices.Clone(s.Adam.V), slices.Clone(s.Adam.VMax)
	return c
}

// Epoch makes the next epoch. done is told after each step how many of the structures
// are through; it may be nil.
func (f *Fit) Epoch(done func(structures int)) (Epoch, error) {
	before := f.State.clone()
	f.stage()
	f.put(f.State.Theta)
	s := &f.State
	e := Epoch{Number: s.Epoch + 1}
	from, span := f.span()
	order := f.order(len(f.train))
	steps := (len(order) + f.Batch - 1) / f.Batch
	batch := make([]*sample, 0, f.Batch)
	for n := range steps {
		batch = batch[:0]
		for _, k := range order[n*f.Batch : min((n+1)*f.Batch, len(order))] {
			batch = append(batch, f.train[k])
		}
		clear(f.g)
		if stop, err := f.stopped(); stop || err != nil {
			f.State = before
			return e, errors.Join(err, ErrStopped)
		}
		errs, err := f.o.Gradient(batch, f.g)
		if err != nil {
			return e, err
		}
		e.Train.Add(&errs)
		norm, err := f.norm()
		if err != nil {
			return e, err
		}
		e.Norm += norm / float64(steps)
		e.Rate = s.Schedule.rate(float64(s.Epoch)-from+float64(n+1)/float64(steps), span)
		s.Adam.step(s.Theta, f.g, e.Rate)
		f.mean()
		f.put(s.Theta)
		if done != nil {
			done(min((n+1)*f.Batch, len(order)))
		}
	}
	for k := range e.Train.Loss {
		e.Train.Loss[k] /= float64(steps)
	}
	s.Epoch++
	every := max(1, f.Validate)
	if len(f.valid) > 0 && (s.Epoch%every == 0 || s.Epoch == f.Epochs) {
		if err := f.validate(&e); err != nil {
			return e, err
		}
	}
	return e, nil
}

// norm is that of the gradient, which it clips; frozen parameters have none.
func (f *Fit) norm() (float64, error) {
	sum := 0.0
	for k, v := range f.g {
		if f.frozen[k] {
			f.g[k] = 0
			continue
		}
		sum += v * v
	}
	norm := math.Sqrt(sum)
	if norm-norm != 0 {
		return norm, fmt.Errorf("train: the gradient is not finite in epoch %d; a lower learning rate or clipping may help", f.State.Epoch+1)
	}
	if f.Clip > 0 && norm > f.Clip {
		for k := range f.g {
			f.g[k] *= f.Clip / norm
		}
	}
	return norm, nil
}

// mean follows the weights: at first faster, so that it forgets where they began.
func (f *Fit) mean() {
	if f.State.EMA == nil {
		return
	}
	t := float64(f.State.Adam.T)
	d := min(f.EMA, (1+t)/(10+t))
	for k, v := range f.State.Theta {
		f.State.EMA[k] = d*f.State.EMA[k] + (1-d)*v
	}
}

// validate evaluates the mean weights, or the present ones, on the validation set.
func (f *Fit) validate(e *Epoch) error {
	s := &f.State
	theta := s.Theta
	if s.EMA != nil {
		theta = s.EMA
		f.put(theta)
	}
	var err error
	if e.Valid, err = f.o.Evaluate(f.valid, nil); err != nil {
		return err
	}
	loss := e.Valid.Total()
	s.Schedule.validated(loss)
	s.Since++
	if loss < s.BestError {
		s.BestError, s.Since, e.Best = loss, 0, true
		s.BestTheta = append(s.BestTheta[:0], theta...)
	}
	if s.EMA != nil {
		f.put(s.Theta)
	}
	return nil
}

// Done reports whether training has come to its end.
func (f *Fit) Done() bool {
	return f.State.Epoch >= f.Epochs || f.Patience > 0 && f.State.Since >= f.Patience && f.State.Stage == len(f.Stages)-1
}

// Prediction is what the potential says of one structure.
type Prediction struct {
	*Structure
	Energy float64      // eV
	Forces [][3]float64 // eV/Å
	Target []float64    // of a potential that gives a tensor, which has no energy and forces
	Errors Errors
}

// Test evaluates structures with the present weights of the potential. It is collective:
// the errors are those of all, see is called by the rank that evaluated a structure, and
// what it gets is valid until it returns.
func (f *Fit) Test(list []*Structure, see func(Prediction)) (Errors, error) {
	x, err := sampled(f.o.Comm, list, f.o.Potential)
	if err != nil {
		return Errors{}, err
	}
	return f.o.Evaluate(x, func(k int, e *Errors) {
		p := Prediction{Structure: list[k], Errors: *e}
		if potential.ComponentsOf(f.o.Potential) > 0 {
			p.Target = f.o.target
			see(p)
			return
		}
		p.Forces = f.o.bonds.F[:len(list[k].X)]
		for _, v := range f.o.energy {
			p.Energy += v
		}
		see(p)
	})
}
