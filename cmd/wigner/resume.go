package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/md"
)

// resume is collective: it takes over the last restart, where there is one.
// offsets are the lengths of the files then.
func (r *runner) resume() (offsets map[string]string, err error) {
	re, err := md.ReadRestart(r.c, r.restartDir())
	if errors.Is(err, md.ErrNoRestart) {
		why := strings.TrimPrefix(err.Error(), "md: ")
		err = nil
		if r.folder != nil {
			if err = r.folder.lost(why); err == nil {
				err = r.folder.empty(r.cfg.Output.Dump)
			}
		}
		if err := agree(r.c, err); err != nil {
			return nil, err
		}
		r.say("%s: the run starts from step 0", why)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if re.Notice != "" && r.c.Rank() == 0 {
		r.warn(fmt.Sprintf("a newer restart is damaged and passed over: %s; the run goes on from the one before, of step %d (what is damaged is kept as NNNNNN.damaged until two new restarts are whole)", re.Notice, re.Step))
	}
	if len(re.Unfinished) > 0 {
		r.say("passed over, as it has no manifest (it was not finished, or the file is lost): %s", strings.Join(re.Unfinished, ", "))
	}
	if err := agree(r.c, r.startedFrom(re.Extra)); err != nil {
		return nil, err
	}
	if err := md.CheckElements(r.c, re.Atoms, r.sim.Potential, element.Symbol); err != nil {
		return nil, usage(err)
	}
	if r.cfg.Parallel.Skin == input.AutoSkin {
		r.sim.Skin = re.Skin() // as it was chosen then
	}
	if !re.Fits(r.sim.Integrator) {
		re.Forget()
		r.say("the restart has the state of another bath or barostat: this one begins anew")
	}
	r.saved = re.Observers
	regrid := r.regrid(re)
	exact, err := r.sim.Resume(re)
	if err != nil {
		return nil, err
	}
	if r.c.Rank() == 0 {
		r.sayResumed(re.Extra, exact, regrid)
	}
	return re.Extra, nil
}

// lost refuses to begin anew, for want of a restart, over what cannot be had again by it: a
// run that had written one, or the results of another verb. What was ended before its first
// restart begins anew.
func (f *folder) lost(why string) error {
	for _, name := range taskNames {
		if exists(f.path(name)) {
			return usagef("%s holds no run to resume but %s: choose another folder by output.dir=…, or begin anew by --force", f.dir, name)
		}
	}
	had := ""
	var s statusReport
	if found(f.dir, statusName, &s) {
		if s.Restart != nil {
			had = fmt.Sprintf("a restart of step %d was written by the run in %s", s.Restart.Step, f.dir)
		}
	} else if moved(f.path(thermoName)) {
		had = fmt.Sprintf("%s has steps beyond 0", f.path(thermoName))
	}
	if had == "" {
		return nil
	}
	return usagef("%s, but now: %s. Nothing was changed: restore %s, or begin anew by --force", had, why, f.path(restartName))
}

// moved is whether a table has more than its head and the row of step 0.
func moved(name string) bool {
	r, err := os.Open(name)
	if err != nil {
		return false
	}
	defer r.Close()
	begin, _ := io.ReadAll(io.LimitReader(r, 1<<16))
	return bytes.Count(begin, []byte("\n")) > 2
}

// startedFrom refuses, on rank 0, another structure or other groups than those of the
// restart, and warns where the file was changed.
func (r *runner) startedFrom(notes map[string]string) error {
	if r.c.Rank() != 0 {
		return nil
	}
	file, err := r.set.startedFrom(notes)
	if file {
		r.warn(fmt.Sprintf("structure.file: %s is not what it was when the run began; the run goes on with the atoms of the restart", r.form.file))
	}
	return err
}

// regrid cuts the bricks of a restart by the config's grid where that is
// another, and says whether it did.
func (r *runner) regrid(re *md.Restart) bool {
	grid := gridOf(r.cfg.Parallel.Grid)
	if grid == ([3]int{}) || grid == re.Partition.Grid() {
		return false
	}
	lo, hi := re.Partition.Bounds()
	re.Partition, re.Exact = domain.NewGrid(re.Cell, grid, lo, hi), false
	return true
}

// sayResumed says, on rank 0, how the run goes on: what differs from the run
// that wrote the restart, and what that means.
func (r *runner) sayResumed(notes map[string]string, exact, regrid bool) {
	which, physics := r.set.differ(notes)
	how := "to the last bit"
	switch {
	case physics:
		how = "with other physics; what differs: " + strings.Join(which, ", ")
	case !exact || len(which) > 0:
		if regrid {
			which = append(which, "parallel.grid")
		} else if !exact && len(which) == 0 {
			which = append(which, "number of bricks")
		}
		how = "within rounding; what differs: " + strings.Join(which, ", ")
	}
	if msg := fmt.Sprintf("resumed from step %d, %s", r.sim.Step, how); physics {
		r.warn(msg)
	} else {
		r.note(msg)
	}
	if n := r.o.ranks * r.j.Processes; n > 0 && n != r.j.ranks() && r.cfg.Parallel.Bricks == 0 {
		r.warn(fmt.Sprintf("--ranks asks for %d ranks; %d run, as the restart has %d bricks: parallel.bricks=%d cuts them anew, within rounding",
			n, r.j.ranks(), r.j.ranks(), n))
	}
}
