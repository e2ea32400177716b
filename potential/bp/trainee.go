package bp

import "github.com/wigner-md/wigner/potential"

// Trainee is a model whose weights change: a potential.Trainable. Symmetry functions and
// their scaling stay. It serves one goroutine.
type Trainee struct {
	*Evaluator
	params []potential.Param
	n      int
}

// NewTrainee makes one of a configuration and weights, as Read does.
func NewTrainee(config map[any]any, w potential.Weights) (*Trainee, error) {
	s, err := Read(config, w)
	if err != nil {
		return nil, err
	}
	p, err := New(s)
	if err != nil {
		return nil, err
	}
	return &Trainee{p.Evaluator(), s.Params(), p.Parameters()}, nil
}

// Params is part of potential.Trainable.
func (t *Trainee) Params() []potential.Param { return append([]potential.Param(nil), t.params...) }

// Update is part of potential.Trainable: the parameters are the weights themselves.
func (t *Trainee) Update() {}

// Closest is 0: atoms may stand as close as they like.
func (t *Trainee) Closest() float64 { return 0 }

// ParamGradient is part of potential.Trainable.
func (t *Trainee) ParamGradient(f *potential.Frame, dEnergy, e, dst []float64) error {
	if len(dst) != t.n {
		panic("bp: gradient has another length than the parameters")
	}
	t.Describe(f, func(i int, _ []float64) {
		k := t.index[f.Species[i]]
		c, p, el := &t.centres[k], t.passes[k], &t.spec.Elements[k]
		t.inputs(int(k), p)
		e[i] = t.spec.EnergyScale*c.net.forward(p) + el.Shift
		c.net.backward(p, t.spec.EnergyScale*dEnergy[i], dst[c.params:c.params+c.net.size()])
	})
	return nil
}

// Describe calls see with the symmetry functions of each owned atom, which hold until it
// returns.
func (e *Evaluator) Describe(f *potential.Frame, see func(i int, g []float64)) {
	for i := range f.N {
		c := e.gather(f, i)
		e.functions(c)
		see(i, e.g[:c.net.layers[0].In])
	}
}
