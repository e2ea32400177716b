package halo

import (
	"fmt"
	"unsafe"

	"github.com/wigner-md/wigner/comm"
	"github.com/wigner-md/wigner/domain"
	"github.com/wigner-md/wigner/internal/invariant"
)

// started is the exchange of features that is under way: rows is empty where none is.
type started struct {
	rows    domain.Rows
	reverse bool
	sum     uint64 // of what this rank sends, under the tag invariants
}

// Forward copies the owners' rows to the ghosts that stand for them: the map P.
// It is collective, and is StartForward and Wait.
func (p *Plan) Forward(r domain.Rows) error {
	if err := p.StartForward(r); err != nil {
		return err
	}
	return p.Wait()
}

// Reverse adds the ghosts' rows to their owners', peer by peer in rising order
// of rank: the map Pᵀ. It is collective, and is StartReverse and Wait.
func (p *Plan) Reverse(r domain.Rows) error {
	if err := p.StartReverse(r); err != nil {
		return err
	}
	return p.Wait()
}

// StartForward begins the map P and returns at once. It is collective. r has at least
// Atoms.Features() rows. Those in Interior are still free; the other owned rows are
// complete, and are not written, nor the ghosts' read, until Wait has returned.
func (p *Plan) StartForward(r domain.Rows) error {
	x, size, ghosts := p.begin(r, false)
	t := &p.stats.Forward
	t.Calls++
	t.RowBytes += int64(size)
	p.poison(&r)
	for i := range p.peers {
		q := &p.peers[i]
		if q.send.to > q.send.at {
			p.outMsgs = append(p.outMsgs, comm.Message{Peer: q.rank, Tag: tagForward, Data: x, Rows: p.send.rows[q.send.at:q.send.to], Width: size})
		}
		if q.recv.to > q.recv.at {
			p.inMsgs = append(p.inMsgs, comm.Message{Peer: q.rank, Tag: tagForward, Data: ghosts[q.recv.at*size : q.recv.to*size]})
		}
	}
	return p.start(t)
}

// StartReverse begins the map Pᵀ and returns at once. It is collective. The ghosts'
// rows of r are complete and are not written until Wait has returned. Owned rows are free:
// what comes is added to them by Wait, whoever was first. What stands in the ghost rows
// afterwards means nothing.
func (p *Plan) StartReverse(r domain.Rows) error {
	_, size, ghosts := p.begin(r, true)
	t := &p.stats.Reverse
	t.Calls++
	t.RowBytes += int64(size)
	for i := range p.peers {
		q := &p.peers[i]
		if q.recv.to > q.recv.at {
			p.outMsgs = append(p.outMsgs, comm.Message{Peer: q.rank, Tag: tagReverse, Data: ghosts[q.recv.at*size : q.recv.to*size]})
		}
		if q.send.to > q.send.at {
			p.inMsgs = append(p.inMsgs, comm.Message{Peer: q.rank, Tag: tagReverse, Lent: (q.send.to - q.send.at) * size})
		}
	}
	return p.start(t)
}

// begin checks rows and makes ready for messages of them: all rows in bytes, bytes of
// a row, and the ghosts' rows in bytes.
func (p *Plan) begin(r domain.Rows, reverse bool) (x []byte, size int, ghosts []byte) {
	need := (p.ghost0 + p.remote) * r.Width
	switch {
	case p.started.rows.Width > 0:
		panic("halo: an exchange of features before the Wait of the last")
	case r.F32 != nil && r.F64 != nil:
		panic("halo: rows in both precisions")
	case r.Width < 1:
		panic(fmt.Sprintf("halo: rows of width %d", r.Width))
	case len(r.F32)+len(r.F64) < need:
		panic(fmt.Sprintf("halo: %d numbers given, %d rows of %d needed", len(r.F32)+len(r.F64), p.ghost0+p.remote, r.Width))
	}
	if r.F32 != nil {
		x, size = bytesOf(r.F32[:need]), 4*r.Width
	} else {
		x, size = bytesOf(r.F64[:need]), 8*r.Width
	}
	p.started = started{rows: r, reverse: reverse}
	p.outMsgs, p.inMsgs = p.outMsgs[:0], p.inMsgs[:0]
	return x, size, x[min(len(x), p.ghost0*size):]
}

// start sends what is in p.outMsgs.
func (p *Plan) start(t *Traffic) error {
	for i := range p.outMsgs {
		t.Messages++
		t.Bytes += int64(p.outMsgs[i].Len())
	}
	if invariant.Enabled {
		p.started.sum = p.sent()
	}
	if len(p.outMsgs)+len(p.inMsgs) == 0 {
		return nil
	}
	return p.open(p.c.Start(p.outMsgs, p.inMsgs))
}

// poison fills the ghosts' rows with NaN under the tag invariants.
func (p *Plan) poison(r *domain.Rows) {
	invariant.Poison(ghostsOf(p, r.F32, r.Width))
	invariant.Poison(ghostsOf(p, r.F64, r.Width))
}

func ghostsOf[T float32 | float64](p *Plan, x []T, w int) []T {
	return x[min(len(x), p.ghost0*w):min(len(x), (p.ghost0+p.remote)*w)]
}

// sent is a checksum of what this rank sends (FNV-1a).
func (p *Plan) sent() uint64 {
	sum := uint64(14695981039346656037)
	for i := range p.outMsgs {
		m := &p.outMsgs[i]
		if m.Rows == nil {
			sum = checksum(sum, m.Data)
		}
		for _, r := range m.Rows {
			sum = checksum(sum, m.Data[int(r)*m.Width:(int(r)+1)*m.Width])
		}
	}
	return sum
}

func checksum(sum uint64, b []byte) uint64 {
	for _, v := range b {
		sum = (sum ^ uint64(v)) * 1099511628211
	}
	return sum
}

// bytesOf views numbers as bytes.
func bytesOf[T float32 | float64](x []T) []byte {
	if len(x) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&x[0])), len(x)*int(unsafe.Sizeof(x[0])))
}

// Poll moves on what was started; see comm.Comm.
func (p *Plan) Poll() error { return p.open(p.c.Poll()) }

// open notes that nothing is under way where err says that it failed.
func (p *Plan) open(err error) error {
	if err != nil {
		p.started = started{}
	}
	return err
}

// Wait ends what was started: the map has then been applied.
func (p *Plan) Wait() error {
	s := p.started
	if s.rows.Width == 0 {
		return nil
	}
	p.started = started{}
	if err := p.c.Wait(); err != nil {
		return err
	}
	if invariant.Enabled && s.sum != p.sent() {
		panic("halo: rows were written to while they were being sent")
	}
	if !s.reverse {
		return nil
	}
	k := 0
	for i := range p.peers {
		q := &p.peers[i]
		if q.send.to == q.send.at {
			continue
		}
		rows, in := p.send.rows[q.send.at:q.send.to], p.inMsgs[k].Data
		k++
		if s.rows.F32 != nil {
			addRows(s.rows.F32, s.rows.Width, rows, view[float32](in, len(in)/4))
		} else {
			addRows(s.rows.F64, s.rows.Width, rows, view[float64](in, len(in)/8))
		}
	}
	p.poison(&s.rows)
	return nil
}

// addRows adds rows of width w that came to those that they belong to.
func addRows[T float32 | float64](x []T, w int, rows []int32, in []T) {
	for k, row := range rows {
		dst, src := x[int(row)*w:int(row)*w+w], in[k*w:(k+1)*w]
		for c := range dst {
			dst[c] += src[c]
		}
	}
}
