package symmetry

import (
	"fmt"
	"math"

	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/mpnn"
	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/train"
)

// block are the features of one type of one layer, by atom, each [channel][component].
type block struct {
	layer int
	irrep o3.Irrep
	mul   int
	x     [][]float64
}

// netFeatures are the features that travel between the layers of a network.
func netFeatures(m *nequip.Model, s *train.Structure) ([]block, error) {
	layers := m.Layers()
	var out []block
	_, err := evaluate(s, 1, func() potential.Potential {
		p := nequip.New64(m)
		return &traced{Potential: p, p: p, see: func(ids []int64, n int, x []float64) {
			in := layers[n+1].In
			w, at := in.Dim(), 0
			for _, r := range in {
				b := block{layer: n + 1, irrep: r.Irrep, mul: r.Mul, x: make([][]float64, len(ids))}
				for i, id := range ids {
					row, d := x[i*w+at:], r.Irrep.Dim()
					y := make([]float64, r.Dim())
					for u := range r.Mul {
						for c := range d {
							y[u*d+c] = row[c*r.Mul+u]
						}
					}
					b.x[id-1] = y
				}
				at += r.Dim()
				out = append(out, b)
			}
		}}
	})
	return out, err
}

// traced shows the features of a network as it is evaluated.
type traced struct {
	potential.Potential
	p   *mpnn.Network[float64]
	see func(ids []int64, layer int, x []float64)
}

// Compute is part of potential.Potential.
func (t *traced) Compute(f *potential.Frame, r *potential.Result) error {
	t.p.Trace = func(n int, x, _ []float64) { t.see(f.ID[:f.N], n, x) }
	if n := t.p.Components(); n > 0 {
		clear(r.Energy[:f.N])
		return t.p.Outputs(f, make([]float64, n*f.N))
	}
	return t.p.Compute(f, r)
}

// turned is the block as its type says that it turns.
func (b *block) turned(r mat) *block {
	d, m := b.irrep.Dim(), b.irrep.Matrix(r)
	out := &block{layer: b.layer, irrep: b.irrep, mul: b.mul}
	for _, x := range b.x {
		y := make([]float64, len(x))
		for u := range b.mul {
			for i := range d {
				for k := range d {
					y[u*d+i] += m[i*d+k] * x[u*d+k]
				}
			}
		}
		out.x = append(out.x, y)
	}
	return out
}

// distance is that of two blocks, and length that of one, of all numbers together.
func (b *block) distance(c *block) float64 {
	sum := 0.0
	for i, x := range b.x {
		for k, v := range x {
			sum += (v - c.x[i][k]) * (v - c.x[i][k])
		}
	}
	return math.Sqrt(sum)
}

func (b *block) length() float64 {
	sum := 0.0
	for _, x := range b.x {
		for _, v := range x {
			sum += v * v
		}
	}
	return math.Sqrt(sum)
}

func (w *show) planFeatures() error {
	w.sections = append(w.sections, w.features)
	return nil
}

// typeName says what a type is.
func typeName(r o3.Irrep) string {
	names := map[o3.Irrep]string{{L: 0, P: 1}: "numbers", {L: 0, P: -1}: "pseudoscalars", {L: 1, P: -1}: "vectors", {L: 1, P: 1}: "axial vectors",
		{L: 2, P: 1}: "tensors of order 2", {L: 2, P: -1}: "pseudotensors of order 2"}
	if n, ok := names[r]; ok {
		return n
	}
	return "tensors of order " + fmt.Sprint(r.L)
}

func (w *show) features() (*section, error) {
	s := &section{ID: "features", Title: "Inside: each layer's features under rotation, type by type"}
	st := w.studies[chiralKey]
	if _, err := st.recall(); err != nil {
		return nil, err
	}
	s.text(`What makes this work is that inside the network every feature has a type and keeps it from layer to layer: numbers that stay (written 0e), vectors that turn (1o), axial vectors such as ` +
		`an angular momentum (1e), tensors of order 2 such as a quadrupole (2e), and, with o and e changed, those that have the other sign in the mirror. A layer only combines them in ways that a type allows: ` +
		`a number times a vector is a vector, two vectors give a number by the scalar product, an axial vector by the cross product. The table turns a molecule and asks each layer of the network that tells the hands of ` +
		`CHFClBr apart: how much did the features change, and how much is left when they are turned back as their type says?`)
	example := st.rest[0]
	r := turnOf(random(hash("feature turns", w.o.Seed), 0))
	var rows [][]any
	for _, c := range []struct {
		name string
		r    mat
	}{{"turned", r}, {"mirrored", mirrorMatrix}} {
		a, err := netFeatures(st.model.net, example)
		if err != nil {
			return nil, err
		}
		b, err := netFeatures(st.model.net, turned(example, c.r))
		if err != nil {
			return nil, err
		}
		for k := range a {
			size := a[k].length()
			if size == 0 {
				continue
			}
			left := a[k].turned(c.r).distance(&b[k]) / size
			rows = append(rows, []any{c.name, a[k].layer, a[k].irrep.String(), typeName(a[k].irrep), a[k].mul, a[k].distance(&b[k]) / size, left})
			s.identity(fmt.Sprintf("features %s after layer %d, molecule %s: what is left", a[k].irrep, a[k].layer, c.name), left, 1e-12, "")
		}
	}
	s.table("features-turn", "Relative change of the features of each layer and type when the molecule is turned or mirrored, and what is left of it once the type's own matrix has turned them back",
		[]string{"molecule", "after layer", "type", "these are", "channels", "change", "left"}, rows)
	s.text(`Types that are still zero after a layer are left out: an axial vector needs two different vectors to be made of, so the first layer, which sees the directions of the neighbours alone, has none, ` +
		`and a pseudoscalar, three vectors' volume, needs one layer more.`)
	return s, nil
}
