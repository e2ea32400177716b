package projection

import (
	"runtime"
	"sync"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/halo"
)

// Spread is the least, mean and greatest over the ranks that were counted.
type Spread struct {
	Min  float64 `json:"min"`
	Mean float64 `json:"mean"`
	Max  float64 `json:"max"`
}

func (s *Spread) add(x float64, first bool) {
	if first || x < s.Min {
		s.Min = x
	}
	if first || x > s.Max {
		s.Max = x
	}
	s.Mean += x
}

// Point is one number of ranks, projected.
type Point struct {
	Atoms   float64 `json:"atoms"`
	Ranks   int     `json:"ranks"`
	Nodes   int     `json:"nodes"`
	Grid    [3]int  `json:"grid"`
	Counted int     `json:"ranks_counted"` // of the ranks; all nodes are counted, or some, evenly spread

	Owned    Spread `json:"owned"`
	Ghosts   Spread `json:"ghosts"` // remote ghosts and images
	Remote   Spread `json:"remote_ghosts"`
	Edges    Spread `json:"edges"`
	Peers    Spread `json:"peers"`
	Messages Spread `json:"messages"` // of a step, with its part of a rebuild
	Bytes    Spread `json:"bytes"`

	Seconds float64 `json:"s_per_step"` // of the slowest rank
	Slowest Time    `json:"slowest"`    // its parts
	Rank    int     `json:"slowest_rank"`
}

// mostWork is how many (sites + 10) × regions are counted before nodes are sampled: a few
// seconds.
const mostWork = 80_000_000

// Project is what one partition would do on a machine, with a halo of this depth
// and edges shorter than cutoff, both in Å. visit, unless nil, sees each rank that
// was counted, one at a time, in any order.
func Project(m *Machine, w *Work, l *Lattice, part domain.Partition, depth, cutoff float64, visit func(*Load, *Time)) (*Point, error) {
	c, err := NewCounter(l, part, depth, cutoff)
	if err != nil {
		return nil, err
	}
	n, per := part.N(), m.RanksPerNode
	out := &Point{Atoms: l.Atoms(), Ranks: n, Nodes: (n + per - 1) / per, Grid: part.Grid()}
	regions, err := halo.Regions(nil, part, l.Cell, n/2, depth)
	if err != nil {
		return nil, err
	}
	first := true
	err = c.nodes(sampled(out.Nodes, 2*len(regions)*(10+len(l.Basis))*min(per, n)), per, n, func(node []*Load) {
		card := m.Through(w, node)
		out.Counted += len(node)
		for _, r := range node {
			t := m.Step(w, r, n, card)
			if s := t.Total(); first || s > out.Seconds || s == out.Seconds && r.Rank < out.Rank {
				out.Seconds, out.Slowest, out.Rank = s, t, r.Rank
			}
			out.add(w, r, first)
			first = false
			if visit != nil {
				visit(r, &t)
			}
		}
	})
	for _, s := range out.spreads() {
		s.Mean /= float64(out.Counted)
	}
	return out, err
}

func (p *Point) spreads() []*Spread {
	return []*Spread{&p.Owned, &p.Ghosts, &p.Remote, &p.Edges, &p.Peers, &p.Messages, &p.Bytes}
}

// add puts one rank into the spreads, whose means are sums until all are there.
func (p *Point) add(w *Work, r *Load, first bool) {
	sent := Traffic{}
	for kind, k := range w.exchanges() {
		sent = sent.plus(r.Sent(Kind(kind), k.Calls, k.RowBytes))
	}
	x := []float64{r.Owned, r.Remote + r.Images, r.Remote, r.Edges * w.Crowd, float64(len(r.Links)), sent.Messages, sent.Bytes}
	for i, s := range p.spreads() {
		s.add(x[i], first)
	}
}

// sampled are the numbers of the nodes to count, where each costs so much: all, or
// evenly spread ones, the first and the last among them.
func sampled(nodes, cost int) []int {
	n := min(nodes, max(1, mostWork/max(1, cost)))
	out := make([]int, n)
	for i := range out {
		if n > 1 {
			out[i] = int(int64(i) * int64(nodes-1) / int64(n-1))
		}
	}
	return out
}

// nodes counts all ranks of some nodes, on all cores, and gives each node to visit,
// one at a time.
func (c *Counter) nodes(nodes []int, per, ranks int, visit func([]*Load)) error {
	var wait sync.WaitGroup
	var mu sync.Mutex
	var failed error
	next := make(chan int)
	for range runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for i := range next {
				loads, err := c.node(i*per, min(ranks, (i+1)*per))
				mu.Lock()
				if err != nil {
					failed = err
				} else {
					visit(loads)
				}
				mu.Unlock()
			}
		})
	}
	for _, i := range nodes {
		next <- i
	}
	close(next)
	wait.Wait()
	return failed
}

// node counts the ranks from ≤ r < to.
func (c *Counter) node(from, to int) (out []*Load, err error) {
	for r := from; r < to; r++ {
		l, err := c.Of(r)
		if err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, nil
}
