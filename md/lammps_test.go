package md

import (
	"fmt"
	"math"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/potential/pair"
)

// golden is ../testdata/golden/argon-lammps.toml, which says how it was made.
type golden struct {
	Epsilon float64       `toml:"epsilon_eV"`
	Sigma   float64       `toml:"sigma_A"`
	Cutoff  float64       `toml:"cutoff_A"`
	Mass    float64       `toml:"mass_amu"`
	Dt      float64       `toml:"timestep_ps"`
	Steps   int64         `toml:"steps"`
	Mvv2e   float64       `toml:"mvv2e"`
	Boltz   float64       `toml:"boltz_eV_K"`
	Nktv2p  float64       `toml:"nktv2p"`
	Cell    [3][3]float64 `toml:"cell"`
	Thermo  []struct {
		Step        int64   `toml:"step"`
		Temperature float64 `toml:"temperature_K"`
		Potential   float64 `toml:"potential_eV"`
		Kinetic     float64 `toml:"kinetic_eV"`
		Pressure    float64 `toml:"pressure_bar"`
		Pxx         float64 `toml:"pxx_bar"`
		Pyy         float64 `toml:"pyy_bar"`
		Pzz         float64 `toml:"pzz_bar"`
		Pxy         float64 `toml:"pxy_bar"`
		Pxz         float64 `toml:"pxz_bar"`
		Pyz         float64 `toml:"pyz_bar"`
	} `toml:"thermo"`
	Start struct {
		Positions  [][3]float64 `toml:"positions_A"`
		Velocities [][3]float64 `toml:"velocities_A_ps"`
		Forces     [][3]float64 `toml:"forces_eV_A"`
	} `toml:"start"`
	End struct {
		Positions [][3]float64 `toml:"positions_A"`
	} `toml:"end"`
}

// sim is LAMMPS's system in LAMMPS's constants.
func (g *golden) sim(c comm.Comm) (*Sim, error) {
	cell, err := domain.NewCell(g.Cell, [3]bool{true, true, true})
	if err != nil {
		return nil, err
	}
	p, err := pair.NewLennardJones([]pair.Parameters{{Z: [2]int{18, 18}, Epsilon: g.Epsilon, Sigma: g.Sigma, Cutoff: g.Cutoff}}, false)
	if err != nil {
		return nil, err
	}
	a := &domain.Atoms{}
	for i := c.Rank(); i < len(g.Start.Positions); i += c.Size() {
		v := g.Start.Velocities[i]
		for k := range v {
			v[k] *= math.Sqrt(g.Mvv2e)
		}
		a.ID, a.Species = append(a.ID, int64(i+1)), append(a.Species, 18)
		a.X, a.V = append(a.X, g.Start.Positions[i]), append(a.V, v)
	}
	a.N = len(a.ID)
	a.Image = make([][3]int32, a.N)
	m := make([]float64, 19)
	m[18] = g.Mass
	return &Sim{
		Evaluator: Evaluator{Comm: c, Partition: domain.NewPartition(cell, c.Size(), [3]float64{}, [3]float64{1, 1, 1}),
			Cell: cell, Atoms: a, Potential: p, Skin: 0.5},
		Mass: m, Dt: g.Dt / math.Sqrt(g.Mvv2e), Integrator: VelocityVerlet{},
	}, nil
}

// Argon as LAMMPS has it: energy, forces and all components of the pressure to
// 1e-6 relative, at the start and every ten steps; positions after 100 steps
// to 1e-6 Å; on one rank and on six.
func TestLAMMPSArgon(t *testing.T) {
	var g golden
	meta, err := toml.DecodeFile("../testdata/golden/argon-lammps.toml", &g)
	if err != nil {
		t.Fatal(err)
	}
	if len(g.Thermo) != 11 || len(g.Start.Positions) != 256 || len(g.End.Positions) != 256 {
		t.Fatalf("unexpected file; unread keys %v", meta.Undecoded())
	}
	for _, ranks := range []int{1, 6} {
		t.Run(fmt.Sprintf("%d ranks", ranks), func(t *testing.T) { g.compare(t, ranks) })
	}
}

func (g *golden) compare(t *testing.T, ranks int) {
	on(t, ranks, func(c comm.Comm) error {
		s, err := g.sim(c)
		if err != nil {
			return err
		}
		worst, seen := 0.0, 0
		s.Observers = []Observer{every(10, func(s *Sim) error {
			th, err := s.Thermo()
			if err != nil {
				return err
			}
			w := g.Thermo[s.Step/10]
			seen++
			bar := g.Nktv2p
			for _, q := range []struct {
				name      string
				got, want float64
				scale     float64
			}{
				{"potential", th.Potential, w.Potential, 0}, {"kinetic", th.Kinetic, w.Kinetic, 0},
				{"temperature", th.Temperature * KB / g.Boltz, w.Temperature, 0},
				{"pressure", th.Pressure() * bar, w.Pressure, 0},
				{"pxx", th.P[0] * bar, w.Pxx, 0}, {"pyy", th.P[1] * bar, w.Pyy, 0}, {"pzz", th.P[2] * bar, w.Pzz, 0},
				{"pxy", th.P[3] * bar, w.Pxy, 0}, {"pxz", th.P[4] * bar, w.Pxz, 0}, {"pyz", th.P[5] * bar, w.Pyz, 0},
			} {
				d := math.Abs(q.got/q.want - 1)
				worst = max(worst, d)
				if d > 1e-6 {
					t.Errorf("step %d: %s %.12g, LAMMPS %.12g", s.Step, q.name, q.got, q.want)
				}
			}
			if s.Step > 0 {
				return nil
			}
			tb, err := all(s)
			if err != nil || c.Rank() > 0 {
				return err
			}
			big := 0.0
			for _, f := range g.Start.Forces {
				big = max(big, math.Abs(f[0]), math.Abs(f[1]), math.Abs(f[2]))
			}
			d := apart(tb.F, g.Start.Forces)
			t.Logf("forces differ by %.2g of the largest, %.3g eV/Å", d/big, big)
			if !(d < 1e-6*big) {
				t.Errorf("forces differ by %g eV/Å", d)
			}
			return nil
		})}
		if err := s.Run(g.Steps); err != nil {
			return err
		}
		tb, err := all(s)
		if err != nil || c.Rank() > 0 {
			return err
		}
		d := apart(unwrapped(&s.Cell, tb), g.End.Positions)
		t.Logf("energies and pressures differ by %.2g at most (relative), positions after %d steps by %.2g Å; %d list builds", worst, s.Step, d, s.Rebuilds)
		if !(d < 1e-6) {
			t.Errorf("positions after %d steps differ by %g Å", s.Step, d)
		}
		if seen != 11 || s.Rebuilds < 2 {
			t.Errorf("%d lines of thermo compared, %d list builds", seen, s.Rebuilds)
		}
		return nil
	})
}
