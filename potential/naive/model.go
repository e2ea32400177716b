package naive

import (
	"fmt"
	"math"
	"slices"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/philox"
)

// Kind is what a network sees.
type Kind string

// The kinds, by the names that configurations have for them.
const (
	Raw       Kind = "raw"       // Cartesian coordinates
	Distances Kind = "distances" // all pair distances
)

// MaxAtoms bounds the molecules.
const MaxAtoms = 64

// Design is what a network is to be.
type Design struct {
	Kind    Kind
	Centred bool  // Raw: coordinates are counted from the mean of the positions
	Sorted  bool  // Distances: by pair of elements, ascending
	Hidden  []int // widths of the hidden layers; default 64, 64
	Seed    uint64
	// Energy of the molecule at y = 0 and per unit of y, eV; Scale 0 is 1.
	Shift, Scale float64
}

// Model is a network with its weights. Evaluators that share it must not run while the
// weights are written to.
type Model struct {
	Design
	Z          []int     // element of each slot
	Mean, Span []float64 // of the inputs, Å: the network sees (q − Mean)/Span
	Theta      []float64 // weights, [out][in] of each layer followed by its biases

	sizes  []int    // inputs, hidden layers, 1
	pairs  [][2]int // slots of each distance, by class
	class  []int    // where each class of pairs begins, and the number of pairs
	offset []int    // of each layer in Theta
}

// New makes a network with random weights for the molecule z, its inputs normalised by
// the structures x [structure][atom], Å, of which at least one is needed.
func (d Design) New(z []int, x [][][3]float64) (*Model, error) {
	m := &Model{Design: d, Z: slices.Clone(z)}
	if len(m.Hidden) == 0 {
		m.Hidden = []int{64, 64}
	}
	if m.Scale == 0 {
		m.Scale = 1
	}
	if err := m.prepare(); err != nil {
		return nil, err
	}
	if len(x) == 0 {
		return nil, fmt.Errorf("naive: no structures to normalise the inputs by")
	}
	for k, s := range x {
		if len(s) != len(z) {
			return nil, fmt.Errorf("naive: structure %d has %d atoms, the molecule %d", k+1, len(s), len(z))
		}
	}
	m.normalise(x)
	m.Theta = make([]float64, m.Parameters())
	for l := range m.layers() {
		in, out := m.sizes[l], m.sizes[l+1]
		w := m.Theta[m.offset[l]:]
		for k := range in * out { // normal numbers of variance 1/in
			w[k] = philox.Normal(d.Seed, philox.Weights, uint64(l), uint64(k))[0] / math.Sqrt(float64(in))
		}
	}
	return m, nil
}

// prepare checks the design and lays out the network.
func (m *Model) prepare() error {
	n := len(m.Z)
	switch {
	case m.Kind != Raw && m.Kind != Distances:
		return fmt.Errorf("naive: kind %q is not known; it is %s or %s", m.Kind, Raw, Distances)
	case m.Kind == Raw && m.Sorted:
		return fmt.Errorf("naive: sorted belongs to distances: raw coordinates cannot be sorted")
	case m.Kind == Distances && m.Centred:
		return fmt.Errorf("naive: centred belongs to raw coordinates: distances do not change when a molecule is moved")
	case n < 1 || n > MaxAtoms || m.Kind == Distances && n < 2:
		return fmt.Errorf("naive: a molecule of %d atoms: these models are for 2 to %d", n, MaxAtoms)
	case !(math.Abs(m.Shift) < math.MaxFloat64) || !(math.Abs(m.Scale) < math.MaxFloat64):
		return fmt.Errorf("naive: shift %v and scale %v must be finite", m.Shift, m.Scale)
	}
	for _, z := range m.Z {
		if element.Symbol(z) == "" {
			return fmt.Errorf("naive: there is no element %d", z)
		}
	}
	inputs := 3 * n
	if m.Kind == Distances {
		inputs = n * (n - 1) / 2
		m.classes()
	}
	m.sizes = append([]int{inputs}, m.Hidden...)
	m.sizes = append(m.sizes, 1)
	total := 0
	m.offset = nil
	for l := range m.layers() {
		if m.sizes[l+1] < 1 || m.sizes[l+1] > 1<<14 {
			return fmt.Errorf("naive: a hidden layer of width %d", m.sizes[l+1])
		}
		m.offset = append(m.offset, total)
		total += (m.sizes[l] + 1) * m.sizes[l+1]
	}
	m.offset = append(m.offset, total)
	return nil
}

// classes orders the pairs by their elements.
func (m *Model) classes() {
	m.pairs, m.class = nil, nil
	for i := range m.Z {
		for j := range i {
			m.pairs = append(m.pairs, [2]int{j, i})
		}
	}
	key := func(p [2]int) [2]int {
		a, b := m.Z[p[0]], m.Z[p[1]]
		return [2]int{min(a, b), max(a, b)}
	}
	slices.SortStableFunc(m.pairs, func(p, q [2]int) int {
		a, b := key(p), key(q)
		return slices.Compare(a[:], b[:])
	})
	for k, p := range m.pairs {
		if k == 0 || key(p) != key(m.pairs[k-1]) {
			m.class = append(m.class, k)
		}
	}
	m.class = append(m.class, len(m.pairs))
}

// normalise finds mean and span of the inputs. An input that hardly varies is not blown
// up: its span is at least a quarter of the mean one, and 0.02 Å.
func (m *Model) normalise(x [][][3]float64) {
	n := m.sizes[0]
	m.Mean, m.Span = make([]float64, n), make([]float64, n)
	s := newScratch(m)
	for _, pass := range []int{0, 1} {
		for _, pos := range x {
			m.inputs(pos, s)
			for k, q := range s.q {
				if pass == 0 {
					m.Mean[k] += q / float64(len(x))
				} else {
					m.Span[k] += (q - m.Mean[k]) * (q - m.Mean[k]) / float64(len(x))
				}
			}
		}
	}
	mean := 0.0
	for _, v := range m.Span {
		mean += v / float64(n)
	}
	for k, v := range m.Span {
		m.Span[k] = max(math.Sqrt(v), math.Sqrt(mean)/4, 0.02)
	}
}

func (m *Model) layers() int { return len(m.sizes) - 1 }

// Inputs is the number of the network's inputs.
func (m *Model) Inputs() int { return m.sizes[0] }

// Parameters is the number of weights.
func (m *Model) Parameters() int { return m.offset[len(m.offset)-1] }

// what begins the refusals.
func (m *Model) what() string {
	return fmt.Sprintf("the model sees a molecule of %d atoms whole (kind %q)", len(m.Z), m.Kind)
}

func (m *Model) periodic() string {
	return m.what() + ": a periodic system has no such list of atoms; it needs a model of local environments"
}

// Serves says why a structure is none that the model is for, or nil.
func (m *Model) Serves(z []int, periodic [3]bool) error {
	if periodic != ([3]bool{}) {
		return refused("%s", m.periodic())
	}
	if len(z) != len(m.Z) {
		return refused("%s, each with its slot: it has nothing to say about %d atoms", m.what(), len(z))
	}
	for i := range z {
		if z[i] != m.Z[i] {
			return refused("%s, each with its slot: atom %d is %s and should be %s", m.what(), i+1, element.Symbol(z[i]), element.Symbol(m.Z[i]))
		}
	}
	return nil
}
