package md

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/hybrid"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/philox"
)

// piece is a part of fcc argon, a = 5.26 Å, displaced by 0.1 Å, in a periodic cell.
type piece struct {
	cell domain.Cell
	x    [][3]float64
}

// cutOut takes from n³ unit cells the atoms that keep wants, in units of the cell's
// edge.
func cutOut(n int, keep func(s [3]float64) bool) *piece {
	cell, whole := fccArgon(n, 0, 1)
	p := &piece{cell: cell}
	for _, x := range whole.X {
		if keep(cell.Frac(x)) {
			p.x = append(p.x, x)
		}
	}
	return p
}

// atoms are every size-th of them.
func (p *piece) atoms(c comm.Comm) *domain.Atoms {
	a := &domain.Atoms{}
	for i := c.Rank(); i < len(p.x); i += c.Size() {
		a.ID, a.Species, a.X = append(a.ID, int64(i+1)), append(a.Species, 18), append(a.X, p.x[i])
	}
	a.N = len(a.ID)
	a.V, a.Image = make([][3]float64, a.N), make([][3]int32, a.N)
	return a
}

// halfEmpty is a slab, ball a particle of the radius given in a box of vacuum.
func halfEmpty(s [3]float64) bool { return s[2] < 0.499 }

func ball(radius float64) func(s [3]float64) bool {
	return func(s [3]float64) bool {
		d := 0.0
		for k := range s {
			d += (s[k] - 0.45) * (s[k] - 0.45)
		}
		return d < radius*radius
	}
}

// two densities: below a tenth of the crystal is left, above all of it.
func twoDensities(s [3]float64) bool {
	return s[0] > 0.5 || philox.Normal(3, philox.Rattle, uint64(1e9*s[1]), uint64(1e9*s[2]))[0] > 1.3
}

// sim is the piece at 20 K.
func (p *piece) sim(t testing.TB, c comm.Comm, balance bool) *Sim {
	s := &Sim{
		Evaluator: Evaluator{
			Comm: c, Partition: domain.NewPartition(p.cell, c.Size(), [3]float64{}, [3]float64{1, 1, 1}),
			Cell: p.cell, Atoms: p.atoms(c), Potential: argon(t, true), Skin: 0.25, Balance: balance,
		},
		Mass: masses(), Dt: 4 * Femtosecond, Integrator: VelocityVerlet{},
	}
	if err := s.SetVelocities(20, 7); err != nil {
		t.Fatal(err)
	}
	return s
}

// evenness is the greatest number of edges on a rank over the mean.
func evenness(s *Sim) (float64, error) {
	sp, err := SpreadOf(s.Comm, float64(s.Edges()))
	if err != nil {
		return 0, err
	}
	return sp[0].Max / sp[0].Avg, nil
}

// The figures asked for: a half-empty box on 8 ranks within 1.05 of the mean number
// of edges, a spherical particle on 64 ranks within 1.15, while equal boxes are
// worse by far; at the first evaluation and after the particle has moved.
func TestBalancedEdges(t *testing.T) {
	if race {
		t.Skip("slow; the other tests here move cuts too")
	}
	for _, k := range []struct {
		name         string
		n, ranks     int
		keep         func(s [3]float64) bool
		equal, bound float64 // equal boxes are at least as bad as
	}{
		{"slab", 14, 8, halfEmpty, 1.9, 1.05},
		{"particle", 24, 64, ball(0.3), 3, 1.15},
		{"two densities", 12, 8, twoDensities, 1.7, 1.08},
		{"crystal", 12, 8, func([3]float64) bool { return true }, 1, 1.05},
	} {
		p := cutOut(k.n, k.keep)
		for _, balance := range []bool{false, true} {
			on(t, k.ranks, func(c comm.Comm) error {
				s := p.sim(t, c, balance)
				for _, steps := range []int64{0, 30} {
					if err := s.Run(steps); err != nil {
						return err
					}
					e, err := evenness(s)
					if err != nil || c.Rank() > 0 {
						if err != nil {
							return err
						}
						continue
					}
					t.Logf("%s, %d atoms on %d ranks, balance %v, after %d steps: max/mean of the edges %.3f (bricks moved %d times)",
						k.name, s.Total(), k.ranks, balance, s.Step, e, s.Recuts)
					switch {
					case !balance && (e < k.equal || s.Recuts > 0 || !s.Partition.Equal()):
						t.Errorf("%s: equal boxes are as even as %.3f", k.name, e)
					case balance && e > k.bound:
						t.Errorf("%s: the bound is %g", k.name, k.bound)
					case k.name == "crystal" && steps == 0 && s.Recuts > 0:
						t.Errorf("the bricks of a homogeneous crystal moved")
					}
				}
				return nil
			})
		}
	}
}

// Energy, forces and virial do not depend on the ranks, with more ranks than there
// is matter for too.
func TestBalancedResults(t *testing.T) {
	for name, keep := range map[string]func(s [3]float64) bool{
		"slab": halfEmpty, "particle": ball(0.25), "two densities": twoDensities,
		"nearly nothing": ball(0.08),
	} {
		p := cutOut(6, keep)
		var want *Table
		var sum Totals
		for _, ranks := range []int{1, 2, 3, 8, 27, 64} {
			on(t, ranks, func(c comm.Comm) error {
				s := p.sim(t, c, true)
				if err := s.Start(); err != nil {
					return err
				}
				tot, err := s.Totals(nil)
				if err != nil {
					return err
				}
				got, err := all(s)
				if err != nil || c.Rank() > 0 {
					return err
				}
				if want == nil {
					want, sum = got, tot
					return nil
				}
				scale := max(1, sum.MaxForce)
				if d := apart(got.F, want.F); !(d <= 1e-10*scale) {
					t.Errorf("%s, %d ranks: forces differ by %g eV/Å", name, ranks, d)
				}
				n := float64(tot.Atoms)
				if d := math.Abs(tot.Energy-sum.Energy) / n; !(d <= 1e-10) {
					t.Errorf("%s, %d ranks: energies differ by %g eV per atom", name, ranks, d)
				}
				if d := apart(tot.Virial[:], sum.Virial[:]) / n; !(d <= 1e-10) {
					t.Errorf("%s, %d ranks: virials differ by %g eV per atom", name, ranks, d)
				}
				return nil
			})
		}
	}
}

// drifting is a particle that flies across the faces of its cell, so that the cuts
// must follow it.
func drifting(t testing.TB, p *piece, c comm.Comm) *Sim {
	s := p.sim(t, c, true)
	for i := range s.Atoms.V {
		s.Atoms.V[i][0] += 0.25
		s.Atoms.V[i][1] -= 0.1
	}
	return s
}

// state is all that a trajectory is, in one number per atom and component.
func state(s *Sim) ([][3]float64, error) {
	tb, err := all(s)
	if err != nil || s.Comm.Rank() > 0 {
		return nil, err
	}
	return slices.Concat(tb.X, tb.V, tb.F), nil
}

// The same bricks give the same bits on any number of processes while their cuts
// move, and after a restart.
func TestMovingCutsSameBits(t *testing.T) {
	const bricks, steps = 8, 400
	dir, p := t.TempDir(), cutOut(7, ball(0.25))
	var want [][3]float64
	var moved int64
	for _, share := range [][]int{{8}, {3, 2, 3}, {1, 1, 1, 1, 1, 1, 1, 1}} {
		err := inproc.Run(len(share), func(outer comm.Comm) error {
			return hybrid.Run(outer, share, func(c comm.Comm) error {
				s := drifting(t, p, c)
				if err := s.Run(steps / 2); err != nil {
					return err
				}
				if want == nil {
					k := Checkpoint{Dir: dir}
					if err := k.Write(s); err != nil {
						return err
					}
				}
				half := s.Recuts
				if err := s.Run(steps / 2); err != nil {
					return err
				}
				x, err := state(s)
				if err != nil || c.Rank() > 0 {
					return err
				}
				if half == 0 || s.Recuts == half {
					t.Errorf("the cuts moved %d times, then %d times", half, s.Recuts-half)
				}
				if moved == 0 {
					want, moved = x, s.Recuts-half
				}
				if !slices.Equal(x, want) {
					t.Errorf("on processes of %v bricks the result differs by %g", share, apart(x, want))
				}
				return nil
			})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	on(t, bricks, func(c comm.Comm) error {
		r, err := ReadRestart(c, dir)
		if err != nil {
			return err
		}
		s := &Sim{
			Evaluator: Evaluator{Comm: c, Potential: argon(t, true), Skin: 0.25, Balance: true}, Mass: masses(), Integrator: VelocityVerlet{},
		}
		if exact, err := s.Resume(r); err != nil || !exact {
			return fmt.Errorf("exact: %v; %w", exact, err)
		}
		if err := s.Run(steps / 2); err != nil {
			return err
		}
		x, err := state(s)
		if c.Rank() == 0 && err == nil {
			if s.Recuts != moved || !slices.Equal(x, want) {
				t.Errorf("resumed: the cuts moved %d times, not %d, and the result differs by %g", s.Recuts, moved, apart(x, want))
			}
		}
		return err
	})
	// On other bricks, within rounding; the cuts are made anew.
	on(t, 3, func(c comm.Comm) error {
		r, err := ReadRestart(c, dir)
		if err != nil {
			return err
		}
		s := &Sim{
			Evaluator: Evaluator{Comm: c, Potential: argon(t, true), Skin: 0.25, Balance: true}, Mass: masses(), Integrator: VelocityVerlet{},
		}
		exact, err := s.Resume(r)
		if err := errors.Join(err, s.Run(20)); err != nil {
			return err
		}
		e, err := evenness(s)
		if exact || e > 1.1 {
			t.Errorf("exact %v, max/mean of the edges %.3f", exact, e)
		}
		return err
	})
}

// A grid that was asked for stays one while its cuts move.
func TestMovingGrid(t *testing.T) {
	p := cutOut(7, ball(0.25))
	on(t, 8, func(c comm.Comm) error {
		s := drifting(t, p, c)
		grid := [3]int{4, 1, 2}
		s.Partition = domain.NewGrid(s.Cell, grid, [3]float64{}, [3]float64{1, 1, 1})
		if err := s.Run(60); err != nil {
			return err
		}
		e, err := evenness(s)
		if s.Partition.Grid() != grid || s.Partition.Equal() || s.Recuts == 0 || e > 1.12 {
			t.Errorf("grid %v, equal %v, moved %d times, max/mean of the edges %.3f", s.Partition.Grid(), s.Partition.Equal(), s.Recuts, e)
		}
		return err
	})
}
