package main

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/element"
	"github.com/wigner-md/wigner/internal/input"
	"github.com/wigner-md/wigner/internal/kernel"
	"github.com/wigner-md/wigner/io/extxyz"
	"github.com/wigner-md/wigner/io/lammps"
	"github.com/wigner-md/wigner/md"
)

// outputs makes the observers, opens their files on rank 0 behind what is to
// be kept of them, and writes the effective config. It is not collective.
func (r *runner) outputs(offsets map[string]string) error {
	cfg := r.cfg
	r.thermo = &thermo{every: int(cfg.Output.ThermoEvery), sim: r.sim, last: cfg.Dynamics.Length(), console: r.console(), moves: cfg.Moves()}
	r.near = &nearWatch{every: r.thermo.every, warn: r.warn}
	r.advice = &adviser{every: r.thermo.every * max(1, 200/max(1, r.thermo.every)), r: r, told: map[string]bool{}}
	r.sim.Observers = append(r.sim.Observers, r.thermo, r.near, r.advice)
	for _, w := range r.dumps {
		r.sim.Observers = append(r.sim.Observers, w)
	}
	r.saver = &md.Checkpoint{Dir: r.restartDir(), N: int(cfg.Restart.Every), Extra: r.offsets}
	r.sim.Saver = &saving{r}
	if r.folder == nil {
		return nil
	}
	if err := r.openFiles(offsets); err != nil {
		return err
	}
	text, err := cfg.Encode()
	if err != nil {
		return err
	}
	head := fmt.Sprintf("%srun, as %s read it.\n", effectiveHead, versionText())
	if err := writeFile(r.folder.path(configName), []byte(head+text)); err != nil {
		return err
	}
	r.note(fmt.Sprintf("%s on %s", r.src.Name, r.j.describe()),
		zap.String("version", versionText()), zap.Strings("model", r.src.Files), zap.String("precision", r.src.Precision), zap.String("motion", describeMotion(cfg)),
		zap.Int("ranks", r.j.ranks()), zap.Int("processes", r.j.Processes), zap.String("transport", r.j.Transport),
		zap.Any("grid", r.sim.Partition.Grid()), zap.Int64("step", r.sim.Step), zap.String("kernels", kernel.CPU()))
	r.status = newStatus(r)
	return nil
}

func (r *runner) restartDir() string {
	f := folder{dir: r.cfg.Output.Dir}
	return f.path(restartName)
}

// openFiles opens the files at these offsets, of a restart, nil for a new run. Nothing is
// cut off before all of them have been found to be as the restart says.
func (r *runner) openFiles(offsets map[string]string) error {
	at := map[string]int64{}
	for name, text := range offsets {
		if name == settingsKey {
			continue
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("restart: length of %s: %w", name, err)
		}
		at[name] = n
	}
	for _, name := range []string{thermoName, tableName} {
		if err := r.folder.reaches(name, at[name]); err != nil {
			return err
		}
	}
	for _, d := range r.dumps {
		name := d.cfg.File
		if _, known := at[name]; offsets != nil && !known && r.folder.size(name) > 0 && !r.folder.dumped(name) {
			return usagef("output.dump: %s has frames of which the restart knows nothing, as the run that wrote it had no such dump: move the file, or give the dump another", r.folder.path(name))
		}
		if err := r.folder.reaches(name, at[name]); err != nil {
			return usagef("output.dump: %w, or give the dump another file, in which the frames go on", err)
		}
	}
	var err error
	r.thermo.offset = at[thermoName]
	if r.thermo.file, err = r.folder.openAt(thermoName, r.thermo.offset); err != nil {
		return err
	}
	l := &lammpsLog{}
	l.offset = at[tableName]
	if l.file, err = r.folder.openAt(tableName, l.offset); err != nil {
		return err
	}
	r.thermo.log = l
	for _, d := range r.dumps {
		d.offset = at[d.cfg.File]
		if d.file, err = r.folder.openAt(d.cfg.File, d.offset); err != nil {
			return err
		}
	}
	err = r.thermo.begin()
	r.thermo.keep()
	return err
}

// offsets are the lengths of the files, for the restart, and the settings.
func (r *runner) offsets() map[string]string {
	m := map[string]string{}
	if r.folder == nil {
		return m
	}
	m[settingsKey] = r.set.encode()
	m[thermoName] = strconv.FormatInt(r.thermo.kept, 10)
	m[tableName] = strconv.FormatInt(r.thermo.log.kept, 10)
	for _, d := range r.dumps {
		m[d.cfg.File] = strconv.FormatInt(d.offset, 10)
	}
	return m
}

// flush brings the files to the disk, so that a restart does not count on
// lines that a crash can still lose.
func (r *runner) flush() error {
	if r.folder == nil {
		return nil
	}
	files := []*os.File{r.thermo.file, r.thermo.log.file}
	for _, d := range r.dumps {
		files = append(files, d.file)
	}
	for _, f := range files {
		if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
			continue
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return nil
}

// saving is the observer that writes restarts. Step 0 needs none.
type saving struct{ r *runner }

// Every is part of md.Observer.
func (s *saving) Every() int { return s.r.saver.N }

// Observe is part of md.Observer.
func (s *saving) Observe(sim *md.Sim) error {
	if sim.Step == 0 {
		return nil
	}
	defer s.r.alive.hold()()
	begin := time.Now()
	if err := s.r.tables.Observe(sim); err != nil {
		return err
	}
	if err := agree(s.r.c, s.r.flush()); err != nil {
		return err
	}
	if err := s.r.saver.Write(sim); err != nil {
		return fmt.Errorf("writing the restart of step %d: %w", sim.Step, err)
	}
	s.r.pace.wrote(begin)
	return nil
}

// dump is the observer that writes a trajectory. Each rank formats a range of
// atoms by their numbers; none holds all.
type dump struct {
	cfg    input.Dump
	move   md.Redistributor
	file   *os.File // nil but on rank 0
	offset int64
	buf    []byte
	pack   packer
	lammps *lammpsDump // nil for extxyz
	alive  *alive
}

// makeDumps is collective: the observers of the trajectories.
func (r *runner) makeDumps() error {
	for _, cfg := range r.cfg.Output.Dump {
		d, err := r.newDump(cfg)
		if err != nil {
			return err
		}
		r.dumps = append(r.dumps, d)
	}
	return nil
}

// newDump is collective: the observer of one trajectory.
func (r *runner) newDump(cfg input.Dump) (*dump, error) {
	d := &dump{cfg: cfg, move: md.Redistributor{Comm: r.c}, alive: &r.alive}
	_, d.pack.how = packingOf(cfg.File)
	if cfg.Format != asDump {
		return d, nil
	}
	var seen [element.Max + 1]int64
	for _, z := range r.sim.Atoms.Species[:r.sim.Atoms.N] {
		seen[z] = 1
	}
	if err := r.c.AllreduceInt(seen[:], comm.Max); err != nil {
		return nil, err
	}
	d.lammps = &lammpsDump{kinds: map[int32]int32{}, unwrapped: cfg.Unwrapped}
	for z, n := range seen {
		if n > 0 {
			d.lammps.kinds[int32(z)] = int32(len(d.lammps.kinds) + 1)
		}
	}
	if _, _, err := lammps.Orient(r.sim.Cell.Vectors()); err != nil {
		return nil, usagef("output.dump %s: %w", cfg.File, err)
	}
	return d, nil
}

// Every is part of md.Observer.
func (d *dump) Every() int { return int(d.cfg.Every) }

// NeedsVirials is part of md.Virialist.
func (d *dump) NeedsVirials() bool {
	return slices.Contains(d.cfg.Properties, "virials") || slices.Contains(d.cfg.Properties, "stresses")
}

// Observe is part of md.Observer.
func (d *dump) Observe(s *md.Sim) error {
	defer d.alive.hold()()
	x, err := s.Thermo()
	if err != nil {
		return err
	}
	fields := md.Fields{Species: true, X: true, Image: d.cfg.Unwrapped}
	for _, p := range d.cfg.Properties {
		switch p {
		case "momenta":
			fields.V = true
		case "forces":
			fields.F = true
		case "energies":
			fields.Energy = true
		case "move_mask":
			fields.Mask = true
		}
	}
	fields.Virial = d.NeedsVirials()
	d.move.Virials = s.Virials
	t, err := d.move.ByID(s.Atoms, s.Energy, fields)
	if err != nil {
		return err
	}
	f := frameOf(t, &s.Cell)
	f.Set("step", strconv.FormatInt(s.Step, 10))
	f.Set("time_ps", string(appendTime(nil, s.Time())))
	f.SetReals("energy", x.Potential)
	d.place(f, s, t)
	for _, p := range d.cfg.Properties {
		if p == "stress" {
			if s.Cell.Given() { // of the positions, as ASE has it
				f.SetReals("stress", nine(&x.Virial, -x.Volume)...)
			}
			continue
		}
		f.Columns = append(f.Columns, column(p, t, s.Mass, s.Cell.Volume()))
	}
	if d.lammps != nil {
		return d.writeLAMMPS(f, &s.Cell, t.ID, x.Atoms)
	}
	return d.write(f, x.Atoms)
}

// nine are the components of a tensor, row by row, as frames have them, over a divisor.
func nine(t *[3][3]float64, by float64) (out []float64) {
	for _, row := range t {
		for _, x := range row {
			out = append(out, x/by)
		}
	}
	return out
}

// writeLAMMPS is collective: each rank gives its rows, the first also the header.
func (d *dump) writeLAMMPS(f *extxyz.Frame, cell *domain.Cell, id []int64, total int64) error {
	ends := [6]float64{math.Inf(-1), math.Inf(-1), math.Inf(-1), math.Inf(-1), math.Inf(-1), math.Inf(-1)}
	if !cell.Given() { // −lo and hi of all atoms
		for _, x := range f.X {
			for k, s := range cell.Frac(x) {
				ends[k], ends[3+k] = max(ends[k], -s), max(ends[3+k], s)
			}
		}
		if err := d.move.Comm.Allreduce(ends[:], comm.Max); err != nil {
			return err
		}
	}
	if err := d.lammps.begin(f, cell, [3]float64{-ends[0], -ends[1], -ends[2]}, [3]float64(ends[3:])); err != nil {
		return err
	}
	d.buf = d.buf[:0]
	if d.move.Comm.Rank() == 0 {
		d.buf = d.lammps.header(d.buf, f, total)
	}
	d.buf = d.lammps.rows(d.buf, f, id)
	return d.send()
}

// send is collective: the ranks' texts, each compressed by its rank, go to the file.
func (d *dump) send() error {
	b, err := d.pack.pack(d.buf)
	if err = agree(d.move.Comm, err); err != nil {
		return err
	}
	return d.move.WriteInOrder(d, b)
}

// frameOf is a frame of these atoms. Its Lattice is as the user gave it: zero
// for vectors that were not given, and none for a molecule in no cell.
func frameOf(t *md.Table, cell *domain.Cell) *extxyz.Frame {
	a := cell.AsGiven()
	return &extxyz.Frame{N: len(t.ID), Cell: a, HasCell: a != [3][3]float64{}, PBC: cell.Periodic(), Z: t.Species, X: t.X}
}

// place says where atoms are: in the cell, or, unwrapped, where they have
// moved to from the start.
func (d *dump) place(f *extxyz.Frame, s *md.Sim, t *md.Table) {
	for i := range t.X {
		if d.cfg.Unwrapped {
			t.X[i] = s.Cell.Unwrap(t.X[i], t.Image[i])
		} else {
			t.X[i], _ = s.Cell.Wrap(t.X[i])
		}
	}
	f.X = t.X
}

// column is one property of a trajectory. Masses and the cell's volume matter to some.
func column(name string, t *md.Table, mass []float64, volume float64) extxyz.Column {
	c := extxyz.Column{Name: name, Type: extxyz.Real, Width: 3}
	switch name {
	case "momenta":
		for i := range t.V {
			for k := range t.V[i] {
				t.V[i][k] *= mass[t.Species[i]]
			}
		}
		c.Vec = t.V
	case "forces":
		c.Vec = t.F
	case "energies":
		c.Width, c.Real = 1, t.Energy
	case "virials":
		c.Width = 9
		for _, w := range t.Virial {
			c.Real = append(c.Real, w[0][0], w[0][1], w[0][2], w[1][0], w[1][1], w[1][2], w[2][0], w[2][1], w[2][2])
		}
	case "stresses": // ASE's order and sign
		c.Width = 6
		for _, w := range t.Virial {
			for _, k := range [6][2]int{{0, 0}, {1, 1}, {2, 2}, {1, 2}, {0, 2}, {0, 1}} {
				c.Real = append(c.Real, -(w[k[0]][k[1]]+w[k[1]][k[0]])/2/volume)
			}
		}
	case "move_mask":
		c.Type = extxyz.Logical
		for _, m := range t.Mask {
			for k := range 3 {
				c.Logical = append(c.Logical, m>>k&1 == 0)
			}
		}
	case "id":
		c.Type, c.Width, c.Int = extxyz.Int, 1, t.ID
	}
	return c
}

// write is collective: each rank gives its rows, the first also the header.
func (d *dump) write(f *extxyz.Frame, total int64) error {
	d.buf = d.buf[:0]
	if d.move.Comm.Rank() == 0 {
		d.buf = extxyz.AppendHeader(d.buf, f, int(total))
	}
	d.buf = extxyz.AppendAtoms(d.buf, f, 0, f.N)
	return d.send()
}

// Write counts what goes to the file.
func (d *dump) Write(b []byte) (int, error) {
	n, err := d.file.Write(b)
	d.offset += int64(n)
	return n, err
}

func (d *dump) close() {
	if d.file != nil {
		d.file.Close()
	}
}

// lastGood is collective: it writes the last sound frame, and returns its name;
// "" where there is none.
func (r *runner) lastGood(t *md.TroubleError) (string, error) {
	if r.sim == nil {
		return "", nil
	}
	snap := r.sim.LastGood(t)
	if snap == nil {
		return "", nil
	}
	d := &dump{cfg: input.Dump{Properties: []string{"id", "momenta"}}, move: md.Redistributor{Comm: r.c}}
	var err error
	if r.folder != nil {
		d.file, err = r.folder.openAt(lastName, 0)
	}
	if err := agree(r.c, err); err != nil {
		return "", err
	}
	defer d.close()
	d.cfg.Properties = append(d.cfg.Properties, freezing(&r.sim.Evaluator)...)
	table, err := d.move.ByID(&snap.Atoms, nil, md.Fields{Species: true, X: true, V: true, Mask: true})
	if err != nil {
		return "", err
	}
	f := frameOf(table, &snap.Cell)
	f.Set("step", strconv.FormatInt(snap.Step, 10))
	f.Set("time_ps", string(appendTime(nil, snap.Time)))
	for _, p := range d.cfg.Properties {
		f.Columns = append(f.Columns, column(p, table, r.sim.Mass, 0))
	}
	name := (&folder{dir: r.cfg.Output.Dir}).path(lastName)
	return name, d.write(f, r.sim.Total())
}

// freezing is the property move_mask where some atoms are frozen, so that they are in what
// begins with the file.
func freezing(e *md.Evaluator) []string {
	if e.FrozenAtoms() == [3]int64{} {
		return nil
	}
	return []string{"move_mask"}
}

// symbols is a composition in words.
func symbols(count map[int]int64) string {
	s := ""
	for z := 1; z <= element.Max; z++ {
		if n := count[z]; n > 0 {
			s += fmt.Sprintf(" %s%d", element.Symbol(z), n)
		}
	}
	return s
}
