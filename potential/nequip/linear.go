package nequip

import (
	"fmt"
	"math"

	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential/linear"
)

// extra is what a linear map may have beside its matrices. It enters the even scalars
// only, and of one modality it is a bias.
type extra struct {
	bias          bool
	modals, modal int // one-hot inputs behind the others, and which of them is 1
}

// readMaps reads e3nn's o3.Linear (species = 0), or a FullyConnectedTensorProduct with
// the one-hot species.
func readMaps(t *tensors, name string, in, out o3.Irreps, species int, more extra) *linear.Maps {
	part := ".linear.weight"
	if species > 0 {
		part = ".fc_tensor_product.weight"
	}
	return readNamed(t, name+part, name+".linear.bias", in, out, species, more)
}

// readNamed is readMaps for tensors of these names.
func readNamed(t *tensors, weight, bias string, in, out o3.Irreps, species int, more extra) *linear.Maps {
	m := linear.Between(in, out)
	total, why := m.Size(species), fmt.Sprintf("%s → %s", in, out)
	if species > 0 {
		why += fmt.Sprintf(" for %d species", species)
	}
	if more.modals > 0 {
		why += fmt.Sprintf(" with %d modalities", more.modals)
		total += more.modals * out.Count(o3.Irrep{L: 0, P: 1})
	}
	w := m.Fold(t.get(weight, why, total), species, more.modals)
	readBias(t, m, bias, w, more)
	return m
}

// readBias reads what is added to the even scalars; w are the weights of the modalities.
func readBias(t *tensors, m *linear.Maps, name string, w []float64, more extra) {
	even := o3.Irrep{L: 0, P: 1}
	if !more.bias && more.modals == 0 {
		return
	}
	m.Bias = make([][]float64, len(m.Out))
	var b []float64
	if more.bias {
		b = t.get(name, fmt.Sprintf("even scalars of %s", m.Out), m.Out.Count(even))
	}
	for o, r := range m.Out {
		if r.Irrep != even {
			continue
		}
		x := make([]float64, r.Mul)
		m.Bias[o] = x
		if more.bias {
			copy(x, b)
			b = b[r.Mul:]
		}
		if more.modals > 0 {
			for u := range x {
				x[u] += w[more.modal*r.Mul+u] / math.Sqrt(float64(m.In.Count(even)+more.modals))
			}
			w = w[more.modals*r.Mul:]
		}
	}
}
