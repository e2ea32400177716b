package ensemble

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/philox"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/pair"
)

// gpa is 1 GPa in eV/Å³.
const gpa = 1e4 / md.Bar

const fs = md.Femtosecond

// argon is Lennard-Jones argon, ε = 119.8 K·k, σ = 3.405 Å (see md's tests),
// truncated at 2 σ to be quick, and shifted.
func argon(t testing.TB) potential.Potential {
	t.Helper()
	p, err := pair.NewLennardJones([]pair.Parameters{{Z: [2]int{18, 18}, Epsilon: 119.8 * md.KB, Sigma: 3.405, Cutoff: 6.81}}, true)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// ideal is no interaction.
type ideal struct{}

func (ideal) Cutoff() float64                                   { return 1 }
func (ideal) Supports(int) bool                                 { return true }
func (ideal) Compute(*potential.Frame, *potential.Result) error { return nil }

// box is n³ fcc cells of edge a, rattled, every size-th atom on rank r; the cell
// is sheared by tilt.
func box(n, r, size int, a, tilt float64) (domain.Cell, *domain.Atoms) {
	l := a * float64(n)
	cell, err := domain.NewCell([3][3]float64{{l, 0, 0}, {tilt * l, l, 0}, {tilt * l / 2, -tilt * l, l}}, [3]bool{true, true, true})
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
					p := cell.Cart([3]float64{(float64(x) + b[0]) / float64(n), (float64(y) + b[1]) / float64(n), (float64(z) + b[2]) / float64(n)})
					for k := range p {
						p[k] += 0.1 * d[k]
					}
					at.ID, at.Species, at.X = append(at.ID, id), append(at.Species, 18), append(at.X, p)
				}
			}
		}
	}
	at.N = len(at.ID)
	return cell, at
}

// setup is what a test simulates.
type setup struct {
	ranks     int
	cells     int     // fcc cells along each axis
	a         float64 // Å
	tilt      float64
	ideal     bool
	kelvin    float64
	dt        float64 // fs
	motion    func() md.Integrator
	skin      float64 // 0: 0.5 Å
	mask      func(id int64) uint32
	potential func(t testing.TB) potential.Potential // nil: argon
	seed      uint64                                 // of the velocities and of all noise; 0: 7 and 3
}

func (u *setup) sim(t testing.TB, c comm.Comm) *md.Sim {
	cell, a := box(u.cells, c.Rank(), c.Size(), u.a, u.tilt)
	a.V, a.Image = make([][3]float64, a.N), make([][3]int32, a.N)
	if u.mask != nil {
		for _, id := range a.ID[:a.N] {
			a.Mask = append(a.Mask, u.mask(id))
		}
	}
	mass := make([]float64, 19)
	mass[18] = 39.948
	s := &md.Sim{
		Evaluator: md.Evaluator{
			Comm: c, Partition: domain.NewPartition(cell, c.Size(), [3]float64{}, [3]float64{1, 1, 1}),
			Cell: cell, Atoms: a, Potential: argon(t), Skin: 0.5,
		},
		Mass: mass, Dt: u.dt * fs, Integrator: u.motion(),
	}
	if u.skin != 0 {
		s.Skin = u.skin
	}
	if u.potential != nil {
		s.Potential = u.potential(t)
	}
	if u.ideal {
		s.Potential = ideal{}
	}
	if m, ok := s.Integrator.(*Motion); ok && u.seed != 0 {
		reseed(m, u.seed)
	}
	if err := s.SetVelocities(u.kelvin, cmp.Or(u.seed, 7)); err != nil {
		t.Fatal(err)
	}
	return s
}

// watch is an observer that takes a function.
type watch struct {
	n int
	f func(x md.Thermo, s *md.Sim)
}

func (w *watch) Every() int { return w.n }

func (w *watch) Observe(s *md.Sim) error {
	x, err := s.Thermo()
	if err == nil && s.Comm.Rank() == 0 {
		w.f(x, s)
	}
	return err
}

// run makes steps and shows every n-th to see, on rank 0.
func (u *setup) run(t testing.TB, steps int64, n int, see func(x md.Thermo, s *md.Sim)) {
	t.Helper()
	err := inproc.Run(max(1, u.ranks), func(c comm.Comm) error {
		s := u.sim(t, c)
		s.Observers = []md.Observer{&watch{n, see}}
		return s.Run(steps)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Baths and pistons by name, at a temperature and a pressure.
func bath(kind string, tau float64, set philox.Stream) Bath {
	switch kind {
	case "chain":
		return &Chain{Tau: tau * fs}
	case "csvr":
		return &CSVR{Tau: tau * fs, Seed: 3, Set: set}
	}
	return nil
}

func steady(p [3][3]float64) Tensor { return Tensor{From: p, To: p} }

func hydro(p float64) [3][3]float64 { return scaled(identity, p) }

// motion is a bath and a piston: chain, csvr, local or none; mtk, rescale or none.
func motion(kelvin float64, heat, piston string, c Coupling, p [3][3]float64, tauT, tauP float64) *Motion {
	m := &Motion{Temperature: Ramp{From: kelvin}, Bath: bath(heat, tauT, philox.Bath)}
	if m.Bath == nil {
		m.Bath = nil
	}
	if heat == "local" {
		m.Local = &Local{Tau: tauT * fs, Seed: 3}
	}
	switch piston {
	case "mtk":
		m.MTK = &MTK{Coupling: c, Pressure: steady(p), Tau: tauP * fs, KT: md.KB * kelvin, Bath: bath(heat, tauT, philox.Piston), Local: m.Local}
	case "rescale":
		m.CRescale = &CRescale{Coupling: c, Pressure: steady(p), Tau: tauP * fs, Compressibility: 1 / gpa, Seed: 3}
	case "none":
	default:
		panic(fmt.Sprintf("no piston %q", piston))
	}
	return m
}

var (
	isotropic = Coupling{Isotropic: true}
	axes      = Coupling{Axes: [3]bool{true, true, true}}
	triclinic = Coupling{Triclinic: true}
)

// reseed gives all noise of a motion another seed.
func reseed(m *Motion, seed uint64) {
	if m.Local != nil {
		m.Local.Seed = seed
	}
	if m.CRescale != nil {
		m.CRescale.Seed = seed
	}
	baths := []Bath{m.Bath}
	if m.MTK != nil {
		baths = append(baths, m.MTK.Bath)
	}
	for _, b := range baths {
		if b, ok := b.(*CSVR); ok {
			b.Seed = seed
		}
	}
}

// seedOf is a seed of a case: cases that are judged together have noise of their own.
func seedOf(of ...any) uint64 {
	h := fnv.New64a()
	fmt.Fprint(h, of...)
	return h.Sum64()>>1 | 1
}
