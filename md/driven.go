package md

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
)

// Driven is atoms that another program moves: rank 0 has their positions and gets
// their forces, the bricks and lists stay from one call to the next. Set the fields
// of Evaluator, then call Compute.
type Driven struct {
	Evaluator

	of      [][]int // on rank 0: for each rank, the places of its rows in x
	builds  int64   // list builds when of was made
	buffers [][]byte
	mine    []byte
	forces  [][3]float64
}

// Tags of this file's exchanges.
const (
	tagWhose = 121 + iota
	tagTo
	tagFrom
)

// Compute is collective: energies and forces of the atoms at x in cell, which rank 0
// gives in the order of the IDs (all others may pass nil, and any cell). forces is in
// the same order, on rank 0, until the next call.
func (d *Driven) Compute(cell domain.Cell, x [][3]float64) (sum Totals, forces [][3]float64, err error) {
	if d.of == nil || d.builds != d.Rebuilds {
		if err := d.whose(); err != nil {
			return sum, nil, err
		}
	}
	if err := d.shareCell(cell); err != nil {
		return sum, nil, err
	}
	if err := d.deal(x); err != nil {
		return sum, nil, err
	}
	if err := d.Evaluate(); err != nil {
		return sum, nil, err
	}
	if err := d.Check(); err != nil {
		return sum, nil, err
	}
	if sum, err = d.Totals(nil); err != nil {
		return sum, nil, err
	}
	if d.builds != d.Rebuilds {
		if err := d.whose(); err != nil {
			return sum, nil, err
		}
	}
	return sum, d.forces, d.collect()
}

// whose is collective: rank 0 learns which atoms each rank has, in the order of its
// rows.
func (d *Driven) whose() error {
	c, a := d.Comm, d.Atoms
	d.builds = d.Rebuilds
	counts := make([]int64, c.Size())
	counts[c.Rank()] = int64(a.N)
	if err := c.AllreduceInt(counts, comm.Sum); err != nil {
		return err
	}
	b := grow(c, &d.mine, 8*a.N)
	for i, id := range a.ID[:a.N] {
		binary.LittleEndian.PutUint64(b[8*i:], uint64(id))
	}
	all, err := d.toFirst(b, counts, 8, tagWhose)
	if err != nil || c.Rank() > 0 {
		d.of = [][]int{}
		return err
	}
	type at struct {
		id         int64
		rank, slot int
	}
	var order []at
	d.of = make([][]int, len(all))
	for r, b := range all {
		d.of[r] = make([]int, len(b)/8)
		for i := range d.of[r] {
			order = append(order, at{int64(binary.LittleEndian.Uint64(b[8*i:])), r, i})
		}
	}
	slices.SortFunc(order, func(a, b at) int { return cmp.Compare(a.id, b.id) })
	for place, o := range order {
		d.of[o.rank][o.slot] = place
	}
	d.forces = resize(d.forces, len(order))
	return nil
}

// toFirst is collective: rank 0 gets each rank's bytes, counts[r]·size of rank r.
func (d *Driven) toFirst(mine []byte, counts []int64, size, tag int) ([][]byte, error) {
	c := d.Comm
	if c.Rank() > 0 {
		if len(mine) == 0 {
			return nil, comm.Exchange(c, nil, nil)
		}
		return nil, comm.Exchange(c, []comm.Message{{Peer: 0, Tag: tag, Data: mine}}, nil)
	}
	all := d.room(counts, size)
	copy(all[0], mine)
	var in []comm.Message
	for r := 1; r < c.Size(); r++ {
		if len(all[r]) > 0 {
			in = append(in, comm.Message{Peer: r, Tag: tag, Data: all[r]})
		}
	}
	return all, comm.Exchange(c, nil, in)
}

// room is buffers of rank 0 for each rank.
func (d *Driven) room(counts []int64, size int) [][]byte {
	if len(d.buffers) < len(counts) {
		d.buffers = make([][]byte, len(counts))
	}
	out := make([][]byte, len(counts))
	for r, n := range counts {
		out[r] = grow(d.Comm, &d.buffers[r], size*int(n))
	}
	return out
}

// shareCell is collective: the cell of rank 0 for all, within its own kind.
func (d *Driven) shareCell(cell domain.Cell) error {
	var v [9]float64
	if d.Comm.Rank() == 0 {
		for k, row := range cell.AsGiven() {
			copy(v[3*k:], row[:])
		}
	}
	if err := d.Comm.Allreduce(v[:], comm.Sum); err != nil {
		return err
	}
	var rows [3][3]float64
	for k := range rows {
		rows[k] = [3]float64(v[3*k:])
	}
	next, err := domain.NewCell(rows, d.Cell.Periodic())
	if err == nil {
		d.Cell = next
	}
	return err // the same on all ranks
}

// deal is collective: the positions of rank 0 go to the ranks that have the atoms,
// each shifted to where its row was.
func (d *Driven) deal(x [][3]float64) error {
	c, a := d.Comm, d.Atoms
	b := grow(c, &d.mine, 24*a.N)
	var out, in []comm.Message
	if c.Rank() == 0 {
		counts := make([]int64, c.Size())
		for r := range counts {
			counts[r] = int64(len(d.of[r]))
		}
		all := d.room(counts, 24)
		for r, places := range d.of {
			for i, p := range places {
				for k, v := range x[p] {
					binary.LittleEndian.PutUint64(all[r][24*i+8*k:], math.Float64bits(v))
				}
			}
			if r > 0 && len(all[r]) > 0 {
				out = append(out, comm.Message{Peer: r, Tag: tagTo, Data: all[r]})
			}
		}
		copy(b, all[0])
	} else if a.N > 0 {
		in = append(in, comm.Message{Peer: 0, Tag: tagTo, Data: b})
	}
	if err := comm.Exchange(c, out, in); err != nil {
		return err
	}
	for i := range a.N {
		shift := d.Cell.Shift(a.Image[i])
		for k := range shift {
			a.X[i][k] = math.Float64frombits(binary.LittleEndian.Uint64(b[24*i+8*k:])) - shift[k]
		}
	}
	return nil
}

// collect is collective: the forces of all ranks, in order, on rank 0.
func (d *Driven) collect() error {
	c, a := d.Comm, d.Atoms
	b := grow(c, &d.mine, 24*a.N)
	for i := range a.N {
		for k, v := range a.F[i] {
			binary.LittleEndian.PutUint64(b[24*i+8*k:], math.Float64bits(v))
		}
	}
	var counts []int64
	if c.Rank() == 0 {
		for _, places := range d.of {
			counts = append(counts, int64(len(places)))
		}
	}
	all, err := d.toFirst(b, counts, 24, tagFrom)
	if err != nil {
		return err
	}
	for r, b := range all {
		for i, p := range d.of[r] {
			for k := range 3 {
				d.forces[p][k] = math.Float64frombits(binary.LittleEndian.Uint64(b[24*i+8*k:]))
			}
		}
	}
	return nil
}

// resize is x with length n; what it holds means nothing.
func resize(x [][3]float64, n int) [][3]float64 {
	if cap(x) < n {
		return make([][3]float64, n)
	}
	return x[:n]
}
