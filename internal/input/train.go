package input

import (
	"os"
	"reflect"
	"strings"
)

// Train is everything that the file of a training says.
type Train struct {
	Data      Data      `toml:"data"`
	Model     Network   `toml:"model"`
	Loss      TrainLoss `toml:"loss"`
	Optimizer Optimizer `toml:"optimizer"`
	Stage     []Stage   `toml:"stage,omitempty" doc:"later parts of the training with another loss or rate, each a table"`
	Training  Training  `toml:"training"`
	Output    TrainDir  `toml:"output"`
}

// Data says which structures there are and where their labels stand.
type Data struct {
	Train         []string           `toml:"train" doc:"extxyz files, relative to the working folder, else to the config file's"`
	Valid         []string           `toml:"valid,omitempty" doc:"extxyz files to choose weights by"`
	Copies        int                `toml:"turned_copies,omitempty" doc:"augmentation: each training structure so many times, the first as it is, the others turned at random; validation and test stay as they are"`
	ValidFraction float64            `toml:"valid_fraction,omitempty" doc:"without valid: the part of the training structures that is set apart, of each config_type"`
	Test          []string           `toml:"test,omitempty" doc:"extxyz files that are evaluated when the training has ended, and have no part in its choices"`
	EnergyKey     string             `toml:"energy_key" doc:"total energy, eV; a structure without it has none"`
	ForceKey      string             `toml:"force_key" doc:"column of forces, eV/Å"`
	StressKey     string             `toml:"stress_key" doc:"nine or six numbers (Voigt xx yy zz yz xz xy), eV/Å³, tension positive"`
	DipoleKey     string             `toml:"dipole_key" doc:"with model.output = \"dipole\": three numbers, e·Å; of a charged molecule they depend on the origin"`
	ScalarKey     string             `toml:"pseudoscalar_key" doc:"with model.output = \"pseudoscalar\": one number"`
	TypeKey       string             `toml:"type_key" doc:"kind of structure, for weights and reports"`
	Shear         bool               `toml:"shear_only,omitempty" doc:"leave out the diagonal of the stresses, where it is shifted (Pulay stress)"`
	Weight        []TypeWeight       `toml:"weight,omitempty" doc:"weights of kinds of structures in the loss, each a table"`
	Reference     string             `toml:"reference" doc:"energies of the elements: fit (least squares on the training energies), isolated (single atoms of type IsolatedAtom) or explicit (reference_eV)"`
	Energies      map[string]float64 `toml:"reference_eV,omitempty" doc:"eV by element, with reference = explicit"`
}

// TypeWeight is the weight of one kind of structure.
type TypeWeight struct {
	Type   string  `toml:"type" doc:"value of type_key"`
	Weight float64 `toml:"weight" doc:"of each of its structures; others have 1. Those of weight 0 are left out of the epochs, and serve reference energies and the report"`
}

// Network is the size of the network, or the model that training begins with.
type Network struct {
	Kind     string   `toml:"kind,omitempty" doc:"nequip (default; SevenNet's family); bp (Behler–Parrinello); raw or distances: controls for one small molecule (docs/models.md); soap: a linear fit on the power spectrum (docs/soap.md)"`
	Output   string   `toml:"output,omitempty" doc:"of kind nequip: energy (default), dipole (a vector) or pseudoscalar (a number that changes its sign in the mirror); the loss is then the mean squared error of its components"`
	Init     string   `toml:"init,omitempty" doc:"a model to go on from, by path or name; sizes and references are then its own"`
	Members  []string `toml:"committee,omitempty" doc:"models, by path or name, that are joined to one whose energy is the mean of theirs, to go on from; of kind nequip, alike but for channels and radial_hidden"`
	Frozen   []string `toml:"frozen,omitempty" doc:"parameters that stay as they are, by pattern: \"0_*\" is the first layer, \"*weight_nn*\" the radial networks, \"rescale*\" shifts and scales"`
	Features string   `toml:"features,omitempty" kinds:"nequip" doc:"irreps between the layers, such as 32x0e+16x1o+16x2e"`
	Layers   int      `toml:"layers,omitempty" kinds:"nequip" doc:"convolutions"`
	LMax     int      `toml:"lmax,omitempty" kinds:"nequip soap" doc:"order of the harmonics; default: the largest of the features; soap: 6"`
	Parity   *bool    `toml:"parity,omitempty" kinds:"nequip" doc:"O(3) (default) or rotations only"`
	Cutoff   float64  `toml:"cutoff_A,omitempty" kinds:"nequip bp soap" doc:"Å"`
	Basis    int      `toml:"radial_basis,omitempty" kinds:"nequip" doc:"Bessel functions; default 8"`
	Radial   []int    `toml:"radial_hidden,omitempty" kinds:"nequip" doc:"widths of the radial network; default 64, 64"`
	Power    float64  `toml:"envelope_power,omitempty" kinds:"nequip" doc:"p of the polynomial envelope; default 6"`
	Hidden   []int    `toml:"hidden,omitempty" kinds:"raw distances bp" doc:"widths of the hidden layers; default 64, 64; of bp 24, 24"`
	Centred  bool     `toml:"centred,omitempty" kinds:"raw" doc:"count coordinates from their mean, so that moving the molecule changes nothing"`
	Sorted   bool     `toml:"sorted,omitempty" kinds:"distances" doc:"sort the distances of each pair of elements, so that the order of like atoms changes nothing"`
	SOAP

	SymRadial  int      `toml:"radial_functions,omitempty" kinds:"bp" doc:"radial symmetry functions for each neighbour's element; default 8"`
	SymAngular int      `toml:"angular_functions,omitempty" kinds:"bp" doc:"widths of angular symmetry functions for each pair of elements, eight functions each; default 3"`
	Functions  []string `toml:"symmetry_functions,omitempty" kinds:"bp" doc:"instead of the default set: functions as n2p2's symfunction_short says them, in Å"`

	CoreCutoff float64 `toml:"zbl_cutoff_A,omitempty" doc:"a fixed ZBL repulsion inside the model, which learns the rest: zero from here on, Å"`
	CoreSwitch float64 `toml:"zbl_switch_A,omitempty" doc:"from here to zbl_cutoff_A its energy, force and curvature go smoothly to zero, Å"`
}

// TrainLoss is what is made small.
type TrainLoss struct {
	Energy      float64 `toml:"energy" doc:"weight of the squared error of the energy per atom, in (eV/atom)⁻²"`
	Force       float64 `toml:"force" doc:"weight of the squared error of a force component, in (eV/Å)⁻²"`
	Stress      float64 `toml:"stress,omitempty" doc:"weight of the squared error of a stress component, in (eV/Å³)⁻²"`
	HuberEnergy float64 `toml:"huber_energy_eV,omitempty" doc:"Huber's δ per atom: errors beyond it count linearly; 0: all squared"`
	HuberForce  float64 `toml:"huber_force_eV_A,omitempty" doc:"Huber's δ of force components"`
	HuberStress float64 `toml:"huber_stress_eV_A3,omitempty" doc:"Huber's δ of stress components"`
}

// Optimizer is how the weights move.
type Optimizer struct {
	Rate     float64 `toml:"rate" doc:"learning rate after the warm-up"`
	Final    float64 `toml:"final_rate,omitempty" doc:"at the end; of plateau the least"`
	Schedule string  `toml:"schedule" doc:"constant, cosine, linear, exponential or plateau"`
	Warmup   float64 `toml:"warmup_epochs,omitempty" doc:"epochs of linear growth"`
	Factor   float64 `toml:"factor" doc:"plateau: the rate is multiplied by it"`
	Patience int     `toml:"patience" doc:"plateau: validations without improvement before that"`
	AMSGrad  bool    `toml:"amsgrad" doc:"the variant of Adam that never forgets a large gradient: safe, and slow after a rough start"`
	Decay    float64 `toml:"weight_decay,omitempty" doc:"AdamW's λ"`
	Clip     float64 `toml:"clip_norm,omitempty" doc:"largest norm of a step's gradient"`
	EMA      float64 `toml:"ema" doc:"decay of the mean of the weights, which is validated and saved; 0: none"`
}

// Stage is a later part of a training.
type Stage struct {
	From     int      `toml:"from_epoch" doc:"epochs before it"`
	Energy   *float64 `toml:"energy,omitempty" doc:"as in [loss]"`
	Force    *float64 `toml:"force,omitempty" doc:"as in [loss]"`
	Stress   *float64 `toml:"stress,omitempty" doc:"as in [loss]"`
	Rate     float64  `toml:"rate,omitempty" doc:"as in [optimizer]; without it the first schedule goes on"`
	Final    float64  `toml:"final_rate,omitempty" doc:"as in [optimizer]"`
	Schedule string   `toml:"schedule,omitempty" doc:"as in [optimizer]; default cosine"`
}

// Training is how long, and how.
type Training struct {
	Epochs    int    `toml:"epochs" doc:"passes through the training structures; with init or committee 0 is a report and no training"`
	Batch     int    `toml:"batch" doc:"structures per step, over all ranks"`
	Seed      int64  `toml:"seed" doc:"of first weights, order of the structures and the validation part"`
	Precision string `toml:"precision,omitempty" doc:"float32 (default) or float64; raw, distances and soap are always float64"`
	Validate  int    `toml:"validate_every" doc:"epochs"`
	Save      int    `toml:"save_every" doc:"epochs between states that --resume goes on from; one is written at the end and when stopped"`
	Patience  int    `toml:"early_stop,omitempty" doc:"validations without improvement after which training ends"`
	// Ridge is for fits.
	Ridge []float64 `toml:"regularisation,omitempty" doc:"soap: values of λ, of which the validation structures choose one; default 1e-13, 1e-12 … 1e-3"`
}

// TrainDir is where the files go.
type TrainDir struct {
	Dir   string `toml:"dir" doc:"the folder of this training"`
	Name  string `toml:"name" doc:"of the model file, NAME.wigner in the folder"`
	Notes string `toml:"notes,omitempty" doc:"text that goes into the model file"`
}

// DefaultTrain is what holds where a file says nothing.
func DefaultTrain() Train {
	return Train{
		Data:      Data{ValidFraction: 0.1, EnergyKey: "energy", ForceKey: "forces", StressKey: "stress", DipoleKey: "dipole", ScalarKey: "pseudoscalar", TypeKey: "config_type", Reference: "fit"},
		Loss:      TrainLoss{Energy: 1, Force: 1},
		Optimizer: Optimizer{Rate: 0.005, Final: 1e-5, Schedule: "cosine", Factor: 0.5, Patience: 20, EMA: 0.99},
		Training:  Training{Epochs: 100, Batch: 4, Seed: 1, Validate: 1, Save: 10},
		Output:    TrainDir{Dir: "runs/train", Name: "model"},
	}
}

// ReadTrainFile is ReadFile for a training.
func ReadTrainFile(path string, sets []string) (*Train, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	c := DefaultTrain()
	if err := read(path, string(text), sets, &c); err != nil {
		return nil, err
	}
	return &c, nil
}

// Encode is the config as TOML.
func (c *Train) Encode() (string, error) { return encode(c) }

var schedules = []string{"constant", "cosine", "linear", "exponential", "plateau"}

func (c *Train) check() []problem {
	var k checker
	c.Data.check(&k)
	c.Model.check(&k)
	l := &c.Loss
	for n, w := range []float64{l.Energy, l.Force, l.Stress, l.HuberEnergy, l.HuberForce, l.HuberStress} {
		key := []string{"energy", "force", "stress", "huber_energy_eV", "huber_force_eV_A", "huber_stress_eV_A3"}[n]
		k.within("loss."+key, w, 0, 1e12)
	}
	if c.Loss.Energy+c.Loss.Force+c.Loss.Stress == 0 {
		k.bad("loss", "all weights are 0: there is nothing to fit")
	}
	o := &c.Optimizer
	k.positive("optimizer.rate", o.Rate, 10)
	k.within("optimizer.final_rate", o.Final, 0, o.Rate)
	k.among("optimizer.schedule", o.Schedule, schedules...)
	if o.Schedule == "exponential" {
		k.positive("optimizer.final_rate", o.Final, o.Rate)
	}
	k.within("optimizer.warmup_epochs", o.Warmup, 0, 1e6)
	k.positive("optimizer.factor", o.Factor, 1)
	k.within("optimizer.patience", float64(o.Patience), 0, 1e6)
	k.within("optimizer.weight_decay", o.Decay, 0, 1)
	k.within("optimizer.clip_norm", o.Clip, 0, 1e12)
	k.within("optimizer.ema", o.EMA, 0, 0.999999)
	before := 0
	for n := range c.Stage {
		s := &c.Stage[n]
		if s.From <= before {
			k.bad("stage", "from_epoch of stage %d is %d: it must be above %d", n+1, s.From, before)
		}
		before = s.From
		if s.Schedule == "" {
			s.Schedule = "cosine"
		}
		loss := c.stageLoss(n)
		if loss.Energy+loss.Force+loss.Stress == 0 {
			k.bad("stage", "all weights of stage %d are 0: there is nothing to fit", n+1)
		}
		k.among("stage.schedule", s.Schedule, schedules...)
		k.within("stage.rate", s.Rate, 0, 10)
		k.within("stage.final_rate", s.Final, 0, max(s.Rate, 0))
	}
	t := &c.Training
	least := 1.0
	if c.Model.begun() {
		least = 0
	}
	if t.Epochs == 0 && least > 0 {
		k.bad("training.epochs", "0 is a report on a model that there is: it needs model.init or model.committee")
	} else {
		k.within("training.epochs", float64(t.Epochs), least, 1e7)
	}
	k.within("training.batch", float64(t.Batch), 1, 1e6)
	k.within("training.validate_every", float64(t.Validate), 1, 1e7)
	k.within("training.save_every", float64(t.Save), 1, 1e7)
	k.within("training.early_stop", float64(t.Patience), 0, 1e7)
	if c.Model.Kind == KindSOAP {
		c.soap(&k)
	}
	if c.Model.Tensor() {
		c.tensor(&k)
	}
	for _, l := range t.Ridge {
		k.positive("training.regularisation", l, 1e6)
	}
	if len(t.Ridge) > 0 && c.Model.Kind != KindSOAP && (!c.Model.begun() || c.Model.Kind != "") {
		k.bad("training.regularisation", "belongs to kind \"soap\"")
	}
	switch {
	case t.Precision == "" && c.Model.double():
		t.Precision = "float64"
	case t.Precision == "":
		t.Precision = "float32"
	case t.Precision == "float32" && c.Model.double():
		k.bad("training.precision", "the kind %q is always in float64: leave it out", c.Model.Kind)
	}
	k.among("training.precision", t.Precision, "float32", "float64")
	if c.Output.Dir == "" {
		k.bad("output.dir", "no folder")
	}
	if c.Output.Name == "" || strings.ContainsAny(c.Output.Name, "/\\") {
		k.bad("output.name", "%q is not a file's name", c.Output.Name)
	}
	return k.found
}

// stageLoss is the loss of stage n, from 0: a weight that it does not say is the stage's before.
func (c *Train) stageLoss(n int) TrainLoss {
	l := c.Loss
	for _, s := range c.Stage[:n+1] {
		for _, w := range []struct{ to, from *float64 }{{&l.Energy, s.Energy}, {&l.Force, s.Force}, {&l.Stress, s.Stress}} {
			if w.from != nil {
				*w.to = *w.from
			}
		}
	}
	return l
}

// Losses are those of the training's parts: the first, and one for each stage.
func (c *Train) Losses() []TrainLoss {
	out := []TrainLoss{c.Loss}
	for n := range c.Stage {
		out = append(out, c.stageLoss(n))
	}
	return out
}

// tensor refuses what says nothing to a network that gives no energy.
func (c *Train) tensor(k *checker) {
	gives := c.Model.Gives()
	l, d := reflect.ValueOf(c.Loss), reflect.ValueOf(DefaultTrain().Loss)
	for _, f := range fields(l.Type()) {
		if !l.FieldByIndex(f.Index).Equal(d.FieldByIndex(f.Index)) {
			k.bad("loss."+tag(f), "the loss of a %s is the mean squared error of its components: leave it out", gives)
		}
	}
	for n, s := range c.Stage {
		for key, w := range map[string]*float64{"energy": s.Energy, "force": s.Force, "stress": s.Stress} {
			if w != nil {
				k.bad("stage."+key, "stage %d: the loss of a %s is the mean squared error of its components: leave it out", n+1, gives)
			}
		}
	}
	if c.Data.Reference != DefaultTrain().Data.Reference {
		k.bad("data.reference", "a %s has no energies of the elements: leave it out", gives)
	}
	if c.Data.Shear {
		k.bad("data.shear_only", "a %s has no stresses: leave it out", gives)
	}
}

func (d *Data) check(k *checker) {
	if len(d.Train) == 0 {
		k.bad("data.train", "no training structures: give a list of files")
	}
	k.within("data.valid_fraction", d.ValidFraction, 0, 0.9)
	k.within("data.turned_copies", float64(d.Copies), 0, 1e5)
	k.among("data.reference", d.Reference, "fit", "isolated", "explicit")
	if d.Reference == "explicit" && len(d.Energies) == 0 {
		k.bad("data.reference_eV", "reference = \"explicit\" needs an energy for each element")
	}
	if d.Reference != "explicit" && len(d.Energies) > 0 {
		k.bad("data.reference_eV", "energies are given, but reference is %q: set it to \"explicit\"", d.Reference)
	}
	for _, w := range d.Weight {
		k.within("data.weight", w.Weight, 0, 1e9)
	}
}
