package md_test

import (
	"fmt"
	"log"
	"math"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/crystal"
	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/pair"
)

// masses by atomic number, amu.
func masses() []float64 {
	m := make([]float64, element.Max+1)
	for z := range m {
		m[z] = element.Mass(z)
	}
	return m
}

// printer shows thermo lines.
type printer struct{ every int }

func (p printer) Every() int { return p.every }

func (p printer) Observe(s *md.Sim) error {
	t, err := s.Thermo() // collective: every rank calls it
	if err == nil && s.Comm.Rank() == 0 {
		fmt.Printf("%4d %7.2f K  %9.4f eV/atom  %8.0f bar\n", t.Step, t.Temperature, t.Total()/float64(t.Atoms), t.Pressure()*md.Bar)
	}
	return err
}

// Solid argon at constant energy on two ranks: each builds its own part of the
// crystal, and both make the same calls.
func Example_argon() {
	solid, err := crystal.New(crystal.Spec{Prototype: "fcc", Elements: []string{"Ar"}, A: 5.26, Repeat: [3]int{4, 4, 4}})
	if err != nil {
		log.Fatal(err)
	}
	const ranks = 2
	lo, hi := solid.Bounds()
	bricks := domain.NewPartition(solid.Cell(), ranks, lo, hi)
	err = inproc.Run(ranks, func(c comm.Comm) error {
		// ε = 119.8 K, σ = 3.405 Å, cut off at 2.5 σ.
		lj, err := pair.NewLennardJones([]pair.Parameters{{Z: [2]int{18, 18}, Epsilon: 119.8 * md.KB, Sigma: 3.405, Cutoff: 8.5125}}, true)
		if err != nil {
			return err
		}
		s := &md.Sim{
			Evaluator: md.Evaluator{
				Comm: c, Partition: bricks, Cell: solid.Cell(), Atoms: solid.Build(bricks, c.Rank()),
				Potential: lj, Skin: 0.5,
			},
			Mass:       masses(),
			Dt:         4 * md.Femtosecond,
			Integrator: md.VelocityVerlet{},
			Observers:  []md.Observer{printer{50}},
		}
		if err := s.SetVelocities(80, 1); err != nil {
			return err
		}
		return s.Run(100)
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	//    0   80.00 K    -0.0667 eV/atom       585 bar
	//   50   27.08 K    -0.0667 eV/atom      1995 bar
	//  100   39.34 K    -0.0667 eV/atom      1676 bar
}

// Morse is D (1 − e^{−α(r − r₀)})² − D, cut off at Rc as it is: a
// potential of one's own needs no more than this.
type Morse struct{ D, Alpha, R0, Rc float64 }

func (m Morse) Cutoff() float64   { return m.Rc }
func (m Morse) Supports(int) bool { return true }

// Compute gives each atom half of its bonds' energy, and the gradient of that
// half for each directed edge. Forces, virial and ghosts are not its concern.
func (m Morse) Compute(f *potential.Frame, res *potential.Result) error {
	for i := range f.N {
		var j []int32
		var r, g [][3]float64
		for _, k := range f.List.J[f.List.Row[i]:f.List.Row[i+1]] {
			var d [3]float64
			d2 := 0.0
			for c := range d {
				d[c] = f.X[k][c] - f.X[i][c]
				d2 += d[c] * d[c]
			}
			if d2 >= m.Rc*m.Rc {
				continue
			}
			l := math.Sqrt(d2)
			x := math.Exp(-m.Alpha * (l - m.R0))
			res.Energy[i] += m.D / 2 * (x*x - 2*x)
			s := m.D * m.Alpha * (x - x*x) / l // ½ du/dr / r
			j, r = append(j, f.Home[k]), append(r, d)
			g = append(g, [3]float64{s * d[0], s * d[1], s * d[2]})
		}
		res.Bonds.Add(int32(i), j, r, g)
	}
	return nil
}

// A potential of one's own in a heat bath: copper by Morse (D = 0.3429 eV,
// α = 1.3588/Å, r₀ = 2.866 Å: L. A. Girifalco, V. G. Weizer, Phys. Rev. 114,
// 687 (1959)).
func Example_customPotential() {
	copper, err := crystal.New(crystal.Spec{Prototype: "fcc", Elements: []string{"Cu"}, A: 3.615, Repeat: [3]int{3, 3, 3}})
	if err != nil {
		log.Fatal(err)
	}
	lo, hi := copper.Bounds()
	bricks := domain.NewPartition(copper.Cell(), 4, lo, hi)
	err = inproc.Run(4, func(c comm.Comm) error {
		s := &md.Sim{
			Evaluator: md.Evaluator{
				Comm: c, Partition: bricks, Cell: copper.Cell(), Atoms: copper.Build(bricks, c.Rank()),
				Potential: Morse{D: 0.3429, Alpha: 1.3588, R0: 2.866, Rc: 6.5}, Skin: 0.5,
			},
			Mass: masses(),
			Dt:   2 * md.Femtosecond,
			Integrator: md.Langevin{
				Temperature: 300, Friction: 1 / (100 * md.Femtosecond), Seed: 1,
			},
		}
		if err := s.SetVelocities(300, 1); err != nil {
			return err
		}
		if err := s.Run(100); err != nil {
			return err
		}
		t, err := s.Thermo()
		if err == nil && c.Rank() == 0 {
			fmt.Printf("step %d: %d atoms, between 200 and 400 K: %v\n", t.Step, t.Atoms, t.Temperature > 200 && t.Temperature < 400)
		}
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	// Output: step 100: 108 atoms, between 200 and 400 K: true
}
