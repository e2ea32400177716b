package symmetry

import (
	"math"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/train"
)

// outcome is what a model says of a structure, in the order of its atoms.
type outcome struct {
	energy   float64 // eV
	energies []float64
	forces   []vec     // eV/Å
	tensor   []float64 // sum over the atoms, of a model that gives a tensor
}

// maker makes one rank's potential.
type maker func() potential.Potential

// evaluate computes a structure on in-process ranks.
func evaluate(s *train.Structure, ranks int, mk maker) (*outcome, error) {
	cell, err := domain.NewCell(s.Cell, s.Periodic)
	if err != nil {
		return nil, err
	}
	lo, hi := cell.Bounds(s.X)
	part := domain.NewPartition(cell, ranks, lo, hi)
	out := &outcome{}
	err = inproc.Run(part.N(), func(c comm.Comm) error {
		a := &domain.Atoms{}
		if c.Rank() == 0 {
			for i, x := range s.X {
				a.N++
				a.ID, a.Species, a.X = append(a.ID, int64(i+1)), append(a.Species, int32(s.Z[i])), append(a.X, x)
			}
		}
		p := mk()
		reader := &tensorReader{Potential: p, sum: make([]comm.Fixed, potential.ComponentsOf(p))}
		if len(reader.sum) > 0 {
			p = reader
		}
		ev := md.Evaluator{Comm: c, Potential: p, Guard: md.Guard{MaxForce: math.Inf(1)}}
		ev.SetSystem(cell, part, a)
		if err := ev.Evaluate(); err != nil {
			return err
		}
		sum, err := ev.Totals(nil)
		if err != nil {
			return err
		}
		if err := comm.SumFixed(c, reader.sum); err != nil {
			return err
		}
		move := md.Redistributor{Comm: c}
		t, err := move.Gather(ev.Atoms, ev.Energy, md.Fields{F: true, Energy: true})
		if err != nil || c.Rank() > 0 {
			return err
		}
		out.energy, out.energies, out.forces = sum.Energy, t.Energy, t.F
		for _, v := range reader.sum {
			out.tensor = append(out.tensor, v.Value())
		}
		return nil
	})
	return out, err
}

// tensorReader is a potential without energy that sums up the tensors of its atoms.
type tensorReader struct {
	potential.Potential
	sum []comm.Fixed // the same in whatever order the atoms stand
	out []float64
}

// Compute is part of potential.Potential.
func (r *tensorReader) Compute(f *potential.Frame, res *potential.Result) error {
	n := len(r.sum)
	clear(r.sum)
	clear(res.Energy[:f.N])
	r.out = append(r.out[:0], make([]float64, n*f.N)...)
	err := r.Potential.(potential.Tensorial).Outputs(f, r.out)
	for k, v := range r.out {
		r.sum[k%n].Add(v)
	}
	return err
}

// size is the norm of all forces together.
func size(f []vec) float64 {
	sum := 0.0
	for _, v := range f {
		sum += dot(v, v)
	}
	return math.Sqrt(sum)
}
