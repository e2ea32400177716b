package ensemble

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/md"
)

// kinds are all baths with all pistons that go together.
func kinds() (list [][2]string) {
	for _, h := range []string{"none", "chain", "csvr", "local"} {
		for _, p := range []string{"none", "mtk", "rescale"} {
			if h != "none" || p == "mtk" {
				list = append(list, [2]string{h, p})
			}
		}
	}
	return list
}

// The energy of atoms, baths and pistons together stays, and what it varies by is
// of second order in the timestep, for each bath, piston and coupling. The
// potential is not smooth at its cutoff, which adds a little of its own.
func TestConserved(t *testing.T) {
	for _, kind := range kinds() {
		for i, c := range []Coupling{isotropic, axes, triclinic} {
			if kind[1] == "none" && i > 0 || testing.Short() && i == 1 {
				continue
			}
			t.Run(fmt.Sprint(kind, i), func(t *testing.T) {
				var off [2]float64
				for j, dt := range []float64{10, 5} {
					u := setup{cells: 3, a: 5.8, kelvin: 150, dt: dt, motion: func() md.Integrator {
						return motion(150, kind[0], kind[1], c, hydro(0.05*gpa), 200, 500)
					}}
					e0, n := 0.0, 0.0
					u.run(t, int64(8000/dt), int(100/dt), func(x md.Thermo, _ *md.Sim) {
						if x.Step == 0 {
							e0 = x.Conserved
						}
						off[j] += (x.Conserved - e0) * (x.Conserved - e0)
						n++
					})
					off[j] = math.Sqrt(off[j] / n)
				}
				// 108 atoms; kT is 0.013 eV. Four times less at half the timestep,
				// but for noise and the cutoff's 0.5 meV.
				if off[0] > 0.015 || off[1] > max(off[0]/2, 5e-4) {
					t.Errorf("the conserved energy is off by %.2g eV at 10 fs and %.2g eV at 5 fs (root mean square)", off[0], off[1])
				}
			})
		}
	}
}

// end is the state of all atoms and of the cell.
type end struct {
	table *md.Table
	cell  [3][3]float64
	x     md.Thermo
}

func last(s *md.Sim) (end, error) {
	r := md.Redistributor{Comm: s.Comm}
	x, err := s.Thermo()
	if err != nil {
		return end{}, err
	}
	t, err := r.Gather(s.Atoms, s.Energy, md.Fields{X: true, V: true, F: true, Image: true})
	return end{t, s.Cell.Vectors(), x}, err
}

// different is how far two states are apart; 0 only where all bits agree.
func (a *end) different(b *end) float64 {
	d := math.Abs(a.x.Conserved - b.x.Conserved)
	for k := range a.cell {
		for l := range a.cell[k] {
			d = max(d, math.Abs(a.cell[k][l]-b.cell[k][l]))
		}
	}
	for i := range a.table.X {
		for k := range 3 {
			if a.table.Image[i] != b.table.Image[i] {
				continue // on a face: the same place, one cell on
			}
			d = max(d, math.Abs(a.table.X[i][k]-b.table.X[i][k]), math.Abs(a.table.V[i][k]-b.table.V[i][k]))
		}
	}
	return d
}

// A run that was broken off and resumed, between two list builds in a cell that has
// changed since the last, ends with the bits of one that was not; and 4 ranks give
// what 1 gives within rounding.
func TestRestartAndRanks(t *testing.T) {
	const at, steps = 25, 60
	for _, kind := range kinds() {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			var ends []end
			for _, ranks := range []int{1, 4} {
				u := setup{cells: 3, a: 5.5, tilt: 0.1, kelvin: 120, dt: 8, motion: func() md.Integrator {
					m := motion(120, kind[0], kind[1], triclinic, hydro(0.3*gpa), 100, 300)
					m.Temperature = Ramp{From: 120, To: 140, Steps: steps}
					if kind[1] == "none" {
						m.Deformation = &Deformation{Rate: [3][3]float64{{0.1 / (1000 * fs), 0.3 / (1000 * fs)}}, Faces: kind[0] == "local"}
					}
					return m
				}}
				dir := t.TempDir()
				var whole, parts end
				err := inproc.Run(ranks, func(c comm.Comm) error {
					s := u.sim(t, c)
					s.Observers = []md.Observer{&md.Checkpoint{Dir: dir, N: at}}
					if err := s.Run(at); err != nil {
						return err
					}
					s.Observers = nil
					if err := s.Run(steps - at); err != nil {
						return err
					}
					if s.Rebuilds < 2 {
						t.Errorf("%d list builds", s.Rebuilds)
					}
					e, err := last(s)
					if c.Rank() == 0 {
						whole = e
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				err = inproc.Run(ranks, func(c comm.Comm) error {
					r, err := md.ReadRestart(c, dir)
					if err != nil {
						return err
					}
					s := u.sim(t, c)
					if exact, err := s.Resume(r); err != nil || !exact {
						return fmt.Errorf("exact %v, %w", exact, err)
					}
					if err := s.Run(steps - at); err != nil {
						return err
					}
					e, err := last(s)
					if c.Rank() == 0 {
						parts = e
					}
					return err
				})
				if err != nil {
					t.Fatal(err)
				}
				if d := whole.different(&parts); d != 0 {
					t.Errorf("%d ranks: the resumed run is off by %.2g", ranks, d)
				}
				ends = append(ends, whole)
			}
			if d := ends[0].different(&ends[1]); !(d < 1e-9) {
				t.Errorf("1 and 4 ranks are %.2g apart", d)
			}
		})
	}
}

// A state does not fit another kind of motion.
func TestStateOfAnother(t *testing.T) {
	u := setup{cells: 2, a: 5.8, kelvin: 100, dt: 5, motion: func() md.Integrator {
		return motion(100, "csvr", "mtk", isotropic, hydro(0), 100, 500)
	}}
	var b []byte
	u.run(t, 2, 2, func(_ md.Thermo, s *md.Sim) { b, _ = s.Integrator.(*Motion).MarshalBinary() })
	if err := motion(100, "chain", "none", isotropic, hydro(0), 100, 500).UnmarshalBinary(b); err == nil {
		t.Error("the state of another bath was taken")
	}
	if err := motion(100, "csvr", "mtk", axes, hydro(0), 100, 500).UnmarshalBinary(b); err != nil {
		t.Error(err)
	}
}

// Solid argon under tension and shear: the cell is where the rate says, and the
// energy grows by the work −W : ε, which Conserved takes off again.
func TestDeformation(t *testing.T) {
	rate := [3][3]float64{{0, 0.02 / (1000 * fs), 0}, {0, 0, 0}, {0, 0, 0.01 / (1000 * fs)}}
	for _, ranks := range []int{1, 3} {
		u := setup{ranks: ranks, cells: 3, a: 5.3, kelvin: 30, dt: 5, motion: func() md.Integrator { return &Motion{Deformation: &Deformation{Rate: rate}} }}
		var first, then md.Thermo
		var vectors [3][3]float64
		u.run(t, 400, 400, func(x md.Thermo, s *md.Sim) {
			if x.Step == 0 {
				first = x
			}
			then, vectors = x, s.Cell.Vectors()
		})
		// 2 ps: ε_xy = 0.04, ε_zz = 0.02.
		want := [3][3]float64{{15.9, 0, 0}, {0.04 * 15.9, 15.9, 0}, {0, 0, 1.02 * 15.9}}
		for k := range want {
			for l := range want {
				if math.Abs(vectors[k][l]-want[k][l]) > 1e-9 {
					t.Fatalf("the cell is %v, want %v", vectors, want)
				}
			}
		}
		if gain := then.Total() - first.Total(); gain < 0.01 || math.Abs(then.Conserved-first.Conserved) > 0.03*gain {
			t.Errorf("the energy grew by %.4g eV, of which the work leaves %.2g eV unexplained", gain, then.Conserved-first.Conserved)
		}
	}
}

// A cell that shears without end is straightened: its angles stay, its lattice and
// the atoms' unwrapped places are those of the cell that was not.
func TestStraighten(t *testing.T) {
	u := setup{cells: 3, a: 5.3, kelvin: 20, dt: 5, motion: func() md.Integrator {
		return &Motion{Deformation: &Deformation{Rate: [3][3]float64{{0, 1 / (1000 * fs), 0}}}}
	}}
	lean := 0.0
	u.run(t, 360, 1, func(x md.Thermo, s *md.Sim) { // 1.8 ps: x moves by 1.8 y
		a := s.Cell.Vectors()
		lean = max(lean, math.Abs(a[1][0])/15.9)
		if math.Abs(x.Volume-15.9*15.9*15.9) > 1e-6 {
			t.Fatalf("step %d: volume %v", x.Step, x.Volume)
		}
		if x.Step == 360 && math.Abs(a[1][0]-(1.8-2)*15.9) > 1e-6 {
			t.Errorf("b leans by %v", a[1][0])
		}
	})
	if lean < 0.55 || lean > 0.61 {
		t.Errorf("b leaned by up to %v lengths", lean)
	}
}

// A pressure far off collapses the cell: an error that says so, the same on all
// ranks, and the last sound frame is there.
func TestBrokenCell(t *testing.T) {
	u := setup{cells: 2, a: 5.8, kelvin: 100, dt: 5, motion: func() md.Integrator {
		return motion(100, "csvr", "mtk", isotropic, hydro(5000*gpa), 100, 20)
	}}
	err := inproc.Run(2, func(c comm.Comm) error {
		s := u.sim(t, c)
		err := s.Run(500)
		var trouble *md.TroubleError
		if !errors.As(err, &trouble) {
			t.Errorf("error %v", err)
			return nil
		}
		if trouble.Kind != md.BrokenCell && trouble.Kind != md.AbsurdForce || s.LastGood(trouble) == nil {
			t.Errorf("%v; last good frame %v", err, s.LastGood(trouble))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Atoms that are frozen stay, in the directions in which they are; the others have
// the temperature, by their own number of degrees of freedom; in a cell that
// changes they follow it.
func TestFrozen(t *testing.T) {
	for _, piston := range []string{"none", "mtk", "rescale"} {
		for _, h := range []string{"chain", "local"} {
			u := setup{cells: 3, a: 5.6, kelvin: 80, dt: 5, motion: func() md.Integrator { return nil }, mask: func(id int64) uint32 {
				switch {
				case id <= 10:
					return md.Frozen
				case id <= 20:
					return md.FrozenY
				}
				return 0
			}}
			err := inproc.Run(2, func(c comm.Comm) error {
				s := u.sim(t, c)
				s.Integrator = motion(80, h, piston, isotropic, hydro(0.1*gpa), 50, 500)
				start := map[int64][3]float64{}
				first := s.Cell
				for i, id := range s.Atoms.ID[:s.Atoms.N] {
					start[id] = first.Frac(s.Atoms.X[i])
				}
				mean, n := 0.0, 0.0
				s.Observers = []md.Observer{&watch{10, func(x md.Thermo, _ *md.Sim) {
					if x.Step >= 300 {
						mean, n = mean+x.Temperature, n+1
					}
				}}}
				if err := s.Run(1500); err != nil {
					return err
				}
				if f := s.Freedom(); f != 3*108-30-10 { // momentum is not conserved in any direction
					t.Errorf("%d degrees of freedom", f)
				}
				if c.Rank() == 0 && math.Abs(mean/n-80) > 8 {
					t.Errorf("%s, %s: temperature %.1f K", h, piston, mean/n)
				}
				for i, id := range s.Atoms.ID[:s.Atoms.N] {
					now := s.Cell.Frac(s.Atoms.X[i])
					was, mine := start[id]
					if !mine {
						continue
					}
					for k := range now {
						d := now[k] - was[k]
						d -= math.Round(d)
						still := id <= 10 || id <= 20 && k == 1
						if still != (math.Abs(d) < 1e-12) {
							t.Errorf("%s, %s: atom %d moved by %g along %d", h, piston, id, d, k)
						}
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// A step does not allocate (beside list builds, which are not made here).
func TestAllocations(t *testing.T) {
	for _, kind := range kinds() {
		u := setup{cells: 2, a: 5.3, kelvin: 1, dt: 1, skin: 2, motion: func() md.Integrator {
			return motion(1, kind[0], kind[1], isotropic, hydro(0), 100, 100000)
		}}
		err := inproc.Run(1, func(c comm.Comm) error {
			s := u.sim(t, c)
			if err := s.Run(2); err != nil {
				return err
			}
			var err error
			n := testing.AllocsPerRun(20, func() {
				if e := s.Integrator.Step(s); e != nil {
					err = e
				}
			})
			if n > 6 { // the reduction of the sums makes two slices
				t.Errorf("%v: a step allocates %.0f times", kind, n)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// The list and the ghosts hold in a cell that changes: a collapsing, shearing
// crystal goes the same way with a list that is made anew at every step as with
// ones that last.
func TestListFollowsCell(t *testing.T) {
	var ends []end
	for _, skin := range []float64{1e-6, 0.4, 1.5} {
		for _, ranks := range []int{1, 4} {
			u := setup{cells: 3, a: 5.6, tilt: 0.2, kelvin: 60, dt: 8, skin: skin, motion: func() md.Integrator {
				m := motion(60, "csvr", "mtk", Coupling{Axes: [3]bool{false, true, true}}, hydro(1*gpa), 100, 200)
				m.Deformation = &Deformation{Rate: [3][3]float64{{0, 1 / (1000 * fs), 0}}}
				return m
			}}
			err := inproc.Run(ranks, func(c comm.Comm) error {
				s := u.sim(t, c)
				first := s.Cell.Volume()
				if err := s.Run(100); err != nil {
					return err
				}
				if v := s.Cell.Volume(); v > 0.95*first {
					t.Errorf("the volume went from %.0f to %.0f only", first, v)
				}
				if n := s.Rebuilds; skin < 1e-3 && n < 100 || skin > 1 && n > 50 {
					t.Errorf("%d list builds with a skin of %g", n, skin)
				}
				e, err := last(s)
				if c.Rank() == 0 {
					ends = append(ends, e)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range ends {
		if d := ends[0].different(&ends[i]); !(d < 1e-8) {
			t.Errorf("run %d is %.2g apart", i, d)
		}
	}
}

func TestRamps(t *testing.T) {
	r := Ramp{From: 100, To: 300, Steps: 10}
	for step, want := range map[int64]float64{0: 100, 5: 200, 10: 300, 20: 300, -1: 100} {
		if x := r.At(step); math.Abs(x-want) > 1e-12 {
			t.Errorf("step %d: %v", step, x)
		}
	}
	if (Ramp{From: 7}).At(5) != 7 {
		t.Error("a steady ramp moves")
	}
	p := Tensor{From: hydro(1), To: [3][3]float64{{0, 2, 0}, {2, 0, 0}, {0, 0, 3}}, Steps: 4}
	if m := p.At(1); m[0][0] != 0.75 || m[0][1] != 0.5 || m[2][2] != 1.5 {
		t.Errorf("%v", m)
	}
}

// Argon heated from 2 K, and from 0 K, to 100 K within forty times τ: the masses of the chain
// are those of the temperature of now, so that the atoms keep up and nothing is lost of the
// conserved energy. With the masses of the start it moves by 22 eV in 256 atoms of copper
// from 1 to 600 K, and from 0 K everything is NaN.
func TestHeating(t *testing.T) {
	for _, from := range []float64{2, 0} {
		for _, piston := range []string{"none", "mtk"} {
			u := setup{cells: 3, a: 5.4, kelvin: from, dt: 4, motion: func() md.Integrator {
				m := motion(100, "chain", piston, isotropic, hydro(0), 50, 1000)
				m.Temperature = Ramp{From: from, To: 100, Steps: 500}
				return m
			}}
			e0, off, late, n := 0.0, 0.0, 0.0, 0.0
			u.run(t, 500, 10, func(x md.Thermo, _ *md.Sim) {
				if x.Step == 0 {
					e0 = x.Conserved
				}
				off = max(off, math.Abs(x.Conserved-e0))
				if x.Step >= 250 {
					late, n = late+x.Temperature/(float64(x.Step)/5), n+1
				}
			})
			// kT at the end is 9 meV, of 321 degrees of freedom.
			if !(off < 0.02) || !(math.Abs(late/n-1) < 0.1) {
				t.Errorf("from %g K, piston %s: the conserved energy moves by %.2g eV; temperature over that asked for %.3f", from, piston, off, late/n)
			}
		}
	}
}

// A bath of atoms that are all frozen has nothing to act on.
func TestAllFrozen(t *testing.T) {
	for _, h := range []string{"chain", "csvr", "local"} {
		for _, piston := range []string{"none", "mtk"} {
			u := setup{cells: 2, a: 5.4, kelvin: 80, dt: 4, mask: func(int64) uint32 { return md.Frozen }, motion: func() md.Integrator {
				return motion(80, h, piston, isotropic, hydro(0), 100, 500)
			}}
			u.run(t, 20, 20, func(x md.Thermo, _ *md.Sim) {
				if x.Kinetic != 0 || math.IsNaN(x.Conserved) || math.IsNaN(x.Volume) {
					t.Errorf("%s, %s: kinetic energy %v, conserved %v, volume %v", h, piston, x.Kinetic, x.Conserved, x.Volume)
				}
			})
		}
	}
}
