package observe

import (
	"math"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/md"
)

// VACF is the velocity autocorrelation ⟨v(0)·v(t)⟩ by elements, and its spectrum, the
// density of vibrational states. The motion of the centre of mass is taken away
// unless KeepDrift is set.
type VACF struct {
	Schedule
	Window    int64 // steps
	Origins   int
	KeepDrift bool

	sys   *System
	first int // column of Atoms.Tow
	state vacfState
}

type vacfState struct {
	From      int64
	Dt        float64
	KeepDrift bool
	Origins   origins
	Start     [][][3]float64 // by slot and kind: Σ v at the origin
	Sum       [][]float64    // by kind and lag: Σ of the mean v(0)·v(t), in units of md
	Count     []int64        // origins by lag
}

// Name is part of md.Keeper.
func (o *VACF) Name() string { return "vacf" }

func (o *VACF) columns() int { return o.Origins }
func (o *VACF) at(first int) { o.first = first }

func (o *VACF) begin(sys *System) {
	o.sys = sys
	g := newOrigins(o.N, o.Window, o.Origins)
	o.state = vacfState{
		From: o.From, Dt: sys.Dt, KeepDrift: o.KeepDrift, Origins: g, Count: make([]int64, g.lags()),
		Sum: table(len(sys.Z), g.lags()), Start: make([][][3]float64, o.Origins),
	}
	for k := range o.state.Start {
		o.state.Start[k] = make([][3]float64, len(sys.Z))
	}
}

// Observe is part of md.Observer.
func (o *VACF) Observe(s *md.Sim) error {
	if !o.due(s) {
		return nil
	}
	st, a, n := &o.state, s.Atoms, len(o.sys.Z)
	tow := a.Tow[o.first:][:o.Origins]
	next := st.Origins.next(s.Step)
	sums := make([]comm.Fixed, n*(o.Origins+4)) // by kind: v(0)·v(t) of each slot, v(0)², Σ v
	w := o.Origins + 4
	for i := range a.N {
		v := a.V[i]
		f := sums[w*int(o.sys.kind[a.Species[i]]):][:w]
		for slot, start := range st.Origins.Start {
			if start >= 0 {
				u := tow[slot][i]
				f[slot].Add(u[0]*v[0] + u[1]*v[1] + u[2]*v[2])
			}
		}
		f[o.Origins].Add(v[0]*v[0] + v[1]*v[1] + v[2]*v[2])
		for c := range v {
			f[o.Origins+1+c].Add(v[c])
		}
		if next >= 0 {
			tow[next][i] = v
		}
	}
	if err := comm.SumFixed(s.Comm, sums); err != nil {
		return err
	}
	now := make([][3]float64, n)
	for k := range now {
		for c := range 3 {
			now[k][c] = sums[w*k+o.Origins+1+c].Value()
		}
	}
	for slot, start := range st.Origins.Start {
		if start >= 0 {
			lag := st.Origins.lag(slot, s.Step)
			st.Count[lag]++
			for k := range now {
				st.Sum[k][lag] += o.mean(k, sums[w*k+slot].Value(), st.Start[slot], now)
			}
		}
	}
	if next >= 0 {
		st.Origins.Start[next] = s.Step
		st.Count[0]++
		copy(st.Start[next], now)
		for k := range now {
			st.Sum[k][0] += o.mean(k, sums[w*k+o.Origins].Value(), now, now)
		}
	}
	return nil
}

// mean is ⟨(u − U)·(v − V)⟩ of a kind, from Σ u·v and the kinds' Σ u and Σ v.
func (o *VACF) mean(kind int, dot float64, u, v [][3]float64) float64 {
	n := float64(o.sys.Number[kind])
	if o.KeepDrift {
		return dot / n
	}
	a, b := o.sys.drift(u), o.sys.drift(v)
	for c := range 3 {
		dot += n*a[c]*b[c] - a[c]*v[kind][c] - b[c]*u[kind][c]
	}
	return dot / n
}

// Save is part of md.Keeper.
func (o *VACF) Save(*md.Sim) ([]byte, error) { return save(o.first, o.Origins, o.state) }

func (o *VACF) load(b []byte, _ bool) error {
	var st vacfState
	if err := decode(b, &st); err != nil {
		return err
	}
	if st.From != o.From || st.Dt != o.sys.Dt || st.KeepDrift != o.KeepDrift || !st.Origins.same(&o.state.Origins) || len(st.Sum) != len(o.sys.Z) {
		return errOther
	}
	o.state = st
	return nil
}

// Tables is part of Observer: vacf has ⟨v(0)·v(t)⟩ in Å²/ps², by elements; vdos the
// density of states, of which the integral over the frequency in THz is 1, of all atoms
// and the elements' shares of it.
func (o *VACF) Tables(*md.Sim) ([]Table, error) {
	st := &o.state
	t := Table{Name: "vacf", Heads: []string{"time_ps"}}
	g := Table{Name: "vdos", Heads: []string{"frequency_THz", "frequency_per_cm", "total"}}
	lags := 0
	for lags < len(st.Count) && st.Count[lags] > 0 {
		lags++
	}
	dt := float64(st.Origins.Every) * st.Dt / picosecond
	curves, all := table(len(o.sys.Z), lags), 0.0
	for k, z := range o.sys.Z {
		t.Heads = append(t.Heads, element.Symbol(int(z))+"_A2_per_ps2")
		g.Heads = append(g.Heads, element.Symbol(int(z)))
		for lag := range lags {
			curves[k][lag] = st.Sum[k][lag] / float64(st.Count[lag]) * picosecond * picosecond
		}
		if lags > 0 {
			all += o.sys.Mass[k] * float64(o.sys.Number[k]) * curves[k][0]
		}
	}
	for lag := range lags {
		row := []float64{float64(lag) * dt}
		for k := range curves {
			row = append(row, curves[k][lag])
		}
		t.Rows = append(t.Rows, row)
	}
	if lags < 4 || all == 0 {
		return []Table{t, g}, nil
	}
	// Frequencies to the highest that the looks can tell, twice as close as the window
	// resolves.
	for n := range 2 * (lags - 1) {
		f := float64(n) / (4 * float64(lags-1) * dt)
		row := []float64{f, f * wavenumbers, 0}
		for k := range curves {
			x := o.sys.Mass[k] * float64(o.sys.Number[k]) / all * spectrum(curves[k], dt, f)
			row[2] += x
			row = append(row, x)
		}
		g.Rows = append(g.Rows, row)
	}
	return []Table{t, g}, nil
}

// spectrum is 4 ∫ C(t) w(t) cos(2πft) dt by trapezia, with Hann's window w, which goes
// to zero at the last lag. Its integral over f from 0 is C(0).
func spectrum(c []float64, dt, f float64) float64 {
	sum, last := c[0]/2, float64(len(c)-1)
	for i := 1; i < len(c); i++ {
		w := math.Cos(math.Pi * float64(i) / last / 2)
		sum += c[i] * w * w * math.Cos(2*math.Pi*f*float64(i)*dt)
	}
	return 4 * sum * dt
}
