package potentialtest

import (
	"fmt"
	"math"
	"testing"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/io/extxyz"
	"github.com/wigner-md/wigner/potential"
)

// Reference is one frame with another program's answers.
type Reference struct {
	Name     string
	System   System
	Energy   float64      // eV
	Energies []float64    // eV, by atom
	Forces   [][3]float64 // eV/Å
	Stress   []float64    // 9, eV/Å³; nil without
	Volume   float64      // Å³, where there is a stress
}

// ReadReferences reads the frames of an extended XYZ file, with REF_energy, REF_energies,
// REF_forces and, where it is there, REF_stress.
func ReadReferences(t testing.TB, file string) []Reference {
	t.Helper()
	frames, err := extxyz.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := make([]Reference, len(frames))
	for k, f := range frames {
		r := &out[k]
		if name, ok := f.Get("name"); ok {
			r.Name = name.Value
		}
		r.System = System{Cell: f.Cell, Periodic: f.PBC, X: f.X}
		for _, z := range f.Z {
			r.System.Z = append(r.System.Z, int(z))
		}
		e, ok := f.Get("REF_energy")
		v, err := e.Reals()
		if !ok || err != nil || len(v) != 1 {
			t.Fatalf("%s, line %d: no REF_energy", file, f.Line)
		}
		r.Energy = v[0]
		if s, ok := f.Get("REF_stress"); ok {
			if r.Stress, err = s.Reals(); err != nil || len(r.Stress) != 9 {
				t.Fatalf("%s, line %d: REF_stress: %v", file, f.Line, err)
			}
			cell, err := domain.NewCell(f.Cell, f.PBC)
			if err != nil {
				t.Fatalf("%s, line %d: %v", file, f.Line, err)
			}
			r.Volume = cell.Volume()
		}
		c, d := f.Column("REF_energies"), f.Column("REF_forces")
		if c == nil || d == nil {
			t.Fatalf("%s, line %d: no REF_energies or REF_forces", file, f.Line)
		}
		r.Energies, r.Forces = c.Real, d.Vectors()
	}
	return out
}

// Bars are the largest deviations allowed, or met: energy (eV/atom), atomic energy (eV;
// allowed 0: not asked), force (eV/Å), stress (eV/Å³).
type Bars struct{ Energy, Atomic, Force, Stress float64 }

// Deviation of an outcome from a reference.
func (r *Reference) Deviation(o *Outcome) (d Bars) {
	d.Energy = math.Abs(o.Energy-r.Energy) / float64(len(r.System.X))
	for i, e := range r.Energies {
		d.Atomic = max(d.Atomic, math.Abs(o.Energies[i]-e))
		for k := range 3 {
			d.Force = max(d.Force, math.Abs(o.Forces[i][k]-r.Forces[i][k]))
		}
	}
	for k, s := range r.Stress {
		d.Stress = max(d.Stress, math.Abs(-o.Virial[k/3][k%3]/r.Volume-s))
	}
	return d
}

// Collect makes d the larger of both in each.
func (d *Bars) Collect(e Bars) {
	d.Energy, d.Atomic = max(d.Energy, e.Energy), max(d.Atomic, e.Atomic)
	d.Force, d.Stress = max(d.Force, e.Force), max(d.Stress, e.Stress)
}

// Exceeds is whether a deviation is not within the bars.
func (d Bars) Exceeds(b Bars) bool {
	return !(d.Energy <= b.Energy) || b.Atomic > 0 && !(d.Atomic <= b.Atomic) || !(d.Force <= b.Force) || !(d.Stress <= b.Stress)
}

func (d Bars) String() string {
	return fmt.Sprintf("%.1e eV/atom, atomic %.1e eV, %.1e eV/Å, %.1e eV/Å³", d.Energy, d.Atomic, d.Force, d.Stress)
}

// Largest is the largest component; NaN if there is one.
func Largest(f [][3]float64) float64 {
	m := 0.0
	for _, v := range f {
		for _, x := range v {
			m = max(m, math.Abs(x))
		}
	}
	return m
}

// Precision is a way to evaluate a model, with its bars. Relative times the frame's largest
// force component, or a stress component, is added to the bars of force and stress.
type Precision struct {
	Name     string
	Make     func() potential.Potential
	Bars     Bars
	Relative float64
}

// Compare evaluates frames on so many ranks and compares them with their references; with
// -short those of 12 atoms or less.
func (p Precision) Compare(t *testing.T, frames []Reference, ranks int) {
	t.Helper()
	var worst Bars
	n := 0
	for k := range frames {
		r := &frames[k]
		if testing.Short() && len(r.System.X) > 12 {
			continue
		}
		o, err := Evaluate(r.System, Setup{Ranks: ranks}, p.Make)
		if err != nil {
			t.Fatalf("%s: %v", r.Name, err)
		}
		limit := p.Bars
		limit.Force += p.Relative * Largest(r.Forces)
		for _, x := range r.Stress {
			limit.Stress = max(limit.Stress, p.Bars.Stress+p.Relative*math.Abs(x))
		}
		d := r.Deviation(o)
		if d.Exceeds(limit) {
			t.Errorf("%s on %d ranks: %v; wanted %v", r.Name, ranks, d, limit)
		}
		worst.Collect(d)
		n++
	}
	t.Logf("%d ranks, worst of %d frames: %v", ranks, n, worst)
}
