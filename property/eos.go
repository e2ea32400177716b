package property

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/relax"
)

// EOSOptions say at which volumes to look.
type EOSOptions struct {
	Range    float64 // largest change of the volume on either side, as a fraction
	Points   int
	Internal bool // positions come to rest
	Shape    bool // so does the shape of the cell
	Relax    relax.Options
	See      func(p *VolumePoint) // on all ranks; may be nil
}

// VolumePoint is the crystal at one volume.
type VolumePoint struct {
	Volume, Energy float64 // of the whole cell, Å³ and eV
	Pressure       float64 // from the virial, eV/Å³
	Steps          int
}

// Birch is a fit of Birch and Murnaghan, of third order: E is a polynomial of
// third degree in V^(−2/3).
type Birch struct {
	Volume   float64    // V₀, Å³
	Energy   float64    // E₀, eV
	Bulk     float64    // B₀, eV/Å³
	Slope    float64    // B₀′ = dB/dP
	Residual float64    // root mean square of the fit, eV
	Coef     [4]float64 // of V^0, V^(−2/3), V^(−4/3), V^(−2)
}

// At is the energy at a volume.
func (b *Birch) At(v float64) float64 {
	x := math.Pow(v, -2.0/3)
	return b.Coef[0] + x*(b.Coef[1]+x*(b.Coef[2]+x*b.Coef[3]))
}

// FitBirch is the least-squares fit of Birch and Murnaghan. As it is linear in its
// four coefficients, the fit is exact.
func FitBirch(points []VolumePoint) (*Birch, error) {
	n := len(points)
	if n < 4 {
		return nil, fmt.Errorf("property: %d volumes; a fit needs 4 at least", n)
	}
	lo, hi, mean := math.Inf(1), 0.0, 0.0
	for _, p := range points {
		lo, hi, mean = min(lo, p.Volume), max(hi, p.Volume), mean+p.Volume/float64(n)
	}
	// In y = (V/mean)^(−2/3) − 1 the columns are of like size.
	unit := math.Pow(mean, -2.0/3)
	a, e := mat.NewDense(n, 4, nil), mat.NewDense(n, 1, nil)
	for i, p := range points {
		y, power := math.Pow(p.Volume, -2.0/3)/unit-1, 1.0
		for j := range 4 {
			a.Set(i, j, power)
			power *= y
		}
		e.Set(i, 0, p.Energy-points[0].Energy)
	}
	var c mat.Dense
	if err := c.Solve(a, e); err != nil {
		return nil, fmt.Errorf("property: fit of Birch and Murnaghan: %w", err)
	}
	// dE/dy = 0 where the curve turns up.
	b1, b2, b3 := c.At(1, 0), c.At(2, 0), c.At(3, 0)
	disc := b2*b2 - 3*b1*b3
	if !(disc >= 0) {
		return nil, errors.New("property: the energies have no minimum: is this crystal stable in this structure?")
	}
	y := -b1 / (b2 + math.Copysign(math.Sqrt(disc), b2))
	if b2 <= 0 && b3 != 0 {
		y = (-b2 + math.Sqrt(disc)) / (3 * b3)
	}
	out := &Birch{Volume: mean * math.Pow(1+y, -1.5)}
	if !(out.Volume >= lo && out.Volume <= hi) {
		return nil, fmt.Errorf("property: the minimum, at %.4g Å³, is not between the volumes, %.4g and %.4g Å³: relax first (relax.cell = \"full\") or widen eos.range", out.Volume, lo, hi)
	}
	// Derivatives by x = V^(−2/3) = unit (1 + y).
	second, third := (2*b2+6*b3*y)/(unit*unit), 6*b3/(unit*unit*unit)
	out.Bulk = 4.0 / 9 * second * math.Pow(out.Volume, -7.0/3)
	out.Slope = 4 + 2.0/3*math.Pow(out.Volume, -2.0/3)*third/second
	u := 1 / unit
	out.Coef = [4]float64{points[0].Energy + c.At(0, 0) - b1 + b2 - b3, (b1 - 2*b2 + 3*b3) * u, (b2 - 3*b3) * u * u, b3 * u * u * u}
	out.Energy = points[0].Energy + c.At(0, 0) + y*(b1+y*(b2+y*b3))
	for _, p := range points {
		d := out.At(p.Volume) - p.Energy
		out.Residual += d * d / float64(n)
	}
	out.Residual = math.Sqrt(out.Residual)
	if !(out.Bulk > 0) {
		return nil, errors.New("property: the energies turn down: no bulk modulus")
	}
	return out, nil
}

// EOS is collective: energies of the atoms of e at several volumes, the smallest
// first, and the fit. The atoms are as before afterwards.
func EOS(e *md.Evaluator, o EOSOptions) ([]VolumePoint, *Birch, error) {
	if o.Points < 5 {
		return nil, nil, fmt.Errorf("property: %d volumes; at least 5 are needed", o.Points)
	}
	base := keep(e)
	defer base.back(e)
	var out []VolumePoint
	for i := range o.Points {
		s := o.Range * (2*float64(i)/float64(o.Points-1) - 1)
		p, err := compressed(e, base, &o, 1+s)
		if err != nil {
			return nil, nil, err
		}
		out = append(out, *p)
		if o.See != nil {
			o.See(p)
		}
	}
	fit, err := FitBirch(out)
	return out, fit, err
}

// compressed is the crystal at a part of its volume.
func compressed(e *md.Evaluator, base *state, o *EOSOptions, part float64) (*VolumePoint, error) {
	if err := base.back(e); err != nil {
		return nil, err
	}
	// In steps that the evaluator takes for no catastrophe.
	const steps = 4
	f := math.Cbrt(math.Pow(part, 1.0/steps))
	for range steps {
		if err := e.Deform([3][3]float64{{f, 0, 0}, {0, f, 0}, {0, 0, f}}); err != nil {
			return nil, err
		}
	}
	p := &VolumePoint{}
	if o.Internal || o.Shape {
		r := o.Relax
		r.Cell = relax.Fixed
		if o.Shape {
			r.Cell = relax.Shape
		}
		end, err := relax.Run(e, r)
		if err != nil {
			return nil, err
		}
		if !end.Converged {
			return nil, fmt.Errorf("property: at %.4g of its volume the crystal does not come to rest within %d steps (a force of %.3g eV/Å is left)", part, end.Step, end.MaxForce)
		}
		p.Steps = end.Step
	} else if err := e.Evaluate(); err != nil {
		return nil, err
	}
	t, err := e.Totals(nil)
	p.Volume, p.Energy = e.Cell.Volume(), t.Energy
	p.Pressure = (t.Virial[0][0] + t.Virial[1][1] + t.Virial[2][2]) / 3 / p.Volume
	return p, err
}
