package symmetry

import (
	"fmt"
	"math"
	"slices"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/comm/inproc"
	"github.com/wigner-md/wigner/o3"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/naive"
	"github.com/wigner-md/wigner/potential/nequip"
	"github.com/wigner-md/wigner/train"
)

// model is an untrained model: what is trained, and what is then evaluated.
type model struct {
	learn potential.Trainable
	step  float64 // of the central difference in the training, Å
	rate  float64 // largest learning rate
	loss  train.Loss
	// finish makes the evaluators, in double precision, of the present parameters.
	finish func() (maker, error)
	copies int           // turned copies of each structure in the training
	net    *nequip.Model // of the equivariant network, once finished
}

// kind is a kind of models of energies.
type kind struct {
	name   string
	weight float64 // of its cost per neighbour
	steps  int     // of training, in units of all kinds' own
	exact  bool    // invariant by its structure
	rough  float64 // how much its coefficients multiply rounding; 0: not
	local  bool    // a sum of atomic energies
	least  bool    // fitted by least squares
	three  bool    // of distances and angles at each atom
	design string  // all that its trainings depend on beside the name
	// open makes one that is normalised by these structures.
	open func(list []*train.Structure, seed uint64) (*model, error)
}

// naiveName is the kind of models on raw coordinates.
const naiveName = "raw coordinates"

// schooling is how long and on what a model is trained.
type schooling struct {
	list   []*train.Structure
	epochs int
	batch  int
	slower float64 // divides the kind's learning rate; 0: as it is
}

// teach trains a model.
func (t *task) teach(m *model, s schooling) error {
	t.result.Structures, t.result.Epochs = len(s.list), s.epochs
	rate := m.rate
	if s.slower > 0 {
		rate /= s.slower
	}
	if m.copies > 1 {
		s.list, s.epochs = train.Turned(s.list, m.copies, t.seed), max(1, s.epochs/m.copies)
		t.result.Epochs = s.epochs
	}
	err := inproc.Run(1, func(c comm.Comm) error {
		fit, err := train.NewFit(c, m.learn, s.list, nil, train.Options{
			Epochs: s.epochs, Batch: s.batch, Seed: t.seed, Step: m.step, EMA: 0.99, Clip: 100, Stop: t.stop,
			Stages: []train.Stage{{Loss: m.loss, Schedule: train.Schedule{Kind: "cosine", Rate: rate, Final: rate / 100}}},
			Frozen: func(name string) bool {
				return name == "rescale_atomic_energy.shift" || name == "rescale_atomic_energy.scale"
			},
		})
		if err != nil {
			return err
		}
		for e := range s.epochs {
			if _, err := fit.Epoch(func(k int) {
				t.tick((float64(e) + float64(k)/float64(len(s.list))) / float64(s.epochs))
			}); err != nil {
				return err
			}
		}
		fit.Best()
		return nil
	})
	if err == train.ErrStopped || err != nil && t.stop != nil && t.stop() {
		return errStopped
	}
	if err != nil {
		return err
	}
	t.take(m)
	return nil
}

// take keeps the parameters of a model that has been trained.
func (t *task) take(m *model) {
	for _, p := range m.learn.Params() {
		t.result.Parameters += len(p.Value)
		t.result.Values = append(t.result.Values, slices.Clone(p.Value))
	}
}

// recall gives a model the values of a task that has been done.
func (t *task) recall(m *model) (maker, error) {
	params := m.learn.Params()
	if len(params) != len(t.result.Values) {
		return nil, fmt.Errorf("%s: the kept training has %d tensors, the model %d: --force starts over", t.key, len(t.result.Values), len(params))
	}
	for k, p := range params {
		if len(p.Value) != len(t.result.Values[k]) {
			return nil, fmt.Errorf("%s: the kept %s has %d numbers, the model %d: --force starts over", t.key, p.Name, len(t.result.Values[k]), len(p.Value))
		}
		copy(p.Value, t.result.Values[k])
	}
	m.learn.Update()
	return m.finish()
}

// errors are the mean absolute errors of energies per atom (eV) and force components
// (eV/Å), or of a target's components (its unit).
func errorsOf(m *model, list []*train.Structure) (energy, force, target float64, err error) {
	err = inproc.Run(1, func(c comm.Comm) error {
		fit, err := train.NewFit(c, m.learn, list[:1], nil, train.Options{Batch: 1, Stages: []train.Stage{{Loss: m.loss}}})
		if err != nil {
			return err
		}
		e, err := fit.Test(list, func(train.Prediction) {})
		energy, force, target = e.MAE(0), e.MAE(1), e.MAE(3)
		return err
	})
	return energy, force, target, err
}

// size of an equivariant network.
type netSize struct {
	features string
	layers   int
	cutoff   float64
	hidden   []int
	output   *o3.Irrep
}

// String is all of it.
func (n netSize) String() string {
	out := "energy"
	if n.output != nil {
		out = n.output.String()
	}
	return fmt.Sprintf("%s, %d layers, %g Å, hidden %v, gives %s", n.features, n.layers, n.cutoff, n.hidden, out)
}

// equivariant is a NequIP network, trained in single precision.
func equivariant(n netSize) kind {
	return kind{name: equivariantName, weight: 1, steps: 10, exact: true, local: true, design: n.String(), open: func(list []*train.Structure, seed uint64) (*model, error) {
		irreps, err := o3.ParseIrreps(n.features)
		if err != nil {
			return nil, err
		}
		st, err := train.Describe(list, n.cutoff)
		if err != nil {
			return nil, err
		}
		d := nequip.Design{Elements: st.Elements, Features: irreps, Layers: n.layers, LMax: irreps.LMax(), Parity: true, Cutoff: n.cutoff,
			Hidden: n.hidden, Neighbors: st.Neighbors, Seed: seed, Output: n.output}
		scale := st.Scale
		if n.output != nil {
			scale = train.TargetSize(list)
			d.Shift = make([]float64, len(st.Elements))
		} else if d.Shift, err = train.FitReference(list, st.Elements); err != nil {
			return nil, err
		}
		for range st.Elements {
			d.Scale = append(d.Scale, scale)
		}
		cfg, w, err := d.New()
		if err != nil {
			return nil, err
		}
		return trainedNet(cfg, w)
	}}
}

// naive is a network of a molecule's raw coordinates or distances.
func naiveKind(name string, d naive.Design, copies int) kind {
	return kind{name: name, weight: 0.05, steps: 4, design: fmt.Sprintf("%+v, %d copies", d, copies), open: func(list []*train.Structure, seed uint64) (*model, error) {
		d := d
		d.Seed = seed
		var x [][]vec
		var mean, square float64
		for _, s := range list {
			x = append(x, s.X)
			mean += s.Energy / float64(len(list))
		}
		for _, s := range list {
			square += (s.Energy - mean) * (s.Energy - mean) / float64(len(list))
		}
		d.Shift, d.Scale = mean, max(0.01, math.Sqrt(square))
		m, err := d.New(list[0].Z, x)
		if err != nil {
			return nil, err
		}
		return &model{learn: m.Potential(), step: train.Step64, rate: 0.003, loss: train.Loss{Energy: 10, Force: 1}, copies: copies,
			finish: func() (maker, error) { return func() potential.Potential { return m.Potential() }, nil }}, nil
	}}
}

// trainedNet wraps a network in training.
func trainedNet(cfg map[any]any, w potential.Weights) (*model, error) {
	net, err := nequip.NewTrainee[float32](cfg, w)
	if err != nil {
		return nil, err
	}
	m := &model{learn: net, step: train.Step32, rate: 0.01, loss: train.Loss{Energy: 10, Force: 1}}
	m.finish = func() (maker, error) {
		read, err := nequip.Read(cfg, nequip.NewTensors(net.Params(), w))
		m.net = read
		return func() potential.Potential { return nequip.New64(read) }, err
	}
	return m, nil
}
