package property

import (
	"errors"
	"fmt"
	"math"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/relax"
)

// ElasticOptions say how crystals are strained.
type ElasticOptions struct {
	Strain   float64       // largest strain of a pattern
	Points   int           // on either side of zero
	Internal bool          // positions come to rest in each strained cell
	Relax    relax.Options // its Cell does not matter
	// See is called on all ranks after each strained cell; may be nil.
	See func(p *Point)
}

// Point is a strained cell.
type Point struct {
	Pattern int // component of the strain, in Voigt's order
	Strain  float64
	Stress  [6]float64 // eV/Å³, in Voigt's order
	Steps   int        // of the relaxation
	Moved   float64    // Å: the longest way of an atom beside that of the strain
}

// Constants are the result.
type Constants struct {
	C          Matrix     // eV/Å³, made symmetric
	Asymmetry  float64    // largest |C_ij − C_ji| before
	Curvature  float64    // largest part of a stress that is even in the strain, over its pattern's largest stress
	Stress     [6]float64 // of the cell without strain
	Points     []Point
	References [3][3]float64 // lattice vectors without strain, Å
}

// BreakError says that a strain was too much for the crystal.
type BreakError struct {
	Pattern string
	Strain  float64
	Why     string
}

func (b *BreakError) Error() string {
	return fmt.Sprintf("property: the strain %s = %+g breaks the crystal: %s; use a smaller strain, or a better relaxed start", b.Pattern, b.Strain, b.Why)
}

// brokenWay is how far, in Å, beside following the strain, no atom of a crystal
// goes that only gives way.
const brokenWay = 0.5

// Elastic is collective: the elastic constants of the atoms of e, which are at
// rest, by strains of the cell of each component and both signs. They are there
// again afterwards. The constants are the coefficients of stress and strain: under a
// pressure those of Wallace, which stability looks at.
func Elastic(e *md.Evaluator, o ElasticOptions) (*Constants, error) {
	base := keep(e)
	defer base.back(e)
	out := &Constants{References: e.Cell.Vectors()}
	if err := base.back(e); err != nil {
		return nil, err
	}
	stress, err := stressOf(e)
	if err != nil {
		return nil, err
	}
	out.Stress = stress
	var raw Matrix
	for j := range 6 {
		top, even, square := 0.0, 0.0, 0.0
		var odd [6]float64
		for n := 1; n <= o.Points; n++ {
			s := o.Strain * float64(n) / float64(o.Points)
			var both [2][6]float64
			for i, sign := range []float64{1, -1} {
				p, err := strained(e, base, &o, j, sign*s)
				if err != nil {
					return nil, err
				}
				both[i] = p.Stress
				out.Points = append(out.Points, *p)
				if o.See != nil {
					o.See(p)
				}
			}
			square += 2 * s * s
			for i := range odd {
				odd[i] += s * (both[0][i] - both[1][i])
				top = max(top, math.Abs(both[0][i]-both[1][i])/2)
				even = max(even, math.Abs(both[0][i]+both[1][i]-2*stress[i])/2)
			}
		}
		for i := range odd {
			raw[i][j] = odd[i] / square
		}
		if top > 0 {
			out.Curvature = max(out.Curvature, even/top)
		}
	}
	for i := range raw {
		for j := range raw {
			out.C[i][j] = (raw[i][j] + raw[j][i]) / 2
			out.Asymmetry = max(out.Asymmetry, math.Abs(raw[i][j]-raw[j][i]))
		}
	}
	return out, nil
}

// strained is one strained cell.
func strained(e *md.Evaluator, base *state, o *ElasticOptions, pattern int, s float64) (*Point, error) {
	if err := base.back(e); err != nil {
		return nil, err
	}
	m := [3][3]float64{{1, 0, 0}, {0, 1, 0}, {0, 0, 1}}
	k, l := voigt[pattern][0], voigt[pattern][1]
	m[k][l] += s / 2
	m[l][k] += s / 2
	p := &Point{Pattern: pattern, Strain: s}
	broken := func(format string, args ...any) error {
		return &BreakError{Names()[pattern], s, fmt.Sprintf(format, args...)}
	}
	trouble := func(err error) error {
		var t *md.TroubleError
		if errors.As(err, &t) {
			return broken("%v", err)
		}
		return err
	}
	if err := e.Deform(m); err != nil {
		return nil, trouble(err)
	}
	base.mark(e)
	if o.Internal {
		r := o.Relax
		r.Cell = relax.Fixed
		end, err := relax.Run(e, r)
		if err != nil {
			return nil, trouble(err)
		}
		if !end.Converged {
			return nil, broken("the positions do not come to rest within %d steps (a force of %.3g eV/Å is left)", end.Step, end.MaxForce)
		}
		p.Steps = end.Step
	} else if err := e.Evaluate(); err != nil {
		return nil, trouble(err)
	}
	var err error
	if p.Moved, err = base.moved(e); err != nil {
		return nil, err
	}
	if p.Moved > brokenWay {
		return nil, broken("an atom has moved by %.2f Å beside the strain", p.Moved)
	}
	p.Stress, err = stressOf(e)
	return p, err
}

// stressOf is collective: the stress of the last evaluation.
func stressOf(e *md.Evaluator) (s [6]float64, err error) {
	if e.Calls == 0 {
		err = e.Evaluate()
	}
	if err != nil {
		return s, err
	}
	t, err := e.Totals(nil)
	for i, kl := range voigt {
		s[i] = -t.Virial[kl[0]][kl[1]] / e.Cell.Volume()
	}
	return s, err
}

// state is a system to come back to.
type state struct {
	cell  domain.Cell
	part  domain.Partition
	atoms domain.Atoms
}

// keep copies the owned atoms.
func keep(e *md.Evaluator) *state {
	a := e.Atoms
	s := &state{cell: e.Cell, part: e.Partition}
	s.atoms = copied(a)
	return s
}

func copied(a *domain.Atoms) domain.Atoms {
	n := a.N
	b := domain.Atoms{
		N: n, ID: append([]int64(nil), a.ID[:n]...), Species: append([]int32(nil), a.Species[:n]...),
		X: append([][3]float64(nil), a.X[:n]...), Mask: append([]uint32(nil), a.Mask[:min(n, len(a.Mask))]...),
	}
	b.V, b.Image = make([][3]float64, n), make([][3]int32, n)
	copy(b.Image, a.Image)
	return b
}

// back is collective: it puts the system before the evaluator again, and computes
// its forces.
func (s *state) back(e *md.Evaluator) error {
	a := copied(&s.atoms)
	e.SetSystem(s.cell, s.part, &a)
	return e.Evaluate()
}

// mark notes in the velocities, which nothing else uses here and which travel with
// the atoms, where each is.
func (s *state) mark(e *md.Evaluator) {
	for i := range e.Atoms.N {
		e.Atoms.V[i] = unwrapped(e, i)
	}
}

func unwrapped(e *md.Evaluator, i int) [3]float64 {
	return e.Cell.Unwrap(e.Atoms.X[i], e.Atoms.Image[i])
}

// moved is collective: the longest way from the marks.
func (s *state) moved(e *md.Evaluator) (float64, error) {
	top := []float64{0}
	for i := range e.Atoms.N {
		x, d := unwrapped(e, i), 0.0
		for k := range x {
			d += (x[k] - e.Atoms.V[i][k]) * (x[k] - e.Atoms.V[i][k])
		}
		top[0] = max(top[0], d)
	}
	err := e.Comm.Allreduce(top, comm.Max)
	return math.Sqrt(top[0]), err
}
