package observe

import (
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/potential"
)

// free is no potential: atoms fly on.
type free struct{}

func (free) Cutoff() float64                                   { return 2 }
func (free) Supports(int) bool                                 { return true }
func (free) Compute(*potential.Frame, *potential.Result) error { return nil }

// gas is n³ atoms of two kinds (H of mass 1 and He of mass 4) on a grid in a
// skewed cell, with random velocities, on this rank of c.
func gas(c comm.Comm, n int) *md.Sim {
	l := 3 * float64(n)
	cell, err := domain.NewCell([3][3]float64{{l, 0, 0}, {0.2 * l, l, 0}, {0, -0.1 * l, l}}, [3]bool{true, true, true})
	if err != nil {
		panic(err)
	}
	rng := rand.New(rand.NewPCG(3, 5))
	a := &domain.Atoms{}
	for id := range n * n * n {
		v := [3]float64{rng.NormFloat64() + 0.3, rng.NormFloat64(), rng.NormFloat64()}
		if id%c.Size() != c.Rank() {
			continue
		}
		x := cell.Cart([3]float64{float64(id%n) / float64(n), float64(id/n%n) / float64(n), float64(id/n/n) / float64(n)})
		a.ID, a.X, a.V = append(a.ID, int64(id+1)), append(a.X, x), append(a.V, v)
		a.Species = append(a.Species, int32(1+id%3/2))
	}
	a.N = len(a.ID)
	a.Image = make([][3]int32, a.N)
	return &md.Sim{
		Evaluator: md.Evaluator{Comm: c, Partition: domain.NewPartition(cell, c.Size(), [3]float64{}, [3]float64{1, 1, 1}),
			Cell: cell, Atoms: a, Potential: free{}, Skin: 0.5},
		Mass: []float64{0, 1, 4}, Dt: 0.1, Integrator: md.VelocityVerlet{},
	}
}

func measures() []Observer {
	at := Schedule{N: 2, From: 4}
	return []Observer{
		&RDF{Schedule: Schedule{N: 5}, Cutoff: 5, Bins: 50},
		&Coordination{Schedule: Schedule{N: 5}, Cutoff: func(int, int) float64 { return 3.3 }},
		&MSD{Schedule: at, Window: 40, Origins: 5},
		&VACF{Schedule: at, Window: 20, Origins: 3},
		&Stress{Schedule: Schedule{N: 2}, Window: 30},
		&Averages{Schedule: Schedule{N: 3}, Names: []string{"T"}, Values: func(s *md.Sim, dst []float64) ([]float64, error) {
			x, err := s.Thermo()
			return append(dst, x.Temperature), err
		}},
	}
}

// tablesOf are all tables by name.
func tablesOf(s *md.Sim, list []Observer) (map[string]Table, error) {
	out := map[string]Table{}
	for _, o := range list {
		ts, err := o.Tables(s)
		if err != nil {
			return nil, err
		}
		for _, t := range ts {
			out[t.Name] = t
		}
	}
	return out, nil
}

// watched is the result of steps of the gas on some ranks.
func watched(t *testing.T, ranks, n int, steps int64) map[string]Table {
	t.Helper()
	var out map[string]Table
	if err := inproc.Run(ranks, func(c comm.Comm) error {
		s, list := gas(c, n), measures()
		if _, err := Attach(s, list, nil); err != nil {
			return err
		}
		if err := s.Run(steps); err != nil {
			return err
		}
		tables, err := tablesOf(s, list)
		if c.Rank() == 0 {
			out = tables
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return out
}

// Atoms that fly on have ⟨|u|²⟩ = ⟨|v − V|²⟩t² and ⟨v(0)·v(t)⟩ = ⟨|v − V|²⟩ for each
// element, V being the velocity of the centre of mass, however often they cross
// the faces of the cell and of bricks.
func TestFlight(t *testing.T) {
	const n = 5
	var square [2]float64
	if err := inproc.Run(1, func(c comm.Comm) error {
		s := gas(c, n)
		var v [3]float64
		mass := 0.0
		for i, u := range s.Atoms.V {
			m := s.Mass[s.Atoms.Species[i]]
			mass += m
			for k := range u {
				v[k] += m * u[k]
			}
		}
		var count [2]float64
		for i, u := range s.Atoms.V {
			kind := s.Atoms.Species[i] - 1
			count[kind]++
			for k := range u {
				square[kind] += (u[k] - v[k]/mass) * (u[k] - v[k]/mass)
			}
		}
		square[0] /= count[0]
		square[1] /= count[1]
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, ranks := range []int{1, 2, 6} {
		tables := watched(t, ranks, n, 150)
		if len(tables["msd"].Rows) != 21 || len(tables["vacf"].Rows) != 10 {
			t.Fatalf("%d and %d times", len(tables["msd"].Rows), len(tables["vacf"].Rows))
		}
		for lag, row := range tables["msd"].Rows {
			at := float64(2*lag) * 0.1
			for k := range square {
				if want := square[k] * at * at; math.Abs(row[1+k]-want) > 1e-9*(1+want) {
					t.Fatalf("%d ranks: MSD of kind %d at %v is %v, want %v", ranks, k, at, row[1+k], want)
				}
			}
		}
		for lag, row := range tables["vacf"].Rows {
			for k := range square {
				if got := row[1+k] / (picosecond * picosecond); math.Abs(got-square[k]) > 1e-9*square[k] {
					t.Fatalf("%d ranks: VACF of kind %d at lag %d is %v, want %v", ranks, k, lag, got, square[k])
				}
			}
		}
		for k, row := range tables["diffusion"].Rows {
			// The slope of t² over the second half of the lags, 10 … 20.
			var x, y []float64
			for lag := 10; lag <= 20; lag++ {
				x, y = append(x, float64(2*lag)*0.1), append(y, square[k]*math.Pow(float64(2*lag)*0.1, 2))
			}
			if want := slope(x, y) / 6 * picosecond; math.Abs(row[0]-want) > 1e-9*want || row[3] != 14 {
				t.Errorf("%d ranks: D = %v from %v windows, want %v from 14", ranks, row[0], row[3], want)
			}
		}
	}
}

// Any ranks give the same tables within rounding.
func TestRanks(t *testing.T) {
	want := watched(t, 1, 5, 60)
	for _, ranks := range []int{3, 8} {
		for name, got := range watched(t, ranks, 5, 60) {
			if d := difference(got, want[name]); !(d < 1e-9) {
				t.Errorf("%d ranks: %s is off by %v", ranks, name, d)
			}
		}
	}
}

// difference is the largest of two tables' numbers, relative to 1 or more.
func difference(a, b Table) float64 {
	if len(a.Rows) != len(b.Rows) || !reflect.DeepEqual(a.Heads, b.Heads) {
		return math.Inf(1)
	}
	d := 0.0
	for i := range a.Rows {
		for k, x := range a.Rows[i] {
			y := b.Rows[i][k]
			if x != x && y != y {
				continue
			}
			d = max(d, math.Abs(x-y)/max(1, math.Abs(y)))
		}
	}
	return d
}

// A run that is interrupted between looks, and between the list builds, goes on to
// the same bits, and on other ranks within rounding.
func TestRestart(t *testing.T) {
	want := watched(t, 2, 5, 61)
	for _, ranks := range []int{2, 5} {
		dir := t.TempDir()
		if err := inproc.Run(2, func(c comm.Comm) error {
			s, list := gas(c, 5), measures()
			if _, err := Attach(s, list, nil); err != nil {
				return err
			}
			if err := s.Run(31); err != nil {
				return err
			}
			return (&md.Checkpoint{Dir: dir}).Write(s)
		}); err != nil {
			t.Fatal(err)
		}
		if err := inproc.Run(ranks, func(c comm.Comm) error {
			re, err := md.ReadRestart(c, dir)
			if err != nil {
				return err
			}
			s := &md.Sim{Evaluator: md.Evaluator{Comm: c, Potential: free{}, Skin: 0.5}, Mass: []float64{0, 1, 4}, Integrator: md.VelocityVerlet{}}
			if _, err := s.Resume(re); err != nil {
				return err
			}
			list := measures()
			anew, err := Attach(s, list, re.Observers)
			if err != nil || len(anew) > 0 {
				return fmt.Errorf("begin anew: %v, %v", anew, err)
			}
			if err := s.Run(30); err != nil {
				return err
			}
			tables, err := tablesOf(s, list)
			if c.Rank() > 0 || err != nil {
				return err
			}
			for name, got := range tables {
				if d := difference(got, want[name]); ranks == 2 && d != 0 || !(d < 1e-9) {
					t.Errorf("resumed on %d ranks: %s is off by %v", ranks, name, d)
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// With other settings a measure begins anew, and the others go on.
func TestOtherSettings(t *testing.T) {
	if err := inproc.Run(1, func(c comm.Comm) error {
		s, list := gas(c, 4), measures()
		if _, err := Attach(s, list, nil); err != nil {
			return err
		}
		if err := s.Run(20); err != nil {
			return err
		}
		saved := map[string]string{}
		for _, o := range list {
			b, err := o.Save(s)
			if err != nil {
				return err
			}
			saved[o.Name()] = string(b)
		}
		kept := append([][3]float64(nil), s.Atoms.Tow[5]...) // the first of VACF's
		other := measures()
		other[0].(*RDF).Bins++
		other[2].(*MSD).Origins = 4
		s.Observers = nil
		anew, err := Attach(s, other, saved)
		if err != nil || !reflect.DeepEqual(anew, []string{"rdf", "msd"}) {
			t.Errorf("begin anew: %v, %v", anew, err)
		}
		if len(s.Atoms.Tow) != 7 || !reflect.DeepEqual(s.Atoms.Tow[4], kept) {
			t.Errorf("the columns of the others are not where they belong")
		}
		if text := saved["vacf"]; true {
			saved["vacf"] = text[:len(text)/2]
		}
		s.Observers = nil
		if anew, err = Attach(s, measures(), saved); err != nil || !reflect.DeepEqual(anew, []string{"vacf"}) {
			t.Errorf("begin anew: %v, %v", anew, err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
}

// Perfect fcc: 12 neighbours at a/√2, 6 at a, 24 at a√(3/2); 4πr²ρ g integrates to them.
func TestCounting(t *testing.T) {
	const a, n = 4.0, 3
	for _, ranks := range []int{1, 4} {
		if err := inproc.Run(ranks, func(c comm.Comm) error {
			cell, err := domain.NewCell([3][3]float64{{a * n}, {0, a * n}, {0, 0, a * n}}, [3]bool{true, true, true})
			if err != nil {
				return err
			}
			at := &domain.Atoms{}
			for id := range 4 * n * n * n {
				if id%c.Size() != c.Rank() {
					continue
				}
				b := [4][3]float64{{}, {0, .5, .5}, {.5, 0, .5}, {.5, .5, 0}}[id%4]
				x := [3]float64{a * (float64(id/4%n) + b[0]), a * (float64(id/4/n%n) + b[1]), a * (float64(id/4/n/n) + b[2])}
				at.ID, at.X, at.Species = append(at.ID, int64(id+1)), append(at.X, x), append(at.Species, 1)
			}
			at.N = len(at.ID)
			at.V, at.Image = make([][3]float64, at.N), make([][3]int32, at.N)
			s := &md.Sim{
				Evaluator: md.Evaluator{Comm: c, Cell: cell, Atoms: at, Potential: free{}, Skin: 0.5,
					Partition: domain.NewPartition(cell, c.Size(), [3]float64{}, [3]float64{1, 1, 1})},
				Mass: []float64{0, 1}, Dt: 1, Integrator: md.VelocityVerlet{},
			}
			list := []Observer{
				&RDF{Schedule: Schedule{N: 1}, Cutoff: 5, Bins: 500},
				&Coordination{Schedule: Schedule{N: 1}, Cutoff: func(int, int) float64 { return 3.2 }},
			}
			if _, err := Attach(s, list, nil); err != nil {
				return err
			}
			if err := s.Run(3); err != nil {
				return err
			}
			tables, err := tablesOf(s, list)
			if err != nil || c.Rank() > 0 {
				return err
			}
			for _, shell := range []struct{ lo, hi, want float64 }{{0, 2.7, 0}, {2.7, 3, 12}, {3, 3.9, 0}, {3.9, 4.1, 6}, {4.8, 5, 24}} {
				got := 0.0
				for _, row := range tables["rdf"].Rows {
					lo, hi := row[0]-0.005, row[0]+0.005
					if row[0] > shell.lo && row[0] < shell.hi {
						got += row[1] * 4 * math.Pi / 3 * (hi*hi*hi - lo*lo*lo) * 4 / (a * a * a)
					}
				}
				if math.Abs(got-shell.want) > 1e-9 {
					t.Errorf("%d ranks: %v neighbours between %v and %v Å, want %v", ranks, got, shell.lo, shell.hi, shell.want)
				}
			}
			row := tables["coordination"].Rows[0]
			if row[1] != 12 || len(row) != 3+13 || row[3+12] != 1 || row[3] != 0 {
				t.Errorf("%d ranks: coordination %v", ranks, row)
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
}

// A chain of x_{n+1} = a x_n + ξ has the error √((1+a)/(1−a)) times that of
// independent values, √(1/(1−a²)/n).
func TestBlocks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const a, n = 0.9, 1 << 17
	var b Blocks
	x := 0.0
	for range n {
		x = a*x + rng.NormFloat64()
		b.Push(x + 5)
	}
	want := math.Sqrt((1 + a) / (1 - a) / (1 - a*a) / n)
	if got := b.Err(); math.Abs(got/want-1) > 0.3 {
		t.Errorf("error %v, want %v", got, want)
	}
	if got, want := b.Spread(), 1/math.Sqrt(1-a*a); math.Abs(got/want-1) > 0.02 || b.N() != n || math.Abs(b.Mean()-5) > 5*b.Err() {
		t.Errorf("mean %v, spread %v, want %v", b.Mean(), got, want)
	}
	var few Blocks
	for k := range 16 { // 17 … 32 of TestAverage in cmd/wigner
		few.Push(float64(17 + k))
	}
	if m, e := few.Mean(), few.Err(); m != 24.5 || math.Abs(e-math.Sqrt(4*63./12*8/7/8)) > 1e-14 {
		t.Errorf("mean %v, error %v", m, e)
	}
	if e := new(Blocks).Err(); !math.IsNaN(e) {
		t.Errorf("an error of nothing: %v", e)
	}
}

// The spectrum of cos(2πft) has its peak at f and the integral C(0).
func TestSpectrum(t *testing.T) {
	const dt, f = 0.01, 7.0
	c := make([]float64, 401)
	for i := range c {
		c[i] = 3 * math.Cos(2*math.Pi*f*float64(i)*dt)
	}
	sum, top, at := 0.0, 0.0, 0.0
	df := 1 / (4 * 400 * dt)
	for n := range 801 {
		g := spectrum(c, dt, float64(n)*df)
		if n == 0 || n == 800 {
			g /= 2 // trapezia
		}
		sum += g * df
		if g > top {
			top, at = g, float64(n)*df
		}
	}
	if math.Abs(sum-3) > 1e-9 || math.Abs(at-f) > df/2 {
		t.Errorf("integral %v, peak at %v", sum, at)
	}
}

// The slow twin: every pair of looks.
func TestStress(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	o := &Stress{Schedule: Schedule{N: 1}, Window: 7}
	o.begin(&System{Dt: 0.1})
	var series [][6]float64
	if err := inproc.Run(1, func(c comm.Comm) error {
		s := gas(c, 3)
		for step := range 40 {
			for i := range s.Atoms.V {
				s.Atoms.V[i] = [3]float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64()}
			}
			s.Step = int64(step)
			if err := s.Evaluate(); err != nil {
				return err
			}
			fresh := md.Sim{Evaluator: md.Evaluator{Comm: c, Partition: s.Partition, Cell: s.Cell, Atoms: s.Atoms, Potential: free{}}, Mass: s.Mass, Dt: s.Dt, Integrator: s.Integrator, Step: s.Step}
			if err := fresh.Evaluate(); err != nil {
				return err
			}
			x, err := fresh.Thermo()
			if err != nil {
				return err
			}
			series = append(series, x.P)
			if err := o.Observe(&fresh); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	tables, _ := o.Tables(nil)
	rows := tables[0].Rows
	if len(rows) != 8 {
		t.Fatalf("%d lags", len(rows))
	}
	var mean [6]float64
	for _, p := range series {
		for k := range p {
			mean[k] += p[k] / 40
		}
	}
	for lag := range 8 {
		for k := range 6 {
			want := 0.0
			for n := lag; n < 40; n++ {
				want += series[n][k] * series[n-lag][k] / float64(40-lag)
			}
			want = (want - mean[k]*mean[k]) / (gigapascal * gigapascal)
			if got := rows[lag][1+k]; math.Abs(got-want) > 1e-9*math.Abs(rows[0][1+k]) {
				t.Errorf("lag %d, component %d: %v, want %v", lag, k, got, want)
			}
		}
	}
	if v := rows[0][8]; v != 0 || math.IsNaN(rows[7][8]) {
		t.Errorf("viscosity %v … %v", v, rows[7][8])
	}
}
