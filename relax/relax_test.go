package relax

import (
	"fmt"
	"math"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/philox"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/potential/pair"
)

const gpa = 1e4 / md.Bar

// rattled is fcc argon of 108 atoms, displaced by 0.4 Å and sheared, on a rank.
// Lennard-Jones with a cutoff of 2.5 σ.
func rattled(c comm.Comm, mask uint32) (*md.Evaluator, error) {
	const n, a = 3, 5.4
	cell, err := domain.NewCell([3][3]float64{{n * a, 0, 0}, {0.3, n * a, 0.2}, {0, 0.4, n * a}}, [3]bool{true, true, true})
	if err != nil {
		return nil, err
	}
	at := &domain.Atoms{}
	id := int64(0)
	for x := range n {
		for y := range n {
			for z := range n {
				for _, b := range [][3]float64{{}, {0, .5, .5}, {.5, 0, .5}, {.5, .5, 0}} {
					id++
					if int(id)%c.Size() != c.Rank() {
						continue
					}
					d := philox.Normal(1, philox.Rattle, uint64(id), 0)
					p := cell.Cart([3]float64{(float64(x) + b[0]) / n, (float64(y) + b[1]) / n, (float64(z) + b[2]) / n})
					for k := range p {
						p[k] += 0.4 * d[k]
					}
					at.ID, at.Species, at.X = append(at.ID, id), append(at.Species, 18), append(at.X, p)
					m := uint32(0)
					if id <= 5 {
						m = mask
					}
					at.Mask = append(at.Mask, m)
				}
			}
		}
	}
	at.N = len(at.ID)
	at.V = make([][3]float64, at.N)
	pot, err := pair.NewLennardJones([]pair.Parameters{{Z: [2]int{18, 18}, Epsilon: 0.0103, Sigma: 3.405, Cutoff: 8.5}}, true)
	if err != nil {
		return nil, err
	}
	return &md.Evaluator{
		Comm: c, Partition: domain.NewPartition(cell, c.Size(), [3]float64{}, [3]float64{1, 1, 1}),
		Cell: cell, Atoms: at, Potential: pot, Skin: 0.5,
	}, nil
}

// relaxed is what a relaxation on so many ranks ends with.
func relaxed(t *testing.T, ranks int, o Options, mask uint32) (end Progress, cell [3][3]float64, x [][3]float64) {
	t.Helper()
	err := inproc.Run(ranks, func(c comm.Comm) error {
		e, err := rattled(c, mask)
		if err != nil {
			return err
		}
		p, err := Run(e, o)
		if err != nil {
			return err
		}
		r := md.Redistributor{Comm: c}
		table, err := r.Gather(e.Atoms, e.Energy, md.Fields{X: true})
		if c.Rank() == 0 {
			end, cell, x = *p, e.Cell.Vectors(), table.X
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return end, cell, x
}

// In a fixed cell, the rattled crystal comes to rest; both methods find the same
// energy, on 1 and on 4 ranks.
func TestPositions(t *testing.T) {
	var energies []float64
	for _, method := range []Method{LBFGS, FIRE} {
		steps := 0
		for _, ranks := range []int{1, 4} {
			p, _, _ := relaxed(t, ranks, Options{Method: method, Force: 1e-4}, 0)
			if !p.Converged || p.MaxForce > 1e-4 {
				t.Errorf("method %d: %+v", method, p)
			}
			if ranks > 1 && p.Step != steps {
				t.Errorf("method %d: %d steps on one rank, %d on %d", method, steps, p.Step, ranks)
			}
			steps = p.Step
			energies = append(energies, p.Energy)
		}
		t.Logf("method %d: %d steps", method, steps)
	}
	for _, e := range energies[1:] {
		if math.Abs(e-energies[0]) > 1e-6 {
			t.Errorf("energies %v", energies)
		}
	}
}

// With the cell, the stress asked for is there at the end, for each freedom, and
// the sheared crystal is fcc again where all of the cell is free.
func TestCell(t *testing.T) {
	for _, c := range []struct {
		cell     Cell
		axes     [3]bool
		pressure float64
	}{{Full, [3]bool{}, 0}, {Full, [3]bool{}, 0.5}, {Volume, [3]bool{}, 0.2}, {Shape, [3]bool{}, 0}, {Axes, [3]bool{true, false, true}, 0.1}} {
		for _, method := range []Method{LBFGS, FIRE} {
			t.Run(fmt.Sprint(c, method), func(t *testing.T) {
				o := Options{Method: method, Force: 1e-3, Stress: 0.001 * gpa, Cell: c.cell, Axes: c.axes}
				for k := range 3 {
					o.Pressure[k][k] = c.pressure * gpa
				}
				p, cell, _ := relaxed(t, 2, o, 0)
				t.Logf("%d steps", p.Step)
				if !p.Converged {
					t.Fatalf("%+v", p)
				}
				start := 16.2*(16.2*16.2-0.2*0.4) + 0 // det of the start
				switch c.cell {
				case Full:
					for k := range 3 {
						for l := range 3 {
							want := 0.0
							if k == l {
								want = -c.pressure * gpa
							}
							if math.Abs(p.Stress[k][l]-want) > 0.001*gpa {
								t.Errorf("stress %v", p.Stress)
							}
							if k < l {
								dot := cell[k][0]*cell[l][0] + cell[k][1]*cell[l][1] + cell[k][2]*cell[l][2]
								if math.Abs(dot)/270 > 2e-3 {
									t.Errorf("the vectors %v are not at right angles", cell)
								}
							}
						}
					}
				case Shape:
					if math.Abs(p.Volume-start) > 1e-6*start {
						t.Errorf("volume %v, was %v", p.Volume, start)
					}
				case Volume:
					if mean := (p.Stress[0][0] + p.Stress[1][1] + p.Stress[2][2]) / 3; math.Abs(mean+c.pressure*gpa) > 0.001*gpa {
						t.Errorf("mean stress %v", mean/gpa)
					}
				case Axes:
					if math.Abs(p.Stress[0][0]+0.1*gpa) > 0.001*gpa || math.Abs(p.Stress[2][2]+0.1*gpa) > 0.001*gpa || math.Abs(cell[1][1]-16.2) > 1e-9 {
						t.Errorf("stress %v, cell %v", p.Stress, cell)
					}
				}
			})
		}
	}
}

// Frozen atoms stay.
func TestFrozen(t *testing.T) {
	var start [][3]float64
	err := inproc.Run(1, func(c comm.Comm) error {
		e, err := rattled(c, 0)
		if err == nil {
			start = e.Atoms.X
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	p, cell, x := relaxed(t, 2, Options{}, md.FrozenX|md.FrozenZ)
	if !p.Converged {
		t.Errorf("%+v", p)
	}
	box, _ := domain.NewCell(cell, [3]bool{true, true, true})
	for i := range 5 {
		d := [3]float64{x[i][0] - start[i][0], x[i][1] - start[i][1], x[i][2] - start[i][2]}
		s := box.Frac(d)
		for k := range s {
			s[k] -= math.Round(s[k])
		}
		for k, moved := range box.Cart(s) {
			if (math.Abs(moved) > 1e-12) != (k == 1) {
				t.Errorf("atom %d moved by %g along %d", i+1, moved, k)
			}
		}
	}
}

// Too few steps are no error, and say so.
func TestTooFewSteps(t *testing.T) {
	if p, _, _ := relaxed(t, 1, Options{Steps: 3}, 0); p.Converged || p.Step != 3 {
		t.Errorf("%+v", p)
	}
}
