package observe

import (
	"math"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/md"
)

// MSD is the mean square displacement by elements as a function of time, from
// several origins, and the coefficient of diffusion. Positions are unwrapped;
// the displacement of the centre of mass is taken away unless KeepDrift is set.
type MSD struct {
	Schedule
	Window    int64 // steps that each origin is followed for
	Origins   int
	KeepDrift bool

	sys   *System
	first int // column of Atoms.Tow
	state msdState
}

type msdState struct {
	From      int64
	Dt        float64
	KeepDrift bool
	Origins   origins
	Sum       [][]float64   // by kind and lag, Å²
	Count     []int64       // origins by lag
	Curve     [][][]float64 // by slot, kind and lag: those that go on
	Slopes    []Blocks      // by kind: of the finished windows, Å² per unit of time
}

// Name is part of md.Keeper.
func (o *MSD) Name() string { return "msd" }

func (o *MSD) columns() int { return o.Origins }
func (o *MSD) at(first int) { o.first = first }

func (o *MSD) begin(sys *System) {
	o.sys = sys
	g := newOrigins(o.N, o.Window, o.Origins)
	o.state = msdState{
		From: o.From, Dt: sys.Dt, KeepDrift: o.KeepDrift, Origins: g, Count: make([]int64, g.lags()),
		Sum: table(len(sys.Z), g.lags()), Slopes: make([]Blocks, len(sys.Z)),
	}
	for range o.Origins {
		o.state.Curve = append(o.state.Curve, table(len(sys.Z), g.lags()))
	}
}

func table(n, m int) [][]float64 {
	t := make([][]float64, n)
	for k := range t {
		t[k] = make([]float64, m)
	}
	return t
}

// Displaced gathers displacements: their sums and squares by kind.
type Displaced struct {
	sys *System
	sum []comm.Fixed // by kind: x, y, z, square
}

// NewDisplaced is for the atoms of sys.
func NewDisplaced(sys *System) *Displaced {
	return &Displaced{sys, make([]comm.Fixed, 4*len(sys.Z))}
}

// Add adds the displacement of an atom of atomic number z.
func (d *Displaced) Add(z int32, from, to [3]float64) { addDisplaced(d.sys, d.sum, z, from, to) }

func addDisplaced(sys *System, sum []comm.Fixed, z int32, from, to [3]float64) {
	s := sum[4*int(sys.kind[z]):][:4]
	square := 0.0
	for k := range from {
		u := to[k] - from[k]
		s[k].Add(u)
		square += u * u
	}
	s[3].Add(square)
}

// Mean is the mean square by kinds, Å², and of all atoms at the end.
func (d *Displaced) Mean(keepDrift bool) []float64 { return meanSquare(d.sys, d.sum, keepDrift) }

func meanSquare(sys *System, sum []comm.Fixed, keepDrift bool) []float64 {
	vectors := make([][3]float64, len(sys.Z))
	for k := range vectors {
		for c := range 3 {
			vectors[k][c] = sum[4*k+c].Value()
		}
	}
	var drift [3]float64
	if !keepDrift {
		drift = sys.drift(vectors)
	}
	out := make([]float64, len(sys.Z)+1)
	all := 0.0
	for k, n := range sys.Number {
		s := sum[4*k+3].Value() // Σ (u − D)² = Σ u² − 2 D·Σ u + N D²
		for c, d := range drift {
			s += d * (float64(n)*d - 2*vectors[k][c])
		}
		out[k] = s / float64(n)
		out[len(sys.Z)] += s
		all += float64(n)
	}
	out[len(sys.Z)] /= all
	return out
}

// Observe is part of md.Observer.
func (o *MSD) Observe(s *md.Sim) error {
	if !o.due(s) {
		return nil
	}
	st, a := &o.state, s.Atoms
	tow := a.Tow[o.first:][:o.Origins]
	w := 4 * len(o.sys.Z)
	sums := make([]comm.Fixed, w*o.Origins)
	next := st.Origins.next(s.Step)
	for i := range a.N {
		x, z := s.Cell.Unwrap(a.X[i], a.Image[i]), a.Species[i]
		for slot, start := range st.Origins.Start {
			if start >= 0 {
				addDisplaced(o.sys, sums[w*slot:][:w], z, tow[slot][i], x)
			}
		}
		if next >= 0 {
			tow[next][i] = x
		}
	}
	if err := comm.SumFixed(s.Comm, sums); err != nil {
		return err
	}
	for slot, start := range st.Origins.Start {
		if start >= 0 {
			o.add(slot, st.Origins.lag(slot, s.Step), meanSquare(o.sys, sums[w*slot:][:w], o.KeepDrift))
		}
	}
	if next >= 0 {
		st.Origins.Start[next] = s.Step
		o.add(next, 0, make([]float64, len(o.sys.Z)+1))
	}
	return nil
}

// add takes the mean squares of a slot at a lag; at the last, its window is over.
func (o *MSD) add(slot, lag int, square []float64) {
	st := &o.state
	st.Count[lag]++
	for k := range o.sys.Z {
		st.Sum[k][lag] += square[k]
		st.Curve[slot][k][lag] = square[k]
		if lag+1 == len(st.Count) {
			st.Slopes[k].Push(o.rise(st.Curve[slot][k]))
		}
	}
}

// rise is the slope of a curve over its second half.
func (o *MSD) rise(curve []float64) float64 {
	half := len(curve) / 2
	x := make([]float64, len(curve)-half)
	for i := range x {
		x[i] = float64(half+i) * float64(o.state.Origins.Every) * o.state.Dt
	}
	return slope(x, curve[half:])
}

// Save is part of md.Keeper.
func (o *MSD) Save(*md.Sim) ([]byte, error) { return save(o.first, o.Origins, o.state) }

func (o *MSD) load(b []byte, _ bool) error {
	var st msdState
	if err := decode(b, &st); err != nil {
		return err
	}
	if st.From != o.From || st.Dt != o.sys.Dt || st.KeepDrift != o.KeepDrift || !st.Origins.same(&o.state.Origins) || len(st.Sum) != len(o.sys.Z) {
		return errOther
	}
	o.state = st
	return nil
}

// Tables is part of Observer: msd has the mean square displacement by elements and
// time; diffusion the coefficient D = slope/6 of the second half of msd, and its error
// from the windows.
func (o *MSD) Tables(*md.Sim) ([]Table, error) {
	st := &o.state
	t := Table{Name: "msd", Heads: []string{"time_ps"}}
	d := Table{Name: "diffusion", Label: "element", Heads: []string{"D_A2_per_ps", "error_A2_per_ps", "D_cm2_per_s", "windows"}}
	lags := 0 // those that have been reached
	for lags < len(st.Count) && st.Count[lags] > 0 {
		lags++
	}
	for lag := range lags {
		row := []float64{float64(lag) * float64(st.Origins.Every) * st.Dt / picosecond}
		for k := range o.sys.Z {
			row = append(row, st.Sum[k][lag]/float64(st.Count[lag]))
		}
		t.Rows = append(t.Rows, row)
	}
	for k, z := range o.sys.Z {
		t.Heads = append(t.Heads, element.Symbol(int(z))+"_A2")
		mean := make([]float64, lags)
		for lag := range mean {
			mean[lag] = t.Rows[lag][1+k]
		}
		D := math.NaN()
		if lags > 3 {
			D = o.rise(mean) / 6 * picosecond
		}
		d.Labels = append(d.Labels, element.Symbol(int(z)))
		// 1 Å²/ps is 10⁻⁴ cm²/s.
		d.Rows = append(d.Rows, []float64{D, st.Slopes[k].Err() / 6 * picosecond, D * 1e-4, float64(st.Slopes[k].N())})
	}
	return []Table{t, d}, nil
}
