package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/relax"
)

func (a *app) relaxCmd() *cobra.Command {
	return a.taskCmd(&cobra.Command{
		Use:   "relax CONFIG.toml [section.key=value …]",
		Short: "Bring atoms, and the cell, to rest",
		Long: `relax moves the atoms of a structure, and its cell where [relax] says so, to the
nearest minimum of the energy or enthalpy. The folder gets relaxed.extxyz and
relax.csv. Where the steps do not suffice, or a signal ends it, relaxed.extxyz has
the last state, to go on from, and the exit status is 1 or 75.
` + taskHelp("relax", "output"),
		Example: `  wigner relax configs/relax-silicon.toml
  wigner relax configs/relax-silicon.toml relax.method=fire relax.cell=fixed --ranks 2 --force`,
	}, (*task).relax)
}

const relaxColumns = "step,energy_eV,enthalpy_eV,max_force_eV_A,max_stress_GPa,volume_A3"

// relax is collective: the verb.
func (t *task) relax() error {
	p, err := t.atRest()
	if p == nil {
		return err
	}
	if e := t.structure(relaxedName, p); e != nil {
		return e
	}
	switch {
	case errors.Is(err, errStopped):
		msg := fmt.Sprintf("stopped after step %d (%s); %s has the state, to go on from", p.Step, t.stops.reason(), relaxedName)
		t.say("%s", msg)
		return &errQuiet{exitStopped, errors.New(msg)}
	case err != nil:
		return err
	case !p.Converged:
		return fmt.Errorf("not at rest after %d steps: a force of %.4g eV/Å and a stress of %.4g GPa are left; %s has the state, to go on from, relax.steps allows more",
			p.Step, p.MaxForce, p.MaxStress/gigapascal, relaxedName)
	}
	t.say("at rest after %d steps: %s", p.Step, t.cfg.Output.Dir)
	return nil
}

// atRest is collective: it relaxes as the config says, and prints and writes the
// table. It returns the last state, nil where there is none.
func (t *task) atRest() (*relax.Progress, error) {
	var table strings.Builder
	table.WriteString(relaxColumns + "\n")
	t.print("%8s %18s %18s %14s %14s %14s\n", "Step", "Energy/eV", "Enthalpy/eV", "Force/(eV/Å)", "Stress/GPa", "Volume/A3")
	o := t.options()
	var last *relax.Progress
	var good md.Snapshot
	see := o.See
	o.See = func(p *relax.Progress) error {
		last = p
		good.Keep(t.e, int64(p.Step))
		row := []float64{p.Energy, p.Enthalpy, p.MaxForce, p.MaxStress / gigapascal, p.Volume}
		fmt.Fprintf(&table, "%d", p.Step)
		for _, x := range row {
			fmt.Fprintf(&table, ",%v", x)
		}
		table.WriteByte('\n')
		if p.Step%10 == 0 || p.Converged || p.Step == o.Steps {
			t.print("%8d %18.8f %18.8f %14.6f %14.6f %14.4f\n", p.Step, row[0], row[1], row[2], row[3], row[4])
		}
		return see(p)
	}
	end, err := relax.Run(t.e, o)
	if e := agree(t.c, t.save(relaxName, table.String())); e != nil {
		return nil, e
	}
	if err != nil {
		var trouble *md.TroubleError
		if errors.As(err, &trouble) {
			if trouble.Kind != md.BrokenCell {
				err = fmt.Errorf("%w; the structure is too far from rest: try relax.method=fire, or a smaller relax.max_step_A", err)
			}
			if last != nil {
				if e := t.lastGood(&good); e != nil {
					return nil, e
				}
				err = fmt.Errorf("%w\nthe state of step %d is in %s", err, last.Step, lastName)
			}
			return nil, err
		}
		return last, err
	}
	return end, nil
}
