package md

import (
	"encoding"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/halo"
	"github.com/wigner-md/wigner/io/restart"
)

// Checkpoint is the observer that writes restarts: a folder with a numbered
// generation for each, of one shard per rank and a manifest, which is renamed
// into place last, when all ranks have safely written theirs. The two newest
// generations are kept; a failed write leaves them as they were. See
// docs/formats/restart.md. An integrator with a state of its own implements
// encoding.BinaryMarshaler and, on its pointer, encoding.BinaryUnmarshaler.
type Checkpoint struct {
	Dir   string                   // the folder, made where missing
	N     int                      // steps between restarts; 0: only Write
	Extra func() map[string]string // the caller's own notes, kept as they are; may be nil; rank 0's count

	written bool
	step    int64 // of the last restart written
}

// Every is N.
func (k *Checkpoint) Every() int { return k.N }

// Observe writes a restart.
func (k *Checkpoint) Observe(s *Sim) error { return k.Write(s) }

// Write is collective: it writes a restart of the present step, unless that
// step has just been written. On an error the restarts before it are as good
// as they were; it is a *TroubleError where the step is not sound.
func (k *Checkpoint) Write(s *Sim) error {
	if k.written && k.step == s.Step || s.resumed && s.Step == s.start {
		return nil // it is there already
	}
	if err := s.Check(); err != nil {
		return err
	}
	c, n := s.Comm, []int64{0}
	var err error
	if c.Rank() == 0 {
		n[0], err = restart.Begin(k.Dir)
	}
	if err := comm.AnyError(c, err); err != nil {
		return fmt.Errorf("md: restart: %w", err)
	}
	if err := c.AllreduceInt(n, comm.Max); err != nil {
		return err
	}
	if err := k.generation(s, n[0]); err != nil {
		if c.Rank() == 0 {
			restart.Discard(k.Dir, n[0]) // it may hold the disk's last space
		}
		return fmt.Errorf("md: restart: %w", err)
	}
	k.written, k.step = true, s.Step
	if c.Rank() == 0 {
		err = restart.Prune(k.Dir)
	}
	return comm.AnyError(c, err)
}

// generation writes all shards, and when they are safe, the manifest.
func (k *Checkpoint) generation(s *Sim, n int64) error {
	c, a := s.Comm, s.Atoms
	dir := filepath.Join(k.Dir, restart.GenerationName(n))
	given, err := s.heat.total(c)
	if err != nil {
		return err
	}
	states, err := s.states()
	if err != nil {
		return err
	}
	sum, err := restart.WriteShard(dir, n, &restart.Shard{
		Brick: c.Rank(), ID: a.ID[:a.N], Species: a.Species[:a.N],
		X: a.X[:a.N], V: a.V[:a.N], Image: a.Image[:a.N], Built: s.built,
		Mask: masked(a.Mask[:a.N]), Tow: a.Tow,
	})
	if err := comm.AnyError(c, err); err != nil {
		return err
	}
	info := make([]int64, 3*c.Size())
	info[3*c.Rank()], info[3*c.Rank()+1], info[3*c.Rank()+2] = int64(a.N), sum.Bytes, int64(sum.CRC)
	if err := c.AllreduceInt(info, comm.Sum); err != nil {
		return err
	}
	if c.Rank() == 0 {
		m := s.manifest(n)
		m.Heat = [2]int64{given.sum.Hi, given.sum.Lo}
		m.Observers = states
		if k.Extra != nil {
			m.Extra = k.Extra()
		}
		for i := range c.Size() {
			m.Shards = append(m.Shards, restart.ShardInfo{Atoms: info[3*i],
				Sum: restart.Sum{Bytes: info[3*i+1], CRC: uint64(info[3*i+2])}})
		}
		if b, ok := s.Integrator.(encoding.BinaryMarshaler); ok {
			m.Integrator, err = b.MarshalBinary()
		}
		if err == nil {
			err = m.Write(dir)
		}
	}
	return comm.AnyError(c, err)
}

// states is collective: what the observers remember, on rank 0.
func (s *Sim) states() (map[string]string, error) {
	m := map[string]string{}
	for _, o := range s.Observers {
		if k, ok := o.(Keeper); ok {
			b, err := k.Save(s)
			if err != nil {
				return nil, err
			}
			m[k.Name()] = string(b)
		}
	}
	return m, nil
}

func (s *Sim) manifest(n int64) *restart.Manifest {
	m := &restart.Manifest{
		Generation: n, Step: s.Step, OriginStep: s.origin.step, OriginTime: s.origin.t, Dt: s.Dt,
		Cell: s.Cell.AsGiven(), Periodic: s.Cell.Periodic(), Grid: s.Partition.Grid(), Fixed: s.Partition.Fixed(),
		Cutoff: s.Potential.Cutoff(), Skin: s.Skin, Depth: s.depth(),
	}
	m.Lo, m.Hi = s.Partition.Bounds()
	for _, c := range s.Partition.Cuts() {
		m.Cuts = append(m.Cuts, restart.Cut(c))
	}
	if b := s.inside.AsGiven(); s.valid && b != m.Cell {
		m.Built = b
	}
	return m
}

// masked is the masks, nil where none has a bit.
func masked(m []uint32) []uint32 {
	if slices.ContainsFunc(m, func(b uint32) bool { return b != 0 }) {
		return m
	}
	return nil
}

// Restart is what a restart holds for one rank.
type Restart struct {
	Step      int64
	Dt        float64
	Cell      domain.Cell
	Partition domain.Partition // of the run that wrote it, or new on other ranks
	Atoms     *domain.Atoms
	Extra     map[string]string
	// Observers are what each Keeper saved, by its name. Vectors by atom are in
	// Atoms.Tow.
	Observers map[string]string
	// Exact is whether the bricks are as many as before, so that the run can
	// continue to the last bit.
	Exact bool
	// Notice is not empty where the newest generation could not be used, and
	// says why; the one before is in use then. It is the same on all ranks.
	Notice string
	// Unfinished are, on rank 0, the folders of newer generations without a manifest:
	// their writing was not finished, or the file is lost.
	Unfinished []string

	dir        string // of the generations; n is this one's number
	n          int64
	origin     origin
	built      [][3]float64
	inside     domain.Cell // at the list build
	heat       [2]int64
	integrator []byte
	cutoff     float64
	skin       float64
	depth      float64
}

// Skin is that of the neighbour list of the run that wrote it, Å.
func (r *Restart) Skin() float64 { return r.skin }

// ErrNoRestart says that a folder holds no restart at all.
var ErrNoRestart = errors.New("no restart")

// ReadRestart is collective. It reads the newest generation in dir that is
// whole, and where that is damaged the one before. Where the number of ranks is
// another than that of the restart, bricks are made anew.
func ReadRestart(c comm.Comm, dir string) (*Restart, error) {
	var gs []restart.Generation
	var err error
	var unfinished []string
	if c.Rank() == 0 {
		gs, err = restart.Generations(dir)
	}
	if err := comm.AnyError(c, err); err != nil {
		return nil, fmt.Errorf("md: restart: %w", err)
	}
	notice := ""
	for {
		n := []int64{0}
		for len(gs) > 0 && n[0] == 0 {
			if gs[0].Whole {
				n[0] = gs[0].Number
			} else {
				unfinished = append(unfinished, gs[0].Dir)
			}
			gs = gs[1:]
		}
		if err := c.AllreduceInt(n, comm.Max); err != nil {
			return nil, err
		}
		if n[0] == 0 {
			if notice != "" {
				return nil, fmt.Errorf("md: no restart in %s is whole: %s", dir, notice)
			}
			if len(unfinished) > 0 {
				return nil, fmt.Errorf("md: %w, only %s without a manifest", ErrNoRestart, strings.Join(unfinished, ", "))
			}
			return nil, fmt.Errorf("md: %s: %w", dir, ErrNoRestart)
		}
		var r *Restart
		one := filepath.Join(dir, restart.GenerationName(n[0]))
		m, err, e := sharedManifest(c, one)
		if e != nil {
			return nil, e
		}
		if err == nil {
			r, err = readGeneration(c, one, m)
		}
		text, failed, e := firstError(c, err)
		if e != nil {
			return nil, e
		}
		if !failed {
			r.Notice, r.Unfinished, r.dir, r.n = notice, unfinished, dir, n[0]
			return r, nil
		}
		if notice != "" {
			notice += "; "
		}
		notice += text
	}
}

// sharedManifest is collective: the first rank reads the manifest, for all. failed is a
// failure of the communication.
func sharedManifest(c comm.Comm, dir string) (m *restart.Manifest, err, failed error) {
	var b []byte
	if c.Rank() == 0 {
		b, err = restart.ManifestBytes(dir)
	}
	text, bad, failed := firstError(c, err)
	switch {
	case failed != nil:
		return nil, nil, failed
	case bad:
		return nil, errors.New(text), nil
	}
	content, failed := comm.Share(c, 0, string(b))
	if failed != nil {
		return nil, nil, failed
	}
	m, err = restart.DecodeManifest(dir, []byte(content))
	return m, err, nil
}

// readGeneration reads this rank's part of the generation of a manifest; it is not collective.
func readGeneration(c comm.Comm, dir string, m *restart.Manifest) (*Restart, error) {
	var err error
	r := &Restart{
		Step: m.Step, Dt: m.Dt, Extra: m.Extra, Observers: m.Observers, Exact: len(m.Shards) == c.Size(), integrator: m.Integrator,
		origin: origin{m.OriginStep, m.OriginTime}, Atoms: &domain.Atoms{}, cutoff: m.Cutoff, skin: m.Skin, depth: m.Depth,
	}
	if r.Cell, err = domain.NewCell(m.Cell, m.Periodic); err != nil {
		return nil, err
	}
	r.inside, r.heat = r.Cell, m.Heat
	if m.Built != ([3][3]float64{}) {
		if r.inside, err = domain.NewCell(m.Built, m.Periodic); err != nil {
			return nil, err
		}
	}
	if r.Exact {
		r.Partition, err = bricks(r.Cell, m)
	} else {
		r.Partition = domain.NewPartition(r.Cell, c.Size(), m.Lo, m.Hi)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	a := r.Atoms
	for brick := c.Rank(); brick < len(m.Shards); brick += c.Size() {
		s, err := m.ReadShard(dir, brick)
		if err != nil {
			return nil, err
		}
		a.ID, a.Species = append(a.ID, s.ID...), append(a.Species, s.Species...)
		a.X, a.V, a.Image = append(a.X, s.X...), append(a.V, s.V...), append(a.Image, s.Image...)
		r.built = append(r.built, s.Built...)
		if s.Mask == nil {
			s.Mask = make([]uint32, len(s.ID))
		}
		a.Mask = append(a.Mask, s.Mask...)
		if a.Tow == nil {
			a.Tow = make([][][3]float64, len(s.Tow))
		}
		if len(s.Tow) != len(a.Tow) {
			return nil, fmt.Errorf("%s: the shards have vectors of %d and of %d kinds", dir, len(a.Tow), len(s.Tow))
		}
		for t, y := range s.Tow {
			a.Tow[t] = append(a.Tow[t], y...)
		}
	}
	a.N = len(a.ID)
	return r, nil
}

// bricks are those of a manifest.
func bricks(cell domain.Cell, m *restart.Manifest) (domain.Partition, error) {
	var cuts []domain.Cut
	for _, c := range m.Cuts {
		cuts = append(cuts, domain.Cut(c))
	}
	return domain.FromCuts(cell, len(m.Shards), cuts, m.Grid, m.Fixed, m.Lo, m.Hi)
}

// firstError is collective: the text of the lowest rank's error, on all ranks.
func firstError(c comm.Comm, err error) (text string, failed bool, e error) {
	who := []int64{int64(c.Size())}
	if err != nil {
		who[0], text = int64(c.Rank()), err.Error()
	}
	if e := c.AllreduceInt(who, comm.Min); e != nil || who[0] == int64(c.Size()) {
		return "", false, e
	}
	text, e = comm.Share(c, int(who[0]), text)
	return text, e == nil, e
}

// Fits is whether the restart's state of an integrator, if it has any, is one that
// i understands. i has it afterwards.
func (r *Restart) Fits(i Integrator) bool {
	if len(r.integrator) == 0 {
		return true
	}
	b, ok := i.(encoding.BinaryUnmarshaler)
	return ok && b.UnmarshalBinary(r.integrator) == nil
}

// Forget drops the state of the integrator: another one begins anew.
func (r *Restart) Forget() { r.integrator = nil }

// Resume is collective: it takes s, whose Comm, Potential, Skin, Depth, Mass and
// Integrator are set as in the run that wrote the restart, to where that run was
// after step r.Step: Cell, Partition, Atoms, Step and time. A Dt that is set
// holds from here on, one that is zero is the restart's. Observers do not see
// the step again. exact is whether the run continues to the last bit: as many
// bricks, and the same cutoff, skin and depth.
//
// Where a newer generation is damaged it is set aside first.
func (s *Sim) Resume(r *Restart) (exact bool, err error) {
	if r.Notice != "" && s.Comm.Rank() == 0 {
		err = restart.SetAside(r.dir, r.n)
	}
	if err := comm.AnyError(s.Comm, err); err != nil {
		return false, fmt.Errorf("md: restart: %w", err)
	}
	tow := []int64{int64(len(r.Atoms.Tow))}
	if err := s.Comm.AllreduceInt(tow, comm.Max); err != nil {
		return false, err
	}
	if n := int(tow[0]); len(r.Atoms.Tow) < n && r.Atoms.N == 0 { // a rank without a shard
		r.Atoms.Tow = make([][][3]float64, n)
	} else if len(r.Atoms.Tow) < n {
		err = fmt.Errorf("md: restart: the shards have vectors of %d and of %d kinds", len(r.Atoms.Tow), n)
	}
	if err := comm.AnyError(s.Comm, err); err != nil {
		return false, err
	}
	s.Cell, s.Partition, s.Atoms = r.Cell, r.Partition, r.Atoms
	s.Step, s.origin, s.resumed, s.census = r.Step, r.origin, true, [2]int64{}
	s.start, s.started, s.thermal = r.Step, false, false
	s.heat = heat{}
	if s.Comm.Rank() == 0 {
		s.heat.sum.Hi, s.heat.sum.Lo = r.heat[0], r.heat[1]
	}
	dt := s.Dt
	s.Dt = r.Dt
	if dt > 0 && dt != r.Dt {
		s.SetTimestep(dt)
	}
	if len(r.integrator) > 0 {
		b, ok := s.Integrator.(encoding.BinaryUnmarshaler)
		if !ok {
			return false, fmt.Errorf("md: the restart holds the state of an integrator; %T has none", s.Integrator)
		}
		if err := b.UnmarshalBinary(r.integrator); err != nil {
			return false, fmt.Errorf("md: restart: %w", err)
		}
	}
	exact = r.Exact && s.Skin == r.skin && s.Potential.Cutoff() == r.cutoff && s.depth() == r.depth
	if !exact {
		return false, s.begin()
	}
	return true, s.rebuildAt(r.inside, r.built)
}

// rebuildAt is collective: it makes ghosts and list as they were made when the
// owned atoms were at built in the cell inside, rows in their order, and then
// lets the ghosts follow to where the atoms are now. The next Evaluate uses them
// as they are.
func (e *Evaluator) rebuildAt(inside domain.Cell, built [][3]float64) error {
	a, cell := e.Atoms, e.Cell
	e.Cell = inside
	defer func() { e.Cell = cell }()
	now := append([][3]float64(nil), a.X[:a.N]...)
	a.X = append(a.X[:0], built...)
	e.plan = halo.New(e.Comm)
	if err := e.begin(); err != nil {
		return err
	}
	if err := e.finite(); err != nil {
		return err
	}
	if err := e.lists(); err != nil {
		return err
	}
	e.built, e.inside = append(e.built[:0], built...), inside
	copy(a.X, now)
	e.valid, e.fresh = true, true
	return nil
}
