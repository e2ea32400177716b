package bp

import (
	"fmt"
	"math"
	"slices"
)

// Spec is a model: lengths in Å, energies in eV.
type Spec struct {
	CutoffType     int     // n2p2's number: 1 cosine, 2 and 3 tanh³, 4 exponential, 5 … 8 polynomials
	CutoffAlpha    float64 // where the cutoff function begins, as a part of each cutoff
	NormalizeNodes bool    // sums of a layer are divided by its number of inputs
	EnergyScale    float64 // s: eV for 1 of the network's output
	Elements       []Element
}

// Element is a kind of atom.
type Element struct {
	Z         int
	Shift     float64 // E₀, eV
	Functions []Function
	Layers    []Layer
}

// Function is a symmetry function, of type
//
//	 2  Σ_j e^(−η(r−r_s)²) f_c(r)
//	 3  2^(1−ζ) Σ_jk (1+λ cos θ)^ζ Π e^(−η(r−r_s)²) f_c(r) over r_ij, r_ik, r_jk
//	 9  the same over r_ij, r_ik
//	20  Σ_j C(r)
//	21  Σ_jk C(θ) Π C(r) over r_ij, r_ik, r_jk
//	22  the same over r_ij, r_ik
type Function struct {
	Type                     int
	Z1, Z2                   int // neighbours; Z2 is 0 where there is one
	Eta, Shift, Lambda, Zeta float64
	Inner, Cutoff            float64 // Inner: where a compact function begins
	Left, Right              float64 // angles of a compact function, degrees
	Core                     string  // p1 … p4, p1a … p4a (of the distances alone) or e
	Zero, Factor, Low        float64 // x = Low + Factor·(G − Zero)
	Min, Max                 float64 // of G in the training, where they are known
}

// Layer of a network: y = f(x·W + b).
type Layer struct {
	In, Out    int
	Activation byte      // n2p2's letter
	W, B       []float64 // [In][Out], [Out]
}

func (f *Function) angular() bool { return f.Type == 3 || f.Type == 9 || f.Type == 21 || f.Type == 22 }
func (f *Function) compact() bool { return f.Type >= 20 }
func (f *Function) narrow() bool  { return f.Type == 3 || f.Type == 21 }

// check says what is wrong with a model.
func (s *Spec) check() error {
	if s.CutoffType < 1 || s.CutoffType > 8 || !(s.CutoffAlpha >= 0 && s.CutoffAlpha < 1) {
		return fmt.Errorf("bp: cutoff function %d, inner part %g", s.CutoffType, s.CutoffAlpha)
	}
	if len(s.Elements) == 0 || !finite(s.EnergyScale) || s.EnergyScale == 0 {
		return fmt.Errorf("bp: %d elements, energy scale %g", len(s.Elements), s.EnergyScale)
	}
	known := map[int]bool{}
	for _, e := range s.Elements {
		if e.Z < 1 || e.Z > 118 || known[e.Z] || !finite(e.Shift) {
			return fmt.Errorf("bp: element %d twice, not one, or with the energy %g", e.Z, e.Shift)
		}
		known[e.Z] = true
	}
	for _, e := range s.Elements {
		seen := map[Function]int{}
		for n, f := range e.Functions {
			if err := f.check(known); err != nil {
				return fmt.Errorf("bp: element %d, function %d: %w", e.Z, n+1, err)
			}
			if was, twice := seen[f.bare()]; twice {
				return fmt.Errorf("bp: element %d, function %d: the same as function %d", e.Z, n+1, was+1)
			}
			seen[f.bare()] = n
		}
		if err := e.network(); err != nil {
			return fmt.Errorf("bp: element %d: %w", e.Z, err)
		}
	}
	return nil
}

// bare is the function without its scaling, its neighbours in order.
func (f Function) bare() Function {
	f.Zero, f.Factor, f.Low, f.Min, f.Max = 0, 0, 0, 0, 0
	if f.Z2 > 0 {
		f.Z1, f.Z2 = min(f.Z1, f.Z2), max(f.Z1, f.Z2)
	}
	return f
}

func (f *Function) check(known map[int]bool) error {
	switch {
	case !slices.Contains([]int{2, 3, 9, 20, 21, 22}, f.Type):
		return fmt.Errorf("type %d is not supported; 2, 3, 9, 20, 21 and 22 are", f.Type)
	case !known[f.Z1] || f.angular() != (f.Z2 != 0) || f.Z2 != 0 && !known[f.Z2]:
		return fmt.Errorf("neighbours %d and %d are not elements of the model", f.Z1, f.Z2)
	case !finite(f.Eta, f.Shift, f.Lambda, f.Zeta, f.Inner, f.Cutoff, f.Left, f.Right, f.Zero, f.Factor, f.Low, f.Min, f.Max):
		return fmt.Errorf("a number is not finite")
	case f.Cutoff <= 0 || f.Cutoff > 1000 || f.Eta < 0:
		return fmt.Errorf("cutoff %g Å, eta %g Å⁻²", f.Cutoff, f.Eta)
	case !f.compact() && f.angular() && (f.Zeta < 1 || f.Zeta > 1e4 || math.Abs(f.Lambda) > 1):
		return fmt.Errorf("zeta %g, lambda %g", f.Zeta, f.Lambda)
	case f.compact() && f.Inner >= f.Cutoff, f.compact() && f.angular() && f.Left >= f.Right:
		return fmt.Errorf("a compact function from %g to %g Å, %g to %g degrees", f.Inner, f.Cutoff, f.Left, f.Right)
	}
	if f.compact() {
		if _, ok := cores[f.Core]; !ok {
			return fmt.Errorf("compact function %q is not known", f.Core)
		}
	}
	return nil
}

func (e *Element) network() error {
	in := len(e.Functions)
	if in == 0 || len(e.Layers) == 0 {
		return fmt.Errorf("%d functions, %d layers", in, len(e.Layers))
	}
	for n, l := range e.Layers {
		if l.In != in || len(l.W) != l.In*l.Out || len(l.B) != l.Out || l.Out < 1 {
			return fmt.Errorf("layer %d has %d inputs, %d outputs, %d weights and %d biases; %d come in", n+1, l.In, l.Out, len(l.W), len(l.B), in)
		}
		if _, ok := activations[l.Activation]; !ok {
			return fmt.Errorf("activation %q is not known", l.Activation)
		}
		if !finite(l.W...) || !finite(l.B...) {
			return fmt.Errorf("layer %d has a weight that is not finite", n+1)
		}
		in = l.Out
	}
	if in != 1 {
		return fmt.Errorf("the network has %d outputs, not one", in)
	}
	return nil
}

func finite(x ...float64) bool {
	for _, v := range x {
		if v-v != 0 {
			return false
		}
	}
	return true
}
