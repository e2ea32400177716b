package md

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
)

// Fields says which columns travel in ByID and Gather.
type Fields struct{ Species, X, V, F, Image, Energy, Virial, Mask bool }

// size is the number of bytes of a record: ID and the columns.
func (f Fields) size() int {
	n := 8
	for _, c := range []struct {
		on    bool
		bytes int
	}{{f.Species, 4}, {f.X, 24}, {f.V, 24}, {f.F, 24}, {f.Image, 12}, {f.Energy, 8}, {f.Virial, 72}, {f.Mask, 4}} {
		if c.on {
			n += c.bytes
		}
	}
	return n
}

// Table is atoms in the order of their IDs; columns that were not asked for
// are nil.
type Table struct {
	ID      []int64
	Species []int32
	X, V, F [][3]float64 // Å, Å/(Å·√(amu/eV)), eV/Å
	Image   [][3]int32
	Energy  []float64       // eV
	Virial  [][3][3]float64 // eV
	Mask    []uint32
}

// Redistributor sends atoms from their bricks to the ranks by ID, so that they
// can be written in order without any rank holding all of them. It keeps its
// buffers; one per rank.
type Redistributor struct {
	Comm comm.Comm
	// Virials are those of the atoms of the next call, where its Fields have Virial.
	Virials    [][3][3]float64
	send, recv []byte // from Comm.Alloc
	counts     []byte
	out, in    []comm.Message
}

// Tags of this file's exchanges.
const (
	tagCount = 101 + iota
	tagRecords
	tagPiece
)

// pieceBytes bounds what rank 0 holds of another rank in WriteInOrder.
const pieceBytes = 4 << 20

// ByID is collective. Each rank returns with a contiguous range of IDs, in
// order, rank 0 with the first, all ranges equally long. a and energy are an
// Evaluator's Atoms and Energy, or a Snapshot's atoms and nil: then F and Energy
// must not be asked for.
func (r *Redistributor) ByID(a *domain.Atoms, energy []float64, f Fields) (*Table, error) {
	records, err := r.records(a, energy, f)
	if err != nil {
		return nil, err
	}
	return table(records, f), nil
}

// Gather is collective. Rank 0 returns with all atoms in the order of their
// IDs, the others with an empty table. For a and energy see ByID.
func (r *Redistributor) Gather(a *domain.Atoms, energy []float64, f Fields) (*Table, error) {
	t, err := r.ByID(a, energy, f)
	if err != nil {
		return nil, err
	}
	var mine, all []byte
	for i := range t.ID {
		mine = f.put(mine, t.ID[i], i, t.Species, t.X, t.V, t.F, t.Image, t.Energy, t.Virial, t.Mask)
	}
	err = r.pieces(mine, func(b []byte) error {
		all = append(all, b...)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return table(all, f), nil
}

// WriteInOrder is collective. It writes the ranks' parts to w on rank 0, in
// the order of the ranks, holding a bounded piece of one at a time; w is used
// on rank 0 only and may be nil elsewhere. An error of w is returned on rank 0,
// and a comm.PeerError on the others.
func (r *Redistributor) WriteInOrder(w io.Writer, part []byte) error {
	return r.pieces(part, func(b []byte) error {
		n, err := w.Write(b)
		if err == nil && n < len(b) {
			err = io.ErrShortWrite
		}
		return err
	})
}

// pieces brings the ranks' parts to rank 0, in order, piece by piece.
func (r *Redistributor) pieces(part []byte, take func([]byte) error) error {
	c := r.Comm
	sizes := make([]int64, c.Size())
	sizes[c.Rank()] = int64(len(part))
	if err := c.AllreduceInt(sizes, comm.Sum); err != nil {
		return err
	}
	var failed error
	if c.Rank() == 0 {
		failed = take(part)
	}
	for from := 1; from < c.Size(); from++ {
		for left := sizes[from]; left > 0; {
			n := min(left, pieceBytes)
			left -= n
			switch c.Rank() {
			case from:
				b := grow(c, &r.send, int(n))
				part = part[copy(b, part):]
				if err := comm.Exchange(c, []comm.Message{{Peer: 0, Tag: tagPiece, Data: b}}, nil); err != nil {
					return err
				}
			case 0:
				b := grow(c, &r.recv, int(n))
				if err := comm.Exchange(c, nil, []comm.Message{{Peer: from, Tag: tagPiece, Data: b}}); err != nil {
					return err
				}
				if failed == nil { // else the others' parts are taken and dropped
					failed = take(b)
				}
			}
		}
	}
	return comm.AnyError(c, failed)
}

// records is collective: it returns the records of this rank's range of IDs,
// in no order, in a buffer that the next call uses again.
func (r *Redistributor) records(a *domain.Atoms, energy []float64, f Fields) ([]byte, error) {
	if f.F && len(a.F) < a.N || f.Energy && len(energy) < a.N || f.Virial && len(r.Virials) < a.N {
		return nil, errors.New("md: forces, energies or virials asked for where there are none")
	}
	c, size := r.Comm, f.size()
	last := []int64{0}
	for _, id := range a.ID[:a.N] {
		if id < 1 {
			return nil, fmt.Errorf("md: an atom has the ID %d; they count from 1", id)
		}
		last[0] = max(last[0], id)
	}
	if err := c.AllreduceInt(last, comm.Max); err != nil {
		return nil, err
	}
	// Rows by destination: a counting sort.
	n := c.Size()
	dest := func(id int64) int { return int((id - 1) * int64(n) / last[0]) }
	at := make([]int, n+1)
	for _, id := range a.ID[:a.N] {
		at[dest(id)+1]++
	}
	for i := range n {
		at[i+1] += at[i]
	}
	out := grow(c, &r.send, size*a.N)
	fill := slices.Clone(at)
	for i, id := range a.ID[:a.N] {
		d := dest(id)
		k := fill[d] * size
		f.put(out[k:k:k+size], id, i, a.Species, a.X, a.V, a.F, a.Image, energy, r.Virials, a.Mask)
		fill[d]++
	}
	counts, err := r.transpose(at)
	if err != nil {
		return nil, err
	}
	total := 0
	for _, k := range counts {
		total += k
	}
	in := grow(c, &r.recv, size*total)
	r.out, r.in = r.out[:0], r.in[:0]
	to := 0
	for i, k := range counts {
		o, b := out[size*at[i]:size*at[i+1]], in[to:to+size*k]
		to += len(b)
		if i == c.Rank() {
			copy(b, o)
			continue
		}
		if len(o) > 0 {
			r.out = append(r.out, comm.Message{Peer: i, Tag: tagRecords, Data: o})
		}
		if len(b) > 0 {
			r.in = append(r.in, comm.Message{Peer: i, Tag: tagRecords, Data: b})
		}
	}
	return in, comm.Exchange(c, r.out, r.in)
}

// transpose is collective: rank i learns how many rows each rank has for it,
// where at[j] … at[j+1] are the rows that this one has for j.
func (r *Redistributor) transpose(at []int) ([]int, error) {
	c, n := r.Comm, r.Comm.Size()
	b := grow(c, &r.counts, 16*n)
	r.out, r.in = r.out[:0], r.in[:0]
	for i := range n {
		o, in := b[8*i:8*i+8], b[8*(n+i):8*(n+i)+8]
		binary.LittleEndian.PutUint64(o, uint64(at[i+1]-at[i]))
		if i == c.Rank() {
			copy(in, o)
			continue
		}
		r.out = append(r.out, comm.Message{Peer: i, Tag: tagCount, Data: o})
		r.in = append(r.in, comm.Message{Peer: i, Tag: tagCount, Data: in})
	}
	if err := comm.Exchange(c, r.out, r.in); err != nil {
		return nil, err
	}
	counts := make([]int, n)
	for i := range counts {
		counts[i] = int(binary.LittleEndian.Uint64(b[8*(n+i):]))
	}
	return counts, nil
}

// put appends the record of row i.
func (f Fields) put(b []byte, id int64, i int, z []int32, x, v, g [][3]float64, m [][3]int32, e []float64, w [][3][3]float64, mask []uint32) []byte {
	le := binary.LittleEndian
	b = le.AppendUint64(b, uint64(id))
	if f.Species {
		b = le.AppendUint32(b, uint32(z[i]))
	}
	for _, c := range []struct {
		on bool
		x  [][3]float64
	}{{f.X, x}, {f.V, v}, {f.F, g}} {
		if c.on {
			for _, y := range c.x[i] {
				b = le.AppendUint64(b, math.Float64bits(y))
			}
		}
	}
	if f.Image {
		for _, y := range m[i] {
			b = le.AppendUint32(b, uint32(y))
		}
	}
	if f.Energy {
		b = le.AppendUint64(b, math.Float64bits(e[i]))
	}
	if f.Virial {
		for k := range 9 {
			b = le.AppendUint64(b, math.Float64bits(w[i][k/3][k%3]))
		}
	}
	if f.Mask {
		m := uint32(0)
		if i < len(mask) { // none has any
			m = mask[i]
		}
		b = le.AppendUint32(b, m)
	}
	return b
}

// table sorts records by ID and takes them apart.
func table(b []byte, f Fields) *Table {
	le, size := binary.LittleEndian, f.size()
	n := len(b) / size
	type slot struct {
		id  int64
		row int
	}
	order := make([]slot, n)
	for i := range order {
		order[i] = slot{int64(le.Uint64(b[i*size:])), i}
	}
	slices.SortFunc(order, func(a, b slot) int { return cmp.Compare(a.id, b.id) })
	t := &Table{ID: make([]int64, n)}
	if f.Species {
		t.Species = make([]int32, n)
	}
	for _, c := range []struct {
		on bool
		x  *[][3]float64
	}{{f.X, &t.X}, {f.V, &t.V}, {f.F, &t.F}} {
		if c.on {
			*c.x = make([][3]float64, n)
		}
	}
	if f.Image {
		t.Image = make([][3]int32, n)
	}
	if f.Energy {
		t.Energy = make([]float64, n)
	}
	if f.Virial {
		t.Virial = make([][3][3]float64, n)
	}
	if f.Mask {
		t.Mask = make([]uint32, n)
	}
	for i, s := range order {
		r := b[s.row*size+8 : (s.row+1)*size]
		t.ID[i] = s.id
		if f.Species {
			t.Species[i], r = int32(le.Uint32(r)), r[4:]
		}
		for _, x := range [][][3]float64{t.X, t.V, t.F} {
			if x != nil {
				for k := range x[i] {
					x[i][k], r = math.Float64frombits(le.Uint64(r)), r[8:]
				}
			}
		}
		if f.Image {
			for k := range t.Image[i] {
				t.Image[i][k], r = int32(le.Uint32(r)), r[4:]
			}
		}
		if f.Energy {
			t.Energy[i], r = math.Float64frombits(le.Uint64(r)), r[8:]
		}
		if f.Virial {
			for k := range 9 {
				t.Virial[i][k/3][k%3], r = math.Float64frombits(le.Uint64(r)), r[8:]
			}
		}
		if f.Mask {
			t.Mask[i] = le.Uint32(r)
		}
	}
	return t
}

// grow is b with n bytes, from memory that may be given to Exchange.
func grow(c comm.Comm, b *[]byte, n int) []byte {
	if len(*b) < n {
		*b = c.Alloc(n + n/4)
	}
	return (*b)[:n]
}
