package observe

import (
	"slices"

	"github.com/wigner-md/wigner/md"
)

// Averages are the means of any numbers of a step, with their spread and the error
// of the mean.
type Averages struct {
	Schedule
	alone
	Names  []string
	Values func(s *md.Sim, dst []float64) ([]float64, error) // appends one for each name; collective

	state  averagesState
	values []float64
}

type averagesState struct {
	From   int64
	Names  []string
	Blocks []Blocks
}

// Name is part of md.Keeper.
func (o *Averages) Name() string { return "averages" }

func (o *Averages) begin(*System) {
	o.state = averagesState{From: o.From, Names: o.Names, Blocks: make([]Blocks, len(o.Names))}
}

// Observe is part of md.Observer.
func (o *Averages) Observe(s *md.Sim) (err error) {
	if !o.due(s) {
		return nil
	}
	if o.values, err = o.Values(s, o.values[:0]); err != nil {
		return err
	}
	for k, x := range o.values {
		o.state.Blocks[k].Push(x)
	}
	return nil
}

// Save is part of md.Keeper.
func (o *Averages) Save(*md.Sim) ([]byte, error) { return save(0, 0, o.state) }

func (o *Averages) load(b []byte, _ bool) error {
	var st averagesState
	if err := decode(b, &st); err != nil {
		return err
	}
	if st.From != o.From || !slices.Equal(st.Names, o.Names) {
		return errOther
	}
	o.state = st
	return nil
}

// Tables is part of Observer: averages has a row for each name.
func (o *Averages) Tables(*md.Sim) ([]Table, error) {
	t := Table{Name: "averages", Label: "quantity", Heads: []string{"mean", "error", "spread", "samples"}}
	for k := range o.state.Blocks {
		b := &o.state.Blocks[k]
		t.Labels = append(t.Labels, o.Names[k])
		t.Rows = append(t.Rows, []float64{b.Mean(), b.Err(), b.Spread(), float64(b.N())})
	}
	return []Table{t}, nil
}
