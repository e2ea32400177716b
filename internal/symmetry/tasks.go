package symmetry

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"
)

// errStopped is what Run returns when it was told to stop: finished trainings are kept.
var errStopped = errors.New("stopped")

// Stopped reports whether a run was told to stop; another run in its folder goes on.
func Stopped(err error) bool { return errors.Is(err, errStopped) }

// task is one training.
type task struct {
	key  string
	cost float64 // expected, in any unit that all share
	// design is what is trained, on what and how long: a kept result of another is not taken.
	design string
	work   func(t *task) error

	seed   uint64
	tick   func(part float64) // how much of it is done, 0 … 1
	stop   func() bool
	result result
}

// result is what a training leaves, and what is kept in the folder.
type result struct {
	Design     string      `json:"design"`
	Program    string      `json:"program,omitempty"` // version that trained
	Values     [][]float64 `json:"values,omitempty"`  // parameters, as the potential orders them
	Structures int         `json:"structures"`
	Parameters int         `json:"parameters"`
	Epochs     int         `json:"epochs"`
	Seconds    float64     `json:"seconds"`
}

// outline is a training in a table: its name, structures, parameters and epochs.
func (t *task) outline() []string {
	r := &t.result
	return []string{t.key, fmt.Sprint(r.Structures), fmt.Sprint(r.Parameters), fmt.Sprint(r.Epochs)}
}

// keep is the file of a task.
func keep(dir, key string) string { return filepath.Join(dir, workDir, key+".json") }

// workDir holds what is trained, in the folder of a run.
const workDir = "work"

// recipe is raised when trainings change in a way that no design tells.
const recipe = 1

// perform runs the tasks that the folder has no result of their design of, as many at once as there are
// cores.
func perform(o *Options, tasks []*task) error {
	if err := os.MkdirAll(filepath.Join(o.Dir, workDir), 0o777); err != nil {
		return err
	}
	var left []*task
	total, done := 0.0, 0.0
	for _, t := range tasks {
		t.seed = hash(t.key, o.Seed)
		total += t.cost
		if text, err := os.ReadFile(keep(o.Dir, t.key)); err == nil && json.Unmarshal(text, &t.result) == nil && t.result.Design == t.design {
			done += t.cost
			continue
		}
		t.result = result{Design: t.design, Program: o.Program}
		left = append(left, t)
	}
	// The longest first: the cores then end together.
	slices.SortStableFunc(left, func(a, b *task) int { return int(b.cost*1e3) - int(a.cost*1e3) })
	var mu sync.Mutex
	var errs []error
	next := 0
	take := func() *task {
		mu.Lock()
		defer mu.Unlock()
		if next == len(left) || len(errs) > 0 {
			return nil
		}
		next++
		return left[next-1]
	}
	one := func(t *task) error {
		was := 0.0
		t.stop = o.Stop
		t.tick = func(part float64) {
			mu.Lock()
			defer mu.Unlock()
			done += (part - was) * t.cost
			was = part
			if o.Progress != nil {
				o.Progress(done, total)
			}
		}
		start := time.Now()
		if err := t.work(t); err != nil {
			return fmt.Errorf("%s: %w", t.key, err)
		}
		t.result.Seconds = time.Since(start).Seconds()
		text, err := json.Marshal(&t.result)
		if err != nil {
			return fmt.Errorf("%s: %w", t.key, err)
		}
		t.tick(1)
		return replace(keep(o.Dir, t.key), text)
	}
	var all sync.WaitGroup
	for range max(1, min(runtime.GOMAXPROCS(0), len(left))) {
		all.Go(func() {
			for t := take(); t != nil; t = take() {
				if err := one(t); err != nil {
					mu.Lock()
					errs = append(errs, err)
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	return errors.Join(errs...)
}

// hash makes a seed of a name and a seed.
func hash(name string, seed uint64) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s %d", name, seed)
	return h.Sum64()
}

// replace writes a file under another name first.
func replace(path string, text []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	if _, err = tmp.Write(text); err == nil {
		err = tmp.Chmod(0o644)
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
