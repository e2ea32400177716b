package nequip

import (
	"slices"

	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential/linear"
)

// leaveOutDead leaves out what no energy depends on: messages of irreps that the layer's
// second map has no output for, with their paths and radial weights. Networks to 2e of
// natural parity, as of SevenNet's is_parity with irreps_manual, send 1e and 2o in vain:
// 4 paths of 15, and 11 of 34 to 3o.
func (m *Model) leaveOutDead() {
	for n := range m.layer {
		m.layer[n].leaveOutDead()
	}
}

func (l *layerWeights) leaveOutDead() {
	to := make([]int, len(l.message)) // where each block of messages goes, or -1
	live := o3.Irreps{}
	for k, r := range l.message {
		to[k] = -1
		if slices.ContainsFunc(l.lin2.Pairs, func(p linear.Pair) bool { return p.In == k }) {
			to[k] = len(live)
			live = append(live, r)
		}
	}
	if len(live) == len(l.message) || len(live) == 0 {
		return
	}
	l.message = live
	lin2 := *l.lin2
	lin2.In, lin2.Pairs = live, nil
	for _, p := range l.lin2.Pairs {
		p.In = to[p.In]
		lin2.Pairs = append(lin2.Pairs, p)
	}
	l.lin2 = &lin2

	var paths []o3.Path
	var columns []int
	for _, p := range l.paths {
		if !slices.ContainsFunc(live, func(r o3.MulIrrep) bool { return r.Irrep == p.Out }) {
			continue
		}
		from := p.Weight
		p.Weight = len(columns)
		for u := range p.Mul {
			columns = append(columns, from+u)
		}
		paths = append(paths, p)
	}
	l.paths = paths
	last := &l.mlp[len(l.mlp)-1]
	w := make([]float64, 0, last.K*len(columns))
	for k := range last.K {
		for _, c := range columns {
			w = append(w, last.W[k*last.N+c])
		}
	}
	*last = linear.Matrix{K: last.K, N: len(columns), W: w}
}
