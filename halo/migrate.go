package halo

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
)

// record is an atom on its way to another brick.
type record struct {
	ID      int64
	X, V    [3]float64
	Image   [3]int32
	Species int32
	Mask    uint32
	_       uint32
}

const recordSize = 80

// leaver is an owned row and the rank that it goes to.
type leaver struct{ rank, row int32 }

// Migrate wraps the atoms into the cell, brings each to the rank whose brick
// holds it, and sorts each rank's rows along a space-filling curve, ties by ID.
// Rows [0, N) are read; ID, Species and X must have them, V, Image, Mask and Tow
// count as zero where they are missing. Ghosts are gone afterwards. Any rank may hold any
// atom before. It is collective; where atoms have no finite position, or one that
// no cell can hold, it returns the same *SystemError on every rank.
func Migrate(c comm.Comm, part domain.Partition, cell domain.Cell, a *domain.Atoms) error {
	return New(c).Migrate(part, cell, a)
}

// Migrate is the function Migrate, using the plan's memory. Where all atoms go no
// further than to bricks that meet their old one, within the depth of the last
// Rebuild, as they do in the loop of a simulation even where the bricks are cut
// anew, a rank talks to the owners of those bricks only.
func (p *Plan) Migrate(part domain.Partition, cell domain.Cell, a *domain.Atoms) error {
	if part.N() != p.c.Size() {
		return fmt.Errorf("halo: %d bricks on %d ranks", part.N(), p.c.Size())
	}
	a.V, a.Image = resize(a.V[:min(a.N, len(a.V))], a.N), resize(a.Image[:min(a.N, len(a.Image))], a.N)
	a.Mask = resize(a.Mask[:min(a.N, len(a.Mask))], a.N)
	for t, y := range a.Tow {
		a.Tow[t] = resize(y[:min(a.N, len(y))], a.N)
	}
	a.ID, a.Species, a.X = a.ID[:a.N], a.Species[:a.N], a.X[:a.N]
	if err := p.address(&part, &cell, a); err != nil {
		return err
	}
	if p.c.Size() > 1 {
		if err := p.carry(a); err != nil {
			return err
		}
	}
	p.sort(&cell, a)
	a.Ghost0, a.Remote, a.Images = domain.Padded(a.N), 0, 0
	a.ID, a.Species, a.X = resize(a.ID, a.Ghost0), resize(a.Species, a.Ghost0), resize(a.X, a.Ghost0)
	return nil
}

// address wraps all atoms, lists those that leave, and settles between all ranks
// which ranks will talk: p.scratch.peers.
func (p *Plan) address(part *domain.Partition, cell *domain.Cell, a *domain.Atoms) error {
	s := &p.scratch
	me := p.c.Rank()
	s.leave = s.leave[:0]
	s.frac = resize(s.frac, a.N)
	s.flags = [2]int64{}
	p.known(part, cell)
	first := -1 // row of the astray atom with the smallest ID
	for i := range s.frac {
		x, shift := cell.Wrap(a.X[i])
		a.X[i] = x
		for k := range shift {
			a.Image[i][k] += shift[k]
		}
		s.frac[i] = cell.Frac(x)
		if astray(cell, s.frac[i]) != "" && (first < 0 || a.ID[i] < a.ID[first]) {
			first = i
		}
		if r := part.Owner(s.frac[i]); r != me {
			s.leave = append(s.leave, leaver{int32(r), int32(i)})
			if _, ok := slices.BinarySearch(s.peers, r); !ok {
				s.flags[0] = 1
			}
		}
	}
	if first >= 0 {
		s.flags[1] = 1
	}
	if p.c.Size() > 1 {
		if err := p.c.AllreduceInt(s.flags[:], comm.Max); err != nil {
			return err
		}
	}
	if s.flags[1] > 0 {
		return p.strays(cell, a, first)
	}
	if s.flags[0] > 0 {
		s.peers = s.peers[:0]
		for r := range p.c.Size() {
			if r != me {
				s.peers = append(s.peers, r)
			}
		}
	}
	return nil
}

// known lists the ranks that atoms of this rank may go to, and come from, when
// they stay near their old brick: the peers, or, where part is not what the last
// Rebuild knew, those whose old or new brick comes near this rank's new or old one.
func (p *Plan) known(part *domain.Partition, cell *domain.Cell) {
	s := &p.scratch
	s.peers = s.peers[:0]
	if p.part.N() != part.N() {
		return // nothing is known yet
	}
	if p.part.Same(part) {
		for _, q := range p.peers {
			s.peers = append(s.peers, q.rank)
		}
		return
	}
	me, old := p.c.Rank(), &p.part
	var most [3]int32
	for k, periodic := range cell.Periodic() {
		if periodic {
			most[k] = 1
		}
	}
	for x := -most[0]; x <= most[0]; x++ {
		for y := -most[1]; y <= most[1]; y++ {
			for z := -most[2]; z <= most[2]; z++ {
				m := [3]int32{x, y, z}
				lo, hi := widened(old, me, m, &p.depth)
				s.ranks = part.Touching(s.ranks[:0], lo, hi)
				for _, r := range s.ranks {
					if r != me && meets(old, part, me, r, m, &p.depth) {
						s.peers = append(s.peers, r)
					}
				}
				lo, hi = widened(part, me, [3]int32{-x, -y, -z}, &p.depth)
				s.ranks = old.Touching(s.ranks[:0], lo, hi)
				for _, r := range s.ranks {
					if r != me && meets(old, part, r, me, m, &p.depth) {
						s.peers = append(s.peers, r)
					}
				}
			}
		}
	}
	slices.Sort(s.peers)
	s.peers = slices.Compact(s.peers)
}

// SystemError says that no ghosts can be made of these atoms in this cell. It is
// the same on every rank.
type SystemError struct {
	ID   int64 // of the atom concerned; 0 where it is the cell
	Text string
}

func (e *SystemError) Error() string { return "halo: " + e.Text }

// astray says what makes no sense about fractional coordinates; "" for sound ones.
func astray(cell *domain.Cell, f [3]float64) string {
	for k, periodic := range cell.Periodic() {
		if math.IsNaN(f[k]) || math.IsInf(f[k], 0) {
			return "has no finite position"
		}
		if periodic && (f[k] < -0.5 || f[k] > 1.5) {
			return "is absurdly far away"
		}
	}
	return ""
}

// strays is collective: the error for the astray atom with the smallest ID of all
// ranks. row is this rank's, −1 for none.
func (p *Plan) strays(cell *domain.Cell, a *domain.Atoms, row int) error {
	id := []int64{math.MaxInt64}
	if row >= 0 {
		id[0] = a.ID[row]
	}
	if err := p.c.AllreduceInt(id, comm.Min); err != nil {
		return err
	}
	x := make([]int64, 3) // as bits: zero but on the rank that has the atom
	if row >= 0 && a.ID[row] == id[0] {
		for k := range x {
			x[k] = int64(math.Float64bits(a.X[row][k]))
		}
	}
	if err := p.c.AllreduceInt(x, comm.Sum); err != nil {
		return err
	}
	var at [3]float64
	for k := range at {
		at[k] = math.Float64frombits(uint64(x[k]))
	}
	return &SystemError{id[0], fmt.Sprintf("atom %d %s: (%.6g, %.6g, %.6g) Å", id[0], astray(cell, cell.Frac(at)), at[0], at[1], at[2])}
}

// carry exchanges numbers of atoms, then atoms, and closes the gaps of the leavers.
func (p *Plan) carry(a *domain.Atoms) error {
	s := &p.scratch
	slices.SortFunc(s.leave, func(a, b leaver) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.row, b.row))
	})
	n := len(s.peers)
	cb := s.counts.Bytes(p.c, 16*n)
	counts := view[int64](cb, 2*n)
	clear(counts)
	k := 0
	for i, r := range s.peers {
		for ; k < len(s.leave) && int(s.leave[k].rank) == r; k++ {
			counts[i]++
		}
	}
	t := &p.stats.Migrate
	t.Calls++
	p.outMsgs, p.inMsgs = p.outMsgs[:0], p.inMsgs[:0]
	for i, r := range s.peers {
		p.outMsgs = append(p.outMsgs, comm.Message{Peer: r, Tag: tagCount, Data: cb[8*i : 8*i+8]})
		p.inMsgs = append(p.inMsgs, comm.Message{Peer: r, Tag: tagCount, Data: cb[8*(n+i) : 8*(n+i)+8]})
		t.Messages++
		t.Bytes += 8
	}
	if err := comm.Exchange(p.c, p.outMsgs, p.inMsgs); err != nil {
		return err
	}
	arrive := 0
	for i := range n {
		arrive += int(counts[n+i])
	}
	o, in := p.out.Bytes(p.c, recordSize*len(s.leave)), p.in.Bytes(p.c, recordSize*arrive)
	out := view[record](o, len(s.leave))
	for k, l := range s.leave {
		i := l.row
		out[k] = record{ID: a.ID[i], X: a.X[i], V: a.V[i], Image: a.Image[i], Species: a.Species[i], Mask: a.Mask[i]}
	}
	p.outMsgs, p.inMsgs = p.outMsgs[:0], p.inMsgs[:0]
	so, si := 0, 0
	for i, r := range s.peers {
		if c := int(counts[i]) * recordSize; c > 0 {
			p.outMsgs = append(p.outMsgs, comm.Message{Peer: r, Tag: tagMigrate, Data: o[so : so+c]})
			so += c
			t.Messages++
			t.Bytes += int64(c)
		}
		if c := int(counts[n+i]) * recordSize; c > 0 {
			p.inMsgs = append(p.inMsgs, comm.Message{Peer: r, Tag: tagMigrate, Data: in[si : si+c]})
			si += c
		}
	}
	if err := comm.Exchange(p.c, p.outMsgs, p.inMsgs); err != nil {
		return err
	}
	if err := p.tow(a, counts, arrive); err != nil {
		return err
	}
	p.settle(a, view[record](in, arrive))
	return nil
}

// tow brings the leavers' further vectors after them: row by row, in the order of
// the records. counts are those of carry.
func (p *Plan) tow(a *domain.Atoms, counts []int64, arrive int) error {
	w := len(a.Tow)
	if w == 0 {
		return nil
	}
	s, n := &p.scratch, len(p.scratch.peers)
	o, in := s.towOut.Bytes(p.c, 24*w*len(s.leave)), s.towIn.Bytes(p.c, 24*w*arrive)
	out := view[[3]float64](o, w*len(s.leave))
	for k, l := range s.leave {
		for t, y := range a.Tow {
			out[k*w+t] = y[l.row]
		}
	}
	p.outMsgs, p.inMsgs = p.outMsgs[:0], p.inMsgs[:0]
	so, si := 0, 0
	for i, r := range s.peers {
		if c := int(counts[i]) * w * 24; c > 0 {
			p.outMsgs = append(p.outMsgs, comm.Message{Peer: r, Tag: tagTow, Data: o[so : so+c]})
			so += c
			p.stats.Migrate.Messages++
			p.stats.Migrate.Bytes += int64(c)
		}
		if c := int(counts[n+i]) * w * 24; c > 0 {
			p.inMsgs = append(p.inMsgs, comm.Message{Peer: r, Tag: tagTow, Data: in[si : si+c]})
			si += c
		}
	}
	return comm.Exchange(p.c, p.outMsgs, p.inMsgs)
}

// settle removes the leavers from the rows and appends those that came.
func (p *Plan) settle(a *domain.Atoms, came []record) {
	s := &p.scratch
	slices.SortFunc(s.leave, func(a, b leaver) int { return cmp.Compare(a.row, b.row) })
	kept, k := 0, 0
	for i := range a.N {
		if k < len(s.leave) && int(s.leave[k].row) == i {
			k++
			continue
		}
		a.ID[kept], a.Species[kept], a.X[kept], a.V[kept], a.Image[kept] = a.ID[i], a.Species[i], a.X[i], a.V[i], a.Image[i]
		a.Mask[kept] = a.Mask[i]
		for _, y := range a.Tow {
			y[kept] = y[i]
		}
		kept++
	}
	a.N = kept + len(came)
	a.ID, a.Species = resize(a.ID[:kept], a.N), resize(a.Species[:kept], a.N)
	a.X, a.V, a.Image = resize(a.X[:kept], a.N), resize(a.V[:kept], a.N), resize(a.Image[:kept], a.N)
	a.Mask = resize(a.Mask[:kept], a.N)
	for k, r := range came {
		i := kept + k
		a.ID[i], a.Species[i], a.X[i], a.V[i], a.Image[i], a.Mask[i] = r.ID, r.Species, r.X, r.V, r.Image, r.Mask
	}
	w := len(a.Tow)
	if w == 0 {
		return
	}
	towed := view[[3]float64](s.towIn.Bytes(p.c, 24*w*len(came)), w*len(came))
	for t, y := range a.Tow {
		y = resize(y[:kept], a.N)
		for k := range came {
			y[kept+k] = towed[k*w+t]
		}
		a.Tow[t] = y
	}
}
