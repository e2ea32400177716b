package bp

import (
	"math"
	"slices"

	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/potential"
)

// Evaluator is one rank's evaluation of a Potential.
type Evaluator struct {
	*Potential
	edges  edges
	sets   []triples // of the present centre
	g, gg  []float64 // functions, and the energy's gradient by them
	passes []*pass   // by element
	calc   scratch
}

// edges are the bonds of one centre to atoms within the cutoff: by the neighbour's element,
// then by distance.
type edges struct {
	from  []int // where an element's begin, and the end
	j     []int32
	r     [][3]float64
	d     []float64
	inv   []float64
	f, df [][]float64 // by element: values and slopes of its bells, bell by bell
	w     [][]float64 // by element: ∂E/∂f
	diag  []float64   // part of ∂E/∂r along r, by r
	grad  [][3]float64
	near  []near
}

type near struct {
	species int8
	j       int32
	d       float64
	r       [3]float64
}

// scratch is room for what is done with a block of distances or triplets.
type scratch struct {
	fc, dfc   []float64
	a         []float64 // [M][block] products of bells
	rows      []float64 // of waves
	s, d      []float64 // [M][block] sums over waves
	et, ec    []float64 // by triplet: ∂E/∂r_jk and ∂E/∂c
	coef, der []float64 // [M][N]
}

// Evaluator makes one for a rank.
func (p *Potential) Evaluator() *Evaluator {
	e := &Evaluator{Potential: p}
	n, bells, sets := 0, 0, 0
	for k := range p.centres {
		c := &p.centres[k]
		e.passes = append(e.passes, newPass(&c.net))
		n, sets = max(n, len(c.net.layers[0].W)/c.net.layers[0].Out), max(sets, len(c.sets))
		for _, b := range c.bells {
			bells = max(bells, len(b))
		}
	}
	e.g = make([]float64, n)
	e.sets = make([]triples, sets)
	s := len(p.centres)
	e.edges = edges{from: make([]int, s+1), f: make([][]float64, s), df: make([][]float64, s), w: make([][]float64, s)}
	return e
}

// gather fills the bonds of atom i.
func (e *Evaluator) gather(f *potential.Frame, i int) *centre {
	g, rc2, x := &e.edges, e.cutoff*e.cutoff, f.X[i]
	js := f.List.J[f.List.Row[i]:f.List.Row[i+1]]
	g.near = kernel.Room(g.near, len(js))[:0]
	for _, k := range js {
		v := f.X[k]
		d2 := 0.0
		for c := range v {
			v[c] -= x[c]
			d2 += v[c] * v[c]
		}
		if d2 >= rc2 { // NaN goes on, to the energy
			continue
		}
		g.near = append(g.near, near{e.index[f.Species[k]], f.Home[k], d2, v})
	}
	sortNear(g.near)
	n := len(g.near)
	g.j, g.r, g.d, g.inv, g.diag, g.grad = kernel.Room(g.j, n), kernel.Room(g.r, n), kernel.Room(g.d, n), kernel.Room(g.inv, n), kernel.Room(g.diag, n), kernel.Room(g.grad, n)
	s := 0
	g.from[0] = 0
	for k := range g.near {
		a := &g.near[k]
		for ; s < int(a.species); s++ {
			g.from[s+1] = k
		}
		g.j[k], g.r[k] = a.j, a.r
		g.d[k] = math.Sqrt(a.d)
		g.inv[k] = 1 / g.d[k]
		g.diag[k] = 0
	}
	for ; s < len(e.centres); s++ {
		g.from[s+1] = n
	}
	return &e.centres[e.index[f.Species[i]]]
}

// sortNear sorts by element and distance. The list was sorted by distance when it was
// made, so little is out of order where there is one element.
func sortNear(x []near) {
	if len(x) > 48 {
		slices.SortFunc(x, func(a, b near) int {
			switch {
			case a.species != b.species:
				return int(a.species) - int(b.species)
			case a.d < b.d:
				return -1
			case a.d > b.d:
				return 1
			}
			return 0
		})
		return
	}
	for k := 1; k < len(x); k++ {
		v, m := x[k], k
		for ; m > 0 && (v.species < x[m-1].species || v.species == x[m-1].species && v.d < x[m-1].d); m-- {
			x[m] = x[m-1]
		}
		x[m] = v
	}
}

// Compute evaluates one frame. Elements are the caller's to refuse, by Supports.
func (e *Evaluator) Compute(f *potential.Frame, res *potential.Result) error {
	for i := range f.N {
		c := e.gather(f, i)
		e.functions(c)
		k := e.index[f.Species[i]]
		p := e.passes[k]
		e.inputs(int(k), p)
		res.Energy[i] = e.spec.EnergyScale*c.net.forward(p) + e.spec.Elements[k].Shift
		e.gg = c.net.backward(p, e.spec.EnergyScale, nil)
		for n := range e.gg {
			e.gg[n] *= e.spec.Elements[k].Functions[n].Factor
		}
		e.gradient(c)
		g := &e.edges
		res.Bonds.Add(int32(i), g.j, g.r, g.grad)
	}
	return nil
}

// inputs scales the functions.
func (e *Evaluator) inputs(k int, p *pass) {
	for n := range p.x {
		f := &e.spec.Elements[k].Functions[n]
		p.x[n] = f.Low + f.Factor*(e.g[n]-f.Zero)
	}
}

// functions evaluates the symmetry functions of a centre into e.g.
func (e *Evaluator) functions(c *centre) {
	g := &e.edges
	clear(e.g)
	for s, bells := range c.bells {
		from, to := g.from[s], g.from[s+1]
		n := (to - from) * len(bells)
		g.f[s], g.df[s], g.w[s] = kernel.Room(g.f[s], n), kernel.Room(g.df[s], n), kernel.Room(g.w[s], n)
		e.calc.bells(bells, g.d[from:to], g.f[s], g.df[s], to-from)
	}
	for _, t := range c.radial {
		sum := 0.0
		for _, v := range g.table(g.f, t.species, t.bell) {
			sum += v
		}
		e.g[t.function] = sum
	}
	for k := range c.sets {
		t := &e.sets[k]
		t.gather(&c.sets[k], g, &e.calc)
		t.forward(&c.sets[k], g, &e.calc, e.g)
	}
}

// gradient makes of e.gg = ∂E/∂G the gradients by the bonds.
func (e *Evaluator) gradient(c *centre) {
	g := &e.edges
	clear(g.grad)
	for s := range c.bells {
		clear(g.w[s])
	}
	for _, t := range c.radial {
		w := g.table(g.w, t.species, t.bell)
		for k := range w {
			w[k] += e.gg[t.function]
		}
	}
	for k := range c.sets {
		e.sets[k].backward(&c.sets[k], g, &e.calc, e.gg)
	}
	for s, bells := range c.bells {
		from := g.from[s]
		for b := range bells {
			w := g.table(g.w, s, b)
			for k, v := range g.table(g.df, s, b) {
				g.diag[from+k] += v * w[k] * g.inv[from+k]
			}
		}
	}
	for k, r := range g.r {
		for a, v := range r {
			g.grad[k][a] += g.diag[k] * v
		}
	}
}
