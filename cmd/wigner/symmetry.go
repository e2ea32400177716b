package main

import (
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/wigner-md/wigner/comm/mpi"
	"github.com/wigner-md/wigner/internal/symmetry"
	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/potential/nequip"
)

func (a *app) symmetryCmd() *cobra.Command {
	var dir string
	var seed uint64
	var full, force, rewrite bool
	cmd := &cobra.Command{
		Use:   "symmetry",
		Short: "Shows what symmetry means for a model: trains several kinds, writes one page",
		Long: `symmetry trains models of several kinds on small molecules and a crystal that are on
board, looks at what each makes of structures that are moved, turned, mirrored and
renumbered, and writes report.html, one page that needs no other file, with all
figures and what they mean; every figure's numbers stand in csv/ too. It takes some
minutes on two cores.

Finished trainings are kept in the folder: a run that was stopped goes on when it is
started again. --rewrite-page looks at them again and writes the page anew, also with
another version of wigner; only what that would train otherwise is trained again. Status 1 says that a figure that follows from a model's structure, and
not from its training, does not hold.`,
		Example: `  wigner symmetry
  wigner symmetry -o runs/symmetry-2 --seed 2
  wigner symmetry -o runs/symmetry-full --full`,
		Args: cobra.NoArgs,
	}
	cmd.RunE = a.verb(func([]string) error { return a.symmetry(dir, seed, full, force, rewrite) })
	f := cmd.Flags()
	f.StringVarP(&dir, "output", "o", "runs/symmetry", "folder of the page")
	f.Uint64Var(&seed, "seed", 1, "of first weights and choices: it changes what is trained, and no symmetry")
	f.BoolVar(&full, "full", false, "long trainings and learning curves: hours")
	f.BoolVar(&force, "force", false, "start over in a folder that holds a page or trainings")
	f.BoolVar(&rewrite, "rewrite-page", false, "in a folder that holds a page or trainings: write the page anew from the trainings kept there")
	cmd.MarkFlagsMutuallyExclusive("force", "rewrite-page")
	return cmd
}

// show is what stops a symmetry run.
type showing struct{ halt atomic.Bool }

// RequestStop is part of stoppable.
func (s *showing) RequestStop() { s.halt.Store(true) }

// RequestSave is part of stoppable: each training is kept when it is done.
func (s *showing) RequestSave() {}

// showKey says, in the folder, what its trainings belong to.
const showKey = "options.txt"

func (a *app) symmetry(dir string, seed uint64, full, force, rewrite bool) error {
	if _, launched := mpi.Launched(); launched {
		return usagef("symmetry uses the cores of one process: start it without a launcher")
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return usage(err)
	}
	f := &folder{dir: dir}
	if err := f.acquire(); err != nil {
		return err
	}
	defer f.close()
	options := fmt.Sprintf("seed %d, full %t, ", seed, full)
	mine := options + fmt.Sprintf("wigner %s\n", version)
	was, err := os.ReadFile(f.path(showKey))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if symmetry.Holds(dir) && !strings.HasPrefix(string(was), "seed ") { // another's report.html, csv or work
		return usagef("%s holds files under the names that this writes, and not from a run of it: -o chooses another folder", dir)
	}
	switch {
	case force:
		if err := symmetry.Clean(dir); err != nil {
			return err
		}
	case rewrite && !symmetry.Holds(dir):
		return usagef("%s holds no page and no trainings: leave --rewrite-page out", dir)
	case symmetry.Finished(dir) && !rewrite:
		return usagef("%s holds a page already: --rewrite-page writes it anew from the trainings there, --force starts over, -o chooses another folder", dir)
	case rewrite && strings.HasPrefix(string(was), options): // the trainings of another version serve too
	case err == nil && string(was) != mine:
		return usagef("%s holds trainings with %s: with the same options --rewrite-page goes on from those of another version, --force starts over, -o chooses another folder", dir, strings.TrimSpace(string(was)))
	}
	if err := writeFile(f.path(showKey), []byte(mine)); err != nil {
		return err
	}
	var stops stopper
	stops.listen()
	defer stops.close()
	s := &showing{}
	stops.watch(s)
	o := symmetry.Options{Dir: dir, Seed: seed, Full: full, Program: version, Stop: s.halt.Load}
	if file, err := openModelFile("sevennet-0"); err == nil {
		m, err := nequip.Read(file.config, file.weights)
		if err != nil {
			return usage(err)
		}
		o.SevenNet = func() potential.Potential { return nequip.New64(m) }
	} else {
		a.log.Warn("sevennet-0 is not on this machine (`make models`): the page will be without its section")
	}
	var bar *progressbar.ProgressBar
	o.Progress = func(done, total float64) {
		if bar == nil {
			if bar = a.newBar(1000, 0); bar == nil {
				return
			}
			bar.Describe("training")
		}
		_ = bar.Set64(int64(math.Round(1000 * done / total)))
	}
	err = symmetry.Run(o)
	if bar != nil {
		_ = bar.Clear()
	}
	if symmetry.Stopped(err) {
		return &statusError{exitStopped, fmt.Errorf("stopped (%s): what is trained is kept in %s, the same command goes on", stops.reason(), dir)}
	}
	if err != nil {
		return err
	}
	a.log.Info(filepath.Join(dir, symmetry.ReportName))
	return nil
}
