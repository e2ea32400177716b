package halo

import (
	"fmt"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
)

// Tags tell the exchanges of this package apart.
const (
	tagCount = iota + 1
	tagMigrate
	tagGhosts
	tagForward
	tagReverse
	tagPositions
	tagTow
)

// Bytes of a row in messages of positions, and of ids and species.
const (
	positionBytes = 24
	ghostBytes    = 16
)

// Plan knows which owned rows go to which ghosts. It belongs to one rank, and
// keeps its buffers from one Rebuild to the next. Forward, Reverse and
// Positions do not allocate once they have been called.
type Plan struct {
	// Home is, for each position row, the row that holds its features: the row
	// itself, save for images, where it is the row of the owned atom or of the
	// ghost that they are images of.
	Home []int32

	c      comm.Comm
	part   domain.Partition // of the last Rebuild
	ghost0 int              // first ghost row
	remote int              // ghosts with a feature row
	more   int              // further images of those
	peers  []peer           // in rising order of rank; both sides agree that they are peers

	send  rowList // rows with features, each once for a peer
	again rowList // rows that the peer has already, with another shift
	self  rowList // rows of the images of own atoms

	depth   [3]float64 // of the halo, in fractional coordinates
	out, in comm.Buffer
	outMsgs []comm.Message
	inMsgs  []comm.Message
	started started
	free    []domain.Span // Interior
	stats   Stats
	scratch scratch
}

// peer is a rank that gets, or may get, ghosts from this one. In messages that
// concern positions, the rows sent again follow those with features.
type peer struct {
	rank            int
	send, sendAgain span // of Plan.send and Plan.again
	recv, recvAgain span // of the remote ghosts and of their further images, from 0
}

// span is a range of rows, at ≤ row < to.
type span struct{ at, to int }

func (s span) plus(t span) span { return span{s.at + t.at, s.to + t.to} }

// rowList is owned rows to be sent, by peer, then by image shift.
type rowList struct {
	rows []int32
	segs []segment
}

// segment is a run of rows that go to one peer with one image shift.
type segment struct {
	rank   int
	m      [3]int32
	lo, hi int
	offset int // in messages of positions: row k has the place k + offset
}

// Traffic counts what one kind of call has sent from this rank. RowBytes adds up
// the bytes of one row over the calls: what each row has cost so far, whether
// there were rows to send or not.
type Traffic struct{ Calls, Messages, Bytes, RowBytes int64 }

// Stats is what a plan has sent since it was made.
type Stats struct {
	Migrate, Borders, Forward, Reverse, Positions Traffic
}

// Total is the sum over all kinds.
func (s *Stats) Total() (t Traffic) {
	for _, u := range []Traffic{s.Migrate, s.Borders, s.Forward, s.Reverse, s.Positions} {
		t.Calls += u.Calls
		t.Messages += u.Messages
		t.Bytes += u.Bytes
		t.RowBytes += u.RowBytes
	}
	return t
}

// New is a plan without ghosts, for Migrate and Rebuild.
func New(c comm.Comm) *Plan { return &Plan{c: c} }

// Stats is what this rank has sent through the plan so far.
func (p *Plan) Stats() Stats { return p.stats }

// Peers is the number of ranks that this rank sends ghosts to or gets them from.
func (p *Plan) Peers() int {
	n := 0
	for _, q := range p.peers {
		if q.send.to > q.send.at || q.recv.to > q.recv.at {
			n++
		}
	}
	return n
}

// Sent is the number of rows that a Forward sends from this rank.
func (p *Plan) Sent() int { return len(p.send.rows) }

// Interior is the runs of whole blocks of owned rows, padding included, of atoms that
// are no ghosts of other ranks, nor have such ghosts among their neighbours: what
// belongs to them may be computed while features travel.
func (p *Plan) Interior() []domain.Span { return p.free }

// apart sets the interior apart. An atom that has another rank's ghost within the depth
// is itself within the depth of that rank's brick, so it is sent there.
func (p *Plan) apart() {
	s := &p.scratch
	s.border = resize(s.border[:0], p.ghost0/domain.Block)
	clear(s.border)
	for _, row := range p.send.rows {
		s.border[row/domain.Block] = true
	}
	p.free = p.free[:0]
	for b, border := range s.border {
		at := b * domain.Block
		switch n := len(p.free); {
		case border:
		case n > 0 && p.free[n-1].To == at:
			p.free[n-1].To += domain.Block
		default:
			p.free = append(p.free, domain.Span{From: at, To: at + domain.Block})
		}
	}
}

// spans are the rows whose positions go to q and come from it.
func (q *peer) spans() (out, in span) {
	return q.send.plus(q.sendAgain), q.recv.plus(q.recvAgain)
}

// exchange sends what is in p.out, size bytes for each row with a position, and
// receives into p.in, both packed by peer.
func (p *Plan) exchange(tag, size int, t *Traffic) error {
	p.outMsgs, p.inMsgs = p.outMsgs[:0], p.inMsgs[:0]
	o, i := p.reserve(size)
	for k := range p.peers {
		q := &p.peers[k]
		out, in := q.spans()
		if out.to > out.at {
			data := o[out.at*size : out.to*size]
			p.outMsgs = append(p.outMsgs, comm.Message{Peer: q.rank, Tag: tag, Data: data})
			t.Messages++
			t.Bytes += int64(len(data))
		}
		if in.to > in.at {
			p.inMsgs = append(p.inMsgs, comm.Message{Peer: q.rank, Tag: tag, Data: i[in.at*size : in.to*size]})
		}
	}
	if len(p.outMsgs)+len(p.inMsgs) == 0 {
		return nil
	}
	return comm.Exchange(p.c, p.outMsgs, p.inMsgs)
}

// reserve makes room for such rows of size bytes.
func (p *Plan) reserve(size int) (out, in []byte) {
	o, i := len(p.send.rows)+len(p.again.rows), p.remote+p.more
	return p.out.Bytes(p.c, o*size), p.in.Bytes(p.c, i*size)
}

// Positions sets the ghosts' positions from the owners', each moved by its
// image shift in lattice vectors of cell, the cell of now. x is Atoms.X, all
// rows. It is collective.
func (p *Plan) Positions(cell domain.Cell, x [][3]float64) error {
	if len(x) != len(p.Home) {
		panic(fmt.Sprintf("halo: Positions: %d rows given, the plan has %d", len(x), len(p.Home)))
	}
	p.stats.Positions.Calls++
	p.stats.Positions.RowBytes += positionBytes
	o, i := p.reserve(positionBytes)
	out := view[[3]float64](o, len(o)/positionBytes)
	shifted(out, x, &p.send, &cell)
	shifted(out, x, &p.again, &cell)
	if err := p.exchange(tagPositions, positionBytes, &p.stats.Positions); err != nil {
		return err
	}
	in := view[[3]float64](i, len(i)/positionBytes)
	images := x[p.ghost0+p.remote:]
	for k := range p.peers {
		q := &p.peers[k]
		_, from := q.spans()
		n := copy(x[p.ghost0+q.recv.at:p.ghost0+q.recv.to], in[from.at:])
		copy(images[len(p.self.rows)+q.recvAgain.at:], in[from.at+n:from.to])
	}
	shifted(images, x, &p.self, &cell)
	return nil
}

// shifted writes the positions of rows, moved by their segments' shifts, to dst.
func shifted(dst, x [][3]float64, l *rowList, cell *domain.Cell) {
	for _, s := range l.segs {
		t := cell.Shift(s.m)
		for k, row := range l.rows[s.lo:s.hi] {
			r := x[row]
			for l := range r {
				r[l] += t[l]
			}
			dst[s.lo+s.offset+k] = r
		}
	}
}
