package restart

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// Manifest is what a generation's shards have in common.
type Manifest struct {
	Generation int64
	Step       int64
	OriginStep int64   // where the timestep last changed: time = OriginTime +
	OriginTime float64 // (Step − OriginStep)·Dt, Å·√(amu/eV)
	Dt         float64
	Cell       [3][3]float64 // lattice vectors as rows, Å; zero where the user gave none
	Periodic   [3]bool
	Grid       [3]int     // of bricks; zero where they are none
	Fixed      bool       // the grid was asked for
	Cuts       []Cut      // between the bricks, as domain.Partition lists them
	Lo, Hi     [3]float64 // fractional bounds of the bricks
	Cutoff     float64    // Å; of the list, as are skin and depth
	Skin       float64
	Depth      float64
	Integrator []byte // its own state; empty where it has none
	// Built is Cell when the list was built; zero where that is the same.
	Built [3][3]float64
	// Heat is the energy that a local bath has given the atoms so far, in fixed
	// point: units of 2⁻²⁰ and 2⁻⁵⁰ eV.
	Heat      [2]int64
	Extra     map[string]string
	Observers map[string]string // what each observer remembers, by its name
	Shards    []ShardInfo       // by brick
}

// Cut is a plane between bricks: those below At, of which there are Below, and
// the others.
type Cut struct {
	Axis  int
	At    float64 // fractional coordinate
	Below int
}

// ShardInfo is what the manifest knows of a shard.
type ShardInfo struct {
	Atoms int64
	Sum
}

// Atoms is the number of atoms of all bricks.
func (m *Manifest) Atoms() (n int64) {
	for _, s := range m.Shards {
		n += s.Atoms
	}
	return n
}

const manifestName = "manifest.bin"

// Write writes the manifest into the generation's folder. From then on the
// generation exists.
func (m *Manifest) Write(dir string) error {
	_, err := writeFile(filepath.Join(dir, manifestName), magicManifest, m.Generation, func(o *writer) {
		o.block("STATE", m.state())
		o.block("CUTS", m.cuts())
		o.block("INTEGR", m.Integrator)
		if m.Built != [3][3]float64{} {
			var b []byte
			for _, v := range m.Built {
				for _, x := range v {
					b = le.AppendUint64(b, math.Float64bits(x))
				}
			}
			o.block("BUILT", b)
		}
		if m.Heat != [2]int64{} {
			o.block("HEAT", le.AppendUint64(le.AppendUint64(nil, uint64(m.Heat[0])), uint64(m.Heat[1])))
		}
		o.block("EXTRA", pairs(m.Extra))
		if len(m.Observers) > 0 {
			o.block("OBSERVE", pairs(m.Observers))
		}
		var b []byte
		for _, s := range m.Shards {
			b = le.AppendUint64(b, uint64(s.Atoms))
			b = le.AppendUint64(b, uint64(s.Bytes))
			b = le.AppendUint64(b, s.CRC)
		}
		o.block("SHARDS", b)
	})
	return err
}

// pairs are texts with their keys, sorted by these.
func pairs(m map[string]string) (b []byte) {
	for _, k := range slices.Sorted(maps.Keys(m)) {
		for _, s := range []string{k, m[k]} {
			b = append(le.AppendUint64(b, uint64(len(s))), s...)
		}
	}
	return b
}

func takePairs(b []byte) (map[string]string, error) {
	m := map[string]string{}
	var key string
	for odd := false; len(b) > 0; odd = !odd {
		if len(b) < 8 || le.Uint64(b) > uint64(len(b)-8) {
			return nil, errors.New("a text is longer than the block")
		}
		n := le.Uint64(b)
		s := string(b[8 : 8+n])
		b = b[8+n:]
		if odd {
			m[key] = s
		}
		key = s
	}
	return m, nil
}

// fields lists the numbers of block STATE in their order.
func (m *Manifest) fields() (ints []*int64, floats []*float64) {
	floats = []*float64{&m.OriginTime, &m.Dt, &m.Cutoff, &m.Skin, &m.Depth}
	for k := range m.Cell {
		for l := range m.Cell[k] {
			floats = append(floats, &m.Cell[k][l])
		}
	}
	for k := range m.Lo {
		floats = append(floats, &m.Lo[k])
	}
	for k := range m.Hi {
		floats = append(floats, &m.Hi[k])
	}
	return []*int64{&m.Step, &m.OriginStep}, floats
}

const stateInts, stateFloats = 2 + 3 + 3, 5 + 9 + 6

func (m *Manifest) state() (b []byte) {
	ints, floats := m.fields()
	for _, i := range ints {
		b = le.AppendUint64(b, uint64(*i))
	}
	for _, p := range m.Periodic {
		v := uint64(0)
		if p {
			v = 1
		}
		b = le.AppendUint64(b, v)
	}
	for _, g := range m.Grid {
		b = le.AppendUint64(b, uint64(g))
	}
	for _, f := range floats {
		b = le.AppendUint64(b, math.Float64bits(*f))
	}
	return b
}

func (m *Manifest) cuts() []byte {
	fixed := uint64(0)
	if m.Fixed {
		fixed = 1
	}
	b := le.AppendUint64(nil, fixed)
	for _, c := range m.Cuts {
		b = le.AppendUint64(b, uint64(c.Axis))
		b = le.AppendUint64(b, math.Float64bits(c.At))
		b = le.AppendUint64(b, uint64(c.Below))
	}
	return b
}

func (m *Manifest) takeCuts(b []byte) error {
	if len(b)%24 != 8 {
		return fmt.Errorf("%d bytes are not 8 and a multiple of 24", len(b))
	}
	m.Fixed = le.Uint64(b) != 0
	for b = b[8:]; len(b) > 0; b = b[24:] {
		axis, at, below := le.Uint64(b), math.Float64frombits(le.Uint64(b[8:])), le.Uint64(b[16:])
		if axis > 2 || below < 1 || below > math.MaxInt32 {
			return fmt.Errorf("%d bricks below a cut along axis %d", below, axis)
		}
		m.Cuts = append(m.Cuts, Cut{int(axis), at, int(below)})
	}
	return nil
}

// ReadManifest reads the manifest of a generation's folder.
func ReadManifest(dir string) (*Manifest, error) {
	b, err := ManifestBytes(dir)
	if err != nil {
		return nil, err
	}
	return DecodeManifest(dir, b)
}

// ManifestBytes is the file of a generation's manifest, for DecodeManifest: one process
// may read it for all.
func ManifestBytes(dir string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, manifestName)) }

// DecodeManifest makes a manifest of its file's content; dir is for messages.
func DecodeManifest(dir string, b []byte) (*Manifest, error) {
	path := filepath.Join(dir, manifestName)
	m := &Manifest{}
	_, generation, err := readFrom(bytes.NewReader(b), int64(len(b)), path, magicManifest, m.take)
	if err != nil {
		return nil, err
	}
	m.Generation = generation
	if err := m.whole(); err != nil {
		return nil, &BadFileError{path, "", err.Error()}
	}
	return m, nil
}

func (m *Manifest) take(name string, b []byte) (err error) {
	switch name {
	case "STATE":
		if len(b) != 8*(stateInts+stateFloats) {
			return fmt.Errorf("%d bytes, want %d", len(b), 8*(stateInts+stateFloats))
		}
		next := func() uint64 {
			v := le.Uint64(b)
			b = b[8:]
			return v
		}
		ints, floats := m.fields()
		for _, i := range ints {
			*i = int64(next())
		}
		for k := range m.Periodic {
			m.Periodic[k] = next() != 0
		}
		for k := range m.Grid {
			g := next()
			if g > math.MaxInt32 {
				return fmt.Errorf("a grid of %d bricks", g)
			}
			m.Grid[k] = int(g)
		}
		for _, f := range floats {
			*f = math.Float64frombits(next())
		}
	case "BUILT":
		if len(b) != 72 {
			return fmt.Errorf("%d bytes, want 72", len(b))
		}
		for i := range 9 {
			m.Built[i/3][i%3] = math.Float64frombits(le.Uint64(b[8*i:]))
		}
	case "HEAT":
		if len(b) != 16 {
			return fmt.Errorf("%d bytes, want 16", len(b))
		}
		m.Heat = [2]int64{int64(le.Uint64(b)), int64(le.Uint64(b[8:]))}
	case "CUTS":
		return m.takeCuts(b)
	case "INTEGR":
		m.Integrator = slices.Clone(b)
	case "EXTRA":
		m.Extra, err = takePairs(b)
	case "OBSERVE":
		m.Observers, err = takePairs(b)
	case "SHARDS":
		if len(b)%24 != 0 {
			return fmt.Errorf("%d bytes are no multiple of 24", len(b))
		}
		m.Shards = make([]ShardInfo, len(b)/24)
		for i := range m.Shards {
			c := b[24*i:]
			m.Shards[i] = ShardInfo{int64(le.Uint64(c)), Sum{int64(le.Uint64(c[8:])), le.Uint64(c[16:])}}
		}
	}
	return err
}

func (m *Manifest) whole() error {
	if !(m.Dt > 0) || m.Step < 0 {
		return fmt.Errorf("no block STATE that makes sense: step %d, timestep %g", m.Step, m.Dt)
	}
	if len(m.Shards) != len(m.Cuts)+1 {
		return fmt.Errorf("%d shards for %d cuts between bricks", len(m.Shards), len(m.Cuts))
	}
	n := float64(m.Grid[0]) * float64(m.Grid[1]) * float64(m.Grid[2])
	if m.Grid != ([3]int{}) && n != float64(len(m.Shards)) {
		return fmt.Errorf("%d shards for a grid of %v bricks", len(m.Shards), m.Grid)
	}
	return nil
}

// Generation is a numbered folder.
type Generation struct {
	Number int64
	Dir    string
	Whole  bool // it has a manifest
}

// Generations lists those in a folder, newest first; a folder that does not
// exist has none.
func Generations(dir string) ([]Generation, error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []Generation
	for _, e := range entries {
		n, err := strconv.ParseInt(e.Name(), 10, 63)
		if err != nil || n < 1 || !e.IsDir() || e.Name() != GenerationName(n) {
			continue
		}
		g := Generation{Number: n, Dir: filepath.Join(dir, e.Name())}
		g.Whole = Holds(g.Dir)
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b Generation) int { return int(b.Number - a.Number) })
	return out, nil
}

// Holds is whether a folder is a generation's, with a manifest.
func Holds(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, manifestName))
	return err == nil
}

// GenerationName is the name of a generation's folder.
func GenerationName(n int64) string { return fmt.Sprintf("%06d", n) }

// Keep is how many whole generations Prune leaves.
const Keep = 2

// Begin makes the folder of the next generation, and forces its name to the
// disk: it would be of no use to have its files there, and the generations
// before deleted, if the name were lost. It belongs to one rank.
func Begin(dir string) (int64, error) {
	gs, err := Generations(dir)
	if err != nil {
		return 0, err
	}
	n := int64(1)
	if len(gs) > 0 {
		n = gs[0].Number + 1
	}
	if err := os.MkdirAll(filepath.Join(dir, GenerationName(n)), 0o777); err != nil {
		return n, err
	}
	if len(gs) == 0 { // dir is new itself; above it not all may be ours to open
		if err := syncDir(filepath.Dir(filepath.Clean(dir))); err != nil && !errors.Is(err, os.ErrPermission) {
			return n, err
		}
	}
	return n, syncDir(dir)
}

// Discard removes what there is of a generation.
func Discard(dir string, n int64) error {
	return os.RemoveAll(filepath.Join(dir, GenerationName(n)))
}

// aside marks the folder of a generation that was found damaged.
const aside = ".damaged"

// SetAside takes the generations that are newer than n out of the count, when a
// run goes on from n because they are damaged: it would otherwise leave files
// that they do not agree with, and they would stand among those that Prune
// keeps. They stay as NNNNNN.damaged until Keep whole ones are there. It belongs
// to one rank.
func SetAside(dir string, n int64) error {
	gs, err := Generations(dir)
	if err != nil {
		return err
	}
	for _, g := range gs {
		if g.Number <= n {
			break
		}
		if err := os.RemoveAll(g.Dir + aside); err != nil {
			return err
		}
		if err := os.Rename(g.Dir, g.Dir+aside); err != nil {
			return err
		}
	}
	if len(gs) == 0 {
		return nil
	}
	return syncDir(dir)
}

// Prune removes all but the newest Keep whole generations, every older one that
// is not whole, and, when there are Keep, what was set aside. It belongs to one
// rank.
func Prune(dir string) error {
	gs, err := Generations(dir)
	if err != nil {
		return err
	}
	kept := 0
	for _, g := range gs {
		switch {
		case g.Whole && kept < Keep:
			kept++
		case g.Whole:
			// The manifest first: a folder without one is no generation.
			if err := os.Remove(filepath.Join(g.Dir, manifestName)); err != nil {
				return err
			}
			fallthrough
		case kept > 0:
			if err := os.RemoveAll(g.Dir); err != nil {
				return err
			}
		}
	}
	if kept < Keep {
		return nil
	}
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), aside) {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return err
}
