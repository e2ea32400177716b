package inproc

import (
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/wigner-md/wigner/comm"
)

// reduction is the meeting place of all ranks: the last to arrive computes, in
// the order of the ranks, and writes every rank's result.
type reduction struct {
	mu      sync.Mutex
	done    atomic.Uint32 // reductions completed
	arrived int
	first   int // the rank that came first and the kind that it called
	kind    kind

	x   [][]float64 // by rank: exactly one of x and n
	n   [][]int64
	acc []float64
	sum []int64
}

type kind struct {
	integer bool
	op      comm.Op
	len     int
}

func (k kind) String() string {
	name, op := "Allreduce", fmt.Sprint("operation ", int(k.op))
	if k.integer {
		name = "AllreduceInt"
	}
	if k.op >= comm.Sum && k.op <= comm.Min {
		op = [...]string{"sum", "max", "min"}[k.op]
	}
	return fmt.Sprintf("%s (%s) of %d numbers", name, op, k.len)
}

// Allreduce replaces x by the reduction in the order of the ranks.
func (r *Rank) Allreduce(x []float64, op comm.Op) error {
	return r.reduce(kind{false, op, len(x)}, x, nil)
}

// AllreduceInt is Allreduce for integers.
func (r *Rank) AllreduceInt(x []int64, op comm.Op) error {
	return r.reduce(kind{true, op, len(x)}, nil, x)
}

func (r *Rank) reduce(k kind, x []float64, n []int64) error {
	w, d := r.w, &r.w.red
	d.mu.Lock()
	if err := w.admit(r.id, k); err != nil {
		d.mu.Unlock()
		w.abort(err)
		return err
	}
	d.x[r.id], d.n[r.id] = x, n
	d.arrived++
	if d.arrived == len(w.ranks) {
		d.compute()
		d.arrived = 0
		d.done.Add(1)
		d.mu.Unlock()
		for _, p := range w.ranks {
			if p != r {
				p.notify()
			}
		}
		return nil
	}
	before := d.done.Load()
	d.mu.Unlock()
	for {
		seen := r.seq.Load()
		if d.done.Load() != before {
			return nil
		}
		if w.failed.Load() != nil || w.ended.Load() > 0 {
			return r.leave(before)
		}
		r.pause(seen)
	}
}

// admit checks that this rank calls the same reduction as the others. The
// caller holds mu.
func (w *world) admit(id int, k kind) error {
	if f := w.failed.Load(); f != nil {
		return f.err
	}
	if k.op < comm.Sum || k.op > comm.Min {
		return fmt.Errorf("inproc: rank %d calls an unknown reduction: %v", id, k)
	}
	d := &w.red
	if d.arrived == 0 {
		d.first, d.kind = id, k
	}
	if k != d.kind {
		return fmt.Errorf("inproc: rank %d calls %v while rank %d calls %v", id, k, d.first, d.kind)
	}
	return nil
}

// leave gives up a reduction that cannot complete.
func (r *Rank) leave(before uint32) error {
	w, d := r.w, &r.w.red
	d.mu.Lock()
	if d.done.Load() != before {
		d.mu.Unlock()
		return nil
	}
	d.x[r.id], d.n[r.id] = nil, nil // nobody writes there any more: admit sees the failure
	k := d.kind
	d.mu.Unlock()
	if f := w.failed.Load(); f != nil {
		return f.err
	}
	for _, p := range w.ranks {
		if p.ended.Load() {
			err := fmt.Errorf("inproc: rank %d has returned while rank %d waits for it in %v", p.id, r.id, k)
			w.abort(err)
			return err
		}
	}
	panic("inproc: left a reduction for no reason")
}

func (d *reduction) compute() {
	if d.kind.integer {
		d.sum = append(d.sum[:0], d.n[0]...)
		for _, n := range d.n[1:] {
			comm.CombineInt(d.sum, n, d.kind.op)
		}
		for i := range d.n {
			copy(d.n[i], d.sum)
			d.n[i] = nil
		}
		return
	}
	d.acc = append(d.acc[:0], d.x[0]...)
	for _, x := range d.x[1:] {
		comm.Combine(d.acc, x, d.kind.op)
	}
	for i := range d.x {
		copy(d.x[i], d.acc)
		d.x[i] = nil
	}
}
