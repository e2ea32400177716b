package bp

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/wigner-md/wigner/potential"
)

// Design says what a new model is.
type Design struct {
	Elements []int   // atomic numbers, ascending
	Cutoff   float64 // Å
	// Given are the functions of each element; where it is nil there is a default set:
	Given [][]Function
	// Radial bells for each neighbour's element, r_s even between Shortest and the cutoff,
	// as wide as they are apart; default 8.
	Radial   int
	Shortest float64 // Å
	// Angular exponents η = 2^k/r_c² of narrow functions for each pair of elements, each with
	// λ = ±1 and ζ = 1, 2, 4, 16; default 3.
	Angular int
	Hidden  []int     // widths; default 24, 24
	Shift   []float64 // eV, by element
	Scale   float64   // s, eV
	Seed    uint64    // of the weights
}

// smoothCutoff is n2p2's number of the polynomial with two continuous derivatives.
const smoothCutoff = 6

// functions is the default set of an element.
func (d *Design) functions() (out []Function) {
	n, m := d.Radial, d.Angular
	if n == 0 {
		n = 8
	}
	if m == 0 {
		m = 3
	}
	step := (d.Cutoff - d.Shortest) / float64(n)
	for _, z := range d.Elements {
		for k := range n {
			out = append(out, Function{Type: 2, Z1: z, Eta: 1 / (step * step), Shift: d.Shortest + float64(k)*step, Cutoff: d.Cutoff})
		}
	}
	for a, z := range d.Elements {
		for _, y := range d.Elements[a:] {
			for k := range m {
				for _, lambda := range []float64{-1, 1} {
					for _, zeta := range []float64{1, 2, 4, 16} {
						out = append(out, Function{Type: 3, Z1: z, Z2: y, Eta: math.Pow(2, float64(k)) / (d.Cutoff * d.Cutoff), Lambda: lambda, Zeta: zeta, Cutoff: d.Cutoff})
					}
				}
			}
		}
	}
	return out
}

// New makes the model, its weights random: networks of tanh. each goes through the
// structures of the training; functions are centred and divided by their standard
// deviation there, and those that are constant are left out.
func (d *Design) New(each func(cutoff float64, see func(*potential.Frame) error) error) (*Spec, error) {
	s := &Spec{CutoffType: smoothCutoff, EnergyScale: d.Scale}
	for k, z := range d.Elements {
		e := Element{Z: z, Shift: d.Shift[k]}
		if d.Given != nil {
			e.Functions = d.Given[k]
		} else {
			e.Functions = d.functions()
		}
		for n := range e.Functions {
			e.Functions[n].Factor = 1
		}
		if len(e.Functions) == 0 {
			return nil, fmt.Errorf("bp: element %d has no symmetry functions", z)
		}
		s.Elements = append(s.Elements, e)
	}
	d.networks(s)
	if err := d.scale(s, each); err != nil {
		return nil, err
	}
	d.networks(s)
	return s, s.check()
}

// networks makes the weights.
func (d *Design) networks(s *Spec) {
	rng := rand.New(rand.NewPCG(d.Seed, 0xb9))
	hidden := d.Hidden
	if len(hidden) == 0 {
		hidden = []int{24, 24}
	}
	for k := range s.Elements {
		e := &s.Elements[k]
		e.Layers = nil
		in := len(e.Functions)
		for n, out := range append(append([]int{}, hidden...), 1) {
			l := Layer{In: in, Out: out, Activation: 't', W: make([]float64, in*out), B: make([]float64, out)}
			if n == len(hidden) {
				l.Activation = 'l'
			}
			for i := range l.W {
				l.W[i] = rng.NormFloat64() / math.Sqrt(float64(in))
			}
			e.Layers, in = append(e.Layers, l), out
		}
	}
}

// scale finds the range, mean and deviation of each function.
func (d *Design) scale(s *Spec, each func(cutoff float64, see func(*potential.Frame) error) error) error {
	p, err := New(s)
	if err != nil {
		return err
	}
	type moments struct{ n, sum, square, min, max float64 }
	all := make([][]moments, len(s.Elements))
	for k, e := range s.Elements {
		all[k] = make([]moments, len(e.Functions))
	}
	ev := p.Evaluator()
	if err := each(p.Cutoff(), func(f *potential.Frame) error {
		ev.Describe(f, func(i int, g []float64) {
			for n, x := range g {
				m := &all[p.index[f.Species[i]]][n]
				if m.n == 0 {
					m.min, m.max = x, x
				}
				m.n, m.sum, m.square = m.n+1, m.sum+x, m.square+x*x
				m.min, m.max = min(m.min, x), max(m.max, x)
			}
		})
		return nil
	}); err != nil {
		return err
	}
	for k := range s.Elements {
		e := &s.Elements[k]
		var keep []Function
		for n, f := range e.Functions {
			m := all[k][n]
			mean := m.sum / m.n
			sigma := math.Sqrt(max(0, m.square/m.n-mean*mean))
			if !(sigma > 1e-7*math.Abs(mean)) || !(sigma > 1e-12) {
				continue
			}
			f.Zero, f.Factor, f.Min, f.Max = mean, 1/sigma, m.min, m.max
			keep = append(keep, f)
		}
		if len(keep) == 0 {
			return fmt.Errorf("bp: all symmetry functions of element %d are constant in the training structures", e.Z)
		}
		e.Functions = keep
	}
	return nil
}
