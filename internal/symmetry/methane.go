package symmetry

import (
	"math"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/train"
)

// methanes are the models of methane.
func (w *show) methanes() ([]*study, error) {
	return w.moleculeStudies("methane", pick(w, 150, 300))
}

func (w *show) planMethane() error {
	studies, err := w.methanes()
	if err != nil {
		return err
	}
	w.sections = append(w.sections, func() (*section, error) { return w.methane(studies[len(studies)-1]) })
	return nil
}

// raw are the coordinates, one after another.
func raw(s *train.Structure) (out []float64) {
	for _, x := range s.X {
		out = append(out, x[:]...)
	}
	return out
}

func (w *show) methane(st *study) (*section, error) {
	s := &section{ID: "methane", Title: "Methane: how far features move when the molecule turns"}
	if _, err := st.recall(); err != nil {
		return nil, err
	}
	x := st.rest[0]
	axis := vec{1, 2, 3}
	s.text(`Take a methane molecule, turn it by an angle about an axis, and ask how far its description has moved. Raw coordinates are 15 numbers; when the molecule turns by θ, an atom at the distance ρ from the axis ` +
		`moves by 2 ρ sin(θ/2), so the 15 numbers lie 2 sin(θ/2) √(Σρ²) from where they were: for a network that reads them it is another molecule. Distances do not move, ` +
		`and neither do other invariant features. The vectors inside an equivariant network do move, as vectors must, by the same law; turned back, nothing is left.`)
	rho := 0.0
	for _, v := range x.X {
		c := domain.Cross(v, axis)
		rho += dot(c, c) / dot(axis, axis)
	}
	f0, err := netFeatures(st.model.net, x)
	if err != nil {
		return nil, err
	}
	var vectors, scalars int
	for k := range f0 {
		switch {
		case f0[k].irrep.L == 1:
			vectors = k
		case f0[k].irrep.L == 0:
			scalars = k
		}
	}
	perp := 0.0 // Σ|v⊥|² of the vectors
	for _, a := range f0[vectors].x {
		for u := 0; u < len(a); u += 3 {
			c := domain.Cross(vec(a[u:u+3]), axis)
			perp += dot(c, c) / dot(axis, axis)
		}
	}
	all, err := descriptors(false, st.rest)
	if err != nil {
		return nil, err
	}
	n := 73
	angle := make([]float64, n)
	curves := make(map[string][]float64)
	worst := map[string]float64{}
	put := func(name string, v, want float64) {
		curves[name] = append(curves[name], v)
		worst[name] = max(worst[name], math.Abs(v-want))
	}
	first := make([][]float64, len(all))
	for k, d := range all {
		if first[k], err = d.of(x); err != nil {
			return nil, err
		}
	}
	back := 0.0
	for k := range angle {
		angle[k] = float64(k) * 5
		r := about(axis, angle[k]*math.Pi/180)
		y := turned(x, r)
		law := 2 * math.Abs(math.Sin(angle[k]*math.Pi/360))
		put("raw coordinates / Å", apart(raw(x), raw(y)), law*math.Sqrt(rho))
		put("sorted distances / Å", apart(sortedDistances(x), sortedDistances(y)), 0)
		for n, d := range all {
			v, err := d.of(y)
			if err != nil {
				return nil, err
			}
			put(d.name, apart(first[n], v), 0)
		}
		f, err := netFeatures(st.model.net, y)
		if err != nil {
			return nil, err
		}
		put("equivariant, numbers (0e)", f0[scalars].distance(&f[scalars]), 0)
		put("equivariant, vectors (1o)", f0[vectors].distance(&f[vectors]), law*math.Sqrt(perp))
		back = max(back, f0[vectors].turned(r).distance(&f[vectors]))
	}
	names := []string{"raw coordinates / Å", "sorted distances / Å"}
	for _, d := range all {
		names = append(names, d.name)
	}
	names = append(names, "equivariant, numbers (0e)", "equivariant, vectors (1o)")
	p := picture{name: "methane-turned", caption: "Distance of the features of a turned methane from those before, about the axis (1, 2, 3)", x: "angle / degrees", y: "distance of features"}
	var rows [][]any
	for _, name := range names {
		p.curves = append(p.curves, curve{name: name, x: angle, y: curves[name]})
		top := 0.0
		for _, v := range curves[name] {
			top = max(top, v)
		}
		rows = append(rows, []any{name, top, worst[name]})
		s.identity("methane turned, "+name+": deviation from its law", worst[name], 1e-12*max(1, top), "")
	}
	s.draw(p)
	rows = append(rows, []any{"equivariant, vectors (1o), turned back", back, back})
	s.identity("methane turned, equivariant vectors turned back: what is left", back, 1e-12*math.Sqrt(max(1, perp)), "")
	s.table("methane-laws", "The largest distance over all angles, and its largest deviation from the law: 2 sin(θ/2) √(Σρ²) for what turns, 0 for what is invariant",
		[]string{"features", "largest distance", "deviation from the law"}, rows)
	return s, nil
}
