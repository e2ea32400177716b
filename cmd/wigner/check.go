package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/wigner-md/wigner/comm/mpi"
	"github.com/wigner-md/wigner/internal/input"
)

// checkOptions are check's flags.
type checkOptions struct {
	in, model string
	frame     int
	read      reading
	units     variant // of files that do not say them
	json      bool
	head      string
	modal     string
}

func (a *app) checkCmd() *cobra.Command {
	var o checkOptions
	cmd := &cobra.Command{
		Use:   "check [CONFIG.toml | -m MODEL IN.extxyz]",
		Short: "Self-check on your own system: symmetries, derivatives, ranks, precision",
		Long: `check evaluates a structure again and again: shifted, turned, with its atoms in
another order, strained, repeated, with atoms moved through the cutoff, on several
ranks, in both precisions. It prints what differs, the bound, and whether it holds. Everything but the last
line is in double precision, which is slow: some dozen atoms are enough.

A potential without parity (SO(3)) may give mirror images different energies:
for such the mirror line is a report, not a check.`,
		Example: `  wigner check -m sevennet-0 in.extxyz --json
  wigner check small.toml`,
		Args: cobra.ExactArgs(1),
		RunE: a.verb(func(args []string) error {
			o.in = args[0]
			return a.check(&o)
		}),
	}
	f := cmd.Flags()
	f.StringVarP(&o.model, "model", "m", "", "model: a path or a name; the argument is then a structure")
	f.StringVar(&o.head, "head", "", "with -m: head of a model that has several")
	f.StringVar(&o.modal, "modal", "", "with -m: modality of a multi-fidelity model")
	f.IntVar(&o.frame, "frame", 0, "frame of IN.extxyz, from 0; -1 is the last")
	o.read.flags(cmd, "IN")
	f.BoolVar(&o.json, "json", false, "print one JSON object")
	f.Var((*unitsFlag)(&o.units), "units", "of n2p2's files: bohr-hartree or angstrom-ev (default bohr-hartree)")
	return cmd
}

// verdict is one line of the check.
type verdict struct {
	Check  string  `json:"check"`
	Figure number  `json:"figure"`
	Bound  float64 `json:"bound"`
	Unit   string  `json:"unit"`
	Status string  `json:"status"` // pass, fail, or note where nothing is asked of the figure
	Note   string  `json:"note,omitempty"`
}

// number is a float64 that JSON has as null where it is NaN or infinite.
type number float64

// MarshalJSON is part of json.Marshaler.
func (x number) MarshalJSON() ([]byte, error) {
	if f := float64(x); !math.IsNaN(f) && !math.IsInf(f, 0) {
		return json.Marshal(f)
	}
	return []byte("null"), nil
}

func (a *app) check(o *checkOptions) error {
	if _, launched := mpi.Launched(); launched {
		return usagef("check makes its own ranks in one process: start it without a launcher")
	}
	exact, single, s, err := o.open()
	if err != nil {
		return err
	}
	c := checker{src: exact, single: single, sys: s}
	if err := c.all(); err != nil {
		return err
	}
	return a.verdicts(exact.Name, len(s.X), c.out, o.json)
}

// verdicts prints all, and is an error where one failed.
func (a *app) verdicts(model string, atoms int, all []verdict, asJSON bool) (err error) {
	failed := 0
	for _, v := range all {
		if v.Status == "fail" {
			failed++
		}
	}
	if asJSON {
		enc := json.NewEncoder(a.out)
		enc.SetIndent("", "  ")
		err = enc.Encode(struct {
			Model  string    `json:"model"`
			Atoms  int       `json:"atoms"`
			Passed bool      `json:"passed"`
			Checks []verdict `json:"checks"`
		}{model, atoms, failed == 0, all})
	} else {
		printVerdicts(a.stdout(), model, atoms, all)
	}
	if err == nil && failed > 0 {
		err = fmt.Errorf("%d of %d checks failed", failed, len(all))
	}
	return err
}

// open reads what is to be checked: the potential in double and, where it has
// it, in single precision, and the structure.
func (o *checkOptions) open() (exact, single *source, s *system, err error) {
	if o.model == "" {
		return o.openConfig()
	}
	if exact, err = openModel(o.model, variant{precision: "float64", head: o.head, length: o.units.length, energy: o.units.energy, modal: o.modal}); err != nil {
		return nil, nil, nil, err
	}
	f := form{file: o.in, format: o.read.format, species: o.read.species, frame: o.frame}
	s, err = f.read(exact.Supports)
	if exact.network() {
		single = exact.with(variant{precision: "float32"})
	}
	return exact, single, s, err
}

func (o *checkOptions) openConfig() (exact, single *source, s *system, err error) {
	if formatOf(o.in) != "" && filepath.Ext(o.in) != ".toml" {
		return nil, nil, nil, usagef("%s is a structure: give a model with -m", o.in)
	}
	cfg, err := input.ReadFile(o.in, nil)
	if err != nil {
		return nil, nil, nil, usage(err)
	}
	v := variant{precision: "float32", radial: cfg.Potential.Radial, memory: cfg.Potential.Memory}
	cfg.Potential.Precision, cfg.Potential.Radial = "float64", ""
	for i := range cfg.Potential.Add {
		cfg.Potential.Add[i].Precision, cfg.Potential.Add[i].Radial = "float64", ""
	}
	if exact, err = openPotential(cfg.Potential, filepath.Dir(o.in)); err != nil {
		return nil, nil, nil, err
	}
	if exact.network() {
		single = exact.with(v)
	}
	f, err := newForm(cfg.Structure, filepath.Dir(o.in))
	if err != nil {
		return nil, nil, nil, err
	}
	s, err = f.system(exact.Supports)
	return exact, single, s, err
}

func printVerdicts(w io.Writer, model string, atoms int, all []verdict) {
	fmt.Fprintf(w, "%s, %d atoms\n\n%-34s %11s %11s  %-6s\n", model, atoms, "check", "figure", "bound", "")
	for _, v := range all {
		bound := ""
		if v.Status != "note" {
			bound = fmt.Sprintf("%.1e", v.Bound)
		}
		status := map[string]string{"pass": colour(w, "32", "pass"), "fail": colour(w, "31", "FAIL"), "note": "note"}[v.Status]
		fmt.Fprintf(w, "%-34s %11.2e %11s  %s  %s", v.Check, v.Figure, bound, status, v.Unit)
		if v.Note != "" {
			fmt.Fprintf(w, " (%s)", v.Note)
		}
		fmt.Fprintln(w)
	}
}
