package ensemble

import (
	"math"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/md"
)

// Atoms that fly freely in a flow v = L x keep it, v = L (1 + L t)⁻¹ x, wherever they
// cross faces and whatever lattice vectors a cell that leans gets: the velocities at
// faces are those of the vectors.
func TestFacesKeepFlow(t *testing.T) {
	rate := [3][3]float64{{0.05 / (1000 * fs), 0.4 / (1000 * fs)}, {}, {0, -0.1 / (1000 * fs), -0.03 / (1000 * fs)}}
	for _, ranks := range []int{1, 3} {
		d := &Deformation{Rate: rate, Faces: true}
		u := setup{cells: 3, a: 5.3, kelvin: 0, dt: 20, ideal: true, tilt: 0.1, motion: func() md.Integrator { return &Motion{Deformation: &Deformation{Rate: rate, Faces: true}} }}
		if err := inproc.Run(ranks, func(c comm.Comm) error {
			s := u.sim(t, c)
			for i := range s.Atoms.X { // inside the cell: the first list build would put them there
				x, _ := s.Cell.Wrap(s.Atoms.X[i])
				s.Atoms.X[i] = x
				for k := range 3 {
					s.Atoms.V[i][k] = 0
					for l := range x {
						s.Atoms.V[i][k] += rate[k][l] * x[l]
					}
				}
			}
			if err := s.Run(200); err != nil {
				return err
			}
			crossed := []int64{0}
			g := d.gradient(s.Time())
			for i, x := range s.Atoms.X[:s.Atoms.N] {
				if s.Atoms.Image[i] != [3]int32{} {
					crossed[0]++
				}
				for k := range 3 {
					want := g[k][0]*x[0] + g[k][1]*x[1] + g[k][2]*x[2]
					if math.Abs(s.Atoms.V[i][k]-want) > 1e-10 {
						t.Errorf("%d ranks: atom %d has the velocity %v, the flow %v", ranks, s.Atoms.ID[i], s.Atoms.V[i][k], want)
					}
				}
			}
			if err := c.AllreduceInt(crossed, comm.Sum); err != nil {
				return err
			}
			if crossed[0] < 20 {
				t.Errorf("%d ranks: %d atoms have crossed a face", ranks, crossed[0])
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// The energy of argon that is sheared at its faces is what the faces have put in.
func TestFacesConserve(t *testing.T) {
	for _, ranks := range []int{1, 4} {
		u := setup{ranks: ranks, cells: 3, a: 5.3, kelvin: 60, dt: 4, motion: func() md.Integrator {
			return &Motion{Deformation: &Deformation{Rate: [3][3]float64{{0, 0.2 / (1000 * fs)}}, Faces: true}}
		}}
		var first, last md.Thermo
		drift := 0.0
		u.run(t, 1000, 20, func(x md.Thermo, _ *md.Sim) {
			if x.Step == 0 {
				first = x
			}
			last = x
			drift = max(drift, math.Abs(x.Conserved-first.Conserved))
		})
		gain := last.Total() - first.Total()
		t.Logf("%d ranks: energy gained %.3f eV, conserved within %.4f eV", ranks, gain, drift)
		if !(gain > 0.1) || !(drift < 0.02*gain+0.005) {
			t.Errorf("%d ranks: energy gained %.3f eV, conserved within %.4f eV", ranks, gain, drift)
		}
	}
}
