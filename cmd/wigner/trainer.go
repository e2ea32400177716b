package main

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/io/model"
	"github.com/wigner-md/wigner/train"
)

// Names in the folder of a training, beside those of a run.
const (
	epochsName      = "epochs.csv"
	stateName       = "state.wigner"
	trainReportName = "report.json"
)

// trainer is one rank's part of a training; rank 0 has the files.
type trainer struct {
	*training
	a      *app
	c      comm.Comm
	net    trainee
	fit    *train.Fit
	folder *folder
	table  *os.File // epochs.csv
	lines  int      // of the table on standard output
}

// trainNotes go into the model file.
type trainNotes struct {
	Program    string              `json:"program"`
	Text       string              `json:"notes,omitempty"`
	Config     string              `json:"config"` // effective
	Init       string              `json:"init,omitempty"`
	Structures map[string]int      `json:"structures"`
	Atoms      map[string]int      `json:"atoms"`
	Parameters int                 `json:"parameters"`
	Epochs     int                 `json:"epochs"`
	Ridge      float64             `json:"regularisation,omitempty"` // of a fit without epochs
	Hours      float64             `json:"hours,omitempty"`          // of the last run of the program
	Cores      string              `json:"ranks,omitempty"`
	CPU        string              `json:"cpu,omitempty"`
	Errors     map[string]*figures `json:"errors,omitempty"`
	Reference  string              `json:"reference"`
}

// figures are errors of a set: MAE and RMSE.
type figures struct {
	EnergyMAE  *float64 `json:"energy_mae_meV_atom,omitempty"`
	EnergyRMSE *float64 `json:"energy_rmse_meV_atom,omitempty"`
	ForceMAE   *float64 `json:"force_mae_eV_A,omitempty"`
	ForceRMSE  *float64 `json:"force_rmse_eV_A,omitempty"`
	StressMAE  *float64 `json:"stress_mae_eV_A3,omitempty"`
	StressRMSE *float64 `json:"stress_rmse_eV_A3,omitempty"`
	TargetMAE  *float64 `json:"target_mae,omitempty"` // of a tensor, in its unit
	TargetRMSE *float64 `json:"target_rmse,omitempty"`
}

func figuresOf(e *train.Errors) *figures {
	of := func(x, unit float64) *float64 {
		if math.IsNaN(x) {
			return nil
		}
		x *= unit
		return &x
	}
	return &figures{of(e.MAE(0), 1000), of(e.RMSE(0), 1000), of(e.MAE(1), 1), of(e.RMSE(1), 1), of(e.MAE(2), 1), of(e.RMSE(2), 1),
		of(e.MAE(3), 1), of(e.RMSE(3), 1)}
}

// open is collective: the folder, the state to go on from, the head of the table. done
// says that there is nothing to do.
func (r *trainer) open(j *job) (done bool, err error) {
	if r.c.Rank() == 0 {
		r.folder, err = openTraining(r.cfg.Output.Dir, r.cfg.Output.Name, r.resume, r.force, r.inputs()...)
	}
	if err := agree(r.c, err); err != nil {
		return false, err
	}
	if r.resume {
		if err := r.restore(); err != nil {
			return false, err
		}
	}
	text, err := r.cfg.Encode()
	if err == nil && r.c.Rank() == 0 {
		err = writeFile(r.folder.path(configName), []byte(trainingHead+text))
	}
	if err := agree(r.c, err); err != nil {
		return false, err
	}
	n := 0
	for _, p := range r.net.Params() {
		n += len(p.Value)
	}
	atoms := func(list []*train.Structure) (n int) {
		for _, s := range list {
			n += len(s.Z)
		}
		return n
	}
	r.notes = trainNotes{
		Program: versionText(), Text: r.cfg.Output.Notes, Config: text, Parameters: n, CPU: kernel.CPU(), Cores: j.describe(),
		Structures: map[string]int{"train": len(r.train), "valid": len(r.valid), "test": len(r.training.test)},
		Atoms:      map[string]int{"train": atoms(r.train), "valid": atoms(r.valid), "test": atoms(r.training.test)},
		Reference:  r.cfg.Data.Reference,
	}
	if r.init != nil {
		r.notes.Init, r.notes.Reference = r.init.path, "those of init"
	}
	if r.c.Rank() == 0 {
		r.head(n)
	}
	return false, nil
}

// head is what is printed before the first epoch.
func (r *trainer) head(parameters int) {
	for _, msg := range r.warnings {
		r.a.log.Warn(msg)
	}
	w := r.a.stdout()
	fmt.Fprintf(w, "%d parameters; %d structures (%d atoms) to train, %d to validate, %d to test; %s\n",
		parameters, len(r.train), r.notes.Atoms["train"], len(r.valid), len(r.training.test), r.notes.Cores)
	if r.init == nil && r.cfg.Data.Reference == "fit" && !r.cfg.Model.Tensor() {
		fmt.Fprintln(w, "The elements' energies are fitted to these structures: energies of separated atoms, and so of dissociation, mean nothing.")
	}
}

// columns of epochs.csv.
var epochColumns = []string{"epoch", "rate", "loss", "energy_mae_meV_atom", "force_mae_eV_A", "stress_mae_eV_A3",
	"valid_loss", "valid_energy_mae_meV_atom", "valid_energy_rmse_meV_atom", "valid_force_mae_eV_A", "valid_force_rmse_eV_A", "valid_stress_mae_eV_A3",
	"target_mae", "valid_target_mae", "valid_target_rmse",
	"gradient_norm", "best", "seconds"}

// tell writes a line of the tables, on rank 0, and fails on every rank where it does there.
func (r *trainer) tell(e *train.Epoch, d time.Duration) error {
	var err error
	if r.c.Rank() == 0 {
		err = r.line(e, d)
	}
	return agree(r.c, err)
}

func (r *trainer) line(e *train.Epoch, d time.Duration) error {
	if r.table == nil {
		path := r.folder.path(epochsName)
		begun := exists(path)
		var err error
		if r.table, err = os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666); err != nil {
			return err
		}
		if !begun {
			if err := writeRow(r.table, epochColumns); err != nil {
				return err
			}
		}
	}
	num := func(x float64) string {
		if math.IsNaN(x) {
			return ""
		}
		return strconv.FormatFloat(x, 'g', 8, 64)
	}
	t, v := &e.Train, &e.Valid
	loss, best := num(v.Total()), ""
	if v.N == ([4]float64{}) {
		loss = ""
	}
	if e.Best {
		best = "1"
	}
	row := []string{strconv.Itoa(e.Number), num(e.Rate), num(t.Total()), num(1000 * t.MAE(0)), num(t.MAE(1)), num(t.MAE(2)),
		loss, num(1000 * v.MAE(0)), num(1000 * v.RMSE(0)), num(v.MAE(1)), num(v.RMSE(1)), num(v.MAE(2)),
		num(t.MAE(3)), num(v.MAE(3)), num(v.RMSE(3)), num(e.Norm), best,
		strconv.FormatFloat(d.Seconds(), 'f', 2, 64)}
	if err := writeRow(r.table, row); err != nil {
		return err
	}
	if r.cfg.Model.Tensor() {
		r.tensorLine(e, d)
		return nil
	}
	w := r.a.stdout()
	if r.lines == 0 {
		fmt.Fprintf(w, "%6s %9s %11s %22s %22s %8s\n", "", "", "", "train MAE", "validation MAE", "")
		fmt.Fprintf(w, "%6s %9s %11s %11s %10s %11s %10s %8s\n", "epoch", "rate", "loss", "meV/atom", "meV/Å", "meV/atom", "meV/Å", "s")
	}
	r.lines++
	mark := " "
	if e.Best {
		mark = "*"
	}
	fmt.Fprintf(w, "%6d %9.2e %11.4g %11s %10s %11s %10s %8.1f %s\n", e.Number, e.Rate, t.Total(),
		figure(t.MAE(0)), figure(t.MAE(1)), figure(v.MAE(0)), figure(v.MAE(1)), d.Seconds(), mark)
	return nil
}

// tensorLine prints an epoch of a network that gives a tensor; errors are in its unit.
func (r *trainer) tensorLine(e *train.Epoch, d time.Duration) {
	w := r.a.stdout()
	if r.lines == 0 {
		fmt.Fprintf(w, "%6s %9s %11s %13s %13s %8s   %s\n", "epoch", "rate", "loss", "train MAE", "valid MAE", "s", r.cfg.Model.Gives())
	}
	r.lines++
	mark := " "
	if e.Best {
		mark = "*"
	}
	fmt.Fprintf(w, "%6d %9.2e %11.4g %13.6g %13.6g %8.1f %s\n", e.Number, e.Rate, e.Train.Total(), e.Train.MAE(3), e.Valid.MAE(3), d.Seconds(), mark)
}

func writeRow(w io.Writer, row []string) error {
	c := csv.NewWriter(w)
	if err := c.Write(row); err != nil {
		return err
	}
	c.Flush()
	return c.Error()
}

// inputs are the files that the training reads.
func (t *training) inputs() []string {
	list := append([]string{t.config}, t.begins...)
	for _, files := range [][]string{t.cfg.Data.Train, t.cfg.Data.Valid, t.cfg.Data.Test} {
		for _, name := range files {
			list = append(list, beside(name, filepath.Dir(t.config)))
		}
	}
	return list
}

// writeModel writes the model of the best weights so far, on rank 0; the potential has
// the present ones again afterwards.
func (r *trainer) writeModel() error {
	r.fit.Best()
	r.notes.Epochs = r.fit.State.Epoch
	f, err := encodeModel(r.family, r.network, r.family.tensors(r.net.Params(), r.first), r.notes, false)
	if err != nil {
		return err
	}
	return model.Write(r.modelPath(), f)
}

func (r *trainer) close() {
	if r.table != nil {
		r.table.Close()
	}
	r.folder.close()
}

// finish is collective: the model, and the report on what it is worth.
func (r *trainer) finish() error {
	r.fit.Best()
	if r.family.single { // what the file holds
		for _, p := range r.net.Params() {
			for k, v := range p.Value {
				p.Value[k] = float64(float32(v))
			}
		}
		r.net.Update()
	}
	rep, err := r.report()
	if err != nil {
		return err
	}
	if r.c.Rank() == 0 {
		r.notes.Errors = rep.figures()
		err = r.writeModel()
		if err == nil {
			err = rep.write(r.folder, r.a.stdout(), r.cfg.Model.Tensor())
		}
		if err == nil {
			fmt.Fprintf(r.a.stdout(), "model: %s\n", r.modelPath())
		}
	}
	return agree(r.c, err)
}

// jsonText is x as JSON.
func jsonText(x any) []byte {
	b, err := json.MarshalIndent(x, "", "  ")
	if err != nil {
		panic("wigner: " + err.Error())
	}
	return append(b, '\n')
}
