package symmetry

import (
	"fmt"
	"math"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/train"
)

func (w *show) planBreaking() error {
	set, err := w.set("molecules/dichloroethane", "REF_dipole")
	if err != nil {
		return err
	}
	k := equivariant(netSize{features: "12x0e+8x1o+4x2e", layers: 2, cutoff: 5, hidden: []int{24}})
	st := w.study("dichloroethane, equivariant", "dichloroethane", k, set, 300, schooling{batch: 5, epochs: pick(w, 33, 120)})
	w.sections = append(w.sections, func() (*section, error) { return w.breaking(st) })
	return nil
}

// descend lets a molecule go downhill, as a heavy ball with friction does: each step is
// along the forces and on in the direction of the one before, and no longer than 0.02 Å. see
// is told the structure and the forces of every step.
func descend(s *train.Structure, mk maker, steps int, see func(s *train.Structure, f []vec)) error {
	const along, on = 0.01, 0.9 // Å²/eV; stable for force constants below 380 eV/Å²
	x := mapped(s, func(x vec) vec { return x }, nil)
	v := make([]vec, len(x.X))
	for range steps {
		o, err := evaluate(x, 1, mk)
		if err != nil {
			return err
		}
		see(x, o.forces)
		most := 0.0
		for i, f := range o.forces {
			for k := range f {
				v[i][k] = on*v[i][k] + along*f[k]
			}
			most = max(most, norm(v[i]))
		}
		shorten := min(1, 0.02/max(most, 1e-12))
		for i := range x.X {
			for k := range x.X[i] {
				v[i][k] *= shorten
				x.X[i][k] += v[i][k]
			}
		}
	}
	return nil
}

func (w *show) breaking(st *study) (*section, error) {
	s := &section{ID: "breaking", Title: "What symmetry forbids stays forbidden, until it is broken"}
	mk, err := st.recall()
	if err != nil {
		return nil, err
	}
	scan, err := w.set("molecules/dichloroethane-torsion", "REF_dipole")
	if err != nil {
		return nil, err
	}
	var top *train.Structure
	for _, x := range scan {
		if x.Type == "torsion" && math.Abs(torsion(x)) < 1e-6 {
			top = x
		}
	}
	s.text(`Put 1,2-dichloroethane on the top of its barrier, with both chlorines on the same side at the torsion angle 0. The molecule has a mirror there that exchanges its two halves, so a force that would turn it to the left has an equal ` +
		`reason to turn it to the right: it must be zero, in any model with the symmetry, although the place is unstable. A model cannot break a symmetry that its input has. It is nature's way too: a ball on the top of a hill stays there until something pushes it. ` +
		`Here the molecule is let go downhill along the forces of the equivariant network, twice: as it is, and with each coordinate moved at random by some 0.001 Å, which is called a rattle.`)
	const steps = 1000
	rng := random(hash("breaking", w.o.Seed), 0)
	perfect := symmetrised(top)
	order := partners(perfect)
	rattled := mapped(perfect, func(x vec) vec {
		for k := range x {
			x[k] += 0.001 * rng.NormFloat64()
		}
		return x
	}, nil)
	p := picture{name: "symmetry-breaking", caption: "The torsion angle on the way downhill", x: "step", y: "|Cl–C–C–Cl| / degrees"}
	var ends, broken, starts []float64
	rest := 0.0
	var rows [][]any
	for _, c := range []struct {
		name string
		s    *train.Structure
	}{{"perfect", perfect}, {"rattled by 0.001 Å", rattled}} {
		var step, angle []float64
		forbidden, largest, now, first := 0.0, 0.0, 0.0, 0.0
		err := descend(c.s, mk, steps, func(x *train.Structure, f []vec) {
			a := math.Abs(dihedral(x.X[2], x.X[0], x.X[1], x.X[3])) * 180 / math.Pi
			step, angle = append(step, float64(len(step))), append(angle, a)
			now = 0
			for i, v := range f { // of the mirror image, at the atom that i goes to
				forbidden = max(forbidden, norm(minus(v, times(mirrorMatrix, f[order[i]]))))
				largest, now = max(largest, norm(v)), max(now, norm(v))
			}
			if len(step) == 1 {
				first = forbidden
			}
		})
		if err != nil {
			return nil, err
		}
		p.curves = append(p.curves, curve{name: c.name, x: step, y: angle})
		ends, broken = append(ends, angle[len(angle)-1]), append(broken, forbidden)
		rows = append(rows, []any{c.name, angle[0], angle[len(angle)-1], largest, first, forbidden, now})
		starts = append(starts, first)
		rest = now // of the rattled one at last
	}
	s.draw(p)
	gauche := ofType(scan, "gauche")[0]
	s.table("symmetry-breaking-ends", "Where it ends, and the largest part of a force that the mirror forbids on the whole way",
		[]string{"start", "angle at the start, degrees", "at the end", "largest force on the way, eV/Å", "forbidden part at the start, eV/Å", "on the way, eV/Å", "largest force at the end, eV/Å"}, rows)
	s.text("%s", falls(steps, ends, torsion(gauche), broken[0], rest))
	s.identity("perfect eclipsed molecule: part of its forces that the mirror forbids", starts[0], 1e-9, " eV/Å")
	// How fast rounding grows on the way is a matter of the network.
	s.expect("perfect eclipsed molecule: torsion angle after the descent", ends[0], 1e-3, " degrees")
	s.above("rattled molecule: torsion angle after the descent", ends[1], 40, " degrees")
	return s, nil
}

// falls says what became of the perfect and of the rattled molecule, whose largest force at
// the end is rest.
func falls(steps int, ends []float64, gauche, rounding, rest float64) string {
	gauche = min(gauche, 360-gauche)
	out := fmt.Sprintf("After %d steps the perfect molecule stands at %s degrees and the rattled one at %s; the minimum of GFN2-xTB next to it, gauche, is at %.1f. ", steps, number(ends[0]), number(ends[1]), gauche)
	switch off := math.Abs(ends[1] - gauche); {
	case off <= 10:
		out += fmt.Sprintf("The rattled one has fallen to within %s degrees of it. ", number(off))
	case ends[1] >= 40 && rest <= 0.02:
		out += fmt.Sprintf("The rattled one has fallen and come to rest, its largest force being %s eV/Å: that is where this network has its minimum. ", number(rest))
	case ends[1] >= 40:
		out += fmt.Sprintf("The rattled one has fallen, and is not at rest yet, its largest force being %s eV/Å. ", number(rest))
	default:
		out += "One would expect the rattled one to fall, which is not seen with this network in so many steps. "
	}
	if rounding == 0 {
		return out + "On the way of the perfect one the forbidden part of the forces was zero in every digit."
	}
	return out + fmt.Sprintf("Rounding breaks a symmetry too: on the way of the perfect one the forbidden part of the forces came to %s eV/Å. Where the place is unstable such a part grows from step to step, so with steps enough it may fall as well.", number(rounding))
}

// partners is where the mirror x → −x takes each atom.
func partners(s *train.Structure) []int {
	out := make([]int, len(s.X))
	for i, x := range s.X {
		least := math.Inf(1)
		for j, y := range s.X {
			if d := norm(minus(times(mirrorMatrix, x), y)); s.Z[i] == s.Z[j] && d < least {
				least, out[i] = d, j
			}
		}
	}
	return out
}

// symmetrised is the eclipsed molecule in a frame in which the mirror that exchanges its
// halves is x → −x, symmetric to the last digit; its C2v's other mirror is z → −z.
func symmetrised(s *train.Structure) *train.Structure {
	mid := func(a, b vec) (c vec) {
		for k := range c {
			c[k] = (a[k] + b[k]) / 2
		}
		return c
	}
	o := mid(s.X[0], s.X[1])
	ex := unit(minus(s.X[1], s.X[0]))
	ey := minus(mid(s.X[2], s.X[3]), o)
	d := dot(ex, ey)
	for k := range ey {
		ey[k] -= d * ex[k]
	}
	ey = unit(ey)
	ez := domain.Cross(ex, ey)
	out := mapped(s, func(x vec) vec { x = minus(x, o); return vec{dot(ex, x), dot(ey, x), dot(ez, x)} }, nil)
	half := mapped(out, func(x vec) vec { return x }, nil)
	for i, j := range partners(out) {
		m := times(mirrorMatrix, out.X[j])
		for k := range m {
			half.X[i][k] = (out.X[i][k] + m[k]) / 2
		}
	}
	return half
}
