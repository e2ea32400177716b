package train

import "math"

// Adam is AdamW with, if asked for, AMSGrad: D. P. Kingma, J. Ba, arXiv 1412.6980;
// I. Loshchilov, F. Hutter, arXiv 1711.05101; S. J. Reddi, S. Kale, S. Kumar, ICLR 2018.
// Zero fields take the usual values.
type Adam struct {
	Beta1, Beta2 float64 // default 0.9, 0.999
	Epsilon      float64 // default 1e-8
	Decay        float64 // λ of θ ← θ − η λ θ, where decays says so
	AMSGrad      bool

	T       int64     // steps made
	M, V    []float64 // moments
	VMax    []float64 // largest V/(1 − β₂ᵗ) so far, with AMSGrad
	decays  []bool
	b1, b2  float64
	epsilon float64
}

// start sets the defaults and makes room for n parameters.
func (a *Adam) start(n int, decays []bool) {
	a.b1, a.b2, a.epsilon, a.decays = a.Beta1, a.Beta2, a.Epsilon, decays
	if a.b1 == 0 {
		a.b1 = 0.9
	}
	if a.b2 == 0 {
		a.b2 = 0.999
	}
	if a.epsilon == 0 {
		a.epsilon = 1e-8
	}
	if a.M == nil {
		a.M, a.V = make([]float64, n), make([]float64, n)
		if a.AMSGrad {
			a.VMax = make([]float64, n)
		}
	}
}

// step moves theta against the gradient g at the learning rate; frozen parameters, whose
// gradients are zero, stay.
func (a *Adam) step(theta, g []float64, rate float64) {
	a.T++
	c1, c2 := 1-math.Pow(a.b1, float64(a.T)), 1-math.Pow(a.b2, float64(a.T))
	for k, x := range g {
		a.M[k] = a.b1*a.M[k] + (1-a.b1)*x
		a.V[k] = a.b2*a.V[k] + (1-a.b2)*x*x
		v := a.V[k] / c2
		if a.AMSGrad {
			a.VMax[k] = max(a.VMax[k], v)
			v = a.VMax[k]
		}
		if a.decays != nil && a.decays[k] {
			theta[k] -= rate * a.Decay * theta[k]
		}
		theta[k] -= rate * a.M[k] / c1 / (math.Sqrt(v) + a.epsilon)
	}
}

// Schedule is the learning rate as a function of the progress of training.
type Schedule struct {
	Kind   string  // constant, cosine, linear, exponential or plateau
	Rate   float64 // after the warm-up
	Final  float64 // at the end; of plateau the least
	Warmup float64 // epochs of linear growth from zero
	// plateau: the rate is multiplied by Factor when the validation error has not
	// fallen for Patience validations.
	Factor   float64
	Patience int

	Scale float64 // state of plateau: product of the factors so far; 0 stands for 1
	Worse int     // validations without improvement
	Best  float64 // least error; 0: none yet
}

// rate at an epoch (a fraction counts) of so many.
func (s *Schedule) rate(epoch, epochs float64) float64 {
	if epoch < s.Warmup {
		return s.Rate * epoch / s.Warmup
	}
	x := 0.0
	if epochs > s.Warmup {
		x = min(1, (epoch-s.Warmup)/(epochs-s.Warmup))
	}
	switch s.Kind {
	case "cosine":
		return s.Final + (s.Rate-s.Final)*(1+math.Cos(math.Pi*x))/2
	case "linear":
		return s.Rate + (s.Final-s.Rate)*x
	case "exponential":
		return s.Rate * math.Pow(s.Final/s.Rate, x)
	case "plateau":
		if s.Scale == 0 {
			return s.Rate
		}
		return max(s.Final, s.Rate*s.Scale)
	}
	return s.Rate
}

// validated tells a plateau schedule the validation error.
func (s *Schedule) validated(err float64) {
	if s.Kind != "plateau" {
		return
	}
	if s.Best == 0 || err < s.Best {
		s.Best, s.Worse = err, 0
		return
	}
	if s.Worse++; s.Worse > s.Patience {
		if s.Scale == 0 {
			s.Scale = 1
		}
		s.Scale, s.Worse = s.Scale*s.Factor, 0
	}
}
