package main

import (
	"errors"
	"os"
	"strings"

	"github.com/wigner-md/wigner/internal/input"
)

// trainingHead is how the effective config of a training begins.
const trainingHead = effectiveHead + "training.\n"

// trainingNames are what a training writes into its folder, but lock and log.
func trainingNames(model string) []string {
	names := []string{configName, epochsName, ridgeName, ridgePlot, stateName, model + modelExt, trainReportName}
	for _, part := range []string{"energy", "force", "target"} {
		names = append(names, "parity-"+part+".csv", "parity-"+part+".png", "epochs-"+part+".svg")
	}
	return names
}

// openTraining makes and locks the folder of a training. What a training wrote there is
// refused, gone on with or removed; what is of anything else is refused and stays.
func openTraining(dir, name string, resume, force bool, inputs ...string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, usage(err)
	}
	f := &folder{dir: dir}
	names := trainingNames(name)
	if err := f.spare(names, inputs, resume); err != nil {
		return nil, err
	}
	if err := f.acquire(); err != nil {
		return nil, err
	}
	old, err := f.strange(name, resume)
	if err == nil && old != "" {
		err = f.spare([]string{old}, inputs, resume) // of an earlier name: --force would remove it
	}
	if err == nil && !resume {
		err = f.clear(append(names, old), force)
	}
	if err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// strange refuses a folder in which a training would write over, or beside, what no training wrote,
// and gives the name of the earlier training's model file.
func (f *folder) strange(name string, resume bool) (old string, err error) {
	refused := func(n, why string) error {
		return usagef("%s %s: choose another folder by output.dir=…, or move that file", f.path(n), why)
	}
	text, err := os.ReadFile(f.path(configName))
	switch {
	case err == nil && !strings.HasPrefix(string(text), trainingHead):
		return "", refused(configName, "was not written by a training")
	case err == nil:
		if c, err := input.ReadTrainFile(f.path(configName), nil); err == nil {
			old = c.Output.Name + modelExt
		}
	case !errors.Is(err, os.ErrNotExist):
		return "", err
	}
	trained := err == nil
	for _, n := range []string{thermoName, tableName, restartName, relaxName, relaxedName} {
		if exists(f.path(n)) {
			return "", refused(n, "is of a run, not of a training")
		}
	}
	for _, n := range trainingNames(name) {
		mine := trained && (n != name+modelExt || n == old)
		if !mine && exists(f.path(n)) && !(resume && n == stateName) {
			return "", refused(n, "is there, and no effective config beside it says that a training wrote it")
		}
	}
	return old, nil
}

// clear removes files of an earlier training, if that is wanted.
func (f *folder) clear(names []string, force bool) error {
	for _, n := range names {
		if n == "" || !exists(f.path(n)) {
			continue
		}
		if !force {
			return usagef("%s holds a training already (%s): --resume goes on, --force starts it over, output.dir=… chooses another folder", f.dir, n)
		}
		if err := os.Remove(f.path(n)); err != nil {
			return err
		}
	}
	return nil
}
