package mace

import (
	"fmt"
	"math"
	"runtime"
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
	bound  float64   // of the deviation; a pair's tables above it are not used
	h      []float64 // of each layer
	errors []RadialError

	mu   sync.Mutex
	one  map[[3]int]pairTable // by layer, i, j
	last *tableSet
}

// pairTable is what a layer has of a pair.
type pairTable struct {
	tables [2]*kernel.Table // weights, density
	error  RadialError
}

// tableSet is the tables of the pairs of some species.
type tableSet struct {
	species []bool
	n       int // of all species of the model
	pairs   int
	pair    []int32 // number of the pair i·n+j; nil where all pairs share the table
	weights []*kernel.Table
	density []*kernel.Table
	exact   [][]bool // by layer and i·n+j: the network instead; nil where no pair of the layer needs it
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
	p := &pairTables{m: m, min: math.Min(firstKnot, m.cfg.cutoff/4), bound: maxDeviation, one: map[[3]int]pairTable{}}
	probes := p.probes()
	p.h, p.errors = make([]float64, len(m.layer)), make([]RadialError, len(m.layer))
	var wait sync.WaitGroup
	for t := range m.layer {
		wait.Go(func() {
			for halved := range 5 {
				p.h[t] = m.cfg.cutoff * step / float64(int(1)<<halved)
				made, e := make([]pairTable, len(probes)), RadialError{}
				for k, q := range probes {
					made[k] = p.make(t, q)
					e = worse(e, made[k].error)
				}
				p.errors[t] = e
				if limit := p.bound / float64(len(probes)); e.Value <= limit || halved == 4 {
					p.mu.Lock()
					for k, q := range probes {
						p.one[[3]int{t, q[0], q[1]}] = made[k]
					}
					p.mu.Unlock()
					return
				}
			}
		})
	}
	wait.Wait()
	return p
}

// probes are the pairs that choose the steps of the knots: the steepest and the flattest.
func (p *pairTables) probes() [][2]int {
	g := p.m.radial.agnesi
	if g == nil {
		return [][2]int{{0, 0}}
	}
	least, most := 0, 0
	for s, r := range g.radius {
		if r < g.radius[least] {
			least = s
		}
		if r > g.radius[most] {
			most = s
		}
	}
	if least == most {
		return [][2]int{{least, least}}
	}
	return [][2]int{{least, least}, {most, most}}
}

// worse is the larger of two errors; one that is no number counts as larger than any.
func worse(a, b RadialError) RadialError {
	b.Value, b.Slope = math.Max(a.Value, b.Value), math.Max(a.Slope, b.Slope)
	return b
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

// make makes and measures the tables of a layer and a pair.
func (p *pairTables) make(t int, q [2]int) pairTable {
	l, segs := &p.m.layer[t], p.segments(p.h[t])
	one := func(net *mlp, raw bool) (*kernel.Table, RadialError) {
		sample := p.sampler(net, q[0], q[1], raw)
		table := kernel.NewTable(segs, net.stages[len(net.stages)-1].m.N, sample)
		value, slope := table.Errors(sample)
		return table, RadialError{Value: value, Slope: slope}
	}
	out := pairTable{}
	out.tables[0], out.error = one(l.mlp, false)
	if l.rho != nil {
		var e RadialError
		out.tables[1], e = one(l.rho, true)
		out.error = worse(out.error, e)
	}
	out.error.Min = p.min
	for _, s := range segs {
		out.error.Intervals += s.N
	}
	return out
}

// good is whether the tables of the probes are as exact as they must be.
func (p *pairTables) good() bool {
	for _, e := range p.errors {
		if !(e.Value <= p.bound) {
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

// pairsOf are the pairs of these species whose tables differ, and the number of each
// pair i·n+j among them.
func (p *pairTables) pairsOf(species []bool) (pairs [][2]int, number []int32) {
	n, ordered := len(species), p.m.ordered()
	number = make([]int32, n*n)
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
			number[i*n+j] = int32(index[q])
		}
	}
	return pairs, number
}

// extended is the set of these species.
func (p *pairTables) extended(species []bool) *tableSet {
	n := len(species)
	set := &tableSet{species: species, n: n}
	var pairs [][2]int
	pairs, set.pair = p.pairsOf(species)
	p.build(set, pairs)
	for t := range p.m.layer {
		exact, any := make([]bool, n*n), false
		for k := range exact {
			if i, j := k/n, k%n; species[i] && species[j] {
				q := pairs[set.pair[k]]
				exact[k] = !(p.one[[3]int{t, q[0], q[1]}].error.Value <= p.bound)
				any = any || exact[k]
			}
		}
		if !any {
			exact = nil
		}
		set.exact = append(set.exact, exact)
	}
	return set
}

// need makes what is missing of the tables of these pairs.
func (p *pairTables) need(pairs [][2]int) {
	var missing [][3]int
	for t := range p.m.layer {
		for _, q := range pairs {
			if key := [3]int{t, q[0], q[1]}; p.one[key].tables[0] == nil {
				missing = append(missing, key)
			}
		}
	}
	made := make([]pairTable, len(missing))
	p.each(missing, func(k int, t pairTable) { made[k] = t })
	for k, key := range missing {
		p.one[key] = made[k]
	}
}

// each makes the tables of these layers and pairs and hands each to do, at once on all cores.
func (p *pairTables) each(keys [][3]int, do func(k int, t pairTable)) {
	next := make(chan int)
	var wait sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(keys)) { // each has scratch
		wait.Go(func() {
			for k := range next {
				do(k, p.make(keys[k][0], [2]int(keys[k][1:])))
			}
		})
	}
	for k := range keys {
		next <- k
	}
	close(next)
	wait.Wait()
}

// build makes what is missing of the tables of these pairs, and stacks them.
func (p *pairTables) build(set *tableSet, pairs [][2]int) {
	set.pairs = len(pairs)
	p.need(pairs)
	for t := range p.m.layer {
		set.weights = append(set.weights, p.stack(t, 0, pairs))
		if p.m.layer[t].rho != nil {
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
		all = append(all, p.one[[3]int{t, q[0], q[1]}].tables[which])
	}
	out := kernel.Stack(all)
	if len(all) > 1 {
		for k, q := range pairs {
			key, n := [3]int{t, q[0], q[1]}, len(all[k].Coef)
			kept := p.one[key]
			kept.tables[which] = &kernel.Table{W: out.W, Segs: out.Segs, Coef: out.Coef[k*n:][:n:n]}
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
// and the flattest pair of species where they depend on the species (see PairErrors).
func (m *Model) RadialErrors() []RadialError {
	New32(m)
	return m.tables.errors
}

// PairError is the error of the tables of a pair of elements, layer by layer.
type PairError struct {
	Centre, Neighbour int // atomic numbers
	Layers            []RadialError
	Used              []bool // else New32 evaluates the network for the edges of atoms that have such a pair
}

// Pairs is how many pairs of elements have tables of their own; 0 where all share them.
func (m *Model) Pairs() int {
	n := len(m.cfg.numbers)
	switch {
	case !m.depends():
		return 0
	case m.ordered():
		return n * n
	}
	return n * (n + 1) / 2
}

// PairErrors makes and measures the tables of all pairs of these elements, as New32 does with
// those that it meets; pairs that differ in their order alone come once where that makes no
// difference. It is empty for models whose tables do not depend on the species.
func (m *Model) PairErrors(zs []int) ([]PairError, error) {
	if New32(m); !m.depends() {
		return nil, nil
	}
	p, species := m.tables, make([]bool, len(m.cfg.numbers))
	for _, z := range zs {
		s, ok := m.cfg.species[z]
		if !ok {
			return nil, fmt.Errorf("mace: the model has no element of atomic number %d", z)
		}
		species[s] = true
	}
	pairs, _ := p.pairsOf(species)
	var keys [][3]int
	for _, q := range pairs {
		for t := range m.layer {
			keys = append(keys, [3]int{t, q[0], q[1]})
		}
	}
	errors := make([]RadialError, len(keys)) // the tables go: those of all pairs of 89 elements are 14 GB
	p.each(keys, func(k int, t pairTable) { errors[k] = t.error })
	var out []PairError
	for k, q := range pairs {
		e := PairError{Centre: m.cfg.numbers[q[0]], Neighbour: m.cfg.numbers[q[1]], Layers: errors[k*len(m.layer):][:len(m.layer)]}
		for _, one := range e.Layers {
			e.Used = append(e.Used, p.good() && one.Value <= p.bound)
		}
		out = append(out, e)
	}
	return out, nil
}
