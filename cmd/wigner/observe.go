package main

import (
	"math"
	"strconv"
	"strings"

	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/md"
	"github.com/wigner-md/wigner/observe"
)

// observedNames are the tables of the observers.
var observedNames = []string{"averages.csv", "rdf.csv", "coordination.csv", "msd.csv", "diffusion.csv", "vacf.csv", "vdos.csv", "stress-acf.csv"}

// observing is the observer that writes what the measures have so far.
type observing struct {
	r    *runner
	n    int
	list []observe.Observer
}

// Every is part of md.Observer.
func (o *observing) Every() int { return o.n }

// Observe is part of md.Observer.
func (o *observing) Observe(s *md.Sim) error {
	defer o.r.alive.hold()()
	for _, m := range o.list {
		tables, err := m.Tables(s)
		if err != nil {
			return err
		}
		for i := range tables {
			if t := &tables[i]; err == nil && o.r.folder != nil && len(t.Rows) > 0 {
				err = writeFile(o.r.folder.path(t.Name+".csv"), tableText(t))
			}
		}
		if err := agree(o.r.c, err); err != nil {
			return err
		}
	}
	return nil
}

// tableText is a table as comma-separated values.
func tableText(t *observe.Table) []byte {
	heads := t.Heads
	if t.Label != "" {
		heads = append([]string{t.Label}, heads...)
	}
	b := []byte(strings.Join(heads, ",") + "\n")
	for i, row := range t.Rows {
		if t.Label != "" {
			b = append(append(b, t.Labels[i]...), ',')
		}
		for k, x := range row {
			if k > 0 {
				b = append(b, ',')
			}
			b = strconv.AppendFloat(b, x, 'g', -1, 64)
		}
		b = append(b, '\n')
	}
	return b
}

// observers is collective: it makes the measures that the config asks for, as the
// restart left them. The averages of the thermo table are always among them.
func (r *runner) observers() error {
	cfg := &r.cfg.Observe
	every := int(cfg.Every)
	perStep := r.cfg.Dynamics.Timestep / 1000 // ps
	steps := func(ps float64) int64 { return int64(math.Round(ps / perStep)) }
	at := func(every int64) observe.Schedule { return observe.Schedule{N: int(every), From: steps(cfg.From)} }
	if cfg.Any() && !r.sim.Cell.Given() && (cfg.RDF != nil || cfg.Stress != nil) {
		return usagef("observe: rdf and stress need a cell of three lattice vectors")
	}
	moves := r.cfg.Moves()
	names := strings.Split(thermoColumns, ",")[2:]
	if moves {
		names = append(names, strings.Split(cellColumns, ",")[1:]...)
	}
	list := []observe.Observer{&observe.Averages{
		Schedule: at(r.cfg.Output.ThermoEvery), Names: names,
		Values: func(s *md.Sim, dst []float64) ([]float64, error) {
			x, err := s.Thermo()
			dst = thermoValues(dst, &x)
			if moves {
				for _, v := range s.Cell.AsGiven() {
					dst = append(dst, v[:]...)
				}
			}
			return dst, err
		},
	}}
	if o := cfg.RDF; o != nil {
		list = append(list, &observe.RDF{Schedule: at(o.Every), Cutoff: o.Cutoff, Bins: o.Bins})
	}
	if o := cfg.Coordination; o != nil {
		if err := r.knownPairs(o); err != nil {
			return err
		}
		list = append(list, &observe.Coordination{Schedule: at(o.Every), Cutoff: func(a, b int) float64 {
			return o.CutoffOf(element.Symbol(a), element.Symbol(b))
		}})
	}
	if o := cfg.MSD; o != nil {
		list = append(list, &observe.MSD{Schedule: at(o.Every), Window: steps(o.Window), Origins: o.Origins, KeepDrift: o.KeepDrift})
	}
	if o := cfg.VACF; o != nil {
		list = append(list, &observe.VACF{Schedule: at(o.Every), Window: steps(o.Window), Origins: o.Origins, KeepDrift: o.KeepDrift})
	}
	if o := cfg.Stress; o != nil {
		list = append(list, &observe.Stress{Schedule: at(o.Every), Window: steps(o.Window)})
	}
	anew, err := observe.Attach(r.sim, list, r.saved)
	for _, name := range anew {
		r.say("observe.%s: the restart has it with other settings; it begins anew", name)
	}
	r.tables = &observing{r, every, list}
	r.sim.Observers = append(r.sim.Observers, r.tables)
	return err
}

// knownPairs refuses pairs of no elements, and elements that no distance is given for.
func (r *runner) knownPairs(o *input.Coordination) error {
	for _, p := range o.Pair {
		for _, s := range p.Elements {
			if _, ok := element.Number(s); !ok {
				return usagef("observe.coordination.pair: %q is not the symbol of an element", s)
			}
		}
	}
	sys, err := observe.NewSystem(r.c, r.sim.Atoms, r.sim.Mass)
	if err != nil {
		return err
	}
	for i, a := range sys.Z {
		for _, b := range sys.Z[i:] {
			x, y := element.Symbol(int(a)), element.Symbol(int(b))
			if o.CutoffOf(x, y) == 0 {
				return usagef("observe.coordination: no distance is given for %s and %s: give cutoff_A, or a pair", x, y)
			}
		}
	}
	return nil
}
