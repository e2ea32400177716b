package md

import (
	"sort"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
)

// The cuts between bricks move where the heaviest brick has more than imbalance
// times the mean, and where other cuts lower that by gain. The second keeps what
// cannot be helped, as whole planes of a crystal, from being tried on and on:
// atoms move at a cost of about one list build, and the next follows in ten steps
// or more.
const (
	imbalance = 1.04
	gain      = 0.02
)

// atomWork is what an atom costs beside its edges, in edges. SevenNet-0 takes 31 µs
// for an atom and 3 µs for an edge (docs/decisions/0019: fits to fcc crystals of 1 to 54
// edges per atom).
const atomWork = 10

// balancer knows what the owned atoms cost. The work of a brick is counted, never
// timed: it is a function of the state, so that the same bricks give the same bits
// in every run, and a resumed run moves its cuts as the undisturbed one.
type balancer struct {
	cutter domain.Cutter
	work   []int64 // by owned row, at the last list build
	frac   [][3]float64
}

// reductions are those of a domain.Cutter.
type reductions struct{ c comm.Comm }

func (r reductions) Sum(x []int64) error   { return r.c.AllreduceInt(x, comm.Sum) }
func (r reductions) Max(x []float64) error { return r.c.Allreduce(x, comm.Max) }

// weigh takes the work of the owned atoms from the list just built, which holds
// the nearest first.
func (e *Evaluator) weigh() {
	b, x, c2 := &e.balance, e.Atoms.X, e.Potential.Cutoff()*e.Potential.Cutoff()
	b.work = b.work[:0]
	for i := range e.Atoms.N {
		js := e.list.J[e.list.Row[i]:e.list.Row[i+1]]
		b.work = append(b.work, atomWork+int64(sort.Search(len(js), func(k int) bool {
			d := 0.0
			for l := range x[i] {
				d += (x[js[k]][l] - x[i][l]) * (x[js[k]][l] - x[i][l])
			}
			return d >= c2
		})))
	}
}

// recut is collective: it moves the cuts between bricks where that pays, by the
// work known from the last list, and says whether it did. known is whether there
// is one; else all atoms count the same, on whatever rank they are.
func (e *Evaluator) recut(known bool) (moved bool, err error) {
	n := e.Comm.Size()
	if !e.Balance || n == 1 || e.Partition.N() != n {
		return false, nil
	}
	b, a := &e.balance, e.Atoms
	if !known {
		b.work = b.work[:0]
		for range a.N {
			b.work = append(b.work, 1)
		}
	}
	loads := make([]int64, 2) // of the heaviest brick, and of all
	if known {
		var least int64
		if loads, least, err = e.heaviest(); err != nil {
			return false, err
		}
		if !uneven(loads, n) || !improvable(loads[0], least) {
			return false, nil
		}
	}
	b.frac = b.frac[:0]
	for _, x := range a.X[:a.N] {
		x, _ = e.Cell.Wrap(x)
		b.frac = append(b.frac, e.Cell.Frac(x))
	}
	if !known {
		by := make([]int64, n)
		for i, s := range b.frac {
			by[e.Partition.Owner(s)] += b.work[i]
		}
		if err := e.Comm.AllreduceInt(by, comm.Sum); err != nil {
			return false, err
		}
		for _, w := range by {
			loads[0] = max(loads[0], w)
			loads[1] += w
		}
		if !uneven(loads, n) {
			return false, nil
		}
	}
	part, err := b.cutter.Cut(e.Partition, e.Cell, b.frac, b.work, reductions{e.Comm})
	if err != nil {
		return false, err
	}
	most := int64(0)
	for _, w := range b.cutter.Weight {
		most = max(most, w)
	}
	if !improvable(loads[0], most) {
		return false, nil
	}
	e.Partition = part
	e.Recuts++
	return true, nil
}

// heaviest is collective: the largest of the ranks' loads and their sum, and the
// heaviest atom's, below which no cut brings a brick.
func (e *Evaluator) heaviest() (loads []int64, atom int64, err error) {
	sum, most := []int64{0}, []int64{0, 0}
	for _, w := range e.balance.work {
		sum[0] += w
		most[1] = max(most[1], w)
	}
	most[0] = sum[0]
	if err := e.Comm.AllreduceInt(most, comm.Max); err != nil {
		return nil, 0, err
	}
	err = e.Comm.AllreduceInt(sum, comm.Sum)
	return []int64{most[0], sum[0]}, most[1], err
}

// improvable is whether a heaviest brick of least work would be enough of a gain. Where
// bricks have an atom or two, nothing is, and cuts are not tried at every list build.
func improvable(load, least int64) bool { return float64(least) <= (1-gain)*float64(load) }

// uneven is whether the heaviest of n bricks has so much more than the mean that
// other cuts are looked for.
func uneven(loads []int64, n int) bool {
	return float64(loads[0])*float64(n) > imbalance*float64(loads[1])
}
