//go:build amd64 && !noasm

package kernel

import (
	"runtime"
	"unsafe"
)

// newLearner32 returns nil when the shape is beyond what the kernels do.
func newLearner32(p path, s *Shape, t *Table) Learner[float32] {
	v := newVectors(p, s, t)
	if v == nil {
		return nil
	}
	if c := newFused(p, s, t); c != nil {
		return &fusedLearner{c, v}
	}
	return v
}

// fusedLearner has generated kernels for all but Learn.
type fusedLearner struct {
	*fused
	learn *vectors
}

// Learn is part of Learner.
func (l *fusedLearner) Learn(e *Edges[float32], from, to int, j []int32, x, g, gx, gcoef []float32) {
	l.learn.Learn(e, from, to, j, x, g, gx, gcoef)
}

// Refresh is part of Learner.
func (l *fusedLearner) Refresh() {
	for k := range l.passes {
		l.passes[k].regroup(l.t, l.lanes)
	}
}

// Refresh is part of Learner: these read the spline itself.
func (c *vectors) Refresh() {}

// Learn is part of Learner.
func (c *vectors) Learn(e *Edges[float32], from, to int, j []int32, x, g, gx, gcoef []float32) {
	if from >= to {
		return
	}
	records := len(x)
	if gx != nil {
		records = min(records, len(gx))
	}
	c.prepare(e, from, to, j, records)
	_, _ = g[c.s.AggWidth-1], gcoef[len(c.t.Coef)-1]
	for i := range c.paths {
		p := &c.paths[i]
		a := c.contracted(p, x, g, gx)
		a.cdelta = int(uintptr(unsafe.Pointer(&gcoef[0])) - uintptr(unsafe.Pointer(&c.t.Coef[0])))
		arg := (*byte)(unsafe.Pointer(a))
		if c.path >= avx512 {
			switch p.d2 {
			case 1:
				pathLearn1AVX512(arg)
			case 3:
				pathLearn3AVX512(arg)
			case 5:
				pathLearn5AVX512(arg)
			case 7:
				pathLearn7AVX512(arg)
			}
			continue
		}
		switch p.d2 {
		case 1:
			pathLearn1AVX2(arg)
		case 3:
			pathLearn3AVX2(arg)
		case 5:
			pathLearn5AVX2(arg)
		case 7:
			pathLearn7AVX2(arg)
		}
	}
	runtime.KeepAlive(gcoef)
}
