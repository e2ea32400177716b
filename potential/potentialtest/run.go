package potentialtest

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/wigner-md/wigner/potential"
)

// Options adjust the suite. Elements must be given; zero values elsewhere take
// the defaults stated.
type Options struct {
	Elements    []int   // atomic numbers to make structures of
	MinDistance float64 // no two atoms of random structures are closer, Å; default 2
	Spacing     float64 // volume per atom of random structures is Spacing³, Å; default 1.25 MinDistance
	Atoms       int     // of random structures; default 12
	Precision   int     // 32 or 64 (default): sets the default tolerances
	Ranks       []int   // default 1, 2, 3, 4, 6, 8, 12, 27
	Step        float64 // of finite differences, Å; default 1e-3 (float64), 2e-2 (float32)
	Seed        uint64

	// Tolerances, each times max(1, largest magnitude compared). Defaults for
	// float64 and float32: Same 1e-10 and 2e-5, between evaluations that should
	// agree (eV, eV/Å); Difference 1e-6 and 5e-3, of finite differences.
	Same, Difference float64

	// EnergyJump and ForceJump are what the potential is allowed at its cutoff
	// (eV, eV/Å): zero for potentials that are smooth there, which is all but
	// the likes of a truncated Lennard-Jones potential.
	EnergyJump, ForceJump float64
	// Allocates lets Compute allocate.
	Allocates bool
}

func (o Options) filled() Options {
	set := func(x *float64, v64, v32 float64) {
		if *x != 0 {
			return
		}
		*x = v64
		if o.Precision == 32 {
			*x = v32
		}
	}
	set(&o.Step, 1e-3, 2e-2)
	set(&o.Same, 1e-10, 2e-5)
	set(&o.Difference, 1e-6, 5e-3)
	set(&o.MinDistance, 2, 2)
	set(&o.Spacing, 1.25*o.MinDistance, 1.25*o.MinDistance)
	if o.Atoms == 0 {
		o.Atoms = 12
	}
	if o.Ranks == nil {
		o.Ranks = []int{1, 2, 3, 4, 6, 8, 12, 27}
	}
	return o
}

// suite is one run of the tests.
type suite struct {
	Options
	mk     func() potential.Potential
	cutoff float64
	rng    *rand.Rand
}

// Run runs the whole suite as subtests. mk makes one rank's potential; what it
// returns may share weights with what it returned before.
func Run(t *testing.T, mk func() potential.Potential, o Options) {
	t.Helper()
	if len(o.Elements) == 0 {
		t.Fatal("potentialtest: Options.Elements is empty")
	}
	o = o.filled()
	s := &suite{Options: o, mk: mk, cutoff: mk().Cutoff(), rng: rand.New(rand.NewPCG(o.Seed, 0x7e57))}
	if !(s.cutoff > 0) {
		t.Fatalf("potentialtest: the cutoff is %v", s.cutoff)
	}
	for _, test := range []struct {
		name string
		f    func(*testing.T)
	}{
		{"Supports", s.supports},
		{"Forces", s.forces},
		{"Virial", s.virial},
		{"Rotation", s.rotation},
		{"Translation", s.translation},
		{"Permutation", s.permutation},
		{"NetForce", s.netForce},
		{"Supercell", s.supercell},
		{"SmallCell", s.smallCell},
		{"Ranks", s.ranks},
		{"MoreRanksThanAtoms", s.moreRanks},
		{"OpenBoundaries", s.open},
		{"Isolated", s.isolated},
		{"Cutoff", s.smooth},
		{"Skin", s.skin},
		{"Interior", s.interior},
		{"Allocations", s.allocations},
	} {
		t.Run(test.name, test.f)
	}
}

var (
	crystal  = [3]bool{true, true, true}
	slab     = [3]bool{true, true, false}
	wire     = [3]bool{false, true, false}
	molecule = [3]bool{}
)

// random is a structure of n atoms in a skew cell, no two closer than
// MinDistance, images included.
func (s *suite) random(n int, periodic [3]bool) System {
	edge := math.Cbrt(float64(n)) * s.Spacing
	sys := System{Periodic: periodic, Cell: [3][3]float64{{1.1 * edge, 0, 0}, {0.25 * edge, edge, 0}, {-0.15 * edge, 0.2 * edge, edge / 1.1}}}
	for tries := 0; len(sys.X) < n; tries++ {
		if tries > 100*n { // crowded: begin again in a larger cell
			for k := range sys.Cell {
				for l := range sys.Cell[k] {
					sys.Cell[k][l] *= 1.03
				}
			}
			sys.X, sys.Z, tries = nil, nil, 0
		}
		var x [3]float64
		for k := range x {
			f := s.rng.Float64()
			for l := range x {
				x[l] += f * sys.Cell[k][l]
			}
		}
		if sys.free(x, s.MinDistance) {
			sys.X = append(sys.X, x)
			sys.Z = append(sys.Z, s.Elements[len(sys.Z)%len(s.Elements)])
		}
	}
	return sys
}

// free is whether x, and its images in the cells around, keep the distance d.
func (sys *System) free(x [3]float64, d float64) bool {
	for m := range 27 {
		y := x
		skip := false
		for k, c := range [3]int{m/9 - 1, m/3%3 - 1, m%3 - 1} {
			skip = skip || c != 0 && !sys.Periodic[k]
			for l := range y {
				y[l] += float64(c) * sys.Cell[k][l]
			}
		}
		if skip {
			continue
		}
		if m != 13 && distance(x, y) < d {
			return false
		}
		for _, z := range sys.X {
			if distance(y, z) < d {
				return false
			}
		}
	}
	return true
}

func distance(a, b [3]float64) float64 {
	return math.Hypot(math.Hypot(a[0]-b[0], a[1]-b[1]), a[2]-b[2])
}

// copy is a copy that may be changed.
func (sys System) copy() System {
	sys.X = append([][3]float64(nil), sys.X...)
	sys.Z = append([]int(nil), sys.Z...)
	return sys
}

// Repeat is the supercell of n[k] cells along vector k, cell by cell.
func (sys System) Repeat(n [3]int) System {
	big := System{Periodic: sys.Periodic, Cell: sys.Cell}
	for k := range n {
		for l := range big.Cell[k] {
			big.Cell[k][l] *= float64(n[k])
		}
	}
	for a := range n[0] {
		for b := range n[1] {
			for c := range n[2] {
				for i, x := range sys.X {
					for l := range x {
						x[l] += float64(a)*sys.Cell[0][l] + float64(b)*sys.Cell[1][l] + float64(c)*sys.Cell[2][l]
					}
					big.X, big.Z = append(big.X, x), append(big.Z, sys.Z[i])
				}
			}
		}
	}
	return big
}

// mapped is the structure with every vector, lattice and positions, times m.
func (sys System) mapped(m [3][3]float64) System {
	sys = sys.copy()
	for k := range sys.Cell {
		sys.Cell[k] = times(sys.Cell[k], m)
	}
	for i := range sys.X {
		sys.X[i] = times(sys.X[i], m)
	}
	return sys
}

// times is the row vector x·m.
func times(x [3]float64, m [3][3]float64) (y [3]float64) {
	for k := range x {
		for l := range y {
			y[l] += x[k] * m[k][l]
		}
	}
	return y
}

func (s *suite) evaluate(t *testing.T, sys System, setup Setup) *Outcome {
	t.Helper()
	o, err := Evaluate(sys, setup, s.mk)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func (s *suite) energy(t *testing.T, sys System) float64 {
	t.Helper()
	return s.evaluate(t, sys, Setup{}).Energy
}

// Deviation is the largest difference between two outcomes, of the same atoms in
// the same order: energy per atom (eV), atomic energies (eV), forces (eV/Å) and
// virial per atom or of an atom (eV).
func Deviation(a, b *Outcome) (energy, energies, forces, virial float64) {
	n := float64(max(len(a.Energies), 1))
	energy = math.Abs(a.Energy-b.Energy) / n
	for i := range a.Energies {
		energies = max(energies, math.Abs(a.Energies[i]-b.Energies[i]))
		for k := range 3 {
			forces = max(forces, math.Abs(a.Forces[i][k]-b.Forces[i][k]))
		}
	}
	for k := range a.Virial {
		for l := range a.Virial[k] {
			virial = max(virial, math.Abs(a.Virial[k][l]-b.Virial[k][l])/n)
		}
	}
	for i := range min(len(a.Virials), len(b.Virials)) {
		for k := range 9 {
			virial = max(virial, math.Abs(a.Virials[i][k/3][k%3]-b.Virials[i][k/3][k%3]))
		}
	}
	return energy, energies, forces, virial
}

// scale is the largest magnitude in an outcome, at least 1.
func scale(a *Outcome) float64 {
	m := 1.0
	for i, e := range a.Energies {
		m = max(m, math.Abs(e))
		for _, f := range a.Forces[i] {
			m = max(m, math.Abs(f))
		}
	}
	for _, w := range a.Virial {
		for _, x := range w {
			m = max(m, math.Abs(x)/float64(max(len(a.Energies), 1)))
		}
	}
	return m
}

// same fails unless two outcomes agree within Same, and returns the deviation.
func (s *suite) same(t *testing.T, what string, got, want *Outcome) float64 {
	t.Helper()
	e, ei, f, w := Deviation(got, want)
	worst := max(max(e, ei), max(f, w)) / scale(want)
	if !(worst <= s.Same) {
		t.Errorf("%s: differences in energy per atom %.3g eV, atomic energies %.3g eV, forces %.3g eV/Å, virial per atom %.3g eV; allowed %.3g × %.3g",
			what, e, ei, f, w, s.Same, scale(want))
	}
	return worst
}
