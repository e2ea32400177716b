package symmetry

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/wigner-md/wigner/potential"
	"github.com/wigner-md/wigner/train"
)

// Options say what is shown, and where it goes.
type Options struct {
	Dir     string // of report.html, csv/ and work/
	Seed    uint64
	Full    bool   // hours instead of minutes
	Program string // version, for the page
	// SevenNet makes evaluators of SevenNet-0 in double precision; nil where it is not
	// on this machine.
	SevenNet func() potential.Potential
	// Progress is told how much of the work of all trainings is done.
	Progress func(done, total float64)
	Stop     func() bool

	brief bool // of tests: trainings that end at once
}

// ReportName is the page in the folder.
const (
	ReportName = "report.html"
	csvDir     = "csv"
)

// show is the whole of it: trainings, then the sections that look at them.
type show struct {
	o        *Options
	tasks    []*task
	sections []func() (*section, error)
	sets     map[string][]*train.Structure
	studies  map[string]*study
}

// Run trains, looks, and writes the page. Where a figure that follows from a model's
// structure does not hold it returns an error, and the page is there all the same.
func Run(o Options) error {
	w := &show{o: &o, sets: map[string][]*train.Structure{}, studies: map[string]*study{}}
	for _, plan := range []func() error{
		w.planWater, w.planBenzene, w.planMethane, w.planAugmentation, w.planDipole, w.planChirality, w.planFeatures,
		w.planUniversal, w.planDegenerate, w.planBreaking, w.planSevenNet, w.planLearning, w.planRanks,
	} {
		if err := plan(); err != nil {
			return err
		}
	}
	if err := perform(&o, w.tasks); err != nil {
		return err
	}
	d := &document{Program: o.Program, Seed: o.Seed, Made: time.Now().Format(time.RFC1123), Mode: "the run of minutes"}
	if o.Full {
		d.Mode = "the full run"
	}
	for _, t := range w.tasks {
		r := &t.result
		d.Minutes += r.Seconds / 60
		if r.Program != o.Program {
			other := "an earlier version"
			if r.Program != "" {
				other = "wigner " + r.Program
			}
			if !slices.Contains(d.Others, other) {
				d.Others = append(d.Others, other)
			}
		}
		d.Trainings = append(d.Trainings, append(t.outline(), fmt.Sprintf("%.1f", r.Seconds)))
	}
	for _, f := range w.sections {
		s, err := f()
		if err == nil {
			err = s.failed
		}
		if err != nil {
			return err
		}
		d.Sections = append(d.Sections, s)
	}
	if err := w.write(d); err != nil {
		return err
	}
	if b := d.broken(); len(b) > 0 {
		return fmt.Errorf("symmetry: what follows from a model's structure does not hold: %v", b)
	}
	return nil
}

// write makes the page and its tables.
func (w *show) write(d *document) error {
	dir := filepath.Join(w.o.Dir, csvDir)
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for _, s := range d.Sections {
		for _, p := range s.Parts {
			if p.CSV == "" {
				continue
			}
			if err := replace(filepath.Join(dir, p.Name+".csv"), []byte(p.CSV)); err != nil {
				return err
			}
		}
	}
	log := [][]string{{"training", "structures", "parameters", "epochs", "seconds", "seed", "design", "program"}}
	for _, t := range w.tasks {
		r := &t.result
		log = append(log, append(t.outline(), fmt.Sprint(r.Seconds), fmt.Sprint(t.seed), r.Design, r.Program))
	}
	if err := replace(filepath.Join(dir, "trainings.csv"), []byte(csvText(log))); err != nil {
		return err
	}
	page, err := d.html()
	if err != nil {
		return err
	}
	bounds := [][]string{{"section", "figure", "found", "bound", "by", "holds"}}
	for _, c := range d.Claims {
		bounds = append(bounds, []string{c.Section, c.What, c.Found, c.Bound, c.Kind(), fmt.Sprint(c.Holds)})
	}
	if err := replace(filepath.Join(dir, "bounds.csv"), []byte(csvText(bounds))); err != nil {
		return err
	}
	return replace(filepath.Join(w.o.Dir, ReportName), page)
}

// Finished reports whether a folder holds a page.
func Finished(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, ReportName))
	return err == nil
}

// Holds reports whether a folder holds anything under a name that a run writes.
func Holds(dir string) bool {
	for _, name := range []string{ReportName, csvDir, workDir} {
		if _, err := os.Lstat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// Clean removes what a run leaves in a folder, and no other file.
func Clean(dir string) error {
	files := []string{filepath.Join(dir, ReportName)}
	for _, pattern := range []string{filepath.Join(csvDir, "*.csv"), filepath.Join(workDir, "*.json")} {
		found, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			return err
		}
		files = append(files, found...)
	}
	for _, name := range files {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, name := range []string{csvDir, workDir} {
		_ = os.Remove(filepath.Join(dir, name)) // stays where something else is in it
	}
	return nil
}

// set is a data set, read once.
func (w *show) set(name, key string) ([]*train.Structure, error) {
	if s, ok := w.sets[name+" "+key]; ok {
		return s, nil
	}
	s, err := structures(name, key)
	w.sets[name+" "+key] = s
	return s, err
}

// pick is the value of the run of minutes, or of the full one.
func pick[T any](w *show, quick, full T) T {
	if w.o.Full {
		return full
	}
	return quick
}

// study is a model of a kind that is trained on a set.
type study struct {
	kind  kind
	task  *task
	set   []*train.Structure
	n     int
	split uint64 // seed of the order

	list, rest []*train.Structure // trained on, and not
	model      *model
	mk         maker
}

// study plans a training on the first n of a set's structures, in an order of the seed.
// Studies of one split are dealt the same structures in the same order.
func (w *show) study(key, split string, k kind, set []*train.Structure, n int, s schooling) *study {
	if st, ok := w.studies[key]; ok {
		return st
	}
	n = min(n, len(set))
	if w.o.brief {
		n, s.epochs = min(n, 12), 1
	}
	st := &study{kind: k, set: set, n: n, split: hash(split, w.o.Seed)}
	st.task = &task{key: key, cost: cost(k, set[0], n, s.epochs)}
	st.task.design = fmt.Sprintf("recipe %d; %s: %s; %d of %d structures %016x, dealt by %q; %d epochs in batches of %d",
		recipe, k.name, k.design, n, len(set), digest(set), split, s.epochs, s.batch)
	if s.slower > 0 {
		st.task.design += fmt.Sprintf(", at a learning rate divided by %g", s.slower)
	}
	st.task.work = func(t *task) error {
		st.deal()
		m, err := k.open(st.list, t.seed)
		if err != nil {
			return err
		}
		if k.least {
			return t.solve(m, st.list)
		}
		s.list = st.list
		return t.teach(m, s)
	}
	w.tasks, w.studies[key] = append(w.tasks, st.task), st
	return st
}

// digest is a data set in a number.
func digest(set []*train.Structure) uint64 {
	h := fnv.New64a()
	var b []byte
	for _, s := range set {
		b = fmt.Appendf(b[:0], "%s %v %v", s.Type, s.Z, s.Periodic)
		for _, x := range [][]float64{{s.Energy}, s.Target} {
			for _, v := range x {
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
			}
		}
		for _, x := range [][]vec{s.Cell[:], s.X, s.Forces} {
			for _, v := range x {
				for _, c := range v {
					b = binary.LittleEndian.AppendUint64(b, math.Float64bits(c))
				}
			}
		}
		h.Write(b)
	}
	return h.Sum64()
}

func (st *study) deal() {
	all := shuffled(st.set, random(st.split, 1))
	st.list, st.rest = all[:st.n], all[st.n:]
}

// recall makes the evaluators of a study whose task has been done.
func (st *study) recall() (maker, error) {
	if st.mk != nil {
		return st.mk, nil
	}
	st.deal()
	var err error
	if st.model, err = st.kind.open(st.list, st.task.seed); err != nil {
		return nil, err
	}
	st.mk, err = st.task.recall(st.model)
	return st.mk, err
}

// cost is about how long a training takes, in any unit.
func cost(k kind, s *train.Structure, n, epochs int) float64 {
	neighbours := float64(len(s.X) - 1)
	if s.Periodic != ([3]bool{}) {
		neighbours = 30
	}
	return k.weight * float64(len(s.X)) * (neighbours + 3) * float64(n*epochs)
}
