package property

import (
	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/phonon"
)

// UnitCell is collective: cell, elements, masses (by atomic number) and positions of the
// atoms of e, in the order of their IDs, on all ranks.
func UnitCell(e *md.Evaluator, mass []float64) (*phonon.Crystal, error) {
	move := md.Redistributor{Comm: e.Comm}
	t, err := move.Gather(e.Atoms, nil, md.Fields{Species: true, X: true})
	if err != nil {
		return nil, err
	}
	count := []int64{int64(len(t.ID))} // zero but on rank 0, as is what follows
	if err := e.Comm.AllreduceInt(count, comm.Sum); err != nil {
		return nil, err
	}
	n := int(count[0])
	all := make([]float64, 4*n)
	for i := range t.ID {
		all[4*i] = float64(t.Species[i])
		copy(all[4*i+1:], t.X[i][:])
	}
	if err := e.Comm.Allreduce(all, comm.Sum); err != nil {
		return nil, err
	}
	c := &phonon.Crystal{Cell: e.Cell.Vectors()}
	for i := range n {
		z := int32(all[4*i])
		c.Z, c.Mass = append(c.Z, z), append(c.Mass, mass[z])
		c.X = append(c.X, [3]float64(all[4*i+1:]))
	}
	return c, nil
}

// Forces is collective: it fills the forces of displaced supercells. The atoms of e
// are there again afterwards. see is called on all ranks after each; it may be nil.
func Forces(e *md.Evaluator, s *phonon.Supercell, list []phonon.Displaced, see func(n int) error) error {
	base := keep(e)
	cell, err := domain.NewCell(s.Vectors, e.Cell.Periodic())
	if err != nil {
		return err
	}
	part := domain.NewPartition(cell, e.Comm.Size(), [3]float64{}, [3]float64{1, 1, 1})
	n, size := len(s.SX), e.Comm.Size()
	sum := make([]float64, 3*n)
	for k := range list {
		d := &list[k]
		a := &domain.Atoms{}
		for i := e.Comm.Rank(); i < n; i += size {
			x := s.SX[i]
			if i == d.Atom {
				for c := range x {
					x[c] += d.U[c]
				}
			}
			a.ID, a.Species, a.X = append(a.ID, int64(i+1)), append(a.Species, s.Z[s.From[i]]), append(a.X, x)
		}
		a.N = len(a.ID)
		e.SetSystem(cell, part, a)
		if err := e.Evaluate(); err != nil {
			return err
		}
		if _, err := e.Totals(nil); err != nil { // what the guards have found
			return err
		}
		clear(sum)
		for i, f := range e.Atoms.F[:e.Atoms.N] {
			copy(sum[3*(e.Atoms.ID[i]-1):], f[:])
		}
		if err := e.Comm.Allreduce(sum, comm.Sum); err != nil { // the others add zeros
			return err
		}
		d.F = make([][3]float64, n)
		for i := range d.F {
			d.F[i] = [3]float64(sum[3*i:])
		}
		if see != nil {
			if err := see(k); err != nil {
				return err
			}
		}
	}
	return base.back(e)
}
