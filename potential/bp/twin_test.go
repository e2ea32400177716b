package bp

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/potentialtest"
)

// The slow twin: the definitions, each written out, over all atoms and images.

func twinCut(kind int, alpha, rc, r float64) float64 {
	if r >= rc {
		return 0
	}
	if kind == 2 || kind == 3 {
		c := 1.0
		if kind == 3 {
			c = 1 / math.Pow(math.Tanh(1), 3)
		}
		return c * math.Pow(math.Tanh(1-r/rc), 3)
	}
	return twinFall([]string{1: "c", 4: "e", 5: "p1", 6: "p2", 7: "p3", 8: "p4"}[kind], max(0, (r-alpha*rc)/(rc-alpha*rc)))
}

// twinFall falls from 1 to 0. Polynomials as sums: the smoothstep of order n.
func twinFall(name string, x float64) float64 {
	pow := math.Pow
	switch name {
	case "c":
		return pow(math.Cos(math.Pi*x/2), 2)
	case "e":
		return math.Exp(1 - 1/(1-x*x))
	}
	n := int(name[1] - '0')
	s := 0.0
	for k := 0; k <= n; k++ { // 1 − S_n(x), S_n = x^(n+1) Σ_k C(n+k, k) C(2n+1, n−k) (−x)^k
		s += choose(n+k, k) * choose(2*n+1, n-k) * pow(-x, float64(k))
	}
	return 1 - pow(x, float64(n+1))*s
}

func choose(n, k int) float64 {
	c := 1.0
	for i := range k {
		c = c * float64(n-i) / float64(i+1)
	}
	return math.Round(c)
}

func twinCompact(name string, left, right, x float64) float64 {
	y := math.Abs(x-(left+right)/2) / ((right - left) / 2)
	if y >= 1 {
		return 0
	}
	if name[len(name)-1] == 'a' {
		y, name = y*(2-y), name[:2]
	}
	return twinFall(name, y)
}

func twinFunction(s *Spec, f *Function, z []int, r [][3]float64) (sum float64) {
	length := func(v [3]float64) float64 { return math.Sqrt(v[0]*v[0] + v[1]*v[1] + v[2]*v[2]) }
	radial := func(d float64) float64 {
		if f.Type >= 20 {
			return twinCompact(f.Core, f.Inner, f.Cutoff, d)
		}
		return math.Exp(-f.Eta*(d-f.Shift)*(d-f.Shift)) * twinCut(s.CutoffType, s.CutoffAlpha, f.Cutoff, d)
	}
	for j := range r {
		if f.Z2 == 0 {
			if z[j] == f.Z1 {
				sum += radial(length(r[j]))
			}
			continue
		}
		for k := range r {
			if j >= k || !(z[j] == f.Z1 && z[k] == f.Z2 || z[j] == f.Z2 && z[k] == f.Z1) {
				continue
			}
			a, b := r[j], r[k]
			c := max(-1, min(1, (a[0]*b[0]+a[1]*b[1]+a[2]*b[2])/length(a)/length(b)))
			t := radial(length(a)) * radial(length(b))
			if f.Type == 3 || f.Type == 21 {
				t *= radial(length([3]float64{a[0] - b[0], a[1] - b[1], a[2] - b[2]}))
			}
			if f.Type >= 20 {
				core := f.Core
				if len(core) == 3 {
					core = core[:2]
				}
				sum += t * twinCompact(core, f.Left, f.Right, 180/math.Pi*math.Acos(c))
			} else {
				sum += t * 2 * math.Pow((1+f.Lambda*c)/2, f.Zeta)
			}
		}
	}
	return sum
}

func twinActivation(a byte, x float64) float64 {
	switch a {
	case 'l':
		return x
	case 't':
		return math.Tanh(x)
	case 's':
		return 1 / (1 + math.Exp(-x))
	case 'p':
		return math.Log(1 + math.Exp(x))
	case 'r':
		return max(0, x)
	case 'g':
		return math.Exp(-x * x / 2)
	case 'c':
		return math.Cos(x)
	case 'S':
		return 1 - 1/(1+math.Exp(-x))
	case 'e':
		return math.Exp(-x)
	case 'h':
		return x * x
	}
	panic("no activation")
}

// twinEnergy is the energy of an atom with neighbours of elements z at r.
func twinEnergy(s *Spec, centre int, z []int, r [][3]float64) float64 {
	for _, e := range s.Elements {
		if e.Z != centre {
			continue
		}
		var x []float64
		for n := range e.Functions {
			f := &e.Functions[n]
			x = append(x, f.Low+f.Factor*(twinFunction(s, f, z, r)-f.Zero))
		}
		for _, l := range e.Layers {
			y := make([]float64, l.Out)
			for o := range y {
				for i, v := range x {
					y[o] += v * l.W[i*l.Out+o]
				}
				y[o] += l.B[o]
				if s.NormalizeNodes {
					y[o] /= float64(l.In)
				}
				y[o] = twinActivation(l.Activation, y[o])
			}
			x = y
		}
		return s.EnergyScale*x[0] + e.Shift
	}
	panic("no element")
}

// twin evaluates all atoms of a structure.
func twin(s *Spec, sys potentialtest.System, cutoff float64) (energies []float64) {
	span := [3]int{}
	for k, p := range sys.Periodic {
		if p {
			span[k] = 3
		}
	}
	for i, x := range sys.X {
		var z []int
		var r [][3]float64
		for j, y := range sys.X {
			for a := -span[0]; a <= span[0]; a++ {
				for b := -span[1]; b <= span[1]; b++ {
					for c := -span[2]; c <= span[2]; c++ {
						var v [3]float64
						d := 0.0
						for k := range v {
							v[k] = y[k] - x[k] + float64(a)*sys.Cell[0][k] + float64(b)*sys.Cell[1][k] + float64(c)*sys.Cell[2][k]
							d += v[k] * v[k]
						}
						if d < cutoff*cutoff && (i != j || a != 0 || b != 0 || c != 0) {
							z, r = append(z, sys.Z[j]), append(r, v)
						}
					}
				}
			}
		}
		energies = append(energies, twinEnergy(s, sys.Z[i], z, r))
	}
	return energies
}

// example is a model with two elements, functions of the given types, random weights.
func example(types []int, cutoffType int, alpha float64, act string) *Spec {
	rng := rand.New(rand.NewPCG(uint64(cutoffType), uint64(len(types))))
	s := &Spec{CutoffType: cutoffType, CutoffAlpha: alpha, EnergyScale: 1.7, NormalizeNodes: cutoffType == 5}
	zs := []int{6, 8}
	for _, z := range zs {
		e := Element{Z: z, Shift: -float64(z) / 3}
		add := func(f Function) {
			f.Zero, f.Factor, f.Low = 0.3*rng.Float64(), 0.2+rng.Float64(), 0.1
			e.Functions = append(e.Functions, f)
		}
		for _, t := range types {
			switch t {
			case 2:
				for _, z1 := range zs {
					add(Function{Type: 2, Z1: z1, Eta: 0.3, Shift: 1.1, Cutoff: 4.5})
					add(Function{Type: 2, Z1: z1, Eta: 0.05, Cutoff: 4})
				}
			case 3, 9:
				for _, q := range [][2]int{{6, 6}, {6, 8}, {8, 8}} {
					for _, zeta := range []float64{1, 2, 4, 16, 2.5} {
						add(Function{Type: t, Z1: q[0], Z2: q[1], Eta: 0.04, Lambda: -1, Zeta: zeta, Cutoff: 4.5})
						add(Function{Type: t, Z1: q[0], Z2: q[1], Eta: 0.01, Shift: 0.2, Lambda: 1, Zeta: zeta, Cutoff: 4.5})
					}
					add(Function{Type: t, Z1: q[0], Z2: q[1], Eta: 0.02, Lambda: 0.5, Zeta: 7, Cutoff: 3.8})
				}
			case 20:
				add(Function{Type: 20, Z1: 6, Inner: -4, Cutoff: 4, Core: "p2a"})
				add(Function{Type: 20, Z1: 8, Inner: 1, Cutoff: 4.5, Core: "e"})
				add(Function{Type: 20, Z1: 8, Inner: 1, Cutoff: 4.5, Core: "p3"})
			case 21, 22:
				add(Function{Type: t, Z1: 6, Z2: 8, Inner: -4, Cutoff: 4, Left: -90, Right: 90, Core: "p2"})
				add(Function{Type: t, Z1: 6, Z2: 8, Inner: -4, Cutoff: 4, Left: 90, Right: 270, Core: "p2a"})
				add(Function{Type: t, Z1: 8, Z2: 8, Inner: 0.5, Cutoff: 4.4, Left: 30, Right: 150, Core: "p4a"})
				add(Function{Type: t, Z1: 6, Z2: 6, Inner: 0.5, Cutoff: 4.4, Left: 30, Right: 150, Core: "p3"})
			}
		}
		in := len(e.Functions)
		for k, a := range act {
			out := 5 - k
			if k == len(act)-1 {
				out = 1
			}
			l := Layer{In: in, Out: out, Activation: byte(a), B: make([]float64, out), W: make([]float64, in*out)}
			for i := range l.W {
				l.W[i] = rng.NormFloat64() / math.Sqrt(float64(in))
			}
			for i := range l.B {
				l.B[i] = 0.3 * rng.NormFloat64()
			}
			e.Layers, in = append(e.Layers, l), out
		}
		s.Elements = append(s.Elements, e)
	}
	return s
}

// examples have every type, cutoff function and activation.
var examples = []struct {
	types []int
	kind  int
	alpha float64
	act   string
}{
	{[]int{2, 3}, 1, 0, "ttl"},
	{[]int{2, 9}, 6, 0.1, "ppl"},
	{[]int{2, 3}, 6, 0, "tl"},
	{[]int{2, 3, 9}, 2, 0, "sgl"},
	{[]int{2, 9}, 3, 0, "cSl"},
	{[]int{2, 3}, 4, 0.3, "tel"},
	{[]int{2, 9}, 5, 0, "hl"},
	{[]int{2, 3}, 7, 0, "ptl"},
	{[]int{2}, 8, 0.5, "tl"},
	{[]int{20, 22}, 1, 0, "ppl"},
	{[]int{20, 21, 22, 9}, 1, 0, "ttl"},
}

func build(t *testing.T, s *Spec) *Potential {
	t.Helper()
	p, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// crystalOf is a small skew cell, smaller than twice the cutoff.
func crystalOf(seed uint64) potentialtest.System {
	rng := rand.New(rand.NewPCG(seed, 1))
	s := potentialtest.System{Cell: [3][3]float64{{4.4, 0, 0}, {1, 4.1, 0}, {0, -0.5, 4.8}}, Periodic: [3]bool{true, true, true}}
	for i := range 8 {
		var x [3]float64
		for k, c := range s.Cell {
			f := float64(i>>k&1)/2 + 0.05*rng.NormFloat64()
			for l := range x {
				x[l] += f * c[l]
			}
		}
		s.X, s.Z = append(s.X, x), append(s.Z, []int{6, 8}[i%3%2])
	}
	return s
}

func TestTwin(t *testing.T) {
	for n, x := range examples {
		t.Run(fmt.Sprint(x.types, x.kind), func(t *testing.T) {
			s := example(x.types, x.kind, x.alpha, x.act)
			p := build(t, s)
			sys := crystalOf(uint64(n))
			got, err := potentialtest.Evaluate(sys, potentialtest.Setup{}, func() potential.Potential { return p.Evaluator() })
			if err != nil {
				t.Fatal(err)
			}
			for i, want := range twin(s, sys, p.Cutoff()) {
				if d := math.Abs(got.Energies[i] - want); !(d <= 1e-11*max(1, math.Abs(want))) {
					t.Errorf("atom %d: %.14g eV, the twin has %.14g", i, got.Energies[i], want)
				}
			}
		})
	}
}

// Atoms in line, as in a perfect crystal: the angle 180° has its full weight, no infinite
// slope, and the forces vanish by symmetry.
func TestInLine(t *testing.T) {
	for _, types := range [][]int{{2, 3, 9}, {20, 21, 22}} {
		s := example(types, 1, 0, "ttl")
		sys := potentialtest.System{Cell: [3][3]float64{{2.2, 0, 0}, {0, 2.2, 0}, {0, 0, 2.2}}, Periodic: [3]bool{true, true, true}, X: [][3]float64{{}}, Z: []int{8}}
		p := build(t, s)
		got, err := potentialtest.Evaluate(sys, potentialtest.Setup{}, func() potential.Potential { return p.Evaluator() })
		if err != nil {
			t.Fatal(err)
		}
		if want := twin(s, sys, p.Cutoff())[0]; math.Abs(got.Energy-want) > 1e-11 {
			t.Errorf("%v: %.14g eV, the twin has %.14g", types, got.Energy, want)
		}
		for _, f := range got.Forces[0] {
			if !(math.Abs(f) < 1e-12) {
				t.Errorf("%v: force %v", types, got.Forces[0])
			}
		}
	}
}

func TestSuite(t *testing.T) {
	for _, x := range examples {
		t.Run(fmt.Sprint(x.types, x.kind), func(t *testing.T) {
			if testing.Short() && x.kind > 2 {
				t.Skip("short")
			}
			p := build(t, example(x.types, x.kind, x.alpha, x.act))
			potentialtest.Run(t, func() potential.Potential { return p.Evaluator() }, potentialtest.Options{
				Elements: []int{6, 8}, MinDistance: 1.5, Ranks: []int{1, 2, 3, 8},
			})
		})
	}
}
