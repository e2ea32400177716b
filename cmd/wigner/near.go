package main

import (
	"fmt"
	"math"

	"go.uber.org/zap"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/mpnn"
	"github.com/wigner-md/wigner/potential/sum"
)

// nearOf is what a potential tells of edges too short for its radial tables, and
// the number of its calls; ok is false for one that has no tables.
func nearOf(p potential.Potential) (n mpnn.NearEdges, calls int64, ok bool) {
	switch p := p.(type) {
	case *sum.Potential:
		for _, q := range p.Parts {
			if n, calls, ok = nearOf(q); ok {
				return n, calls, ok
			}
		}
	case *mpnn.Network[float32]:
		return p.Near, p.Calls(), true
	case *mpnn.Network[float64]:
		return p.Near, p.Calls(), true
	}
	return n, 0, false
}

// firstNear is collective: the first such edges on any rank, the shortest of them.
func firstNear(c comm.Comm, n mpnn.NearEdges) (mpnn.NearEdges, error) {
	flag := [1]int64{n.Count}
	if err := c.AllreduceInt(flag[:], comm.Sum); err != nil || flag[0] == 0 {
		return mpnn.NearEdges{}, err
	}
	all, err := perRank(c, n.Count, n.Call, n.ID[0], n.ID[1], int64(math.Float64bits(n.R)))
	if err != nil {
		return n, err
	}
	var out mpnn.NearEdges
	for r, count := range all[0] {
		q := mpnn.NearEdges{Call: all[1][r], ID: [2]int64{all[2][r], all[3][r]}, R: math.Float64frombits(uint64(all[4][r]))}
		if count > 0 && (out.Call == 0 || q.Call < out.Call || q.Call == out.Call && q.R < out.R) {
			out = q
		}
	}
	out.Count = flag[0]
	return out, nil
}

// nearWatch is the observer that warns, once, of atoms closer to each other than
// the radial tables reach.
type nearWatch struct {
	every int
	warn  func(msg string, fields ...zap.Field) // on rank 0
	told  bool
}

// Every is part of md.Observer.
func (w *nearWatch) Every() int { return w.every }

// Observe is part of md.Observer.
func (w *nearWatch) Observe(s *md.Sim) error {
	n, calls, ok := nearOf(s.Potential)
	if !ok || w.told {
		return nil
	}
	step := s.Step - calls // of call 0: each step makes one call
	n, err := firstNear(s.Comm, n)
	if err != nil || n.Count == 0 {
		return err
	}
	w.told = true
	if s.Comm.Rank() == 0 {
		step += n.Call
		w.warn(nearText(fmt.Sprintf("step %d", step), n),
			zap.Int64("step", step), zap.Int64s("atoms", n.ID[:]), zap.Float64("distance_A", n.R))
	}
	return nil
}

// nearText is the warning.
func nearText(where string, n mpnn.NearEdges) string {
	return fmt.Sprintf("%s: atoms %d and %d are %.4g Å apart, closer than the radial tables reach: the radial network itself is evaluated there, but few models have learned from such distances",
		where, n.ID[0], n.ID[1], n.R)
}
