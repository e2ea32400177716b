package naive

import (
	"cmp"
	"math"
	"slices"
)

// scratch is what an evaluation of one molecule needs.
type scratch struct {
	x, gx [][3]float64 // by slot
	q, gq []float64    // inputs, and ∂E/∂q
	order []int32      // pair of each input
	act   [][]float64  // outputs of each layer; act[0] are the normalised inputs
	back  [][]float64  // ∂y/∂ of them
}

func newScratch(m *Model) *scratch {
	s := &scratch{x: make([][3]float64, len(m.Z)), gx: make([][3]float64, len(m.Z)),
		q: make([]float64, m.sizes[0]), gq: make([]float64, m.sizes[0]), order: make([]int32, len(m.pairs))}
	for _, n := range m.sizes {
		s.act = append(s.act, make([]float64, n))
		s.back = append(s.back, make([]float64, n))
	}
	return s
}

// inputs finds q of the positions x by slot.
func (m *Model) inputs(x [][3]float64, s *scratch) {
	if m.Kind == Raw {
		var centre [3]float64
		if m.Centred {
			for _, v := range x {
				for k := range v {
					centre[k] += v[k] / float64(len(x))
				}
			}
		}
		for i, v := range x {
			for k := range v {
				s.q[3*i+k] = v[k] - centre[k]
			}
		}
		return
	}
	for k, p := range m.pairs {
		d2 := 0.0
		for c := range 3 {
			d := x[p[1]][c] - x[p[0]][c]
			d2 += d * d
		}
		s.order[k], s.gq[k] = int32(k), math.Sqrt(d2) // gq for a while
	}
	if m.Sorted {
		for c := range len(m.class) - 1 {
			slices.SortFunc(s.order[m.class[c]:m.class[c+1]], func(a, b int32) int { return cmp.Compare(s.gq[a], s.gq[b]) })
		}
	}
	for k, p := range s.order {
		s.q[k] = s.gq[p]
	}
}

// forward is y of the inputs.
func (m *Model) forward(s *scratch) float64 {
	for k, q := range s.q {
		s.act[0][k] = (q - m.Mean[k]) / m.Span[k]
	}
	last := m.layers() - 1
	for l := range m.layers() {
		x, y := s.act[l], s.act[l+1]
		w, b := m.layer(l)
		for o := range y {
			sum := b[o]
			for k, v := range w[o*len(x) : (o+1)*len(x)] {
				sum += v * x[k]
			}
			if l < last {
				sum = math.Tanh(sum)
			}
			y[o] = sum
		}
	}
	return s.act[last+1][0]
}

// layer are the weights [out][in] and biases of layer l in Theta.
func (m *Model) layer(l int) (w, b []float64) {
	all := m.Theta[m.offset[l]:m.offset[l+1]]
	n := m.sizes[l] * m.sizes[l+1]
	return all[:n], all[n:]
}

// backward goes back through the network from ∂/∂y = c: it sets gq and, unless dst is
// nil, adds the gradient of the weights to it.
func (m *Model) backward(c float64, s *scratch, dst []float64) {
	last := m.layers() - 1
	s.back[last+1][0] = c
	for l := last; l >= 0; l-- {
		x, y, gx, gy := s.act[l], s.act[l+1], s.back[l], s.back[l+1]
		clear(gx)
		w, _ := m.layer(l)
		for o, g := range gy {
			if l < last {
				g *= 1 - y[o]*y[o]
			}
			row := w[o*len(x) : (o+1)*len(x)]
			for k, v := range row {
				gx[k] += g * v
			}
			if dst != nil {
				d := dst[m.offset[l]+o*len(x):][:len(x)]
				for k, v := range x {
					d[k] += g * v
				}
				dst[m.offset[l]+len(w)+o] += g
			}
		}
	}
	for k, g := range s.back[0] {
		s.gq[k] = g / m.Span[k]
	}
}

// positions turns gq into the gradient gx by slot.
func (m *Model) positions(s *scratch) {
	clear(s.gx)
	if m.Kind == Raw {
		var mean [3]float64
		for i := range s.gx {
			for k := range mean {
				s.gx[i][k] = s.gq[3*i+k]
				mean[k] += s.gq[3*i+k] / float64(len(s.gx))
			}
		}
		if m.Centred {
			for i := range s.gx {
				for k := range mean {
					s.gx[i][k] -= mean[k]
				}
			}
		}
		return
	}
	for k, n := range s.order {
		p := m.pairs[n]
		f := s.gq[k] / s.q[k]
		for c := range 3 {
			g := f * (s.x[p[1]][c] - s.x[p[0]][c])
			s.gx[p[1]][c] += g
			s.gx[p[0]][c] -= g
		}
	}
}
