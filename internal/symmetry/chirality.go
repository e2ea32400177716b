package symmetry

import (
	"cmp"
	"math"
	"slices"

	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/train"
)

// chiralKey is the network that tells the hands of CHFClBr apart.
const chiralKey = "CHFClBr, handedness"

func (w *show) planChirality() error {
	set, err := w.set("molecules/chfclbr", "handedness")
	if err != nil {
		return err
	}
	k := equivariant(netSize{features: "8x0e+4x0o+6x1o+6x1e+4x2e", layers: 3, cutoff: 5, hidden: []int{16}, output: &o3.Irrep{L: 0, P: -1}})
	st := w.study(chiralKey, "chfclbr", k, ofType(set, "rattled"), 200, schooling{batch: 10, epochs: pick(w, 25, 200)})
	w.sections = append(w.sections, func() (*section, error) { return w.chirality(st) })
	return nil
}

// sortedDistances are all distances by pair of elements, ascending.
func sortedDistances(s *train.Structure) []float64 {
	type pair struct {
		a, b int
		d    float64
	}
	var all []pair
	for i := range s.X {
		for k := range i {
			all = append(all, pair{min(s.Z[i], s.Z[k]), max(s.Z[i], s.Z[k]), norm(minus(s.X[i], s.X[k]))})
		}
	}
	slices.SortFunc(all, func(p, q pair) int {
		return cmp.Or(p.a-q.a, p.b-q.b, cmp.Compare(p.d, q.d))
	})
	var out []float64
	for _, p := range all {
		out = append(out, p.d)
	}
	return out
}

// apart is the distance of two feature vectors.
func apart(a, b []float64) float64 {
	sum := 0.0
	for k := range a {
		sum += (a[k] - b[k]) * (a[k] - b[k])
	}
	return math.Sqrt(sum)
}

func (w *show) chirality(st *study) (*section, error) {
	s := &section{ID: "chirality", Title: "Left and right: the enantiomers of CHFClBr"}
	mk, err := st.recall()
	if err != nil {
		return nil, err
	}
	s.text(`Bromochlorofluoromethane has four different neighbours round its carbon, so it is not the same as its mirror image: like hands, the two cannot be turned into each other. All their distances and angles are equal, ` +
		`and so are their energies (but for the weak force: a difference was searched for in this molecule, and not found, by C. Daussy et al., Phys. Rev. Lett. 83, 1554 (1999)). A feature that is the same for a molecule and its mirror image cannot say which hand it sees; to say it, a feature must change its sign in the mirror. Such a number is called a pseudoscalar: the volume that three vectors span is one, ` +
		`and it takes three vectors to make it. The network here gives one, a sum over atoms, and was trained to give +1 for one hand and −1 for the other, on rattled molecules of both.`)
	right := 0
	flip, turn := 0.0, 0.0
	rng := random(hash("chiral turns", w.o.Seed), 0)
	var plus, minusHand []float64
	for _, x := range st.rest {
		o, err := evaluate(x, 1, mk)
		if err != nil {
			return nil, err
		}
		m, err := evaluate(turned(x, mirrorMatrix), 1, mk)
		if err != nil {
			return nil, err
		}
		q, err := evaluate(turned(x, turnOf(rng)), 1, mk)
		if err != nil {
			return nil, err
		}
		v := o.tensor[0]
		flip, turn = max(flip, math.Abs(v+m.tensor[0])), max(turn, math.Abs(v-q.tensor[0]))
		if v*x.Target[0] > 0 {
			right++
		}
		if x.Target[0] > 0 {
			plus = append(plus, v)
		} else {
			minusHand = append(minusHand, v)
		}
	}
	part := float64(right) / float64(len(st.rest))
	s.above("handedness right, on geometries that were not trained on", 100*part, 99, " %")
	s.identity("pseudoscalar of the mirror image: its sum with that of the molecule", flip, 0, "")
	s.identity("pseudoscalar, molecule turned: its change", turn, 1e-12, "")
	x1, y1 := histogram(plus)
	x2, y2 := histogram(minusHand)
	s.draw(picture{name: "chirality", caption: "The pseudoscalar of molecules that were not trained on", x: "pseudoscalar", y: "molecules",
		curves: []curve{{name: "one hand", x: x1, y: y1}, {name: "the other", x: x2, y: y2}}})
	before, err := st.untrainedFlip()
	if err != nil {
		return nil, err
	}
	digits := "in every digit, since a mirror changes only signs in the computation"
	if flip != 0 || before != 0 {
		digits = "where zero in every digit is expected, since a mirror changes only signs in the computation"
	}
	s.text(`Of %d molecules that were not trained on the sign is right for %d, that is %.1f %%. The mirror image should give the same number with the other sign: the largest sum of both is %s, and with the same network before any training %s, %s.`,
		len(st.rest), right, 100*part, number(flip), number(before), digits)
	return s, w.sameHands(s, st)
}

// sameHands compares what invariant descriptors say of both hands.
func (w *show) sameHands(s *section, st *study) error {
	x := st.rest[0]
	y := turned(x, mirrorMatrix)
	a, b := sortedDistances(x), sortedDistances(y)
	rows := [][]any{{"all pair distances", len(a), norm1(a), apart(a, b)}}
	s.identity("pair distances of both hands: their difference", apart(a, b), 1e-12, "")
	all, err := descriptors(false, st.rest)
	if err != nil {
		return err
	}
	for _, d := range all {
		p, err := d.of(x)
		if err != nil {
			return err
		}
		q, err := d.of(y)
		if err != nil {
			return err
		}
		rows = append(rows, []any{d.name, len(p), norm1(p), apart(p, q)})
		s.identity(d.name+" of both hands: their difference", apart(p, q), 1e-12*max(1, norm1(p)), "")
	}
	f, err := netFeatures(st.model.net, x)
	if err != nil {
		return err
	}
	g, err := netFeatures(st.model.net, y)
	if err != nil {
		return err
	}
	for k := range f {
		if f[k].irrep.L == 0 && f[k].length() > 0 {
			rows = append(rows, []any{"equivariant network after layer " + number(float64(f[k].layer)) + ", " + typeName(f[k].irrep) + " (" + f[k].irrep.String() + ")",
				f[k].mul * len(f[k].x), f[k].length(), f[k].distance(&g[k])})
		}
	}
	o, err := evaluate(x, 1, st.mk)
	if err != nil {
		return err
	}
	m, err := evaluate(y, 1, st.mk)
	if err != nil {
		return err
	}
	rows = append(rows, []any{"equivariant network, its answer (0o)", 1, norm1(o.tensor), apart(o.tensor, m.tensor)})
	s.table("chirality-descriptors", "How far the two hands lie apart in the features of each kind", []string{"features", "numbers", "length", "distance of the two hands"}, rows)
	s.text(`Features that are invariant under rotations and mirrors lie at the same place for both hands, to rounding (the table has the distances), so no model on top of them, however large, can tell them apart. `+
		`The pseudoscalars of the network are %s apart, and have a length of %s each.`, number(apart(o.tensor, m.tensor)), number(norm1(o.tensor)))
	return nil
}

// untrainedFlip is the sum of the pseudoscalars of a molecule and of its mirror image, of
// the network with the weights that its training begins with.
func (st *study) untrainedFlip() (float64, error) {
	m, err := st.kind.open(st.list, st.task.seed)
	if err != nil {
		return 0, err
	}
	mk, err := m.finish()
	if err != nil {
		return 0, err
	}
	o, err := evaluate(st.rest[0], 1, mk)
	if err != nil {
		return 0, err
	}
	q, err := evaluate(turned(st.rest[0], mirrorMatrix), 1, mk)
	if err != nil {
		return 0, err
	}
	return math.Abs(o.tensor[0] + q.tensor[0]), nil
}

// norm1 is the length of a feature vector.
func norm1(x []float64) float64 { return apart(x, make([]float64, len(x))) }

// histogram counts in bins of 0.05.
func histogram(v []float64) (x, y []float64) {
	const width = 0.05
	lo, hi := math.Floor(slices.Min(v)/width)-1, math.Floor(slices.Max(v)/width)+1
	for k := lo; k <= hi; k++ {
		n := 0.0
		for _, a := range v {
			if math.Floor(a/width) == k {
				n++
			}
		}
		x, y = append(x, (k+0.5)*width), append(y, n)
	}
	return x, y
}

// descriptor is a map from a structure to numbers that are invariant.
type descriptor struct {
	name string
	of   func(*train.Structure) ([]float64, error)
}

// descriptors are those of structures such as these; of the environment of their first atom
// alone, if so.
func descriptors(first bool, list []*train.Structure) ([]descriptor, error) {
	a, err := bpDescriptor(first, list)
	if err != nil {
		return nil, err
	}
	b, err := soapDescriptor(first, list)
	return []descriptor{a, b}, err
}
