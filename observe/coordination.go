package observe

import (
	"fmt"
	"math"
	"slices"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/md"
)

// Coordination counts how many neighbours of each element the atoms of each
// element have within a distance.
type Coordination struct {
	Schedule
	alone
	Cutoff func(za, zb int) float64 // Å, symmetric

	sys   *System
	pairs pairs
	limit []float64 // squared, by kinds a·n+b
	near  []int32   // neighbours of each row, by kind
	z     []int32   // of the rows
	state coordinationState
	hist  []int64 // by kinds a, b and number, of this rank since the restart
	sums  []int64 // neighbours of this look, by kinds
}

// mostNeighbours is the last column of the distribution: it holds those with more too.
const mostNeighbours = 64

type coordinationState struct {
	From   int64
	Limit  []float64
	Blocks []Blocks // mean numbers, by kinds
	Hist   []int64
}

// Name is part of md.Keeper.
func (o *Coordination) Name() string { return "coordination" }

func (o *Coordination) begin(sys *System) {
	n := len(sys.Z)
	o.sys, o.limit = sys, make([]float64, n*n)
	most := 0.0
	for a := range n {
		for b := range n {
			r := o.Cutoff(int(sys.Z[a]), int(sys.Z[b]))
			o.limit[a*n+b] = r * r
			most = max(most, r)
		}
	}
	o.hist, o.sums = make([]int64, n*n*(mostNeighbours+1)), make([]int64, n*n)
	o.state = coordinationState{From: o.From, Limit: o.limit, Blocks: make([]Blocks, n*n)}
	ready := func(rows int, z []int32) {
		o.near, o.z = append(o.near[:0], make([]int32, rows*n)...), z
	}
	o.pairs = pairs{cutoff: most, ready: ready, see: func(i int, zi, zj int32, r2 float64) {
		a, b := int(o.sys.kind[zi]), int(o.sys.kind[zj])
		if r2 < o.limit[a*n+b] {
			o.near[i*n+b]++
		}
	}}
}

// Observe is part of md.Observer.
func (o *Coordination) Observe(s *md.Sim) error {
	if !o.due(s) {
		return nil
	}
	n := len(o.sys.Z)
	if err := o.pairs.look(&s.Evaluator); err != nil {
		return err
	}
	clear(o.sums)
	for i, zi := range o.z {
		a := int(o.sys.kind[zi])
		for b, k := range o.near[i*n : (i+1)*n] {
			o.sums[a*n+b] += int64(k)
			o.hist[(a*n+b)*(mostNeighbours+1)+int(min(k, mostNeighbours))]++
		}
	}
	sums, err := sumCounts(s.Comm, o.sums)
	if err != nil {
		return err
	}
	for k := range sums {
		o.state.Blocks[k].Push(float64(sums[k]) / float64(o.sys.Number[k/n]))
	}
	return nil
}

// Save is part of md.Keeper.
func (o *Coordination) Save(s *md.Sim) ([]byte, error) {
	st := o.state
	var err error
	if st.Hist, err = sumCounts(s.Comm, o.hist); err != nil {
		return nil, err
	}
	return save(0, 0, st)
}

func (o *Coordination) load(b []byte, root bool) error {
	var st coordinationState
	if err := decode(b, &st); err != nil {
		return err
	}
	if st.From != o.From || !slices.Equal(st.Limit, o.limit) || len(st.Hist) != len(o.hist) {
		return errOther
	}
	if root {
		copy(o.hist, st.Hist)
	}
	st.Hist = nil
	o.state = st
	return nil
}

// Tables is part of Observer: coordination has a row for each pair of elements, the
// centre's first: mean, its error, and the share of the atoms with 0, 1, 2 … such neighbours.
func (o *Coordination) Tables(s *md.Sim) ([]Table, error) {
	hist, err := sumCounts(s.Comm, o.hist)
	if err != nil {
		return nil, err
	}
	n, last := len(o.sys.Z), 0
	for k, c := range hist {
		if c > 0 {
			last = max(last, k%(mostNeighbours+1))
		}
	}
	t := Table{Name: "coordination", Label: "pair", Heads: []string{"cutoff_A", "mean", "error"}}
	for k := range last + 1 {
		t.Heads = append(t.Heads, fmt.Sprintf("n%d", k))
	}
	for a := range n {
		for b := range n {
			p := a*n + b
			q := &o.state.Blocks[p]
			row := []float64{math.Sqrt(o.limit[p]), q.Mean(), q.Err()}
			for _, c := range hist[p*(mostNeighbours+1):][:last+1] {
				row = append(row, ratio(float64(c), float64(q.N()*o.sys.Number[a])))
			}
			t.Labels = append(t.Labels, element.Symbol(int(o.sys.Z[a]))+"-"+element.Symbol(int(o.sys.Z[b])))
			t.Rows = append(t.Rows, row)
		}
	}
	return []Table{t}, nil
}
