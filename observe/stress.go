package observe

import (
	"math"

	"github.com/wigner-md/wigner/md"
)

// Stress is the autocorrelation of the stress, and Green and Kubo's viscosity from
// it. Every look is an origin.
type Stress struct {
	Schedule
	alone
	Window int64 // steps

	sys   *System
	state stressState
}

type stressState struct {
	From, Every, Lags int64
	Dt                float64
	Samples           int64
	Ring              [][6]float64 // the last looks, of md.Thermo.P, eV/Å³
	Sum               [][7]float64 // by lag: products of the six, and of the traceless tensors
	Count             []int64
	Mean              [6]float64 // sums
	Volume, Heat      float64    // Σ V, Σ T
}

// Name is part of md.Keeper.
func (o *Stress) Name() string { return "stress-acf" }

func (o *Stress) begin(sys *System) {
	o.sys = sys
	lags := max(1, o.Window/int64(o.N)) + 1
	o.state = stressState{
		From: o.From, Every: int64(o.N), Lags: lags, Dt: sys.Dt,
		Ring: make([][6]float64, lags), Sum: make([][7]float64, lags), Count: make([]int64, lags),
	}
}

// Observe is part of md.Observer. All ranks know the stress; the first keeps account.
func (o *Stress) Observe(s *md.Sim) error {
	if !o.due(s) {
		return nil
	}
	x, err := s.Thermo()
	if err != nil || s.Comm.Rank() != 0 {
		return err
	}
	st := &o.state
	n := st.Lags
	st.Ring[st.Samples%n] = x.P
	st.Volume += x.Volume
	st.Heat += x.Temperature
	for k, p := range x.P {
		st.Mean[k] += p
	}
	t := traceless(x.P)
	for lag := range min(n, st.Samples+1) {
		q := st.Ring[(st.Samples-lag)%n]
		sum := &st.Sum[lag]
		for k := range q {
			sum[k] += x.P[k] * q[k]
		}
		sum[6] += contract(t, traceless(q))
		st.Count[lag]++
	}
	st.Samples++
	return nil
}

// traceless is p without a third of its trace.
func traceless(p [6]float64) [6]float64 {
	m := (p[0] + p[1] + p[2]) / 3
	return [6]float64{p[0] - m, p[1] - m, p[2] - m, p[3], p[4], p[5]}
}

// contract is Σ p_kl q_kl over all nine components.
func contract(p, q [6]float64) float64 {
	return p[0]*q[0] + p[1]*q[1] + p[2]*q[2] + 2*(p[3]*q[3]+p[4]*q[4]+p[5]*q[5])
}

// Save is part of md.Keeper.
func (o *Stress) Save(*md.Sim) ([]byte, error) { return save(0, 0, o.state) }

func (o *Stress) load(b []byte, _ bool) error {
	var st stressState
	if err := decode(b, &st); err != nil {
		return err
	}
	if st.From != o.From || st.Every != o.state.Every || st.Lags != o.state.Lags || st.Dt != o.sys.Dt {
		return errOther
	}
	o.state = st
	return nil
}

// Tables is part of Observer: stress-acf has the autocorrelation of the fluctuation of
// each component of the stress, GPa², and of the traceless tensor, a tenth of its
// contraction, whose integral times V/kT is the viscosity of a liquid (Daivis, Evans
// 1994), as a function of where the integral ends, mPa·s.
func (o *Stress) Tables(*md.Sim) ([]Table, error) {
	st := &o.state
	t := Table{Name: "stress-acf", Heads: []string{
		"time_ps", "xx_GPa2", "yy_GPa2", "zz_GPa2", "xy_GPa2", "xz_GPa2", "yz_GPa2", "shear_GPa2", "viscosity_mPa_s",
	}}
	if st.Samples == 0 {
		return []Table{t}, nil
	}
	n := float64(st.Samples)
	mean := st.Mean
	for k := range mean {
		mean[k] /= n
	}
	rest := traceless(mean)
	kT, volume := md.KB*st.Heat/n, st.Volume/n
	dt := float64(st.Every) * st.Dt
	integral, before := 0.0, 0.0
	for lag, c := range st.Count {
		if c == 0 {
			break
		}
		row := []float64{float64(lag) * dt / picosecond}
		for k, m := range mean {
			row = append(row, (st.Sum[lag][k]/float64(c)-m*m)/(gigapascal*gigapascal))
		}
		shear := (st.Sum[lag][6]/float64(c) - contract(rest, rest)) / 10
		if lag > 0 {
			integral += (shear + before) / 2 * dt
		}
		before = shear
		// eV/Å³ · Å·√(amu/eV) → GPa·ps = mPa·s
		eta := math.NaN()
		if kT > 0 {
			eta = volume / kT * integral / gigapascal / picosecond
		}
		t.Rows = append(t.Rows, append(row, shear/(gigapascal*gigapascal), eta))
	}
	return []Table{t}, nil
}
