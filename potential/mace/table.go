package mace

import (
	"math"
	"sync"

	"github.com/wigner-md/wigner/internal/kernel"
)

// The radial functions of single precision are cubic splines with knots at equal
// distances of r_max/400, half of that below 0.4 r_max (see nequip, whose measurements
// hold here too); halved, four times at most, until they deviate by less than
// maxDeviation of the root mean square.
const (
	firstKnot    = 0.5 // Å
	step         = 1. / 400
	nearPart     = 0.4
	maxDeviation = 1e-5
)

// RadialError is the error of the tables of a layer.
type RadialError = kernel.TableError

// pairTables makes the tables of all layers, for each pair of species where the radial
// functions depend on them, when the species are first met. Tables of a pair do not
// depend on what else has been met.
type pairTables struct {
	m      *Model
	min    float64
	h      []float64 // of each layer
	errors []RadialError

	mu   sync.Mutex
	one  map[[3]int][2]*kernel.Table // by layer, i, j: weights, density
	last *tableSet
}

// tableSet is the tables of the pairs of some species.
type tableSet struct {
	species []bool
	n       int // of all species of the model
	pairs   int
	pair    []int32 // number of the pair i·n+j; nil where all pairs share the table
	weights []*kernel.Table
	density []*kernel.Table
}

// depends is whether radial functions depend on the species.
func (m *Model) depends() bool {
	return m.radial.agnesi != nil || m.ordered()
}

// ordered is whether the pair i←j differs from j←i.
func (m *Model) ordered() bool {
	for _, l := range m.layer {
		if l.mlp.pair != nil {
			return true
		}
	}
	return false
}

func newPairTables(m *Model) *pairTables {
	p := &pairTables{m: m, min: math.Min(firstKnot, m.cfg.cutoff/4), one: map[[3]int][2]*kernel.Table{}}
	probes := [][2]int{{0, 0}}
	if g := m.radial.agnesi; g != nil { // the steepest and the flattest pair
		least, most := 0, 0
		for s, r := range g.radius {
			if r < g.radius[least] {
				least = s
			}
			if r > g.radius[most] {
				most = s
			}
		}
		probes = [][2]int{{least, least}, {most, most}}
	}
	p.h, p.errors = make([]float64, len(m.layer)), make([]RadialError, len(m.layer))
	var wait sync.WaitGroup
	for t := range m.layer {
		wait.Go(func() {
			for halved := range 5 {
				p.h[t] = m.cfg.cutoff * step / float64(int(1)<<halved)
				e := RadialError{}
				for _, q := range probes {
					e = p.worse(e, t, q)
				}
				p.errors[t] = e
				if limit := maxDeviation / float64(len(probes)); e.Value <= limit {
					return
				}
			}
		})
	}
	wait.Wait()
	return p
}

func (p *pairTables) worse(e RadialError, t int, q [2]int) RadialError {
	tables := [2]*kernel.Table{p.make(t, q[0], q[1], p.m.layer[t].mlp, false), nil}
	if rho := p.m.layer[t].rho; rho != nil {
		tables[1] = p.make(t, q[0], q[1], rho, true)
	}
	for k, table := range tables {
		if table == nil {
			continue
		}
		net := p.m.layer[t].mlp
		if k == 1 {
			net = p.m.layer[t].rho
		}
		value, slope := table.Errors(p.sampler(net, q[0], q[1], k == 1))
		e.Value, e.Slope = math.Max(e.Value, value), math.Max(e.Slope, slope)
	}
	e.Intervals, e.Min = 0, p.min
	for _, s := range p.segments(p.h[t]) {
		e.Intervals += s.N
	}
	return e
}

// segments cuts [first knot, r_max] into intervals of at most h Å, half of it near.
func (p *pairTables) segments(h float64) []kernel.Segment {
	near, rc := nearPart*p.m.cfg.cutoff, p.m.cfg.cutoff
	if near <= p.min {
		return []kernel.Segment{{A: p.min, B: rc, N: int(math.Ceil((rc-p.min)/h - 1e-6))}}
	}
	return []kernel.Segment{
		{A: p.min, B: near, N: int(math.Ceil(2*(near-p.min)/h - 1e-6))},
		{A: near, B: rc, N: int(math.Ceil((rc-near)/h - 1e-6))},
	}
}

func (p *pairTables) sampler(net *mlp, i, j int, raw bool) func(r float64, seg int, val, slope []float64) {
	q := &radial[float64]{network: newNetwork[float64](net, &p.m.radial, raw), of: &context{}}
	return func(r float64, _ int, val, slope []float64) { q.at(r, i, j, val, slope) }
}

func (p *pairTables) make(t, i, j int, net *mlp, raw bool) *kernel.Table {
	w := net.stages[len(net.stages)-1].m.N
	return kernel.NewTable(p.segments(p.h[t]), w, p.sampler(net, i, j, raw))
}

// good is whether the tables are as exact as they must be.
func (p *pairTables) good() bool {
	for _, e := range p.errors {
		if !(e.Value <= maxDeviation) {
			return false
		}
	}
	return true
}

// with are tables for all species met in these rows, at least.
func (p *pairTables) with(rows ...[]int32) *tableSet {
	n := len(p.m.cfg.numbers)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil {
		p.last = &tableSet{species: make([]bool, n), n: n}
		if !p.m.depends() {
			p.build(p.last, [][2]int{{0, 0}})
			for s := range p.last.species {
				p.last.species[s] = true
			}
		}
	}
	var more []bool
	for _, r := range rows {
		for _, s := range r {
			if !p.last.species[s] {
				if more == nil {
					more = append([]bool(nil), p.last.species...)
				}
				more[s] = true
			}
		}
	}
	if more != nil {
		p.last = p.extended(more)
	}
	return p.last
}

// extended is the set of these species.
func (p *pairTables) extended(species []bool) *tableSet {
	n := len(species)
	set := &tableSet{species: species, n: n, pair: make([]int32, n*n)}
	ordered := p.m.ordered()
	var pairs [][2]int
	index := map[[2]int]int{}
	for i := range n {
		for j := range n {
			if !species[i] || !species[j] {
				continue
			}
			q := [2]int{i, j}
			if !ordered && j < i {
				q = [2]int{j, i}
			}
			if _, ok := index[q]; !ok {
				index[q] = len(pairs)
				pairs = append(pairs, q)
			}
			set.pair[i*n+j] = int32(index[q])
		}
	}
	p.build(set, pairs)
	return set
}

// build makes what is missing of the tables of these pairs, and stacks them.
func (p *pairTables) build(set *tableSet, pairs [][2]int) {
	set.pairs = len(pairs)
	layers := p.m.layer
	var missing [][3]int
	for t := range layers {
		for _, q := range pairs {
			if key := [3]int{t, q[0], q[1]}; p.one[key][0] == nil {
				missing = append(missing, key)
			}
		}
	}
	made := make([][2]*kernel.Table, len(missing))
	var wait sync.WaitGroup
	for k, key := range missing {
		wait.Go(func() {
			t, i, j := key[0], key[1], key[2]
			made[k][0] = p.make(t, i, j, layers[t].mlp, false)
			if layers[t].rho != nil {
				made[k][1] = p.make(t, i, j, layers[t].rho, true)
			}
		})
	}
	wait.Wait()
	for k, key := range missing {
		p.one[key] = made[k]
	}
	for t := range layers {
		set.weights = append(set.weights, p.stack(t, 0, pairs))
		if layers[t].rho != nil {
			set.density = append(set.density, p.stack(t, 1, pairs))
		} else {
			set.density = append(set.density, nil)
		}
	}
}

// stack puts the tables of these pairs one after another. What is kept of each is then a
// part of the stack, so that numbers are held once; a table in use is not changed.
func (p *pairTables) stack(t, which int, pairs [][2]int) *kernel.Table {
	var all []*kernel.Table
	for _, q := range pairs {
		all = append(all, p.one[[3]int{t, q[0], q[1]}][which])
	}
	out := kernel.Stack(all)
	if len(all) > 1 {
		for k, q := range pairs {
			key, n := [3]int{t, q[0], q[1]}, len(all[k].Coef)
			kept := p.one[key]
			kept[which] = &kernel.Table{W: out.W, Segs: out.Segs, Coef: out.Coef[k*n:][:n:n]}
			p.one[key] = kept
		}
	}
	return out
}

// Tabulated reports whether the tables of New32 are good enough to be used; else New32
// evaluates the radial network for every edge.
func (m *Model) Tabulated() bool {
	New32(m)
	return m.tables.good()
}

// RadialErrors are the errors of the tables that New32 uses, layer by layer; of the steepest
// and the flattest pair of species where they depend on the species.
func (m *Model) RadialErrors() []RadialError {
	New32(m)
	return m.tables.errors
}
