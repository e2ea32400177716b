package halo

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/invariant"
)

// A plan that was rebuilt equals a new one, whatever it held before.
func TestRebuildEqualsBorders(t *testing.T) {
	w := box(150, [3]int{2, 2, 1}, [3]bool{true, true, false})
	err := w.settled(func(c comm.Comm, a *domain.Atoms, p *Plan) error {
		for _, depth := range []float64{8, 1, 4, 0} {
			if err := p.Rebuild(w.part, w.cell, a, depth); err != nil {
				return err
			}
			b := &domain.Atoms{N: a.N, ID: slices.Clone(a.ID[:a.N]), Species: slices.Clone(a.Species[:a.N]), X: slices.Clone(a.X[:a.N])}
			q, err := Borders(c, w.part, w.cell, b, depth)
			if err != nil {
				return err
			}
			ghosts := func(a *domain.Atoms) []int64 { return a.ID[a.Ghost0:] }
			if a.Remote != b.Remote || a.Images != b.Images || !slices.Equal(p.Home, q.Home) || !slices.Equal(ghosts(a), ghosts(b)) || !slices.Equal(a.X[a.Ghost0:], b.X[b.Ghost0:]) {
				return fmt.Errorf("depth %g: the plans differ", depth)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// When the cell is deformed, Positions moves the ghosts as new borders would
// place them: shifts are integers.
func TestPositionsFollowTheCell(t *testing.T) {
	w := box(150, [3]int{2, 1, 2}, [3]bool{true, true, true})
	v := w.cell.Vectors()
	v[0][0], v[1][2], v[2][1] = 1.01*v[0][0], 0.2, 0.99*v[2][1]
	cell, err := w.cell.WithVectors(v)
	if err != nil {
		t.Fatal(err)
	}
	err = w.settled(func(c comm.Comm, a *domain.Atoms, p *Plan) error {
		s := make([][3]float64, len(a.X)) // fractional, ghosts outside the cell
		for i := range s {
			s[i] = w.cell.Frac(a.X[i])
		}
		for i := range a.N {
			a.X[i] = cell.Cart(s[i])
		}
		for i := a.N; i < len(a.X); i++ {
			a.X[i] = [3]float64{math.NaN(), math.NaN(), math.NaN()}
		}
		if err := p.Positions(cell, a.X); err != nil {
			return err
		}
		for i := a.Ghost0; i < len(a.X); i++ {
			if d := distance(a.X[i], cell.Cart(s[i])); !(d < 1e-12) {
				return fmt.Errorf("ghost %d is %g Å off", i, d)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// One rank alone sends nothing, and copies no features.
func TestOneRankSendsNothing(t *testing.T) {
	w := box(50, [3]int{1, 1, 1}, [3]bool{true, true, true})
	err := w.settled(func(c comm.Comm, a *domain.Atoms, p *Plan) error {
		if a.Remote != 0 || a.Images == 0 || a.Features() != a.Ghost0 {
			return fmt.Errorf("%d remote ghosts, %d images", a.Remote, a.Images)
		}
		x := make([]float64, a.Features())
		for i := range x {
			x[i] = float64(i)
		}
		y := slices.Clone(x)
		for _, f := range []func(domain.Rows) error{p.Forward, p.Reverse} {
			if err := f(domain.Rows{Width: 1, F64: x}); err != nil || !slices.Equal(x, y) {
				return fmt.Errorf("%v, %v", x, err)
			}
		}
		if s := p.Stats(); s.Total().Messages != 0 || s.Total().Bytes != 0 || s.Forward.Calls != 1 || s.Reverse.Calls != 1 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// What all ranks together send is what all together receive: the sizes of the
// ghost rows.
func TestStatsCountBytes(t *testing.T) {
	w := box(200, [3]int{3, 2, 1}, [3]bool{true, true, true})
	err := w.settled(func(c comm.Comm, a *domain.Atoms, p *Plan) error {
		own := 0 // images of own atoms, which nobody sends
		for _, home := range p.Home[a.Features():] {
			if int(home) < a.N {
				own++
			}
		}
		if own == 0 || own == a.Images {
			return fmt.Errorf("%d of %d images are of own atoms: not a test of both kinds", own, a.Images)
		}
		before := p.Stats()
		if err := p.Forward(domain.Rows{Width: 5, F32: make([]float32, 5*a.Features())}); err != nil {
			return err
		}
		if err := p.Reverse(domain.Rows{Width: 2, F64: make([]float64, 2*a.Features())}); err != nil {
			return err
		}
		if err := p.Positions(w.cell, a.X); err != nil {
			return err
		}
		after := p.Stats()
		n := []int64{
			after.Forward.Bytes - before.Forward.Bytes - 20*int64(a.Remote),
			after.Reverse.Bytes - before.Reverse.Bytes - 16*int64(p.Sent()),
			after.Positions.Bytes - before.Positions.Bytes - 24*int64(a.Positions()-a.Ghost0-own),
		}
		if b := after.Reverse.Bytes - before.Reverse.Bytes; b != 16*int64(a.Remote) {
			return fmt.Errorf("Reverse has sent %d bytes for %d ghosts", b, a.Remote)
		}
		if m := after.Forward.Messages - before.Forward.Messages; m != int64(p.Peers()) {
			return fmt.Errorf("%d messages to %d peers", m, p.Peers())
		}
		if err := c.AllreduceInt(n, comm.Sum); err != nil {
			return err
		}
		if n[0] != 0 || n[1] != 0 || n[2] != 0 {
			return fmt.Errorf("bytes sent and received differ by %v", n)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Steps allocate nothing, the transport included; neither does a whole rebuild
// when the numbers of atoms and ghosts do not grow.
func TestSteadyStateDoesNotAllocate(t *testing.T) {
	const runs = 5
	for _, grid := range [][3]int{{1, 1, 1}, {2, 2, 1}} {
		w := box(400, grid, [3]bool{true, true, true})
		for name, f := range map[string]func(*domain.Atoms, *Plan, []float32, []float64) error{
			"Forward": func(_ *domain.Atoms, p *Plan, x []float32, _ []float64) error {
				return p.Forward(domain.Rows{Width: 16, F32: x})
			},
			"Reverse": func(_ *domain.Atoms, p *Plan, _ []float32, y []float64) error {
				return p.Reverse(domain.Rows{Width: 3, F64: y})
			},
			"Positions": func(a *domain.Atoms, p *Plan, _ []float32, _ []float64) error {
				return p.Positions(w.cell, a.X)
			},
			"Migrate and Rebuild": func(a *domain.Atoms, p *Plan, _ []float32, _ []float64) error {
				if err := p.Migrate(w.part, w.cell, a); err != nil {
					return err
				}
				return p.Rebuild(w.part, w.cell, a, w.depth)
			},
		} {
			err := w.settled(func(c comm.Comm, a *domain.Atoms, p *Plan) error {
				x, y := make([]float32, 16*a.Features()), make([]float64, 3*a.Features())
				var err error
				step := func() {
					if e := f(a, p, x, y); e != nil {
						err = e
					}
				}
				for range 3 {
					step()
				}
				if c.Rank() > 0 {
					for range runs + 1 { // AllocsPerRun calls once more
						step()
					}
				} else if n := testing.AllocsPerRun(runs, step); n > 0 {
					t.Errorf("grid %v: %s allocates %v times", grid, name, n)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Shape mistakes panic and name the package.
func TestWrongRowsPanic(t *testing.T) {
	w := box(20, [3]int{1, 1, 1}, [3]bool{true, true, true})
	err := w.settled(func(c comm.Comm, a *domain.Atoms, p *Plan) error {
		n := a.Features()
		for name, f := range map[string]func() error{
			"short":    func() error { return p.Forward(domain.Rows{Width: 2, F64: make([]float64, 2*n-1)}) },
			"no width": func() error { return p.Reverse(domain.Rows{F64: make([]float64, n)}) },
			"both": func() error {
				return p.Forward(domain.Rows{Width: 1, F64: make([]float64, n), F32: make([]float32, n)})
			},
			"positions": func() error { return p.Positions(w.cell, a.X[:n]) },
		} {
			func() {
				defer func() {
					if r := fmt.Sprint(recover()); !strings.HasPrefix(r, "halo: ") {
						t.Errorf("%s: panic %q", name, r)
					}
				}()
				_ = f()
				t.Errorf("%s: no panic", name)
			}()
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Under the tag invariants, ghost rows are NaN after Reverse, where they mean
// nothing; without it they are left as they were.
func TestPoison(t *testing.T) {
	w := box(100, [3]int{2, 1, 1}, [3]bool{true, true, true})
	err := w.settled(func(c comm.Comm, a *domain.Atoms, p *Plan) error {
		x := make([]float64, a.Features())
		if err := p.Reverse(domain.Rows{Width: 1, F64: x}); err != nil {
			return err
		}
		if last := x[len(x)-1]; a.Remote > 0 && math.IsNaN(last) != invariant.Enabled {
			return fmt.Errorf("the last ghost row is %v, invariants %v", last, invariant.Enabled)
		}
		for i, v := range x[:a.N] {
			if v != 0 {
				return fmt.Errorf("owned row %d is %v", i, v)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
