package observe

import (
	"errors"
	"math"

	"github.com/wigner-md/wigner/md"
)

// RDF is the pair distribution g(r) by pairs of elements, a mean over the looks.
// The cell must have a volume.
type RDF struct {
	Schedule
	alone
	Cutoff float64 // Å
	Bins   int

	sys    *System
	pairs  pairs
	scale  float64
	state  rdfState
	counts []int64 // by pair and bin, of this rank since the restart
}

type rdfState struct {
	Cutoff  float64
	From    int64
	Bins    int
	Samples int64
	Density float64 // Σ 1/V over the looks, Å⁻³
	Counts  []int64 // in restarts, of all ranks
}

// Name is part of md.Keeper.
func (o *RDF) Name() string { return "rdf" }

func (o *RDF) begin(sys *System) {
	o.sys = sys
	n := len(sys.Z) * (len(sys.Z) + 1) / 2
	o.counts = make([]int64, n*o.Bins)
	o.state = rdfState{Cutoff: o.Cutoff, Bins: o.Bins, From: o.From}
	o.scale = float64(o.Bins) / o.Cutoff
	o.pairs = pairs{cutoff: o.Cutoff, see: func(_ int, zi, zj int32, r2 float64) {
		a, b := int(o.sys.kind[zi]), int(o.sys.kind[zj])
		if bin := int(math.Sqrt(r2) * o.scale); a <= b && bin < o.Bins {
			o.counts[o.sys.pairIndex(a, b)*o.Bins+bin]++
		}
	}}
}

// Observe is part of md.Observer.
func (o *RDF) Observe(s *md.Sim) error {
	if !o.due(s) {
		return nil
	}
	return o.Look(&s.Evaluator)
}

// Start makes o ready for Look, without a simulation.
func (o *RDF) Start(sys *System) { o.begin(sys) }

// Look is collective: it counts the pairs of the atoms of e.
func (o *RDF) Look(e *md.Evaluator) error {
	if !e.Cell.Given() {
		return errors.New("observe: a pair distribution needs a cell of three vectors")
	}
	o.state.Samples++
	o.state.Density += 1 / e.Cell.Volume()
	return o.pairs.look(e)
}

// Save is part of md.Keeper.
func (o *RDF) Save(s *md.Sim) ([]byte, error) {
	st := o.state
	var err error
	if st.Counts, err = sumCounts(s.Comm, o.counts); err != nil {
		return nil, err
	}
	return save(0, 0, st)
}

func (o *RDF) load(b []byte, root bool) error {
	var st rdfState
	if err := decode(b, &st); err != nil {
		return err
	}
	if st.Cutoff != o.Cutoff || st.Bins != o.Bins || st.From != o.From || len(st.Counts) != len(o.counts) {
		return errOther
	}
	if root {
		copy(o.counts, st.Counts)
	}
	st.Counts = nil
	o.state = st
	return nil
}

// errOther says that a state is of a measure with other settings.
var errOther = errors.New("observe: other settings")

// Tables is part of Observer: rdf has r and g(r) by pairs.
func (o *RDF) Tables(s *md.Sim) ([]Table, error) { return o.Table(&s.Evaluator) }

// Table is collective: the distribution so far.
func (o *RDF) Table(e *md.Evaluator) ([]Table, error) {
	counts, err := sumCounts(e.Comm, o.counts)
	if err != nil {
		return nil, err
	}
	t := Table{Name: "rdf", Heads: append([]string{"r_A"}, o.sys.pairNames()...)}
	width := o.Cutoff / float64(o.Bins)
	for bin := range o.Bins {
		lo, hi := float64(bin)*width, float64(bin+1)*width
		shell := 4 * math.Pi / 3 * (hi*hi*hi - lo*lo*lo)
		row := []float64{(lo + hi) / 2}
		for a := range o.sys.Z {
			for b := a; b < len(o.sys.Z); b++ {
				// Of an ideal gas: N_a N_b shell/V, summed over the looks.
				ideal := float64(o.sys.Number[a]) * float64(o.sys.Number[b]) * shell * o.state.Density
				row = append(row, ratio(float64(counts[o.sys.pairIndex(a, b)*o.Bins+bin]), ideal))
			}
		}
		t.Rows = append(t.Rows, row)
	}
	return []Table{t}, nil
}
