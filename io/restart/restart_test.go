package restart

import (
	"bytes"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
)

func shard(n int) *Shard {
	s := &Shard{Brick: 3}
	for i := range n {
		f := float64(i)
		s.ID = append(s.ID, int64(n-i))
		s.Species = append(s.Species, int32(i%100))
		s.X = append(s.X, [3]float64{f / 3, -f, 1e300})
		s.V = append(s.V, [3]float64{f / 7, 0, -f})
		s.Image = append(s.Image, [3]int32{int32(i), -5, 1 << 30})
		s.Built = append(s.Built, [3]float64{f / 9, f, 2})
	}
	s.Tow = [][][3]float64{s.Built, s.X}
	return s
}

func manifest(t testing.TB, dir string, s *Shard) *Manifest {
	t.Helper()
	sum, err := WriteShard(dir, 7, s)
	if err != nil {
		t.Fatal(err)
	}
	return &Manifest{
		Generation: 7, Step: 12, OriginStep: 3, OriginTime: 0.25, Dt: 0.1, Cell: [3][3]float64{{4}, {0.5, 5}, {0, 0, 6}},
		Periodic: [3]bool{true, false, true}, Grid: [3]int{1, 4, 1}, Fixed: true,
		Cuts: []Cut{{1, 0.4, 2}, {1, 0.25, 1}, {1, -0.75, 1}}, Lo: [3]float64{0, -0.5, 0},
		Hi: [3]float64{1, 1.5, 1}, Cutoff: 5, Skin: 0.5, Depth: 5.5, Integrator: []byte{1, 2, 3},
		Extra:     map[string]string{"config": "a = 1\n", "": "empty key", "z": ""},
		Observers: map[string]string{"rdf": "\x00\xff"},
		Shards:    []ShardInfo{{}, {}, {}, {int64(len(s.ID)), sum}},
	}
}

func TestRoundTrip(t *testing.T) {
	// 2730 atoms and 24 bytes are the last that fit into one piece of a column.
	for _, n := range []int{0, 1, 2, 7, 2730, 2731, 9000} {
		dir := t.TempDir()
		s := shard(n)
		m := manifest(t, dir, s)
		if err := m.Write(dir); err != nil {
			t.Fatal(err)
		}
		got, err := ReadManifest(dir)
		if err != nil || !reflect.DeepEqual(got, m) {
			t.Fatalf("manifest %+v, want %+v; %v", got, m, err)
		}
		r, err := got.ReadShard(dir, 3)
		if err != nil {
			t.Fatal(err)
		}
		if n > 0 && !reflect.DeepEqual(r, s) {
			t.Fatalf("the shard of %d atoms differs", n)
		}
		if left, _ := filepath.Glob(dir + "/*.tmp"); len(left) > 0 {
			t.Fatalf("left behind: %v", left)
		}
	}
}

// A flipped bit in any byte and every truncation of a small file is noticed, and
// named with its file.
func TestDamageIsNoticed(t *testing.T) {
	dir := t.TempDir()
	m := manifest(t, dir, shard(2))
	if err := m.Write(dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{ShardName(3), manifestName} {
		path := filepath.Join(dir, name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		check := func(what string, i int, b []byte) {
			magic, take := magicShard, new(shardReader).take
			if name == manifestName {
				magic, take = magicManifest, new(Manifest).take
			}
			_, _, err := readFrom(bytes.NewReader(b), int64(len(b)), path, magic, take)
			var bad *BadFileError
			if !errors.As(err, &bad) || bad.File != path {
				t.Errorf("%s: %s %d: error %v", name, what, i, err)
			}
		}
		for i := range good {
			b := bytes.Clone(good)
			b[i] ^= 1 << (i % 8)
			check("bit in byte", i, b)
		}
		for n := range good {
			check("cut at", n, good[:n])
		}
		check("longer by", 1, append(bytes.Clone(good), 0))
	}
	// A whole file of another run in its place.
	other := shard(2)
	other.X[0][0]++
	if _, err := WriteShard(dir, 7, other); err != nil {
		t.Fatal(err)
	}
	if _, err := m.ReadShard(dir, 3); err == nil || !strings.Contains(err.Error(), "not the file that the manifest knows") {
		t.Errorf("another run's shard: %v", err)
	}
}

// The damaged block is named.
func TestBlockIsNamed(t *testing.T) {
	dir := t.TempDir()
	s := shard(100)
	m := manifest(t, dir, s)
	path := filepath.Join(dir, ShardName(3))
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	i := bytes.Index(b, []byte("V\x00\x00\x00\x00\x00\x00\x00\x60\x09")) // 2400 bytes
	b[i+200] ^= 1
	if err := os.WriteFile(path, b, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := m.ReadShard(dir, 3); err == nil || !strings.Contains(err.Error(), "block V: wrong checksum") {
		t.Errorf("error %v", err)
	}
}

// Columns that agree with each other, but not with the number that the first
// block says, are refused, and so is a number that no shard can have.
func TestCount(t *testing.T) {
	for _, c := range []struct {
		n    uint64
		want string
	}{{3, "block SHARD says 3"}, {0, "block SHARD says 0"}, {1 << 31, "more bricks"}} {
		dir := t.TempDir()
		s := shard(2)
		path := filepath.Join(dir, ShardName(3))
		sum, err := writeFile(path, magicShard, 7, func(o *writer) {
			o.block("SHARD", le.AppendUint64(le.AppendUint64(nil, 3), c.n))
			o.block("ID", make([]byte, 16))
			o.block("SPECIES", make([]byte, 8))
			for _, name := range []string{"X", "V", "BUILT"} {
				o.block(name, make([]byte, 48))
			}
			o.block("IMAGE", make([]byte, 24))
		})
		if err != nil {
			t.Fatal(err)
		}
		m := manifest(t, t.TempDir(), s)
		m.Shards[3] = ShardInfo{2, sum}
		if _, err := m.ReadShard(dir, 3); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%d atoms said: error %v", c.n, err)
		}
	}
}

// A full disk (/dev/full) is an error, leaves nothing, and what had the name
// before stays.
func TestNoSpace(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("no /dev/full here")
	}
	dir := t.TempDir()
	m := manifest(t, dir, shard(50))
	path := filepath.Join(dir, ShardName(3))
	if err := os.Symlink("/dev/full", path+".tmp"); err != nil {
		t.Fatal(err)
	}
	if _, err := WriteShard(dir, 8, shard(60)); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v, want no space left", err)
	}
	if _, err := m.ReadShard(dir, 3); err != nil {
		t.Errorf("the shard before: %v", err)
	}
	if _, err := os.Lstat(path + ".tmp"); !errors.Is(err, os.ErrNotExist) {
		t.Error("the temporary file is left")
	}
}

func TestGenerations(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "restarts")
	if gs, err := Generations(dir); err != nil || len(gs) != 0 {
		t.Fatal(gs, err)
	}
	for range 5 {
		n, err := Begin(dir)
		if err != nil {
			t.Fatal(err)
		}
		g := filepath.Join(dir, GenerationName(n))
		m := manifest(t, g, shard(1))
		m.Generation = n
		if n == 3 { // this one fails
			continue
		}
		if err := m.Write(g); err != nil {
			t.Fatal(err)
		}
		if err := Prune(dir); err != nil {
			t.Fatal(err)
		}
	}
	os.Mkdir(filepath.Join(dir, "7"), 0o777) // not ours: six digits
	gs, err := Generations(dir)
	if err != nil || len(gs) != 2 || gs[0].Number != 5 || gs[1].Number != 4 || !gs[1].Whole {
		t.Errorf("generations %+v, %v", gs, err)
	}
}

func seeds(f *testing.F, name string) {
	dir := f.TempDir()
	m := manifest(f, dir, shard(3))
	if err := m.Write(dir); err != nil {
		f.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[:40])
	f.Add([]byte{})
}

func FuzzShard(f *testing.F) {
	seeds(f, ShardName(3))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decodeShard(bytes.NewReader(b), int64(len(b)))
		if err == nil && len(s.X) != len(s.ID) {
			t.Error("columns of unequal length")
		}
		// The blocks, as if their checksums were right.
		r := &shardReader{}
		for _, name := range []string{"SHARD", "ID", "SPECIES", "X", "IMAGE", "BUILT"} {
			r.take(name, b)
		}
	})
}

func FuzzManifest(f *testing.F) {
	seeds(f, manifestName)
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = DecodeManifest("", b)
		m := &Manifest{}
		for _, name := range []string{"STATE", "CUTS", "EXTRA", "SHARDS"} {
			m.take(name, b)
		}
		m.whole()
	})
}

// The offsets that docs/formats/restart.md gives for block STATE, and the size
// and place of header and block.
func TestLayout(t *testing.T) {
	dir := t.TempDir()
	m := manifest(t, dir, shard(1))
	if err := m.Write(dir); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, manifestName))
	if err != nil {
		t.Fatal(err)
	}
	if string(b[:8]) != "WIGNMANI" || le.Uint32(b[8:]) != 2 || le.Uint32(b[12:]) != 0x01020304 || le.Uint64(b[16:]) != 7 {
		t.Errorf("header %x", b[:32])
	}
	if string(b[32:40]) != "STATE\x00\x00\x00" || le.Uint64(b[40:]) != 224 {
		t.Fatalf("first block %q of %d bytes", b[32:40], le.Uint64(b[40:]))
	}
	state := b[48:]
	for offset, want := range map[int]uint64{0: 12, 8: 3, 16: 1, 24: 0, 32: 1, 40: 1, 48: 4, 56: 1} {
		if got := le.Uint64(state[offset:]); got != want {
			t.Errorf("offset %d: %d, want %d", offset, got, want)
		}
	}
	for offset, want := range map[int]float64{64: 0.25, 72: 0.1, 80: 5, 88: 0.5, 96: 5.5, 104: 4, 128: 0.5, 136: 5, 168: 6, 184: -0.5, 208: 1.5} {
		if got := math.Float64frombits(le.Uint64(state[offset:])); got != want {
			t.Errorf("offset %d: %g, want %g", offset, got, want)
		}
	}
	// CRC-64/XZ of "123456789" is 995dc9bbdf1939fa (its usual check value).
	c := newCRC()
	c.Write([]byte("123456789"))
	if c.Sum64() != 0x995dc9bbdf1939fa {
		t.Errorf("checksum %x is not CRC-64/XZ", c.Sum64())
	}
}
