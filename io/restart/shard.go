package restart

import (
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"
)

// Shard is one brick's atoms, in the order of their rows.
type Shard struct {
	Brick   int
	ID      []int64
	Species []int32        // atomic numbers
	X, V    [][3]float64   // Å, Å/(Å·√(amu/eV))
	Image   [][3]int32     // lattice vectors that wrapping has subtracted
	Built   [][3]float64   // X when the neighbour list was built, Å
	Mask    []uint32       // groups, a bit each; nil where no atom is in one
	Tow     [][][3]float64 // further vectors that observers keep; nil where none does
}

// ShardName is the name of a brick's file in a generation's folder.
func ShardName(brick int) string { return fmt.Sprintf("rank-%05d.bin", brick) }

// maxAtoms is how many a shard may hold.
const maxAtoms = math.MaxInt32

func countable(n uint64) error {
	if n > maxAtoms {
		return fmt.Errorf("%d atoms in one brick; a shard holds at most %d: use more bricks", n, maxAtoms)
	}
	return nil
}

// WriteShard writes the shard into the generation's folder.
func WriteShard(dir string, generation int64, s *Shard) (Sum, error) {
	n := len(s.ID)
	if len(s.Species) != n || len(s.X) != n || len(s.V) != n || len(s.Image) != n || len(s.Built) != n || s.Mask != nil && len(s.Mask) != n {
		panic("restart: WriteShard: columns of unequal length")
	}
	for _, x := range s.Tow {
		if len(x) < n {
			panic("restart: WriteShard: columns of unequal length")
		}
	}
	if err := countable(uint64(n)); err != nil {
		return Sum{}, fmt.Errorf("restart: %w", err)
	}
	return writeFile(filepath.Join(dir, ShardName(s.Brick)), magicShard, generation, func(o *writer) {
		o.block("SHARD", le.AppendUint64(le.AppendUint64(nil, uint64(s.Brick)), uint64(n)))
		column(o, "ID", n, 8, func(b []byte, i int) []byte { return le.AppendUint64(b, uint64(s.ID[i])) })
		column(o, "SPECIES", n, 4, func(b []byte, i int) []byte { return le.AppendUint32(b, uint32(s.Species[i])) })
		for _, c := range s.vectors() {
			x := *c.x
			column(o, c.name, n, 24, func(b []byte, i int) []byte { return appendVector(b, x[i]) })
		}
		column(o, "IMAGE", n, 12, func(b []byte, i int) []byte {
			for _, y := range s.Image[i] {
				b = le.AppendUint32(b, uint32(y))
			}
			return b
		})
		if s.Mask != nil {
			column(o, "MASK", n, 4, func(b []byte, i int) []byte { return le.AppendUint32(b, s.Mask[i]) })
		}
		if len(s.Tow) > 0 {
			o.block("TOWS", le.AppendUint64(nil, uint64(len(s.Tow))))
		}
		for _, x := range s.Tow {
			column(o, "TOW", n, 24, func(b []byte, i int) []byte { return appendVector(b, x[i]) })
		}
	})
}

func appendVector(b []byte, x [3]float64) []byte {
	for _, y := range x {
		b = le.AppendUint64(b, math.Float64bits(y))
	}
	return b
}

// takeVectors is a column of vectors.
func takeVectors(b []byte) [][3]float64 {
	x := make([][3]float64, len(b)/24)
	for i := range x {
		for k := range 3 {
			x[i][k] = math.Float64frombits(le.Uint64(b[24*i+8*k:]))
		}
	}
	return x
}

// vectors are the columns of three numbers.
func (s *Shard) vectors() []struct {
	name string
	x    *[][3]float64
} {
	return []struct {
		name string
		x    *[][3]float64
	}{{"X", &s.X}, {"V", &s.V}, {"BUILT", &s.Built}}
}

// column writes a block of n values of size bytes, a few at a time.
func column(o *writer, name string, n, size int, put func(b []byte, i int) []byte) {
	o.begin(name, n*size)
	for i := 0; i < n; {
		b := o.tmp[:0]
		for ; i < n && len(b) < 1<<16; i++ {
			b = put(b, i)
		}
		o.put(b)
		o.tmp = b
	}
	o.end(n * size)
}

// ReadShard reads a brick's shard of the manifest's generation, which must be
// the file that the manifest knows.
func (m *Manifest) ReadShard(dir string, brick int) (*Shard, error) {
	path := filepath.Join(dir, ShardName(brick))
	s := &shardReader{}
	sum, generation, err := readFile(path, magicShard, s.take)
	if err != nil {
		return nil, err
	}
	bad := func(what string, args ...any) (*Shard, error) {
		return nil, &BadFileError{path, "", fmt.Sprintf(what, args...)}
	}
	if err := s.whole(); err != nil {
		return bad("%v", err)
	}
	info := m.Shards[brick]
	switch {
	case generation != m.Generation:
		return bad("it is of generation %d, the manifest of %d", generation, m.Generation)
	case s.Brick != brick:
		return bad("it holds brick %d", s.Brick)
	case sum != info.Sum || int64(len(s.ID)) != info.Atoms:
		return bad("it is not the file that the manifest knows (%d bytes, checksum %016x, %d atoms)", info.Bytes, info.CRC, info.Atoms)
	}
	return &s.Shard, nil
}

// decodeShard is ReadShard from bytes, without a manifest.
func decodeShard(r io.Reader, size int64) (*Shard, error) {
	s := &shardReader{}
	if _, _, err := readFrom(r, size, "", magicShard, s.take); err != nil {
		return nil, err
	}
	return &s.Shard, s.whole()
}

// shardReader is a shard in the making.
type shardReader struct {
	Shard
	n    int // atoms that block SHARD says
	tows int // and blocks TOW that block TOWS says
}

// maxTows is how many further vectors an atom may have.
const maxTows = 1 << 12

// take reads one block. The first says how long the others are.
func (s *shardReader) take(name string, b []byte) error {
	if name == "SHARD" {
		if len(b) != 16 || s.ID != nil {
			return fmt.Errorf("%d bytes, or a second one", len(b))
		}
		brick, n := le.Uint64(b), le.Uint64(b[8:])
		if brick > math.MaxInt32 {
			return fmt.Errorf("brick %d", brick)
		}
		if err := countable(n); err != nil {
			return err
		}
		s.Brick, s.n, s.ID = int(brick), int(n), make([]int64, 0)
		return nil
	}
	if s.ID == nil {
		return fmt.Errorf("it comes before block SHARD")
	}
	fill := func(size int) (int, error) {
		if len(b)%size != 0 {
			return 0, fmt.Errorf("%d bytes are no multiple of %d", len(b), size)
		}
		return len(b) / size, nil
	}
	switch name {
	case "ID":
		n, err := fill(8)
		s.ID = make([]int64, n)
		for i := range s.ID {
			s.ID[i] = int64(le.Uint64(b[8*i:]))
		}
		return err
	case "SPECIES":
		n, err := fill(4)
		s.Species = make([]int32, n)
		for i := range s.Species {
			s.Species[i] = int32(le.Uint32(b[4*i:]))
		}
		return err
	case "MASK":
		n, err := fill(4)
		s.Mask = make([]uint32, n)
		for i := range s.Mask {
			s.Mask[i] = le.Uint32(b[4*i:])
		}
		return err
	case "TOWS":
		if len(b) != 8 || le.Uint64(b) > maxTows {
			return fmt.Errorf("%d bytes, or too large a number", len(b))
		}
		s.tows = int(le.Uint64(b))
		return nil
	case "TOW":
		_, err := fill(24)
		s.Tow = append(s.Tow, takeVectors(b))
		return err
	case "IMAGE":
		n, err := fill(12)
		s.Image = make([][3]int32, n)
		for i := range s.Image {
			for k := range s.Image[i] {
				s.Image[i][k] = int32(le.Uint32(b[12*i+4*k:]))
			}
		}
		return err
	}
	for _, c := range s.vectors() {
		if name == c.name {
			_, err := fill(24)
			*c.x = takeVectors(b)
			return err
		}
	}
	return nil // a later version's
}

// whole reports missing columns and those of another length than block SHARD says.
func (s *shardReader) whole() error {
	n := s.n
	for _, c := range []struct {
		name string
		n    int
	}{{"ID", len(s.ID)}, {"SPECIES", len(s.Species)}, {"X", len(s.X)}, {"V", len(s.V)}, {"IMAGE", len(s.Image)}, {"BUILT", len(s.Built)}} {
		if c.n != n {
			return fmt.Errorf("block %s has %d atoms, block SHARD says %d", c.name, c.n, n)
		}
	}
	if len(s.Tow) != s.tows {
		return fmt.Errorf("%d blocks TOW, block TOWS says %d", len(s.Tow), s.tows)
	}
	for _, x := range s.Tow {
		if len(x) != n {
			return fmt.Errorf("block TOW has %d atoms, block SHARD says %d", len(x), n)
		}
	}
	if s.Mask != nil && len(s.Mask) != n {
		return fmt.Errorf("block MASK has %d atoms, block SHARD says %d", len(s.Mask), n)
	}
	if slices.ContainsFunc(s.Species, func(z int32) bool { return z < 0 || z > 1<<16 }) {
		return fmt.Errorf("block SPECIES: an atomic number is out of range")
	}
	return nil
}
