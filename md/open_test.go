package md

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
)

// cluster is n atoms near a lattice, in a cell that is periodic along c only,
// or nowhere, with lattice vectors missing.
func cluster(c comm.Comm, n int, wire bool) (domain.Cell, domain.Partition, *domain.Atoms) {
	var v [3][3]float64
	if wire {
		v[2] = [3]float64{1, 2, 12}
	}
	cell, err := domain.NewCell(v, [3]bool{2: wire})
	if err != nil {
		panic(err)
	}
	a := &domain.Atoms{}
	lo, hi := [3]float64{math.Inf(1), math.Inf(1), math.Inf(1)}, [3]float64{math.Inf(-1), math.Inf(-1), math.Inf(-1)}
	for i := range n {
		x := [3]float64{float64(i%3) * 3.8, float64(i/3%3) * 3.7, float64(i/9) * 3.9}
		for k, f := range cell.Frac(x) {
			lo[k], hi[k] = min(lo[k], f), max(hi[k], f)
		}
		if i%c.Size() == c.Rank() {
			a.ID, a.Species, a.X = append(a.ID, int64(i+1)), append(a.Species, 18), append(a.X, x)
		}
	}
	a.N = len(a.ID)
	a.V, a.Image = make([][3]float64, a.N), make([][3]int32, a.N)
	return cell, domain.NewPartition(cell, c.Size(), lo, hi), a
}

// Clusters and wires, with more ranks than atoms too: the same trajectory on
// any ranks, a restart that is exact, and no pressure where there is no volume.
func TestOpenBoundaries(t *testing.T) {
	for _, atoms := range []int{3, 27} {
		for _, wire := range []bool{false, true} {
			var ref [][3]float64
			for _, ranks := range []int{1, 2, 5} {
				t.Run(fmt.Sprintf("%d atoms, wire %v, %d ranks", atoms, wire, ranks), func(t *testing.T) {
					dir := t.TempDir()
					setup := func(c comm.Comm) *Sim {
						s := &Sim{Evaluator: Evaluator{Comm: c, Potential: argon(t, true), Skin: 0.4}, Mass: masses(), Integrator: VelocityVerlet{}}
						return s
					}
					var whole *Table
					on(t, ranks, func(c comm.Comm) error {
						s := setup(c)
						s.Cell, s.Partition, s.Atoms = cluster(c, atoms, wire)
						s.Dt = 5 * Femtosecond
						k := &Checkpoint{Dir: dir}
						if err := errors.Join(s.SetVelocities(30, 3), s.Run(100), k.Write(s), s.Run(100)); err != nil {
							return err
						}
						th, err := s.Thermo()
						if err != nil {
							return err
						}
						if !math.IsNaN(th.Volume) || !math.IsNaN(th.Pressure()) || !(th.Temperature > 1) {
							t.Errorf("%+v", th)
						}
						tb, err := all(s)
						if err != nil || c.Rank() > 0 {
							return err
						}
						whole = tb
						x := unwrapped(&s.Cell, tb)
						if ref == nil {
							ref = x
						}
						if d := apart(ref, x); !(d < 1e-10) {
							t.Errorf("positions differ by %g Å", d)
						}
						return nil
					})
					on(t, ranks, func(c comm.Comm) error {
						r, err := ReadRestart(c, dir)
						if err != nil {
							return err
						}
						s := setup(c)
						if exact, err := s.Resume(r); err != nil || !exact || s.Cell.Given() {
							return fmt.Errorf("exact %v, cell given %v, %w", exact, s.Cell.Given(), err)
						}
						if cell, _, _ := cluster(c, atoms, wire); s.Cell != cell {
							t.Errorf("the cell of the restart is %v, that of the run %v", s.Cell, cell)
						}
						if err := s.Run(100); err != nil {
							return err
						}
						tb, err := all(s)
						if c.Rank() == 0 && err == nil && !slices.Equal(tb.X, whole.X) {
							t.Errorf("after the restart positions differ by %g Å", apart(tb.X, whole.X))
						}
						return err
					})
				})
			}
		}
	}
}

// One evaluator for several structures gives what fresh ones give, to the bit.
func TestSetSystem(t *testing.T) {
	on(t, 3, func(c comm.Comm) error {
		e := Evaluator{Comm: c, Potential: argon(t, true)}
		for _, n := range []int{3, 1, 4, 1, 2} {
			fresh := newSim(t, c, n)
			_, a := fccArgon(n, c.Rank(), c.Size())
			e.SetSystem(fresh.Cell, fresh.Partition, a)
			fresh.Skin = 0
			if err := errors.Join(e.Evaluate(), fresh.Evaluate()); err != nil {
				return err
			}
			x, err := e.Totals(nil)
			if err != nil {
				return err
			}
			y, err := fresh.Totals(nil)
			if err != nil {
				return err
			}
			if x != y || x.Atoms != int64(4*n*n*n) {
				t.Errorf("%d³ cells: %+v, fresh %+v", n, x, y)
			}
		}
		return nil
	})
}
