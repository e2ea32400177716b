package train

import (
	"fmt"
	"math"
	"sync"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/halo"
	"github.com/wigner-md/wigner/neighbor"
)

// Structure is one labelled structure. A label that is NaN, or a nil slice, is not
// there.
type Structure struct {
	Cell     [3][3]float64 // lattice vectors as rows, Å
	Periodic [3]bool
	Z        []int
	X        [][3]float64 // Å

	Energy float64       // eV
	Forces [][3]float64  // eV/Å; single components may be NaN
	Stress [3][3]float64 // eV/Å³, tension positive; single components may be NaN
	Target []float64     // of a potential that gives a tensor; nil: none
	Weight float64       // of this structure in the loss
	Type   string        // config_type, for the report
	Source string        // file and line, for messages
	Frame  int           // of the file, from 0

	mu     sync.Mutex // ranks share structures
	made   *sample
	cutoff float64 // of made
}

// Clone is a copy that shares the slices, without what was made of the structure.
func (s *Structure) Clone() *Structure {
	return &Structure{Cell: s.Cell, Periodic: s.Periodic, Z: s.Z, X: s.X, Energy: s.Energy, Forces: s.Forces,
		Stress: s.Stress, Target: s.Target, Weight: s.Weight, Type: s.Type, Source: s.Source, Frame: s.Frame}
}

// sample is the structure with its images and neighbours, made at the first call; the
// structure must not change afterwards.
func (s *Structure) sample(cutoff float64) (*sample, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.made == nil || s.cutoff != cutoff {
		x, err := newSample(s, cutoff)
		if err != nil {
			return nil, err
		}
		s.made, s.cutoff = x, cutoff
	}
	return s.made, nil
}

// Margin is how far, in Å, the positions of a sample may move before its list no longer
// holds.
const Margin = 0.1

// sample is a structure with its images and neighbours; nothing in it changes.
type sample struct {
	*Structure
	species []int32
	home    []int32      // of each image
	shift   [][3]float64 // of each image from its home, Å
	row     []int64
	j       []int32 // neighbours: < n an atom, else n + an image
	volume  float64
	short   float64 // shortest distance, Å
}

// newSample makes the images and the list out to the cutoff.
func newSample(s *Structure, cutoff float64) (*sample, error) {
	cell, err := domain.NewCell(s.Cell, s.Periodic)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Source, err)
	}
	n := len(s.X)
	out := &sample{Structure: s, volume: math.NaN(), short: math.Inf(1)}
	if cell.Given() {
		out.volume = cell.Volume()
	}
	a := domain.Atoms{N: n}
	for i, x := range s.X {
		a.ID = append(a.ID, int64(i+1))
		a.Species = append(a.Species, int32(s.Z[i]))
		a.X = append(a.X, x)
	}
	lo, hi := cell.Bounds(s.X)
	part := domain.NewPartition(cell, 1, lo, hi)
	var list neighbor.List
	var plan *halo.Plan
	reach := cutoff + 2*Margin
	err = inproc.Run(1, func(c comm.Comm) error { // alone: its ghosts are its own images
		plan = halo.New(c)
		if err := plan.Migrate(part, cell, &a); err != nil {
			return err
		}
		if err := plan.Rebuild(part, cell, &a, reach); err != nil {
			return err
		}
		return neighbor.Build(&list, &a, cutoff, 2*Margin)
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.Source, err)
	}
	// Back to the order of the structure, whose positions may lie outside the cell.
	at := make([]int32, n) // atom of each row
	for i, id := range a.ID[:n] {
		at[i] = int32(id - 1)
	}
	image := map[int32]int32{}
	number := func(p int32) int32 { // of a position row of the plan, as sample counts
		if int(p) < n {
			x, y := a.X[p], s.X[at[p]]
			if x == y {
				return at[p]
			}
		}
		if k, ok := image[p]; ok {
			return k
		}
		h := at[plan.Home[p]]
		k := int32(n + len(out.home))
		var d [3]float64
		for c := range d {
			d[c] = a.X[p][c] - s.X[h][c]
		}
		out.home, out.shift = append(out.home, h), append(out.shift, d)
		image[p] = k
		return k
	}
	out.species = make([]int32, n)
	rowOf := make([]int, n)
	for r, i := range at {
		rowOf[i] = r
	}
	out.row = append(out.row, 0)
	for i := range n {
		r := rowOf[i]
		out.species[i] = int32(s.Z[i])
		// The row may stand a lattice vector away from the atom: its neighbours then
		// do so too.
		var off [3]float64
		for c := range off {
			off[c] = s.X[i][c] - a.X[r][c]
		}
		for _, p := range list.J[list.Row[r]:list.Row[r+1]] {
			if off == ([3]float64{}) {
				out.j = append(out.j, number(p))
			} else {
				h := at[plan.Home[p]]
				var d [3]float64
				for c := range d {
					d[c] = a.X[p][c] + off[c] - s.X[h][c]
				}
				out.home, out.shift = append(out.home, h), append(out.shift, d)
				out.j = append(out.j, int32(n+len(out.home)-1))
			}
			d2 := 0.0
			for c := range 3 {
				d2 += (a.X[p][c] - a.X[r][c]) * (a.X[p][c] - a.X[r][c])
			}
			out.short = min(out.short, math.Sqrt(d2))
		}
		out.row = append(out.row, int64(len(out.j)))
	}
	return out, nil
}

// position writes the atoms and the images, moved by h(u + x·s), to x.
func (s *sample) position(h float64, u [][3]float64, strain *[3][3]float64, atoms, images [][3]float64) {
	move := func(v [3]float64) (d [3]float64) {
		for k := range v {
			for l := range d {
				d[l] += v[k] * strain[k][l]
			}
		}
		return d
	}
	for i, x := range s.X {
		atoms[i] = x
		if h == 0 {
			continue
		}
		d := move(x)
		for k := range d {
			atoms[i][k] += h * (u[i][k] + d[k])
		}
	}
	for m, i := range s.home {
		v := s.shift[m]
		if h != 0 {
			d := move(v)
			for k := range v {
				v[k] += h * d[k]
			}
		}
		for k := range v {
			images[m][k] = atoms[i][k] + v[k]
		}
	}
}
