package observe

import (
	"math"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/potential"
)

// pairs shows every directed pair of atoms that are nearer than a cutoff. It has
// ghosts and a list of its own, so that the cutoff may be longer than that of the
// forces, which then cost no more.
type pairs struct {
	cutoff float64
	see    func(i int, zi, zj int32, r2 float64) // i is a row of this rank
	ready  func(n int, z []int32)                // called with this rank's rows before the first pair; may be nil
	atoms  domain.Atoms
	eval   *md.Evaluator
}

// Cutoff is part of potential.Potential.
func (p *pairs) Cutoff() float64 { return p.cutoff }

// Supports is part of potential.Potential.
func (p *pairs) Supports(int) bool { return true }

// Compute is part of potential.Potential: no energy, only pairs.
func (p *pairs) Compute(f *potential.Frame, _ *potential.Result) error {
	if p.ready != nil {
		p.ready(f.N, f.Species[:f.N])
	}
	most := p.cutoff * p.cutoff
	for i := range f.N {
		xi, zi := f.X[i], f.Species[i]
		for _, j := range f.List.J[f.List.Row[i]:f.List.Row[i+1]] {
			xj := &f.X[j]
			x, y, z := xj[0]-xi[0], xj[1]-xi[1], xj[2]-xi[2]
			if r2 := x*x + y*y + z*z; r2 < most {
				p.see(i, zi, f.Species[j], r2)
			}
		}
	}
	return nil
}

// look is collective: it shows all pairs of the atoms of e as they are.
func (p *pairs) look(e *md.Evaluator) error {
	a, b := e.Atoms, &p.atoms
	b.N = a.N
	b.ID = append(b.ID[:0], a.ID[:a.N]...)
	b.Species = append(b.Species[:0], a.Species[:a.N]...)
	b.X = append(b.X[:0], a.X[:a.N]...)
	if p.eval == nil {
		p.eval = &md.Evaluator{Comm: e.Comm, Potential: p, Guard: md.Guard{MaxForce: math.Inf(1)}}
	}
	p.eval.SetSystem(e.Cell, e.Partition, b)
	return p.eval.Evaluate()
}

// pairNames are the pairs a ≤ b of kinds in the order of their indices.
func (sys *System) pairNames() (names []string) {
	for a := range sys.Z {
		for b := a; b < len(sys.Z); b++ {
			names = append(names, element.Symbol(int(sys.Z[a]))+"-"+element.Symbol(int(sys.Z[b])))
		}
	}
	return names
}

// pairIndex is the place of kinds a ≤ b among pairNames.
func (sys *System) pairIndex(a, b int) int { return a*len(sys.Z) - a*(a-1)/2 + b - a }

// sumCounts is collective: counts over all ranks.
func sumCounts(c comm.Comm, counts []int64) ([]int64, error) {
	out := append([]int64(nil), counts...)
	err := c.AllreduceInt(out, comm.Sum)
	return out, err
}
