package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/internal/input"
)

// Names in a run folder, beside the trajectories.
const (
	configName  = "config.toml" // the effective config
	thermoName  = "thermo.csv"
	tableName   = "log.lammps" // the same for readers of LAMMPS's log
	logName     = "log.jsonl"
	lockName    = "run.lock"
	restartName = "restart"          // a folder
	lastName    = "last-good.extxyz" // the frame before trouble
	relaxName   = "relax.csv"
	relaxedName = "relaxed.extxyz"
	statusName  = "status.json" // replaced as a whole, now and then
	ranksName   = "ranks.csv"   // what each rank did
)

// taskNames are the files of relaxations and properties.
var taskNames = []string{relaxName, relaxedName, "elastic.csv", "elastic-points.csv", "elastic.json", "elastic.svg", "eos.csv", "eos.json", "eos.svg",
	dispName, setsName, constantsName, bandsName, dosName, thermalName, phononName, bandsPlot, dosPlot}

// folder is a run folder that this process has locked. One process of a job
// has it; the others only know its name.
type folder struct {
	dir  string
	lock *os.File
	log  *os.File
}

func (f *folder) path(name string) string { return filepath.Join(f.dir, name) }

// holdsRun reports whether a folder has anything of an earlier run.
func holdsRun(dir string) bool {
	for _, name := range []string{configName, thermoName, restartName} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// openFolder makes and locks a run folder. One that holds a run already is
// refused, unless it is to be continued or emptied (goOn says how it may be continued), and so is one where the run
// would write over one of the files that it reads.
func openFolder(dir, goOn string, resume, force bool, dumps []input.Dump, inputs ...string) (*folder, error) {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return nil, usage(err)
	}
	f := &folder{dir: dir}
	if err := f.spare(f.written(dumps), inputs, resume); err != nil {
		return nil, err
	}
	if err := f.acquire(); err != nil {
		return nil, err
	}
	if holdsRun(dir) && !resume {
		if !force {
			f.close()
			return nil, usagef("%s holds a run already: %s--force starts it over, output.dir=… chooses another folder", dir, goOn)
		}
		if err := f.empty(dumps); err != nil {
			f.close()
			return nil, err
		}
	}
	var err error
	mode := os.O_CREATE | os.O_APPEND | os.O_WRONLY
	if !resume {
		mode |= os.O_TRUNC
	}
	f.log, err = os.OpenFile(f.path(logName), mode, 0o666)
	if err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

// shared is collective: an error where a process does not see the run folder as rank 0 does.
// Each writes its part of a restart there, which would fail as late as the first restart.
func (r *runner) shared() error {
	if r.j.Processes == 1 {
		return nil
	}
	var probe *os.File
	name, err := "", error(nil)
	if r.folder != nil {
		if probe, err = os.CreateTemp(r.folder.dir, ".shared.*"); err == nil {
			name = filepath.Base(probe.Name())
			err = probe.Close()
			defer os.Remove(probe.Name())
		}
	}
	if err := agree(r.c, err); err != nil {
		return err
	}
	if name, err = comm.Share(r.c, 0, name); err != nil {
		return err
	}
	if r.c.Rank() == r.j.firstOf(r.j.Process) {
		if _, e := os.Stat(filepath.Join(r.cfg.Output.Dir, name)); e != nil {
			host, _ := os.Hostname()
			err = usagef("process %d on %s does not see what process 0 has written to %s (%w): output.dir must lie on a file system that all nodes share", r.j.Process, host, r.cfg.Output.Dir, e)
		}
	}
	return agree(r.c, err) // before rank 0 removes it
}

// acquire takes the lock. The kernel gives it back when the process ends, in
// whatever way.
func (f *folder) acquire() error {
	lock, err := os.OpenFile(f.path(lockName), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return usage(err)
	}
	err = unix.Flock(int(lock.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		who, _ := io.ReadAll(io.LimitReader(lock, 256))
		lock.Close()
		return usagef("%s is in use by a running job (%s)", f.dir, strings.TrimSpace(string(who)))
	}
	// A file system without locks is no reason not to run.
	f.lock = lock
	host, _ := os.Hostname()
	if err := lock.Truncate(0); err == nil {
		fmt.Fprintf(lock, "process %d on %s since %s\n", os.Getpid(), host, time.Now().Format(time.RFC3339))
	}
	return nil
}

// written are the names that runs write, but log and lock.
func (f *folder) written(dumps []input.Dump) []string {
	names := []string{configName, thermoName, tableName, lastName, restartName, statusName, ranksName}
	names = append(append(names, taskNames...), observedNames...)
	if old, err := input.ReadFile(f.path(configName), nil); err == nil {
		dumps = append(append([]input.Dump(nil), dumps...), old.Output.Dump...)
	}
	for _, d := range dumps {
		names = append(names, d.File)
	}
	return names
}

// spare refuses a folder in which files of these names, log or lock would be written over
// one of the inputs. A run may go on with the effective config that it has written itself.
func (f *folder) spare(names, inputs []string, resume bool) error {
	for _, name := range append(slices.Clone(names), logName, lockName) {
		mine := f.path(name)
		if !exists(mine) || resume && name == configName && f.effective() {
			continue
		}
		if k := slices.IndexFunc(inputs, func(in string) bool { return sameTarget(in, mine) }); k >= 0 {
			return usagef("the run would write over %s, which it reads: choose another folder by output.dir=…, or move that file", inputs[k])
		}
	}
	return nil
}

// effectiveHead is how a config begins that a run or a training has written.
const effectiveHead = "# The effective configuration of this "

// effective reports whether the config in the folder is a run's own.
func (f *folder) effective() bool {
	text, err := os.ReadFile(f.path(configName))
	return err == nil && strings.HasPrefix(string(text), effectiveHead)
}

// empty removes what runs write, but the log, and nothing else.
func (f *folder) empty(dumps []input.Dump) error {
	for _, n := range f.written(dumps) {
		if err := os.RemoveAll(f.path(n)); err != nil {
			return err
		}
	}
	return nil
}

// close gives the folder back.
func (f *folder) close() {
	if f == nil {
		return
	}
	if f.log != nil {
		f.log.Close()
	}
	if f.lock != nil {
		f.lock.Close()
	}
}

// writeFile writes a file under a temporary name and renames it into place.
func writeFile(path string, text []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	if _, err = tmp.Write(text); err != nil {
		return err
	}
	if err = tmp.Chmod(0o644); err != nil {
		return err
	}
	if err = tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// found reads a file of JSON of a folder where there is one.
func found(dir, name string, x any) bool {
	text, err := os.ReadFile(filepath.Join(dir, name))
	return err == nil && json.Unmarshal(text, x) == nil
}

// size is that of a regular file of the folder; 0 for others, and where there is none.
func (f *folder) size(name string) int64 {
	info, err := os.Stat(f.path(name))
	if err != nil || !info.Mode().IsRegular() {
		return 0
	}
	return info.Size()
}

// dumped is whether the run before wrote this trajectory. Frames of one that its restart does not
// know are then of steps behind the restart.
func (f *folder) dumped(name string) bool {
	old, err := input.ReadFile(f.path(configName), nil)
	return err == nil && slices.ContainsFunc(old.Output.Dump, func(d input.Dump) bool { return d.File == name })
}

// reaches is an error where a file is shorter than a restart counts on.
func (f *folder) reaches(name string, offset int64) error {
	info, err := os.Stat(f.path(name))
	switch {
	case errors.Is(err, fs.ErrNotExist) && offset > 0:
		return usagef("%s is not there, of which the restart counts on %d bytes: put it back", f.path(name), offset)
	case err == nil && info.Mode().IsRegular() && info.Size() < offset:
		return usagef("%s has %d bytes where the restart counts on %d: put it back as it was", f.path(name), info.Size(), offset)
	}
	return nil
}

// openAt opens a file of the folder to go on at an offset: what stands behind
// it is cut off.
func (f *folder) openAt(name string, offset int64) (*os.File, error) {
	w, err := os.OpenFile(f.path(name), os.O_CREATE|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	info, err := w.Stat()
	if err == nil && info.Mode().IsRegular() {
		err = w.Truncate(offset)
	}
	if err == nil && offset > 0 {
		_, err = w.Seek(offset, io.SeekStart)
	}
	if err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}
