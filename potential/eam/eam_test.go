package eam_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/wigner-md/wigner/io/setfl"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/eam"
	"github.com/wigner-md/wigner/potential/pair"
	"github.com/wigner-md/wigner/potential/potentialtest"
	"github.com/wigner-md/wigner/potential/sum"
)

// load makes the potential of one setfl file or several funcfl files.
func load(t testing.TB, files ...string) *eam.Potential {
	t.Helper()
	var all []*setfl.Table
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		table, err := setfl.Read(f, name)
		f.Close()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, table)
	}
	table := all[0]
	if table.Kind == setfl.Funcfl {
		var err error
		if table, err = setfl.Join(all...); err != nil {
			t.Fatal(err)
		}
	}
	in := &eam.Tables{DRho: table.DRho, DR: table.DR, Cutoff: table.Cutoff, Embed: table.Embed, Density: table.Density, Pair: table.Pair}
	for _, e := range table.Elements {
		in.Z = append(in.Z, e.Z)
	}
	p, err := eam.New(in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func makes(p *eam.Potential) func() potential.Potential {
	return func() potential.Potential { return p.Evaluator() }
}

// The tables end at zero with two zero derivatives, so that nothing jumps at the
// cutoff but the interpolation's 1e-7.
func TestSuite(t *testing.T) {
	for _, file := range []string{"ab.eam.alloy", "ab.eam.fs"} {
		t.Run(file, func(t *testing.T) {
			potentialtest.Run(t, makes(load(t, filepath.Join("testdata", file))), potentialtest.Options{Elements: []int{13, 29}, Difference: 1e-5})
		})
	}
}

// golden is testdata/lammps.toml, which says how it was made.
type golden struct {
	Cell      [3][3]float64 `toml:"cell"`
	Positions [][3]float64  `toml:"positions_A"`
	Case      []struct {
		Name     string       `toml:"name"`
		Files    []string     `toml:"files"`
		Energy   float64      `toml:"energy_eV"`
		Virial   [6]float64   `toml:"virial_eV"`
		Forces   [][3]float64 `toml:"forces_eV_A"`
		Energies []float64    `toml:"energies_eV"`
	} `toml:"case"`
}

// Energy, atomic energies, forces and virial as LAMMPS has them, 1e-9 of the
// largest; with ZBL, whose e²/4πε₀ LAMMPS rounds to 14.399645, 2e-7.
func TestLAMMPS(t *testing.T) {
	var g golden
	if _, err := toml.DecodeFile("testdata/lammps.toml", &g); err != nil {
		t.Fatal(err)
	}
	sys := potentialtest.System{Cell: g.Cell, Periodic: [3]bool{true, true, true}, X: g.Positions}
	for i := range g.Positions {
		sys.Z = append(sys.Z, []int{13, 29}[i%2])
	}
	if len(g.Case) != 4 || len(sys.X) != 84 {
		t.Fatalf("%d cases of %d atoms in the file", len(g.Case), len(sys.X))
	}
	for _, c := range g.Case {
		for i := range c.Files {
			c.Files[i] = filepath.Join("testdata", c.Files[i])
		}
		p := load(t, c.Files...)
		mk, tolerance := makes(p), 1e-9
		if c.Name == "alloy and zbl" {
			z, err := pair.NewZBL([]int{13, 29}, 1.5, 3)
			if err != nil {
				t.Fatal(err)
			}
			tolerance = 2e-7
			mk = func() potential.Potential {
				s, _ := sum.New(p.Evaluator(), z.Evaluator())
				return s
			}
		}
		for _, ranks := range []int{1, 5} {
			t.Run(fmt.Sprintf("%s on %d ranks", c.Name, ranks), func(t *testing.T) {
				o, err := potentialtest.Evaluate(sys, potentialtest.Setup{Ranks: ranks, Skin: 0.5}, mk)
				if err != nil {
					t.Fatal(err)
				}
				worst := math.Abs(o.Energy/c.Energy - 1)
				big := 0.0
				for i := range c.Forces {
					for k := range 3 {
						big = max(big, math.Abs(c.Forces[i][k]))
					}
				}
				for i, f := range c.Forces {
					for k := range f {
						worst = max(worst, math.Abs(o.Forces[i][k]-f[k])/big)
					}
					worst = max(worst, math.Abs(o.Energies[i]-c.Energies[i])/math.Abs(c.Energy)*float64(len(c.Forces)))
				}
				for n, kl := range [][2]int{{0, 0}, {1, 1}, {2, 2}, {0, 1}, {0, 2}, {1, 2}} {
					worst = max(worst, math.Abs(o.Virial[kl[0]][kl[1]]/c.Virial[n]-1))
				}
				t.Logf("worst relative deviation %.2g; energy %.6f eV, largest force %.3f eV/Å", worst, o.Energy, big)
				if !(worst < tolerance) {
					t.Errorf("deviates by %.3g, allowed %.1g", worst, tolerance)
				}
			})
		}
	}
}

// By hand: F(ρ) = −ρ², f(r) = r(r−4)², r·φ = (r−4)², all polynomials that the
// cubics between the points of the tables reproduce. A pair at r = 1 has ρ = 9,
// φ = 9, so E_i = −81 + 4.5; its slope is 2·[F′ f′ + ½φ′] with F′ = −18,
// f′ = 9 − 6 = 3, φ′ = −6 − 9 = −15.
func TestDimerByHand(t *testing.T) {
	in := &eam.Tables{Z: []int{29}, DRho: 0.5, DR: 0.125, Cutoff: 4}
	var f, embed, phi []float64
	for k := range 41 {
		r, rho := float64(k)*in.DR, float64(k)*in.DRho
		f, embed, phi = append(f, r*(r-4)*(r-4)), append(embed, -rho*rho), append(phi, (r-4)*(r-4))
	}
	in.Embed, in.Density, in.Pair = [][]float64{embed}, [][][]float64{{f}}, [][][]float64{{phi}}
	p, err := eam.New(in)
	if err != nil {
		t.Fatal(err)
	}
	o, err := potentialtest.Evaluate(potentialtest.System{Z: []int{29, 29}, X: [][3]float64{{}, {1, 0, 0}}}, potentialtest.Setup{}, makes(p))
	if err != nil {
		t.Fatal(err)
	}
	du := 2 * (-18*3 - 15.0/2)
	for _, d := range []float64{o.Energies[0] + 76.5, o.Forces[0][0] - du, o.Forces[1][0] + du, o.Virial[0][0] + du} {
		if math.Abs(d) > 1e-11 {
			t.Errorf("energies %v, forces %v, virial %v", o.Energies, o.Forces, o.Virial)
		}
	}
	// Beyond the table, which ends at ρ = 20, F goes on along its last slope; that
	// slope is the simple difference of the last two points, −(20² − 19.5²)/0.5.
	x := [][3]float64{{}}
	for k := range 3 {
		for _, s := range []float64{-1.3, 1.3} {
			y := [3]float64{}
			y[k] = s
			x = append(x, y)
		}
	}
	o, err = potentialtest.Evaluate(potentialtest.System{Z: []int{29, 29, 29, 29, 29, 29, 29}, X: x}, potentialtest.Setup{}, makes(p))
	if err != nil {
		t.Fatal(err)
	}
	rho := 6 * 1.3 * 2.7 * 2.7
	want := -400 - 39.5*(rho-20) + 3*2.7*2.7/1.3
	if math.Abs(o.Energies[0]-want) > 1e-9 {
		t.Errorf("at ρ = %g the energy is %v, want %v", rho, o.Energies[0], want)
	}
}

func TestBadTables(t *testing.T) {
	five := []float64{1, 2, 3, 4, 5}
	good := func() *eam.Tables {
		return &eam.Tables{Z: []int{29}, DRho: 1, DR: 1, Cutoff: 3, Embed: [][]float64{five}, Density: [][][]float64{{five}}, Pair: [][][]float64{{five}}}
	}
	if _, err := eam.New(good()); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func(*eam.Tables){
		"no element": func(t *eam.Tables) { t.Z = nil },
		"number":     func(t *eam.Tables) { t.Z[0] = 0 },
		"short":      func(t *eam.Tables) { t.Embed[0] = five[:4] },
		"uneven":     func(t *eam.Tables) { t.Pair[0][0] = append(five, 6) },
		"densities":  func(t *eam.Tables) { t.Density[0] = nil },
		"pairs":      func(t *eam.Tables) { t.Pair[0] = append(t.Pair[0], five) },
		"cutoff":     func(t *eam.Tables) { t.Cutoff = math.NaN() },
		"step":       func(t *eam.Tables) { t.DR = 0 },
	} {
		in := good()
		f(in)
		if _, err := eam.New(in); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
