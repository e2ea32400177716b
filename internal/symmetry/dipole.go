package symmetry

import (
	"fmt"
	"math"
	"sort"

	gonum "gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/train"
)

func (w *show) planDipole() error {
	set, err := w.set("molecules/dichloroethane", "REF_dipole")
	if err != nil {
		return err
	}
	k := equivariant(netSize{features: "12x0e+12x1o+6x2e", layers: 3, cutoff: 5, hidden: []int{24}, output: &o3.Irrep{L: 1, P: -1}})
	n := 360
	st := w.study("dichloroethane, dipole", "dichloroethane", k, set, n, schooling{batch: 10, epochs: pick(w, 60, 400)})
	w.sections = append(w.sections, func() (*section, error) { return w.dipole(st) })
	return nil
}

// torsion is the angle of a dichloroethane, degrees in [0, 360).
func torsion(s *train.Structure) float64 {
	a := dihedral(s.X[2], s.X[0], s.X[1], s.X[3]) * 180 / math.Pi
	if a < -1e-9 {
		a += 360
	}
	return a
}

func (w *show) dipole(st *study) (*section, error) {
	s := &section{ID: "dipole", Title: "A vector: the dipole of 1,2-dichloroethane"}
	mk, err := st.recall()
	if err != nil {
		return nil, err
	}
	scan, err := w.set("molecules/dichloroethane-torsion", "REF_dipole")
	if err != nil {
		return nil, err
	}
	s.text(`1,2-dichloroethane turns about its C–C bond. In the form called gauche the two C–Cl bonds, which are polar, point to the same side and the molecule has a dipole; in the form called anti they ` +
		`point opposite ways, the molecule has a centre of inversion, and the dipole is zero: inversion would turn it round, but it also leaves the molecule as it was. A dipole is a vector, so it turns with the molecule.`)
	s.text(`What can a model say whose features are invariant, that is, the same for the molecule and for every turned copy of it? Its answer is then the same vector for all of them. But the ` +
		`true answers are the turned vectors. The one vector that stays as it is under every rotation is zero: it is the only answer that is both invariant and right about directions. ` +
		`An equivariant network ends in features that are themselves vectors, and a sum of them over the atoms is its dipole.`)
	var angle, ref, mine, free, none []float64
	type point struct{ a, ref, mine, free float64 }
	model, err := w.freeFit(st, mostCopies, 0)
	if err != nil {
		return nil, err
	}
	var points []point
	worst := 0.0
	rng := random(hash("dipole turns", w.o.Seed), 0)
	for _, x := range scan {
		o, err := evaluate(x, 1, mk)
		if err != nil {
			return nil, err
		}
		if x.Type == "torsion" {
			points = append(points, point{torsion(x), debye * norm(vec(x.Target)), debye * norm(vec(o.tensor)), debye * norm(freeAnswer(model, x))})
		}
		r := turnOf(rng)
		q, err := evaluate(turned(x, r), 1, mk)
		if err != nil {
			return nil, err
		}
		worst = max(worst, norm(minus(vec(q.tensor), times(r, vec(o.tensor)))))
	}
	sort.Slice(points, func(i, k int) bool { return points[i].a < points[k].a })
	for _, p := range points {
		angle, ref, mine, none = append(angle, p.a), append(ref, p.ref), append(mine, p.mine), append(none, 0)
		free = append(free, p.free)
	}
	anti, gauche := ofType(scan, "anti")[0], ofType(scan, "gauche")[0]
	at := torsion(gauche)
	s.draw(picture{name: "dipole-torsion", caption: fmt.Sprintf("Size of the dipole along the torsion (relaxed at each angle by GFN2-xTB, whose minima are anti at %.0f° and gauche at %.0f° and %.0f°)", torsion(anti), min(at, 360-at), max(at, 360-at)),
		x: "Cl–C–C–Cl / degrees", y: "|dipole| / D", ticks: []float64{0, 60, 120, 180, 240, 300, 360}, curves: []curve{{name: "GFN2-xTB", x: angle, y: ref, points: true}, {name: "equivariant", x: angle, y: mine}, {name: fmt.Sprintf("three free outputs on invariants, %d turned copies", mostCopies), x: angle, y: free},
			{name: "the one right answer of an invariant model", x: angle, y: none, dashed: true}}})
	a, err := evaluate(anti, 1, mk)
	if err != nil {
		return nil, err
	}
	g, err := evaluate(gauche, 1, mk)
	if err != nil {
		return nil, err
	}
	was, is := debye*norm(vec(gauche.Target)), debye*norm(vec(g.tensor))
	off := norm(minus(vec(g.tensor), vec(gauche.Target))) / norm(vec(gauche.Target))
	s.identity("dipole of anti, which is C2h to the last digit", debye*norm(vec(a.tensor)), 1e-6, " D")
	s.identity("dipole, molecule turned: what is left after turning back", worst*debye, 1e-9, " D")
	s.expect("dipole of gauche: relative error of its size", math.Abs(is/was-1), 0.05, "")
	s.expect("dipole of gauche: relative error of the vector", off, 0.05, "")
	_, _, mae, err := errorsOf(st.model, st.rest)
	if err != nil {
		return nil, err
	}
	s.table("dipole-forms", "The two forms. Neither is among the rattled molecules of the training",
		[]string{"form", "GFN2-xTB, D", "equivariant, D", "relative error of the vector"},
		[][]any{{"anti", debye * norm(vec(anti.Target)), debye * norm(vec(a.tensor)), math.NaN()}, {"gauche", was, is, off}})
	s.text(`On the %d rattled molecules that were set apart the mean absolute error of a component is %s D. Turned at random, the dipole turns along to %s D. `+
		`For gauche the network says %s D where GFN2-xTB has %s: %s. (Gauche has an axis about which half a turn leaves it as it is; its dipole must lie along that, so the direction is right by symmetry and only the size is learned. The rattled molecules have no such axis.)`,
		len(st.rest), number(mae*debye), number(worst*debye), number(is), number(was), within(off, 0.05, "the vector is right to %s %%", "within 5 %% one would expect it, and here it is off by %s %%"))
	return s, w.freeOutputs(s, st, gauche)
}

// freeOutputs trains a linear model with three free outputs on invariant features, on turned
// copies.
func (w *show) freeOutputs(s *section, st *study, gauche *train.Structure) error {
	s.text(`And a model with three free outputs on invariant features, which nothing keeps from answering with a vector, trained on randomly turned copies? It is fitted here by least squares to so many copies, each a rattled molecule ` +
		`turned at random with its dipole, on five invariant features (the distance of the chlorines, its square, the distances of the hydrogens to the other carbon, and a constant). What it can do best is to answer with the mean of the vectors that it was shown ` +
		`for such features, and the mean of N vectors in random directions has a length of about 1/√N of theirs. So the size of its answer tells how many copies it was shown, and nothing about the molecule; with all rotations it is zero.`)
	var copies, found, spread []float64
	seeds := pick(w, 20, 100)
	for _, n := range []int{30, 100, 300, 1000, 3000, mostCopies} {
		var all []float64
		for seed := range seeds {
			c, err := w.freeFit(st, n, seed)
			if err != nil {
				return err
			}
			v := freeAnswer(c, gauche)
			all = append(all, debye*norm(v))
		}
		sum := 0.0
		for _, x := range all {
			sum += x * x
		}
		copies, found = append(copies, float64(n)), append(found, math.Sqrt(sum/float64(seeds)))
		_, sd := stat.MeanStdDev(all, nil)
		spread = append(spread, sd)
	}
	var law []float64
	for _, n := range copies {
		law = append(law, found[0]*math.Sqrt(copies[0]/n))
	}
	_, slope := power(copies, found)
	s.draw(picture{name: "dipole-free", caption: "What three free outputs on invariant features say of gauche, whose dipole is " + number(debye*norm(vec(gauche.Target))) + " D, against the number of turned copies in the training",
		x: "turned copies", y: "|answer| / D", logX: true, logY: true,
		curves: []curve{{name: "root mean square over seeds", x: copies, y: found, err: spread}, {name: "1/√copies", x: copies, y: law, dashed: true}}})
	s.text(`The line through these points has the slope %.3f in the logarithms, where the law of means of independent vectors says −1/2: %s.`, slope,
		within(slope+0.5, 0.1, "so it is here, to %s hundredths", "here it is off by %s hundredths, so the law is not seen"))
	s.expect("three free outputs: slope of |answer| against copies, from −1/2", slope+0.5, 0.1, "")
	return nil
}

// mostCopies is the most that three free outputs are shown.
const mostCopies = 10000

// freeFit is the model of three free outputs that so many turned copies give, [feature][component].
func (w *show) freeFit(st *study, n, seed int) (*gonum.Dense, error) {
	rng := random(hash("free outputs", w.o.Seed), uint64(1000*n+seed))
	a, b := gonum.NewDense(n, freeFeatures, nil), gonum.NewDense(n, 3, nil)
	for k := range n {
		x := st.list[rng.IntN(len(st.list))]
		a.SetRow(k, invariants(x))
		v := times(turnOf(rng), vec(x.Target))
		b.SetRow(k, v[:])
	}
	var c gonum.Dense
	return &c, c.Solve(a, b)
}

// freeAnswer is what it says of a molecule.
func freeAnswer(c *gonum.Dense, s *train.Structure) (v vec) {
	for f, x := range invariants(s) {
		for k := range v {
			v[k] += x * c.At(f, k)
		}
	}
	return v
}

// within chooses the words for |x| ≤ bound or not; they have a place for x in per cent.
func within(x, bound float64, yes, no string) string {
	if math.Abs(x) <= bound {
		return fmt.Sprintf(yes, number(100*math.Abs(x)))
	}
	return fmt.Sprintf(no, number(100*math.Abs(x)))
}

// freeFeatures is the number of invariants.
const freeFeatures = 5

// invariants are features of a dichloroethane that do not turn with it.
func invariants(s *train.Structure) []float64 {
	d := func(i, k int) float64 { return norm(minus(s.X[i], s.X[k])) }
	cl := d(2, 3) - 4
	return []float64{1, cl, cl * cl, d(4, 1) + d(5, 1) - 4.3, d(6, 0) + d(7, 0) - 4.3}
}
