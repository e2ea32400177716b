package potential

// Param is a named part of a potential's trained numbers. Value is a view: who trains
// writes to it and then calls Update.
type Param struct {
	Name  string
	Shape []int
	Value []float64
}

// Trainable is a potential whose parameters θ can be fitted. The gradient of a loss on
// forces needs no more: with v = ∂L/∂F, its part is −v·∂/∂x of ParamGradient, which a
// central difference along v gives (docs/decisions).
type Trainable interface {
	Potential
	// Params are all parameters, always in the same order.
	Params() []Param
	// Update makes the potential follow what was written to the parameters.
	Update()
	// ParamGradient adds Σ_i dEnergy_i ∂E_i/∂θ to dst, the parameters one after
	// another, and writes the atomic energies to e. It is collective where Compute
	// is; dst is this rank's part.
	ParamGradient(f *Frame, dEnergy, e, dst []float64) error
}

// Tensorial is a potential that may give a tensor instead of an energy: a vector such as
// the dipole, or a pseudoscalar, as a sum over the atoms. Where it does, Compute is an
// error; of a Trainable, dEnergy has Components numbers for each atom, and e is nil.
type Tensorial interface {
	// Components is how many numbers there are of each atom; 0: an energy.
	Components() int
	// Outputs sets out, Components numbers for each owned atom. It is collective where
	// Compute is.
	Outputs(f *Frame, out []float64) error
}

// ComponentsOf is the number of p's components, 0 where it gives an energy.
func ComponentsOf(p Potential) int {
	if t, ok := p.(Tensorial); ok {
		return t.Components()
	}
	return 0
}
