package md

import (
	"math"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/philox"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/pair"
)

// argon is Lennard-Jones argon: ε = 119.8 K·k, σ = 3.405 Å (A. Rahman, Phys.
// Rev. 136, A405 (1964): 120 K, 3.4 Å; the digits are those usual since).
// The cutoff is 2.5 σ.
func argon(t testing.TB, shift bool) potential.Potential {
	t.Helper()
	p, err := pair.NewLennardJones([]pair.Parameters{{Z: [2]int{18, 18}, Epsilon: 119.8 * KB, Sigma: 3.405, Cutoff: 8.5125}}, shift)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// masses has argon's alone: 39.948 amu.
func masses() []float64 {
	m := make([]float64, 19)
	m[18] = 39.948
	return m
}

// fccArgon is n³ cells of fcc argon, a = 5.26 Å, displaced by 0.1 Å, of which
// rank r of size ranks has every size-th atom, as a file would be dealt out.
func fccArgon(n, r, size int) (domain.Cell, *domain.Atoms) {
	const a = 5.26
	l := a * float64(n)
	cell, err := domain.NewCell([3][3]float64{{l, 0, 0}, {0, l, 0}, {0, 0, l}}, [3]bool{true, true, true})
	if err != nil {
		panic(err)
	}
	at := &domain.Atoms{}
	id := int64(0)
	for x := range n {
		for y := range n {
			for z := range n {
				for _, b := range [][3]float64{{}, {0, .5, .5}, {.5, 0, .5}, {.5, .5, 0}} {
					id++
					if int(id)%size != r {
						continue
					}
					d := philox.Normal(1, philox.Rattle, uint64(id), 0)
					p := [3]float64{a * (float64(x) + b[0]), a * (float64(y) + b[1]), a * (float64(z) + b[2])}
					for k := range p {
						p[k] += 0.1 * d[k]
					}
					at.ID, at.Species, at.X = append(at.ID, id), append(at.Species, 18), append(at.X, p)
				}
			}
		}
	}
	at.N = len(at.ID)
	at.V, at.Image = make([][3]float64, at.N), make([][3]int32, at.N)
	return cell, at
}

// newSim is n³ cells of argon at 40 K on this rank of c.
func newSim(t testing.TB, c comm.Comm, n int) *Sim {
	cell, a := fccArgon(n, c.Rank(), c.Size())
	s := &Sim{
		Evaluator: Evaluator{
			Comm: c, Partition: domain.NewPartition(cell, c.Size(), [3]float64{}, [3]float64{1, 1, 1}),
			Cell: cell, Atoms: a, Potential: argon(t, true), Skin: 0.5,
		},
		Mass: masses(), Dt: 4 * Femtosecond, Integrator: VelocityVerlet{},
	}
	if err := s.SetVelocities(40, 7); err != nil {
		t.Fatal(err)
	}
	return s
}

// on runs f on in-process ranks.
func on(t testing.TB, ranks int, f func(c comm.Comm) error) {
	t.Helper()
	if err := inproc.Run(ranks, f); err != nil {
		t.Fatal(err)
	}
}

// all are the atoms of all ranks by ID, for comparisons.
func all(s *Sim) (*Table, error) {
	r := Redistributor{Comm: s.Comm}
	return r.Gather(s.Atoms, s.Energy, Fields{Species: true, X: true, V: true, F: true, Image: true, Energy: true})
}

// unwrapped is the position without the wrapping into the cell.
func unwrapped(cell *domain.Cell, t *Table) [][3]float64 {
	out := make([][3]float64, len(t.X))
	for i, x := range t.X {
		d := cell.Shift(t.Image[i])
		for k := range x {
			out[i][k] = x[k] + d[k]
		}
	}
	return out
}

// apart is the largest difference of two arrays of vectors.
func apart(a, b [][3]float64) float64 {
	d := 0.0
	if len(a) != len(b) {
		return math.Inf(1)
	}
	for i := range a {
		for k := range a[i] {
			d = max(d, math.Abs(a[i][k]-b[i][k]))
			if a[i][k] != a[i][k] || b[i][k] != b[i][k] {
				return math.NaN()
			}
		}
	}
	return d
}
