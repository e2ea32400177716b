package ensemble

import (
	"fmt"
	"math"
	"testing"

	"github.com/BurntSushi/toml"

	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/pair"
)

// Volume and energy of solid argon at 70 K and 1000 bar are LAMMPS's, within two
// standard errors of the difference, for both pistons. (A cell whose axes move one by
// one is larger by some Å³: its shape has a free energy that softens as it grows.)
func TestLAMMPS(t *testing.T) {
	if testing.Short() {
		t.Skip("statistics")
	}
	var golden struct {
		V  float64 `toml:"volume_A3"`
		VE float64 `toml:"volume_error_A3"`
		U  float64 `toml:"potential_eV"`
		UE float64 `toml:"potential_error_eV"`
	}
	if _, err := toml.DecodeFile("../testdata/golden/argon-npt-lammps.toml", &golden); err != nil {
		t.Fatal(err)
	}
	pot := func(t testing.TB) potential.Potential {
		p, err := pair.NewLennardJones([]pair.Parameters{{Z: [2]int{18, 18}, Epsilon: 0.0104, Sigma: 3.405, Cutoff: 7}}, true)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	times, _ := long()
	for _, c := range []struct {
		bath, piston string
		tau          float64
	}{{"chain", "mtk", 1000}, {"csvr", "rescale", 300}} {
		if times == 1 && c.piston == "rescale" {
			continue // of first order: its volume needs longer to be known as well
		}
		t.Run(fmt.Sprint(c.bath, c.piston), func(t *testing.T) {
			u := setup{cells: 3, a: 5.4, kelvin: 70, dt: 8, potential: pot, motion: func() md.Integrator {
				return motion(70, c.bath, c.piston, isotropic, hydro(0.1*gpa), 100, c.tau)
			}}
			var v, e []float64
			steps := 9000 * times
			u.run(t, steps, 25, func(x md.Thermo, _ *md.Sim) {
				if x.Step > steps/10 {
					v, e = append(v, x.Volume), append(e, x.Potential)
				}
			})
			for _, x := range []struct {
				what      string
				x         []float64
				want, err float64
			}{{"volume", v, golden.V, golden.VE}, {"potential energy", e, golden.U, golden.UE}} {
				mean, square, n := 0.0, 0.0, float64(len(x.x))
				for _, y := range x.x {
					mean += y / n
				}
				for _, y := range x.x {
					square += (y - mean) * (y - mean) / n
				}
				own := math.Sqrt(square * inefficiency(x.x) / n)
				t.Logf("%s %.3f ± %.3f, LAMMPS %.3f ± %.3f", x.what, mean, own, x.want, x.err)
				if math.Abs(mean-x.want) > 2*math.Hypot(own, x.err) || own > 2e-3*math.Abs(mean) {
					t.Errorf("%s %v ± %v, LAMMPS %v ± %v", x.what, mean, own, x.want, x.err)
				}
			}
		})
	}
}
